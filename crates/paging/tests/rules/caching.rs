//! Section J: what may be cached, seen from the seam to the model that caches it.

use crate::tables::{
    A, D, EVERY_ACCESS, LA, Mem, P, PDE, PDPTE, PML4E, PTE, Path, RSVD, RW, US, USER_READ, USER_WRITE,
};
use arch::{Access, AccessKind, LinearAddr, PageFault, PhysAddr};
use paging::{Detail, HardwareModel, Invalidation, PagingContext, PhysMem, Translation, TranslationCache, translate};

/// A model that holds one translation for ever and counts what it is told.
#[derive(Default)]
struct One {
    held: Option<Translation>,
    fills: u32,
    walk_loads: Vec<PhysAddr>,
    walk_updates: Vec<PhysAddr>,
    faults: Vec<PageFault>,
}

impl TranslationCache for One {
    fn lookup(&mut self, ctx: &PagingContext, _: LinearAddr, access: Access) -> Option<Translation> {
        self.held.filter(|t| t.rights.allow(ctx, access) && (t.dirty || !access.is_write()))
    }
    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, translation: &Translation) {
        self.fills += 1;
        self.held = Some(*translation);
    }
    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }
    fn invalidate(&mut self, _: Invalidation) {
        self.held = None;
    }
}

impl HardwareModel for One {
    const DETAIL: Detail = Detail::FilteredTlb;
    fn walk_load(&mut self, _: LinearAddr, _: arch::Level, entry: PhysAddr, _: arch::Pte) {
        self.walk_loads.push(entry);
    }
    fn walk_update(&mut self, _: LinearAddr, entry: PhysAddr, _: arch::Pte) {
        self.walk_updates.push(entry);
    }
    fn fault(&mut self, fault: PageFault) {
        self.faults.push(fault);
    }
}

fn places(entries: &[usize]) -> Vec<PhysAddr> {
    entries.iter().map(|&e| Path::place(e)).collect()
}

#[test]
fn mmu_181_only_a_complete_translation_with_a_set_is_cached() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        for offence in [P, RSVD] {
            for access in EVERY_ACCESS {
                let path = Path::open().toggle(entry, offence);
                let mut model = One::default();
                let fault = translate(&mut model, &mut path.memory(), &path.ctx, LA, access).unwrap_err();
                assert_eq!((model.fills, model.faults), (0, vec![fault]));
            }
        }
    }
    let denied = Path::open().toggle(PTE, RW);
    let mut model = One::default();
    assert!(translate(&mut model, &mut denied.memory(), &denied.ctx, LA, USER_WRITE).is_err());
    assert_eq!(model.fills, 0);
    let mut mem = denied.memory();
    assert!(translate(&mut model, &mut mem, &denied.ctx, LA, USER_READ).is_ok());
    assert_eq!(model.fills, 1);
    assert!([PML4E, PDPTE, PDE, PTE].iter().all(|&e| mem.load_entry(Path::place(e)) & A != 0));
}

#[test]
fn mmu_182_a_cached_translation_is_used_without_reading_memory() {
    let path = Path::open();
    let (mut model, mut mem) = (One::default(), path.memory());
    let first = translate(&mut model, &mut mem, &path.ctx, LA, USER_READ).unwrap();
    assert_eq!(model.walk_loads, places(&[PML4E, PDPTE, PDE, PTE]));
    let mut gone = Mem::new(6);
    assert_eq!(translate(&mut model, &mut gone, &path.ctx, LA, USER_READ), Ok(first));
    assert_eq!(model.walk_loads.len(), 4);
    assert!(gone.bytes.iter().all(|&b| b == 0), "a stale use sets no flags");
    model.invalidate(Invalidation::Page { la: LA, pcid: arch::Pcid::default() });
    assert!(translate(&mut model, &mut gone, &path.ctx, LA, USER_READ).is_err());
}

#[test]
fn mmu_183_a_write_through_a_clean_entry_sets_d_first() {
    let path = Path::open();
    let (mut model, mut mem) = (One::default(), path.memory());
    assert!(!translate(&mut model, &mut mem, &path.ctx, LA, USER_READ).unwrap().dirty);
    assert!(translate(&mut model, &mut mem, &path.ctx, LA, USER_WRITE).unwrap().dirty);
    assert_eq!(mem.load_entry(Path::place(PTE)) & (A | D), A | D);
    assert_eq!(model.walk_updates, places(&[PML4E, PDPTE, PDE, PTE, PTE]), "A once each, then D");
    // If the entry has changed meanwhile, the walk decides.
    for (changed, code) in [(0, 0b110), (path.entries[PTE] & !RW, 0b111)] {
        let (mut model, mut mem) = (One::default(), path.memory());
        translate(&mut model, &mut mem, &path.ctx, LA, USER_READ).unwrap();
        mem.store_entry(Path::place(PTE), changed);
        let fault = translate(&mut model, &mut mem, &path.ctx, LA, USER_WRITE).unwrap_err();
        assert_eq!(fault.code.bits(), code);
        assert_eq!(mem.load_entry(Path::place(PTE)), changed);
    }
}

#[test]
fn mmu_122_a_self_map_is_walked_once() {
    // The last entry of the PML4 is the PML4: the walk's own A in it is no reason to start again (MMU-116).
    let path = Path::open();
    let (mut model, mut mem) = (One::default(), path.memory());
    let own = PhysAddr(0x1ff8);
    mem.store_entry(own, 0x1000 | P | RW | US);
    translate(&mut model, &mut mem, &path.ctx, LinearAddr(u64::MAX), USER_WRITE).unwrap();
    assert_eq!(model.walk_loads, [own; 4]);
    assert_eq!(model.walk_updates, [own; 2], "A, then D");
    assert_eq!(mem.load_entry(own), 0x1000 | P | RW | US | A | D);
}
