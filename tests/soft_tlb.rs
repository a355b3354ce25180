//! The size of the MMU's fast table is the simulator's own business: no result depends on it, and no two runs differ.

mod common;

use common::{Outcome, config, run};
use pagewalk::{MachineConfig, SlotCount};

const COMMANDS: &[&str] = &[
    "hello",
    "hello-pie",
    "regions",
    "oob",
    "stack-recursion",
    "stack-alloca",
    "malloc",
    "mmap-file",
    "mprotect-repair",
    "smc",
    "getpagesize",
    "altstack",
    "fp",
    "sieve 30000",
    "crc 2",
    "matrix 24",
];

fn with_slots(slots: usize, command: &str) -> Outcome {
    let soft_tlb = SlotCount::new(slots).expect("a power of two");
    run(MachineConfig { soft_tlb, ..config() }, &format!("elf-samples/{command}"))
}

#[test]
fn no_result_depends_on_the_slots() {
    for command in COMMANDS {
        let outcome = with_slots(1024, command);
        for slots in [1, 16] {
            assert_eq!(with_slots(slots, command), outcome, "{command} with {slots} slots");
        }
    }
}

#[test]
fn three_runs_are_the_same_to_the_byte() {
    for command in COMMANDS {
        let runs: Vec<Outcome> = (0..3).map(|_| run(config(), &format!("elf-samples/{command}"))).collect();
        assert!(runs.iter().all(|other| other == &runs[0]), "{command}");
        let report = |outcome: &Outcome| outcome.stats.to_string();
        assert!(runs.iter().all(|other| report(other) == report(&runs[0])), "{command}");
    }
}

#[test]
fn the_limit_on_instructions_is_exact_and_the_prefix_the_same() {
    let whole = run(config(), "elf-samples/malloc");
    for limit in [0, 1, 1000, 123_456, whole.stats.instructions] {
        let cut = run(MachineConfig { max_instructions: Some(limit), ..config() }, "elf-samples/malloc");
        if limit < whole.stats.instructions {
            assert_eq!(cut.stats.instructions, limit);
            assert!(matches!(cut.ending, pagewalk::Ending::InstructionLimit(n) if n == limit), "{:?}", cut.ending);
        }
        assert!(whole.output.out.starts_with(&cut.output.out), "after {limit} instructions");
    }
}
