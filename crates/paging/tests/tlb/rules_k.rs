//! Section K: the paging-structure caches.

use crate::world::*;
use arch::{AccessedDirty, Cr4, EntrySize, Level, LinearAddr, Pcid, PhysAddr};
use paging::tlb::{Flush, HierarchyConfig, SpuriousFaults, TableCache};
use paging::{AccessedOnFault, EntryUse, Table, TranslationCache};

const LA: u64 = 0x7000;
/// Shares all tables with [`LA`], then all but the page table, and so on up.
const NEAR: [u64; 4] = [0x9000, 0x0020_7000, 0x4000_7000, 0x0080_0000_7000];

/// A world in which `LA` and all of [`NEAR`] are mapped through the same tables.
fn mapped() -> World {
    let mut world = World::new(&roomy());
    for la in NEAR.into_iter().chain([LA]) {
        world.map(la, 5, OPEN);
    }
    world
}

/// An entry as a walk used it, with A seen or not.
fn used((level, seen): (Level, u64)) -> EntryUse {
    EntryUse { pa: PhysAddr(0), seen, set: AccessedDirty::empty(), level, size: EntrySize::Eight }
}

fn caches(world: &World) -> Vec<TableCache> {
    let mut all: Vec<_> = world.model.caches.tables().entries().map(|(_, t)| t.cache).collect();
    all.sort();
    all
}

#[test]
fn mmu_195_an_entry_holds_the_table_and_the_rights_from_the_root_down() {
    let mut world = mapped();
    world.set(4, LA, 0x2000 | P | US);
    world.set(3, LA, 0x3000 | OPEN | XD);
    world.set(2, LA, 0x4000 | P | RW | 1 << 3);
    world.access(LA, SUPER_READ).unwrap();
    let held: Vec<_> = world.model.caches.tables().entries().map(|(la, t)| (la, t.cache, t.table)).collect();
    let table = |level, base, [writable, user, no_execute]: [bool; 3]| Table {
        level,
        base: PhysAddr(base),
        writable,
        user,
        no_execute,
    };
    let first = LinearAddr(0);
    assert_eq!(
        held,
        [
            (first, TableCache::Pml4e, table(Level::Pdpt, 0x2000, [false, true, false])),
            (first, TableCache::Pdpte, table(Level::Pd, 0x3000, [false, true, true])),
            (first, TableCache::Pde, table(Level::Pt, 0x4000, [false, false, true])),
        ]
    );
    let pde = world.model.caches.tables().entries().find(|(_, t)| t.cache == TableCache::Pde).unwrap().1;
    assert_eq!(pde.entry & 0b11000, 0b01000, "PWT and PCD of the last entry");
    // They decide for a page below which is itself open.
    world.set(1, 0x9000, 6 << 12 | OPEN);
    assert_eq!(world.frame(0x9000, USER_READ), Err(5));
    world.set(1, 0x9000, 6 << 12 | OPEN);
    assert_eq!(world.frame(0x9000, SUPER_WRITE), Err(3));
    assert_eq!(world.frame(0x9000, SUPER_FETCH), Err(17));
}

#[test]
fn mmu_195_each_cache_is_keyed_by_its_part_of_the_address() {
    for (la, loads) in NEAR.into_iter().zip([1, 2, 3, 4]) {
        let mut world = mapped();
        world.access(LA, USER_READ).unwrap();
        world.access(la, USER_READ).unwrap();
        assert_eq!(world.walked(), loads, "{la:#x}");
        world.pcid(2);
        world.access(0xa000 + (la & !0xffff), USER_READ).unwrap_err();
        assert_eq!(world.walked(), 4, "PCID 2 has its own");
    }
}

