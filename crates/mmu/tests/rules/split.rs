//! Section I: accesses that cross a page, and what they do to A and D.

use crate::guest::{A, D, Guest, Notes, OPEN, P, RSVD, RW, US, XD};
use arch::{LinearAddr, PhysAddr};
use paging::{NoModel, PhysMem};

const LOW: u64 = 0x40_0000;
const HIGH: u64 = 0x40_1000;
/// The frames are not adjacent, and the higher page has the lower one.
const LOW_FRAME: u64 = 0x30_0000;
const HIGH_FRAME: u64 = 0x10_0000;

/// The states of a page, with the bits of a user write's error code that they give; 0b100 is U/S, 0b010 is W/R.
const STATES: [(u64, Option<u32>); 7] = [
    (OPEN, None),
    (OPEN | XD, None),
    (0, Some(0b0110)),
    (P | US, Some(0b0111)),
    (P | RW, Some(0b0111)),
    (OPEN | RSVD, Some(0b1111)),
    (RSVD | RW, Some(0b0110)),
];

/// A guest with both pages in a state.
fn guest<H: paging::HardwareModel + Default>(low: u64, high: u64) -> Guest<H> {
    let mut guest = Guest::new();
    guest.map(LOW, LOW_FRAME | low);
    guest.map(HIGH, HIGH_FRAME | high);
    guest
}

/// Every way of writing `N` bytes (2 to 16) at `la`: the results in a fresh guest each.
fn each_write(low: u64, high: u64, la: u64, check: impl Fn(&mut Guest, Result<(), mmu::Fault>, usize)) {
    let la = LinearAddr(la);
    macro_rules! sized {
        ($($t:ty)*) => {$(
            let mut g = guest(low, high);
            let result = g.mmu.store(la, <$t>::MAX);
            check(&mut g, result, size_of::<$t>());
            let mut g = guest(low, high);
            let result = g.mmu.load_for_write::<$t>(la).map(drop);
            check(&mut g, result, 0);
        )*};
    }
    sized!(u16 u32 u64 u128);
    for len in [2, 5, 32, 64] {
        let mut g = guest(low, high);
        let result = g.mmu.store_bytes(la, &vec![0xff; len]);
        check(&mut g, result, len);
        let mut g = guest(low, high);
        let result = g.mmu.check_write(la, len);
        check(&mut g, result, 0);
    }
}

#[test]
fn mmu_170_the_low_page_decides_first() {
    for (low, code) in STATES.iter().filter_map(|s| s.1.map(|code| (s.0, code))) {
        for (high, _) in STATES {
            each_write(low, high, HIGH - 1, |g, result, _| {
                assert_eq!(g.page_fault(result), (HIGH - 1, code), "{low:#x} {high:#x}");
            });
        }
    }
}

#[test]
fn mmu_171_a_fault_in_the_high_page_names_its_first_byte() {
    for low in [OPEN, OPEN | XD] {
        for (high, code) in STATES.iter().filter_map(|s| s.1.map(|code| (s.0, code))) {
            each_write(low, high, HIGH - 1, |g, result, _| {
                assert_eq!(g.page_fault(result), (HIGH, code), "{low:#x} {high:#x}");
            });
        }
    }
    let mut g = guest::<NoModel>(P | US, 0);
    for offset in 1..8 {
        let read = g.mmu.load::<u64>(LinearAddr(HIGH - offset));
        assert_eq!(g.page_fault(read), (HIGH, 0b100));
    }
}

#[test]
fn mmu_172_a_read_modify_write_is_a_write_in_both_pages() {
    let mut g = guest::<NoModel>(P | US, 0);
    let rmw = g.mmu.load_for_write::<u32>(LinearAddr(HIGH - 2));
    assert_eq!(g.page_fault(rmw), (HIGH - 2, 0b111));
    let mut g = guest::<NoModel>(OPEN, P | US);
    let rmw = g.mmu.load_for_write::<u32>(LinearAddr(HIGH - 2));
    assert_eq!(g.page_fault(rmw), (HIGH, 0b111));
}

#[test]
fn mmu_173_a_faulting_split_store_writes_no_byte() {
    for (low, high) in STATES.iter().flat_map(|l| STATES.iter().map(move |h| (l, h))) {
        each_write(low.0, high.0, HIGH - 1, |g, result, written| {
            assert_eq!(result.is_ok(), low.1.is_none() && high.1.is_none());
            let written = if result.is_ok() { written } else { 0 };
            let low = g.ram::<4096>(LOW_FRAME);
            let high = g.ram::<4096>(HIGH_FRAME);
            let count = |page: &[u8]| page.iter().filter(|&&b| b != 0).count();
            assert_eq!((count(&low), count(&high)), (written.min(1), written.saturating_sub(1)));
            assert_eq!((low[4095] != 0, high[0] != 0), (written > 0, written > 0));
        });
    }
}

#[test]
fn mmu_173_nothing_is_written_though_the_low_page_is_known() {
    let mut g = guest::<NoModel>(OPEN, 0);
    g.mmu.store(LinearAddr(LOW), 7_u64).unwrap();
    let stored = g.mmu.store(LinearAddr(HIGH - 4), u64::MAX);
    assert_eq!(g.page_fault(stored), (HIGH, 0b110));
    assert_eq!(g.ram(LOW_FRAME + 0xff8), [0; 8]);
}

