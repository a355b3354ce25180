//! An MMU with page tables in its RAM, and a model that notes what it is told.

use arch::{Access, AccessKind, ControlRegs, Cr3, Level, LinearAddr, PageFault, PhysAddr};
use mmu::{Fault, MemFault, Mmu, SlotCount};
use paging::{Detail, HardwareModel, Invalidation, NoModel, PagingContext, PhysMem, Translation, TranslationCache};
use physmem::{Bus, Ram};

pub(crate) const P: u64 = 1 << 0;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const RSVD: u64 = 1 << 51;
pub(crate) const XD: u64 = 1 << 63;
/// A present page with every right.
pub(crate) const OPEN: u64 = P | RW | US;

const RAM_BYTES: u64 = 8 << 20;
const ROOT: PhysAddr = PhysAddr(0x1000);

/// A model that caches nothing and notes what it is told.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) lookups: Vec<LinearAddr>,
    pub(crate) invalidations: Vec<Invalidation>,
    pub(crate) fault_drops: Vec<LinearAddr>,
    pub(crate) faults: Vec<PageFault>,
    pub(crate) stores: Vec<(LinearAddr, PhysAddr, u32)>,
}

impl TranslationCache for Notes {
    fn lookup(&mut self, _: &PagingContext, la: LinearAddr, _: Access) -> Option<Translation> {
        self.lookups.push(la);
        None
    }
    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, _: &Translation) {}
    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }
    fn page_fault(&mut self, _: &PagingContext, la: LinearAddr) {
        self.fault_drops.push(la);
    }
    fn invalidate(&mut self, what: Invalidation) {
        self.invalidations.push(what);
    }
}

impl HardwareModel for Notes {
    const DETAIL: Detail = Detail::EveryAccess;
    fn store(&mut self, la: LinearAddr, pa: PhysAddr, size: u32) {
        self.stores.push((la, pa, size));
    }
    fn fault(&mut self, fault: PageFault) {
        self.faults.push(fault);
    }
}

/// An MMU and the next free frame for a table.
pub(crate) struct Guest<H = NoModel> {
    pub(crate) mmu: Mmu<H>,
    next_table: u64,
}

impl<H: HardwareModel + Default> Guest<H> {
    /// 8 MiB of RAM, user mode, an empty PML4; tables come from below 1 MiB.
    pub(crate) fn new() -> Self {
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(ROOT.0)));
        let bus = Bus::new(Ram::new(RAM_BYTES).expect("8 MiB"));
        Self { mmu: Mmu::new(bus, ctx, SlotCount::default(), H::default()), next_table: 0x2000 }
    }

    /// Where the entry of this level for `la` lies; tables above it are made.
    pub(crate) fn place(&mut self, la: u64, leaf: Level) -> PhysAddr {
        let (mut table, mut level) = (ROOT, Level::Pml4);
        loop {
            let pa = table.wrapping_add(level.index(LinearAddr(la)) * 8);
            if level == leaf {
                return pa;
            }
            if self.mmu.bus.load_entry(pa) & P == 0 {
                self.mmu.bus.store_entry(pa, self.next_table | OPEN);
                self.next_table += 0x1000;
            }
            table = PhysAddr(self.mmu.bus.load_entry(pa) & 0x000f_ffff_ffff_f000);
            level = level.below().expect("a leaf is met on the way down");
        }
    }

    /// Sets the PTE for `la`. Nothing is invalidated.
    pub(crate) fn map(&mut self, la: u64, pte: u64) {
        let pa = self.place(la, Level::Pt);
        self.mmu.bus.store_entry(pa, pte);
    }

    /// The PTE for `la`.
    pub(crate) fn pte(&mut self, la: u64) -> u64 {
        let pa = self.place(la, Level::Pt);
        self.mmu.bus.load_entry(pa)
    }

    /// The page fault that an access ended in.
    pub(crate) fn page_fault<T: std::fmt::Debug>(&self, result: Result<T, Fault>) -> (u64, u32) {
        assert!(result.is_err(), "{result:?} but no fault");
        match self.mmu.fault {
            MemFault::Page(fault) => (fault.cr2.0, fault.code.bits()),
            other => panic!("{other:?} is no page fault"),
        }
    }

    /// Bytes of RAM.
    pub(crate) fn ram<const N: usize>(&self, pa: u64) -> [u8; N] {
        let mut bytes = [0; N];
        self.mmu.bus.read(PhysAddr(pa), &mut bytes);
        bytes
    }
}