#[test]
fn mmu_195_the_pml5_cache_leads_to_a_pml4() {
    let mut world = World::new(&roomy());
    world.ctx.regs.cr4.insert(Cr4::LA57);
    let ctx = world.ctx;
    let la = LinearAddr(0x0005_0000_0000_7000);
    let walked = [(Level::Pml5, 0x6000), (Level::Pml4, 0x7000), (Level::Pdpt, 0x8000)];
    world.model.caches.fill_tables(&ctx, la, None, &walked.map(|(level, base)| used((level, base | OPEN | A))));
    assert_eq!(caches(&world), [TableCache::Pml5e, TableCache::Pml4e]);
    let near = world.model.caches.table(&ctx, LinearAddr(0x0005_0080_0000_0000)).unwrap();
    assert_eq!((near.cache, near.table.base), (TableCache::Pml5e, PhysAddr(0x6000)));
    assert_eq!(world.model.caches.table(&ctx, LinearAddr(0x0006_0000_0000_7000)), None);
}

#[test]
fn mmu_196_an_entry_that_maps_a_page_or_lacks_a_is_not_cached() {
    let mut world = mapped();
    world.set(2, LA, 0x4000_0000 | OPEN | PS);
    world.access(LA, USER_READ).unwrap();
    assert_eq!(caches(&world), [TableCache::Pml4e, TableCache::Pdpte]);
    let mut world = mapped();
    world.set(3, LA, 0x4000_0000 | OPEN | PS);
    world.access(LA, USER_READ).unwrap();
    assert_eq!(caches(&world), [TableCache::Pml4e]);
    let mut world = World::new(&roomy());
    let ctx = world.ctx;
    let walked = [(Level::Pml4, 0x2000 | A), (Level::Pdpt, 0x3000), (Level::Pd, 0x4000 | A), (Level::Pt, 0x5000)];
    let walked = walked.map(|(level, entry)| used((level, entry | OPEN)));
    world.model.caches.fill_tables(&ctx, LinearAddr(LA), None, &walked);
    assert_eq!(caches(&world), [TableCache::Pml4e], "nothing from the entry without A on");
}

#[test]
fn mmu_197_tables_may_be_cached_even_if_nothing_below_is_present() {
    let mut world = mapped();
    let ctx = world.ctx;
    let open = OPEN | A;
    let walked =
        [(Level::Pml4, 0x2000 | open), (Level::Pdpt, 0x3000 | open), (Level::Pd, 0x4000 | open), (Level::Pt, 0)];
    let walked = walked.map(used);
    world.model.caches.fill_tables(&ctx, LinearAddr(LA), None, &walked);
    assert_eq!(caches(&world), [TableCache::Pml4e, TableCache::Pdpte, TableCache::Pde]);
    world.access(LA, USER_READ).unwrap();
    assert_eq!(world.model.loads, [place(1, LA)]);
}

#[test]
fn mmu_198_a_walk_starts_at_the_deepest_table_and_reads_nothing_above() {
    let mut world = mapped();
    world.access(LA, USER_READ).unwrap();
    for level in 2..=4 {
        world.set(level, LA, 0);
    }
    assert_eq!(world.frame(0x9000, USER_WRITE), Ok(5), "the upper entries are gone, and nobody looks");
    assert_eq!(world.model.loads, [place(1, 0x9000)]);
    assert!((2..=4).all(|level| world.get(level, LA) == 0), "nor writes");
    // Each cache by itself.
    let only = |pick: fn(&mut HierarchyConfig)| {
        let mut config = no_tables();
        pick(&mut config);
        let mut world = World::new(&config);
        world.map(LA, 5, OPEN);
        world.map(0x9000, 5, OPEN);
        world.access(LA, USER_READ).unwrap();
        world.access(0x9000, USER_READ).unwrap();
        world.walked()
    };
    assert_eq!(only(|_| ()), 4);
    assert_eq!(only(|c| c.tables.pml4e = roomy().tables.pml4e), 3);
    assert_eq!(only(|c| c.tables.pdpte = roomy().tables.pdpte), 2);
    assert_eq!(only(|c| c.tables.pde = roomy().tables.pde), 1);
}

