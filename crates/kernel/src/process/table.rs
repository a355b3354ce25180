//! All processes but the one that runs, by process id.
//!
//! Ids are handed out in order, from the first program's on; after the last one the lowest that are free come again. An
//! id is free when no process, no process group and no session has it (Linux's `struct pid`).

use super::{FIRST_PID, Process};
use event::Pid;
use std::collections::BTreeMap;

/// The first number that is no process id, if nobody says otherwise (`kernel.pid_max`).
const PID_MAX: u32 = 32_768;

/// Ids below this come once only (`RESERVED_PIDS`).
const RESERVED_PIDS: u32 = 300;

/// The processes that do not run.
pub(crate) struct Table {
    processes: BTreeMap<Pid, Box<Process>>,
    last: u32,
    /// The first number that is no process id.
    pub(crate) pid_max: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self { processes: BTreeMap::new(), last: 0, pid_max: PID_MAX }
    }
}

impl Table {
    /// A process that does not run; the running one is not found.
    pub(crate) fn get(&self, pid: Pid) -> Option<&Process> {
        self.processes.get(&pid).map(|process| &**process)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        self.processes.get_mut(&pid).map(|process| &mut **process)
    }

    pub(crate) fn insert(&mut self, process: Box<Process>) {
        self.processes.insert(process.pid, process);
    }

    pub(crate) fn remove(&mut self, pid: Pid) -> Option<Box<Process>> {
        self.processes.remove(&pid)
    }

    /// In the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Process> {
        self.processes.values().map(|process| &**process)
    }

    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// The id that was handed out last.
    pub(crate) const fn last_pid(&self) -> u32 {
        self.last
    }

    /// Whether a process, a group or a session has an id.
    pub(crate) fn is_used(&self, current: &Process, pid: Pid) -> bool {
        let names = |process: &Process| [process.pid, process.pgrp, process.session].contains(&pid);
        self.processes.contains_key(&pid) || names(current) || self.processes.values().any(|p| names(p))
    }

    /// A process id that nobody has.
    pub(crate) fn free_pid(&mut self, current: &Process) -> Option<Pid> {
        let last = self.last.max(FIRST_PID.0);
        let first = if self.pid_max > FIRST_PID.0 { FIRST_PID.0 } else { RESERVED_PIDS };
        let low = first..self.pid_max.min(last + 1);
        let mut ids = (last + 1..self.pid_max).chain(low).map(Pid);
        let pid = ids.find(|&pid| !self.is_used(current, pid))?;
        self.last = pid.0;
        Some(pid)
    }
}
