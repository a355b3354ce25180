//! Ctrl-C stops the guest, not pagewalk: the program gets SIGINT, and what the run amounted to is still said.
#![cfg(unix)]

mod common;

use common::elf;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// `write(1, rsp, 1)`, to say that it runs, then a loop without end.
const LOOP: &[u8] = &[
    0x6a, 0x01, 0x58, 0x89, 0xc7, 0x89, 0xc2, // push 1; pop rax; mov edi, eax; mov edx, eax
    0x48, 0x89, 0xe6, 0x0f, 0x05, // mov rsi, rsp; syscall
    0xeb, 0xfe, // jmp .
];

/// The same, but it waits for a byte of standard input.
const WAIT: &[u8] = &[
    0x6a, 0x01, 0x58, 0x89, 0xc7, 0x89, 0xc2, // push 1; pop rax; mov edi, eax; mov edx, eax
    0x48, 0x89, 0xe6, 0x0f, 0x05, // mov rsi, rsp; syscall
    0x31, 0xff, 0x31, 0xc0, 0x0f, 0x05, // xor edi, edi; xor eax, eax; syscall
    0xeb, 0xfe, // jmp .
];

const SIGINT: i32 = 2;

/// Starts a program and returns once it has written its byte.
fn start(code: &[u8]) -> (TempDir, Child) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("program");
    fs::write(&path, elf::program(code)).expect("the temporary folder takes a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is our file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    // The input stays open, so that a read waits.
    command.args(["run", "--stat"]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("pagewalk starts");
    let mut byte = [0];
    child.stdout.as_mut().expect("it is piped").read_exact(&mut byte).expect("the program writes a byte");
    (folder, child)
}

fn interrupt(mut child: Child) -> Output {
    let input = child.stdin.take();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is a command");
    assert!(sent.success());
    let output = child.wait_with_output().expect("it ends");
    drop(input);
    output
}

#[test]
fn ctrl_c_ends_the_program_and_the_figures_are_printed() {
    for code in [LOOP, WAIT] {
        let (_folder, child) = start(code);
        let output = interrupt(child);
        let message = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(128 + SIGINT), "{message}");
        assert!(message.starts_with("pagewalk: SIGINT"), "{message}");
        assert!(message.contains("  instructions\n"), "{message}");
    }
}
