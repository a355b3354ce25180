//! Section L: what is invalidated, and what survives.

use crate::world::*;
use arch::{Cr0, Efer, LinearAddr, PageSize, Pcid};
use paging::tlb::{Flush, HierarchyConfig, SecondLevel, SpuriousFaults, TlbConfig};
use paging::{Invalidation, TranslationCache};

/// A page of PCID 1, a global page and a page of PCID 2, behind different PDEs of the same directory.
const OWN: u64 = 0x1000;
const GLOBAL: u64 = 0x0020_2000;
const OTHER: u64 = 0x0040_3000;
const ONE: Pcid = Pcid::of_word(1);

/// What is still held: the three translations, and the table entries of PCID 1 and of PCID 2.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    own: bool,
    global: bool,
    other: bool,
    tables_1: usize,
    tables_2: usize,
}

/// All of it: PML4E and PDPTE of each PCID, two PDEs of PCID 1, one of PCID 2.
const ALL: Held = Held { own: true, global: true, other: true, tables_1: 4, tables_2: 3 };

fn with_second_level() -> HierarchyConfig {
    let room = paging::tlb::Geometry::new(1, 16);
    HierarchyConfig { second: SecondLevel::Shared(TlbConfig::unified(room, &SIZES)), ..roomy() }
}

fn full() -> World {
    let mut world = World::new(&with_second_level());
    world.map(OWN, 5, OPEN);
    world.map(GLOBAL, 6, OPEN | G);
    world.map(OTHER, 7, OPEN);
    world.access(OWN, USER_READ).unwrap();
    world.access(GLOBAL, USER_READ).unwrap();
    world.pcid(2);
    world.access(OTHER, USER_READ).unwrap();
    world.pcid(1);
    world
}

/// What `flush` leaves.
fn after(flush: Flush) -> Held {
    let mut world = full();
    world.model.caches.flush(flush);
    held(&mut world)
}

fn held(world: &mut World) -> Held {
    let caches = &mut world.model.caches;
    let mut ctx = world.ctx;
    let mut has = |pcid: u64, la| {
        ctx.regs.cr3.0 = 0x1000 | pcid;
        caches.lookup(&ctx, LinearAddr(la), USER_READ).is_some()
    };
    let (own, global, other) = (has(1, OWN), has(1, GLOBAL), has(2, OTHER));
    let total = caches.tables().entries().count();
    caches.flush(Flush::Context(ONE));
    let tables_2 = caches.tables().entries().count();
    Held { own, global, other, tables_1: total - tables_2, tables_2 }
}

#[test]
fn all_is_held_before() {
    assert_eq!(held(&mut full()), ALL);
}

#[test]
fn mmu_202_invlpg_drops_the_page_and_every_table_of_the_pcid() {
    let page = |la| Flush::Page { pcid: ONE, la: LinearAddr(la) };
    assert_eq!(after(page(OWN + 0xfff)), Held { own: false, tables_1: 0, ..ALL });
    assert_eq!(after(page(GLOBAL)), Held { global: false, tables_1: 0, ..ALL }, "global or not");
    assert_eq!(after(page(OTHER)), Held { tables_1: 0, ..ALL }, "the page of another PCID stays");
    assert_eq!(after(page(0x7fff_0000_0000)), Held { tables_1: 0, ..ALL }, "tables whatever the address");
    // Global ones go for any PCID.
    let mut world = full();
    world.model.caches.flush(Flush::Page { pcid: Pcid::of_word(3), la: LinearAddr(GLOBAL) });
    assert_eq!(held(&mut world), Held { global: false, ..ALL });
}

#[test]
fn mmu_202_invlpg_drops_a_page_of_any_size() {
    for (level, size) in [(2, PageSize::Size2M), (3, PageSize::Size1G)] {
        let mut world = World::new(&with_second_level());
        world.map(OWN, 5, OPEN);
        world.set(level, OWN, OPEN | PS);
        assert_eq!(world.access(OWN, USER_READ).unwrap().size, size);
        world.set(level, OWN, 0);
        assert_eq!(world.frame(OWN, USER_READ), Ok(1));
        world.model.caches.flush(Flush::Page { pcid: ONE, la: LinearAddr(size.bytes() - 1) });
        assert_eq!(world.frame(OWN, USER_READ), Err(4));
    }
}

#[test]
fn mmu_203_what_the_host_asks_for_goes_and_no_less() {
    let left = |what: Invalidation| {
        let mut world = full();
        world.model.caches.invalidate(what);
        held(&mut world)
    };
    let la = LinearAddr(GLOBAL);
    assert_eq!(left(Invalidation::Page { la, pcid: ONE }), after(Flush::Page { pcid: ONE, la }));
    assert_eq!(left(Invalidation::Address { la, pcid: ONE }), after(Flush::Address { pcid: ONE, la }));
    assert_eq!(left(Invalidation::Context(ONE)), after(Flush::Context(ONE)));
    assert_eq!(left(Invalidation::NonGlobal), after(Flush::NonGlobal));
    assert_eq!(left(Invalidation::All), after(Flush::All));
}

