//! clone, clone3 and unshare: from flags to what [`crate::fork`] makes (`kernel/fork.c`).

use super::{Outcome, SysResult};
use crate::fork::{ChildMemory, CloneArgs};
use crate::kernel::Kernel;
use crate::process::FsStruct;
use crate::signal::Signal;
use crate::{Errno, Hw};
use arch::{LinearAddr, UserContext};
use bitflags::bitflags;
use std::rc::Rc;

bitflags! {
    /// `CLONE_*` of `include/uapi/linux/sched.h`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct CloneFlags: u64 {
        const VM = 0x100;
        const FS = 0x200;
        const FILES = 0x400;
        const PIDFD = 0x1000;
        /// Its tracer, of which there is none.
        const PTRACE = 0x2000;
        const SIGHAND = 0x800;
        const VFORK = 0x4000;
        const PARENT = 0x8000;
        const THREAD = 0x1_0000;
        const NEWNS = 0x2_0000;
        /// What SEM_UNDO undoes: a child that ends has nothing to undo here.
        const SYSVSEM = 0x4_0000;
        const SETTLS = 0x8_0000;
        const PARENT_SETTID = 0x10_0000;
        const CHILD_CLEARTID = 0x20_0000;
        const DETACHED = 0x40_0000;
        const UNTRACED = 0x80_0000;
        const CHILD_SETTID = 0x100_0000;
        const IO = 0x8000_0000;
        const CLEAR_SIGHAND = 0x1_0000_0000;
        const INTO_CGROUP = 0x2_0000_0000;
        const NEWUSER = 0x1000_0000;
        const NEWPID = 0x2000_0000;
        /// New namespaces: a privilege that a container does not have.
        const NAMESPACES = 0x7e02_0080;
        /// What makes a thread, or shares what only threads share here.
        const THREADS = 0x800 | 0x1_0000;
    }
}

/// The low byte of clone's flags: the signal that tells of the child's end.
const CSIGNAL: u64 = 0xff;
/// Bytes of `struct clone_args`: what its first version had, and all that is known.
const CLONE_ARGS_MIN: u64 = 64;
const CLONE_ARGS_BYTES: usize = 88;
impl Kernel {
    /// The place for the parent's copy of the id is also that for a pidfd.
    pub(super) fn sys_clone(&mut self, hw: &mut Hw<'_>, ctx: &UserContext, args: [u64; 6]) -> Outcome {
        let [flags, stack, parent_tid, child_tid, tls, _] = args;
        let flags = CloneFlags::from_bits_retain(flags & 0xffff_ffff & !CSIGNAL);
        if flags.contains(CloneFlags::PIDFD) && flags.intersects(CloneFlags::DETACHED | CloneFlags::PARENT_SETTID) {
            return Outcome::Return(Err(Errno::EINVAL));
        }
        let parsed = Self::clone_args(flags, args[0] & CSIGNAL, stack, [parent_tid, child_tid, tls, parent_tid]);
        self.clone_or_refuse(hw, ctx, parsed)
    }

    /// clone3 reads a `struct clone_args` of any size (`copy_clone_args_from_user`, `clone3_args_valid`).
    pub(super) fn sys_clone3(&mut self, hw: &mut Hw<'_>, ctx: &UserContext, args: [u64; 6]) -> Result<Outcome, Errno> {
        const MAX_PID_NS_LEVEL: u64 = 32;
        let [at, size, ..] = args;
        if size > arch::FRAME_SIZE {
            return Err(Errno::E2BIG);
        }
        if size < CLONE_ARGS_MIN {
            return Err(Errno::EINVAL);
        }
        let mut raw = vec![0; size as usize];
        self.copy_from_user(hw, LinearAddr(at), &mut raw)?;
        if raw[CLONE_ARGS_BYTES.min(raw.len())..].iter().any(|&byte| byte != 0) {
            return Err(Errno::E2BIG);
        }
        raw.resize(CLONE_ARGS_BYTES, 0);
        let word = |i: usize| u64::from_le_bytes(raw[8 * i..8 * i + 8].try_into().expect("eight bytes"));
        let [flags, pidfd, child_tid, parent_tid, signal, stack, stack_size, tls] = std::array::from_fn(word);
        let (tids, count, cgroup) = (word(8), word(9), word(10));
        if count > MAX_PID_NS_LEVEL || (tids == 0) != (count == 0) {
            return Err(Errno::EINVAL);
        }
        let signal_is_valid = signal == 0 || Signal::new(signal).is_some();
        let flags = CloneFlags::from_bits(flags).ok_or(Errno::EINVAL)?;
        let into_cgroup = flags.contains(CloneFlags::INTO_CGROUP);
        if signal & !CSIGNAL != 0 || !signal_is_valid || into_cgroup && (cgroup > i32::MAX as u64 || size < 88) {
            return Err(Errno::EINVAL);
        }
        let mut set_tid = vec![0; 4 * count as usize];
        self.copy_from_user(hw, LinearAddr(tids), &mut set_tid)?;
        // A sibling has its maker's exit signal, and CLONE_DETACHED means nothing.
        let is_sibling = flags.intersects(CloneFlags::PARENT | CloneFlags::THREAD);
        if is_sibling && signal != 0 || flags.contains(CloneFlags::DETACHED) || (stack == 0) != (stack_size == 0) {
            return Err(Errno::EINVAL);
        }
        let stack = stack.wrapping_add(stack_size);
        let parsed = Self::clone_args(flags, signal, stack, [parent_tid, child_tid, tls, pidfd])?;
        if into_cgroup {
            return Err(Errno::EBADF); // no descriptor is a cgroup
        }
        let set_tid = match &set_tid[..] {
            [] => None,
            &[a, b, c, d] => Some(i32::from_le_bytes([a, b, c, d])),
            _ => return Err(Errno::EINVAL), // there is one level of namespaces
        };
        let parsed = parsed.map(|args| CloneArgs { set_tid, ..args });
        Ok(self.clone_or_refuse(hw, ctx, Ok(parsed)))
    }

