//! What memory management costs the host: faults by kind, copies, page-out and swap-in; and that it grows with the number of
//! pages and no faster.
//!
//! `first-touch` runs a program in the whole machine that touches each page of 64 MiB once, and beside it the same natively: the
//! host's own faults are in both.

mod common;
#[path = "../tests/common/elf.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod elf;

use arch::{AccessKind, FRAME_SIZE, LinearAddr};
use common::Host;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kernel::mm::{Advice, Mm};
use pagewalk::{BufferConsole, Interrupt, Machine, MachineConfig, ViewConfig};
use std::cell::RefCell;
use std::fs::Permissions;
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const PAGES: u64 = 10_000;
/// Pages of the program that touches memory.
const TOUCHED: u64 = 16_384;

/// Measures `action` on address spaces made by `setup`, in time a page.
fn measure<S>(c: &mut Criterion, name: &str, host: &RefCell<Host>, setup: S, action: impl Fn(&mut Host, &mut Space))
where
    S: Fn(&mut Host) -> Space,
{
    let mut group = c.benchmark_group("memory");
    group.sample_size(20).throughput(Throughput::Elements(PAGES));
    group.bench_function(name, |b| {
        b.iter_custom(|iterations| {
            let mut host = host.borrow_mut();
            let mut elapsed = Duration::ZERO;
            for _ in 0..iterations {
                let mut space = setup(&mut host);
                let started = Instant::now();
                action(&mut host, &mut space);
                elapsed += started.elapsed();
                space.all.drain(..).for_each(|mm| host.end(mm));
            }
            elapsed
        });
    });
    group.finish();
}

/// The address spaces of a measurement, and where the first has its mapping.
struct Space {
    all: Vec<Mm>,
    at: LinearAddr,
}

fn untouched(host: &mut Host) -> Space {
    let (mm, at) = host.untouched(PAGES);
    Space { all: vec![mm], at }
}

fn written(host: &mut Host) -> Space {
    let mut space = untouched(host);
    host.touch(&mut space.all[0], space.at, PAGES, AccessKind::Write);
    space
}

fn shared(host: &mut Host) -> Space {
    let mut space = written(host);
    let child = host.fork(&mut space.all[0]);
    space.all.push(child);
    space
}

fn paged_out(host: &mut Host) -> Space {
    let mut space = written(host);
    page_out(host, &mut space);
    space
}

fn page_out(host: &mut Host, space: &mut Space) {
    // Twice: what is found used has its second chance.
    (0..2).for_each(|_| host.advise(&mut space.all[0], space.at, PAGES, Advice::PageOut));
}

fn touch(kind: AccessKind) -> impl Fn(&mut Host, &mut Space) {
    move |host, space| {
        let faults = host.touch(&mut space.all[0], space.at, PAGES, kind);
        assert!(faults > PAGES / 9, "{faults} faults: readahead brings at most eight pages");
    }
}

fn faults(c: &mut Criterion) {
    let host = Host::new(512 << 20);
    // Frames that were never used hold zeros: the first round of this clears none.
    measure(c, "fault-zero-page", &host, untouched, touch(AccessKind::Read));
    measure(c, "fault-demand-zero", &host, untouched, touch(AccessKind::Write));
    measure(c, "fault-copy", &host, shared, touch(AccessKind::Write));
    measure(c, "swap-out", &host, written, page_out);
    measure(c, "swap-in", &host, paged_out, touch(AccessKind::Read));
}

/// A minor fault alone: the frames that it maps are fresh and hold zeros already.
fn minor_fault(c: &mut Criterion) {
    let mut group = c.benchmark_group("memory");
    group.sample_size(20).throughput(Throughput::Elements(PAGES));
    group.bench_function("fault-fresh-frame", |b| {
        let fresh = || {
            let host = Host::new(64 << 20);
            let space = untouched(&mut host.borrow_mut());
            (host, space)
        };
        let fault = |(host, mut space): (RefCell<Host>, Space)| {
            touch(AccessKind::Write)(&mut host.borrow_mut(), &mut space);
            (host, space)
        };
        b.iter_batched(fresh, fault, BatchSize::PerIteration);
    });
    group.finish();
}