#[test]
fn mmu_204_a_fault_drops_the_page_and_the_tables_that_lead_to_it() {
    let fault = |la| Flush::Fault { pcid: ONE, la: LinearAddr(la) };
    assert_eq!(after(fault(OWN)), Held { own: false, tables_1: 1, ..ALL }, "the other PDE leads elsewhere");
    assert_eq!(after(fault(GLOBAL)), Held { global: false, tables_1: 1, ..ALL });
    assert_eq!(after(fault(OTHER)), Held { tables_1: 2, ..ALL }, "two PDEs lead elsewhere");
    assert_eq!(after(fault(0x0080_0000_0000)), ALL);
    // A real fault does just that.
    let mut world = full();
    world.set(1, OWN + 0x1000, 0);
    assert!(world.access(OWN + 0x1000, USER_READ).is_err());
    assert_eq!(held(&mut world), Held { tables_1: 1, ..ALL });
}

#[test]
fn mmu_204_a_fault_from_stale_state_happens_at_most_once() {
    // A chain of stale state: the page is held read-only, the tables above it too.
    let mut world = World::new(&HierarchyConfig { spurious_faults: SpuriousFaults::Allowed, ..with_second_level() });
    world.map(OWN, 5, P | US);
    world.set(4, OWN, 0x2000 | P | US);
    world.set(2, OWN, 0x4000 | P | US);
    world.access(OWN, USER_READ).unwrap();
    world.map(OWN, 5, OPEN);
    world.set(1, OWN + 0x1000, 6 << 12 | OPEN);
    assert_eq!([(); 3].map(|()| world.frame(OWN, USER_WRITE)), [Err(7), Ok(5), Ok(5)]);
    let mut world = World::new(&HierarchyConfig { spurious_faults: SpuriousFaults::Allowed, ..with_second_level() });
    world.map(OWN, 5, OPEN);
    world.set(4, OWN, 0x2000 | P | US);
    world.access(OWN, USER_READ).unwrap();
    world.map(OWN, 5, OPEN);
    world.set(1, OWN + 0x1000, 6 << 12 | OPEN);
    assert_eq!([(); 3].map(|()| world.frame(OWN + 0x1000, USER_WRITE)), [Err(7), Ok(6), Ok(6)]);
}

#[test]
fn mmu_205_raised_rights_need_no_invalidation() {
    let (rw, us, xd) = (P | US, P | RW, OPEN | XD);
    for (before, access, code) in [(0, USER_READ, 4), (rw, USER_WRITE, 7), (us, USER_READ, 5), (xd, USER_FETCH, 21)] {
        for choice in [SpuriousFaults::Never, SpuriousFaults::Allowed] {
            let mut world = World::new(&HierarchyConfig { spurious_faults: choice, ..with_second_level() });
            world.map(OWN, 5, before);
            // What holds the old rights is an access that they allow.
            let other = if before == us { SUPER_READ } else { USER_READ };
            let held = world.access(OWN, other).is_ok() && access.kind == other.kind;
            world.set(1, OWN, 5 << 12 | OPEN);
            let spurious = choice == SpuriousFaults::Allowed && (held || access == USER_WRITE || access == USER_FETCH);
            let first = if spurious && before != 0 { Err(code) } else { Ok(5) };
            assert_eq!(world.frame(OWN, access), first, "{before:#x} {choice:?}");
            assert_eq!(world.frame(OWN, access), Ok(5), "at most once");
        }
    }
}

#[test]
fn mmu_206_lowered_rights_and_other_frames_show_after_an_invalidation() {
    for (now, access, code) in [
        (0, USER_READ, Err(4)),
        (5 << 12 | P | RW, USER_READ, Err(5)),
        (5 << 12 | P | US | D, USER_WRITE, Err(7)),
        (5 << 12 | OPEN | XD, USER_FETCH, Err(21)),
        (6 << 12 | OPEN, USER_READ, Ok(6)),
    ] {
        let mut world = World::new(&with_second_level());
        world.map(OWN, 5, OPEN);
        world.access(OWN, access).unwrap();
        world.set(1, OWN, now);
        assert_eq!(world.frame(OWN, access), Ok(5), "stale");
        world.model.caches.flush(Flush::Page { pcid: ONE, la: LinearAddr(OWN) });
        assert_eq!(world.frame(OWN, access), code);
    }
    // U/S 0->1 with SMEP=1: the supervisor may still fetch.
    let mut world = World::new(&with_second_level());
    world.map(OWN, 5, P);
    world.access(OWN, SUPER_FETCH).unwrap();
    world.set(1, OWN, 5 << 12 | OPEN);
    assert_eq!(world.frame(OWN, SUPER_FETCH), Ok(5));
    world.model.caches.flush(Flush::Page { pcid: ONE, la: LinearAddr(OWN) });
    assert_eq!(world.frame(OWN, SUPER_FETCH), Err(17));
}

