//! The same bytes: for every sample, on every model of the hardware, in any folder and environment, each time.

use crate::common::{elf, repository, samples};
use crate::{check_all, goldens, said, text, trace};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// To keep what the samples do now: `PAGEWALK_BLESS=1 cargo test --test traces`.
#[test]
fn every_sample_does_what_its_trace_says() {
    let goldens = goldens();
    if std::env::var_os("PAGEWALK_BLESS").is_some() {
        goldens.par_iter().for_each(|golden| drop(trace(&["bless", text(golden)])));
    }
    check_all(&goldens, &[]);
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let traced: BTreeSet<String> = goldens.iter().map(|golden| name(golden)).collect();
    for sample in std::fs::read_dir(samples()).expect("the samples are there") {
        let path = sample.expect("an entry").path();
        if std::fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF")) {
            assert!(traced.contains(&name(&path)), "{} has no trace", path.display());
        }
    }
}

/// All presets.
const PROCESSORS: [&str; 7] = ["classroom", "zen2", "zen3", "zen4", "skylake-server", "icelake-server", "golden-cove"];

/// Traces short enough to be made on a model of a core, and of no walks and without the sanitizer, which have its place.
fn short() -> Vec<PathBuf> {
    let is_short = |path: &PathBuf| {
        std::fs::read_to_string(path)
            .is_ok_and(|text| text.len() < 20_000 && !text.contains("\"stale\"") && !text.contains("hw ="))
    };
    goldens().into_iter().filter(is_short).collect()
}

#[test]
fn traces_are_the_same_on_every_model_of_the_hardware() {
    let short = short();
    assert!(short.len() > 12, "{short:?}");
    for hw in PROCESSORS {
        check_all(&short, &["--hw", hw]);
    }
    check_all(&short, &["--hw", "classroom", "--core", "in-order"]);
    check_all(&short, &["--hw", "zen4", "--core", "out-of-order"]);
}

#[test]
fn accessed_and_dirty_are_set_alike_on_every_processor() {
    let golden = [repository().join("tests/faults/fork-cow-accessed.faults")];
    for hw in PROCESSORS {
        check_all(&golden, &["--hw", hw]);
    }
}

#[test]
fn walks_are_those_of_one_processor() {
    let golden = "tests/faults/same-address-walks.faults";
    let output = trace(&["check", golden, "--hw", "classroom", "--hw-set", "paging-structure.pde=none"]);
    assert_eq!(output.status.code(), Some(1), "without its cache more entries are read: {}", said(&output));
    let output = trace(&["check", golden, "--hw", "classroom", "--core", "in-order"]);
    assert!(said(&output).contains("walks are recorded on the TLBs of a processor alone"), "{}", said(&output));
}

