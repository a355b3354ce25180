//! All processes but the one that runs, by process id.
//!
//! Ids are handed out in order, from the first program's on; after the last one the lowest that are free come again. An
//! id is free when no process, no process group and no session has it (Linux's `struct pid`).

use super::{FIRST_PID, Process};
use event::Pid;
use std::collections::BTreeMap;

/// The first number that is no process id (`pid_max`).
const PID_MAX: u32 = 32_768;

/// The processes that do not run.
#[derive(Default)]
pub(crate) struct Table {
    processes: BTreeMap<Pid, Box<Process>>,
    last: u32,
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

    /// A process id that nobody has.
    pub(crate) fn free_pid(&mut self, current: &Process) -> Option<Pid> {
        let is_used = |pid: Pid| {
            let names = |process: &Process| [process.pid, process.pgrp, process.session].contains(&pid);
            self.processes.contains_key(&pid) || names(current) || self.processes.values().any(|p| names(p))
        };
        let last = self.last.max(FIRST_PID.0);
        let pid = (last + 1..PID_MAX).chain(FIRST_PID.0..=last).map(Pid).find(|&pid| !is_used(pid))?;
        self.last = pid.0;
        Some(pid)
    }
}
