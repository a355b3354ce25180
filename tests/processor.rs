//! `--cpu`: the same program finds other instructions, another CPUID, another auxiliary vector and another /proc/cpuinfo.

mod common;

use common::elf::program;
use common::{config, describe, run, status};
use pagewalk::{CpuModel, Features, Mount, MountMode};

/// Runs code on a processor; how it ended.
fn ending(processor: &str, code: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("program"), program(code)).expect("a file");
    make_executable(&folder.path().join("program"));
    let mut config = config();
    config.view.mounts.push(Mount { host: folder.path().into(), guest: "/p".into(), mode: MountMode::Layered });
    config.cpu = CpuModel { features: processor.parse().expect("a processor"), ..CpuModel::default() };
    let outcome = run(config, "/p/program");
    let end = describe(&outcome.ending);
    assert_eq!(status(&outcome.ending) != 132, end.starts_with("exit"), "{end}");
    end
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a file of ours");
}

/// Code, then exit with AL as the status.
fn and_exit(code: &[u8]) -> Vec<u8> {
    // movzx edi, al; mov eax, 60; syscall
    [code, &[0x0f, 0xb6, 0xf8, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]].concat()
}

#[test]
fn an_instruction_is_there_from_its_level_on() {
    let popcnt = and_exit(&[0xb8, 7, 0, 0, 0, 0xf3, 0x0f, 0xb8, 0xc0]); // mov eax, 7; popcnt eax, eax
    assert!(ending("x86-64-v1", &popcnt).contains("SIGILL"));
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v1,+popcnt"] {
        assert_eq!(ending(level, &popcnt), "exit status 3", "{level}");
    }
    let andn = and_exit(&[0xb8, 5, 0, 0, 0, 0xc4, 0xe2, 0x78, 0xf2, 0xc0]); // mov eax, 5; andn eax, eax, eax
    assert!(ending("x86-64-v2", &andn).contains("SIGILL"));
    assert_eq!(ending("x86-64-v3", &andn), "exit status 0");
}

#[test]
fn a_prefix_means_something_from_its_level_on() {
    let lzcnt = and_exit(&[0xb8, 1, 0, 0, 0, 0xf3, 0x0f, 0xbd, 0xc0]); // mov eax, 1; lzcnt eax, eax
    assert_eq!(ending("x86-64-v3", &lzcnt), "exit status 31");
    assert_eq!(ending("x86-64-v2", &lzcnt), "exit status 0", "BSR");
}

#[test]
fn the_auxiliary_vector_follows() {
    // AT_MINSIGSTKSZ is its first entry: [rsp + 8 * (argc + 1 + environment + 2 + 1)], in units of 16 bytes.
    let size = and_exit(&[0x48, 0x8b, 0x44, 0x24, 0x30, 0x48, 0xc1, 0xe8, 0x04]); // mov rax, [rsp + 48]; shr rax, 4
    assert_eq!(ending("x86-64-v1", &size), format!("exit status {}", 1040 / 16));
    assert_eq!(ending("x86-64-v3", &size), format!("exit status {}", 1360 / 16));
}

#[test]
fn random_numbers_come_from_the_seed() {
    let rdrand = and_exit(&[0x0f, 0xc7, 0xf0]); // rdrand eax
    let first = ending("x86-64-v3", &rdrand);
    assert_eq!(ending("x86-64-v3", &rdrand), first);
    assert!(ending("x86-64-v3,-rdrand", &rdrand).contains("SIGILL"));
}

#[test]
fn names_are_those_of_proc_cpuinfo() {
    let names: Vec<&str> = Features::V1.names().collect();
    assert_eq!(names[..13].join(" "), "fpu tsc msr pae cx8 pge cmov pat clflush mmx fxsr sse sse2");
    assert!(Features::V3.names().any(|name| name == "avx2"));
}
