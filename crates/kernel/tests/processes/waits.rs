//! Waiting: sleeps, timers and futexes of several processes, and what signals and stops make of a wait.

use crate::common::processes::{ANY, FIRST, SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, WUNTRACED, nr};
use crate::common::signals::{EINTR, SA_RESTART, SIGALRM, SIGUSR1, bit};
use crate::common::{Rig, SCRATCH};
use arch::Gpr;
use pagewalk_kernel::Disposition;

const TIME: u64 = SCRATCH + 0x100;
const LEFT: u64 = SCRATCH + 0x120;
const CLOCK: u64 = SCRATCH + 0x140;
const SECOND: u64 = 1_000_000_000;
/// More than the services between two looks at the clock cost.
const SLACK: u64 = 1_000_000;
const FUTEX_WAIT: u64 = 0;
const FUTEX_WAKE: u64 = 1;
const FUTEX_REQUEUE: u64 = 3;
const EAGAIN: i64 = -11;

impl Rig {
    /// Begins to sleep, and another process goes on.
    fn sleep(&mut self, seconds: u64) {
        self.poke_words(TIME, &[seconds, 0]);
        self.leave(nr::NANOSLEEP, &[TIME, LEFT]);
    }

    fn clock(&mut self) -> u64 {
        self.now(CLOCK)
    }

    fn is_about(&mut self, since: u64, ns: u64) {
        let passed = self.clock() - since;
        assert!((ns..ns + SLACK).contains(&passed), "{passed} ns have passed, not {ns}");
    }
}

#[test]
fn sleepers_wake_in_the_order_of_time() {
    let mut rig = Rig::new();
    let start = rig.clock();
    let [a, b] = [rig.fork(), rig.fork()];
    rig.sleep(3);
    assert_eq!(rig.pid(), a);
    rig.sleep(2);
    assert_eq!(rig.pid(), b);
    rig.poke_words(TIME, &[1, 0]);
    for (pid, seconds, next) in [(b, 1, 2), (a, 2, 2), (b, 3, 9)] {
        let disposition =
            if rig.pid() == b && seconds == 1 { rig.syscall(nr::NANOSLEEP, &[TIME, 0]) } else { Disposition::Resume };
        assert_eq!(disposition, Disposition::Resume);
        if rig.pid() == pid {
            assert_eq!(rig.result(), 0);
            rig.is_about(start, seconds * SECOND);
            rig.poke_words(TIME, &[next, 0]);
            rig.leave(nr::NANOSLEEP, &[TIME, 0]);
        }
    }
    assert_eq!(rig.pid(), FIRST, "three seconds, begun first");
    rig.is_about(start, 3 * SECOND);
}

#[test]
fn one_sleeps_while_another_computes() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    let start = rig.clock();
    rig.poke_words(TIME, &[0, 5_000_000]);
    rig.leave(nr::NANOSLEEP, &[TIME, 0]);
    assert_eq!(rig.pid(), FIRST);
    rig.run(4_900_000);
    assert_eq!(rig.pid(), FIRST);
    rig.run(150_000);
    assert_eq!((rig.pid(), rig.result()), (child, 0), "the running one's turn was over long ago");
    rig.is_about(start, 5_000_000);
}

#[test]
fn a_handler_ends_a_sleep_and_the_rest_is_told() {
    for flags in [0, SA_RESTART] {
        let mut rig = Rig::new();
        rig.handle(SIGUSR1, flags, 0);
        let child = rig.fork_and_follow();
        rig.sleep(10);
        rig.run(1000);
        rig.kill(child, SIGUSR1);
        rig.turn_to(child);
        assert!(rig.in_handler());
        rig.sigreturn();
        assert_eq!(rig.result(), EINTR, "SA_RESTART does not matter");
        let left = rig.peek_word(LEFT) * SECOND + rig.peek_word(LEFT + 8);
        assert!((10 * SECOND - SLACK..10 * SECOND).contains(&left), "{left}");
    }
}

#[test]
fn a_sleep_goes_on_after_a_stop_with_its_old_end() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    let start = rig.clock();
    rig.sleep(10);
    rig.kill(child, SIGSTOP);
    rig.poke_words(TIME, &[4, 0]);
    assert_eq!(rig.call(nr::NANOSLEEP, &[TIME, 0]), 0);
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
    assert_eq!(rig.ctx.reg(Gpr::Rax), nr::NANOSLEEP, "it is to be made again");
    assert_eq!(rig.syscall_again(), Disposition::Resume);
    rig.leave(nr::PAUSE, &[]);
    assert_eq!((rig.pid(), rig.result()), (child, 0));
    rig.is_about(start, 10 * SECOND);
}

