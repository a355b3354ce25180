//! kill, process groups and sessions, stopping and continuing, and what is sent when a parent ends.

use crate::common::processes::{
    ANY, EINVAL, EPERM, ESRCH, FIRST, SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGSTOP, SIGTERM, SIGTSTP, WNOHANG, WUNTRACED,
    nr,
};
use crate::common::signals::{HANDLER, SA_SIGINFO, SIGINFO_AT, SIGUSR1, SIGUSR2, bit};
use crate::common::{Rig, SCRATCH};
use arch::Gpr;
use pagewalk_kernel::{Credentials, Disposition, Ids};

const STATUS: u64 = SCRATCH + 0x100;
const PR_SET_PDEATHSIG: u64 = 1;
const PR_SET_CHILD_SUBREAPER: u64 = 36;

fn minus(id: u64) -> u64 {
    id.wrapping_neg()
}

impl Rig {
    /// The status of a child that has ended or, if `options` ask, stopped.
    fn status_of(&mut self, pid: u64, options: u64) -> u32 {
        assert_eq!(self.call(nr::WAIT4, &[pid, STATUS, options, 0]) as u64, pid);
        self.peek_u32(STATUS)
    }

    fn has_stopped(&mut self, pid: u64) -> bool {
        self.call(nr::WAIT4, &[pid, STATUS, WNOHANG | WUNTRACED, 0]) as u64 == pid
    }

    fn pending(&mut self) -> u64 {
        assert_eq!(self.call(nr::RT_SIGPENDING, &[SCRATCH, 8]), 0);
        self.peek_word(SCRATCH)
    }
}

#[test]
fn kill_reaches_one_a_group_or_everybody() {
    for (target, reached) in [
        (FIRST + 1, [false, true, false, false]),
        (0, [true, true, false, false]),
        (minus(FIRST), [true, true, false, false]),
        (minus(FIRST + 2), [false, false, true, true]),
        (ANY, [false, true, true, true]),
    ] {
        let mut rig = Rig::new();
        rig.block(bit(SIGUSR1));
        let children = [rig.fork(), rig.fork(), rig.fork()];
        assert_eq!(rig.call(nr::SETPGID, &[children[1], children[1]]), 0);
        assert_eq!(rig.call(nr::SETPGID, &[children[2], children[1]]), 0);
        rig.kill(target, SIGUSR1);
        for (pid, expected) in (FIRST..).zip(reached) {
            rig.turn_to(pid);
            assert_eq!(rig.pending() == bit(SIGUSR1), expected, "{} to {pid}", target as i64);
        }
    }
}

#[test]
fn kill_refuses_as_linux_does() {
    let mut rig = Rig::new();
    let min = i64::from(i32::MIN) as u64;
    for (pid, signal, error) in [
        (4242, 0, ESRCH),
        (4242, 65, ESRCH),
        (FIRST, 65, EINVAL),
        (minus(4242), 0, ESRCH),
        (ANY, SIGTERM, ESRCH),
        (min, SIGTERM, ESRCH),
        (1, 0, ESRCH),
    ] {
        assert_eq!(rig.call(nr::KILL, &[pid, signal]), error, "{} {signal}", pid as i64);
    }
}

#[test]
fn strangers_may_not_be_signalled() {
    let mut rig = Rig::configured(|config| config.credentials = Credentials { user: Ids::all(0), group: Ids::all(0) });
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let child = rig.fork_and_follow();
    assert_eq!(rig.call(105, &[1234]), 0, "setuid");
    for target in [FIRST, minus(4243), FIRST] {
        let expected = if target == FIRST { EPERM } else { ESRCH };
        assert_eq!(rig.call(nr::KILL, &[target, SIGTERM]), expected);
    }
    assert_eq!(rig.call(nr::KILL, &[0, 0]), 0, "one of the group was reached: itself");
    assert_eq!(rig.call(nr::KILL, &[ANY, 0]), 0, "everybody: a refusal is no error");
    assert_eq!(rig.call(nr::TGKILL, &[FIRST, FIRST, 0]), EPERM);
    assert_eq!(rig.call(nr::KILL, &[FIRST, SIGCONT]), 0, "in the same session one may continue");
    rig.turn_to(FIRST);
    rig.kill(child, SIGTERM);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(rig.status_of(child, 0), 15, "root may");
}

