//! wait4 and waitid: which child, which news, and what is told; zombies and orphans.

use crate::common::processes::{
    ANY, EBADF, ECHILD, EFAULT, EINVAL, ESRCH, FIRST, SIGCHLD, SIGCONT, SIGKILL, SIGSTOP, WCONTINUED, WEXITED, WNOHANG,
    WNOWAIT, WUNTRACED, nr,
};
use crate::common::signals::{HANDLER, SA_SIGINFO, SIGINFO_AT, SIGUSR1, bit};
use crate::common::{Rig, SCRATCH};
use arch::Gpr;

const STATUS: u64 = SCRATCH + 0x100;
const USAGE: u64 = SCRATCH + 0x200;
const INFO: u64 = SCRATCH + 0x400;
const WCLONE: u64 = 0x8000_0000;
const WALL: u64 = 0x4000_0000;
const SA_NOCLDSTOP: u64 = 1;
const SA_NOCLDWAIT: u64 = 2;

impl Rig {
    fn wait4(&mut self, pid: u64, options: u64) -> (i64, u32) {
        self.poke_words(STATUS, &[0xdead]);
        let result = self.call(nr::WAIT4, &[pid, STATUS, options, 0]);
        (result, self.peek_u32(STATUS))
    }

    /// `si_signo`, `si_code`, `si_pid`, `si_uid` is left out, `si_status`.
    fn waitid(&mut self, kind: u64, id: u64, options: u64) -> (i64, [u32; 4]) {
        self.poke_words(INFO, &[u64::MAX; 16]);
        let result = self.call(nr::WAITID, &[kind, id, INFO, options, 0]);
        (result, [0, 8, 16, 24].map(|at| self.peek_u32(INFO + at)))
    }
}

#[test]
fn a_parent_waits_until_its_child_ends() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.leave(nr::WAIT4, &[ANY, STATUS, 0, 0]);
    assert_eq!(rig.pid(), child);
    rig.exit(0x107);
    assert_eq!((rig.pid(), rig.result() as u64), (FIRST, child));
    assert_eq!(rig.peek_u32(STATUS), 0x700, "the low byte of the status");
    assert_eq!(rig.wait4(ANY, 0).0, ECHILD, "told once");
}

#[test]
fn a_zombie_waits_to_be_asked() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.exit(3);
    assert_eq!(rig.call(nr::KILL, &[child, 0]), 0, "a zombie is there");
    assert_eq!(rig.call(nr::GETPGID, &[child]) as u64, FIRST);
    assert_eq!(rig.wait4(child, 0), (child as i64, 0x300));
    assert_eq!(rig.call(nr::KILL, &[child, 0]), ESRCH);
}

#[test]
fn who_is_waited_for() {
    let mut rig = Rig::new();
    let [a, b] = [rig.fork(), rig.fork()];
    assert_eq!(rig.call(nr::SETPGID, &[b, b]), 0);
    let (group_b, no_group) = (b.wrapping_neg(), 77_u64.wrapping_neg());
    for who in [ANY, a, b, 0, group_b, FIRST.wrapping_neg()] {
        assert_eq!(rig.wait4(who, WNOHANG), (0, 0xdead), "{}", who as i64);
    }
    for who in [no_group, FIRST, 4242, 1] {
        assert_eq!(rig.wait4(who, WNOHANG).0, ECHILD, "{}", who as i64);
    }
    rig.turn_to(b);
    rig.exit(2);
    rig.turn_to(FIRST);
    assert_eq!(rig.wait4(0, WNOHANG).0, 0, "it is in another group");
    assert_eq!(rig.wait4(a, WNOHANG).0, 0);
    assert_eq!(rig.wait4(group_b, WNOHANG), (b as i64, 0x200));
    rig.leave(nr::WAIT4, &[a, STATUS, 0, 0]);
    rig.exit(1);
    assert_eq!((rig.result() as u64, rig.peek_u32(STATUS)), (a, 0x100));
}

#[test]
fn the_child_that_was_asked_for_is_told_although_another_ended_first() {
    let mut rig = Rig::new();
    let [a, b] = [rig.fork(), rig.fork()];
    rig.leave(nr::WAIT4, &[b, STATUS, 0, 0]);
    assert_eq!(rig.pid(), a);
    rig.exit(1);
    assert_eq!(rig.pid(), b, "the parent still waits");
    rig.exit(2);
    assert_eq!((rig.pid(), rig.result() as u64), (FIRST, b));
    assert_eq!(rig.wait4(ANY, 0), (a as i64, 0x100));
}

