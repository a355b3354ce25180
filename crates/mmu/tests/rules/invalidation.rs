//! Sections J to L: what may stay cached, and what an invalidation drops.

use crate::guest::{A, D, G, Guest, Notes, OPEN, P, PS, RW, US};
use arch::{Cr4, Level, LinearAddr, Pcid};
use paging::{Invalidation, NoModel, Shootdown};

const LA: u64 = 0x40_0000;
const FRAME: u64 = 0x10_0000;
const OTHER: u64 = 0x20_0000;

/// A guest with one page, read, written and fetched from, so that all that may be cached is.
fn warm(bits: u64) -> Guest {
    let mut g = Guest::new();
    g.map(LA, FRAME | bits);
    touch(&mut g, LA);
    g
}

fn touch(g: &mut Guest, la: u64) {
    g.mmu.store(LinearAddr(la), 1_u8).unwrap();
    g.mmu.load::<u8>(LinearAddr(la)).unwrap();
    g.mmu.fetch_frame(LinearAddr(la)).unwrap();
}

/// Reads, writes and fetches must all see that the page is gone.
fn gone(g: &mut Guest, la: u64) {
    let la = LinearAddr(la);
    let fetched = g.mmu.fetch_frame(la);
    assert_eq!(g.page_fault(fetched), (la.0, 0b10100));
    let read = g.mmu.load::<u8>(la);
    assert_eq!(g.page_fault(read), (la.0, 0b100));
    let written = g.mmu.store(la, 1_u8);
    assert_eq!(g.page_fault(written), (la.0, 0b110));
}

#[test]
fn mmu_181_a_fault_is_never_cached() {
    let mut g = Guest::<NoModel>::new();
    for bad in [FRAME, FRAME | OPEN | 1 << 51] {
        g.map(LA, bad);
        assert!(g.mmu.load::<u8>(LinearAddr(LA)).is_err() && g.mmu.fetch_frame(LinearAddr(LA)).is_err());
        g.map(LA, FRAME | OPEN);
        touch(&mut g, LA);
        assert_eq!(g.pte(LA), FRAME | OPEN | A | D);
        g.mmu.invlpg(LinearAddr(LA));
    }
}

#[test]
fn mmu_182_a_stale_translation_ends_with_its_invalidation() {
    let mut g = warm(OPEN);
    g.map(LA, OTHER | OPEN);
    g.mmu.invlpg(LinearAddr(LA + 0xabc));
    g.mmu.store(LinearAddr(LA), 9_u8).unwrap();
    assert_eq!((g.ram(FRAME), g.ram(OTHER)), ([1], [9]));
    assert_eq!(g.mmu.fetch_frame(LinearAddr(LA)).unwrap().base().0, OTHER);
}

#[test]
fn mmu_182_rights_that_are_cached_are_not_wider_than_those_walked() {
    let mut g = Guest::<NoModel>::new();
    g.map(LA, FRAME | P | US | 1 << 63);
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    let written = g.mmu.store(LinearAddr(LA), 1_u8);
    assert_eq!(g.page_fault(written), (LA, 0b111));
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    let fetched = g.mmu.fetch_frame(LinearAddr(LA));
    assert_eq!(g.page_fault(fetched), (LA, 0b10101));
}

#[test]
fn mmu_183_a_write_after_a_read_sets_d() {
    let mut g = Guest::<NoModel>::new();
    g.map(LA, FRAME | OPEN);
    g.mmu.load::<u64>(LinearAddr(LA)).unwrap();
    g.mmu.load::<u64>(LinearAddr(LA)).unwrap();
    assert_eq!(g.pte(LA), FRAME | OPEN | A);
    g.mmu.store(LinearAddr(LA), 1_u8).unwrap();
    assert_eq!(g.pte(LA), FRAME | OPEN | A | D);
}

#[test]
fn mmu_183_a_changed_entry_decides_the_write() {
    for (changed, code) in [(FRAME, 0b110), (FRAME | P | US, 0b111)] {
        let mut g = Guest::<NoModel>::new();
        g.map(LA, FRAME | OPEN);
        g.mmu.load::<u64>(LinearAddr(LA)).unwrap();
        g.map(LA, changed);
        let rmw = g.mmu.load_for_write::<u64>(LinearAddr(LA));
        assert_eq!(g.page_fault(rmw), (LA, code));
        assert_eq!(g.pte(LA), changed);
    }
}

#[test]
fn mmu_184_d_that_was_cleared_and_invalidated_is_set_again() {
    let mut g = warm(OPEN);
    g.map(LA, FRAME | OPEN);
    g.mmu.invlpg(LinearAddr(LA));
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    assert_eq!(g.pte(LA), FRAME | OPEN | A);
    g.mmu.store(LinearAddr(LA), 1_u8).unwrap();
    assert_eq!(g.pte(LA), FRAME | OPEN | A | D);
}

#[test]
fn mmu_202_invlpg_drops_the_page_global_or_not() {
    for bits in [OPEN, OPEN | G] {
        for offset in [0, 0xfff] {
            let mut g = warm(bits);
            g.map(LA, 0);
            g.mmu.invlpg(LinearAddr(LA + offset));
            gone(&mut g, LA);
        }
    }
}

