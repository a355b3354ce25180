//! What the benchmarks share: machines on samples, page tables made by hand, and the kernel layer by itself.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part")]

use arch::{Access, AccessKind, ControlRegs, Cr3, FRAME_SIZE, LinearAddr, Pfn, PhysAddr, Privilege};
use event::{Event, EventSink, Moment, Pid};
use kernel::Hw;
use kernel::fs::Vfs;
use kernel::mm::frames::FrameTable;
use kernel::mm::{Advice, KernelHalf, MapFlags, MapSource, Mm, MmCx, MmLimits, Prot};
use mmu::{Mmu, SlotCount};
use pagewalk::{BufferConsole, Ending, ExitStatus, Interrupt, Machine, MachineConfig, Stats, ViewConfig};
use paging::{NoModel, PagingContext, PhysMem, Shootdown, translate};
use physmem::{Bus, Ram, SwapFile};
use std::cell::RefCell;

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

struct Silence;

impl EventSink for Silence {
    fn record(&mut self, _: Moment, _: &Event) {}
}

/// The kernel layer's side of a machine without a core. Setting up and measuring take turns with it.
pub(crate) struct Host {
    bus: Bus,
    frames: FrameTable,
    vfs: Vfs,
    half: KernelHalf,
}

impl Host {
    /// With swap as large as RAM. The host's memory is touched already, so that what is measured is not the host's faults.
    pub(crate) fn new(ram_bytes: u64) -> RefCell<Self> {
        let mut bus = Bus::new(Ram::new(ram_bytes).expect("the host has memory"));
        (0..ram_bytes / FRAME_SIZE).for_each(|pfn| bus.zero_frame(Pfn(pfn)));
        let vfs = Vfs::new(ViewConfig::default(), Box::new(BufferConsole::new(""))).expect("the host has a root");
        let mut frames = FrameTable::new(ram_bytes);
        frames.set_swap(Box::new(SwapFile::temporary(ram_bytes).expect("the host has a disk")));
        let mut host = Self { bus, frames, vfs, half: KernelHalf::default() };
        host.half = host.enter(|cx, _| KernelHalf::build(cx.hw, cx.frames)).expect("RAM holds its tables");
        RefCell::new(host)
    }

    pub(crate) fn enter<R>(&mut self, f: impl FnOnce(&mut MmCx<'_, '_>, &KernelHalf) -> R) -> R {
        let mut shootdown = Shootdown::none();
        let mut hw = Hw { mem: &mut self.bus, sink: &mut Silence, shootdown: &mut shootdown, instructions: 0, ns: 0 };
        let (frames, vfs) = (&mut self.frames, &mut self.vfs);
        let result = f(&mut MmCx { hw: &mut hw, frames, vfs, pid: Pid(1) }, &self.half);
        shootdown.drain(arch::Pcid::default()).for_each(drop);
        result
    }

    pub(crate) fn empty(&mut self) -> Mm {
        self.enter(|cx, half| Mm::new(cx, half, MmLimits::default())).expect("RAM is large enough")
    }

    /// An address space with so many written pages.
    pub(crate) fn process(&mut self, pages: u64) -> Mm {
        let mut mm = self.empty();
        let (prot, len) = (Prot::READ | Prot::WRITE, pages << arch::FRAME_SHIFT);
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::POPULATE;
        self.enter(|cx, _| mm.mmap(cx, LinearAddr(0), len, prot, flags, MapSource::Anonymous)).expect("there is room");
        assert_eq!(mm.resident_pages(), pages);
        mm
    }

    pub(crate) fn fork(&mut self, mm: &mut Mm) -> Mm {
        self.enter(|cx, half| mm.fork(cx, half)).expect("RAM is large enough")
    }

    pub(crate) fn end(&mut self, mm: Mm) {
        self.enter(|cx, _| mm.drop_all(cx));
    }

    /// An address space with a mapping of so many pages that nothing has touched, and where it is.
    pub(crate) fn untouched(&mut self, pages: u64) -> (Mm, LinearAddr) {
        let mut mm = self.empty();
        let (prot, len) = (Prot::READ | Prot::WRITE, pages << arch::FRAME_SHIFT);
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS;
        let place = self.enter(|cx, _| mm.mmap(cx, LinearAddr(0), len, prot, flags, MapSource::Anonymous));
        (mm, place.expect("there is room"))
    }

    /// Uses each page once, as a core would: it is walked for, and its fault is served. Gives how many faulted.
    pub(crate) fn touch(&mut self, mm: &mut Mm, start: LinearAddr, pages: u64, kind: AccessKind) -> u64 {
        let ctx = PagingContext::new(ControlRegs::long_mode(mm.cr3()));
        let access = Access::new(kind, Privilege::User);
        let mut faults = 0;
        self.enter(|cx, _| {
            for page in 0..pages {
                let la = start.wrapping_add(page * FRAME_SIZE);
                if let Err(fault) = translate(&mut NoModel, cx.hw.mem, &ctx, la, access) {
                    mm.handle_mm_fault(cx, LinearAddr(0), fault).expect("RAM is large enough");
                    faults += 1;
                }
            }
        });
        faults
    }

    /// Gives advice for a range.
    pub(crate) fn advise(&mut self, mm: &mut Mm, start: LinearAddr, pages: u64, advice: Advice) {
        self.enter(|cx, _| mm.madvise(cx, start, pages * FRAME_SIZE, advice)).expect("the range is mapped");
    }
}
