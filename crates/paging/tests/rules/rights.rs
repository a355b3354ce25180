//! Section E: access rights.

use crate::tables::{
    EVERY_ACCESS, IMPLICIT_READ, IMPLICIT_WRITE, P, PDE, PDPTE, PML4E, PTE, Path, RSVD, RW, SUPER_FETCH, SUPER_READ,
    SUPER_WRITE, SUPERVISOR, US, USER, USER_FETCH, USER_READ, USER_WRITE, XD,
};
use arch::{Cr0, Cr4, Efer};
use paging::PagingContext;

const LEVELS: [usize; 4] = [PML4E, PDPTE, PDE, PTE];

/// A user page without SMEP and SMAP: a supervisor may use it.
fn shared() -> Path {
    Path::open().under(|c| c.regs.cr4.remove(Cr4::SMEP | Cr4::SMAP))
}

/// A supervisor page.
fn private() -> Path {
    Path::open().toggle(PTE, US)
}

fn without_wp(ctx: &mut PagingContext) {
    ctx.regs.cr0.remove(Cr0::WP);
}

fn with_ac(ctx: &mut PagingContext) {
    ctx.alignment_check = true;
}

#[test]
fn mmu_080_rights_are_judged_after_the_walk() {
    for upper in [PML4E, PDPTE, PDE] {
        for denied in [US, RW, XD, US | RW | XD] {
            for lower in upper + 1..=PTE {
                for access in EVERY_ACCESS {
                    let path = Path::open().toggle(upper, denied);
                    assert_eq!(path.clone().toggle(lower, P).error(access) & 0b1001, 0, "P=0 below decides");
                    assert_eq!(path.toggle(lower, RSVD).error(access) & 0b1001, 0b1001, "RSVD below decides");
                }
            }
        }
    }
}

#[test]
fn mmu_081_rights_combine_over_all_entries() {
    for level in LEVELS {
        let read_only = shared().toggle(level, RW);
        assert_eq!(USER.map(|a| read_only.allows(a)), [true, false, true]);
        let no_execute = shared().toggle(level, XD);
        assert_eq!(USER.map(|a| no_execute.allows(a)), [true, true, false]);
        let supervisor = shared().toggle(level, US);
        assert_eq!(USER.map(|a| supervisor.allows(a)), [false; 3]);
        assert_eq!(SUPERVISOR.map(|a| supervisor.allows(a)), [true; 3]);
    }
    // One entry takes R/W away, another U/S, a third adds XD.
    let mixed = shared().toggle(PML4E, RW).toggle(PDE, US).toggle(PDPTE, XD);
    let rights = mixed.access(SUPER_READ).result.unwrap().rights;
    assert!(!rights.writable && !rights.user && rights.no_execute);
}

#[test]
fn mmu_082_a_user_mode_address_has_u_s_at_every_level() {
    // SMAP and SMEP tell the two kinds of address apart for a supervisor.
    assert_eq!(SUPERVISOR.map(|a| Path::open().allows(a)), [false; 3]);
    for level in LEVELS {
        assert_eq!(SUPERVISOR.map(|a| Path::open().toggle(level, US).allows(a)), [true; 3], "level {level}");
    }
}

#[test]
fn mmu_083_an_implicit_access_is_supervisor_mode() {
    assert!(private().allows(IMPLICIT_READ) && private().allows(IMPLICIT_WRITE));
    let absent = private().toggle(PTE, P);
    assert_eq!((absent.error(IMPLICIT_READ), absent.error(IMPLICIT_WRITE)), (0b000, 0b010));
}

#[test]
fn mmu_084_supervisor_reads() {
    assert!(private().allows(SUPER_READ));
    assert!(shared().allows(SUPER_READ));
    assert!(!Path::open().allows(SUPER_READ), "SMAP");
    assert!(Path::open().under(with_ac).allows(SUPER_READ), "SMAP, AC");
}

#[test]
fn mmu_085_supervisor_writes_without_wp_ignore_r_w() {
    for toggled in [0, RW] {
        assert!(private().toggle(PTE, toggled).under(without_wp).allows(SUPER_WRITE));
        assert!(shared().toggle(PDE, toggled).under(without_wp).allows(SUPER_WRITE));
        let smap = Path::open().toggle(PTE, toggled).under(without_wp);
        assert!(!smap.allows(SUPER_WRITE));
        assert!(smap.under(with_ac).allows(SUPER_WRITE));
    }
}

