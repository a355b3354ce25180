//! Page-out policies on real programs: what the textbooks say of them, and that none beats the optimum.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The example of many a textbook.
const TEXTBOOK: &[u32] = &[7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
/// Belady's: with four frames FIFO has more faults than with three.
const BELADY: &[u32] = &[1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
/// Where the sample `touch` has its mapping.
const TOUCHED: u64 = 0x1000_0000;

const POLICIES: [&str; 7] = ["lru", "lru-exact", "clock", "fifo", "random", "2q", "mglru"];

/// Runs a sample with so many frames for the mapping that holds an address, one page at a time from swap.
fn run(policy: &str, frames: u32, address: u64, more: &[&str], program: &[String]) -> Run {
    let limit = format!("{frames}@{address:#x}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(["run", "--stat", "--swap", "16M", "--page-cluster", "0", "--resident-limit", &limit]);
    command.args(["--reclaim", policy, "--check-invariants"]).args(more).args(program);
    let output = command.output().expect("pagewalk starts");
    let messages = String::from_utf8(output.stderr).expect("messages are text");
    let figure = |line: &str| {
        let (number, name) = line.trim().split_once("  ")?;
        Some((name.trim().to_owned(), number.parse().ok()?))
    };
    let figures: BTreeMap<String, u64> = messages.lines().filter_map(figure).collect();
    assert!(output.status.code() == Some(0) && figures.contains_key("page-faults"), "{command:?}\n{messages}");
    Run { stdout: String::from_utf8(output.stdout).expect("output is text"), figures }
}

struct Run {
    stdout: String,
    figures: BTreeMap<String, u64>,
}

impl Run {
    /// Faults that brought a page, not only a right.
    fn misses(&self) -> u64 {
        let kinds = ["zero-page", "demand-zero", "file-cached", "file-read", "swapped-in", "swap-cached"];
        kinds.iter().filter_map(|kind| self.figures.get(*kind)).sum()
    }
}

/// The same under the optimum, which is told what a first run used.
fn run_opt(frames: u32, address: u64, program: &[String]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let references = folder.path().join("references");
    let references = references.to_str().expect("temporary folders have plain names");
    run("fifo", frames, address, &["--record-references", references], program);
    run("opt", frames, address, &["--references", references], program)
}

fn sample(name: &str, args: &[&str]) -> Vec<String> {
    let path = common::samples().join(name).to_str().expect("the samples have plain names").to_owned();
    std::iter::once(path).chain(args.iter().map(|arg| (*arg).to_owned())).collect()
}

/// Faults of `touch`, as it counts them itself.
fn touch(policy: &str, frames: u32, pages: &[u32]) -> u64 {
    let pages: Vec<String> = pages.iter().map(u32::to_string).collect();
    let program = sample("touch", &pages.iter().map(String::as_str).collect::<Vec<_>>());
    let run = match policy {
        "opt" => run_opt(frames, TOUCHED, &program),
        policy => run(policy, frames, TOUCHED, &[], &program),
    };
    let faults = run.stdout.trim().strip_suffix(" faults").and_then(|text| text.rsplit(' ').next()?.parse().ok());
    faults.unwrap_or_else(|| panic!("{}", run.stdout))
}

#[test]
fn the_textbooks_strings_give_the_textbooks_counts() {
    let expected = [
        ("fifo", 3, TEXTBOOK, 15),
        ("lru-exact", 3, TEXTBOOK, 12),
        ("opt", 3, TEXTBOOK, 9),
        ("fifo", 3, BELADY, 9),
        ("fifo", 4, BELADY, 10),
        ("lru-exact", 3, BELADY, 10),
        ("lru-exact", 4, BELADY, 8),
        ("opt", 3, BELADY, 7),
        ("opt", 4, BELADY, 6),
    ];
    for (policy, frames, pages, faults) in expected {
        assert_eq!(touch(policy, frames, pages), faults, "{policy} with {frames} frames");
    }
}

/// Where a sample's writable segment is, from its program headers.
fn data_segment(program: &Path) -> u64 {
    let file = fs::read(program).expect("a sample");
    let word = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().expect("eight bytes"));
    let (first, count) = (word(32) as usize, usize::from(file[56]));
    let headers = (0..count).map(|index| first + index * 56);
    let is_data = |at: &usize| file[*at..*at + 4] == [1, 0, 0, 0] && file[at + 4] & 2 != 0;
    word(headers.into_iter().find(is_data).expect("a sample has data") + 16)
}

/// Frames of one mapping: too few of the program's data or of its stack.
#[test]
fn no_policy_beats_the_optimum() {
    const STACK: u64 = 0x7fff_ffff_e000;
    let programs = [
        ("sieve", &["60000"][..], None, 3),
        ("matrix", &["24"], None, 4),
        ("crc", &["2"], None, 5),
        ("fp", &[], None, 1),
        ("malloc", &[], None, 1),
        ("stack-recursion", &["300"], Some(STACK), 4),
        ("stack-alloca", &["64"], Some(STACK), 4),
        ("touch", &[], Some(TOUCHED), 3),
    ];
    let mut lowest_is_lower = 0;
    for (name, args, address, frames) in programs {
        let program = sample(name, args);
        let address = address.unwrap_or_else(|| data_segment(Path::new(&program[0])));
        let opt = run_opt(frames, address, &program);
        let others = POLICIES.map(|policy| (policy, run(policy, frames, address, &[], &program)));
        for (policy, other) in &others {
            assert!(opt.misses() <= other.misses(), "{name}: {policy} {:?}, opt {:?}", other.figures, opt.figures);
        }
        lowest_is_lower += u32::from(others.iter().any(|(_, other)| opt.misses() < other.misses()));
    }
    assert!(lowest_is_lower >= 4, "with so few frames it makes a difference: {lowest_is_lower}");
}

/// Neighbours in the file come along, and are found in the page cache when they are needed.
#[test]
fn readahead_turns_reads_into_hits() {
    let program = sample("fp", &[]);
    let [alone, together] = ["0", "8"].map(|pages| run("lru", 100, TOUCHED, &["--readahead", pages], &program));
    let figure = |run: &Run, name: &str| run.figures.get(name).copied().unwrap_or_default();
    assert!(figure(&together, "file-read") < figure(&alone, "file-read"), "{:?} {:?}", together.figures, alone.figures);
    assert!(figure(&together, "file-cached") > figure(&alone, "file-cached"));
    assert_eq!((together.misses(), &together.stdout), (alone.misses(), &alone.stdout));
}
