//! A core without a program: a test says what it executes, instruction by instruction.

use arch::{
    Access, AccessKind, ControlRegs, Cr3, FRAME_SIZE, InstrClass, InstrInfo, LinearAddr, Pfn, PhysAddr, Privilege,
};
use pagewalk_timing::config::HardwareFile;
use pagewalk_timing::ledger::{Cause, Charges};
use pagewalk_timing::{Clocked, Cycles, InOrder, WalkTime, Walks};
use paging::{BlockId, HardwareModel, PagingContext, PhysMem, translate};
use physmem::{Bus, Ram};

const OPEN: u64 = 0x67;
const PS: u64 = 1 << 7;
const BLOCK: BlockId = BlockId(1);
const OTHER: BlockId = BlockId(2);
/// The page that the instruction is in.
const CODE: u64 = 0x7000_0000_0000;

/// A core, its memory and tables.
pub(crate) struct Rig {
    pub(crate) model: InOrder,
    bus: Bus,
    ctx: PagingContext,
    next: u64,
}

impl Rig {
    /// The processor `classroom`, with these keys set.
    pub(crate) fn new(set: &[&str]) -> Self {
        let mut file = HardwareFile::open("classroom").expect("a preset");
        set.iter().for_each(|text| file.set(&text.parse().expect("a setting")).expect("a key"));
        let mut model = InOrder::new(&file.config().expect("a processor")).expect("a processor");
        model.block(BLOCK, PhysAddr(0), &[InstrInfo { length: 4, loads: 1, ..InstrInfo::default() }]);
        // The instruction's own line is there before the first test of data.
        model.enter(BLOCK, LinearAddr(CODE));
        let regs = ControlRegs::long_mode(Cr3(FRAME_SIZE));
        let bus = Bus::new(Ram::new(64 << 20).expect("the host has memory"));
        Self { model, bus, ctx: PagingContext::new(regs), next: 2 }
    }

    /// Maps a page of 4 KiB to a frame; A and D are set.
    pub(crate) fn map(&mut self, la: u64, frame: u64) {
        let table = self.table(la, &[39, 30, 21]);
        self.bus.store_entry(entry_at(table, la, 12), Pfn(frame).base().0 | OPEN);
    }

    /// Maps a page of 2 MiB that begins at a frame.
    pub(crate) fn map_large(&mut self, la: u64, frame: u64) {
        let table = self.table(la, &[39, 30]);
        self.bus.store_entry(entry_at(table, la, 21), Pfn(frame).base().0 | OPEN | PS);
    }

    /// Clears A and D of a page's entry.
    pub(crate) fn clear_accessed_dirty(&mut self, la: u64) {
        let table = self.table(la, &[39, 30, 21]);
        let place = entry_at(table, la, 12);
        self.bus.store_entry(place, self.bus.load_entry(place) & !0x60);
    }

    fn table(&mut self, la: u64, shifts: &[u32]) -> u64 {
        let mut table = FRAME_SIZE;
        for &shift in shifts {
            let place = entry_at(table, la, shift);
            if self.bus.load_entry(place) == 0 {
                self.bus.store_entry(place, Pfn(self.next).base().0 | OPEN);
                self.next += 1;
            }
            table = self.bus.load_entry(place) & !0xfff;
        }
        table
    }

    /// One instruction that loads 8 bytes: what it costs.
    pub(crate) fn load(&mut self, la: u64) -> Cycles {
        self.access(la, AccessKind::Read, 8)
    }

    /// One that stores 8 bytes.
    pub(crate) fn store(&mut self, la: u64) -> Cycles {
        self.access(la, AccessKind::Write, 8)
    }

    fn access(&mut self, la: u64, kind: AccessKind, size: u64) -> Cycles {
        let before = self.model.finish().0;
        self.model.enter(BLOCK, LinearAddr(CODE));
        self.model.instruction(0);
        let in_page = (FRAME_SIZE - la % FRAME_SIZE).min(size);
        let low = self.translate(la, kind);
        let high = (in_page < size).then(|| {
            self.model.page_crossing(LinearAddr(la));
            self.translate(la + in_page, kind)
        });
        let pieces = [(la, Some(low), in_page), (la + in_page, high, size - in_page)];
        for (la, pa, size) in pieces {
            match (pa, kind) {
                (None, _) => {}
                (Some(pa), AccessKind::Write) => self.model.store(LinearAddr(la), pa, size as u32),
                (Some(pa), _) => self.model.load(LinearAddr(la), pa, size as u32),
            }
        }
        self.model.finish().0 - before
    }

    /// An instruction of this class without memory accesses, in the code at this physical address.
    pub(crate) fn execute(&mut self, class: InstrClass, at: u64) -> Cycles {
        let before = self.model.finish().0;
        self.model.block(OTHER, PhysAddr(at), &[InstrInfo { length: 4, class, ..InstrInfo::default() }]);
        self.model.enter(OTHER, LinearAddr(CODE));
        self.model.finish().0 - before
    }

    fn translate(&mut self, la: u64, kind: AccessKind) -> PhysAddr {
        let access = Access::new(kind, Privilege::User);
        let la = LinearAddr(la);
        translate(&mut self.model, &mut self.bus, &self.ctx, la, access).expect("mapped").apply(la)
    }

    /// An instruction that cannot load, as its page is not there.
    pub(crate) fn fault(&mut self, la: u64) {
        self.model.enter(BLOCK, LinearAddr(CODE));
        self.model.instruction(0);
        let access = Access::new(AccessKind::Read, Privilege::User);
        translate(&mut self.model, &mut self.bus, &self.ctx, LinearAddr(la), access).expect_err("not mapped");
        self.model.left(0);
    }

    /// How long the walker was busy: in all, and with at least one walk.
    pub(crate) fn walker_busy(&self) -> [Cycles; 2] {
        let WalkTime { pending, active } = self.model.walk_time(Walks::All);
        [pending, active]
    }

    /// What the run has cost, by cause.
    pub(crate) fn total(&mut self) -> Charges {
        self.model.finish().1.total()
    }

    /// The cycles of one cause.
    pub(crate) fn spent_on(&mut self, cause: Cause) -> Cycles {
        self.total().sum_of(|held| held == cause)
    }
}

fn entry_at(table: u64, la: u64, shift: u32) -> PhysAddr {
    PhysAddr(table + (la >> shift & 0x1ff) * 8)
}
