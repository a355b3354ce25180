//! Allocations that fail on purpose: whatever the place, the program gets an error or a signal, nothing panics, and no frame
//! is lost.

mod common;

use arch::AccessKind;
use common::processes::{ANY, nr};
use common::{DATA, HEAP, Rig, SCRATCH};
use pagewalk_kernel::Disposition;

const MUNMAP: u64 = 11;
const MREMAP: u64 = 25;
const PROT_RW: u64 = 3;
const MAP_PRIVATE_ANONYMOUS: u64 = 0x22;
/// A piece of address space that needs page tables of its own.
const FAR: u64 = 0x10_0000_0000;
const MAP_FIXED: u64 = 0x10;

/// An access that may end the program; the disposition says so.
fn touch(rig: &mut Rig, la: u64, kind: AccessKind) -> Result<(), Disposition> {
    rig.access(la, kind).map(drop)
}

/// Maps, touches, moves, forks and unmaps, and takes every error as it comes.
fn program(rig: &mut Rig) -> Result<(), Disposition> {
    touch(rig, SCRATCH, AccessKind::Write)?;
    touch(rig, DATA + 0x800, AccessKind::Read)?;
    touch(rig, DATA + 0x800, AccessKind::Write)?;
    let flags = MAP_PRIVATE_ANONYMOUS | MAP_FIXED;
    let mapped = call(rig, nr::MMAP, &[FAR, 0x8000, PROT_RW, flags, ANY, 0])?;
    assert_eq!(mapped, FAR as i64, "a mapping without pages needs no frame");
    touch(rig, FAR, AccessKind::Read)?;
    for at in (0..0x8000).step_by(0x1000) {
        touch(rig, FAR + at, AccessKind::Write)?;
    }
    let _moved = call(rig, MREMAP, &[FAR, 0x4000, 0x4000, 3, 2 * FAR])?;
    let child = call(rig, nr::FORK, &[])?;
    if child > 0 {
        touch(rig, SCRATCH, AccessKind::Write)?;
        // The child may have been killed so that its parent gets a page.
        if rig.kernel.oom_kills().is_empty() {
            rig.turn_to(child as u64);
            touch(rig, SCRATCH, AccessKind::Write)?;
            touch(rig, HEAP - 8, AccessKind::Write)?;
            rig.exit(0);
        }
        let _waited = call(rig, nr::WAIT4, &[child as u64, SCRATCH, 0, 0])?;
    }
    let _unmapped = call(rig, MUNMAP, &[FAR, 0x8000])?;
    Ok(())
}

fn call(rig: &mut Rig, number: u64, args: &[u64]) -> Result<i64, Disposition> {
    match rig.syscall(number, args) {
        Disposition::Resume => Ok(rig.result()),
        other => Err(other),
    }
}

/// What a run came to.
#[derive(Debug, PartialEq)]
enum End {
    /// The program could not be executed, and left so many frames more than there were: a page of its file, at most.
    NoExec(u64),
    /// It ran, not to its own end if something failed, and so many frames were in use afterwards.
    Ran { is_whole: bool, frames: u64 },
}

fn run(rules: &[String]) -> End {
    let mut rig = Rig::configured(|config| {
        config.injections = rules.iter().map(|rule| rule.parse().unwrap()).collect();
    });
    let before = rig.kernel.frames().in_use();
    if rig.exec(b"/prog", &["prog"], &[]).is_err() {
        return End::NoExec(rig.kernel.frames().in_use() - before);
    }
    let outcome = program(&mut rig);
    let is_whole = outcome.is_ok();
    let mut end = outcome.err().unwrap_or(Disposition::Resume);
    while end == Disposition::Resume {
        end = rig.syscall(nr::EXIT_GROUP, &[0]);
    }
    assert!(matches!(end, Disposition::Exit(_)), "{rules:?}: {end:?}");
    End::Ran { is_whole, frames: rig.kernel.frames().in_use() }
}

/// Three allocations in a row fail, as one alone is made good by reclaim, at every place that the program has.
#[test]
fn no_failed_allocation_loses_a_frame() {
    let End::Ran { is_whole: true, frames: plain } = run(&[]) else { panic!("the program does not run") };
    let mut failed = 0;
    for first in 1..=120 {
        let rules: Vec<String> = (first..first + 3).map(|nth| format!("alloc-fail={nth}")).collect();
        match run(&rules) {
            End::NoExec(frames) => assert!(frames <= 1, "alloc-fail={first}: exec left {frames} frames"),
            End::Ran { is_whole, frames } => {
                // One less if reclaim took the page of the program's file.
                assert!((plain - 1..=plain).contains(&frames), "alloc-fail={first}: {frames} frames, not {plain}");
                failed += u32::from(!is_whole);
            }
        }
    }
    assert!(failed > 10, "only {failed} runs ended early");
}

#[test]
fn one_seed_is_one_run() {
    let rules = ["alloc-fail=1/20".to_owned()];
    assert_eq!(run(&rules), run(&rules));
}
