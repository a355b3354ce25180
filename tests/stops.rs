//! Stopping a run midway and running on leaves no trace.

mod common;

use common::{config, machine, status};
use pagewalk::{LinearAddr, Machine, Stats, Stop, Stopped};

const SAMPLE: &str = "elf-samples/fork-cow";

fn fresh() -> Machine {
    machine(config(), SAMPLE).0
}

fn finish(mut machine: Machine) -> Stats {
    let ending = machine.run();
    assert_eq!(status(&ending), 0);
    machine.stats()
}

#[test]
fn stops_after_instructions_are_exact_and_leave_no_trace() {
    let whole = finish(fresh());
    let mut machine = fresh();
    for count in [1, 2, 1000, 1001, 4567] {
        assert_eq!(machine.run_until(Stop::After(count)), Stopped::There);
        assert_eq!(machine.stats().instructions, count);
    }
    assert_eq!(finish(machine), whole);
}

#[test]
fn every_fault_can_be_stopped_at() {
    let whole = finish(fresh());
    let mut machine = fresh();
    let mut faults = 0;
    while let Stopped::AtFault(_) = machine.run_until(Stop::Fault(faults + 1)) {
        faults += 1;
    }
    assert!(faults > 10, "{faults}");
    assert_eq!(machine.stats(), whole);
}

#[test]
fn a_stop_at_an_address_comes_before_its_instruction() {
    let whole = finish(fresh());
    let mut machine = fresh();
    assert_eq!(machine.run_until(Stop::After(500)), Stopped::There);
    let rip = LinearAddr(machine.cpu().context().rip);
    let mut other = fresh();
    assert_eq!(other.run_until(Stop::At(rip)), Stopped::There);
    assert_eq!(other.cpu().context().rip, rip.0);
    assert!(other.stats().instructions <= 500);
    assert_eq!(finish(other), whole);
    assert!(matches!(fresh().run_until(Stop::At(LinearAddr(1))), Stopped::Ended(_)));
}