#[test]
fn mmu_174_each_piece_has_its_own_translation() {
    let mut g = guest::<Notes>(OPEN, OPEN);
    g.mmu.store(LinearAddr(HIGH - 3), 0x0807_0605_0403_0201_u64).unwrap();
    assert_eq!(g.mmu.model.lookups, [LinearAddr(HIGH - 3), LinearAddr(HIGH)]);
    let pieces = [(HIGH - 3, LOW_FRAME + 0xffd, 3), (HIGH, HIGH_FRAME, 5)];
    assert_eq!(g.mmu.model.stores, pieces.map(|(la, pa, size)| (LinearAddr(la), PhysAddr(pa), size)));
    assert_eq!((g.ram(LOW_FRAME + 0xffd), g.ram(HIGH_FRAME)), ([1, 2, 3], [4, 5, 6, 7, 8]));
    assert_eq!(g.mmu.load::<u64>(LinearAddr(HIGH - 3)), Ok(0x0807_0605_0403_0201));
    let mut bytes = [0; 8];
    g.mmu.load_bytes(LinearAddr(HIGH - 3), &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(g.mmu.load_for_write::<u16>(LinearAddr(HIGH - 1)), Ok(0x0403));
}

#[test]
fn mmu_175_a_misaligned_access_within_a_page_uses_one_translation() {
    for offset in [1, 61, 63, 0x7ff, 0xff8 - 8, 0xff7, 0xff8] {
        let mut g = guest::<Notes>(OPEN, 0);
        g.mmu.store(LinearAddr(LOW + offset), u64::MAX).unwrap();
        assert_eq!(g.mmu.model.lookups.len(), 1);
        assert_eq!(g.ram(LOW_FRAME + offset), [0xff; 8]);
    }
    // The byte after would be the other page's.
    let mut g = guest::<Notes>(OPEN, 0);
    assert!(g.mmu.store(LinearAddr(LOW + 0xff9), u64::MAX).is_err());
    assert_eq!(g.mmu.model.lookups.len(), 2);
}

#[test]
fn mmu_176_an_access_wraps_from_the_last_page_to_page_0() {
    const TOP: u64 = 0xffff_ffff_ffff_f000;
    let mut g = Guest::<NoModel>::new();
    let la = LinearAddr(u64::MAX - 2);
    let stored = g.mmu.store(la, u64::MAX);
    assert_eq!(g.page_fault(stored), (la.0, 0b110), "the numerically high page comes first");
    g.map(TOP, LOW_FRAME | OPEN);
    let stored = g.mmu.store(la, u64::MAX);
    assert_eq!(g.page_fault(stored), (0, 0b110));
    g.map(0, HIGH_FRAME | OPEN);
    g.mmu.store(la, 0x0807_0605_0403_0201_u64).unwrap();
    assert_eq!((g.ram(LOW_FRAME + 0xffd), g.ram(HIGH_FRAME)), ([1, 2, 3], [4, 5, 6, 7, 8]));
    assert_eq!(g.mmu.load::<u64>(la), Ok(0x0807_0605_0403_0201));
}

#[test]
fn mmu_120_a_split_store_that_faults_in_page_2_dirties_page_1() {
    for (high, _) in STATES.iter().filter(|s| s.1.is_some()) {
        each_write(OPEN, *high, HIGH - 1, |g, result, _| {
            assert!(result.is_err());
            assert_eq!(g.pte(LOW) & (A | D), A | D);
            assert_eq!(g.pte(HIGH), HIGH_FRAME | high);
        });
    }
    let mut g = guest::<NoModel>(OPEN, 0);
    assert!(g.mmu.load::<u64>(LinearAddr(HIGH - 1)).is_err());
    assert_eq!(g.pte(LOW) & (A | D), A, "a load sets A alone");
}

#[test]
fn mmu_121_a_fault_in_page_1_leaves_page_2() {
    for (low, _) in STATES.iter().filter(|s| s.1.is_some()) {
        each_write(*low, OPEN, HIGH - 1, |g, result, _| {
            assert!(result.is_err());
            assert_eq!((g.pte(LOW), g.pte(HIGH)), (LOW_FRAME | low, HIGH_FRAME | OPEN));
        });
    }
}

#[test]
fn mmu_123_a_split_store_may_write_the_entry_that_maps_its_second_page() {
    // Page 1 is the page table itself; its last bytes are the PTE of an address that the store does not use.
    let mut g = Guest::<NoModel>::new();
    let (first, second) = (0x5f_f000, 0x60_0000);
    let table = g.place(first, arch::Level::Pt);
    g.map(first, table.0 & !0xfff | OPEN);
    g.map(second, HIGH_FRAME | OPEN);
    assert_eq!(table.0 & 0xfff, 0xff8, "the PTE of the first page is the last of its table");
    g.mmu.store(LinearAddr(second - 4), u64::from(u32::MAX)).unwrap();
    let pte = g.mmu.bus.load_entry(table);
    assert_eq!(pte >> 32, 0xffff_ffff, "the data came after the flags");
    assert_eq!(pte & (A | D), A | D);
}
