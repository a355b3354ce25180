//! vfork, clone and clone3: shared memory, where ids are told, and which flags go together.

use crate::common::processes::{
    ANY, EAGAIN, EBADF, ECHILD, EINVAL, EPERM, ESRCH, FIRST, SIGCHLD, SIGKILL, SIGSTOP, SIGTERM, WEXITED, WNOHANG, nr,
};
use crate::common::signals::{SIGUSR1, SIGUSR2, bit};
use crate::common::{CODE, Rig, SCRATCH};
use arch::Gpr;
use pagewalk_kernel::Disposition;

const VM: u64 = 0x100;
const FS: u64 = 0x200;
const FILES: u64 = 0x400;
const SIGHAND: u64 = 0x800;
const PIDFD: u64 = 0x1000;
const CLONE_VFORK: u64 = 0x4000;
const PARENT: u64 = 0x8000;
const THREAD: u64 = 0x1_0000;
const NEWNS: u64 = 0x2_0000;
const SETTLS: u64 = 0x8_0000;
const PARENT_SETTID: u64 = 0x10_0000;
const CHILD_CLEARTID: u64 = 0x20_0000;
const DETACHED: u64 = 0x40_0000;
const CHILD_SETTID: u64 = 0x100_0000;
const CLEAR_SIGHAND: u64 = 0x1_0000_0000;

const EEXIST: i64 = -17;

const ARGS: u64 = SCRATCH + 0x100;
const PATH: u64 = SCRATCH + 0x200;

impl Rig {
    fn execute_prog(&mut self) -> Disposition {
        self.poke(PATH, b"/prog\0");
        self.syscall(nr::EXECVE, &[PATH, 0, 0])
    }

    /// clone3 with flags, child_tid, parent_tid, exit_signal, stack, its size, and tls.
    fn clone3(&mut self, [flags, child_tid, parent_tid, signal, stack, size, tls]: [u64; 7]) -> Disposition {
        self.poke_words(ARGS, &[flags, 0, child_tid, parent_tid, signal, stack, size, tls, 0, 0, 0]);
        self.syscall(nr::CLONE3, &[ARGS, 88])
    }
}

#[test]
fn the_parent_of_a_vfork_waits_for_exec() {
    let mut rig = Rig::new();
    rig.poke(SCRATCH, b"parent");
    rig.leave(nr::VFORK, &[]);
    let child = FIRST + 1;
    assert_eq!((rig.pid(), rig.result()), (child, 0));
    rig.poke(SCRATCH, b"child!");
    for _ in 0..3 {
        rig.call(nr::SCHED_YIELD, &[]);
        assert_eq!(rig.pid(), child, "the parent has no turn");
    }
    assert_eq!(rig.execute_prog(), Disposition::Resume);
    assert_eq!(rig.pid(), child, "executing does not end a turn");
    assert_eq!(rig.peek(SCRATCH, 6), [0; 6], "a new address space");
    rig.turn_to(FIRST);
    assert_eq!(rig.result() as u64, child);
    assert_eq!(rig.peek(SCRATCH, 6), b"child!", "they shared bytes");
}

#[test]
fn the_parent_of_a_vfork_waits_for_exit() {
    let mut rig = Rig::new();
    rig.leave(nr::VFORK, &[]);
    let child = rig.pid();
    rig.poke(SCRATCH, b"child!");
    rig.exit(3);
    assert_eq!((rig.pid(), rig.result() as u64), (FIRST, child));
    assert_eq!(rig.peek(SCRATCH, 6), b"child!", "the memory is still there");
    assert_eq!(rig.call(nr::WAIT4, &[child, SCRATCH, 0, 0]) as u64, child);
}

