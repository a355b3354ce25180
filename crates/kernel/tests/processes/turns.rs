//! fork's two returns, and whose turn it is when.

use crate::common::processes::{FIRST, nr};
use crate::common::{DATA, ENTRY, Rig, SCRATCH};
use arch::{Gpr, XsaveImage};
use event::{Event, Pid};
use pagewalk_kernel::{DEFAULT_QUANTUM, Disposition};

const CHILD: u64 = FIRST + 1;

fn switches(rig: &Rig) -> Vec<(u32, u32)> {
    let of = |event: &Event| if let Event::Switch { from, to } = event { Some((from.0, to.0)) } else { None };
    rig.events.0.iter().filter_map(of).collect()
}

#[test]
fn fork_returns_twice_with_the_same_registers() {
    let mut rig = Rig::new();
    rig.ctx.set_reg(Gpr::Rbx, 77);
    rig.ctx.xsave.0[XsaveImage::XMM0] = 9;
    (rig.ctx.fs_base, rig.ctx.gs_base) = (0x1234, 0x5678);
    assert_eq!(rig.fork(), CHILD);
    let parent = rig.ctx.clone();
    assert_eq!(rig.pid(), FIRST, "the parent goes on");
    rig.turn_to(CHILD);
    let mut expected = parent.clone();
    expected.set_reg(Gpr::Rax, 0);
    assert_eq!(rig.ctx, expected);
    assert_eq!(rig.call(nr::GETPID, &[]) as u64, CHILD);
    assert_eq!(rig.call(nr::GETPPID, &[]) as u64, FIRST);
    assert!(rig.events.0.contains(&Event::Fork { parent: Pid(1000), child: Pid(1001) }));
    rig.turn_to(FIRST);
    assert_eq!(rig.ctx.reg(Gpr::Rbx), 77);
    assert_eq!(rig.call(nr::GETPPID, &[]), 999);
}

#[test]
fn bytes_are_those_of_the_fork_and_then_each_process_s_own() {
    let mut rig = Rig::new();
    rig.poke(SCRATCH, b"before");
    let child = rig.fork();
    rig.poke(SCRATCH, b"parent");
    rig.turn_to(child);
    assert_eq!(rig.peek(SCRATCH, 6), b"before");
    assert_eq!(rig.peek(DATA + 0x800, 5), b"data\n");
    rig.poke(SCRATCH, b"child!");
    rig.turn_to(FIRST);
    assert_eq!(rig.peek(SCRATCH, 6), b"parent");
    rig.turn_to(child);
    assert_eq!(rig.peek(SCRATCH, 6), b"child!");
}

#[test]
fn ids_are_handed_out_in_order_and_not_twice_in_a_row() {
    let mut rig = Rig::new();
    for expected in CHILD..CHILD + 3 {
        assert_eq!(rig.fork_and_follow(), expected);
        rig.exit(0);
        assert_eq!(rig.call(nr::WAIT4, &[u64::MAX, 0, 0, 0]) as u64, expected);
    }
}

#[test]
fn yielding_goes_round_in_the_order_of_birth() {
    let mut rig = Rig::new();
    let children = [rig.fork(), rig.fork(), rig.fork()];
    rig.events.0.clear();
    for expected in [children[0], children[1], children[2], FIRST, children[0]] {
        assert_eq!(rig.syscall(nr::SCHED_YIELD, &[]), Disposition::Resume);
        assert_eq!(rig.pid(), expected);
    }
    assert_eq!(switches(&rig), [(1000, 1001), (1001, 1002), (1002, 1003), (1003, 1000), (1000, 1001)]);
}

#[test]
fn yielding_alone_goes_on() {
    let mut rig = Rig::new();
    assert_eq!(rig.call(nr::SCHED_YIELD, &[]), 0);
    assert_eq!(rig.kernel.next_event(rig.instructions), None, "nobody waits for a turn");
}

#[test]
fn a_turn_is_a_quantum_of_instructions() {
    let mut rig = Rig::configured(|config| config.quantum = 5000);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let child = rig.fork();
    assert_eq!(rig.kernel.next_event(0), Some(5000));
    rig.run(4999);
    assert_eq!(rig.pid(), FIRST);
    rig.run(1);
    assert_eq!(rig.pid(), child);
    assert_eq!(rig.kernel.next_event(5000), Some(10_000));
    rig.run(3000);
    // A turn that was given up is over; the next one is whole.
    rig.turn_to(FIRST);
    assert_eq!(rig.kernel.next_event(8000), Some(13_000));
    rig.run(5000);
    assert_eq!(rig.pid(), child);
}

#[test]
fn the_default_quantum_is_a_virtual_millisecond() {
    let mut rig = Rig::new();
    let child = rig.fork();
    rig.run(DEFAULT_QUANTUM);
    assert_eq!((rig.pid(), rig.instructions), (child, 1_000_000));
}

#[test]
fn the_registers_of_a_process_wait_for_it() {
    let mut rig = Rig::configured(|config| config.quantum = 100);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    let child = rig.fork();
    for round in 0..6 {
        let me = rig.pid();
        rig.ctx.set_reg(Gpr::R12, me * 100 + round);
        rig.ctx.rip = ENTRY + round;
        rig.run(100);
        assert_ne!(rig.pid(), me);
        if round >= 1 {
            assert_eq!(rig.ctx.reg(Gpr::R12), rig.pid() * 100 + round - 1);
            assert_eq!(rig.ctx.rip, ENTRY + round - 1);
        }
    }
    assert_eq!(rig.pid(), FIRST);
    assert_eq!(child, CHILD);
}

/// Two runs of the same calls give the same events.
#[test]
fn turns_are_the_same_in_each_run() {
    let run = || {
        let mut rig = Rig::configured(|config| config.quantum = 1000);
        rig.exec(b"/prog", &["prog"], &[]).unwrap();
        for _ in 0..5 {
            rig.fork();
        }
        for step in 0..40 {
            rig.run(700 + step * 13);
            rig.poke(SCRATCH + 64 * step, b"x");
        }
        rig.events.0
    };
    assert_eq!(run(), run());
}