#[test]
fn mmu_207_mov_cr3_without_pcids_drops_all_that_is_not_global() {
    let mut world = World::new(&with_second_level());
    world.ctx.regs.cr4.remove(arch::Cr4::PCIDE);
    world.map(OWN, 5, OPEN);
    world.map(GLOBAL, 6, OPEN | G);
    world.access(OWN, USER_READ).unwrap();
    world.access(GLOBAL, USER_READ).unwrap();
    world.model.caches.flush(Flush::Context(world.ctx.pcid()));
    assert_eq!((world.frame(GLOBAL, USER_READ), world.walked()), (Ok(6), 0));
    assert_eq!(world.model.caches.tables().entries().count(), 0);
    assert_eq!((world.frame(OWN, USER_READ), world.walked()), (Ok(5), 4));
}

#[test]
fn mmu_208_mov_cr3_with_pcids_drops_those_of_the_new_one_or_nothing() {
    assert_eq!(after(Flush::Context(ONE)), Held { own: false, tables_1: 0, ..ALL });
    assert_eq!(after(Flush::Context(Pcid::of_word(2))), Held { other: false, tables_2: 0, ..ALL });
    // With bit 63 there is no flush: PCID 1 finds its own again.
    let mut world = full();
    world.pcid(2);
    world.pcid(1);
    assert_eq!(held(&mut world), ALL);
}

#[test]
fn mmu_209_mov_cr4_drops_everything_or_the_current_context() {
    assert_eq!(after(Flush::All), Held { own: false, global: false, other: false, tables_1: 0, tables_2: 0 });
    assert_eq!(after(Flush::ContextAndGlobal(ONE)), Held { own: false, global: false, tables_1: 0, ..ALL });
    // SMAP needs nothing: what is held obeys it at once.
    let mut world = full();
    world.ctx.regs.cr4.remove(arch::Cr4::SMAP);
    assert_eq!((world.frame(OWN, SUPER_READ), world.walked()), (Ok(5), 0));
    world.ctx.regs.cr4.insert(arch::Cr4::SMAP);
    assert_eq!(world.frame(OWN, SUPER_READ), Err(1));
}

#[test]
fn mmu_210_wp_needs_no_flush() {
    let mut world = World::new(&roomy());
    world.map(OWN, 5, P | D);
    world.ctx.regs.cr0.remove(Cr0::WP);
    world.access(OWN, SUPER_WRITE).unwrap();
    world.ctx.regs.cr0.insert(Cr0::WP);
    assert_eq!(world.frame(OWN, SUPER_WRITE), Err(3));
}

#[test]
fn mmu_211_nxe_drops_nothing() {
    // XD was an execute-disable when the translation was made, and the translation holds that.
    let mut world = World::new(&roomy());
    world.map(OWN, 5, OPEN | XD);
    world.access(OWN, USER_READ).unwrap();
    world.ctx.regs.efer.remove(Efer::NXE);
    assert_eq!((world.frame(OWN, USER_READ), world.walked()), (Ok(5), 0));
    world.model.caches.flush(Flush::All);
    assert_eq!(world.frame(OWN, USER_READ), Err(13), "reserved now");
}

#[test]
fn mmu_212_the_four_types_of_invpcid() {
    let address = |la| Flush::Address { pcid: ONE, la: LinearAddr(la) };
    assert_eq!(after(address(OWN)), Held { own: false, tables_1: 0, ..ALL });
    assert_eq!(after(address(GLOBAL)), Held { tables_1: 0, ..ALL }, "global ones stay");
    assert_eq!(after(address(OTHER)), Held { tables_1: 0, ..ALL });
    assert_eq!(after(Flush::Context(ONE)), Held { own: false, tables_1: 0, ..ALL });
    assert_eq!(after(Flush::All), Held { own: false, global: false, other: false, tables_1: 0, tables_2: 0 });
    assert_eq!(after(Flush::NonGlobal), Held { own: false, other: false, tables_1: 0, tables_2: 0, ..ALL });
}

#[test]
fn mmu_213_a_change_of_privilege_drops_nothing() {
    let mut world = full();
    world.ctx.regs.cr4.remove(arch::Cr4::SMAP);
    assert_eq!((world.frame(OWN, SUPER_READ), world.walked()), (Ok(5), 0));
    assert_eq!((world.frame(OWN, USER_READ), world.walked()), (Ok(5), 0));
}

#[test]
fn mmu_214_after_an_invalidation_fetches_see_the_new_translation_at_once() {
    let mut world = World::new(&with_second_level());
    world.map(OWN, 5, OPEN);
    for access in [USER_FETCH, USER_READ, USER_WRITE] {
        world.access(OWN, access).unwrap();
    }
    world.set(1, OWN, 6 << 12 | OPEN);
    world.model.caches.flush(Flush::Page { pcid: ONE, la: LinearAddr(OWN) });
    for access in [USER_FETCH, USER_READ, USER_WRITE] {
        assert_eq!(world.frame(OWN, access), Ok(6));
    }
}
