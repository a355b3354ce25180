//! The end of the run: with the first process, or because nobody can go on.

use crate::common::processes::{ANY, FIRST, SIGCONT, SIGKILL, SIGSTOP, nr};
use crate::common::signals::{SIGALRM, SIGUSR1};
use crate::common::{DATA, ENTRY, Rig, SCRATCH};
use arch::AccessKind;
use pagewalk_kernel::{Blocked, Disposition, ExitStatus};

/// What is left when everything has ended: the kernel half and cached pages of the program's file.
fn frames_at_the_end() -> u64 {
    let mut rig = Rig::new();
    touch(&mut rig);
    assert_eq!(rig.syscall(nr::EXIT_GROUP, &[0]), Disposition::Exit(ExitStatus::Exited(0)));
    rig.kernel.frames().in_use()
}

fn touch(rig: &mut Rig) {
    rig.access(ENTRY, AccessKind::Fetch).unwrap();
    rig.poke(DATA + 0x900, b"copied from the file");
    rig.poke(SCRATCH, b"bss");
}

fn words(blocked: &[Blocked]) -> Vec<String> {
    blocked.iter().map(ToString::to_string).collect()
}

#[test]
fn a_deadlock_names_every_process_and_what_it_waits_for() {
    let mut rig = Rig::new();
    let page = rig.shared_page();
    rig.fork();
    rig.fork();
    rig.leave(nr::WAIT4, &[ANY, 0, 0, 0]);
    rig.leave(nr::FUTEX, &[page, 0, 0, 0]);
    let Disposition::Deadlock(blocked) = rig.syscall(nr::PAUSE, &[]) else { panic!("no deadlock") };
    assert_eq!(
        words(&blocked),
        [
            "1000 (prog) waits in wait4 for its children: 1001 1002",
            "1001 (prog) waits in futex for a futex",
            "1002 (prog) waits in pause for a signal",
        ]
    );
}

#[test]
fn a_vfork_and_a_stop_are_named_too() {
    let mut rig = Rig::new();
    rig.leave(nr::VFORK, &[]);
    let me = rig.pid();
    let Disposition::Stopped(blocked) = rig.syscall(nr::KILL, &[me, SIGSTOP]) else { panic!("not stopped") };
    assert_eq!(
        words(&blocked),
        ["1001 (prog) is stopped by a signal", "1000 (prog) waits in vfork for its child 1001 to execute or end"]
    );
}

#[test]
fn an_alarm_is_no_deadlock() {
    let mut rig = Rig::new();
    rig.handle(SIGALRM, 0, 0);
    rig.call(nr::ALARM, &[1]);
    let child = rig.fork_and_follow();
    rig.leave(nr::PAUSE, &[]);
    assert_eq!(rig.syscall(nr::WAIT4, &[child, 0, 0, 0]), Disposition::Resume);
    assert!(rig.in_handler());
}

#[test]
fn an_alarm_of_a_stopped_process_changes_nothing() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.poke_words(SCRATCH, &[0, 1, 0, 1]);
    rig.call(nr::SETITIMER, &[0, SCRATCH, 0]);
    rig.leave(nr::KILL, &[child, SIGSTOP]);
    assert!(matches!(rig.syscall(nr::WAIT4, &[child, 0, 0, 0]), Disposition::Stopped(_)));
}

#[test]
fn the_end_of_the_first_process_ends_what_waits_for_nothing_in_particular() {
    let mut rig = Rig::new();
    touch(&mut rig);
    let [a, b, c] = [rig.fork(), rig.fork(), rig.fork()];
    rig.turn_to(a);
    touch(&mut rig);
    let grandchild = rig.fork();
    rig.leave(nr::PAUSE, &[]);
    rig.turn_to(grandchild);
    rig.call(nr::SETSID, &[]); // the end of the first process hangs its group up
    rig.turn_to(b);
    rig.call(nr::SETSID, &[]);
    touch(&mut rig);
    rig.leave(nr::KILL, &[b, SIGSTOP]);
    rig.turn_to(c);
    rig.exit(1);
    rig.turn_to(FIRST);
    rig.exit(7);
    assert_eq!(rig.pid(), grandchild, "it still runs");
    touch(&mut rig);
    assert_eq!(rig.syscall(nr::PAUSE, &[]), Disposition::Exit(ExitStatus::Exited(7)));
    assert_eq!(rig.kernel.frames().in_use(), frames_at_the_end());
}

