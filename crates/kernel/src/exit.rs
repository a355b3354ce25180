//! The end of a process, and of the run (Linux's `do_exit`).
//!
//! A process that ends gives back what it holds at once. What is left is a zombie that says how it ended, until its parent
//! asks; without a parent that would ask, nothing is left. The run ends with the first process. What that leaves behind may
//! go on for a while, as it would in a shell's background, and is then ended.

use crate::Hw;
use crate::death::ExitStatus;
use crate::kernel::{Disposition, Kernel};
use crate::mm::MmCx;
use crate::process::{FIRST_PID, INIT_PID, JobEvent, State, Usage, WaitStatus};
use crate::signal::{SaFlags, SigInfo, Signal, Target};
use crate::time::NSEC_PER_SEC;
use crate::wait::Channel;
use event::{Event, Pid};

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
        hw.sink.record(&Event::Exit { pid });
        let short = match &status {
            ExitStatus::Exited(code) => WaitStatus::Exited(*code),
            ExitStatus::Killed(death) => WaitStatus::Killed(death.signal()),
        };
        if pid == FIRST_PID {
            self.ended = Some(Ended { status, at: hw.instructions });
        }
        self.clear_child_tid(hw);
        self.current.usage.user_ns = self.current.times.user_ns(hw.instructions);
        self.current.usage.system_ns = self.current.times.system_ns();
        self.release_current(hw);
        self.end_vfork();
        self.hang_up_orphans();
        self.disown_children();
        self.leave_session();
        self.current.state = State::Zombie(short);
        self.sched.deschedule();
        self.notify_parent(short);
    }

    /// Tells who waits for the end of this thread (`mm_release`).
    fn clear_child_tid(&mut self, hw: &mut Hw<'_>) {
        let at = std::mem::take(&mut self.current.clear_child_tid);
        if at.0 != 0 && self.copy_to_user(hw, at, &[0; 4]).is_ok() {
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
        let (files, cwd) = (self.current.files, self.current.cwd);
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.drop_fd_table(&mut cx, files);
        vfs.inode_put(&mut cx, cwd);
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
        let heir = self.reaper_of(self.current.parent);
        let children: Vec<Pid> = self.processes.iter().filter(|p| p.parent == me).map(|p| p.pid).collect();
        for pid in children {
            let Some(child) = self.processes.get_mut(pid) else { continue };
            child.parent = heir;
            if let Some(signal) = child.parent_death_signal {
                self.raise(pid, Target::Process, SigInfo::kernel(signal));
            }
            match self.processes.get(pid).map(|child| child.state) {
                Some(State::Zombie(_)) if heir == INIT_PID => self.forget_process(pid),
                Some(State::Zombie(_)) => self.wake(Channel::Children(heir)),
                _ => {}
            }
        }
    }

    /// A zombie has been asked for, or nobody is left to ask.
    pub(crate) fn forget_process(&mut self, pid: Pid) {
        self.processes.remove(pid);
        self.vfs.proc_remove(pid.0);
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

    /// Tells the parent, or lets the process vanish if the parent does not want to know (`exit_notify`).
    fn notify_parent(&mut self, status: WaitStatus) {
        let (pid, parent) = (self.current.pid, self.current.parent);
        let asks = self.process(parent).is_some_and(|process| !process.has_ended());
        let signal = self.current.exit_signal;
        if !asks {
            self.current.state = State::Dead;
            return;
        }
        if signal == Some(Signal::CHLD) && self.ignores_children(parent) {
            self.current.state = State::Dead;
            let usage = self.current.usage_with_children();
            if let Some(parent) = self.process_mut(parent) {
                parent.children_usage.add(&usage);
            }
        }
        if let Some(signal) = signal {
            self.tell_parent(pid, signal, status.code_and_status());
        }
        self.wake(Channel::Children(parent));
    }

    /// Whether a process has said that its children shall leave no zombies.
    fn ignores_children(&self, pid: Pid) -> bool {
        let action = self.process(pid).map(|process| process.signals.action(Signal::CHLD));
        action.is_some_and(|action| action.is_ignored() || action.flags.contains(SaFlags::NOCLDWAIT))
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
    }
}

impl crate::process::Process {
    /// What it used, and its children that it waited for.
    pub(crate) fn usage_with_children(&self) -> Usage {
        let mut usage = self.usage;
        usage.add(&self.children_usage);
        usage
    }
}
