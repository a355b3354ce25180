//! What the benchmarks share: machines on samples, and page tables made by hand.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part")]

use arch::{ControlRegs, Cr3, FRAME_SIZE, LinearAddr, Pfn, PhysAddr};
use mmu::{Mmu, SlotCount};
use pagewalk::{BufferConsole, Ending, ExitStatus, Interrupt, Machine, MachineConfig, Stats, ViewConfig};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

/// RAM of the hand-made machine.
const RAM_BYTES: u64 = 64 << 20;
/// P, R/W, U/S, A and D: nothing is left for a walk to set.
const READY: u64 = 0x67;

/// A machine with a sample loaded, ready to run.
pub(crate) fn machine(sample: &str, argument: &str) -> Machine {
    let view = ViewConfig { cwd: env!("CARGO_MANIFEST_DIR").into(), ..ViewConfig::default() };
    let console = Box::new(BufferConsole::new(""));
    let mut machine = Machine::new(MachineConfig::new(view), console, Interrupt::new()).expect("the host has memory");
    let path = format!("elf-samples/{sample}").into_bytes();
    machine.exec(&path, &[path.clone(), argument.into()], &[]).expect("the sample is in the repository");
    machine
}

/// Runs a sample to its end and gives what it amounted to.
pub(crate) fn run(mut machine: Machine) -> Stats {
    assert_eq!(machine.run(), Ending::Exit(ExitStatus::Exited(0)));
    machine.stats()
}

/// An MMU whose tables map `pages` pages from linear address 0x400000 on.
pub(crate) fn mapped(pages: u64, slots: SlotCount) -> Mmu<NoModel> {
    let mut bus = Bus::new(Ram::new(RAM_BYTES).expect("the host has memory"));
    let mut next = 2;
    for page in 0..pages {
        map(&mut bus, &mut next, address(page), Pfn(4096 + page));
    }
    let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(FRAME_SIZE)));
    Mmu::new(bus, ctx, slots, NoModel)
}

/// The first address of a page that [`mapped`] has mapped.
pub(crate) const fn address(page: u64) -> LinearAddr {
    LinearAddr(0x40_0000 + page * FRAME_SIZE)
}

/// Maps one page; tables are taken from frame `next` on, the root is frame 1.
fn map(bus: &mut Bus, next: &mut u64, la: LinearAddr, frame: Pfn) {
    let mut table = Pfn(1).base();
    for shift in [39, 30, 21] {
        let entry = entry_at(table, la, shift);
        if bus.load_entry(entry) == 0 {
            bus.store_entry(entry, Pfn(*next).base().0 | READY);
            *next += 1;
        }
        table = PhysAddr(bus.load_entry(entry) & !(FRAME_SIZE - 1));
    }
    bus.store_entry(entry_at(table, la, 12), frame.base().0 | READY);
}

fn entry_at(table: PhysAddr, la: LinearAddr, shift: u32) -> PhysAddr {
    table.wrapping_add((la.0 >> shift & 0x1ff) * 8)
}
