//! `pagewalk record --accesses` and `pagewalk replay`: a replay counts what the program's own run counts, on every core and processor; and
//! no file makes it do worse than say what is wrong.

mod common;

use common::{accesses, elf, repository, samples};
use rayon::prelude::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs pagewalk where the samples are.
fn pagewalk(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(args).current_dir(repository()).output().expect("pagewalk starts")
}

/// A path as an argument.
fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Writes down the accesses of a command line.
fn record(folder: &Path, name: &str, options: &[&str], command: &str) -> PathBuf {
    let trace = folder.join(name);
    let words: Vec<_> = command.split(' ').collect();
    let output = pagewalk(&[&["record", "--accesses", "-q", "-o", text(&trace)], options, &words].concat());
    assert!(trace.exists(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    trace
}

/// What a command counts, as JSON in a file.
fn counters(folder: &Path, args: &[&str]) -> String {
    let file = folder.join("counters");
    let (name, rest) = args.split_first().expect("a command");
    pagewalk(&[&[*name, "--format", "json", "-o", text(&file)], rest].concat());
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{args:?} has written nothing: {error}"))
}

/// A replay counts what `stat` does.
fn assert_same(command: &str, guest: &[&str], processors: &[&[&str]]) {
    let folder = TempDir::new().expect("a folder");
    let trace = record(folder.path(), "trace", guest, command);
    let words: Vec<_> = command.split(' ').collect();
    for processor in processors {
        let run = counters(folder.path(), &[&["stat"], *processor, guest, &words].concat());
        let replay = counters(folder.path(), &[&["replay"], *processor, &[text(&trace)]].concat());
        assert_eq!(run, replay, "{command} on {processor:?}");
    }
}

/// Each core, and between them all that presets differ in: splintered pages, paging-structure caches, stores apart.
const PROCESSORS: [&[&str]; 7] = [
    &["--core", "none", "--hw", "golden-cove"],
    &["--core", "none", "--hw", "zen3"],
    &["--core", "in-order", "--hw", "classroom"],
    &["--core", "in-order", "--hw", "skylake-server", "--hw-set", "walk.prefetch=next-page"],
    &["--core", "out-of-order", "--hw", "golden-cove"],
    &["--core", "out-of-order", "--hw", "classroom"],
    &["--core", "out-of-order", "--hw", "zen4"],
];

#[test]
fn each_sample_counts_the_same_replayed() {
    let files = std::fs::read_dir(samples()).expect("the samples are there");
    let paths = files.map(|entry| entry.expect("an entry").path());
    let is_elf = |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
    let all: Vec<_> = paths.filter(is_elf).collect();
    assert!(all.len() > 15, "{all:?}");
    all.par_iter().for_each(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert_same(&format!("elf-samples/{name}"), &[], &PROCESSORS);
    });
}

/// Pages leave memory and come back, two processes share them, and large ones are split.
#[test]
fn a_run_under_pressure_counts_the_same_replayed() {
    let guest = ["--ram", "4M", "--swap", "64M"];
    assert_same("elf-samples/fork-cow", &guest, &PROCESSORS);
    assert_same("elf-samples/sieve 3000000", &guest, &PROCESSORS[2..3]);
    assert_same("elf-samples/malloc", &["--thp", "always"], &PROCESSORS);
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let folder = TempDir::new().expect("a folder");
    let [one, other] = ["one", "other"].map(|name| record(folder.path(), name, &[], "elf-samples/fork-cow"));
    assert_eq!(std::fs::read(one).expect("a file"), std::fs::read(other).expect("a file"));
}

/// A program of this code.
fn program(folder: &Path, code: &[u8]) -> PathBuf {
    let path = folder.join("program");
    std::fs::write(&path, elf::program(code)).expect("a file");
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is ours");
    path
}

#[test]
fn what_is_no_instruction_ends_a_block() {
    let folder = TempDir::new().expect("a folder");
    let program = program(folder.path(), &[0x90, 0x06]); // nop; what 32-bit code knows as push es
    assert_same(text(&program), &[], &PROCESSORS);
    let program = self::program(folder.path(), &[0xeb, 0, 0x06]); // a jump to it: then its block is empty
    assert_same(text(&program), &[], &PROCESSORS);
}

/// A branch leads to an instruction that crosses a page, whose first half is in the TLB and whose second is not.
#[test]
fn a_branch_to_an_instruction_that_crosses_a_page_is_decided_at_its_first_byte() {
    const CODE: usize = 1 << 12;
    let mut code = vec![0x90; CODE];
    code[..7].copy_from_slice(&[0x31, 0xdb, 0xe9, 0, 0, 0, 0]); // xor ebx, ebx; jmp to the test
    let test = CODE - 7 - elf::CODE_OFFSET % CODE;
    code[3..7].copy_from_slice(&(test as u32 - 7).to_le_bytes());
    let exit = [0x85, 0xdb, 0x75, 0, 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]; // test; jne; mov eax, 60; xor edi, edi; syscall
    code.splice(test.., exit);
    let folder = TempDir::new().expect("a folder");
    assert_same(text(&program(folder.path(), &code)), &[], &PROCESSORS);
}

/// What replaying such a file says, and how it ends.
fn complaint(folder: &Path, bytes: &[u8]) -> (Option<i32>, String) {
    let file = folder.join("broken");
    std::fs::write(&file, bytes).expect("a file");
    let output = pagewalk(&["replay", "-q", "--core", "out-of-order", text(&file)]);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_file_that_is_cut_off_or_damaged_is_an_error() {
    let folder = TempDir::new().expect("a folder");
    let trace = record(folder.path(), "trace", &[], "elf-samples/hello");
    let bytes = std::fs::read(trace).expect("a file");
    assert_eq!(complaint(folder.path(), &bytes), (Some(0), String::new()));
    for length in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
        let (status, said) = complaint(folder.path(), &bytes[..length]);
        assert_eq!(status, Some(125), "cut off after {length} bytes: {said}");
        assert!(said.contains("it is cut off") || said.contains("it is no trace"), "{length}: {said}");
    }
    for at in (0..bytes.len()).step_by(bytes.len() / 32 + 1) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let (status, said) = complaint(folder.path(), &damaged);
        assert_eq!(status, Some(125), "byte {at} is another: {said}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(complaint(folder.path(), &longer).1.contains("more behind its end"));
    let mut later = bytes;
    later[b"pagewalk accesses ".len()] = b'2';
    assert!(complaint(folder.path(), &later).1.contains("version 2"));
}

#[test]
fn options_of_a_processor_do_not_go_with_a_recording() {
    let output = pagewalk(&["record", "--accesses", "--hw", "zen3", "elf-samples/hello"]);
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_name_does_not_reach_the_terminal_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    let trace = accesses::made_up(folder.path(), "\x1b[2Jx\n");
    let output = pagewalk(&["replay", "--core", "none", text(&trace)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(r"Counters of `\u{1b}[2Jx\n` on"), "{said}");
}

/// What a shell's line with pagewalk says, in a folder with a program that ends at once.
fn shell(folder: &Path, line: &str) -> (Option<i32>, String) {
    program(folder, &[0x31, 0xff, 0x6a, 60, 0x58, 0x0f, 0x05]); // xor edi, edi; push 60; pop rax; syscall
    let line = line.replace("pagewalk", env!("CARGO_BIN_EXE_pagewalk"));
    let output = Command::new("sh").args(["-c", &line]).current_dir(folder).output().expect("a shell");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_limit_on_the_size_of_files_is_said() {
    let folder = TempDir::new().expect("a folder");
    for command in ["record --accesses -q", "record -q", "stat -q"] {
        let (status, said) = shell(folder.path(), &format!("ulimit -f 0; exec pagewalk {command} -o out ./program"));
        assert_eq!(status, Some(125), "{command}: {said}");
        assert!(said.contains("cannot write `out`") && said.contains("File too large"), "{command}: {said}");
    }
}

#[test]
fn a_program_is_not_written_over() {
    let folder = TempDir::new().expect("a folder");
    let lines = [
        "record --accesses -o ./program ./program",
        "record -o link ./program",
        "record --timeline program ./program",
        "record --accesses -o program --env PATH=. program",
        "record --accesses -o program --root . /program",
        "record --accesses -o program --mount .:/here /here/program",
        "stat -o program ./program",
        "run --record-references program ./program",
    ];
    for line in lines {
        let (status, said) = shell(folder.path(), &format!("ln -f program link; exec pagewalk {line}"));
        assert_eq!(status, Some(125), "{line}: {said}");
        assert!(said.contains("it is the program that is to run"), "{line}: {said}");
        let bytes = std::fs::read(folder.path().join("program")).expect("it is still there");
        assert!(bytes.starts_with(b"\x7fELF"), "{line}");
    }
}

/// `/dev/full` is a disk without room.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said() {
    let output = pagewalk(&["record", "--accesses", "-o", "/dev/full", "elf-samples/hello"]);
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot write `/dev/full`"), "{said}");
}
