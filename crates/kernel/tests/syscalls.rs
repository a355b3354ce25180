//! The errors that system calls give, as a native program sees them, and what happens to calls that are missing.

mod common;

use arch::{Gpr, LinearAddr};
use common::{Rig, SCRATCH, deadlocked_in};
use pagewalk_kernel::{Disposition, syscall_name};

const EPERM: i64 = -1;
const ESRCH: i64 = -3;
const ECHILD: i64 = -10;
const EAGAIN: i64 = -11;
const ENOMEM: i64 = -12;
const EFAULT: i64 = -14;
const EINVAL: i64 = -22;
const ENOSYS: i64 = -38;
const EOPNOTSUPP: i64 = -95;
const ETIMEDOUT: i64 = -110;
/// Not mapped.
const BAD: u64 = 8;
const MINUS_1: u64 = u64::MAX;
const ME: u64 = 1000;

#[test]
fn errors_are_those_of_linux() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[0; 64]);
    let ok = SCRATCH;
    for (name, number, args, result) in [
        ("rt_sigaction of SIGKILL", 13, &[9, ok, 0, 8][..], EINVAL),
        ("rt_sigaction reads SIGKILL's", 13, &[9, 0, ok, 8], 0),
        ("rt_sigaction of 0", 13, &[0, 0, ok, 8], EINVAL),
        ("rt_sigaction of 65", 13, &[65, 0, ok, 8], EINVAL),
        ("rt_sigaction, wrong size", 13, &[10, 0, ok, 4], EINVAL),
        ("rt_sigaction, bad pointer", 13, &[10, BAD, 0, 8], EFAULT),
        ("rt_sigprocmask, bad how", 14, &[3, ok, 0, 8], EINVAL),
        ("rt_sigprocmask, bad how unused", 14, &[3, 0, ok, 8], 0),
        ("rt_sigprocmask, bad pointer", 14, &[0, BAD, 0, 8], EFAULT),
        ("rt_sigpending, too long", 127, &[ok, 9], EINVAL),
        ("rt_sigpending, shorter", 127, &[ok, 4], 0),
        ("rt_sigtimedwait, bad pointer", 128, &[BAD, 0, 0, 8], EFAULT),
        ("rt_sigsuspend, wrong size", 130, &[ok, 4], EINVAL),
        ("kill, no such process", 62, &[1, 0], ESRCH),
        ("kill, no such process or signal", 62, &[1 << 30, 65], ESRCH),
        ("kill, no such signal", 62, &[ME, 65], EINVAL),
        ("kill 0", 62, &[ME, 0], 0),
        ("tkill of thread 0", 200, &[0, 1], EINVAL),
        ("tkill, no such thread", 200, &[99_999, 0], ESRCH),
        ("tgkill, bad group", 234, &[0, ME, 0], EINVAL),
        ("tgkill 0", 234, &[ME, ME, 0], 0),
        ("rt_sigqueueinfo to nobody", 129, &[99_999, 17, ok], EPERM),
        ("rt_sigqueueinfo, bad pointer", 129, &[ME, 17, BAD], EFAULT),
        ("rt_sigqueueinfo, bad signal", 129, &[ME, 70, ok], EINVAL),
        ("nanosleep, bad pointer", 35, &[BAD, 0], EFAULT),
        ("clock_nanosleep, bad clock", 230, &[99, 0, ok, 0], EINVAL),
        ("clock_nanosleep on the thread's own time", 230, &[3, 0, ok, 0], EOPNOTSUPP),
        ("clock_nanosleep on CLOCK_MONOTONIC_RAW", 230, &[4, 0, ok, 0], EOPNOTSUPP),
        ("clock_nanosleep for nothing", 230, &[2, 0, ok, 0], 0),
        ("clock_gettime, bad clock", 228, &[99, ok], EINVAL),
        ("clock_gettime, null", 228, &[0, 0], EFAULT),
        ("clock_getres, null", 229, &[0, 0], 0),
        ("clock_settime", 227, &[0, ok], EPERM),
        ("time, bad pointer", 201, &[BAD], EFAULT),
        ("gettimeofday of nothing", 96, &[0, 0], 0),
        ("setitimer, bad timer", 38, &[3, ok, 0], EINVAL),
        ("setitimer, null", 38, &[0, 0, 0], 0),
        ("getitimer, bad pointer", 36, &[0, BAD], EFAULT),
        ("getpid", 39, &[], ME as i64),
        ("gettid", 186, &[], ME as i64),
        ("getpgid of another", 121, &[1], ESRCH),
        ("setsid of a leader", 112, &[], EPERM),
        ("wait4", 61, &[MINUS_1, 0, 0, 0], ECHILD),
        ("sched_getaffinity, short", 204, &[0, 4, ok], EINVAL),
        ("sched_getaffinity", 204, &[0, 128, ok], 8),
        ("arch_prctl, not canonical", 158, &[0x1002, 0x8000_0000_0000_0000], EPERM),
        ("arch_prctl, kernel half", 158, &[0x1002, 0x7fff_ffff_f000], EPERM),
        ("arch_prctl, unknown", 158, &[0x3001, 0], EINVAL),
        ("prctl, unknown", 157, &[9999], EINVAL),
        ("set_robust_list, wrong size", 273, &[ok, 8], EINVAL),
        ("getrlimit, unknown", 97, &[16, ok], EINVAL),
        ("prlimit64 of another", 302, &[1, 3, 0, ok], ESRCH),
        ("getrusage, unknown", 98, &[5, ok], EINVAL),
        ("getrandom, unknown flag", 318, &[ok, 8, 8], EINVAL),
        ("getrandom, exclusive flags", 318, &[ok, 8, 6], EINVAL),
        ("getrandom, bad pointer", 318, &[BAD, 8, 0], EFAULT),
        ("getrandom", 318, &[ok, 8, 0], 8),
        ("futex wake", 202, &[ok, 129, 1], 0),
        ("futex wait, other value", 202, &[ok + 64, 0, 77, 0], EAGAIN),
        ("futex, crooked", 202, &[ok + 1, 0, 0, 0], EINVAL),
        ("futex, bad pointer", 202, &[BAD, 0, 0, 0], EFAULT),
        ("rseq", 334, &[ok, 32, 0, 0], ENOSYS),
        ("a number of nobody", 335, &[], ENOSYS),
        ("a huge number", MINUS_1, &[], ENOSYS),
        ("ptrace", 101, &[], EPERM),
        ("munmap, crooked", 11, &[1, 4096], EINVAL),
        ("madvise, unknown", 28, &[ok & !4095, 4096, 9999], EINVAL),
        ("mlock over a hole", 149, &[0x10_0000, 4096], ENOMEM),
        ("mlockall of nothing", 151, &[0], EINVAL),
        ("mmap, bad descriptor", 9, &[0, 4096, 1, 2, 99, 0], -9),
        ("mmap, crooked offset", 9, &[0, 4096, 1, 2, 99, 1], EINVAL),
    ] {
        assert_eq!(rig.call(number, args), result, "{name}");
    }
}