#[test]
fn errors_are_those_of_linux() {
    let mut rig = Rig::new();
    rig.fork();
    let min = i64::from(i32::MIN) as u64;
    for (pid, options, error) in
        [(ANY, WEXITED, EINVAL), (ANY, WNOWAIT, EINVAL), (ANY, 0x10, EINVAL), (min, 0, ESRCH), (4242, 0, ECHILD)]
    {
        assert_eq!(rig.call(nr::WAIT4, &[pid, STATUS, options, 0]), error, "{} {options:#x}", pid as i64);
    }
    for (kind, id, options, error) in [
        (0, 0, WNOHANG, EINVAL),
        (0, 0, WEXITED | 0x10, EINVAL),
        (1, 0, WEXITED, EINVAL),
        (1, ANY, WEXITED, EINVAL),
        (2, ANY, WEXITED, EINVAL),
        (3, 99, WEXITED, EBADF),
        (4, 1, WEXITED, EINVAL),
        (1, 4242, WEXITED, ECHILD),
    ] {
        assert_eq!(rig.waitid(kind, id, options).0, error, "{kind} {id} {options:#x}");
    }
}

#[test]
fn a_bad_pointer_costs_the_zombie() {
    let mut rig = Rig::new();
    rig.fork_and_follow();
    rig.exit(0);
    assert_eq!(rig.call(nr::WAIT4, &[ANY, 8, 0, 0]), EFAULT);
    assert_eq!(rig.wait4(ANY, 0).0, ECHILD);
}

#[test]
fn stops_and_continuations_are_told_once_each() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.kill(child, SIGSTOP);
    assert_eq!(rig.wait4(ANY, WNOHANG | WUNTRACED).0, 0, "it has had no turn to stop in");
    assert_eq!(rig.call(nr::SCHED_YIELD, &[]), 0);
    assert_eq!(rig.wait4(ANY, WNOHANG).0, 0, "nobody asked for stops");
    assert_eq!(rig.wait4(ANY, WNOHANG | WCONTINUED).0, 0);
    assert_eq!(rig.wait4(ANY, WUNTRACED), (child as i64, 0x137f));
    assert_eq!(rig.wait4(ANY, WNOHANG | WUNTRACED).0, 0);
    rig.kill(child, SIGCONT);
    assert_eq!(rig.wait4(ANY, WNOHANG | WUNTRACED).0, 0);
    assert_eq!(rig.wait4(ANY, WCONTINUED), (child as i64, 0xffff));
    assert_eq!(rig.wait4(ANY, WNOHANG | WCONTINUED).0, 0);
    rig.kill(child, SIGKILL);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(rig.wait4(ANY, WUNTRACED | WCONTINUED), (child as i64, 9));
}

#[test]
fn a_waiting_parent_wakes_for_a_stop_if_it_asked_for_stops() {
    for (options, wakes) in [(WUNTRACED, true), (WCONTINUED, false)] {
        let mut rig = Rig::new();
        let [a, b] = [rig.fork(), rig.fork()];
        rig.leave(nr::WAIT4, &[ANY, STATUS, options, 0]);
        assert_eq!(rig.pid(), a);
        rig.leave(nr::KILL, &[a, SIGSTOP]);
        rig.turn_to(b);
        rig.call(nr::SCHED_YIELD, &[]);
        assert_eq!(rig.pid() == FIRST, wakes);
        if !wakes {
            rig.kill(a, SIGCONT);
            rig.turn_to(FIRST);
        }
        assert_eq!(rig.result() as u64, a);
        assert_eq!(rig.peek_u32(STATUS), if wakes { 0x137f } else { 0xffff });
    }
}

