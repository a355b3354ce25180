//! Section J: what a TLB holds, and how it is used.

use crate::world::*;
use arch::{Cr0, Cr4, LinearAddr, PageSize, Pcid};
use paging::tlb::{Flush, HierarchyConfig, SecondLevel, ServedBy, SpuriousFaults, TlbConfig};
use paging::{AccessedOnFault, TranslationCache, probe};

const LA: u64 = 0x7000;

fn mapped(flags: u64) -> World {
    let mut world = World::new(&no_tables());
    world.map(LA, 5, flags);
    world
}

#[test]
fn mmu_180_an_entry_holds_frame_rights_dirty_size_and_global() {
    let mut world = mapped(P | US | XD | G | D);
    let walked = world.access(LA + 0x123, USER_READ).unwrap();
    world.mem.0.clear();
    let held = world.access(LA + 0xfff, USER_READ).unwrap();
    assert_eq!(held, walked);
    assert_eq!((held.frame.0, held.size, held.dirty, held.global), (5, PageSize::Size4K, true, true));
    assert_eq!((held.rights.writable, held.rights.user, held.rights.no_execute), (false, true, true));
    world.pcid(2);
    let mut other = mapped(OPEN);
    other.access(LA, USER_READ).unwrap();
    other.mem.0.clear();
    other.pcid(2);
    assert_eq!(other.frame(LA, USER_READ), Err(4), "held for PCID 1 alone");
}

#[test]
fn mmu_181_what_is_not_present_or_reserved_or_without_a_is_not_cached() {
    for bad in [0, OPEN | 1 << 51] {
        for level in 1..=4 {
            let mut world = World::new(&roomy());
            world.map(LA, 5, OPEN);
            let good = world.get(level, LA);
            world.set(level, LA, bad);
            assert!(world.access(LA, USER_READ).is_err());
            assert_eq!(world.model.caches.first_level(USER_READ.kind).entries().count(), 0);
            world.set(level, LA, good);
            assert_eq!(world.frame(LA, USER_READ), Ok(5), "no invalidation needed");
        }
    }
    // A is set in memory before the translation is held.
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    assert!((1..=4).all(|level| world.get(level, LA) & A != 0));
    // A faulting walk that leaves A clear leaves nothing cached either.
    let mut world = World::new(&roomy());
    world.ctx.accessed_on_fault = AccessedOnFault::OnSuccessOnly;
    world.map(LA, 5, 0);
    assert!(world.access(LA, USER_READ).is_err());
    assert_eq!(world.model.caches.tables().entries().count(), 0);
}

#[test]
fn mmu_182_a_stale_translation_serves_until_it_is_invalidated() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    world.set(1, LA, 6 << 12 | OPEN);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0));
    world.set(4, LA, 0);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0));
    world.set(4, LA, 0x2000 | OPEN);
    world.model.caches.flush(Flush::Page { pcid: Pcid::of_word(1), la: LinearAddr(LA) });
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(6), 4));
}

#[test]
fn mmu_183_a_write_through_a_clean_entry_walks_and_sets_d() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    assert!(world.access(LA, USER_WRITE).unwrap().dirty);
    assert_eq!((world.walked(), world.model.updates.clone()), (4, vec![place(1, LA)]));
    assert!(world.get(1, LA) & D != 0);
    assert!(world.access(LA, USER_WRITE).unwrap().dirty);
    assert_eq!(world.walked(), 0, "the entry holds D=1 now");
    // If the entry changed meanwhile, the walk decides.
    for (now, answer) in [(0, Err(6)), (5 << 12 | P | US, Err(7)), (6 << 12 | OPEN, Ok(6))] {
        let mut world = mapped(OPEN);
        world.access(LA, USER_READ).unwrap();
        world.set(1, LA, now);
        assert_eq!(world.frame(LA, USER_WRITE), answer);
    }
}

#[test]
fn mmu_184_a_and_d_cleared_without_invalidation_stay_clear() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_WRITE).unwrap();
    world.set(1, LA, 5 << 12 | OPEN);
    world.access(LA, USER_WRITE).unwrap();
    assert_eq!(world.get(1, LA) & (A | D), 0);
    world.model.caches.flush(Flush::All);
    world.access(LA, USER_WRITE).unwrap();
    assert_eq!(world.get(1, LA) & (A | D), A | D);
}