#[test]
fn mmu_198_a_resumed_walk_fills_what_it_passes() {
    let mut world = mapped();
    world.access(LA, USER_READ).unwrap();
    world.access(NEAR[2], USER_READ).unwrap(); // resumes behind the PML4E, passes a PDPTE and a PDE of its own
    assert_eq!(world.walked(), 3);
    world.access(NEAR[2] + 0x4000, USER_READ).unwrap_err();
    assert_eq!(world.walked(), 1 + 4, "behind the new PDE; then, as it faults, from the root");
    assert_eq!(caches(&world).iter().filter(|&&c| c == TableCache::Pde).count(), 1, "that of the other address");
}

#[test]
fn mmu_199_a_bits_cleared_above_a_cached_table_stay_clear() {
    let mut world = mapped();
    world.access(LA, USER_READ).unwrap();
    assert!((2..=4).all(|level| world.get(level, LA) & A != 0));
    for level in 2..=4 {
        let entry = world.get(level, LA);
        world.set(level, LA, entry & !A);
    }
    world.access(0x9000, USER_READ).unwrap();
    assert!((2..=4).all(|level| world.get(level, LA) & A == 0));
    world.model.caches.flush(Flush::Context(Pcid::of_word(1)));
    world.access(0x9000, USER_READ).unwrap();
    assert!((2..=4).all(|level| world.get(level, LA) & A != 0));
}

#[test]
fn mmu_200_tables_are_never_global() {
    let mut world = mapped();
    world.set(1, LA, 5 << 12 | OPEN | G);
    world.set(2, LA, 0x4000 | OPEN | G);
    world.access(LA, USER_READ).unwrap();
    world.model.caches.flush(Flush::Context(Pcid::of_word(1)));
    assert_eq!(caches(&world), []);
    assert_eq!((world.frame(LA, USER_READ), world.walked()), (Ok(5), 0), "the global page itself is held");
    let mut world = mapped();
    world.set(1, LA, 5 << 12 | OPEN | G);
    world.access(LA, USER_READ).unwrap();
    world.pcid(2);
    world.access(0x9000, USER_READ).unwrap();
    assert_eq!(world.walked(), 4, "another PCID does not see them");
}

#[test]
fn mmu_201_outside_long_mode_only_page_directory_entries_are_cached() {
    let mut world = World::new(&roomy());
    world.ctx.regs.efer.remove(arch::Efer::LMA);
    world.ctx.regs.cr4.remove(Cr4::PCIDE);
    let ctx = world.ctx;
    world.model.caches.fill_tables(
        &ctx,
        LinearAddr(LA),
        None,
        &[(Level::Pd, 0x2000 | OPEN | A), (Level::Pt, 0x3000 | OPEN | A)].map(used),
    );
    assert_eq!(caches(&world), [TableCache::Pde]);
}

#[test]
fn mmu_198_a_fault_behind_a_stale_table_is_judged_from_the_root_or_happens_once() {
    for on_fault in [AccessedOnFault::AsTraversed, AccessedOnFault::OnSuccessOnly] {
        for (choice, first) in [(SpuriousFaults::Never, Ok(6)), (SpuriousFaults::Allowed, Err(4))] {
            let mut world = World::new(&HierarchyConfig { spurious_faults: choice, ..roomy() });
            world.ctx.accessed_on_fault = on_fault;
            world.map(LA, 5, OPEN);
            world.access(LA, USER_READ).unwrap();
            // The page directory now leads to another page table, which maps the neighbour.
            world.set(2, LA, 0x9000 | OPEN);
            world.mem.0.insert(0x9000 | 9 << 3, 6 << 12 | OPEN);
            assert_eq!(world.frame(0x9000, USER_READ), first, "{choice:?}");
            assert_eq!(world.frame(0x9000, USER_READ), Ok(6));
        }
    }
}