#[test]
fn the_receiver_is_told_who_sent() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, SA_SIGINFO, 0);
    let child = rig.fork();
    rig.turn_to(child);
    rig.kill(FIRST, SIGUSR1);
    rig.turn_to(FIRST);
    assert!(rig.in_handler());
    let info = rig.ctx.reg(Gpr::Rsp) + SIGINFO_AT;
    assert_eq!([0, 8, 16].map(|at| rig.peek_u32(info + at)), [10, 0, child as u32]);
}

#[test]
fn groups_and_sessions_have_their_rules() {
    let mut rig = Rig::new();
    let [a, b] = [rig.fork(), rig.fork()];
    assert_eq!(rig.call(nr::SETPGID, &[4242, 0]), ESRCH);
    assert_eq!(rig.call(nr::SETPGID, &[a, ANY]), EINVAL);
    assert_eq!(rig.call(nr::SETPGID, &[a, 4242]), EPERM, "no such group");
    assert_eq!(rig.call(nr::SETPGID, &[a, a]), 0);
    assert_eq!(rig.call(nr::SETPGID, &[b, a]), 0);
    assert_eq!(rig.call(nr::GETPGID, &[b]) as u64, a);
    rig.turn_to(b);
    assert_eq!(rig.call(nr::SETPGID, &[a, 0]), ESRCH, "not its child");
    assert_eq!(rig.call(nr::SETSID, &[]) as u64, b);
    assert_eq!((rig.call(nr::GETSID, &[0]) as u64, rig.call(nr::GETPGID, &[0]) as u64), (b, b));
    assert_eq!(rig.call(nr::SETSID, &[]), EPERM, "it leads its group");
    assert_eq!(rig.call(nr::SETPGID, &[0, 0]), EPERM, "the leader of a session");
    assert_eq!(rig.call(nr::SETPGID, &[0, a]), EPERM);
    let grandchild = rig.fork();
    assert_eq!(rig.call(nr::SETPGID, &[grandchild, a]), EPERM, "a group of another session");
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::SETPGID, &[b, FIRST]), EPERM, "it is in another session");
    assert_eq!(rig.call(nr::GETSID, &[a]), 999);
    assert_eq!(rig.call(nr::GETSID, &[4242]), ESRCH);
    rig.turn_to(a);
    assert_eq!(rig.call(nr::SETSID, &[]), EPERM);
}

/// An id that still names a group is not given to a new process, whose group it would seem to be.
#[test]
fn a_group_outlives_its_leader() {
    let mut rig = Rig::new();
    let [leader, member] = [rig.fork(), rig.fork()];
    rig.call(nr::SETPGID, &[leader, leader]);
    rig.call(nr::SETPGID, &[member, leader]);
    rig.turn_to(leader);
    rig.exit(0);
    rig.turn_to(FIRST);
    rig.status_of(leader, 0);
    let other = rig.fork();
    assert_eq!(rig.call(nr::SETPGID, &[other, leader]), 0);
    rig.kill(minus(leader), SIGKILL);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!((rig.status_of(member, 0), rig.status_of(other, 0)), (9, 9));
}

#[test]
fn a_stopped_process_has_no_turn_until_it_is_continued() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.kill(child, SIGSTOP);
    for _ in 0..4 {
        rig.call(nr::SCHED_YIELD, &[]);
        assert_eq!(rig.pid(), FIRST);
    }
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
}

#[test]
fn continuing_takes_back_a_stop_and_the_reverse() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.kill(child, SIGSTOP);
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
    rig.turn_to(FIRST);
    assert!(!rig.has_stopped(child), "the stop was taken back before it came");
    // A SIGCONT that waits to be handled goes when a stop is sent.
    rig.turn_to(child);
    rig.handle(SIGCONT, 0, 0);
    rig.turn_to(FIRST);
    rig.kill(child, SIGCONT);
    rig.kill(child, SIGSTOP);
    rig.call(nr::SCHED_YIELD, &[]);
    assert!(rig.has_stopped(child));
    rig.kill(child, SIGCONT);
    rig.turn_to(child);
    assert!(rig.in_handler());
}

