//! Policies and priorities that are remembered, and groups and file ids.

use crate::common::processes::{EINVAL, EPERM, ESRCH};
use crate::common::{Rig, SCRATCH};
use pagewalk_kernel::{Credentials, Ids};

const SETPARAM: u64 = 142;
const GETPARAM: u64 = 143;
const SETSCHEDULER: u64 = 144;
const GETSCHEDULER: u64 = 145;
const FIFO: u64 = 1;
const BATCH: u64 = 3;
const IDLE: u64 = 5;

fn rig_of(user: u32) -> Rig {
    let mut rig =
        Rig::configured(|config| config.credentials = Credentials { user: Ids::all(user), group: Ids::all(user) });
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    rig
}

fn set(rig: &mut Rig, policy: u64, priority: u32) -> i64 {
    rig.poke(SCRATCH, &priority.to_le_bytes());
    rig.call(SETSCHEDULER, &[0, policy, SCRATCH])
}

#[test]
fn a_user_s_policies_are_remembered() {
    let mut rig = rig_of(500);
    assert_eq!(rig.call(GETSCHEDULER, &[0]), 0);
    assert_eq!(set(&mut rig, BATCH, 0), 0);
    assert_eq!(rig.call(GETSCHEDULER, &[0]), BATCH as i64);
    assert_eq!(set(&mut rig, BATCH, 1), EINVAL);
    assert_eq!(set(&mut rig, FIFO, 0), EINVAL);
    assert_eq!(set(&mut rig, FIFO, 100), EINVAL);
    assert_eq!(set(&mut rig, FIFO, 1), EPERM);
    assert_eq!(set(&mut rig, 4, 0), EINVAL);
    assert_eq!(set(&mut rig, IDLE, 0), 0);
    assert_eq!(set(&mut rig, 0, 0), EPERM, "out of SCHED_IDLE");
    assert_eq!(rig.call(GETSCHEDULER, &[77]), ESRCH);
    assert_eq!(rig.call(GETSCHEDULER, &[u64::MAX]), EINVAL);
    rig.fork_and_follow();
    assert_eq!(rig.call(GETSCHEDULER, &[0]), IDLE as i64);
}

#[test]
fn root_may_have_a_real_time_policy() {
    let mut rig = rig_of(0);
    assert_eq!(set(&mut rig, 0x4000_0000 | FIFO, 7), 0);
    assert_eq!(rig.call(GETSCHEDULER, &[0]), 0x4000_0001);
    assert_eq!(rig.call(GETPARAM, &[0, SCRATCH + 8]), 0);
    assert_eq!(rig.peek_u32(SCRATCH + 8), 7);
    rig.poke(SCRATCH, &9_u32.to_le_bytes());
    assert_eq!(rig.call(SETPARAM, &[0, SCRATCH]), 0);
    assert_eq!(rig.call(315, &[0, SCRATCH, 56, 0]), 0, "sched_getattr");
    let words: Vec<u32> = (0..6).map(|at| rig.peek_u32(SCRATCH + 4 * at)).collect();
    assert_eq!(words, [56, 1, 1, 0, 0, 9]);
    rig.poke_words(SCRATCH, &[3 << 32 | 48, 0, 5, 0, 0, 0]);
    assert_eq!(rig.call(314, &[0, SCRATCH, 0]), 0, "sched_setattr");
    assert_eq!((rig.call(GETSCHEDULER, &[0]), rig.call(140, &[0, 0])), (3, 15));
    rig.poke_words(SCRATCH, &[3 << 32 | 40]);
    assert_eq!(rig.call(314, &[0, SCRATCH, 0]), -7, "E2BIG");
    assert_eq!(rig.peek_u32(SCRATCH), 56);
    assert_eq!(set(&mut rig, 0x4000_0000 | FIFO, 7), 0);
    rig.fork_and_follow();
    assert_eq!(rig.call(GETSCHEDULER, &[0]), 0, "reset on fork");
}

#[test]
fn io_priorities_are_remembered() {
    let mut rig = rig_of(500);
    assert_eq!(rig.call(252, &[1, 0]), 0);
    assert_eq!(rig.call(252, &[2, 0]), 2 << 13 | 4);
    assert_eq!(rig.call(251, &[1, 0, 3 << 13]), 0);
    assert_eq!(rig.call(252, &[1, 0]), 3 << 13);
    assert_eq!(rig.call(251, &[1, 0, 1 << 13]), EPERM);
    for (which, value) in [(9, 0), (1, 1), (1, 7 << 13)] {
        assert_eq!(rig.call(251, &[which, 0, value]), EINVAL);
    }
    assert_eq!(rig.call(252, &[1, 77]), ESRCH);
}

#[test]
fn root_sets_groups_and_others_do_not() {
    let mut rig = rig_of(0);
    rig.poke(SCRATCH, &[7, 0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(rig.call(116, &[2, SCRATCH]), 0);
    assert_eq!(rig.call(116, &[65_537, SCRATCH]), EINVAL);
    rig.fork_and_follow();
    assert_eq!(rig.call(115, &[2, SCRATCH + 16]), 2);
    assert_eq!(rig.peek(SCRATCH + 16, 8), [3, 0, 0, 0, 7, 0, 0, 0]);
    assert_eq!(rig_of(500).call(116, &[0, 0]), EPERM);
}

#[test]
fn file_ids_tell_the_old_one_and_follow_the_effective_one() {
    let mut rig = rig_of(0);
    assert_eq!((rig.call(122, &[500]), rig.call(122, &[u64::MAX])), (0, 500));
    rig.poke(SCRATCH, b"/mine\0");
    assert_eq!(rig.call(85, &[SCRATCH, 0o600]), -13, "creat as user 500: the folder is not his");
    assert_eq!((rig.call(117, &[500, 600, 700]), rig.call(122, &[1])), (0, 600));
    assert_eq!((rig.call(122, &[700]), rig.call(122, &[u64::MAX])), (600, 700));
}
