//! Job control: sending signals to processes and groups, stopping and continuing, sessions and the terminal's foreground
//! (Linux's `kernel/signal.c`, `drivers/tty/tty_jobctrl.c`).

use crate::Errno;
use crate::kernel::Kernel;
use crate::process::{Cap, JobEvent, PARENT_PID, Process, State};
use crate::signal::{SigInfo, Signal, Target};
use crate::wait::Channel;
use event::Pid;

/// The one terminal: that of the command that started the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// The session that it controls, if any.
    pub(crate) session: Option<Pid>,
    /// The process group that reads from it and that Ctrl-C reaches.
    pub(crate) foreground: Pid,
}

impl Kernel {
    /// A process, ended or not.
    pub(crate) fn process(&self, pid: Pid) -> Option<&Process> {
        if self.current.pid == pid { Some(&self.current) } else { self.processes.get(pid) }
    }

    /// The same, to be changed.
    pub(crate) fn process_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        if self.current.pid == pid { Some(&mut self.current) } else { self.processes.get_mut(pid) }
    }

    /// All processes that fit and have not been reaped, in the order of their ids.
    pub(crate) fn pids_where(&self, fits: impl Fn(&Process) -> bool) -> Vec<Pid> {
        let current = std::iter::once(&*self.current).filter(|process| process.state != State::Dead);
        let mut pids: Vec<Pid> = current.chain(self.processes.iter()).filter(|p| fits(p)).map(|p| p.pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Raises a signal for any process, and lets it look if that ends what it does. False if the queue of a real-time signal is full.
    pub(crate) fn raise(&mut self, pid: Pid, target: Target, info: SigInfo) -> bool {
        let signal = info.signal();
        let Some(process) = self.process_mut(pid).filter(|process| !process.has_ended()) else { return true };
        let is_queued = process.signals.raise(target, info);
        match process.state {
            State::Stopped if signal == Signal::CONT || signal == Signal::KILL => self.continue_process(pid, signal),
            State::Waiting => {
                let wait = process.wait.as_ref().expect("a process that waits has something to wait for");
                if wait.is_ended_by(&process.signals) {
                    self.make_runnable(pid);
                }
            }
            _ => {}
        }
        is_queued
    }

    /// Raises a signal for every process of a group.
    pub(crate) fn raise_group(&mut self, pgrp: Pid, info: SigInfo) {
        for pid in self.pids_where(|process| process.pgrp == pgrp) {
            self.raise(pid, Target::Process, info);
        }
    }

    /// A stop signal without a handler.
    pub(crate) fn stop_current(&mut self, signal: Signal) {
        self.current.state = State::Stopped;
        self.sched.deschedule();
        self.report_job_event(self.current.pid, JobEvent::Stopped(signal));
    }

    fn continue_process(&mut self, pid: Pid, signal: Signal) {
        let Some(process) = self.process_mut(pid) else { return };
        process.state = State::Runnable;
        self.sched.enqueue(pid);
        if signal == Signal::CONT {
            self.report_job_event(pid, JobEvent::Continued);
        }
    }

    /// Whether no process of a group has a parent outside it in the same session, who could continue it. The command
    /// that started the run is such a parent (`is_current_pgrp_orphaned`).
    pub(crate) fn is_orphaned(&self, pgrp: Pid) -> bool {
        self.is_orphaned_without(pgrp, None)
    }

    /// The same if this process were not there (`will_become_orphaned_pgrp`).
    fn is_orphaned_without(&self, pgrp: Pid, gone: Option<Pid>) -> bool {
        let is_member = |p: &Process| p.pgrp == pgrp && !p.has_ended() && Some(p.pid) != gone && Some(p.parent) != gone;
        !self.pids_where(is_member).into_iter().filter_map(|pid| self.process(pid)).any(|process| {
            let parent = self.group_and_session(process.parent);
            parent.is_some_and(|(group, session)| group != pgrp && session == process.session)
        })
    }

    fn group_and_session(&self, pid: Pid) -> Option<(Pid, Pid)> {
        if pid == PARENT_PID {
            return Some((PARENT_PID, PARENT_PID));
        }
        self.process(pid).map(|process| (process.pgrp, process.session))
    }

    /// The current process ends: its group, and those of its children, may have nobody left who could continue their
    /// stopped members. These get SIGHUP and SIGCONT (`kill_orphaned_pgrp`). Called before the children have another parent.
    pub(crate) fn hang_up_orphans(&mut self) {
        let me = (self.current.pid, self.current.pgrp, self.current.session);
        let mut groups = Vec::new();
        if self.group_and_session(self.current.parent).is_some_and(|(group, session)| group != me.1 && session == me.2)
        {
            groups.push(me.1);
        }
        let children = self.processes.iter().filter(|child| child.parent == me.0);
        groups.extend(children.filter(|child| child.pgrp != me.1 && child.session == me.2).map(|child| child.pgrp));
        groups.dedup();
        for pgrp in groups {
            let has_stopped = !self.pids_where(|p| p.pgrp == pgrp && p.state == State::Stopped).is_empty();
            if has_stopped && self.is_orphaned_without(pgrp, Some(me.0)) {
                self.raise_group(pgrp, SigInfo::kernel(Signal::HUP));
                self.raise_group(pgrp, SigInfo::kernel(Signal::CONT));
            }
        }
    }

    /// When the leader of a session ends, its terminal is free, and the foreground hears of it (`disassociate_ctty`).
    pub(crate) fn leave_session(&mut self) {
        if self.current.session == self.current.pid && self.terminal.session == Some(self.current.pid) {
            self.terminal.session = None;
            let foreground = self.terminal.foreground;
            self.raise_group(foreground, SigInfo::kernel(Signal::HUP));
            self.raise_group(foreground, SigInfo::kernel(Signal::CONT));
        }
    }

    /// Whether the terminal controls the current process.
    pub(crate) fn has_terminal(&self) -> bool {
        self.terminal.session == Some(self.current.session)
    }

    /// A process of the background wants to read from the terminal, or change it: it is stopped by `signal`, unless it ignores or
    /// blocks that (`__tty_check_change`). The error is what the call gives.
    ///
    /// # Errors
    /// `EIO` if nobody could continue it, and for a read also if it ignores the signal; ERESTARTSYS once the signal is raised.
    pub(crate) fn check_foreground(&mut self, signal: Signal) -> Result<(), Errno> {
        let pgrp = self.current.pgrp;
        if !self.has_terminal() || self.terminal.foreground == pgrp {
            return Ok(());
        }
        let signals = &self.current.signals;
        let is_deaf = signals.blocked.contains(signal) || signals.action(signal).is_ignored();
        match (is_deaf, signal == Signal::TTIN) {
            (true, true) => return Err(Errno::EIO),
            (true, false) => return Ok(()),
            (false, _) if self.is_orphaned(pgrp) => return Err(Errno::EIO),
            (false, _) => {}
        }
        self.raise_group(pgrp, SigInfo::kernel(signal));
        Err(self.wait(crate::wait::Wait::on(Channel::Foreground)))
    }

    /// Makes a group the terminal's foreground.
    pub(crate) fn set_foreground(&mut self, pgrp: Pid) {
        self.terminal.foreground = pgrp;
        self.wake(Channel::Foreground);
    }

    /// Whether the current process may signal another (`kill_ok_by_cred`).
    pub(crate) fn may_signal(&self, process: &Process, signal: Option<Signal>) -> bool {
        let (mine, its) = (self.current.credentials.user, process.credentials.user);
        let same_user = [mine.effective, mine.real].iter().any(|id| [its.saved, its.real].contains(id));
        let continues = signal == Some(Signal::CONT) && process.session == self.current.session;
        self.current.may(Cap::Kill) || same_user || continues
    }
}