#[test]
fn signals_wait_while_a_process_is_stopped() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, 0, 0);
    let child = rig.fork();
    rig.kill(child, SIGSTOP);
    rig.call(nr::SCHED_YIELD, &[]);
    rig.kill(child, SIGUSR1);
    rig.kill(child, SIGTERM);
    rig.call(nr::SCHED_YIELD, &[]);
    assert!(rig.has_stopped(child));
    rig.kill(child, SIGCONT);
    rig.call(nr::SCHED_YIELD, &[]);
    assert_eq!(rig.status_of(child, 0), 15);
}

#[test]
fn sigkill_ends_a_process_whatever_it_does() {
    type Prepare = fn(&mut Rig);
    let states: [(&str, Prepare); 6] = [
        ("runnable", |_| ()),
        ("in pause", |rig| rig.leave(nr::PAUSE, &[])),
        ("with everything blocked", |rig| rig.block(u64::MAX)),
        ("stopped", |rig| {
            let me = rig.pid();
            rig.leave(nr::KILL, &[me, SIGSTOP]);
        }),
        ("waiting for a child", |rig| {
            rig.fork();
            rig.leave(nr::WAIT4, &[ANY, 0, 0, 0]);
        }),
        ("about to be stopped by another signal", |rig| {
            let me = rig.pid();
            rig.turn_to(FIRST);
            rig.call(nr::TGKILL, &[me, me, SIGSTOP]);
        }),
    ];
    for (name, prepare) in states {
        let mut rig = Rig::new();
        let child = rig.fork_and_follow();
        prepare(&mut rig);
        rig.turn_to(FIRST);
        rig.kill(child, SIGKILL);
        rig.call(nr::SCHED_YIELD, &[]);
        rig.turn_to(FIRST);
        assert_eq!(rig.status_of(child, WNOHANG), 9, "{name}");
    }
}

#[test]
fn the_terminals_stop_does_nothing_in_an_orphaned_group() {
    for (orphaned, signal, stops) in [(false, SIGTSTP, true), (true, SIGTSTP, false), (true, SIGSTOP, true)] {
        let mut rig = Rig::new();
        let child = rig.fork_and_follow();
        if orphaned {
            rig.call(nr::SETSID, &[]); // its parent is in another session
        }
        rig.turn_to(FIRST);
        rig.kill(child, signal);
        rig.call(nr::SCHED_YIELD, &[]);
        rig.turn_to(FIRST);
        assert_eq!(rig.has_stopped(child), stops, "{orphaned} {signal}");
    }
}

/// A stopped child of the group is none of the business of another that ends: the group has its parent outside.
#[test]
fn an_end_in_a_group_that_is_not_orphaned_hangs_up_nobody() {
    let mut rig = Rig::new();
    let [stopped, ending] = [rig.fork(), rig.fork()];
    rig.kill(stopped, SIGSTOP);
    rig.turn_to(ending);
    rig.exit(0);
    rig.turn_to(FIRST);
    assert_eq!(rig.status_of(ending, 0), 0, "nobody was hung up");
    assert_eq!(rig.status_of(stopped, WUNTRACED), 0x137f);
}

#[test]
fn a_job_of_a_shell_that_ends_is_hung_up_and_continued() {
    let mut rig = Rig::new();
    let shell = rig.fork_and_follow();
    rig.call(nr::SETPGID, &[0, 0]);
    rig.handle(SIGHUP, 0, 0);
    let job = rig.fork_and_follow();
    rig.call(nr::SETPGID, &[0, 0]);
    rig.leave(nr::KILL, &[job, SIGSTOP]);
    rig.turn_to(shell);
    rig.exit(0);
    rig.turn_to(job);
    assert!(rig.in_handler(), "SIGHUP, and SIGCONT to come to it");
    assert_eq!(rig.ctx.reg(Gpr::Rdi), SIGHUP);
}

#[test]
fn a_job_that_runs_is_left_alone_when_its_shell_ends() {
    let mut rig = Rig::new();
    let shell = rig.fork_and_follow();
    rig.call(nr::SETPGID, &[0, 0]);
    let job = rig.fork();
    rig.call(nr::SETPGID, &[job, job]);
    rig.exit(0);
    rig.turn_to(job);
    rig.turn_to(FIRST);
    assert_eq!(rig.status_of(shell, 0), 0);
    assert_eq!(rig.call(nr::KILL, &[job, 0]), 0);
}

