//! Files that traces go to: whole, or as they were.

use crate::common::{elf, repository};
use crate::{said, text, trace};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

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

/// A trace has all of a program's arguments, so one that has too many is refused before the program has done anything.
#[test]
fn arguments_that_no_header_may_have_are_refused_at_once() {
    let folder = TempDir::new().expect("a folder");
    let record = |name: &str, words: usize| {
        let (to, word) = (folder.path().join(name), "x".repeat(100_000));
        let mut args = vec!["record", "-o", text(&to), "elf-samples/hello"];
        args.resize(args.len() + words, &word);
        trace(&args)
    };
    let output = record("long", 5);
    assert!(output.status.success(), "{}", said(&output));
    assert!(trace(&["check", text(&folder.path().join("long"))]).status.success(), "it is read");
    let output = record("too-long", 12);
    assert_eq!(output.status.code(), Some(125));
    assert!(output.stdout.is_empty() && said(&output).contains("longer than 1 MiB"), "{}", said(&output));
    assert!(!folder.path().join("too-long").exists());
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
