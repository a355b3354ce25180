//! What a program is given of the host: its environment and its files, and what becomes of what it writes.

mod common;

use common::elf;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Writes each string of its environment, with the NUL: from `envp` on, a `write(1, ..)` for each.
const ENV: &[u8] = &[
    0x48, 0x8b, 0x1c, 0x24, // mov rbx, [rsp]
    0x48, 0x8d, 0x5c, 0xdc, 0x10, // lea rbx, [rsp + rbx * 8 + 16]
    0x48, 0x8b, 0x33, // next: mov rsi, [rbx]
    0x48, 0x85, 0xf6, 0x74, 0x19, // test rsi, rsi; jz done
    0x31, 0xd2, // xor edx, edx
    0x48, 0xff, 0xc2, // length: inc rdx
    0x80, 0x7c, 0x16, 0xff, 0x00, 0x75, 0xf6, // cmp byte [rsi + rdx - 1], 0; jne length
    0x6a, 0x01, 0x58, 0x89, 0xc7, 0x0f, 0x05, // push 1; pop rax; mov edi, eax; syscall
    0x48, 0x83, 0xc3, 0x08, 0xeb, 0xdf, // add rbx, 8; jmp next
    0x6a, 0x3c, 0x58, 0x31, 0xff, 0x0f, 0x05, // done: push 60; pop rax; xor edi, edi; syscall
];

/// `put PATH TEXT` writes the text to a file, reads it back and writes it to standard output; exits with errno.
const PUT: &[u8] = &[
    0x48, 0x8b, 0x7c, 0x24, 0x10, // mov rdi, [rsp + 16]
    0xbe, 0x41, 0x02, 0x00, 0x00, 0xba, 0xa4, 0x01, 0x00,
    0x00, // mov esi, O_WRONLY | O_CREAT | O_TRUNC; mov edx, 0644
    0x6a, 0x02, 0x58, 0x0f, 0x05, // push 2; pop rax; syscall
    0x85, 0xc0, 0x78, 0x4d, // test eax, eax; js done
    0x89, 0xc7, 0x48, 0x8b, 0x74, 0x24, 0x18, // mov edi, eax; mov rsi, [rsp + 24]
    0x31, 0xd2, 0x48, 0xff, 0xc2, // xor edx, edx; length: inc rdx
    0x80, 0x7c, 0x16, 0xff, 0x00, 0x75, 0xf6, // cmp byte [rsi + rdx - 1], 0; jne length
    0x48, 0xff, 0xca, 0x6a, 0x01, 0x58, 0x0f, 0x05, // dec rdx; push 1; pop rax; syscall
    0x48, 0x8b, 0x7c, 0x24, 0x10, 0x31, 0xf6, 0x6a, 0x02, 0x58, 0x0f, 0x05, // open(path, O_RDONLY)
    0x89, 0xc7, 0x48, 0x8d, 0xb4, 0x24, 0x00, 0xff, 0xff, 0xff, // mov edi, eax; lea rsi, [rsp - 256]
    0xba, 0x80, 0x00, 0x00, 0x00, 0x31, 0xc0, 0x0f, 0x05, // mov edx, 128; xor eax, eax; syscall
    0x48, 0x8d, 0xb4, 0x24, 0x00, 0xff, 0xff, 0xff, 0x89, 0xc2, // lea rsi, [rsp - 256]; mov edx, eax
    0x6a, 0x01, 0x58, 0x89, 0xc7, 0x0f, 0x05, 0x31, 0xc0, // push 1; pop rax; mov edi, eax; syscall; xor eax, eax
    0xf7, 0xd8, 0x89, 0xc7, 0x6a, 0x3c, 0x58, 0x0f,
    0x05, // done: neg eax; mov edi, eax; push 60; pop rax; syscall
];

const ENOENT: i32 = 2;

/// A folder with the two programs and, in `data`, a file.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, code) in [("env", ENV), ("put", PUT)] {
        let path = folder.path().join(name);
        fs::write(&path, elf::program(code)).expect("the temporary folder takes a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is our file");
    }
    fs::create_dir(folder.path().join("data")).expect("the temporary folder takes a folder");
    fs::write(folder.path().join("data/file"), "of the host").expect("the temporary folder takes a file");
    folder
}

fn pagewalk(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.arg("run").args(args).current_dir(folder).env_clear().env("ONLY", "the host's");
    command.output().expect("pagewalk starts")
}

