//! What one process does to another's wait, limits and locks: fatal signals in vfork, prlimit64, robust futexes.

use crate::common::processes::{EPERM, FIRST, SIGHUP, SIGTERM, nr};
use crate::common::signals::SIGUSR1;
use crate::common::{Rig, SCRATCH};
use pagewalk_kernel::{Disposition, KernelConfig};

const CLONE_VFORK: u64 = 0x4000;
const SIGCHLD: u64 = 17;
const SIGQUIT: u64 = 3;
const PRLIMIT64: u64 = 302;
const NOFILE: u64 = 7;
const SET_ROBUST_LIST: u64 = 273;
const WAITERS: u32 = 0x8000_0000;
const OWNER_DIED: u32 = 0x4000_0000;

#[test]
fn a_fatal_signal_ends_the_wait_of_a_vfork() {
    for (signal, dies) in [(SIGTERM, true), (SIGUSR1, true), (SIGQUIT, false)] {
        let mut rig = Rig::new();
        let parent = rig.fork_and_follow();
        rig.leave(nr::VFORK, &[]);
        let child = if rig.pid() == FIRST { FIRST + 2 } else { rig.pid() };
        rig.turn_to(child);
        rig.kill(parent, signal);
        rig.turn_to(FIRST);
        // The parent has its turn in between.
        rig.leave(nr::SCHED_YIELD, &[]);
        rig.turn_to(FIRST);
        let got = rig.call(nr::WAIT4, &[parent, SCRATCH, 1, 0]);
        if dies {
            assert_eq!((got, rig.peek_u32(SCRATCH)), (parent as i64, signal as u32), "{signal}");
        } else {
            assert_eq!(got, 0, "a signal that dumps core waits for the child, as on Linux");
        }
    }
}

#[test]
fn a_signal_that_is_blocked_or_ignored_does_not() {
    let mut rig = Rig::new();
    let parent = rig.fork_and_follow();
    rig.poke_words(SCRATCH, &[1, 0, 0, 0]);
    assert_eq!(rig.call(13, &[SIGHUP, SCRATCH, 0, 8]), 0, "SIG_IGN");
    rig.poke_words(SCRATCH, &[1 << (SIGTERM - 1)]);
    assert_eq!(rig.call(14, &[0, SCRATCH, 0, 8]), 0);
    rig.leave(nr::VFORK, &[]);
    rig.turn_to(FIRST);
    rig.kill(parent, SIGTERM);
    rig.kill(parent, SIGHUP);
    assert_eq!(rig.call(nr::WAIT4, &[parent, SCRATCH, 1, 0]), 0);
}

#[test]
fn the_parent_of_a_copy_can_wait_too() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[1]);
    rig.leave(nr::CLONE, &[CLONE_VFORK | SIGCHLD, 0, 0, 0, 0]);
    let child = rig.pid();
    rig.poke_words(SCRATCH, &[2]);
    assert_eq!(rig.call(nr::SCHED_YIELD, &[]), 0);
    assert_eq!(rig.pid(), child, "the parent waits");
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result(), rig.peek_word(SCRATCH)), (FIRST, child as i64, 1), "it has its own memory");
}

#[test]
fn limits_of_others_are_read_and_set() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.poke_words(SCRATCH, &[10, 20]);
    assert_eq!(rig.call(PRLIMIT64, &[child, NOFILE, SCRATCH, SCRATCH + 16]), 0);
    assert_eq!(rig.peek_word(SCRATCH + 16), 1024);
    assert_eq!(rig.call(PRLIMIT64, &[child, NOFILE, 0, SCRATCH + 16]), 0);
    assert_eq!((rig.peek_word(SCRATCH + 16), rig.peek_word(SCRATCH + 24)), (10, 20));
    assert_eq!(rig.call(PRLIMIT64, &[0, NOFILE, 0, SCRATCH + 16]), 0);
    assert_eq!(rig.peek_word(SCRATCH + 16), 1024, "one's own are as before");
    rig.turn_to(child);
    let dups: Vec<i64> = (0..12).map(|_| rig.call(32, &[1])).collect();
    assert_eq!(dups.last(), Some(&-24), "EMFILE: they hold");
}

#[test]
fn limits_of_other_users_are_not() {
    let ids = |config: &mut KernelConfig| {
        config.credentials.user.saved = config.credentials.user.real.wrapping_add(1);
        config.credentials.user.effective = config.credentials.user.real.wrapping_add(1);
    };
    let mut rig = Rig::configured(ids);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let child = rig.fork();
    assert_eq!(rig.call(PRLIMIT64, &[child, NOFILE, 0, SCRATCH]), EPERM);
    assert_eq!(rig.call(PRLIMIT64, &[0, NOFILE, 0, SCRATCH]), 0);
}

#[test]
fn robust_futexes_of_the_dead_say_so() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    let child = rig.fork();
    let (head, entry, futex) = (page, page + 64, page + 80);
    rig.poke_words(head, &[entry, 16, 0]);
    rig.poke_words(entry, &[head]);
    rig.poke(futex, &(child as u32 | WAITERS).to_le_bytes());
    rig.leave(nr::FUTEX, &[futex, 0, child | u64::from(WAITERS), 0]);
    assert_eq!(rig.pid(), child);
    assert_eq!(rig.call(SET_ROBUST_LIST, &[head, 24]), 0);
    rig.exit(0);
    assert_eq!((rig.pid(), rig.result()), (FIRST, 0), "who waits is woken");
    assert_eq!(rig.peek_u32(futex), WAITERS | OWNER_DIED);
}

#[test]
fn a_list_that_makes_no_sense_ends_somewhere() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    for words in [[page + 64, 16, 0], [8, 0, 0], [page + 64, 17, 0], [page, 16, 9]] {
        let child = rig.fork_and_follow();
        rig.poke_words(page, &words);
        rig.poke_words(page + 64, &[page + 64]);
        rig.poke_words(page + 80, &[7]);
        assert_eq!(rig.call(SET_ROBUST_LIST, &[page, 24]), 0);
        assert_eq!(rig.syscall(nr::EXIT_GROUP, &[0]), Disposition::Resume);
        assert_ne!(rig.pid(), child);
        assert_eq!(rig.peek_word(page + 80), 7, "somebody else's futex");
    }
}