#[test]
fn mmu_202_invlpg_drops_a_large_page_whole() {
    const LARGE: u64 = 0x60_0000;
    for (global, invalidated) in [(0, 0x1000), (G, 0), (0, 0x1f_ffff), (G, 0x12_3456)] {
        let mut g = Guest::<NoModel>::new();
        let pde = g.place(LARGE, Level::Pd);
        let large = 0x40_0000 | OPEN | PS | global;
        paging::PhysMem::store_entry(&mut g.mmu.bus, pde, large);
        let pieces = [0, 0x1000, 0x5000, 0x12_3000, 0x1f_f000];
        pieces.iter().for_each(|piece| touch(&mut g, LARGE + piece));
        paging::PhysMem::store_entry(&mut g.mmu.bus, pde, 0);
        g.mmu.invlpg(LinearAddr(LARGE + invalidated));
        pieces.iter().for_each(|piece| gone(&mut g, LARGE + piece));
    }
}

#[test]
fn mmu_202_invlpg_of_a_non_canonical_address_does_nothing() {
    let mut g = warm(OPEN);
    g.mmu.invlpg(LinearAddr(0x8000_0000_0000 | LA));
    g.mmu.invlpg(LinearAddr(0x7fff << 48 | LA));
    touch(&mut g, LA);
    assert_eq!(g.pte(LA), FRAME | OPEN | A | D);
    let mut g = Guest::<Notes>::new();
    g.mmu.invlpg(LinearAddr(LA));
    assert_eq!(g.mmu.model.invalidations, [Invalidation::Page { la: LinearAddr(LA), pcid: Pcid::default() }]);
    g.mmu.invlpg(LinearAddr(0x8000_0000_0000));
    assert_eq!(g.mmu.model.invalidations.len(), 1, "the model is not told");
}

#[test]
fn mmu_204_a_fault_drops_what_is_cached_of_the_page() {
    // A read is cached, then the entry goes without an invalidation: the write faults, and takes the stale read along.
    let mut g = Guest::<NoModel>::new();
    g.map(LA, FRAME | OPEN);
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    g.mmu.fetch_frame(LinearAddr(LA)).unwrap();
    g.map(LA, 0);
    assert!(g.mmu.store(LinearAddr(LA), 1_u8).is_err());
    gone(&mut g, LA);
    let mut g = Guest::<Notes>::new();
    assert!(g.mmu.load::<u64>(LinearAddr(LA + 8)).is_err());
    assert_eq!(g.mmu.model.fault_drops, [LinearAddr(LA + 8)]);
    assert_eq!(g.mmu.model.faults.len(), 1);
}

#[test]
fn mmu_204_a_stale_fault_happens_at_most_once() {
    let mut g = Guest::<NoModel>::new();
    g.map(LA, FRAME | P | US);
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    assert!(g.mmu.store(LinearAddr(LA), 1_u8).is_err());
    g.map(LA, FRAME | OPEN); // R/W 0->1 needs no invalidation (MMU-205)
    let _ = g.mmu.store(LinearAddr(LA), 1_u8);
    g.mmu.store(LinearAddr(LA), 2_u8).unwrap();
    assert_eq!(g.ram(FRAME), [2]);
}

#[test]
fn mmu_205_raised_rights_need_no_invalidation() {
    for before in [FRAME, FRAME | P | US, FRAME | P, FRAME | P | RW] {
        let mut g = Guest::<NoModel>::new();
        g.map(LA, before);
        let _ = g.mmu.load::<u8>(LinearAddr(LA));
        g.map(LA, FRAME | OPEN);
        g.mmu.store(LinearAddr(LA), 3_u8).unwrap();
        g.mmu.fetch_frame(LinearAddr(LA)).unwrap();
        assert_eq!(g.ram(FRAME), [3]);
    }
}

#[test]
fn mmu_207_a_cr3_write_drops_what_is_not_global() {
    let mut g = warm(OPEN);
    g.map(LA, 0);
    let regs = g.mmu.context().regs;
    g.mmu.load_control(regs);
    gone(&mut g, LA);
    assert_eq!(g.mmu.counters().cr3_writes, 1);
    let mut g = Guest::<Notes>::new();
    let regs = g.mmu.context().regs;
    g.mmu.load_control(regs);
    assert_eq!(g.mmu.model.invalidations, [Invalidation::Context(Pcid::default())]);
}

#[test]
fn mmu_209_a_change_of_pge_drops_global_translations_too() {
    let mut g = Guest::<Notes>::new();
    let mut regs = g.mmu.context().regs;
    regs.cr4.toggle(Cr4::PGE);
    g.mmu.load_control(regs);
    assert_eq!(g.mmu.model.invalidations, [Invalidation::All]);
}

#[test]
fn a_shootdown_reaches_the_table_and_the_model() {
    let mut g = warm(OPEN);
    g.map(LA, 0);
    g.mmu.shoot_down(&mut Shootdown::page(LinearAddr(LA)));
    gone(&mut g, LA);
    let mut g = warm(OPEN | G);
    g.map(LA, 0);
    g.mmu.shoot_down(&mut Shootdown::all());
    assert_eq!((g.mmu.counters().full_flushes, g.mmu.counters().page_invalidations), (1, 0));
    let mut g = Guest::<Notes>::new();
    g.mmu.shoot_down(&mut Shootdown::none());
    assert!(g.mmu.model.invalidations.is_empty());
    g.mmu.shoot_down(&mut Shootdown::page(LinearAddr(LA + 5)));
    assert_eq!(g.mmu.model.invalidations, [Invalidation::Page { la: LinearAddr(LA), pcid: Pcid::default() }]);
}