#[test]
fn mmu_185_cached_rights_that_deny_walk_again_or_fault_once() {
    for (choice, first) in [(SpuriousFaults::Never, Ok(5)), (SpuriousFaults::Allowed, Err(7))] {
        let mut world = World::new(&HierarchyConfig { spurious_faults: choice, ..no_tables() });
        world.map(LA, 5, P | US);
        world.access(LA, USER_READ).unwrap();
        world.set(1, LA, 5 << 12 | OPEN);
        assert_eq!(world.frame(LA, USER_WRITE), first, "{choice:?}");
        assert_eq!(world.frame(LA, USER_WRITE), Ok(5), "the fault has dropped the entry (MMU-204)");
    }
}

#[test]
fn mmu_186_a_large_page_may_be_held_as_pieces() {
    let splintered = || {
        let small = TlbConfig::unified(paging::tlb::Geometry::new(1, 16), &SIZES).splintered(PageSize::Size4K);
        let mut world = World::new(&HierarchyConfig { data: small, ..no_tables() });
        world.map(LA, 5, OPEN);
        world.set(2, LA, 0x4000_0000 | OPEN | PS);
        world
    };
    let mut world = splintered();
    assert_eq!(world.frame(0x1000, USER_READ), Ok(0x4_0001));
    assert_eq!((world.frame(0x5000, USER_READ), world.walked()), (Ok(0x4_0005), 3), "another piece, another walk");
    assert_eq!((world.frame(0x1fff, USER_READ), world.walked()), (Ok(0x4_0001), 0));
    assert_eq!(world.access(0x1000, USER_READ).unwrap().size, PageSize::Size2M);
    // INVLPG of any address in the page drops all its pieces (MMU-202).
    world.set(2, LA, 0);
    world.model.caches.flush(Flush::Page { pcid: Pcid::of_word(1), la: LinearAddr(0x9000) });
    assert_eq!([0x1000, 0x5000].map(|la| world.frame(la, USER_READ)), [Err(4), Err(4)]);
    // And so does a fault.
    let mut world = splintered();
    world.access(0x1000, USER_READ).unwrap();
    world.set(2, LA, 0);
    assert_eq!(world.frame(0x5000, USER_READ), Err(4));
    assert_eq!(world.frame(0x1000, USER_READ), Err(4));
}

#[test]
fn mmu_187_after_a_change_of_size_both_translations_may_be_held() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    world.set(2, LA, 0x4000_0000 | OPEN | PS);
    assert_eq!(world.frame(0x1000, USER_READ), Ok(0x4_0001), "another page of the large one");
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0), "the small one first");
    world.model.caches.flush(Flush::Page { pcid: Pcid::of_word(1), la: LinearAddr(LA) });
    assert_eq!((world.frame(0x1000, USER_READ), world.walked()), (Ok(0x4_0001), 3), "both are gone");
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(0x4_0007), 0));
}

#[test]
fn mmu_188_a_translation_may_be_held_that_was_never_accessed() {
    let mut world = mapped(OPEN | A);
    let ahead = probe(&world.mem, &world.ctx, LinearAddr(LA), USER_READ).unwrap();
    let ctx = world.ctx;
    world.model.caches.fill(&ctx, LinearAddr(LA), USER_READ.kind, &ahead);
    world.mem.0.clear();
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0));
}

#[test]
fn mmu_189_a_store_to_an_entry_shows_where_nothing_was_held() {
    let mut world = mapped(OPEN);
    world.set(1, 0x8000, 6 << 12 | OPEN);
    world.access(LA, USER_READ).unwrap();
    world.set(1, LA, 7 << 12 | OPEN);
    world.set(1, 0x8000, 7 << 12 | OPEN);
    assert_eq!(world.frame(LA, USER_READ), Ok(5));
    assert_eq!(world.frame(0x8000, USER_READ), Ok(7));
    // Eviction makes room for the new one too.
    let mut world = World::new(&HierarchyConfig {
        data: TlbConfig::unified(paging::tlb::Geometry::new(1, 1), &SIZES),
        ..no_tables()
    });
    world.map(LA, 5, OPEN);
    world.set(1, 0x8000, 6 << 12 | OPEN);
    world.access(LA, USER_READ).unwrap();
    world.set(1, LA, 7 << 12 | OPEN);
    world.access(0x8000, USER_READ).unwrap();
    assert_eq!(world.frame(LA, USER_READ), Ok(7));
}

