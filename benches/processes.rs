//! What many processes cost: a context switch, a child that ends at once, and a program that is executed and ends at once.
//! The programs are a few instructions each, so that what is measured is the kernel layer and the flushes it calls for.

mod common;
#[path = "../tests/common/elf.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod elf;

use common::{address, mapped, run};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mmu::SlotCount;
use pagewalk::{BufferConsole, Interrupt, Machine, MachineConfig, ViewConfig};
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Rounds of a program's loop in one run.
const ROUNDS: u32 = 500;
/// Pages that a process comes back to after a switch.
const WORKING_SET: u64 = 64;
/// xor edi, edi; mov eax, 231; syscall: exit_group(0).
const EXIT: [u8; 9] = [0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];

/// mov ebx, ROUNDS; loop: sched_yield; dec ebx; jnz loop; exit.
fn yields() -> Vec<u8> {
    let [a, b, c, d] = ROUNDS.to_le_bytes();
    let head = [0xbb, a, b, c, d, 0xb8, 24, 0, 0, 0, 0x0f, 0x05, 0xff, 0xcb, 0x75, 0xf5];
    [&head[..], &EXIT].concat()
}

/// fork, and then both as [`yields`].
fn yields_of_two() -> Vec<u8> {
    [&[0xb8, 57, 0, 0, 0, 0x0f, 0x05][..], &yields()].concat()
}

/// mov ebx, ROUNDS; loop: `call`, whose child goes on at `child` behind the jump; wait4(-1, 0, 0, 0); dec ebx; jnz loop; exit.
fn parent(call: u8, child: u8) -> Vec<u8> {
    let [a, b, c, d] = ROUNDS.to_le_bytes();
    let make = [0xbb, a, b, c, d, 0xb8, call, 0, 0, 0, 0x0f, 0x05, 0x85, 0xc0, 0x74, child];
    let wait = [0x83, 0xcf, 0xff, 0x31, 0xf6, 0x31, 0xd2, 0x45, 0x31, 0xd2, 0xb8, 61, 0, 0, 0, 0x0f, 0x05];
    [&make[..], &wait, &[0xff, 0xcb, 0x75, 0xe0], &EXIT].concat()
}

/// fork; the child exits at once.
fn forks() -> Vec<u8> {
    parent(57, 21)
}

/// vfork; the child executes `/exit`.
fn spawns() -> Vec<u8> {
    let parent = parent(58, 30);
    let path = elf::BASE as u32 + (elf::CODE_OFFSET + parent.len() + 16) as u32;
    let [a, b, c, d] = path.to_le_bytes();
    // mov edi, path; xor esi, esi; xor edx, edx; mov eax, 59; syscall
    let child = [0xbf, a, b, c, d, 0x31, 0xf6, 0x31, 0xd2, 0xb8, 59, 0, 0, 0, 0x0f, 0x05];
    [&parent[..], &child, b"/exit\0"].concat()
}

fn add_program(folder: &Path, name: &str, code: &[u8]) {
    let path = folder.join(name);
    std::fs::write(&path, elf::program(code)).expect("the folder is writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
}

/// A machine that is about to run a program of the folder.
fn machine(folder: &Path, name: &str) -> Machine {
    let view = ViewConfig { root: Some(folder.into()), ..ViewConfig::default() };
    let console = Box::new(BufferConsole::new(""));
    let mut machine = Machine::new(MachineConfig::new(view), console, Interrupt::new()).expect("the host has memory");
    machine.exec(name.as_bytes(), &[name.into()], &[]).expect("the program is in the folder");
    machine
}

/// Elements are rounds; with two processes each round of each is a switch, so the figure is for one switch too.
fn programs(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("the host has room");
    let programs = [
        ("yield-alone", yields(), 1),
        ("switch", yields_of_two(), 2),
        ("fork-exit-wait", forks(), 1),
        ("vfork-exec-exit-wait", spawns(), 1),
    ];
    add_program(folder.path(), "exit", &EXIT);
    let mut group = c.benchmark_group("processes");
    group.sample_size(20);
    for (name, code, processes) in programs {
        add_program(folder.path(), name, &code);
        group.throughput(Throughput::Elements(u64::from(ROUNDS) * processes));
        group.bench_function(name, |b| {
            b.iter_batched(|| machine(folder.path(), &format!("/{name}")), run, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// A program takes the place of another in a machine: no fork, no exit, no instruction.
fn exec(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("the host has room");
    add_program(folder.path(), "exit", &EXIT);
    let mut machine = machine(folder.path(), "/exit");
    c.bench_function("processes/exec", |b| {
        b.iter(|| machine.exec(b"/exit", &[b"exit".to_vec()], &[]).expect("it is there still"));
    });
}

/// What a switch does to the MMU: the write to CR3 flushes, and the working set is walked for anew. Elements are pages.
fn refill(c: &mut Criterion) {
    let mut mmu = mapped(WORKING_SET, SlotCount::default());
    let regs = mmu.context().regs;
    let mut group = c.benchmark_group("processes");
    group.throughput(Throughput::Elements(WORKING_SET));
    for (name, switches) in [("working-set-warm", 0), ("working-set-after-cr3-write", 1)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                (0..switches).for_each(|_| mmu.load_control(regs));
                let pages = 0..WORKING_SET;
                black_box(pages.map(|page| mmu.load::<u64>(address(page)).expect("mapped")).sum::<u64>())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, refill, programs, exec);
criterion_main!(benches);
