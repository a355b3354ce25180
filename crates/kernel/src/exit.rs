//! The end of a process, and of the run (Linux's `do_exit`).
//!
//! A process that ends gives back what it holds at once. What is left is a zombie that says how it ended, until its parent
//! asks; without a parent that would ask, nothing is left. The run ends with the first process. What that leaves behind may
//! go on for a while, as it would in a shell's background, and is then ended.

use crate::Hw;
use crate::death::ExitStatus;
use crate::fs::Fate;
use crate::kernel::{Disposition, Kernel};
use crate::mm::MmCx;
use crate::process::{FIRST_PID, FsStruct, INIT_PID, JobEvent, State, Usage, WaitStatus};
use crate::signal::{SaFlags, SigCode, SigInfo, Signal, Target};
use crate::time::NSEC_PER_SEC;
use crate::wait::Channel;
use event::{Event, Pid, ProcessEnd};
use std::rc::Rc;

/// How the first process ended, and when.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// Instructions at that time.
    pub(crate) at: u64,
}

impl Kernel {
    /// Ends the current process.
    pub(crate) fn exit_current(&mut self, hw: &mut Hw<'_>, status: ExitStatus) {
        let pid = self.current.pid;
        let (short, end) = match &status {
            ExitStatus::Exited(code) => (WaitStatus::Exited(*code), ProcessEnd::Status(*code)),
            ExitStatus::Killed(death) => {
                (WaitStatus::Killed(death.signal()), ProcessEnd::Signal(death.signal().number().into()))
            }
        };
        self.frames.events.record(hw, &Event::Exit { pid, end });
        if pid == FIRST_PID {
            self.ended = Some(Ended { status, at: hw.instructions });
        }
        self.exit_robust_list(hw);
        self.clear_child_tid(hw);
        self.current.account(hw.instructions);
        self.release_current(hw);
        self.end_vfork();
        self.hang_up_orphans();
        self.disown_children();
        self.leave_session();
        self.current.state = State::Zombie(short);
        self.sched.deschedule();
        self.vfs.tell_pid_files(pid, Fate::Ended);
        if !self.notify_parent(pid, short) {
            self.current.state = State::Dead;
            self.vfs.tell_pid_files(pid, Fate::Gone);
        }
    }

    /// Tells who waits for this thread to leave its memory, if others use that too (`mm_release`).
    pub(crate) fn clear_child_tid(&mut self, hw: &mut Hw<'_>) {
        let at = std::mem::take(&mut self.current.clear_child_tid);
        let is_shared = self.mms.is_shared(self.current.mm);
        if at.0 != 0 && is_shared && self.copy_to_user(hw, at, &[0; 4]).is_ok() {
            self.wake_futex(at);
        }
    }

    /// Gives back memory, descriptors and the working directory.
    fn release_current(&mut self, hw: &mut Hw<'_>) {
        let pid = self.current.pid;
        self.sched.forget(pid);
        let mm = self.current.mm;
        let peak = self.mms[mm].peak_resident_pages();
        self.current.usage.max_resident_pages = self.current.usage.max_resident_pages.max(peak);
        self.put_mm(hw, mm);
        let (files, cwd) = (self.current.files, self.current.fs.cwd());
        let is_last = Rc::strong_count(&self.current.fs) == 1;
        let (vfs, process, mut cx) = self.fs_cx(hw);
        vfs.drop_fd_table(&mut cx, files);
        if is_last {
            vfs.inode_put(&mut cx, cwd);
        } else {
            // A zombie has none.
            process.fs = Rc::new(FsStruct::new(cwd, 0));
        }
    }

