//! What the commands say.

use crate::common::{elf, repository};
use crate::{FORK_COW, said, text, trace};
use pagewalk::trace::assert_golden;
use pagewalk::{MachineConfig, ViewConfig};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A copy of a trace with something changed.
fn changed(golden: &str, from: &str, to: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("changed.faults");
    let golden = std::fs::read_to_string(repository().join(golden)).expect("a trace");
    assert!(golden.contains(from), "{golden}");
    std::fs::write(&path, golden.replacen(from, to, 1)).expect("a file");
    (folder, path)
}

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

/// Who reads standard output is told there too.
#[test]
fn what_cannot_be_compared_is_an_error_in_every_format() {
    let (_folder, path) = changed(FORK_COW, "events = [\"fault\"]", "events = 1");
    let commands: [(&[&str], &str, &str); 4] = [
        (&["check", "no,such.faults"], "no,such.faults", "no%2Csuch.faults"),
        (&["check", FORK_COW, "--", "elf-samples/no-such"], "elf-samples/no-such", FORK_COW),
        (&["check", text(&path)], "its header makes no sense", text(&path)),
        (&["diff", FORK_COW, "README.md"], "cannot use the fault trace `README.md`: it is no fault trace", FORK_COW),
    ];
    for (command, part, file) in commands {
        let in_words = trace(command);
        assert!(in_words.stdout.is_empty());
        let out = |format: &str| {
            let output = trace(&[&[command[0], "--format", format], &command[1..]].concat());
            assert_eq!(output.status.code(), Some(2));
            assert_eq!(output.stderr, in_words.stderr, "{}", said(&output));
            String::from_utf8(output.stdout).expect("a text")
        };
        let json: serde_json::Value = serde_json::from_str(&out("json")).expect("JSON");
        assert!(json["same"].is_null() && json["error"].as_str().is_some_and(|error| error.contains(part)), "{json}");
        let junit = out("junit");
        let suite = "<testsuite name=\"pagewalk.trace\" tests=\"1\" failures=\"0\" errors=\"1\">";
        assert!(junit.contains(suite) && junit.contains("<error type=\"not-compared\" message=\""), "{junit}");
        assert!(junit.contains(part), "{junit}");
        let github = out("github");
        assert!(github.starts_with(&format!("::error file={file}::")) && github.contains(part), "{github}");
        assert_eq!(github.lines().count(), 1);
    }
}

/// A processor's own walks are those of no other.
#[test]
fn traces_of_other_events_or_processors_say_so_first() {
    let (_folder, path) = changed(FORK_COW, "events = [\"fault\"]", "events = [\"fault\", \"page-out\"]");
    let said_first = |args: &[&str]| said(&trace(args)).lines().nth(1).unwrap_or_default().to_owned();
    let note = "  note: the second records page-out, the first does not: only the second can have such events";
    assert_eq!(said_first(&["diff", FORK_COW, text(&path)]), note);
    let json = said(&trace(&["diff", "--format", "json", FORK_COW, text(&path)]));
    assert!(json.contains("\"notes\": [\n    \"the second records page-out"), "{json}");
    let folder = TempDir::new().expect("a folder");
    let walks = folder.path().join("walks.faults");
    let recorded = trace(&["record", "-q", "--events", "walk", "-o", text(&walks), "elf-samples/hello"]);
    assert!(recorded.status.success(), "{}", said(&recorded));
    let other = ["--hw", "classroom", "--hw-set", "paging-structure.pde=none"];
    let note = "  note: the first has the walks of golden-cove, \
                the second those of classroom with paging-structure.pde=none";
    assert_eq!(said_first(&[&["check", text(&walks)][..], &other].concat()), note);
    assert_eq!(said_first(&["check", text(&walks)]), "");
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

/// What a line may hold is anybody's choice.
#[test]
fn absurd_lines_are_shown_counted_and_compared() {
    let lines = [
        "1 write a-0x-8000000000000000 x - -",
        "1 write a+0x0,18446744073709551615p x - -",
        "1 map a+0x7fffffffffffffff,99999999999999999999999p x - -",
        "[31m [31m 0x \\x1b[31m ->-> +0x",
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

/// What a test has kept, the command checks too, with the same machine.
#[test]
fn the_example_project_can_be_checked_by_the_command() {
    let project = repository().join("docs/golden");
    for golden in ["tests/fork-cow.faults", "tests/sieve.faults"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        let output = command.args(["trace", "check", golden]).current_dir(&project).output().expect("pagewalk starts");
        assert_eq!(output.status.code(), Some(0), "{golden}: {}", said(&output));
    }
}

/// The words in which a test's machine is described are the command line's.
#[test]
fn the_options_of_a_tests_machine_are_options() {
    let options = [
        "--swap=1048576",
        "--ram=8388608",
        "--thp=always",
        "--hugepages=1",
        "--hugepages-1g=0",
        "--page-cluster=0",
        "--reclaim=clock",
        "--aging-flush=lazy",
        "--readahead=4",
        "--max-processes=9",
        "--quantum=1000",
        "--seed=7",
    ];
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("trace");
    let output = trace(&[&["record", "-q", "-o", text(&path)], &options[..], &["elf-samples/hello"]].concat());
    assert!(output.status.success(), "{}", said(&output));
}

/// A machine that no options describe.
#[test]
fn a_trace_of_a_test_alone_is_not_made_elsewhere() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("bounded.faults");
    let header = "pagewalk trace 1\nprogram = [\"elf-samples/hello\"]\nevents = []\nmachine = \"set in a test\"\n---\n";
    std::fs::write(&path, header).expect("a file");
    for (command, status) in [("check", 2), ("bless", 125)] {
        let output = trace(&[command, text(&path)]);
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(said(&output).contains("set in a test"), "{}", said(&output));
    }
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), header);
}