#[test]
fn a_handler_of_sigcont_ends_the_sleep_that_a_stop_cut_short() {
    let mut rig = Rig::new();
    rig.handle(SIGCONT, 0, 0);
    let child = rig.fork_and_follow();
    let before = rig.ctx.rip;
    rig.poke_words(TIME, &[10, 0]);
    rig.leave(nr::NANOSLEEP, &[TIME, 0]);
    rig.kill(child, SIGSTOP);
    rig.call(nr::SCHED_YIELD, &[]);
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
    assert!(rig.in_handler());
    rig.sigreturn();
    assert_eq!((rig.ctx.rip, rig.result()), (before + 2, EINTR));
}

#[test]
fn what_is_ignored_does_not_end_a_wait() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.set_action(SIGUSR1, 1, 0, 0);
    rig.leave(nr::PAUSE, &[]);
    for signal in [SIGUSR1, SIGCHLD, SIGCONT] {
        rig.kill(child, signal);
        rig.call(nr::SCHED_YIELD, &[]);
        assert_eq!(rig.pid(), FIRST, "{signal}");
    }
}

#[test]
fn a_wait_for_a_child_restarts_or_fails() {
    for (flags, restarts) in [(0, false), (SA_RESTART, true)] {
        let mut rig = Rig::new();
        rig.handle(SIGUSR1, flags, 0);
        let child = rig.fork();
        rig.leave(nr::WAIT4, &[ANY, 0, 0, 0]);
        rig.kill(FIRST, SIGUSR1);
        rig.turn_to(FIRST);
        assert!(rig.in_handler());
        rig.sigreturn();
        if restarts {
            assert_eq!(rig.ctx.reg(Gpr::Rax), nr::WAIT4);
            assert_eq!(rig.syscall_again(), Disposition::Resume);
            assert_eq!(rig.pid(), child);
            rig.exit(0);
            assert_eq!(rig.result() as u64, child);
        } else {
            assert_eq!(rig.result(), EINTR);
        }
    }
}

/// As in Linux, news that are there count more than a signal.
#[test]
fn a_childs_end_is_told_before_its_sigchld_is_handled() {
    let mut rig = Rig::new();
    rig.handle(SIGCHLD, 0, 0);
    let child = rig.fork();
    rig.leave(nr::WAIT4, &[ANY, 0, 0, 0]);
    rig.exit(0);
    assert!(rig.in_handler());
    rig.sigreturn();
    assert_eq!(rig.result() as u64, child);
}

#[test]
fn sigsuspend_waits_for_a_child() {
    let mut rig = Rig::new();
    rig.handle(SIGCHLD, 0, 0);
    rig.block(bit(SIGCHLD));
    let child = rig.fork();
    rig.poke_words(SCRATCH, &[0]);
    rig.leave(nr::RT_SIGSUSPEND, &[SCRATCH, 8]);
    assert_eq!(rig.pid(), child);
    rig.exit(0);
    assert!(rig.in_handler());
    rig.sigreturn();
    assert_eq!(rig.result(), EINTR);
    assert_eq!(rig.mask(), bit(SIGCHLD));
}

#[test]
fn alarms_are_each_process_s_own() {
    let mut rig = Rig::new();
    rig.handle(SIGALRM, 0, 0);
    let start = rig.clock();
    rig.call(nr::ALARM, &[5]);
    let child = rig.fork_and_follow();
    rig.call(nr::ALARM, &[2]);
    rig.leave(nr::PAUSE, &[]);
    assert_eq!(rig.syscall(nr::PAUSE, &[]), Disposition::Resume);
    assert_eq!(rig.pid(), child);
    assert!(rig.in_handler());
    rig.sigreturn();
    assert_eq!(rig.result(), EINTR);
    rig.is_about(start, 2 * SECOND);
    rig.exit(0);
    assert_eq!(rig.pid(), FIRST);
    assert!(rig.in_handler());
    rig.sigreturn();
    rig.is_about(start, 5 * SECOND);
}

#[test]
fn an_alarm_ends_a_process_that_waits_for_its_child() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    let grandchild = rig.fork();
    rig.call(nr::ALARM, &[1]);
    rig.leave(nr::WAIT4, &[ANY, 0, 0, 0]);
    rig.turn_to(grandchild);
    rig.leave(nr::PAUSE, &[]);
    assert_eq!(rig.call(nr::WAIT4, &[child, TIME, 0, 0]) as u64, child);
    assert_eq!(rig.peek_u32(TIME), SIGALRM as u32);
}

#[test]
fn a_timer_by_its_own_time_runs_only_in_its_turns() {
    let mut rig = Rig::new();
    rig.handle(26, 0, 0);
    rig.poke_words(SCRATCH, &[0, 0, 0, 1500]);
    assert_eq!(rig.call(nr::SETITIMER, &[1, SCRATCH, 0]), 0, "ITIMER_VIRTUAL, 1.5 ms");
    let child = rig.fork();
    rig.run(1_000_000);
    assert_eq!(rig.pid(), child);
    rig.run(1_000_000);
    assert_eq!(rig.pid(), FIRST);
    assert!(!rig.in_handler());
    rig.run(499_999);
    assert!(!rig.in_handler());
    rig.run(1);
    assert!(rig.in_handler());
}