#[test]
fn nanosleep_checks_its_time_and_moves_the_clock() {
    let mut rig = Rig::new();
    for (seconds, nanos) in [(MINUS_1, 0), (0, MINUS_1), (0, 1_000_000_000)] {
        rig.poke_words(SCRATCH, &[seconds, nanos]);
        assert_eq!(rig.call(35, &[SCRATCH, 0]), EINVAL);
    }
    let now = |rig: &mut Rig| {
        assert_eq!(rig.call(228, &[1, SCRATCH + 64]), 0);
        rig.peek_word(SCRATCH + 64) * 1_000_000_000 + rig.peek_word(SCRATCH + 72)
    };
    let before = now(&mut rig);
    rig.poke_words(SCRATCH, &[3, 500]);
    assert_eq!(rig.call(35, &[SCRATCH, 0]), 0);
    let slept = now(&mut rig) - before;
    assert!((3_000_000_500..3_000_002_000).contains(&slept), "{slept}");
}

#[test]
fn a_futex_wait_with_a_timeout_times_out() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[7, 0, 1_000_000]);
    assert_eq!(rig.call(202, &[SCRATCH, 128, 7, SCRATCH + 8]), ETIMEDOUT);
    assert_eq!(deadlocked_in(&rig.syscall(202, &[SCRATCH, 128, 7, 0])), Some("futex"));
}