#[test]
fn the_sanitizer_has_the_place_of_a_model() {
    let output = trace(&["check", "tests/faults/invalidate-stale.faults", "--hw", "classroom"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("the sanitizer of translations has the place of another model"),
        "{}",
        said(&output)
    );
}

/// A folder that lies so deep, with the samples in it.
fn elsewhere(depth: usize) -> (TempDir, PathBuf) {
    let outer = TempDir::new().expect("a folder");
    let folder = outer.path().join("deeper/".repeat(depth));
    let copied = folder.join("elf-samples");
    std::fs::create_dir_all(&copied).expect("a folder");
    let copy = |from: PathBuf, to: PathBuf| std::fs::copy(from, to).expect("a copy");
    for sample in std::fs::read_dir(samples()).expect("the samples are there") {
        let path = sample.expect("an entry").path();
        if path.is_file() {
            copy(path.clone(), copied.join(path.file_name().expect("a name")));
        }
    }
    copy(repository().join("LICENSE-MIT"), folder.join("LICENSE-MIT"));
    (outer, folder)
}

/// Makes a trace again there, with something in the environment that has nothing to do with it.
fn made_again(golden: &Path, folder: &Path, n: usize) -> Vec<u8> {
    let own = TempDir::new_in(folder).expect("a folder");
    let written = own.path().join("trace.faults");
    std::fs::copy(golden, &written).expect("a copy");
    let mut bless = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    bless.args(["trace", "bless", text(&written)]).current_dir(folder);
    bless.env("SOMETHING", "else ".repeat(n)).env("TZ", format!("X{}", n % 12));
    let output = bless.output().expect("pagewalk starts");
    assert!(output.status.success(), "{}", said(&output));
    std::fs::read(written).expect("a trace")
}

/// `PAGEWALK_REPEATS` says how often; twice otherwise. Many at a time, so that the host is never loaded alike.
#[test]
fn repeated_runs_give_the_same_bytes() {
    let repeats: usize = std::env::var("PAGEWALK_REPEATS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let folders = [0, 9, 3].map(elsewhere);
    goldens().par_iter().for_each(|golden| {
        let kept = std::fs::read(golden).expect("a trace");
        (0..repeats).into_par_iter().for_each(|n| {
            let (_, folder) = &folders[n % folders.len()];
            assert!(made_again(golden, folder, n) == kept, "{}, run {n}", golden.display());
        });
    });
}

/// A program that asks for its working directory, and touches a page so far below its stack as the answer is long.
const TOUCHES_BY_PATH: [u8; 43] = [
    0x48, 0x8d, 0xbc, 0x24, 0, 0xe0, 0xff, 0xff, 0xbe, 0, 0x10, 0, 0, 0xb8, 79, 0, 0, 0, 0x0f,
    0x05, // getcwd(rsp - 8192, 4096)
    0x48, 0xc1, 0xe0, 12, 0x48, 0xf7, 0xd8, 0xc6, 0x04, 0x04, 1, // shl rax, 12; neg rax; mov byte [rsp + rax], 1
    0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, // exit(0)
    0x90, 0x90, 0x90,
];

/// A libc keeps the path on the heap.
#[test]
fn the_length_of_the_path_does_not_show() {
    let made_in = |depth: usize| {
        let (_outer, folder) = elsewhere(depth);
        std::fs::write(folder.join("touches"), elf::program(&TOUCHES_BY_PATH)).expect("a file");
        std::fs::set_permissions(folder.join("touches"), Permissions::from_mode(0o755)).expect("it is ours");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        command.args(["trace", "record", "-q", "-o", "trace.faults", "./touches"]).current_dir(&folder);
        assert!(command.output().expect("pagewalk starts").status.success());
        std::fs::read_to_string(folder.join("trace.faults")).expect("a trace")
    };
    let made = made_in(0);
    assert!(made.contains("[stack]-0x10000 "), "14 pages below its pointer, as `/pagewalk.cwd` has 14 bytes: {made}");
    assert_eq!(made, made_in(5));
}

/// The environment that pagewalk runs in, the folder, and one variable more for the program change nothing.
#[test]
fn what_should_not_matter_does_not() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let record = |name: &str, options: &[&str], from: &Path| {
        let to = at(name);
        let sample = samples().join("fork-cow");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        command.args(["trace", "record", "-q", "-o", text(&to)]).args(options).arg(sample);
        assert!(command.env("SOME", "thing").current_dir(from).output().expect("pagewalk starts").status.success());
        to
    };
    let one = record("one", &[], folder.path());
    let other = record("other", &[], repository());
    assert_eq!(std::fs::read(&one).expect("a file"), std::fs::read(other).expect("a file"));
    let variable = record("variable", &["--env", "LONGER=and longer than before"], folder.path());
    assert_eq!(trace(&["diff", text(&one), text(&variable)]).status.code(), Some(0));
    for option in ["--packed", "--packed=zstd"] {
        let packed = record(option, &[option], folder.path());
        assert_eq!(trace(&["diff", text(&one), text(&packed)]).status.code(), Some(0));
        let bytes = std::fs::read(&packed).expect("a file");
        let mut bless = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        bless.args(["trace", "bless", text(&packed)]).current_dir(&folder);
        assert!(bless.output().expect("pagewalk starts").status.success());
        assert!(std::fs::read(&packed).expect("a file") == bytes, "it is kept in the form that it had: {option}");
    }
}
