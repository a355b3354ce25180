//! Files that are no programs, through the command: each ends with 126 or 127 and a message that helps, never a panic.

mod common;

use common::elf::{self, field, set};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// `mov eax, 60; xor edi, edi; syscall`: exit(0).
const EXIT: &[u8] = &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05];

/// Status for what is there and cannot be executed.
const CANNOT: i32 = 126;
/// Status for what is not there.
const MISSING: i32 = 127;

type Edit = fn(&mut Vec<u8>);

/// A well-formed program of which one thing is made wrong.
const FILES: &[(&str, Edit)] = &[
    ("empty", |file| file.clear()),
    ("one-byte", |file| file.truncate(1)),
    ("magic-alone", |file| file.truncate(4)),
    ("half-a-header", |file| file.truncate(40)),
    ("header-alone", |file| file.truncate(64)),
    ("half-a-program-header", |file| file.truncate(100)),
    ("code-cut-off", |file| file.truncate(elf::CODE_OFFSET)),
    ("other-magic", |file| file[1] = b'e'),
    ("text", |file| *file = b"This is no program.\n".to_vec()),
    ("zeros", |file| *file = vec![0; 4096]),
    ("32-bit", |file| {
        set(file, field::CLASS, 1);
        set(file, field::MACHINE, 3);
    }),
    ("big-endian", |file| {
        set(file, field::DATA, 2);
        set(file, field::MACHINE, 22 << 8);
    }),
    ("relocatable", |file| set(file, field::TYPE, 1)),
    ("core-dump", |file| set(file, field::TYPE, 4)),
    ("type-unknown", |file| set(file, field::TYPE, 0xfe00)),
    ("machine-386", |file| set(file, field::MACHINE, 3)),
    ("machine-aarch64", |file| set(file, field::MACHINE, 183)),
    ("machine-riscv", |file| set(file, field::MACHINE, 243)),
    ("no-program-headers", |file| set(file, field::PHNUM, 0)),
    ("too-many-program-headers", |file| set(file, field::PHNUM, 0xffff)),
    ("program-headers-of-other-size", |file| set(file, field::PHENTSIZE, 32)),
    ("program-headers-past-the-end", |file| set(file, field::PHOFF, 1 << 20)),
    ("program-headers-near-2-to-the-64", |file| set(file, field::PHOFF, u64::MAX - 8)),
    ("nothing-to-load", |file| set(file, field::P_TYPE, 6)),
    ("more-in-file-than-in-memory", |file| set(file, field::P_MEMSZ, 16)),
    ("file-size-near-2-to-the-64", |file| {
        set(file, field::P_FILESZ, u64::MAX - 100);
        set(file, field::P_MEMSZ, u64::MAX - 10);
    }),
    ("memory-size-near-2-to-the-64", |file| set(file, field::P_MEMSZ, u64::MAX - 4096)),
    ("memory-size-of-a-petabyte", |file| set(file, field::P_MEMSZ, 1 << 50)),
    ("address-in-the-kernel-half", |file| set(file, field::P_VADDR, 0xffff_8880_0000_0000)),
    ("address-not-canonical", |file| set(file, field::P_VADDR, 1 << 60)),
    ("address-wraps-around", |file| set(file, field::P_VADDR, 0u64.wrapping_sub(4096))),
    ("address-and-offset-disagree", |file| set(file, field::P_VADDR, elf::BASE + 8)),
    ("offset-near-2-to-the-64", |file| set(file, field::P_OFFSET, 0u64.wrapping_sub(4096))),
    ("offset-past-the-end", |file| set(file, field::P_OFFSET, 1 << 30)),
    ("asks-for-an-interpreter", |file| {
        set(file, field::PHNUM, 2);
        let mut header = file[64..120].to_vec();
        set(&mut header, 0..4, 3); // PT_INTERP
        set(&mut header, 8..16, 0x100);
        set(&mut header, 32..40, 8);
        file.splice(120..120, header);
        file.resize(0x100, 0);
        file.extend(b"/lib/ld\0");
    }),
    ("two-segments-at-one-place", |file| {
        set(file, field::PHNUM, 2);
        let header = file[64..120].to_vec();
        file.splice(120..120, header);
    }),
    ("script-for-nothing", |file| *file = b"#!\n".to_vec()),
    ("script-for-itself", |file| *file = b"#!./script-for-itself\n".to_vec()),
    ("script-for-what-is-not-elf", |file| *file = b"#!./text\n".to_vec()),
];

