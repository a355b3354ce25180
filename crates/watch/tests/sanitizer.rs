//! The sanitizer, in front of tables that are changed with and without their invalidations.

use arch::{AccessKind, ControlRegs, Cr3, InstrInfo, Level, LinearAddr, Pcid, Pfn, PhysAddr, Pte, Site, SpaceId};
use event::{Event, StaleTranslation, Wrong};
use mmu::{Mmu, SlotCount};
use pagewalk_watch::{Sanitizer, Told};
use paging::{BlockId, HardwareModel, Invalidation, PagingContext, PhysMem, Shootdown, TranslationCache};
use physmem::{Bus, Ram};

const OPEN: u64 = 7;
const RW: u64 = 2;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;
const PS: u64 = 1 << 7;
const PTE: PhysAddr = PhysAddr(0x4008);
const PDE: PhysAddr = PhysAddr(0x3000);
const PAGE: LinearAddr = LinearAddr(0x1000);
const FRAME: u64 = 0x10_0000;
const NEXT_FRAME: u64 = FRAME + 0x1000;

/// A core whose tables map one page, at [`PTE`].
struct Rig {
    mmu: Mmu<Sanitizer>,
    told: Told,
}

impl Rig {
    fn new() -> Self {
        let mut bus = Bus::new(Ram::new(4 << 20).expect("4 MiB"));
        for (at, table) in [(0x1000, 0x2000), (0x2000, 0x3000), (0x3000, 0x4000)] {
            bus.store_entry(PhysAddr(at), table | OPEN);
        }
        bus.store_entry(PTE, FRAME | OPEN);
        bus.watch_entries();
        let told = Told::default();
        let context = PagingContext::new(ControlRegs::long_mode(Cr3(0x1000)));
        Self { mmu: Mmu::new(bus, context, SlotCount::default(), Sanitizer::new(told.clone())), told }
    }

    fn read(&mut self) {
        let _may_fault = self.mmu.translate(PAGE, AccessKind::Read);
    }

    fn write(&mut self) {
        let _may_fault = self.mmu.translate(PAGE, AccessKind::Write);
    }

    /// What the kernel layer does: a store, and behind it what it says of it.
    fn edit(&mut self, entry: PhysAddr, value: u64, mut shootdown: Shootdown) {
        self.mmu.bus.edit_entry(entry, value, Site::caller());
        for edit in self.mmu.bus.take_edits() {
            self.mmu.model.edited(&edit);
        }
        self.mmu.ask_again();
        self.mmu.shoot_down(&mut shootdown);
    }

    fn found(&self) -> Vec<StaleTranslation> {
        let stale = |(_, event)| match event {
            Event::Stale(stale) => stale,
            other => panic!("it tells of nothing else: {other:?}"),
        };
        self.told.take().into_iter().map(stale).collect()
    }

    /// What is wrong, once, or nothing.
    fn wrong(&self) -> Option<Wrong> {
        let found = self.found();
        assert!(found.len() <= 1, "{found:?}");
        found.first().map(|stale| stale.wrong)
    }
}

/// A page that was used is changed without an invalidation, and used again.
fn forgotten(entry: PhysAddr, value: u64, access: fn(&mut Rig)) -> Option<Wrong> {
    let mut rig = Rig::new();
    rig.write();
    rig.edit(entry, value, Shootdown::none());
    access(&mut rig);
    let wrong = rig.wrong();
    access(&mut rig);
    assert_eq!(rig.wrong(), None, "one mistake is told of once");
    let mut rig = Rig::new();
    rig.write();
    rig.edit(entry, value, Shootdown::page(PAGE));
    access(&mut rig);
    assert_eq!(rig.wrong(), None, "with its invalidation nothing is stale");
    wrong
}