#[test]
fn waitid_tells_in_a_siginfo_and_can_leave_the_news() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.exit(5);
    let told = [SIGCHLD as u32, 1, child as u32, 5];
    assert_eq!(rig.waitid(0, 0, WEXITED | WNOWAIT), (0, told));
    assert_eq!(rig.waitid(2, 0, WEXITED | WNOWAIT), (0, told), "its own group");
    assert_eq!(rig.waitid(2, FIRST, WEXITED | WNOWAIT), (0, told));
    assert_eq!(rig.waitid(1, child, WUNTRACED | WNOHANG), (0, [0; 4]), "an end was not asked for");
    assert_eq!(rig.waitid(1, child, WEXITED), (0, told));
    assert_eq!(rig.waitid(1, child, WEXITED), (ECHILD, [0; 4]), "Linux writes the structure all the same");
}

#[test]
fn waitid_of_a_stop_a_continuation_and_a_death() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.kill(child, SIGSTOP);
    rig.call(nr::SCHED_YIELD, &[]);
    let pid = child as u32;
    assert_eq!(rig.waitid(1, child, WUNTRACED | WNOWAIT), (0, [17, 5, pid, 19]));
    assert_eq!(rig.waitid(1, child, WUNTRACED), (0, [17, 5, pid, 19]));
    assert_eq!(rig.waitid(1, child, WUNTRACED | WNOHANG), (0, [0; 4]));
    rig.kill(child, SIGCONT);
    assert_eq!(rig.waitid(1, child, WCONTINUED), (0, [17, 6, pid, 18]));
    rig.kill(child, SIGKILL);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(rig.waitid(1, child, WEXITED), (0, [17, 2, pid, 9]));
}

#[test]
fn children_that_do_not_send_sigchld_are_another_kind() {
    let mut rig = Rig::new();
    let quiet = rig.call(nr::CLONE, &[0, 0, 0, 0, 0]) as u64;
    assert_eq!(rig.wait4(ANY, WNOHANG).0, ECHILD);
    assert_eq!(rig.wait4(quiet, WNOHANG).0, ECHILD);
    assert_eq!(rig.wait4(ANY, WNOHANG | WCLONE).0, 0);
    assert_eq!(rig.wait4(ANY, WNOHANG | WALL).0, 0);
    rig.turn_to(quiet);
    rig.exit(4);
    assert_eq!(rig.wait4(ANY, WCLONE), (quiet as i64, 0x400));
    rig.fork();
    assert_eq!(rig.wait4(ANY, WNOHANG | WCLONE).0, ECHILD);
    assert_eq!(rig.wait4(ANY, WNOHANG | WALL | WCLONE).0, 0);
}

#[test]
fn what_a_child_used_is_told_and_added_when_it_is_waited_for() {
    let mut rig = Rig::new();
    rig.fork_and_follow();
    rig.run(6_000_000);
    rig.poke(SCRATCH, b"copied");
    rig.exit(0);
    let children = |rig: &mut Rig| {
        assert_eq!(rig.call(nr::GETRUSAGE, &[-1_i64 as u64, USAGE]), 0);
        (rig.peek_word(USAGE + 8), rig.peek_word(USAGE + 64))
    };
    assert_eq!(children(&mut rig), (0, 0), "not before the wait");
    assert!(rig.call(nr::WAIT4, &[ANY, 0, 0, USAGE]) > 0);
    let told = (rig.peek_word(USAGE + 8), rig.peek_word(USAGE + 64));
    assert!(told.0 >= 3000, "microseconds of its turns: {}", told.0);
    assert!(told.1 >= 1, "its page fault");
    assert_eq!(children(&mut rig), told);
}

#[test]
fn a_stopped_child_has_used_time_too() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.run(500_000);
    rig.leave(nr::KILL, &[child, SIGSTOP]);
    assert_eq!(rig.call(nr::WAIT4, &[ANY, 0, WUNTRACED, USAGE]) as u64, child);
    assert_eq!(rig.peek_word(USAGE + 8), 500);
}

#[test]
fn an_orphan_belongs_to_init_and_leaves_nothing() {
    let mut rig = Rig::new();
    let middle = rig.fork_and_follow();
    let orphan = rig.fork();
    rig.exit(0);
    rig.turn_to(orphan);
    assert_eq!(rig.call(nr::GETPPID, &[]), 1);
    rig.turn_to(FIRST);
    assert_eq!(rig.wait4(ANY, 0).0 as u64, middle);
    assert_eq!(rig.wait4(ANY, 0).0, ECHILD, "a grandchild is nobody's child here");
    rig.turn_to(orphan);
    rig.exit(0);
    assert_eq!(rig.call(nr::KILL, &[orphan, 0]), ESRCH);
}