    /// Gives an address space back; the last one to do so drops it.
    pub(crate) fn put_mm(&mut self, hw: &mut Hw<'_>, mm: crate::process::MmId) {
        self.peak_resident_pages = self.peak_resident_pages.max(self.mms[mm].peak_resident_pages());
        if let Some(mm) = self.mms.put(mm) {
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: self.current.pid };
            mm.drop_all(&mut cx);
        }
    }

    /// Gives the children another parent; zombies that nobody will ask for are gone (`forget_original_parent`).
    fn disown_children(&mut self) {
        let me = self.current.pid;
        let uid = self.current.credentials.user.real;
        let heir = self.reaper_of(self.current.parent);
        let children: Vec<Pid> = self.processes.iter().filter(|p| p.parent == me).map(|p| p.pid).collect();
        for pid in children {
            let Some(child) = self.processes.get_mut(pid) else { continue };
            child.parent = heir;
            child.exit_signal = Some(Signal::CHLD);
            let (signal, state) = (child.parent_death_signal, child.state);
            if let Some(signal) = signal {
                self.raise(pid, Target::Process, SigInfo::sent(signal, SigCode::SI_USER, me, uid));
            }
            if let State::Zombie(status) = state
                && !self.notify_parent(pid, status)
            {
                self.forget_process(pid);
            }
        }
    }

    /// A zombie has been asked for, or nobody is left to ask.
    pub(crate) fn forget_process(&mut self, pid: Pid) {
        self.processes.remove(pid);
        self.vfs.proc_remove(pid.0);
        self.vfs.tell_pid_files(pid, Fate::Gone);
    }

    /// The nearest ancestor that takes in orphans, or init.
    fn reaper_of(&self, mut pid: Pid) -> Pid {
        while let Some(process) = self.process(pid) {
            if process.is_subreaper && !process.has_ended() {
                return pid;
            }
            pid = process.parent;
        }
        INIT_PID
    }

    /// Tells the parent of a zombie. False if nobody will ask for the zombie (`do_notify_parent`).
    fn notify_parent(&mut self, pid: Pid, status: WaitStatus) -> bool {
        let Some(process) = self.process(pid) else { return false };
        let (parent, signal) = (process.parent, process.exit_signal);
        let Some(parent) = self.process(parent).filter(|parent| !parent.has_ended()) else { return false };
        let (parent, action) = (parent.pid, parent.signals.action(Signal::CHLD));
        let is_usual = signal == Some(Signal::CHLD);
        let is_ignored = is_usual && action.is_ignored();
        if let Some(signal) = signal.filter(|_| !is_ignored) {
            self.tell_parent(pid, signal, status.code_and_status());
        }
        self.wake(Channel::Children(parent));
        !(is_ignored || is_usual && action.flags.contains(SaFlags::NOCLDWAIT))
    }

    /// Sends a process's parent a signal about it.
    fn tell_parent(&mut self, pid: Pid, signal: Signal, what: (i32, i32)) {
        const TICK: u64 = NSEC_PER_SEC / 100;
        let Some(process) = self.process(pid) else { return };
        let ticks = [process.usage.user_ns / TICK, process.usage.system_ns / TICK];
        let (parent, uid) = (process.parent, process.credentials.user.real);
        self.raise(parent, Target::Process, SigInfo::child(signal, what, pid, uid, ticks));
    }

    /// Tells a process's parent that it has stopped or goes on (`do_notify_parent_cldstop`).
    pub(crate) fn report_job_event(&mut self, pid: Pid, event: JobEvent) {
        let Some(process) = self.process_mut(pid) else { return };
        process.job_event = Some(event);
        let parent = process.parent;
        let action = self.process(parent).map(|process| process.signals.action(Signal::CHLD));
        if action.is_some_and(|action| !action.flags.contains(SaFlags::NOCLDSTOP)) {
            self.tell_parent(pid, Signal::CHLD, event.code_and_status());
        }
        self.wake(Channel::Children(parent));
    }

    /// Ends everything that is left, and the run.
    pub(crate) fn end_run(&mut self, hw: &mut Hw<'_>) -> Disposition {
        let status = self.ended.as_ref().map_or(ExitStatus::Exited(0), |ended| ended.status.clone());
        self.end_all(hw);
        Disposition::Exit(status)
    }

    /// Gives back what all processes hold.
    fn end_all(&mut self, hw: &mut Hw<'_>) {
        if !self.current.has_ended() {
            self.release_current(hw);
            self.current.state = State::Dead;
        }
        let pids: Vec<Pid> = self.processes.iter().map(|process| process.pid).collect();
        for pid in pids {
            let Some(process) = self.processes.remove(pid) else { continue };
            let is_over = process.has_ended();
            self.current = process;
            if !is_over {
                self.release_current(hw);
                self.current.state = State::Dead;
            }
        }
        self.settle_last_slabs();
    }
}

impl crate::process::Process {
    /// Notes the time that it has used up to now.
    pub(crate) const fn account(&mut self, instructions: u64) {
        self.usage.user_ns = self.times.user_ns(instructions);
        self.usage.system_ns = self.times.system_ns();
    }

    /// What it used, and its children that it waited for.
    pub(crate) fn usage_with_children(&self) -> Usage {
        let mut usage = self.usage;
        usage.add(&self.children_usage);
        usage
    }
}