#[test]
fn mmu_189_a_store_to_an_entry_needs_an_invalidation() {
    let with = |bits: u64| FRAME | OPEN | A | D | bits;
    assert_eq!(forgotten(PTE, 0, Rig::read), Some(Wrong::NotMapped));
    assert_eq!(forgotten(PTE, with(0) & !RW, Rig::write), Some(Wrong::Forbidden));
    assert_eq!(forgotten(PTE, with(0x1000), Rig::read), Some(Wrong::OtherFrame));
    assert_eq!(forgotten(PTE, with(0x10), Rig::read), Some(Wrong::OtherType));
    assert_eq!(forgotten(PTE, with(0) & !D, Rig::write), Some(Wrong::NotDirty));
    assert_eq!(forgotten(PDE, PS | OPEN | A | D, Rig::read), Some(Wrong::OtherFrame));
    assert_eq!(forgotten(PDE, 0, Rig::read), Some(Wrong::NotMapped));
}

#[test]
fn a_page_of_another_size_is_another_translation() {
    let mut rig = Rig::new();
    rig.edit(PDE, PS | OPEN, Shootdown::none());
    rig.read();
    let split = |n: u64| (PhysAddr(0x4000 + n * 8), n << 12 | OPEN);
    let (entry, value) = split(1);
    rig.edit(entry, value, Shootdown::none());
    rig.edit(PDE, 0x4000 | OPEN, Shootdown::none());
    rig.read();
    let found = rig.found();
    assert_eq!((found[0].wrong, found[0].level, found[0].entry), (Wrong::OtherSize, Level::Pd, PDE));
}

#[test]
fn mmu_182_what_the_access_does_the_same_is_not_stale() {
    let with = |bits: u64| FRAME | OPEN | A | D | bits;
    assert_eq!(forgotten(PTE, with(0) & !RW, Rig::read), None, "a read needs no right to write");
    assert_eq!(forgotten(PTE, with(0) & !A, Rig::read), None, "A is set by walks, and none was due");
    assert_eq!(forgotten(PTE, with(0) & !D, Rig::read), None);
    assert_eq!(forgotten(PTE, with(1 << 9), Rig::read), None, "the processor ignores it");
}

#[test]
fn mmu_205_more_rights_need_no_invalidation() {
    let mut rig = Rig::new();
    rig.edit(PTE, FRAME | OPEN & !RW, Shootdown::none());
    rig.read();
    rig.edit(PTE, FRAME | OPEN, Shootdown::none());
    rig.write();
    assert_eq!(rig.wrong(), None);
}

#[test]
fn mmu_197_a_walk_may_begin_at_a_table_that_was_replaced() {
    let mut rig = Rig::new();
    rig.read();
    let other_page = |rig: &mut Rig| {
        let _may_fault = rig.mmu.translate(LinearAddr(0x2000), AccessKind::Read);
    };
    rig.edit(PDE, 0x5000 | OPEN, Shootdown::none());
    other_page(&mut rig);
    let found = rig.found();
    assert_eq!((found[0].wrong, found[0].entry, found[0].frame), (Wrong::OtherTable, PDE, None));
    let mut rig = Rig::new();
    rig.read();
    rig.edit(PDE, 0x5000 | OPEN, Shootdown::page(LinearAddr(0x9000)));
    other_page(&mut rig);
    assert_eq!(rig.wrong(), None, "an INVLPG of any page drops all tables (MMU-202)");
}

#[test]
fn the_store_is_named_and_not_a_later_one() {
    let mut rig = Rig::new();
    rig.read();
    rig.edit(PTE, FRAME | OPEN | A | 1 << 9, Shootdown::none());
    rig.mmu.bus.edit_entry(PTE, 0, Site::caller());
    let line = line!() - 1;
    rig.edit(PTE, NEXT_FRAME | OPEN, Shootdown::none());
    rig.read();
    let found = rig.found();
    let store = found[0].store.expect("the store");
    assert_eq!((store.site.file(), store.site.line()), ("crates/watch/tests/sanitizer.rs", line));
    assert_eq!((store.before, store.after), (Pte(FRAME | OPEN | A | 1 << 9), Pte(0)));
    assert_eq!((found[0].frame, found[0].wrong), (Some(Pfn(FRAME >> 12)), Wrong::OtherFrame));
}