#[test]
fn zombies_go_with_their_parent() {
    let mut rig = Rig::new();
    let middle = rig.fork_and_follow();
    let zombie = rig.fork();
    rig.turn_to(zombie);
    rig.exit(0);
    rig.turn_to(middle);
    assert_eq!(rig.call(nr::KILL, &[zombie, 0]), 0);
    rig.exit(0);
    assert_eq!(rig.call(nr::KILL, &[zombie, 0]), ESRCH);
    assert_eq!(rig.call(nr::KILL, &[middle, 0]), 0);
}

#[test]
fn sigchld_tells_who_and_how() {
    let mut rig = Rig::new();
    rig.handle(SIGCHLD, SA_SIGINFO, 0);
    let child = rig.fork_and_follow();
    rig.run(20_000_000);
    rig.turn_to(child);
    rig.exit(6);
    assert!(rig.in_handler());
    let info = rig.ctx.reg(Gpr::Rsp) + SIGINFO_AT;
    let words = [0, 8, 16, 24].map(|at| rig.peek_u32(info + at));
    assert_eq!(words, [17, 1, child as u32, 6]);
    let ticks = rig.peek_word(info + 32);
    assert!((1..=2).contains(&ticks), "si_utime in hundredths of a second: {ticks}");
}

#[test]
fn sigchld_of_stops_can_be_turned_off() {
    for (flags, told) in [(0, true), (SA_NOCLDSTOP, false)] {
        let mut rig = Rig::new();
        rig.handle(SIGCHLD, flags, 0);
        let child = rig.fork_and_follow();
        rig.leave(nr::KILL, &[child, SIGSTOP]);
        assert_eq!(rig.in_handler(), told);
        rig.ctx.rip = HANDLER + 8;
        rig.sigreturn_if(told);
        rig.syscall(nr::KILL, &[child, SIGCONT]);
        assert_eq!(rig.in_handler(), told);
        rig.sigreturn_if(told);
        rig.syscall(nr::KILL, &[child, SIGKILL]);
        rig.call(nr::SCHED_YIELD, &[]);
        assert!(rig.in_handler(), "an end is always told");
    }
}

impl Rig {
    fn sigreturn_if(&mut self, is_in_handler: bool) {
        if is_in_handler {
            self.sigreturn();
        }
    }
}

/// As a native program sees it: no zombie, ECHILD, nothing added to what the children have used.
#[test]
fn children_that_nobody_wants_to_know_of_leave_no_zombie() {
    for (handler, flags, has_signal) in [(1, 0, false), (0, SA_NOCLDWAIT, false), (HANDLER, SA_NOCLDWAIT, true)] {
        let mut rig = Rig::new();
        rig.block(bit(SIGCHLD));
        rig.set_action(SIGCHLD, handler, flags, 0);
        let [a, b] = [rig.fork(), rig.fork()];
        rig.leave(nr::WAIT4, &[ANY, STATUS, 0, 0]);
        assert_eq!(rig.pid(), a);
        rig.poke(SCRATCH, b"copied");
        rig.exit(1);
        assert_eq!(rig.pid(), b, "the wait is for all of them to end");
        rig.exit(1);
        assert_eq!((rig.pid(), rig.result()), (FIRST, ECHILD));
        assert_eq!(rig.call(nr::KILL, &[a, 0]), ESRCH);
        assert_eq!(rig.call(nr::GETRUSAGE, &[-1_i64 as u64, USAGE]), 0);
        assert_eq!(rig.peek_word(USAGE + 64), 0, "not waited for, not added");
        assert_eq!(rig.call(nr::RT_SIGPENDING, &[SCRATCH, 8]), 0);
        let pending = rig.peek_word(SCRATCH) & bit(SIGCHLD) != 0;
        assert_eq!(pending, has_signal || handler == 0, "handler {handler:#x}");
    }
}

#[test]
fn another_signal_can_tell_of_the_end() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, SA_SIGINFO, 0);
    let child = rig.call(nr::CLONE, &[SIGUSR1, 0, 0, 0, 0]) as u64;
    rig.turn_to(child);
    rig.exit(1);
    assert!(rig.in_handler());
    assert_eq!(rig.ctx.reg(Gpr::Rdi), SIGUSR1);
}
