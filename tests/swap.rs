//! The swap device, costs and failures on purpose, from the command line.
#![cfg(unix)]

mod common;

use common::elf;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Stores to 64 places in 16 pages of its stack, then `exit(0)`.
const TOUCH: &[u8] = &[
    0xb9, 64, 0, 0, 0, // mov ecx, 64
    0x48, 0x8d, 0x94, 0x24, 0x00, 0x00, 0xfe, 0xff, // lea rdx, [rsp-0x20000]
    0x88, 0x0a, // next: mov [rdx], cl
    0x48, 0x81, 0xc2, 0x00, 0x04, 0x00, 0x00, // add rdx, 0x400
    0xff, 0xc9, 0x75, 0xf3, // dec ecx; jnz next
    0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, // mov eax, 60; xor edi, edi; syscall
];

fn program() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("program");
    fs::write(&path, elf::program(TOUCH)).expect("the temporary folder takes a file");
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is our file");
    folder
}

fn message(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

fn run(folder: &Path, options: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    let output = command.arg("run").args(options).arg(folder.join("program")).output().expect("pagewalk starts");
    (output.status.code(), message(&output))
}

/// Runs pagewalk with 2 MiB of swap, after some lines of shell.
fn run_after(folder: &Path, shell: &str) -> (Option<i32>, String) {
    let script = format!("{shell}\nexec {} run --swap 2M ./program", env!("CARGO_BIN_EXE_pagewalk"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder).output().expect("a shell");
    (output.status.code(), message(&output))
}

#[test]
fn swap_is_a_size_or_a_file_that_stays_as_large_as_it_is() {
    let folder = program();
    assert_eq!(run(folder.path(), &["--swap", "1M"]).0, Some(0));
    let swap = folder.path().join("swap");
    File::create(&swap).unwrap().set_len(100_000).unwrap();
    assert_eq!(run(folder.path(), &["--swap", swap.to_str().unwrap()]), (Some(0), String::new()));
    assert_eq!(fs::metadata(&swap).unwrap().len(), 100_000);
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let folder = program();
    let swap = folder.path().join("swap");
    fs::write(&swap, [0; 8192]).unwrap();
    fs::set_permissions(&swap, Permissions::from_mode(0o444)).unwrap();
    let (status, message) = run(folder.path(), &["--swap", swap.to_str().unwrap()]);
    if File::options().write(true).open(&swap).is_ok() {
        return assert_eq!(status, Some(0), "whoever runs this test may write to any file");
    }
    assert_eq!(status, Some(125));
    assert!(message.contains("Permission denied"), "{message}");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_at_the_start() {
    let folder = program();
    let (status, message) = run_after(folder.path(), "ulimit -f 100");
    assert_eq!(status, Some(125), "{message}");
    assert!(message.contains("RLIMIT_FSIZE") && message.contains("ulimit -f"), "{message}");
}

/// On a file system of 1 MiB, where this user may make one.
#[test]
fn a_full_disk_is_an_error_at_the_start() {
    let folder = program();
    let mount = "mkdir small && mount -t tmpfs -o size=1M none small && export TMPDIR=small";
    let inside = |shell: &str| format!("exec unshare --user --map-root-user --mount sh -c '{shell}'");
    let possible = Command::new("sh").args(["-c", &inside(mount)]).current_dir(folder.path()).status();
    if !possible.is_ok_and(|status| status.success()) {
        return eprintln!("not tested: this user may not mount");
    }
    let pagewalk = env!("CARGO_BIN_EXE_pagewalk");
    let script =
        inside(&format!("mount -t tmpfs -o size=1M none small; TMPDIR=small {pagewalk} run --swap 2M ./program"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().expect("a shell");
    assert_eq!(output.status.code(), Some(125), "{}", message(&output));
    assert!(message(&output).contains("the host has no room for 2097152 bytes of swap"), "{}", message(&output));
}

/// An allocation that fails ends a program that cannot do without, at the same place each time.
#[test]
fn an_allocation_fails_where_it_is_told_to() {
    let folder = program();
    let run = |rule: &str| run(folder.path(), &["--stat", "--inject", rule]);
    let plain = run("alloc-fail=1000000");
    assert_eq!(plain.0, Some(0), "{}", plain.1);
    let often = run("alloc-fail=1/2");
    assert_ne!(often.0, Some(0));
    assert_eq!(often, run("alloc-fail=1/2"), "the same seed, the same run");
}