#[test]
fn a_parents_death_can_send_a_signal() {
    let mut rig = Rig::new();
    rig.handle(SIGUSR1, SA_SIGINFO, 0);
    let middle = rig.fork_and_follow();
    let child = rig.fork_and_follow();
    assert_eq!(rig.call(nr::PRCTL, &[PR_SET_PDEATHSIG, 65]), EINVAL);
    assert_eq!(rig.call(nr::PRCTL, &[PR_SET_PDEATHSIG, SIGUSR1]), 0);
    assert_eq!(rig.call(nr::PRCTL, &[2, SCRATCH]), 0, "PR_GET_PDEATHSIG");
    assert_eq!(rig.peek_u32(SCRATCH), 10);
    let grandchild = rig.fork();
    rig.turn_to(middle);
    rig.exit(0);
    rig.turn_to(child);
    assert!(rig.in_handler());
    let info = rig.ctx.reg(Gpr::Rsp) + SIGINFO_AT;
    assert_eq!([0, 8, 16].map(|at| rig.peek_u32(info + at)), [10, 0, middle as u32], "as if the parent had sent it");
    rig.turn_to(grandchild);
    assert_eq!(rig.call(nr::PRCTL, &[2, SCRATCH]), 0);
    assert_eq!(rig.peek_u32(SCRATCH), 0, "a child starts without");
}

#[test]
fn a_subreaper_takes_in_orphans() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(nr::PRCTL, &[PR_SET_CHILD_SUBREAPER, 1]), 0);
    let middle = rig.fork_and_follow();
    let child = rig.fork_and_follow();
    let orphan = rig.fork();
    rig.exit(0);
    rig.turn_to(middle);
    rig.status_of(child, 0);
    rig.turn_to(orphan);
    assert_eq!(rig.call(nr::GETPPID, &[]) as u64, FIRST, "not the nearest ancestor, the nearest subreaper");
    rig.exit(9);
    rig.turn_to(FIRST);
    assert_eq!(rig.status_of(orphan, 0), 0x900);
}

#[test]
fn a_subreaper_is_told_of_a_zombie_that_it_takes_in() {
    let mut rig = Rig::new();
    rig.call(nr::PRCTL, &[PR_SET_CHILD_SUBREAPER, 1]);
    rig.block(bit(SIGCHLD) | bit(SIGUSR2));
    let middle = rig.call(nr::CLONE, &[0, 0, 0, 0, 0]) as u64;
    rig.turn_to(middle);
    let zombie = rig.call(nr::CLONE, &[SIGUSR2, 0, 0, 0, 0]) as u64;
    rig.turn_to(zombie);
    rig.exit(8);
    rig.turn_to(middle);
    rig.exit(0);
    rig.turn_to(FIRST);
    assert_eq!(rig.pending(), bit(SIGCHLD), "by SIGCHLD, whatever it was to send; its parent sends nothing");
    assert_eq!(rig.status_of(zombie, 0), 0x800);
}

#[test]
fn a_subreaper_that_ignores_its_children_gets_no_zombies() {
    let mut rig = Rig::new();
    rig.call(nr::PRCTL, &[PR_SET_CHILD_SUBREAPER, 1]);
    let middle = rig.fork_and_follow();
    let zombie = rig.fork_and_follow();
    rig.exit(8);
    rig.turn_to(FIRST);
    rig.set_action(SIGCHLD, 1, 0, 0);
    rig.turn_to(middle);
    rig.exit(0);
    rig.turn_to(FIRST);
    assert_eq!(rig.call(nr::KILL, &[zombie, 0]), ESRCH);
}

/// A stop cuts a call of one process short; that is nothing to the process that handles a signal next.
#[test]
fn a_call_that_a_stop_cut_short_is_its_process_s_own() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.leave(nr::PAUSE, &[]);
    rig.handle(SIGCHLD, 0, 0);
    let behind_kill = rig.ctx.rip + 2;
    rig.kill(child, SIGSTOP);
    assert_eq!(rig.ctx.rip, behind_kill);
    // The child stops, and its parent, which has the next turn, handles SIGCHLD.
    assert_eq!(rig.syscall(nr::SCHED_YIELD, &[]), Disposition::Resume);
    assert_eq!((rig.pid(), rig.ctx.rip), (FIRST, HANDLER));
    rig.sigreturn();
    assert_eq!((rig.ctx.rip, rig.result()), (behind_kill + 2, 0), "sched_yield returned 0");
}