#[test]
fn the_end_of_the_first_process_ends_what_shares_memory() {
    let mut rig = Rig::new();
    touch(&mut rig);
    let child = rig.call(nr::CLONE, &[0x100 | 17, 0, 0, 0, 0]) as u64;
    rig.turn_to(child);
    rig.leave(nr::VFORK, &[]);
    while rig.pid() != FIRST {
        rig.call(nr::SCHED_YIELD, &[]);
    }
    rig.exit(7);
    assert_eq!(rig.pid(), FIRST + 2);
    assert_eq!(rig.syscall(nr::PAUSE, &[]), Disposition::Exit(ExitStatus::Exited(7)));
    assert_eq!(rig.kernel.frames().in_use(), frames_at_the_end());
}

#[test]
fn what_is_left_behind_has_its_grace_and_no_more() {
    let mut rig = Rig::new();
    touch(&mut rig);
    let child = rig.fork();
    rig.exit(7);
    assert_eq!(rig.pid(), child);
    assert_eq!(rig.run(199_000_000), Disposition::Resume);
    assert_eq!(rig.run(2_000_000), Disposition::Exit(ExitStatus::Exited(7)));
    assert_eq!(rig.kernel.frames().in_use(), frames_at_the_end());
}

#[test]
fn what_is_left_behind_may_sleep_and_then_work() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.poke_words(SCRATCH, &[2, 0]);
    rig.leave(nr::NANOSLEEP, &[SCRATCH, 0]);
    rig.exit(7);
    assert_eq!((rig.pid(), rig.result()), (child, 0));
    assert_eq!(rig.syscall(nr::EXIT_GROUP, &[0]), Disposition::Exit(ExitStatus::Exited(7)));
}

#[test]
fn a_death_by_signal_ends_the_run_with_its_signal() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.kill(FIRST, SIGKILL);
    let end = rig.syscall(nr::PAUSE, &[]);
    assert_eq!(rig.pid(), child);
    let Disposition::Exit(status @ ExitStatus::Killed(_)) = end else { panic!("{end:?}") };
    assert_eq!(status.code(), 137);
}

#[test]
fn a_killed_child_does_not_end_the_run() {
    let mut rig = Rig::new();
    rig.fork_and_follow();
    assert_eq!(rig.access(8, AccessKind::Write), Err(Disposition::Resume), "a segmentation fault");
    assert_eq!(rig.pid(), FIRST);
    assert_eq!(rig.call(nr::WAIT4, &[ANY, SCRATCH, 0, 0]) as u64, FIRST + 1);
    assert_eq!(rig.peek_u32(SCRATCH), 11);
}

#[test]
fn a_bomb_is_bounded_and_leaves_nothing() {
    let mut rig = Rig::configured(|config| config.max_processes = 32);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    touch(&mut rig);
    for _ in 0..200 {
        rig.call(nr::FORK, &[]);
        rig.call(nr::SCHED_YIELD, &[]);
    }
    assert!(rig.kernel.refused_forks() > 100);
    rig.turn_to(FIRST);
    rig.exit(0);
    let mut end = Disposition::Resume;
    while end == Disposition::Resume {
        end = rig.syscall(nr::PAUSE, &[]);
    }
    assert_eq!(end, Disposition::Exit(ExitStatus::Exited(0)));
    assert_eq!(rig.kernel.frames().in_use(), frames_at_the_end());
}

#[test]
fn the_last_to_be_continued_is_not_forgotten() {
    let mut rig = Rig::new();
    let child = rig.fork_and_follow();
    rig.handle(SIGUSR1, 0, 0);
    rig.leave(nr::KILL, &[child, SIGSTOP]);
    rig.kill(child, SIGCONT);
    rig.leave(nr::PAUSE, &[]);
    assert_eq!(rig.pid(), child);
}
