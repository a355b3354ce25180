//! Programs that run wild are bounded and reported: fork bombs, endless pipes, leaked descriptors, processes that wait for
//! each other.
#![cfg(unix)]

mod common;

use common::elf;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

/// `fork()` for ever.
const FORK_BOMB: &[u8] = &[0xb8, 57, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];

/// `pipe(rsp - 64)` for ever.
const PIPE_LEAK: &[u8] = &[
    0xb8, 22, 0, 0, 0, // mov eax, 22
    0x48, 0x8d, 0x7c, 0x24, 0xc0, // lea rdi, [rsp-64]
    0x0f, 0x05, 0xeb, 0xf2, // syscall; jmp start
];

/// `dup(0)` until it fails, then `exit(-result)`: EMFILE.
const DESCRIPTOR_LEAK: &[u8] = &[
    0xb8, 32, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05, // mov eax, 32; xor edi, edi; syscall
    0x85, 0xc0, 0x79, 0xf3, // test eax, eax; jns start
    0xf7, 0xd8, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 0x05, // neg eax; mov edi, eax; mov eax, 60; syscall
];

/// Makes a pipe, forks, and both processes read from it: each keeps the other's end open.
const DEADLOCK: &[u8] = &[
    0xb8, 22, 0, 0, 0, 0x48, 0x8d, 0x7c, 0x24, 0xc0, 0x0f, 0x05, // pipe(rsp - 64)
    0xb8, 57, 0, 0, 0, 0x0f, 0x05, // fork()
    0x8b, 0x7c, 0x24, 0xc0, // mov edi, [rsp-64]
    0x48, 0x8d, 0x74, 0x24, 0xd0, // lea rsi, [rsp-48]
    0xba, 1, 0, 0, 0, 0x31, 0xc0, 0x0f, 0x05, // mov edx, 1; xor eax, eax; syscall
];

fn run(code: &[u8], options: &[&str]) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("program");
    fs::write(&path, elf::program(code)).expect("the temporary folder takes a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is our file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    let output = command.arg("run").args(options).arg(&path).output().expect("pagewalk starts");
    let message = String::from_utf8(output.stderr.clone()).expect("messages are text");
    (output, message)
}

#[test]
fn a_fork_bomb_is_bounded_and_reported() {
    let (output, message) = run(FORK_BOMB, &["--max-processes", "10", "--max-instructions", "100000"]);
    assert_eq!(output.status.code(), Some(124), "{message}");
    assert!(message.contains("forks failed: no more processes than --max-processes allows"), "{message}");
}

/// The number of processes decides when forks begin to fail.
#[test]
fn max_processes_counts_the_first_one() {
    let failed = |most: &str| {
        let (_, message) =
            run(FORK_BOMB, &["--max-processes", most, "--max-instructions", "3000", "--quantum", "3000"]);
        let line = message.lines().find(|line| line.contains("forks failed")).unwrap_or("pagewalk: 0 forks").to_owned();
        line.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok()).expect("a number")
    };
    let (one, five, many) = (failed("1"), failed("5"), failed("5000"));
    assert_eq!(one - five, 4, "{one} {five}");
    assert_eq!(many, 0);
}

#[test]
fn the_quantum_is_the_length_of_a_turn() {
    let fork_and_spin = [&FORK_BOMB[..7], &[0xeb, 0xfe]].concat();
    let switches = |quantum: &str| {
        let options = ["--quantum", quantum, "--max-instructions", "100000", "--stat"];
        let (_, message) = run(&fork_and_spin, &options);
        let line = message.lines().find(|line| line.ends_with("context-switches")).expect("a figure").to_owned();
        line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok()).expect("a number")
    };
    assert_eq!((switches("1000"), switches("10000")), (100, 10));
}

#[test]
fn a_time_limit_ends_what_never_ends() {
    let (output, message) = run(&[0xeb, 0xfe], &["--timeout", "200ms"]);
    assert_eq!(output.status.code(), Some(124), "{message}");
    assert!(message.starts_with("pagewalk: stopped: the time of --timeout is up"), "{message}");
}

#[test]
fn pipes_and_descriptors_have_an_end() {
    let (output, message) = run(PIPE_LEAK, &["--max-instructions", "100000"]);
    assert_eq!(output.status.code(), Some(124), "{message}");
    let (output, message) = run(DESCRIPTOR_LEAK, &[]);
    assert_eq!(output.status.code(), Some(24), "EMFILE: {message}");
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let (output, message) = run(DEADLOCK, &[]);
    assert_eq!(output.status.code(), Some(125), "{message}");
    let expected = "pagewalk: deadlock: nothing can end these waits\n  \
                    1000 (program) waits in read for a pipe, open for writing in 1000 1001, for reading in 1000 1001\n  \
                    1001 (program) waits in read for a pipe, open for writing in 1000 1001, for reading in 1000 1001\n";
    assert_eq!(message, expected);
}
