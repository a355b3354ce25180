//! Section F: accessed and dirty flags.

use crate::tables::{
    A, D, EVERY_ACCESS, LA, P, PDE, PDPTE, PML4E, PTE, Path, RSVD, RW, SUPER_WRITE, US, USER, USER_FETCH, USER_READ,
    USER_WRITE, XD,
};
use arch::{Cr0, Level, LinearAddr, PhysAddr};
use paging::{AccessedOnFault, NoModel, PhysMem, probe, translate};

/// The bits that the four entries gained.
fn gained(path: &Path, access: arch::Access) -> [u64; 4] {
    let after = path.access(access).after;
    std::array::from_fn(|i| path.entries[i] ^ after[i])
}

#[test]
fn mmu_110_a_translation_sets_a_in_every_entry_used() {
    assert_eq!(gained(&Path::open(), USER_READ), [A, A, A, A]);
    assert_eq!(gained(&Path::large_2m(), USER_READ), [A, A, A, 0]);
    assert_eq!(gained(&Path::large_1g(), USER_READ), [A, A, 0, 0]);
}

#[test]
fn mmu_111_a_write_sets_d_in_the_leaf_alone() {
    assert_eq!(gained(&Path::open(), USER_WRITE), [A, A, A, A | D]);
    assert_eq!(gained(&Path::large_2m(), USER_WRITE), [A, A, A | D, 0]);
    assert_eq!(gained(&Path::large_1g(), USER_WRITE), [A, A | D, 0, 0]);
    // D of an upper entry is not the leaf's.
    let upper_d = Path::open().toggle(PML4E, D).toggle(PDPTE, D).toggle(PDE, D);
    assert_eq!(gained(&upper_d, USER_WRITE), [A, A, A, A | D]);
    assert!(!upper_d.access(USER_READ).result.unwrap().dirty);
}

#[test]
fn mmu_112_reads_and_fetches_never_set_d() {
    for access in [USER_READ, USER_FETCH] {
        assert_eq!(gained(&Path::open(), access), [A; 4]);
        let large = gained(&Path::large_2m(), access);
        assert_eq!(large, [A, A, A, 0]);
    }
}

#[test]
fn mmu_113_a_permission_fault_leaves_the_leaf() {
    for (path, leaf) in [(Path::open(), PTE), (Path::large_2m(), PDE), (Path::large_1g(), PDPTE)] {
        for (denied, access) in [(RW, USER_WRITE), (XD, USER_FETCH), (US, USER_READ), (US | RW | XD, USER_WRITE)] {
            assert_eq!(gained(&path.clone().toggle(leaf, denied), access)[leaf], 0);
        }
        assert_eq!(gained(&path, SUPER_WRITE)[leaf], 0, "SMAP");
    }
}

#[test]
fn mmu_114_a_faulting_walk_sets_a_as_the_context_chooses() {
    let faulting = [
        (Path::open().toggle(PTE, P), USER_READ, [A, A, A, 0]),
        (Path::open().toggle(PDE, P), USER_READ, [A, A, 0, 0]),
        (Path::open().toggle(PTE, RSVD), USER_READ, [A, A, A, 0]),
        (Path::open().toggle(PDPTE, RSVD), USER_READ, [A, 0, 0, 0]),
        (Path::open().toggle(PML4E, P), USER_READ, [0; 4]),
        (Path::open().toggle(PDE, RW), USER_WRITE, [A, A, A, 0]),
        (Path::open().toggle(PML4E, US), USER_FETCH, [A, A, A, 0]),
        (Path::large_2m().toggle(PDE, XD), USER_FETCH, [A, A, 0, 0]),
    ];
    for (path, access, as_traversed) in faulting {
        assert!(path.access(access).result.is_err());
        assert_eq!(gained(&path, access), as_traversed);
        let path = path.under(|c| c.accessed_on_fault = AccessedOnFault::OnSuccessOnly);
        assert_eq!(gained(&path, access), [0; 4]);
    }
    let path = Path::open().under(|c| c.accessed_on_fault = AccessedOnFault::OnSuccessOnly);
    assert_eq!(gained(&path, USER_WRITE), [A, A, A, A | D], "success is the same under both");
}

#[test]
fn mmu_115_the_offending_entry_is_never_written() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        for offence in [P, RSVD] {
            for access in EVERY_ACCESS {
                let gained = gained(&Path::open().toggle(entry, offence), access);
                assert_eq!(gained[entry..], [0; 4][entry..]);
            }
        }
    }
}

#[test]
fn mmu_116_an_entry_that_changed_under_the_walk_is_read_again() {
    let path = Path::open();
    let race = |entry: usize, value: u64, access| {
        let mut mem = path.memory();
        mem.races.push((Path::place(entry), value));
        let result = translate(&mut NoModel, &mut mem, &path.ctx, LA, access);
        (result, mem.load_entry(Path::place(entry)))
    };
    let (moved, pte) = race(PTE, 0x3000 | P | RW | US, USER_WRITE);
    assert_eq!(moved.unwrap().frame.base(), PhysAddr(0x3000));
    assert_eq!(pte, 0x3000 | P | RW | US | A | D);
    let (gone, pte) = race(PTE, 0x5000, USER_WRITE);
    assert_eq!((gone.unwrap_err().code.bits(), pte), (0b110, 0x5000));
    let (protected, pte) = race(PTE, 0x5000 | P | US, USER_WRITE);
    assert_eq!((protected.unwrap_err().code.bits(), pte), (0b111, 0x5000 | P | US));
    let (upper, pde) = race(PDE, 0, USER_READ);
    assert_eq!((upper.unwrap_err().code.bits(), pde), (0b100, 0));
    // Another processor's A and D are no reason to fault, and are kept.
    let (set, pte) = race(PTE, path.entries[PTE] | A | D, USER_READ);
    assert!(set.is_ok());
    assert_eq!(pte, path.entries[PTE] | A | D);
}