    fn clone_or_refuse(
        &mut self,
        hw: &mut Hw<'_>,
        ctx: &UserContext,
        args: Result<Option<CloneArgs>, Errno>,
    ) -> Outcome {
        match args {
            Ok(Some(args)) => self.fork(hw, ctx, &args).into(),
            Ok(None) => Outcome::Unsupported,
            Err(errno) => Outcome::Return(Err(errno)),
        }
    }

    /// What a clone call asks for; `None` for threads and what goes with them.
    fn clone_args(
        flags: CloneFlags,
        signal: u64,
        stack: u64,
        [parent_tid, child_tid, tls, pidfd]: [u64; 4],
    ) -> Result<Option<CloneArgs>, Errno> {
        let (thread, sighand, vm) = (CloneFlags::THREAD, CloneFlags::SIGHAND, CloneFlags::VM);
        let lacks = |flag, needed| flags.contains(flag) && !flags.contains(needed);
        if flags.contains(CloneFlags::FS) && flags.intersects(CloneFlags::NEWNS | CloneFlags::NEWUSER) {
            return Err(Errno::EINVAL);
        }
        if lacks(thread, sighand) || lacks(sighand, vm) || flags.contains(sighand | CloneFlags::CLEAR_SIGHAND) {
            return Err(Errno::EINVAL);
        }
        if flags.contains(thread) && flags.intersects(CloneFlags::NEWUSER | CloneFlags::NEWPID) {
            return Err(Errno::EINVAL);
        }
        if flags.intersects(CloneFlags::NAMESPACES) {
            return Err(Errno::EPERM);
        }
        if flags.intersects(CloneFlags::THREADS) {
            return Ok(None);
        }
        let memory = match (flags.contains(CloneFlags::VM), flags.contains(CloneFlags::VFORK)) {
            (false, false) => ChildMemory::Copy,
            (true, true) => ChildMemory::Borrowed,
            (true, false) => ChildMemory::Shared,
            (false, true) => ChildMemory::AwaitedCopy,
        };
        let place = |flag, at: u64| flags.contains(flag).then_some(LinearAddr(at));
        Ok(Some(CloneArgs {
            memory,
            exit_signal: Signal::new(signal),
            is_sibling: flags.contains(CloneFlags::PARENT),
            stack,
            tls: flags.contains(CloneFlags::SETTLS).then_some(tls),
            parent_tid: place(CloneFlags::PARENT_SETTID, parent_tid),
            child_tid: place(CloneFlags::CHILD_SETTID, child_tid),
            clear_child_tid: place(CloneFlags::CHILD_CLEARTID, child_tid),
            pidfd: place(CloneFlags::PIDFD, pidfd),
            set_tid: None,
            shares_files: flags.contains(CloneFlags::FILES),
            shares_fs: flags.contains(CloneFlags::FS),
            clears_handlers: flags.contains(CloneFlags::CLEAR_SIGHAND),
        }))
    }

    /// What is shared with nobody as it is, one's own thread above all, needs no more. New namespaces take a privilege.
    pub(super) fn sys_unshare(&mut self, [flags, ..]: [u64; 6]) -> SysResult {
        let flags = CloneFlags::from_bits_retain(flags);
        let memory = CloneFlags::VM | CloneFlags::SIGHAND | CloneFlags::THREAD;
        let tables = CloneFlags::FS | CloneFlags::FILES | CloneFlags::SYSVSEM;
        if !(memory | tables | CloneFlags::NAMESPACES).contains(flags) {
            return Err(Errno::EINVAL);
        }
        if flags.intersects(CloneFlags::NAMESPACES) {
            return Err(Errno::EPERM);
        }
        if flags.contains(CloneFlags::VM) && self.mms.is_shared(self.current.mm) {
            return Err(Errno::EINVAL);
        }
        if flags.contains(CloneFlags::FILES) {
            self.current.files = self.vfs.unshare_fd_table(self.current.files);
        }
        if flags.contains(CloneFlags::FS) && Rc::strong_count(&self.current.fs) > 1 {
            let (cwd, umask) = (self.current.fs.cwd(), self.current.fs.umask());
            self.vfs.inode_get(cwd);
            self.current.fs = Rc::new(FsStruct::new(cwd, umask));
        }
        Ok(0)
    }
}