#[test]
fn what_is_missing_ends_the_run_with_its_name() {
    const THREAD: u64 = 0x003d_0f00;
    for (number, name, flags) in [(56, "clone", THREAD), (64, "semget", 1)] {
        let args = [flags, 2, 3, 4, 5, 6];
        let Disposition::Unsupported(call) = Rig::new().syscall(number, &args) else { panic!("{name} was served") };
        assert_eq!((call.number, call.name, call.args), (number, name, args));
    }
}

/// Every number of the table, with arguments that mean nothing, ends in a result or in a report.
#[test]
fn no_call_panics_on_nonsense() {
    for number in 0..470 {
        for args in [[0; 6], [u64::MAX; 6], [SCRATCH; 6], [1, SCRATCH, 1 << 40, SCRATCH, 8, 1 << 63]] {
            let end = Rig::new().syscall(number, &args);
            let known = syscall_name(number).is_some();
            assert!(known || end == Disposition::Resume, "{number} {end:?}");
        }
    }
}

#[test]
fn limits_are_kept_and_govern_the_stack() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(97, &[3, SCRATCH]), 0);
    assert_eq!(rig.peek_word(SCRATCH), 8 << 20);
    rig.poke_words(SCRATCH, &[2, 1]);
    assert_eq!(rig.call(160, &[3, SCRATCH]), EINVAL, "soft above hard");
    rig.poke_words(SCRATCH, &[256 << 10, 1 << 20]);
    assert_eq!(rig.call(302, &[0, 3, SCRATCH, 0]), 0);
    assert!(rig.access(0x7fff_ffff_f000 - (300 << 10), arch::AccessKind::Write).is_err());
}

#[test]
fn fs_and_gs_are_set_and_read() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(158, &[0x1002, 0x1234_5678]), 0);
    assert_eq!(rig.call(158, &[0x1001, 0x777]), 0);
    assert_eq!((rig.ctx.fs_base, rig.ctx.gs_base), (0x1234_5678, 0x777));
    assert_eq!(rig.call(158, &[0x1003, SCRATCH]), 0);
    assert_eq!(rig.peek_word(SCRATCH), 0x1234_5678);
}

#[test]
fn names_and_system_are_fixed() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(63, &[SCRATCH]), 0);
    assert_eq!(rig.peek(SCRATCH, 6), b"Linux\0");
    assert_eq!(rig.peek(SCRATCH + 65 * 4, 7), b"x86_64\0");
    assert_eq!(rig.call(157, &[16, SCRATCH]), 0);
    assert_eq!(rig.peek(SCRATCH, 16), b"prog\0\0\0\0\0\0\0\0\0\0\0\0");
    rig.poke(SCRATCH, b"a name that is too long\0");
    assert_eq!(rig.call(157, &[15, SCRATCH]), 0);
    assert_eq!(rig.call(157, &[16, SCRATCH]), 0);
    assert_eq!(rig.peek(SCRATCH, 16), b"a name that is \0");
}

#[test]
fn registers_other_than_the_result_survive_a_call() {
    let mut rig = Rig::new();
    let before = rig.ctx.clone();
    rig.call(39, &[]);
    assert_eq!(rig.ctx.gpr[1..], before.gpr[1..]);
    assert_eq!(rig.ctx.reg(Gpr::Rax), ME);
    assert_eq!(LinearAddr(rig.ctx.rip), LinearAddr(before.rip + 2));
}