#[test]
fn mmu_117_flags_are_never_cleared() {
    let mut path = Path::open();
    path.entries.iter_mut().for_each(|e| *e |= A | D);
    for access in EVERY_ACCESS {
        assert_eq!(path.access(access).after, path.entries);
        let denied = path.clone().toggle(PTE, US | RW | XD);
        assert_eq!(denied.access(access).after, denied.entries);
    }
}

#[test]
fn mmu_118_d_in_a_read_only_leaf_needs_wp_0() {
    let read_only = Path::open().toggle(PTE, RW | US);
    assert_eq!(gained(&read_only, SUPER_WRITE)[PTE], 0);
    let path = read_only.under(|c| c.regs.cr0.remove(Cr0::WP));
    assert_eq!(gained(&path, SUPER_WRITE), [A, A, A, A | D]);
    assert_eq!(gained(&path, USER_WRITE)[PTE], 0);
}

#[test]
fn mmu_119_only_architectural_accesses_set_flags() {
    for access in USER {
        let path = Path::open();
        let mem = path.memory();
        assert!(probe(&mem, &path.ctx, LA, access).is_ok());
        assert_eq!(mem.bytes, path.memory().bytes, "a question is not an access");
    }
    // The neighbours in the same tables, valid themselves, stay as they are: `Path::access` checks the rest of memory.
    let path = Path::open();
    let mut mem = path.memory();
    let next = Path::place(PTE).wrapping_add(8);
    mem.store_entry(next, path.entries[PTE]);
    translate(&mut NoModel, &mut mem, &path.ctx, LA, USER_WRITE).unwrap();
    assert_eq!(mem.load_entry(next), path.entries[PTE]);
}

/// A PML4 whose last entry is itself: the address that uses this entry at `uses` levels, then index 0.
fn recursive(uses: u32) -> (Path, LinearAddr) {
    let mut path = Path::open();
    path.entries = [0; 4];
    let index = |level: Level, i: u64| i << level.shift();
    let levels = [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt];
    let la = levels.iter().take(uses as usize).fold(0xffff_u64 << 48, |la, &l| la | index(l, 511));
    (path, LinearAddr(la))
}

#[test]
fn mmu_122_an_entry_used_at_several_levels_gets_the_bits_of_each_use() {
    const SELF: PhysAddr = PhysAddr(0x1ff8);
    let entry = 0x1000 | P | RW | US;
    for (access, expected) in [(USER_READ, entry | A), (USER_WRITE, entry | A | D), (USER_FETCH, entry | A)] {
        let (path, la) = recursive(4);
        let mut mem = path.memory();
        mem.store_entry(SELF, entry);
        let translation = translate(&mut NoModel, &mut mem, &path.ctx, la, access).unwrap();
        assert_eq!(translation.frame.base(), PhysAddr(0x1000), "the leaf is the table itself");
        assert_eq!(mem.load_entry(SELF), expected);
    }
    // Three uses as a table, and entry 0 of the PML4 is the leaf.
    let (path, la) = recursive(3);
    let mut mem = path.memory();
    mem.store_entry(SELF, entry);
    mem.store_entry(PhysAddr(0x1000), 0x2000 | P | RW | US);
    translate(&mut NoModel, &mut mem, &path.ctx, la, USER_WRITE).unwrap();
    assert_eq!(mem.load_entry(SELF), entry | A, "D is set in the leaf alone");
    assert_eq!(mem.load_entry(PhysAddr(0x1000)), 0x2000 | P | RW | US | A | D);
}

#[test]
fn mmu_122_a_self_map_that_faults_keeps_its_leaf_use_out() {
    const SELF: PhysAddr = PhysAddr(0x1ff8);
    let (path, la) = recursive(4);
    let mut mem = path.memory();
    mem.store_entry(SELF, 0x1000 | P | US);
    assert!(translate(&mut NoModel, &mut mem, &path.ctx, la, USER_WRITE).is_err());
    assert_eq!(mem.load_entry(SELF), 0x1000 | P | US | A, "A of its uses as a table, no D");
}

#[test]
fn mmu_123_the_next_walk_sees_the_flags_at_once() {
    let path = Path::open();
    let mut mem = path.memory();
    translate(&mut NoModel, &mut mem, &path.ctx, LA, USER_WRITE).unwrap();
    assert!(translate(&mut NoModel, &mut mem, &path.ctx, LA, USER_READ).unwrap().dirty);
    let set = mem.clone();
    translate(&mut NoModel, &mut mem, &path.ctx, LA, USER_WRITE).unwrap();
    assert_eq!(mem.bytes, set.bytes);
}