#[test]
fn a_failed_exec_keeps_the_parent_waiting() {
    let mut rig = Rig::new();
    rig.leave(nr::VFORK, &[]);
    rig.poke(PATH, b"/none\0");
    assert_eq!(rig.call(nr::EXECVE, &[PATH, 0, 0]), -2, "ENOENT");
    rig.call(nr::SCHED_YIELD, &[]);
    assert_ne!(rig.pid(), FIRST);
}

#[test]
fn vforks_nest() {
    let mut rig = Rig::new();
    rig.leave(nr::VFORK, &[]);
    rig.leave(nr::VFORK, &[]);
    assert_eq!(rig.pid(), FIRST + 2);
    rig.poke(SCRATCH, b"deep");
    rig.exit(0);
    assert_eq!(rig.pid(), FIRST + 1);
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result() as u64), (FIRST, FIRST + 1));
    assert_eq!(rig.peek(SCRATCH, 4), b"deep");
}

#[test]
fn only_sigkill_ends_the_wait_of_a_vfork() {
    let mut rig = Rig::new();
    let middle = rig.fork_and_follow();
    rig.handle(SIGUSR1, 0, 0);
    let child = FIRST + 2;
    rig.leave(nr::VFORK, &[]);
    rig.turn_to(FIRST);
    rig.kill(middle, SIGUSR1);
    rig.kill(middle, SIGSTOP);
    rig.turn_to(child);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(rig.pid(), FIRST, "the middle one still waits");
    rig.kill(middle, SIGKILL);
    rig.leave(nr::WAIT4, &[middle, SCRATCH, 0, 0]);
    rig.turn_to(FIRST);
    assert_eq!((rig.result() as u64, rig.peek_u32(SCRATCH)), (middle, 9));
    rig.turn_to(child);
    rig.poke(SCRATCH, b"the child still has the memory");
    assert_eq!(rig.call(nr::GETPPID, &[]), 1);
}

#[test]
fn clone_with_memory_shares_bytes_for_good() {
    let mut rig = Rig::new();
    let child = rig.call(nr::CLONE, &[VM | SIGCHLD, 0x50_2000, 0, 0, 0]) as u64;
    rig.poke(SCRATCH, b"both see this");
    let parent_rsp = rig.ctx.reg(Gpr::Rsp);
    rig.turn_to(child);
    assert_eq!(rig.ctx.reg(Gpr::Rsp), 0x50_2000);
    assert_eq!(rig.peek(SCRATCH, 13), b"both see this");
    let map = rig.call(nr::MMAP, &[0, 0x1000, 3, 0x22, ANY, 0]) as u64;
    rig.poke(map, b"new");
    rig.exit(0);
    assert_eq!(rig.peek(map, 3), b"new", "and mappings");
    assert_eq!(rig.ctx.reg(Gpr::Rsp), parent_rsp);
}

#[test]
fn ids_are_told_where_the_flags_say() {
    let mut rig = Rig::new();
    let (parent_at, child_at) = (SCRATCH + 8, SCRATCH + 16);
    let flags = PARENT_SETTID | CHILD_SETTID | SIGCHLD;
    let child = rig.call(nr::CLONE, &[flags, 0, parent_at, child_at, 0]) as u64;
    assert_eq!((rig.peek_word(parent_at), rig.peek_word(child_at)), (child, 0));
    rig.turn_to(child);
    assert_eq!((rig.peek_word(parent_at), rig.peek_word(child_at)), (0, child), "the copy was made before");
}

#[test]
fn a_place_that_cannot_be_written_is_no_error() {
    let mut rig = Rig::new();
    let child = rig.call(nr::CLONE, &[PARENT_SETTID | CHILD_SETTID | SIGCHLD, 0, 8, CODE, 0]);
    assert!(child > 0);
}

#[test]
fn the_child_can_have_its_own_fs() {
    let mut rig = Rig::new();
    rig.ctx.fs_base = 5;
    let child = rig.call(nr::CLONE, &[SETTLS | SIGCHLD, 0, 0, 0, 0x7000]) as u64;
    assert_eq!(rig.ctx.fs_base, 5);
    rig.turn_to(child);
    assert_eq!(rig.ctx.fs_base, 0x7000);
}

