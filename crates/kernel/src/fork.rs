//! fork, vfork and clone: a second process from the first (Linux's `copy_process`).
//!
//! The child has a copy of everything, apart from its address space after vfork, which it borrows until it executes or ends.
//! Pages are shared until one of the two writes; see [`crate::mm`].

use crate::fs::{Fate, FilesId, OnExec, OpenFlags};
use crate::kernel::Kernel;
use crate::mm::{MmCx, OutOfFrames};
use crate::process::{Cap, CpuTimes, FsStruct, INIT_PID, MmId, Process, Resource, State, Usage};
use crate::signal::Signal;
use crate::syscall::Timers;
use crate::{Errno, Hw};
use arch::{Gpr, LinearAddr, UserContext};
use event::{Event, Pid};
use std::rc::Rc;

/// Whether the child has its parent's memory or a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildMemory {
    /// A copy (fork).
    Copy,
    /// The same, until it executes or ends, while the parent waits (CLONE_VM with CLONE_VFORK).
    Borrowed,
    /// The same, for good (CLONE_VM).
    Shared,
    /// A copy, and yet the parent waits (CLONE_VFORK).
    AwaitedCopy,
}

/// What is particular about a new process (`struct kernel_clone_args`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct CloneArgs {
    pub(crate) memory: ChildMemory,
    /// What the parent is sent when the child ends.
    pub(crate) exit_signal: Option<Signal>,
    /// Whether the parent's parent becomes the child's (CLONE_PARENT).
    pub(crate) is_sibling: bool,
    /// Where the child's stack pointer starts; the parent's if 0.
    pub(crate) stack: u64,
    /// The child's FS base, if it is to have its own (CLONE_SETTLS).
    pub(crate) tls: Option<u64>,
    /// Where the parent is told the child's id (CLONE_PARENT_SETTID).
    pub(crate) parent_tid: Option<LinearAddr>,
    /// Where the child is told its id (CLONE_CHILD_SETTID).
    pub(crate) child_tid: Option<LinearAddr>,
    /// Where the id is cleared when the child ends (CLONE_CHILD_CLEARTID).
    pub(crate) clear_child_tid: Option<LinearAddr>,
    /// Where the parent gets a pidfd for the child (CLONE_PIDFD).
    pub(crate) pidfd: Option<LinearAddr>,
    /// The id that the child is to have.
    pub(crate) set_tid: Option<i32>,
    /// Whether the two have the same descriptors (CLONE_FILES).
    pub(crate) shares_files: bool,
    /// Whether they have the same working directory and umask (CLONE_FS).
    pub(crate) shares_fs: bool,
    /// Whether handlers go back to the default (CLONE_CLEAR_SIGHAND).
    pub(crate) clears_handlers: bool,
}

impl CloneArgs {
    /// As fork has it.
    pub(crate) const FORK: Self = Self {
        memory: ChildMemory::Copy,
        exit_signal: Some(Signal::CHLD),
        is_sibling: false,
        stack: 0,
        tls: None,
        parent_tid: None,
        child_tid: None,
        clear_child_tid: None,
        pidfd: None,
        set_tid: None,
        shares_files: false,
        shares_fs: false,
        clears_handlers: false,
    };
}

impl Kernel {
    /// Makes a child of the current process, ready to run behind those that wait for their turn.
    ///
    /// # Errors
    /// `EAGAIN` if there are as many processes as there may be, `ENOMEM` if RAM does not suffice.
    pub(crate) fn clone_current(&mut self, hw: &mut Hw<'_>, ctx: &UserContext, args: &CloneArgs) -> Result<Pid, Errno> {
        self.may_fork()?;
        let pid = self.child_pid(args.set_tid)?;
        let tasks = &mut self.tasks;
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
        cx.with_reclaim(|cx| tasks.prepare(cx.frames)).map_err(|OutOfFrames| Errno::ENOMEM)?;
        let pidfd = args.pidfd.map(|at| self.reserve_pidfd(hw, at)).transpose()?;
        let mm = match self.copy_mm(hw, args.memory) {
            Ok(mm) => mm,
            Err(errno) => {
                self.give_back_pidfd(hw, self.current.files, pidfd);
                return Err(errno);
            }
        };
        let child = self.copy_process(hw, pid, mm, ctx, args);
        if !args.shares_files {
            self.give_back_pidfd(hw, child.files, pidfd);
        }
        self.frames.events.record(hw, &Event::Fork { parent: self.current.pid, child: pid });
        self.vfs.proc_fork(self.current.pid.0, pid.0, child.files);
        self.processes.insert(Box::new(child));
        self.sched.enqueue(pid);
        if let Some(fd) = pidfd {
            self.vfs.set_pid_of_fd(self.current.files, fd, pid);
        }
        // As in Linux, a place that cannot be written is the program's own loss.
        if let Some(at) = args.parent_tid {
            let _unwritten = self.copy_to_user(hw, at, &pid.0.to_le_bytes());
        }
        if let Some(at) = args.child_tid {
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
            let _unwritten = self.mms[mm].copy_to_user(&mut cx, at, &pid.0.to_le_bytes());
        }
        Ok(pid)
    }

    /// The id of a new process, or the one that it is to have (`alloc_pid`).
    fn child_pid(&mut self, wanted: Option<i32>) -> Result<Pid, Errno> {
        let Some(wanted) = wanted else { return self.processes.free_pid(&self.current).ok_or(Errno::EAGAIN) };
        let wanted =
            u32::try_from(wanted).ok().filter(|id| (1..self.processes.pid_max).contains(id)).ok_or(Errno::EINVAL)?;
        if !self.current.may(Cap::CheckpointRestore) && !self.current.may(Cap::SysAdmin) {
            return Err(Errno::EPERM);
        }
        let outside = [INIT_PID, crate::process::PARENT_PID];
        let is_used = outside.contains(&Pid(wanted)) || self.processes.is_used(&self.current, Pid(wanted));
        if is_used { Err(Errno::EEXIST) } else { Ok(Pid(wanted)) }
    }

