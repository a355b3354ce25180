//! Section D: reserved bits.

use crate::tables::{
    A, D, EVERY_ACCESS, G, P, PDE, PDPTE, PML4E, PS, PTE, Path, RSVD, RW, SUPERVISOR, US, USER, USER_FETCH, USER_READ,
    USER_WRITE, XD,
};
use arch::{Access, Efer, PhysAddrWidth};

/// Error-code bits of a reserved-bit fault.
const P_RSVD: u32 = 0b01001;

/// The bits of the error code that describe an access, with NXE=1.
fn description(access: Access) -> u32 {
    (access.is_write() as u32) << 1 | (access.is_user() as u32) << 2 | (access.is_fetch() as u32) << 4
}

#[test]
fn mmu_060_every_present_entry_is_checked() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        let path = Path::open().toggle(entry, RSVD);
        for access in EVERY_ACCESS {
            assert_eq!(path.error(access), P_RSVD | description(access), "entry {entry}");
        }
    }
}

#[test]
fn mmu_060_the_first_offending_entry_ends_the_walk() {
    for first in [PML4E, PDPTE, PDE] {
        let path = Path::open().toggle(first, RSVD).toggle(first + 1, P);
        assert_eq!(path.error(USER_READ), P_RSVD | 4);
        // Nothing below was used: had it been, A would be set in the entries between.
        let after = path.access(USER_READ).after;
        assert_eq!(after[first..], path.entries[first..]);
    }
}

#[test]
fn mmu_061_not_present_wins_within_an_entry() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        let path = Path::open().toggle(entry, P | RSVD | XD | 0x3f_e080);
        assert_eq!(path.error(USER_READ), 0b00100);
    }
}

#[test]
fn mmu_062_the_upper_entry_hides_the_lower() {
    for upper in [PML4E, PDPTE, PDE] {
        for lower in upper + 1..=PTE {
            let reserved_above = Path::open().toggle(upper, RSVD).toggle(lower, P);
            assert_eq!(reserved_above.error(USER_WRITE), P_RSVD | 0b110);
            let absent_above = Path::open().toggle(upper, P).toggle(lower, RSVD);
            assert_eq!(absent_above.error(USER_WRITE), 0b110);
        }
    }
}

#[test]
fn mmu_063_bits_from_m_up_to_51_are_reserved() {
    for m in 36..=52 {
        for bit in 36..52 {
            for entry in [PML4E, PDPTE, PDE, PTE] {
                let path = Path::open().toggle(entry, 1 << bit).under(|c| c.width = PhysAddrWidth::new(m).unwrap());
                let reserved = path.access(USER_READ).result.is_err_and(|f| f.code.bits() == P_RSVD | 4);
                let expected = bit >= u32::from(m);
                if entry == PTE {
                    assert_eq!(reserved, expected, "bit {bit} of the PTE with M={m}");
                } else {
                    // An address bit leads to a table beyond memory, which reads all ones.
                    assert!(reserved || !expected, "bit {bit} of entry {entry} with M={m}");
                }
            }
        }
    }
}

#[test]
fn mmu_064_xd_is_reserved_without_nxe() {
    for (path, entries) in
        [(Path::open(), &[PML4E, PDPTE, PDE, PTE][..]), (Path::large_2m(), &[PDE]), (Path::large_1g(), &[PDPTE])]
    {
        for &entry in entries {
            let path = path.clone().toggle(entry, XD).under(|c| c.regs.efer.remove(Efer::NXE));
            for access in USER.into_iter().chain(SUPERVISOR) {
                // I/D is still reported: SMEP is on (MMU-131).
                assert_eq!(path.error(access), P_RSVD | description(access), "entry {entry}");
            }
        }
    }
}

#[test]
fn mmu_065_low_bits_are_reserved_only_in_a_large_leaf() {
    for bit in 13..21 {
        assert_eq!(Path::large_2m().toggle(PDE, 1 << bit).error(USER_READ), P_RSVD | 4, "bit {bit}");
    }
    for bit in 13..30 {
        assert_eq!(Path::large_1g().toggle(PDPTE, 1 << bit).error(USER_READ), P_RSVD | 4, "bit {bit}");
    }
    // In an entry that references a table they are address bits.
    let path = Path::open();
    assert_eq!(path.entries[PDE] & 0x1f_e000, 0x4000);
    assert!(path.access(USER_READ).result.is_ok());
}

#[test]
fn mmu_066_reserved_implies_present() {
    for (path, entries) in
        [(Path::open(), &[PML4E, PDPTE, PDE, PTE][..]), (Path::large_2m(), &[PDE]), (Path::large_1g(), &[PDPTE])]
    {
        for &entry in entries {
            for access in EVERY_ACCESS {
                assert_eq!(path.clone().toggle(entry, RSVD).error(access) & P_RSVD, P_RSVD);
            }
        }
    }
}

#[test]
fn mmu_067_reserved_outranks_rights() {
    for (entry, denied) in [(PML4E, US), (PDE, RW), (PTE, XD), (PDPTE, US | RW), (PTE, RW | US | XD)] {
        let path = Path::open().toggle(entry, denied).toggle(PTE, RSVD);
        for access in EVERY_ACCESS {
            assert_eq!(path.error(access), P_RSVD | description(access));
        }
    }
}

#[test]
fn mmu_068_ignored_bits_never_fault_and_stay() {
    const SOFTWARE: u64 = 0x7ff0_0000_0000_0e00; // 62:52 and 11:9
    let mut path = Path::open();
    path.entries.iter_mut().for_each(|e| *e |= SOFTWARE);
    for entry in [PML4E, PDPTE, PDE] {
        path.entries[entry] |= D | G; // neither means anything in an entry that references a table
    }
    let outcome = path.access(USER_WRITE);
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.after, std::array::from_fn(|i| path.entries[i] | A | if i == PTE { D } else { 0 }));
}

#[test]
fn mmu_069_only_a_and_d_are_written_and_only_set() {
    let paths = [Path::open(), Path::large_2m(), Path::large_1g()];
    for path in paths {
        for toggled in [0, P, RW, US, A, D, PS, G, RSVD, XD, 0xe00, 0x7ff << 52] {
            for entry in [PML4E, PDPTE, PDE, PTE] {
                let path = path.clone().toggle(entry, toggled);
                for access in EVERY_ACCESS {
                    let after = path.access(access).after;
                    for (before, after) in path.entries.iter().zip(after) {
                        assert_eq!((before ^ after) & !(A | D), 0);
                        assert_eq!(before & !after, 0);
                    }
                }
            }
        }
    }
}

#[test]
fn mmu_020_an_absent_entry_is_the_kernels_to_use() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        let mut path = Path::open();
        path.entries[entry] = !P;
        assert_eq!(path.error(USER_FETCH), 0b10100);
        assert_eq!(path.access(USER_FETCH).after[entry], !P);
    }
}