/// A thread that waits for another's end, as pthread_join does, with processes in their place.
#[test]
fn an_end_clears_the_id_and_wakes_who_waits_for_that() {
    let mut rig = Rig::new();
    let child = rig.call(nr::CLONE, &[VM | CHILD_CLEARTID | CHILD_SETTID | SIGCHLD, 0, 0, SCRATCH, 0]) as u64;
    assert_eq!(rig.peek_word(SCRATCH), child);
    rig.leave(nr::FUTEX, &[SCRATCH, 0, child, 0]);
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result()), (FIRST, 0));
    assert_eq!(rig.peek_word(SCRATCH), 0);
}

#[test]
fn executing_clears_the_id_too() {
    let mut rig = Rig::new();
    rig.leave(nr::CLONE, &[VM | CLONE_VFORK | CHILD_CLEARTID | SIGCHLD, 0, 0, SCRATCH, 0]);
    rig.poke_words(SCRATCH, &[7]);
    assert_eq!(rig.execute_prog(), Disposition::Resume);
    rig.turn_to(FIRST);
    assert_eq!(rig.peek_word(SCRATCH), 0);
}

/// As a native program sees it: without another user of the address space nobody could look (`mm_release`).
#[test]
fn an_end_clears_nothing_if_the_memory_was_its_own() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    rig.poke_words(page, &[7]);
    let child = rig.call(nr::CLONE, &[CHILD_CLEARTID | SIGCHLD, 0, 0, page, 0]) as u64;
    rig.turn_to(child);
    rig.exit(0);
    assert_eq!(rig.peek_word(page), 7);
}

#[test]
fn a_sibling_is_the_parents_child() {
    let mut rig = Rig::new();
    let middle = rig.fork_and_follow();
    let sibling = rig.call(nr::CLONE, &[PARENT, 0, 0, 0, 0]) as u64;
    assert_eq!(rig.call(nr::WAIT4, &[sibling, 0, WNOHANG, 0]), ECHILD);
    rig.turn_to(sibling);
    assert_eq!(rig.call(nr::GETPPID, &[]) as u64, FIRST);
    rig.exit(2);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::WAIT4, &[sibling, 0, 0, 0]) as u64, sibling, "it has the exit signal of its maker");
    rig.turn_to(middle);
}

#[test]
fn flags_that_do_not_go_together() {
    for (name, flags, result) in [
        ("SIGHAND without VM", SIGHAND | SIGCHLD, EINVAL),
        ("THREAD without SIGHAND", THREAD | VM, EINVAL),
        ("a namespace without the privilege", NEWNS | SIGCHLD, EPERM),
    ] {
        assert_eq!(Rig::new().call(nr::CLONE, &[flags, 0, 0, 0, 0]), result, "{name}");
    }
    for (name, args, result) in [
        ("PARENT with a signal", [PARENT, 0, 0, SIGCHLD, 0, 0, 0], EINVAL),
        ("DETACHED", [DETACHED, 0, 0, SIGCHLD, 0, 0, 0], EINVAL),
        ("a signal among the flags", [SIGCHLD, 0, 0, 0, 0, 0, 0], EINVAL),
        ("signal 65", [0, 0, 0, 65, 0, 0, 0], EINVAL),
        ("signal 256", [0, 0, 0, 256, 0, 0, 0], EINVAL),
        ("a stack without a size", [0, 0, 0, SIGCHLD, SCRATCH, 0, 0], EINVAL),
        ("a size without a stack", [0, 0, 0, SIGCHLD, 0, 4096, 0], EINVAL),
        ("SIGHAND with CLEAR_SIGHAND", [VM | SIGHAND | CLEAR_SIGHAND, 0, 0, 0, 0, 0, 0], EINVAL),
        ("an unknown flag", [1 << 40, 0, 0, SIGCHLD, 0, 0, 0], EINVAL),
    ] {
        let mut rig = Rig::new();
        assert_eq!(rig.clone3(args), Disposition::Resume, "{name}");
        assert_eq!(rig.result(), result, "{name}");
    }
}