/// Elements are pages: the time for one stays the same.
fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth");
    group.sample_size(10);
    for pages in [1_000, 10_000, 100_000, 1_000_000] {
        group.throughput(Throughput::Elements(pages));
        let host = Host::new((pages * FRAME_SIZE * 9 / 8 + (16 << 20)).next_multiple_of(2 << 20));
        group.bench_function(format!("map-touch-fork-unmap-{pages}"), |b| {
            b.iter(|| {
                let mut host = host.borrow_mut();
                let (mut mm, at) = host.untouched(pages);
                host.touch(&mut mm, at, pages, AccessKind::Write);
                let child = host.fork(&mut mm);
                host.end(child);
                host.end(mm);
            });
        });
    }
    group.finish();
}

/// Elements are pages that nobody has touched before, not even the host.
fn first_touch(c: &mut Criterion) {
    let mut group = c.benchmark_group("first-touch");
    group.sample_size(20).throughput(Throughput::Elements(TOUCHED));
    group.bench_function("machine", |b| {
        let folder = tempfile::tempdir().expect("the host has a disk");
        let path = folder.path().join("touch");
        std::fs::write(&path, elf::program(&touch_code(TOUCHED))).expect("the host has a disk");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("it is our file");
        let machine = || machine_in(folder.path());
        b.iter_batched(
            machine,
            |machine| assert!(common::run(machine).page_faults() >= TOUCHED),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("native", |b| b.iter(|| native_first_touch(TOUCHED)));
    group.finish();
}

/// A machine that is about to run `/touch`.
fn machine_in(folder: &Path) -> Machine {
    let view = ViewConfig { root: Some(folder.into()), ..ViewConfig::default() };
    let console = Box::new(BufferConsole::new(""));
    let mut machine = Machine::new(MachineConfig::new(view), console, Interrupt::new()).expect("the host has memory");
    machine.exec(b"/touch", &[b"/touch".to_vec()], &[]).expect("it is there");
    machine
}

/// Maps so many pages, stores to each, and exits.
fn touch_code(pages: u64) -> Vec<u8> {
    let len = u32::try_from(pages * FRAME_SIZE).expect("less than 2 GiB").to_le_bytes();
    let mut code = vec![0xb8, 9, 0, 0, 0, 0x31, 0xff, 0xbe]; // mov eax, 9 (mmap); xor edi, edi; mov esi, len
    code.extend(len);
    code.extend([0xba, 3, 0, 0, 0]); // mov edx, PROT_READ|PROT_WRITE
    code.extend([0x41, 0xba, 0x22, 0, 0, 0]); // mov r10d, MAP_PRIVATE|MAP_ANONYMOUS
    code.extend([0x49, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff]); // mov r8, -1
    code.extend([0x45, 0x31, 0xc9, 0x0f, 0x05]); // xor r9d, r9d; syscall
    code.extend([0x48, 0x8d, 0x0c, 0x30]); // lea rcx, [rax+rsi]
    code.extend([0xc6, 0x00, 0x01]); // next: mov byte [rax], 1
    code.extend([0x48, 0x05, 0, 0x10, 0, 0]); // add rax, 4096
    code.extend([0x48, 0x39, 0xc8, 0x75, 0xf2]); // cmp rax, rcx; jne next
    code.extend([0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]); // exit(0)
    code
}

fn native_first_touch(pages: u64) {
    let mut options = memmap2::MmapOptions::new();
    let mut map = options.len((pages * FRAME_SIZE) as usize).map_anon().expect("the host has memory");
    (0..pages).for_each(|page| map[(page * FRAME_SIZE) as usize] = 1);
    black_box(map);
}

criterion_group!(benches, faults, minor_fault, growth, first_touch);
criterion_main!(benches);
