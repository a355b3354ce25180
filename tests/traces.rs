//! Fault traces: every sample has one that is kept, and each run gives it again, whatever the machine under it is.

mod common;

use common::{elf, repository, samples};
use pagewalk::trace::assert_golden;
use pagewalk::{MachineConfig, ViewConfig};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Runs `pagewalk trace` where the samples are.
fn trace(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.arg("trace").args(args).current_dir(repository()).output().expect("pagewalk starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The traces that are kept.
fn goldens() -> Vec<PathBuf> {
    let files = std::fs::read_dir(repository().join("tests/faults")).expect("the traces are there");
    let mut all: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all
}

/// Checks each trace with some options.
fn check_all(goldens: &[PathBuf], options: &[&str]) {
    goldens.par_iter().for_each(|golden| {
        let output = trace(&[&["check", text(golden)], options].concat());
        assert_eq!(output.status.code(), Some(0), "{} {options:?}:\n{}", golden.display(), said(&output));
        assert!(said(&output).contains("the same: "), "{}", said(&output));
    });
}

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

/// A copy of a trace with something changed.
fn changed(golden: &str, from: &str, to: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("changed.faults");
    let golden = std::fs::read_to_string(repository().join(golden)).expect("a trace");
    assert!(golden.contains(from), "{golden}");
    std::fs::write(&path, golden.replacen(from, to, 1)).expect("a file");
    (folder, path)
}

const FORK_COW: &str = "tests/faults/fork-cow.faults";

#[test]
fn what_has_changed_is_said_in_words() {
    let (_folder, path) = changed(FORK_COW, "reused-on-write  P+US+D+XD", "demand-zero      P+US+D+XD");
    let output = trace(&["check", text(&path)]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(said.contains("differs: 1 changed, 0 added, 0 removed of 30 events"), "{said}");
    assert!(
        said.contains("fault 16 of process 1.1 (main+0xa2, [stack]-0x2000): was demand-zero, now reused-on-write"),
        "{said}"
    );
}

#[test]
fn a_test_in_rust_panics_with_what_has_changed() {
    if std::env::var_os("PAGEWALK_BLESS").is_some() {
        return; // it would write the golden trace
    }
    let check = |golden: &Path, program: &str| {
        let golden = text(golden).to_owned();
        let view = ViewConfig { cwd: repository().into(), ..ViewConfig::default() };
        let program = program.to_owned();
        let run = move || assert_golden!(&golden, MachineConfig::new(view), [program.as_str()]);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).err();
        panicked.map(|payload| payload.downcast_ref::<String>().expect("a message").clone())
    };
    let golden = repository().join(FORK_COW);
    assert_eq!(check(&golden, "elf-samples/fork-cow"), None);
    let said = check(&golden, "elf-samples/pipe").expect("another program");
    assert!(said.contains("is not what it was; if that is right, set PAGEWALK_BLESS=1\ndiffers: "), "{said}");
    let said = check(Path::new("no-such.faults"), "elf-samples/pipe").expect("no trace");
    assert_eq!(said, "there is no `no-such.faults`; set PAGEWALK_BLESS=1 to write it");
}

#[test]
fn a_rule_of_the_header_is_kept() {
    let rule = "events = [\"fault\"]\nignore = [{ outcome = \"*-on-write\", columns = [\"outcome\"] }]";
    let (_folder, path) = changed(FORK_COW, "events = [\"fault\"]", rule);
    assert_eq!(trace(&["check", text(&path)]).status.code(), Some(0));
    assert_eq!(trace(&["diff", FORK_COW, text(&path)]).status.code(), Some(0));
}

#[test]
fn another_program_differs_and_a_missing_one_cannot_be_compared() {
    assert_eq!(trace(&["check", FORK_COW, "--", "elf-samples/hello"]).status.code(), Some(1));
    let output = trace(&["check", FORK_COW, "--", "elf-samples/no-such"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("cannot run `elf-samples/no-such`"), "{}", said(&output));
    assert_eq!(trace(&["check", "no-such.faults"]).status.code(), Some(2));
    assert_eq!(trace(&["diff", FORK_COW, "README.md"]).status.code(), Some(2));
}

/// A trace that somebody else has made runs nothing that writes to the host.
#[test]
fn a_trace_that_would_write_to_the_host_is_refused() {
    for option in ["--mount=/tmp:/mnt:rw", "--swap=some-file"] {
        let (_folder, path) = changed(FORK_COW, "events =", &format!("options = [\"{option}\"]\nevents ="));
        let output = trace(&["check", text(&path)]);
        assert_eq!(output.status.code(), Some(2), "{option}");
        assert!(said(&output).contains("writes nothing to the host"), "{}", said(&output));
        assert!(!repository().join("some-file").exists());
    }
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
        assert!(trace(&["bless", text(&packed)]).status.success());
        assert!(std::fs::read(&packed).expect("a file") == bytes, "it is kept in the form that it had: {option}");
    }
}

/// A program that reads a byte, and touches a page if there is one.
#[test]
fn a_program_reads_the_file_that_its_trace_names() {
    let code = [
        0x31, 0xc0, 0x31, 0xff, 0x48, 0x8d, 0x74, 0x24, 0xf0, // read(0, rsp - 16,
        0xba, 1, 0, 0, 0, 0x0f, 0x05, // 1)
        0x48, 0x85, 0xc0, 0x74, 0x08, // jz to the end
        0x48, 0x89, 0x84, 0x24, 0, 0xd0, 0xff, 0xff, // mov [rsp - 0x3000], rax
        0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, // exit(0)
    ];
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("program"), elf::program(&code)).expect("a file");
    std::fs::set_permissions(at("program"), Permissions::from_mode(0o755)).expect("it is ours");
    std::fs::write(at("byte"), "x").expect("a file");
    let (program, byte, with, without) = (at("program"), at("byte"), at("with"), at("without"));
    let record = |to: &Path, options: &[&str]| {
        let output = trace(&[&["record", "-o", text(to)], options, &[text(&program)]].concat());
        assert!(output.status.success(), "{}", said(&output));
    };
    record(&with, &["--input", text(&byte)]);
    record(&without, &[]);
    let difference = trace(&["diff", text(&without), text(&with)]);
    assert_eq!(difference.status.code(), Some(1));
    assert!(said(&difference).contains("differs: 0 changed, 1 added, 0 removed"), "{}", said(&difference));
    assert_eq!(trace(&["check", text(&with)]).status.code(), Some(0), "it is given the file again");
    let told = [("json", "\"added\": 1"), ("junit", "<failure"), ("github", "::error file=")];
    for (format, part) in told {
        let output = trace(&["diff", "--format", format, text(&without), text(&with)]);
        assert!(output.status.code() == Some(1) && said(&output).contains(part), "{format}: {}", said(&output));
    }
}

/// Whatever was there keeps its rights, and what a command reads it does not write over.
#[test]
fn files_that_are_there_are_treated_with_care() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (kept, link) = (at("kept"), at("link"));
    std::fs::write(&kept, "old").expect("a file");
    std::fs::set_permissions(&kept, Permissions::from_mode(0o600)).expect("it is ours");
    std::os::unix::fs::symlink("missing", &link).expect("a link");
    let record = |to: &Path| trace(&["record", "-q", "-o", text(to), "elf-samples/hello"]);
    assert!(record(&kept).status.success() && record(&link).status.success());
    assert_eq!(std::fs::metadata(&kept).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read(at("missing")).expect("where the link leads"), std::fs::read(&kept).expect("a trace"));
    let output = trace(&["show", text(&kept), "-o", text(&kept)]);
    assert!(said(&output).contains("it is the file that is read"), "{}", said(&output));
    assert!(trace(&["stat", text(&kept)]).status.success(), "it is a trace still");
    let output = record(folder.path());
    assert!(output.stdout.is_empty() && said(&output).contains("cannot write"), "{}", said(&output));
}

