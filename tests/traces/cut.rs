//! Runs that are cut short: nothing is compared with them, and none takes a golden's place.

use crate::common::elf;
use crate::{said, text, trace};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A program that goes on for ever, and the trace that was made of it while that was allowed.
fn endless(folder: &Path) -> (PathBuf, Vec<u8>) {
    let (program, golden) = (folder.join("endless"), folder.join("endless.faults"));
    std::fs::write(&program, elf::program(&[0xeb, 0xfe])).expect("a file"); // jmp to itself
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    let output = trace(&["record", "--timeout", "100ms", "-o", text(&golden), text(&program)]);
    assert_eq!(output.status.code(), Some(124), "{}", said(&output));
    let bytes = std::fs::read(&golden).expect("what was done until then");
    (golden, bytes)
}

/// Presses Ctrl-C as soon as it is caught.
fn interrupted(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.arg("trace").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("pagewalk starts");
    while !catches_interrupts(&child) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(sent.success());
    child.wait_with_output().expect("it ends")
}

/// True if all that a terminal sends is caught: SIGWINCH is the last of it.
fn catches_interrupts(child: &Child) -> bool {
    const SIGINT_AND_SIGWINCH: u64 = 1 << 1 | 1 << 27;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("as Linux has it");
    let caught = u64::from_str_radix(caught.trim(), 16).expect("bits");
    caught & SIGINT_AND_SIGWINCH == SIGINT_AND_SIGWINCH
}

/// Checks that an endless run that is ended so is neither compared nor kept.
fn is_nothing(run: impl Fn(&[&str]) -> Output, why: &str) {
    let folder = TempDir::new().expect("a folder");
    let (golden, bytes) = endless(folder.path());
    for (command, status) in [("check", 2), ("bless", 125)] {
        let output = run(&[command, text(&golden)]);
        assert_eq!(output.status.code(), Some(status), "{command}: {}", said(&output));
        assert!(said(&output).contains(why), "{}", said(&output));
        assert!(std::fs::read(&golden).expect("a file") == bytes);
    }
}

#[test]
fn what_is_interrupted_is_neither_compared_nor_kept() {
    is_nothing(interrupted, "it was interrupted");
}

#[test]
fn what_takes_too_long_is_neither_compared_nor_kept() {
    let in_time = |args: &[&str]| trace(&[args, &["--timeout", "100ms"]].concat());
    is_nothing(in_time, "the time of --timeout is up");
}

/// It makes a thread, which the kernel layer lacks, so what it would have done is not known.
#[test]
fn what_cannot_go_on_is_not_compared() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("threads");
    let code = [0xbf, 0, 0x09, 0x01, 0, 0xb8, 56, 0, 0, 0, 0x0f, 0x05]; // clone(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)
    std::fs::write(&program, elf::program(&code)).expect("a file");
    std::fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("it is ours");
    let golden = folder.path().join("golden");
    let recorded = trace(&["record", "-o", text(&golden), text(&program)]);
    assert!(said(&recorded).contains("not supported"), "{}", said(&recorded));
    let checked = trace(&["check", text(&golden)]);
    assert_eq!(checked.status.code(), Some(2), "{}", said(&checked));
    assert!(said(&checked).contains("it could not go on"), "{}", said(&checked));
}
