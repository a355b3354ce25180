//! What the programs' memory does is what it did. `PAGEWALK_BLESS=1 cargo test` keeps what it does now; `git diff` then shows what has changed.

use pagewalk::trace::assert_golden;
use pagewalk::{MachineConfig, ThpMode, ViewConfig};

/// A machine that sees this project's files.
fn machine() -> MachineConfig {
    MachineConfig::new(ViewConfig { cwd: env!("CARGO_MANIFEST_DIR").into(), ..ViewConfig::default() })
}

#[test]
fn a_fork_copies_no_page_that_nobody_writes() {
    assert_golden!("tests/fork-cow.faults", machine(), ["../../elf-samples/fork-cow"]);
}

/// The configuration of the machine is the test's: here large pages, for a table of 8 MB.
#[test]
fn a_large_table_takes_few_faults() {
    let large_pages = MachineConfig { thp: ThpMode::Always, ..machine() };
    assert_golden!("tests/sieve.faults", large_pages, ["../../elf-samples/sieve", "8000000"]);
}
