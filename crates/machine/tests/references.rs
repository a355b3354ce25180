//! The reference clock hears of every page that a program uses, and a recording foretells the next run.

use arch::SpaceId;
use kernel::ExitStatus;
use kernel::fs::{BufferConsole, ViewConfig};
use kernel::mm::reclaim::references::{Divergence, PageKey, SharedReferences};
use pagewalk_machine::{Ending, Interrupt, Machine, MachineConfig};
use std::path::Path;

/// Runs a sample with a clock; what it wrote.
fn run(command: &[&str], references: SharedReferences) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = MachineConfig::new(ViewConfig { root: Some(root), ..ViewConfig::default() });
    let console = BufferConsole::new("");
    let captured = console.captured();
    let mut machine = Machine::with_references(config, Box::new(console), Interrupt::new(), references).unwrap();
    let argv: Vec<Vec<u8>> = command.iter().map(|word| word.as_bytes().to_vec()).collect();
    machine.exec(format!("/elf-samples/{}", command[0]).as_bytes(), &argv, &[]).unwrap();
    assert_eq!(machine.run(), Ending::Exit(ExitStatus::Exited(0)));
    captured.borrow().out.clone()
}

fn record(command: &[&str], path: &Path) -> Vec<u8> {
    let references = SharedReferences::new();
    references.record(path).unwrap();
    let out = run(command, references.clone());
    assert_eq!(references.finish().unwrap(), None);
    out
}

#[test]
fn the_same_run_is_as_foretold_and_another_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("references");
    for command in [&["malloc"][..], &["matrix", "20"], &["smc"], &["fork-cow"], &["mprotect-repair"], &["pipe"]] {
        let out = record(command, &path);
        let references = SharedReferences::new();
        references.follow(&path).unwrap();
        assert_eq!(run(command, references.clone()), out, "{command:?}");
        assert_eq!(references.finish().unwrap(), None, "{command:?}");
    }
    record(&["touch", "1", "2", "3"], &path);
    let references = SharedReferences::new();
    references.follow(&path).unwrap();
    run(&["touch", "1", "3", "2"], references.clone());
    assert!(matches!(references.finish().unwrap(), Some(Divergence { at: 1.., unknown: _ })));
}

/// The pages of the sample's mapping are used in the order of its arguments.
#[test]
fn the_future_of_a_page_is_its_next_touch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("references");
    record(&["touch"], &path);
    let references = SharedReferences::new();
    references.follow(&path).unwrap();
    let first_use = |page: u64| {
        let spaces = (0..4).map(|space| PageKey::Linear { space: SpaceId(space), page: (0x1000_0000 >> 12) + page });
        references.next_use(spaces)
    };
    let order = [7, 0, 1, 2, 3, 4].map(|page| first_use(page).expect("it is touched"));
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!([5, 6].map(first_use), [None; 2]);
}