#[test]
fn threads_and_their_kind_end_the_run_with_a_message() {
    for flags in [VM | SIGHAND | THREAD, VM | SIGHAND] {
        assert!(matches!(Rig::new().syscall(nr::CLONE, &[flags, 0, 0, 0, 0]), Disposition::Unsupported(_)));
        assert!(matches!(Rig::new().clone3([flags, 0, 0, 0, 0, 0, 0]), Disposition::Unsupported(_)));
    }
}

#[test]
fn descriptors_and_directory_can_be_shared() {
    let mut rig = Rig::new();
    rig.poke(SCRATCH, b"/\0");
    assert_eq!(rig.call(95, &[0o27]), 0o22, "umask");
    let child = rig.call(nr::CLONE, &[FILES | FS | SIGCHLD, 0, 0, 0, 0]) as u64;
    rig.turn_to(child);
    assert_eq!(rig.call(22, &[SCRATCH + 8]), 0, "pipe");
    assert_eq!((rig.call(95, &[0o77]), rig.call(80, &[SCRATCH])), (0o27, 0));
    rig.exit(0);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::WAIT4, &[child, 0, 0, 0]) as u64, child);
    assert_eq!(rig.call(95, &[0]), 0o77);
    assert_eq!((rig.call(79, &[SCRATCH, 64]), rig.peek(SCRATCH, 2)), (2, b"/\0".to_vec()), "getcwd");
    assert_eq!((rig.call(3, &[3]), rig.call(3, &[4]), rig.call(3, &[5])), (0, 0, EBADF), "the pipe is there still");
}

#[test]
fn a_pidfd_is_the_parents_and_outlives_the_child() {
    const PIDFD_SEND_SIGNAL: u64 = 424;
    let mut rig = Rig::new();
    let child = rig.call(nr::CLONE, &[PIDFD | SIGCHLD, 0, SCRATCH, 0, 0]) as u64;
    let fd: u64 = rig.peek_u32(SCRATCH).into();
    assert_eq!(rig.call(PIDFD_SEND_SIGNAL, &[fd, 0, 0, 0]), 0);
    rig.turn_to(child);
    assert_eq!(rig.call(PIDFD_SEND_SIGNAL, &[fd, 0, 0, 0]), EBADF, "the child has none");
    rig.exit(3);
    rig.turn_to(FIRST);
    rig.poke_words(SCRATCH, &[fd | 1 << 32]);
    assert_eq!((rig.call(7, &[SCRATCH, 1, 0]), rig.peek_u32(SCRATCH + 4)), (1, 1 << 16 | 1), "poll");
    assert_eq!(rig.call(nr::WAITID, &[3, fd, SCRATCH, WEXITED, 0]), 0, "P_PIDFD");
    assert_eq!(rig.peek_u32(SCRATCH + 24), 3);
    assert_eq!(rig.call(nr::WAITID, &[3, fd, SCRATCH, WEXITED, 0]), ECHILD);
    assert_eq!(rig.call(PIDFD_SEND_SIGNAL, &[fd, 0, 0, 0]), ESRCH);
}

