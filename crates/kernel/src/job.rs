//! Job control: sending signals to processes and groups, stopping and continuing, sessions and the terminal's foreground
//! (Linux's `kernel/signal.c`, `drivers/tty/tty_jobctrl.c`).

use crate::kernel::Kernel;
use crate::process::{JobEvent, Process, State};
use crate::signal::{SigInfo, Signal, Target};
use crate::wait::Channel;
use crate::{Errno, Hw};
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
    pub(crate) fn stop_current(&mut self, _: &Hw<'_>, signal: Signal) {
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
        self.pids_where(|process| process.pgrp == pgrp && !process.has_ended()).into_iter().all(|pid| {
            let Some(process) = self.process(pid) else { return true };
            if process.parent == crate::process::PARENT_PID {
                return process.session != crate::process::PARENT_PID;
            }
            let parent = self.process(process.parent);
            parent.is_none_or(|parent| parent.pgrp == pgrp || parent.session != process.session)
        })
    }

    /// Groups that the end of the current process has orphaned, and that have stopped members, get SIGHUP and SIGCONT
    /// (`kill_orphaned_pgrp`).
    pub(crate) fn hang_up_orphans(&mut self, _: &Hw<'_>) {
        let stopped = self.pids_where(|process| process.state == State::Stopped);
        let mut groups: Vec<Pid> = stopped.iter().filter_map(|&pid| Some(self.process(pid)?.pgrp)).collect();
        groups.dedup();
        for pgrp in groups {
            let was_ours = pgrp == self.current.pgrp || self.current.session == self.session_of(pgrp);
            if was_ours && self.is_orphaned_without_current(pgrp) {
                self.raise_group(pgrp, SigInfo::kernel(Signal::HUP));
                self.raise_group(pgrp, SigInfo::kernel(Signal::CONT));
            }
        }
    }

    fn is_orphaned_without_current(&self, pgrp: Pid) -> bool {
        let me = self.current.pid;
        self.pids_where(|process| process.pgrp == pgrp && process.pid != me).into_iter().all(|pid| {
            let parent = self.process(pid).and_then(|process| self.process(process.parent));
            parent.is_none_or(|parent| parent.pid == me || parent.pgrp == pgrp)
        })
    }

    fn session_of(&self, pgrp: Pid) -> Pid {
        let member = self.pids_where(|process| process.pgrp == pgrp).first().copied();
        member.and_then(|pid| Some(self.process(pid)?.session)).unwrap_or(pgrp)
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
        self.current.is_root() || same_user || continues
    }
}