/// A program that would go on for ever, mapping a page and writing to it.
#[test]
fn a_run_whose_trace_cannot_be_written_is_stopped() {
    let code = [
        0xb8, 9, 0, 0, 0, 0xbf, 0, 0, 0, 0x10, 0xbe, 0, 0x10, 0, 0, 0xba, 3, 0, 0, 0, // mmap(0x10000000, 4096, 3,
        0x41, 0xba, 0x32, 0, 0, 0, 0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff,
        0xff, // MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
        0x45, 0x31, 0xc9, 0x0f, 0x05, // 0)
        0x88, 0x00, 0xeb, 0xd6, // mov [rax], al; again
    ];
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(at("program"), elf::program(&code)).expect("a file");
    std::fs::set_permissions(at("program"), Permissions::from_mode(0o755)).expect("it is ours");
    let pagewalk = env!("CARGO_BIN_EXE_pagewalk");
    let line = format!("ulimit -f 64; exec {pagewalk} trace record -o {} {}", at("trace"), at("program"));
    let output = Command::new("sh").args(["-c", &line]).output().expect("a shell");
    assert_eq!(output.status.code(), Some(125), "{}", said(&output));
    assert!(said(&output).contains("cannot write"), "{}", said(&output));
    assert!(!folder.path().join("trace").exists());
}

