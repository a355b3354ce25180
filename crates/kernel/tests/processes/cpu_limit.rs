//! RLIMIT_CPU: signals by the time that a process itself has used.

use crate::common::processes::{FIRST, nr};
use crate::common::signals::{HANDLER, bit};
use crate::common::{ENTRY, Rig, SCRATCH};
use pagewalk_kernel::{Disposition, ExitStatus};

const SECOND: u64 = 1_000_000_000;
const SIGKILL: u64 = 9;
const SIGXCPU: u64 = 24;

impl Rig {
    fn limit_cpu(&mut self, soft: u64, hard: u64) {
        self.poke_words(SCRATCH, &[soft, hard]);
        assert_eq!(self.call(160, &[0, SCRATCH]), 0, "setrlimit");
    }

    fn killer(&mut self, end: &Disposition) -> u64 {
        match end {
            Disposition::Exit(ExitStatus::Killed(death)) => death.signal().number().into(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_soft_limit_kills_if_nothing_is_done_about_it() {
    let mut rig = Rig::new();
    rig.limit_cpu(2, u64::MAX);
    assert_eq!(rig.run(SECOND), Disposition::Resume);
    let end = rig.run(2 * SECOND);
    assert_eq!(rig.killer(&end), SIGXCPU);
    assert!(rig.instructions <= 2 * SECOND, "{}", rig.instructions);
}

#[test]
fn a_handler_hears_every_second_and_the_hard_limit_kills() {
    let mut rig = Rig::new();
    rig.handle(SIGXCPU, 0, 0);
    rig.limit_cpu(1, 3);
    let mut heard = 0;
    let end = loop {
        let end = rig.run(SECOND / 4);
        if end != Disposition::Resume {
            break end;
        }
        if rig.ctx.rip == HANDLER {
            heard += 1;
            rig.ctx.rip = ENTRY;
            rig.poke_words(SCRATCH, &[bit(SIGXCPU)]);
            assert_eq!(rig.call(14, &[1, SCRATCH, 0, 8]), 0, "unblock it");
        }
    };
    assert_eq!((heard, rig.killer(&end)), (2, SIGKILL));
}

#[test]
fn a_child_has_its_own_time() {
    let mut rig = Rig::new();
    rig.limit_cpu(2, u64::MAX);
    rig.run(3 * SECOND / 2);
    rig.call(nr::SCHED_YIELD, &[]);
    let child = rig.fork();
    rig.leave(nr::WAIT4, &[child, 0, 0, 0]);
    rig.run(3 * SECOND / 2);
    assert_eq!(rig.pid(), child, "it lives");
    rig.run(SECOND);
    assert_eq!((rig.pid(), rig.result()), (FIRST, child as i64), "it has used up its time");
}