#[test]
fn mmu_190_a_global_translation_serves_every_pcid() {
    for (pge, serves) in [(true, Ok(5)), (false, Err(4))] {
        let mut world = mapped(OPEN | G);
        world.ctx.regs.cr4.set(Cr4::PGE, pge);
        world.access(LA, USER_READ).unwrap();
        world.mem.0.clear();
        world.pcid(2);
        assert_eq!(world.frame(LA, USER_READ), serves);
    }
    // G of an upper entry means nothing.
    let mut world = mapped(OPEN);
    world.set(2, LA, 0x4000 | OPEN | G);
    world.access(LA, USER_READ).unwrap();
    world.mem.0.clear();
    world.pcid(2);
    assert_eq!(world.frame(LA, USER_READ), Err(4));
}

#[test]
fn mmu_191_without_pcide_the_low_bits_of_cr3_are_no_pcid() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    world.pcid(8);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 4), "PCID 8 walks for itself");
    world.pcid(1);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0));
    let mut world = mapped(OPEN);
    world.ctx.regs.cr4.remove(Cr4::PCIDE);
    world.access(LA, USER_READ).unwrap();
    world.pcid(8);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0), "PWT is no PCID");
    assert_eq!(world.ctx.pcid(), Pcid::of_word(0));
}

#[test]
fn mmu_192_fetches_and_data_may_disagree_and_one_invalidation_acts_on_both() {
    let mut world = mapped(OPEN);
    world.access(LA, USER_READ).unwrap();
    world.set(1, LA, 6 << 12 | OPEN);
    assert_eq!([USER_READ, USER_FETCH].map(|access| world.frame(LA, access)), [Ok(5), Ok(6)]);
    world.set(1, LA, 7 << 12 | OPEN);
    world.model.caches.flush(Flush::Page { pcid: Pcid::of_word(1), la: LinearAddr(LA) });
    assert_eq!([USER_READ, USER_FETCH].map(|access| world.frame(LA, access)), [Ok(7), Ok(7)]);
    // In a second level of their own too.
    let big = || TlbConfig::unified(paging::tlb::Geometry::new(1, 16), &SIZES);
    let mut world =
        World::new(&HierarchyConfig { second: SecondLevel::Split { instruction: big(), data: big() }, ..no_tables() });
    world.map(LA, 5, OPEN);
    assert_eq!([USER_READ, USER_FETCH].map(|a| world.served(LA, a)), [None, None]);
    world.set(1, LA, 0);
    world.model.caches.flush(Flush::All);
    assert_eq!([USER_READ, USER_FETCH].map(|access| world.frame(LA, access)), [Err(4), Err(20)]);
}

#[test]
fn mmu_007_rights_are_judged_at_each_use() {
    let mut world = mapped(P); // a supervisor's page, read-only
    world.ctx.regs.cr0.remove(Cr0::WP);
    world.access(LA, SUPER_WRITE).unwrap();
    assert_eq!(world.served(LA, SUPER_WRITE), Some(ServedBy::FirstLevel));
    world.ctx.regs.cr0.insert(Cr0::WP);
    assert_eq!(world.frame(LA, SUPER_WRITE), Err(3));
    let mut world = mapped(OPEN);
    world.access(LA, USER_FETCH).unwrap();
    world.ctx.regs.cr4.remove(Cr4::SMEP);
    assert_eq!(world.served(LA, SUPER_FETCH), Some(ServedBy::FirstLevel));
    world.ctx.regs.cr4.insert(Cr4::SMEP);
    assert_eq!(world.frame(LA, SUPER_FETCH), Err(17));
}