#[test]
fn a_process_can_be_given_its_id() {
    let mut rig = Rig::configured(|config| config.credentials.user.effective = 0);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    for (tid, result) in [(0, EINVAL), (1, EEXIST), (FIRST, EEXIST), (2000, 2000), (2000, EEXIST), (40_000, EINVAL)] {
        rig.poke_words(SCRATCH, &[tid]);
        rig.poke_words(ARGS, &[0, 0, 0, 0, SIGCHLD, 0, 0, 0, SCRATCH, 1]);
        assert_eq!(rig.call(nr::CLONE3, &[ARGS, 80]), result, "{tid}");
    }
    rig.poke_words(ARGS + 72, &[2]);
    assert_eq!(rig.call(nr::CLONE3, &[ARGS, 80]), EINVAL, "one level of namespaces");
    rig.poke_words(ARGS + 72, &[0]);
    assert_eq!(rig.call(nr::CLONE3, &[ARGS, 80]), EINVAL, "a list of none");
}

#[test]
fn the_size_of_clone3_s_arguments_is_checked() {
    let mut rig = Rig::new();
    rig.poke_words(ARGS, &[0; 16]);
    for (size, result) in [(63, EINVAL), (4097, -7), (0, EINVAL)] {
        assert_eq!(rig.call(nr::CLONE3, &[ARGS, size]), result, "{size}");
    }
    assert!(rig.call(nr::CLONE3, &[ARGS, 64]) > 0);
    assert!(rig.call(nr::CLONE3, &[ARGS, 96]) > 0, "more, but zero");
    rig.poke_words(ARGS + 88, &[1]);
    assert_eq!(rig.call(nr::CLONE3, &[ARGS, 96]), -7, "E2BIG");
}

#[test]
fn clone3_gives_the_top_of_the_stack() {
    let mut rig = Rig::new();
    assert_eq!(rig.clone3([VM, 0, SCRATCH, SIGCHLD, 0x50_1000, 0x1000, 0]), Disposition::Resume);
    rig.turn_to(FIRST + 1);
    assert_eq!(rig.ctx.reg(Gpr::Rsp), 0x50_2000);
}

#[test]
fn handlers_can_be_cleared_for_the_child() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, 0, 0);
    rig.set_action(SIGUSR2, 1, 0, 0);
    assert_eq!(rig.clone3([CLEAR_SIGHAND, 0, 0, SIGCHLD, 0, 0, 0]), Disposition::Resume);
    rig.turn_to(FIRST + 1);
    let handler = |rig: &mut Rig, signal| {
        assert_eq!(rig.call(13, &[signal, 0, SCRATCH, 8]), 0);
        rig.peek_word(SCRATCH)
    };
    assert_eq!(handler(&mut rig, SIGUSR1), 0);
    assert_eq!(handler(&mut rig, SIGUSR2), 1, "what is ignored stays so");
}

#[test]
fn a_child_has_the_mask_and_no_pending_signals_and_no_timers() {
    let mut rig = Rig::new();
    rig.block(bit(SIGTERM) | bit(SIGUSR1));
    rig.raise(SIGTERM);
    rig.call(nr::ALARM, &[100]);
    rig.fork_and_follow();
    assert_eq!(rig.mask(), bit(SIGTERM) | bit(SIGUSR1));
    assert_eq!(rig.call(nr::RT_SIGPENDING, &[SCRATCH, 8]), 0);
    assert_eq!(rig.peek_word(SCRATCH), 0);
    assert_eq!(rig.call(nr::ALARM, &[0]), 0);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::ALARM, &[0]), 100);
}

#[test]
fn forks_stop_at_the_most_processes() {
    let mut rig = Rig::configured(|config| config.max_processes = 4);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let child = rig.fork();
    rig.fork();
    rig.fork();
    let frames = rig.kernel.frames().in_use();
    for number in [nr::FORK, nr::VFORK] {
        assert_eq!(rig.call(number, &[]), EAGAIN);
    }
    assert_eq!(rig.kernel.refused_forks(), 2);
    assert_eq!(rig.kernel.frames().in_use(), frames);
    rig.turn_to(child);
    rig.exit(0);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::FORK, &[]), EAGAIN, "a zombie counts");
    assert_eq!(rig.call(nr::WAIT4, &[child, 0, 0, 0]) as u64, child);
    rig.fork();
}