#[test]
fn a_sanitizer_that_is_not_there_is_refused() {
    let mut run = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    run.args(["run", "elf-samples/hello"]).env("PAGEWALK_SANITIZE", "translation").current_dir(repository());
    let output = run.output().expect("pagewalk starts");
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("PAGEWALK_SANITIZE=translation"), "{}", said(&output));
}

#[test]
fn all_that_is_known_of_an_event_is_in_the_compact_form() {
    let folder = TempDir::new().expect("a folder");
    let packed = folder.path().join("packed");
    assert!(trace(&["record", "-q", "--packed", "-o", text(&packed), "elf-samples/hello"]).status.success());
    let full = said(&trace(&["show", "--full", "--from", "3", "-n", "1", text(&packed)]));
    assert!(full.contains("_start | n=3 instructions=0 ns="), "{full}");
    assert!(full.contains("la=0x4010c2 code=0x14 rip=0x4010c2 "), "{full}");
}

#[test]
fn the_life_of_a_page_and_the_machine_at_a_fault_are_shown() {
    let why = said(&trace(&["why", FORK_COW, "[anon]+0x1000"]));
    let lives = [
        "process 1, faults_of+0x54: written to: a zeroed frame was mapped",
        "process 1.1, faults_of+0x54: written to: it was copied, as others have it too",
        "process 1, faults_of+0x54: written to: it was made writable, as nobody else has it",
    ];
    assert!(lives.iter().all(|life| why.contains(life)) && why.lines().count() == 3, "{why}");
    let at = said(&trace(&["at", FORK_COW, "14"]));
    for part in [
        "event 14: 1     write    [stack]-0x2000",
        "rip 0x4010a2",
        "mappings\n  0x400000-0x401000 r--p",
        "page fault: write to a read-only page",
    ] {
        assert!(at.contains(part), "{part}: {at}");
    }
    assert_eq!(trace(&["at", FORK_COW, "1"]).status.code(), Some(125), "the kernel layer's own");
    assert_eq!(trace(&["at", FORK_COW, "99"]).status.code(), Some(125));
}