/// It expires a million times a second and does nothing: neither may the run hang, nor does anybody wait for it.
#[test]
fn a_timer_that_is_ignored_does_not_keep_the_machine_busy() {
    let mut rig = Rig::new();
    rig.set_action(SIGALRM, 1, 0, 0);
    rig.poke_words(SCRATCH, &[0, 1, 0, 1]);
    assert_eq!(rig.call(nr::SETITIMER, &[0, SCRATCH, 0]), 0);
    let start = rig.clock();
    rig.poke_words(TIME, &[1_000_000, 0]);
    assert_eq!(rig.call(nr::NANOSLEEP, &[TIME, 0]), 0, "eleven days");
    rig.is_about(start, 1_000_000 * SECOND);
    assert!(matches!(rig.syscall(nr::PAUSE, &[]), Disposition::Deadlock(_)));
}

#[test]
fn a_futex_wakes_another_process_in_shared_memory() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    rig.poke_words(page, &[1]);
    let [a, b] = [rig.fork(), rig.fork()];
    rig.turn_to(a);
    rig.leave(nr::FUTEX, &[page, FUTEX_WAIT, 1, 0]);
    rig.turn_to(b);
    rig.leave(nr::FUTEX, &[page, FUTEX_WAIT, 1, 0]);
    assert_eq!(rig.pid(), FIRST);
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAIT, 2, 0]), EAGAIN);
    assert_eq!(rig.call(nr::FUTEX, &[page + 4, FUTEX_WAKE, 9]), 0, "another word");
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAKE | 128, 9]), 0, "private to another address space");
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAKE, 1]), 1);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!((rig.pid(), rig.result()), (a, 0), "the one that has waited longest");
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAKE, 9]), 1);
    rig.turn_to(b);
    assert_eq!(rig.result(), 0);
}

#[test]
fn private_memory_at_the_same_address_is_another_futex() {
    let mut rig = Rig::new();
    rig.poke_words(SCRATCH, &[1]);
    let child = rig.fork_and_follow();
    rig.leave(nr::FUTEX, &[SCRATCH, FUTEX_WAIT, 1, 0]);
    assert_eq!(rig.call(nr::FUTEX, &[SCRATCH, FUTEX_WAKE, 9]), 0);
    rig.kill(child, SIGKILL);
}

#[test]
fn a_requeued_waiter_waits_for_the_other_word() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    let child = rig.fork_and_follow();
    rig.leave(nr::FUTEX, &[page, FUTEX_WAIT, 0, 0]);
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_REQUEUE, 0, 9, page + 8]), 0, "nobody woken");
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAKE, 9]), 0);
    assert_eq!(rig.call(nr::FUTEX, &[page + 8, FUTEX_WAKE, 9]), 1);
    rig.turn_to(child);
    assert_eq!(rig.result(), 0);
}

/// A wake-up that comes while a waiter is stopped finds nobody; what saves the waiter is that it looks at the word again.
#[test]
fn a_futex_wait_that_a_stop_cut_short_looks_again() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    let child = rig.fork_and_follow();
    rig.leave(nr::FUTEX, &[page, FUTEX_WAIT, 0, 0]);
    rig.kill(child, SIGSTOP);
    assert_eq!(rig.call(nr::WAIT4, &[child, 0, WUNTRACED, 0]) as u64, child);
    rig.poke_words(page, &[1]);
    assert_eq!(rig.call(nr::FUTEX, &[page, FUTEX_WAKE, 9]), 0);
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
    assert_eq!(rig.syscall_again(), Disposition::Resume);
    assert_eq!((rig.pid(), rig.result()), (child, EAGAIN));
}

#[test]
fn sigtimedwait_takes_a_signal_of_another_process_and_gives_up_in_time() {
    let mut rig = Rig::new();
    rig.block(bit(SIGUSR1));
    let child = rig.fork_and_follow();
    rig.poke_words(SCRATCH, &[bit(SIGUSR1), 0, 0, 0]);
    rig.leave(nr::RT_SIGTIMEDWAIT, &[SCRATCH, SCRATCH + 64, 0, 8]);
    rig.kill(child, SIGUSR1);
    rig.turn_to(child);
    assert_eq!(rig.result() as u64, SIGUSR1);
    assert_eq!(rig.peek_u32(SCRATCH + 64 + 16) as u64, FIRST, "si_pid");
    let start = rig.clock();
    rig.poke_words(TIME, &[3, 0]);
    rig.leave(nr::RT_SIGTIMEDWAIT, &[SCRATCH, 0, TIME, 8]);
    rig.leave(nr::PAUSE, &[]);
    assert_eq!((rig.pid(), rig.result()), (child, EAGAIN));
    rig.is_about(start, 3 * SECOND);
}