#[test]
fn mmu_086_supervisor_writes_with_wp_need_r_w() {
    assert!(private().allows(SUPER_WRITE) && shared().allows(SUPER_WRITE));
    for level in LEVELS {
        assert!(!private().toggle(level, RW).allows(SUPER_WRITE));
        assert!(!shared().toggle(level, RW).allows(SUPER_WRITE));
        assert!(!Path::open().toggle(level, RW).under(with_ac).allows(SUPER_WRITE));
    }
    assert!(!Path::open().allows(SUPER_WRITE), "SMAP");
    assert!(Path::open().under(with_ac).allows(SUPER_WRITE));
}

#[test]
fn mmu_087_supervisor_fetches() {
    assert!(private().allows(SUPER_FETCH));
    assert!(!private().toggle(PDE, XD).allows(SUPER_FETCH));
    assert!(shared().allows(SUPER_FETCH));
    assert!(!Path::open().under(with_ac).allows(SUPER_FETCH), "AC does not open SMEP");
    let smap_only = Path::open().under(|c| c.regs.cr4.remove(Cr4::SMEP));
    assert!(smap_only.allows(SUPER_FETCH), "SMAP does not concern fetches");
    let smep_only = Path::open().under(|c| c.regs.cr4.remove(Cr4::SMAP));
    assert!(smep_only.allows(SUPER_READ) && smep_only.allows(SUPER_WRITE), "SMEP does not concern data");
}

#[test]
fn mmu_088_user_accesses() {
    for wp in [true, false] {
        let under = |path: Path| path.under(|c| c.regs.cr0.set(Cr0::WP, wp));
        assert_eq!(USER.map(|a| under(Path::open()).allows(a)), [true; 3]);
        assert_eq!(USER.map(|a| under(Path::open().toggle(PTE, RW)).allows(a)), [true, false, true]);
        assert_eq!(USER.map(|a| under(Path::open().toggle(PTE, XD)).allows(a)), [true, true, false]);
        assert_eq!(USER.map(|a| under(Path::open().toggle(PTE, RW | XD)).allows(a)), [true, false, false]);
        for rest in [0, RW, XD, RW | XD] {
            assert_eq!(USER.map(|a| under(private().toggle(PTE, rest)).allows(a)), [false; 3]);
        }
    }
}

#[test]
fn mmu_089_every_user_page_is_readable() {
    for rest in [0, RW, XD, RW | XD] {
        assert!(shared().toggle(PTE, rest).allows(USER_READ));
        assert!(shared().toggle(PTE, rest).allows(SUPER_READ));
    }
    assert!(!shared().toggle(PTE, RW).allows(USER_WRITE) && shared().toggle(PTE, RW).allows(USER_FETCH));
}

#[test]
fn mmu_090_ac_does_not_open_smap_to_implicit_accesses() {
    for path in [Path::open(), Path::open().under(with_ac)] {
        assert!(!path.allows(IMPLICIT_READ) && !path.allows(IMPLICIT_WRITE));
    }
    assert!(shared().allows(IMPLICIT_READ) && shared().allows(IMPLICIT_WRITE));
}

#[test]
fn mmu_100_page_size_has_no_effect_on_rights() {
    for (path, leaf) in [(Path::open(), PTE), (Path::large_2m(), PDE), (Path::large_1g(), PDPTE)] {
        for toggled in [0, RW, US, XD, RW | US, RW | XD, US | XD, RW | US | XD] {
            for level in PML4E..=leaf {
                for access in EVERY_ACCESS {
                    let small = Path::open().toggle(PTE, toggled);
                    assert_eq!(path.clone().toggle(level, toggled).allows(access), small.allows(access));
                }
            }
        }
    }
    // And without NXE no entry may have XD, of whatever size (MMU-064).
    assert_eq!(Path::large_2m().toggle(PDE, XD).under(|c| c.regs.efer.remove(Efer::NXE)).error(USER_FETCH), 0b11101);
}