fn pagewalk(folder: &Path, program: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(["run", "--max-instructions", "100000", "--", program]).current_dir(folder);
    command.output().expect("pagewalk starts")
}

/// Checks an ending that is the file's fault, and gives the message.
fn check(name: &str, output: &Output, status: i32) -> String {
    let message = String::from_utf8(output.stderr.clone()).expect("messages are text");
    assert_eq!(output.status.code(), Some(status), "{name}: {message}");
    assert!(output.stdout.is_empty(), "{name}");
    assert!(message.contains("help:"), "{name}: {message}");
    assert!(!message.contains("panicked"), "{name}: {message}");
    message
}

fn write(folder: &Path, name: &str, bytes: &[u8], mode: u32) {
    std::fs::write(folder.join(name), bytes).expect("the temporary folder takes a file");
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(mode)).expect("it is our file");
}

/// Linux looks at none of these fields, so neither do we.
const HARMLESS: &[(&str, Edit)] = &[
    ("good", |_| ()),
    ("class-unknown", |file| set(file, field::CLASS, 9)),
    ("other-version", |file| set(file, field::IDENT_VERSION, 7)),
];

#[test]
fn what_they_are_made_from_is_well_formed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, edit) in HARMLESS {
        let mut file = elf::program(EXIT);
        edit(&mut file);
        write(folder.path(), name, &file, 0o755);
        assert_eq!(pagewalk(folder.path(), &format!("./{name}")).status.code(), Some(0), "{name}");
    }
}

#[test]
fn malformed_files_end_with_help() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, edit) in FILES {
        let mut file = elf::program(EXIT);
        edit(&mut file);
        write(folder.path(), name, &file, 0o755);
    }
    let mut messages = std::collections::BTreeMap::new();
    for (name, _) in FILES {
        let message = check(name, &pagewalk(folder.path(), &format!("./{name}")), CANNOT);
        messages.insert(*name, message);
    }
    // A message is wrapped to the terminal's width, so a phrase may be cut by a line's end.
    let says = |name: &str, what: &str| {
        let message = messages[name].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(message.contains(what), "{name}: {message}");
    };
    says("32-bit", "32-bit");
    says("big-endian", "s390");
    says("machine-aarch64", "aarch64");
    says("code-cut-off", "cut off");
    says("asks-for-an-interpreter", "dynamic loader /lib/ld");
}

#[test]
fn what_is_no_file_ends_with_help() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let good = elf::program(EXIT);
    write(path, "not-executable", &good, 0o644);
    write(path, "script-for-what-is-missing", b"#!/no/such/program -x\n", 0o755);
    std::fs::create_dir(path.join("folder")).expect("the temporary folder takes a folder");
    std::os::unix::fs::symlink("loop", path.join("loop")).expect("the temporary folder takes a link");
    std::os::unix::fs::symlink("gone", path.join("dangling")).expect("the temporary folder takes a link");
    let long = format!("./{}", "n".repeat(300));
    for (program, status) in [
        ("./missing", MISSING),
        ("missing", MISSING),
        ("./dangling", MISSING),
        ("./missing/program", MISSING),
        ("./not-executable/program", MISSING),
        ("./script-for-what-is-missing", MISSING),
        ("", MISSING),
        ("./not-executable", CANNOT),
        ("./folder", CANNOT),
        (".", CANNOT),
        ("./loop", CANNOT),
        (&long, CANNOT),
    ] {
        check(program, &pagewalk(path, program), status);
    }
}
