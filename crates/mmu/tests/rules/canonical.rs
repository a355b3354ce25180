//! Section H: canonicality and the order of checks.

use crate::guest::{A, Guest, OPEN, P, RSVD, RW, US};
use arch::{LinearAddr, Pfn};
use mmu::{AlignmentCheck, Fault, MemFault, Mmu};
use paging::NoModel;

const LAST: u64 = 0x7fff_ffff_f000;

fn not_canonical<T: std::fmt::Debug>(guest: &Guest, result: Result<T, Fault>) {
    assert!(result.is_err(), "{result:?}");
    assert_eq!(guest.mmu.fault, MemFault::NonCanonical);
}

#[test]
fn mmu_150_a_non_canonical_address_is_not_walked() {
    let mut guest = Guest::<NoModel>::new();
    // Were bits 63:48 dropped, both would be mapped.
    for alias in [0x7fff_ffff_0000, 0xffff_8000_0000_0000_u64] {
        guest.map(alias, 0x10_0000 | OPEN);
    }
    for la in [0x8000_0000_0000, 0xffff_7fff_ffff_0000, 0x1234_7fff_ffff_0000].map(LinearAddr) {
        let read = guest.mmu.load::<u8>(la);
        not_canonical(&guest, read);
        let written = guest.mmu.store(la, 1_u8);
        not_canonical(&guest, written);
        let intent = guest.mmu.load_for_write::<u8>(la);
        not_canonical(&guest, intent);
        let fetched = guest.mmu.fetch_frame(la);
        not_canonical(&guest, fetched);
    }
    assert_eq!(guest.pte(0x7fff_ffff_0000) & A, 0);
    assert_eq!(guest.pte(0xffff_8000_0000_0000) & A, 0);
}

#[test]
fn mmu_151_the_whole_operand_is_checked_before_any_page() {
    let mut guest = Guest::<NoModel>::new();
    for pte in [0, 0x10_0000 | OPEN, 0x10_0000 | P | US] {
        guest.map(LAST, pte);
        let la = LinearAddr(0x7fff_ffff_fffc);
        let read = guest.mmu.load::<u64>(la);
        not_canonical(&guest, read);
        let written = guest.mmu.store(la, 1_u64);
        not_canonical(&guest, written);
        let checked = guest.mmu.check_write(la, 5);
        not_canonical(&guest, checked);
        let bytes = guest.mmu.store_bytes(la, &[1; 5]);
        not_canonical(&guest, bytes);
        assert_eq!(guest.pte(LAST), pte, "no page was walked");
    }
    guest.map(LAST, 0x10_0000 | OPEN);
    assert_eq!(guest.mmu.load::<u32>(LinearAddr(0x7fff_ffff_fffc)), Ok(0), "the last four bytes are canonical");
    // Now the page is known to the fast table: no difference.
    let read = guest.mmu.load::<u64>(LinearAddr(0x7fff_ffff_fffc));
    not_canonical(&guest, read);
    let below = guest.mmu.load::<u64>(LinearAddr(0xffff_7fff_ffff_fffc));
    not_canonical(&guest, below);
}

/// An access of 8 bytes.
type Access = fn(&mut Mmu<NoModel>, LinearAddr) -> Result<(), Fault>;