/// A file is complete or as it was, and what is no file takes what it can.
#[test]
fn a_trace_that_cannot_be_written_is_an_error_and_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("old"), "as it was").expect("a file");
    std::os::unix::fs::symlink("old", at("link")).expect("a link");
    let record = |to: &Path, program: &str| {
        let output = trace(&["record", "-q", "-o", text(to), program]);
        (output.status.code(), said(&output))
    };
    let (status, said) = record(&at("old"), "elf-samples/no-such");
    assert_eq!(status, Some(127), "{said}");
    assert_eq!(std::fs::read(at("old")).expect("a file"), b"as it was");
    let (status, said) = record(&at("no/such"), "elf-samples/hello");
    assert!(status == Some(125) && said.contains("cannot write `") && !said.contains("hello, world"), "{said}");
    let (status, said) = record(Path::new("/dev/full"), "elf-samples/hello");
    assert!(status == Some(125) && said.contains("cannot write `/dev/full`"), "{said}");
    assert_eq!(record(&at("link"), "elf-samples/hello").0, Some(0));
    assert!(std::fs::read(at("old")).expect("a file").starts_with(b"pagewalk trace 1\n"), "a link is followed");
    let mut names: Vec<_> =
        folder.path().read_dir().expect("it is ours").map(|e| e.expect("one").file_name()).collect();
    names.sort();
    assert_eq!(names, ["link", "old"]);
}

#[test]
fn a_pipe_takes_a_trace_and_a_closed_one_is_an_error() {
    let record = |to: &str, stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        command.args(["trace", "record", "-q", "--packed", "-o", to, "elf-samples/hello"]).current_dir(repository());
        command.stdout(stdout).stderr(Stdio::piped()).spawn().and_then(Child::wait_with_output).expect("it runs")
    };
    let written = record("/dev/stderr", Stdio::piped()).stderr;
    assert!(written.starts_with(b"pagewalk trace 1 packed\n") && written.ends_with(b"pwtrace\n"));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = record("/dev/stdout", writer.into());
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("cannot write `/dev/stdout`"), "{}", said(&output));
}

/// What a line may hold is anybody's choice.
#[test]
fn absurd_lines_are_shown_counted_and_compared() {
    let lines = [
        "1 write a-0x-8000000000000000 x - -",
        "1 write a+0x0,18446744073709551615p x - -",
        "1 map a+0x7fffffffffffffff,99999999999999999999999p x - -",
        "\u{1b}[31m \u{1b}[31m 0x \u{0} ->-> +0x",
        "- - - - - -",
    ];
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("absurd.faults");
    let header = "pagewalk trace 1\nprogram = []\nevents = []\n---\n";
    std::fs::write(&path, format!("{header}{}\n", lines.join("\n"))).expect("a file");
    let path = text(&path);
    let page = "a+0x7fffffffffffffff";
    let commands: [&[&str]; 6] = [
        &["show", path],
        &["show", "--full", path],
        &["show", "--format", "jsonl", path],
        &["stat", path],
        &["why", path, page],
        &["why", path, "a-0x-8000000000000000"],
    ];
    for command in commands {
        let output = trace(command);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {}", said(&output));
    }
    assert_eq!(said(&trace(&["why", path, page])).lines().count(), 2, "both ranges hold it");
    assert_eq!(trace(&["diff", path, path]).status.code(), Some(0));
    assert_eq!(trace(&["diff", path, FORK_COW]).status.code(), Some(1));
    for (command, status) in [(&["at", path, "1"][..], 125), (&["check", path], 2), (&["bless", path], 125)] {
        let output = trace(command);
        assert_eq!(output.status.code(), Some(status), "{command:?}");
        assert!(said(&output).contains("names no program"), "{}", said(&output));
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn without_parquet_it_is_said_how_to_have_it() {
    let folder = TempDir::new().expect("a folder");
    let to = folder.path().join("rows");
    let output = trace(&["show", "--format", "parquet", "-o", text(&to), FORK_COW]);
    assert_eq!(output.status.code(), Some(125));
    assert!(said(&output).contains("--features parquet"), "{}", said(&output));
    assert!(!to.exists());
    assert_eq!(trace(&["show", "-o", text(&to), FORK_COW]).status.code(), Some(0), "text goes to a file too");
    assert_eq!(std::fs::read_to_string(to).expect("a file").lines().count(), 30);
}