/// A write to where no program may write.
#[test]
fn addresses_of_the_upper_half_are_what_they_are() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let code = [0x48, 0xc7, 0xc0, 0x08, 0, 0, 0x81, 0xc6, 0, 1]; // mov rax, 0xffffffff81000008; mov byte [rax], 1
    std::fs::write(at("program"), elf::program(&code)).expect("a file");
    std::fs::set_permissions(at("program"), Permissions::from_mode(0o755)).expect("it is ours");
    let output = trace(&["record", "-q", "-o", &at("trace"), &at("program")]);
    assert_eq!(output.status.code(), Some(139), "{}", said(&output));
    let shown = said(&trace(&["show", "--outcome", "sigsegv*", &at("trace")]));
    assert!(shown.contains(" 0xffffffff81000000 "), "{shown}");
    assert!(said(&trace(&["why", &at("trace"), "0xffffffff81000000"])).contains("SIGSEGV"));
}

/// As a checkout may have them.
#[test]
fn a_golden_trace_may_have_other_line_ends() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("crlf.faults");
    let golden = std::fs::read_to_string(repository().join(FORK_COW)).expect("a trace");
    std::fs::write(&path, golden.replace('\n', "\r\n")).expect("a file");
    assert_eq!(trace(&["check", text(&path)]).status.code(), Some(0));
    assert!(said(&trace(&["diff", text(&path), FORK_COW])).contains("the same: "));
}

/// The line is the file's, and it is said once.
#[test]
fn what_is_wrong_with_a_header_is_said_where_it_is() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("typo.faults");
    let wrong = |header: &str| {
        std::fs::write(&path, format!("pagewalk trace 1\nprogram = [\"none\"]\n{header}\n---\n")).expect("a file");
        let output = trace(&["check", text(&path)]);
        assert_eq!(output.status.code(), Some(2));
        said(&output)
    };
    let said = wrong("evnts = []");
    assert!(said.contains("in line 3: ") && said.matches("unknown field").count() == 1, "{said}");
    assert!(!said.contains("trace record"), "{said}");
    let said = wrong("events = []\noptions = [\"--help\"]");
    assert!(said.contains("unexpected argument") && !said.contains("Usage"), "{said}");
}

/// Why a rule is there stands beside it.
#[test]
fn a_blessed_trace_keeps_its_header_as_it_stands() {
    let rule = "events = [\"fault\"]\nignore = [{ place = \"libc*\" }] # how libc is laid out is not ours\n";
    let (_folder, path) = changed(FORK_COW, "events = [\"fault\"]\n", rule);
    let before = std::fs::read(&path).expect("a trace");
    assert!(trace(&["bless", text(&path)]).status.success());
    assert!(std::fs::read(&path).expect("a trace") == before);
    assert!(trace(&["bless", text(&path), "--", "elf-samples/hello"]).status.success(), "of another program");
    let after = std::fs::read_to_string(&path).expect("a trace");
    assert!(after.contains("[\"elf-samples/hello\"]") && after.contains("place = \"libc*\""), "{after}");
}

#[test]
fn events_are_numbered_on_request() {
    let shown = said(&trace(&["show", "--full", "--outcome", "copied*", FORK_COW]));
    let at = shown.lines().next().and_then(|line| line.rsplit_once(" | n=")).expect("a number").1;
    let line = said(&trace(&["show", "--from", at, "-n", "1", FORK_COW]));
    assert!(line.contains(" copied-on-write "), "{line}");
}

/// 1 is for what differs, and for nothing else.
#[test]
fn a_command_line_that_makes_no_sense_is_no_difference() {
    for (args, status) in [(&["check", "--formt=json"][..], 2), (&["diff", FORK_COW], 2), (&["show", "--no"], 125)] {
        assert_eq!(trace(args).status.code(), Some(status), "{args:?}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(["trace", "check", FORK_COW]).env("PAGEWALK_SANITIZE", "all").current_dir(repository());
    assert_eq!(command.output().expect("pagewalk starts").status.code(), Some(2));
}

/// Nobody reads on.
#[test]
fn a_closed_pipe_ends_what_is_shown() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(["trace", "show", FORK_COW]).current_dir(repository()).stdout(writer);
    let output = command.output().expect("pagewalk starts");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
}

/// Whatever reads a trace would print it.
#[test]
fn a_line_that_would_control_a_terminal_is_no_event() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("clears.faults");
    let header = "pagewalk trace 1\nprogram = []\nevents = []\n---\n";
    std::fs::write(&path, format!("{header}1 read \u{1b}[2J+0x0 zero-page - main\n")).expect("a file");
    for command in ["show", "stat"] {
        let output = trace(&[command, text(&path)]);
        assert_eq!(output.status.code(), Some(125));
        assert!(output.stdout.is_empty());
        assert!(said(&output).contains("line 5 is no event: it holds a control character"), "{}", said(&output));
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