    /// Makes a pidfd for a child that is yet to be, and stores its number.
    fn reserve_pidfd(&mut self, hw: &mut Hw<'_>, at: LinearAddr) -> Result<u64, Errno> {
        let file = self.vfs.open_pid(self.current.pid, Fate::Lives, OpenFlags::empty())?;
        let fd = self.install(hw, file, OnExec::Close)?;
        if let Err(errno) = self.copy_to_user(hw, at, &(fd as u32).to_le_bytes()) {
            self.give_back_pidfd(hw, self.current.files, Some(fd));
            return Err(errno);
        }
        Ok(fd)
    }

    fn give_back_pidfd(&mut self, hw: &mut Hw<'_>, files: FilesId, fd: Option<u64>) {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        if let Some(file) = fd.and_then(|fd| vfs.fds_mut(files).take(fd).ok()) {
            vfs.file_put(&mut cx, file);
        }
    }

    /// Counts a fork that is one too many.
    fn may_fork(&mut self) -> Result<(), Errno> {
        let count = self.processes.len() + 1;
        if count >= self.max_processes {
            self.refused_forks += 1;
            return Err(Errno::EAGAIN);
        }
        let user = self.current.credentials.user.real;
        if user == 0 || self.current.may(Cap::SysResource) || self.current.may(Cap::SysAdmin) {
            return Ok(());
        }
        let others = self.pids_where(|process| process.credentials.user.real == user).len();
        let limit = self.current.limits.get(Resource::Nproc).soft;
        if others as u64 >= limit { Err(Errno::EAGAIN) } else { Ok(()) }
    }

    fn copy_mm(&mut self, hw: &mut Hw<'_>, memory: ChildMemory) -> Result<MmId, Errno> {
        let mm = self.current.mm;
        if matches!(memory, ChildMemory::Borrowed | ChildMemory::Shared) {
            self.mms.get(mm);
            return Ok(mm);
        }
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: self.current.pid };
        let copy = self.mms[mm].fork(&mut cx, &self.kernel_half)?;
        Ok(self.mms.insert(copy))
    }

    fn copy_process(&mut self, hw: &Hw<'_>, pid: Pid, mm: MmId, ctx: &UserContext, args: &CloneArgs) -> Process {
        let current = &self.current;
        let mut ctx = ctx.clone();
        ctx.set_reg(Gpr::Rax, 0);
        if args.stack != 0 {
            ctx.set_reg(Gpr::Rsp, args.stack);
        }
        ctx.fs_base = args.tls.unwrap_or(ctx.fs_base);
        let mut signals = current.signals.fork();
        if args.clears_handlers {
            signals.clear_handlers();
        }
        if args.memory == ChildMemory::Shared {
            signals.altstack = crate::signal::AltStack::default();
        }
        let fs = if args.shares_fs {
            Rc::clone(&current.fs)
        } else {
            self.vfs.inode_get(current.fs.cwd());
            Rc::new(FsStruct::new(current.fs.cwd(), current.fs.umask()))
        };
        let files = current.files;
        let files = if args.shares_files { self.vfs.share_fd_table(files) } else { self.vfs.fork_fd_table(files) };
        Process {
            pid,
            parent: if args.is_sibling { current.parent } else { current.pid },
            pgrp: current.pgrp,
            session: current.session,
            state: State::Runnable,
            ctx,
            in_call: None,
            wait: None,
            retry: None,
            cut_short: None,
            mm,
            files,
            fs,
            signals,
            exit_signal: if args.is_sibling { current.exit_signal } else { args.exit_signal },
            parent_death_signal: None,
            job_event: None,
            has_executed: false,
            borrows_mm: matches!(args.memory, ChildMemory::Borrowed | ChildMemory::AwaitedCopy),
            is_subreaper: false,
            credentials: current.credentials,
            capabilities: current.capabilities,
            groups: current.groups.clone(),
            limits: current.limits,
            timers: Timers::default(),
            times: CpuTimes::default(),
            usage: Usage::default(),
            children_usage: Usage::default(),
            comm: current.comm,
            nice: if current.scheduling.resets_on_fork { current.nice.max(0) } else { current.nice },
            scheduling: current.scheduling.fork(),
            personality: current.personality,
            timer_slack: current.timer_slack.fork(),
            mce_kill: current.mce_kill,
            no_new_privs: current.no_new_privs,
            oom_score_adj: current.oom_score_adj,
            oom_score_adj_min: current.oom_score_adj_min,
            start_ns: self.clock.monotonic_ns(hw.instructions),
            clear_child_tid: args.clear_child_tid.unwrap_or(LinearAddr(0)),
            is_oom_victim: false,
            robust_list: LinearAddr(0),
        }
    }

    /// The parent of a vfork goes on: the child has its own memory now, or none.
    pub(crate) fn end_vfork(&mut self) {
        if std::mem::take(&mut self.current.borrows_mm) {
            self.wake(crate::wait::Channel::Vfork(self.current.pid));
        }
    }

    /// Whether a child still runs in its parent's memory.
    pub(crate) fn borrows_mm(&self, pid: Pid) -> bool {
        self.process(pid).is_some_and(|process| process.borrows_mm)
    }

    /// The parent of a process as getppid shows it.
    pub(crate) fn parent_or_init(&self, parent: Pid) -> Pid {
        let lives = self.process(parent).is_some_and(|process| !process.has_ended());
        if lives || parent == crate::process::PARENT_PID { parent } else { INIT_PID }
    }
}