/// Standard output of a run that goes well.
fn says(folder: &Path, args: &[&str]) -> String {
    let output = pagewalk(folder, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").replace('\0', "\n")
}

fn data(folder: &Path, name: &str) -> Option<String> {
    fs::read_to_string(folder.join("data").join(name)).ok()
}

#[test]
fn the_environment_is_a_fixed_list_unless_asked() {
    let folder = folder();
    let fixed = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/\nLANG=C\nTERM=dumb\n";
    assert_eq!(says(folder.path(), &["./env"]), fixed);
    let changed = fixed.replace("LANG=C", "LANG=de_CH") + "A=1=2\nEMPTY=\n";
    assert_eq!(
        says(folder.path(), &["--env=LANG=de_CH", "--env", "A=0", "--env=EMPTY=", "--env=A=1=2", "./env"]),
        changed
    );
    assert_eq!(says(folder.path(), &["--env-host", "./env"]), "ONLY=the host's\n");
    assert_eq!(says(folder.path(), &["--env-host", "--env=ONLY=ours", "./env"]), "ONLY=ours\n");
}

#[test]
fn what_is_written_is_seen_by_the_program_and_gone_afterwards() {
    let folder = folder();
    for file in ["data/file", "data/new", "new"] {
        assert_eq!(says(folder.path(), &["./put", file, "changed"]), "changed");
    }
    assert_eq!(data(folder.path(), "file").as_deref(), Some("of the host"));
    assert_eq!(data(folder.path(), "new"), None);
    assert!(!folder.path().join("new").exists());
}

#[test]
fn a_mount_is_written_to_the_host_only_with_rw() {
    let folder = folder();
    let mount = |mode: &str| format!("--mount={}:/given{mode}", folder.path().join("data").display());
    for mode in ["", ":ro"] {
        for file in ["/given/file", "/given/new"] {
            assert_eq!(says(folder.path(), &[&mount(mode), "./put", file, "changed"]), "changed");
        }
        assert_eq!(data(folder.path(), "file").as_deref(), Some("of the host"));
        assert_eq!(data(folder.path(), "new"), None);
    }
    for file in ["/given/file", "/given/new"] {
        assert_eq!(says(folder.path(), &[&mount(":rw"), "./put", file, "changed"]), "changed");
    }
    assert_eq!(data(folder.path(), "file").as_deref(), Some("changed"));
    assert_eq!(data(folder.path(), "new").as_deref(), Some("changed"));
}

#[test]
fn no_path_leaves_a_mount_or_a_root() {
    let folder = folder();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).expect("the temporary folder takes a folder");
    let data_folder = folder.path().join("data");
    for (link, target) in [("up", PathBuf::from("..")), ("absolute", outside.clone()), ("root", "/".into())] {
        std::os::unix::fs::symlink(target, data_folder.join(link)).expect("the temporary folder takes a link");
    }
    let mount = format!("--mount={}:/given:rw", data_folder.display());
    let absolute = format!("{}/new", outside.display());
    for path in ["/given/../new", "/given/up/new", "/given/up/outside/new", "/given/absolute/new", "/given/root/new"] {
        // Whether the path leads anywhere for the program or not, it does not lead to the host.
        pagewalk(folder.path(), &[&mount, "./put", path, "changed"]);
    }
    pagewalk(folder.path(), &[&mount, "./put", &absolute, "changed"]);
    assert_eq!(fs::read_dir(&outside).expect("it is there").count(), 0);
    assert!(!folder.path().join("new").exists());
    assert!(!Path::new("/new").exists());
}

#[test]
fn a_root_replaces_the_view() {
    let folder = folder();
    let root = format!("--root={}", folder.path().display());
    assert_eq!(says(folder.path(), &[&root, "/put", "/data/file", "changed"]), "changed");
    assert_eq!(data(folder.path(), "file").as_deref(), Some("of the host"));
    assert_eq!(says(folder.path(), &[&root, "--cwd=/data", "/put", "file", "changed"]), "changed");
    let there = format!("{}/data/file", folder.path().display());
    assert_eq!(pagewalk(folder.path(), &[&root, "/put", &there, "changed"]).status.code(), Some(ENOENT));
    let in_root = folder.path().join("put");
    assert_eq!(pagewalk(folder.path(), &[&root, in_root.to_str().expect("text")]).status.code(), Some(127));
}