#[test]
fn mmu_207_a_load_of_cr3_drops_all() {
    let mut rig = Rig::new();
    rig.read();
    rig.edit(PTE, 0, Shootdown::none());
    rig.mmu.model.invalidate(Invalidation::Context(Pcid::default()));
    rig.read();
    assert_eq!(rig.wrong(), None);
}

#[test]
fn mmu_204_a_fault_drops_what_is_held_of_its_page() {
    let mut rig = Rig::new();
    rig.edit(PTE, FRAME | OPEN & !RW, Shootdown::none());
    rig.read();
    rig.write();
    rig.edit(PTE, NEXT_FRAME | OPEN, Shootdown::none());
    rig.read();
    assert_eq!(rig.wrong(), None);
}

#[test]
fn it_is_told_which_instruction_it_was() {
    let mut rig = Rig::new();
    rig.write();
    rig.edit(PTE, 0, Shootdown::none());
    let at = |page_offset| InstrInfo { page_offset, ..InstrInfo::default() };
    let model = &mut rig.mmu.model;
    model.space(SpaceId(7));
    model.retired(1000);
    model.block(BlockId(3), PhysAddr(0), &[at(0x10), at(0x12)]);
    model.enter(BlockId(3), LinearAddr(0x40_0010));
    model.instruction(1);
    rig.write();
    let (instructions, Event::Stale(stale)) = rig.told.take()[0] else { panic!("something stale") };
    assert_eq!((instructions, stale.rip, stale.space), (1001, LinearAddr(0x40_0012), SpaceId(7)));
    assert_eq!((stale.la, stale.access), (PAGE, AccessKind::Write));
}

#[test]
fn tables_are_held_again_though_the_page_is_held() {
    let mut rig = Rig::new();
    rig.read();
    rig.edit(PhysAddr(0x4010), 0, Shootdown::page(LinearAddr(0x9000))); // which drops all tables
    rig.read();
    rig.edit(PDE, 0x5000 | OPEN, Shootdown::none());
    let _may_fault = rig.mmu.translate(LinearAddr(0x2000), AccessKind::Read);
    assert_eq!(rig.wrong(), Some(Wrong::OtherTable));
}

#[test]
fn no_store_is_named_if_the_one_to_blame_is_not_known_any_more() {
    let mut rig = Rig::new();
    rig.read();
    rig.edit(PTE, 0, Shootdown::none());
    for n in 0..100 {
        rig.edit(PTE, (n << 12) | OPEN, Shootdown::none());
    }
    rig.read();
    let found = rig.found();
    assert_eq!((found.len(), found[0].store), (1, None));
}

#[test]
fn an_instruction_that_goes_on_in_the_next_page_is_where_it_begins() {
    let mut rig = Rig::new();
    let la = |place: u64| LinearAddr(place);
    let _may_fault = rig.mmu.translate(la(0x2000), AccessKind::Fetch);
    rig.edit(PhysAddr(0x4010), FRAME | OPEN, Shootdown::none());
    let _there = rig.mmu.translate(la(0x2000), AccessKind::Fetch);
    rig.edit(PhysAddr(0x4010), NEXT_FRAME | OPEN, Shootdown::none());
    rig.mmu.model.fetch(la(0x1ffd), PhysAddr(FRAME + 0xffd));
    let _there = rig.mmu.translate(la(0x2000), AccessKind::Fetch);
    assert_eq!(rig.found()[0].rip, la(0x1ffd));
}

#[test]
fn the_store_that_has_cleared_what_a_walk_had_set_is_named() {
    let mut rig = Rig::new();
    rig.write(); // which sets A and D
    rig.edit(PTE, FRAME | OPEN | A, Shootdown::none());
    rig.write();
    let found = rig.found();
    assert_eq!((found[0].wrong, found[0].entry), (Wrong::NotDirty, PTE));
    let store = found[0].store.expect("the store");
    assert_eq!((store.before, store.after), (Pte(FRAME | OPEN | A | D), Pte(FRAME | OPEN | A)));
}