#[test]
fn mmu_159_alignment_comes_after_the_first_byte_and_before_all_else() {
    let mut guest = Guest::<NoModel>::new();
    guest.map(LAST, 0);
    let ac = guest.mmu.context().regs.cr0 | arch::Cr0::AM;
    guest.mmu.write_cr0(ac.bits()).unwrap();
    guest.mmu.set_alignment_check(AlignmentCheck::Set);
    let mut fault = |la: u64, access: Access| {
        assert!(access(&mut guest.mmu, LinearAddr(la)).is_err());
        match guest.mmu.fault {
            MemFault::Page(fault) => Some(fault.cr2.0),
            MemFault::Misaligned => None,
            MemFault::NonCanonical => Some(u64::MAX),
        }
    };
    let accesses: [Access; 3] = [
        |mmu, la| mmu.load::<u64>(la).map(drop),
        |mmu, la| mmu.store(la, 1_u64),
        |mmu, la| mmu.load_for_write::<u64>(la).map(drop),
    ];
    for access in accesses {
        assert_eq!(fault(0x8000_0000_0001, access), Some(u64::MAX), "the first byte is not canonical");
        assert_eq!(fault(0x7fff_ffff_fffc, access), None, "the first byte is, the last is not");
        assert_eq!(fault(0x7fff_ffff_fff4, access), None, "before the page");
        assert_eq!(fault(0x7fff_ffff_fff8, access), Some(0x7fff_ffff_fff8), "aligned");
    }
    // Lanes of vectors need no alignment.
    let lanes: [Access; 2] = [|mmu, la| mmu.load_lane::<u64>(la).map(drop), |mmu, la| mmu.store_lane(la, 1_u64)];
    for lane in lanes {
        assert_eq!(fault(0x7fff_ffff_fffc, lane), Some(u64::MAX));
        assert_eq!(fault(0x7fff_ffff_fff4, lane), Some(0x7fff_ffff_fff4));
    }
}

#[test]
fn mmu_154_a_fetch_translates_only_the_page_asked_for() {
    let mut guest = Guest::<NoModel>::new();
    guest.map(0x40_0000, 0x10_0000 | P | US);
    guest.map(0x40_1000, 0x10_1000 | P | US);
    assert_eq!(guest.mmu.fetch_frame(LinearAddr(0x40_0fff)), Ok(Pfn(0x100)));
    assert_eq!(guest.pte(0x40_1000) & A, 0, "the next page is another fetch");
    assert_eq!(guest.mmu.fetch_frame(LinearAddr(0x40_1000)), Ok(Pfn(0x101)));
    assert_eq!(guest.pte(0x40_1000) & A, A);
}

#[test]
fn mmu_156_a_fetch_fault_in_the_second_page_names_its_start() {
    let mut guest = Guest::<NoModel>::new();
    guest.map(0x40_0000, 0x10_0000 | P | US);
    assert!(guest.mmu.fetch_frame(LinearAddr(0x40_0ffe)).is_ok());
    let fetched = guest.mmu.fetch_frame(LinearAddr(0x40_1000));
    assert_eq!(guest.page_fault(fetched), (0x40_1000, 0b10100));
}

#[test]
fn mmu_160_the_order_of_checks() {
    let mut guest = Guest::<NoModel>::new();
    let la = LinearAddr(0x40_0ffd);
    // Page 1 as given, page 2 as given; the error code of an 8-byte user store and the page it names.
    let cases = [
        (0, 0x10_0000 | P | US | RSVD, 0x40_0ffd, 0b0110),
        (0x10_0000 | P | US | RSVD, 0, 0x40_0ffd, 0b1111),
        (0x10_0000 | P | RSVD, 0, 0x40_0ffd, 0b1111),
        (0x10_0000 | P | US, 0, 0x40_0ffd, 0b0111),
        (0x10_0000 | P | RW, 0x10_1000 | OPEN, 0x40_0ffd, 0b0111),
        (0x10_0000 | OPEN, 0, 0x40_1000, 0b0110),
        (0x10_0000 | OPEN, 0x10_1000 | RW | P | RSVD, 0x40_1000, 0b1111),
        (0x10_0000 | OPEN, 0x10_1000 | RW | P, 0x40_1000, 0b0111),
    ];
    for (low, high, cr2, code) in cases {
        guest.map(0x40_0000, low);
        guest.map(0x40_1000, high);
        guest.mmu.invlpg(LinearAddr(0x40_0000));
        guest.mmu.invlpg(LinearAddr(0x40_1000));
        let stored = guest.mmu.store(la, u64::MAX);
        assert_eq!(guest.page_fault(stored), (cr2, code), "{low:#x} {high:#x}");
        assert_eq!(guest.ram(0x10_0ff8), [0; 8], "data comes last");
    }
}
