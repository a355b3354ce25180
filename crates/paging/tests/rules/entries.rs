//! Section C: the formats of the entries, bit by bit, as the SDM's tables draw them.

use crate::tables::{D, G, LA, P, PDE, PDPTE, PML4E, PS, PTE, Path, RW, US, USER, USER_FETCH, USER_READ, USER_WRITE};
use arch::{Access, Cr4, LinearAddr, PageFaultCode, PageSize, PhysAddr, PhysAddrWidth, Vendor};
use paging::{GigabytePages, PagingContext, Step, Translation, Walk};
use std::ops::RangeInclusive;

/// What toggling a bit of an entry changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// The entry is not present.
    Present,
    /// Writes are denied.
    Writable,
    /// User accesses are denied.
    User,
    /// Fetches are denied.
    NoExecute,
    /// The translation is known as dirty.
    Dirty,
    /// The translation is global.
    Global,
    /// The next table, or the page, lies elsewhere.
    Address,
    /// The page has another memory type.
    MemoryType,
    /// The page has another protection key.
    Key,
    /// The entry maps a page, or no longer does.
    Size,
    /// A reserved-bit fault.
    Reserved,
    /// Nothing that a translation shows.
    Ignored,
}
use Meaning::{Address, Dirty, Global, Ignored, Key, MemoryType, NoExecute, Present, Reserved, Size, User, Writable};

/// Feeds the entries to a walk, wherever it looks for them; gives where it looked and how it ended.
fn drive(path: &Path, access: Access) -> (Vec<PhysAddr>, Result<Translation, PageFaultCode>) {
    let mut walk = Walk::start(&path.ctx, LA, access);
    let mut step = walk.first();
    let mut looked = Vec::new();
    loop {
        match step {
            Step::Load(pa) => {
                step = walk.step(path.entries[looked.len()]);
                looked.push(pa);
            }
            Step::Done(translation) => return (looked, Ok(translation)),
            Step::Fault(fault, _) => return (looked, Err(fault.code)),
        }
    }
}

fn meaning(path: &Path, entry: usize, bit: u32) -> Meaning {
    let toggled = path.clone().toggle(entry, 1 << bit);
    let (before, plain) = drive(path, USER_READ);
    let plain = plain.expect("the path is open");
    let (looked, read) = drive(&toggled, USER_READ);
    let denied = |access| drive(&toggled, access).1.is_err();
    match read {
        Err(code) if code.contains(PageFaultCode::RSVD) => {
            assert!(USER.iter().all(|&a| drive(&toggled, a).1.is_err_and(|c| c.contains(PageFaultCode::RSVD))));
            Reserved
        }
        Err(code) if !code.contains(PageFaultCode::P) => Present,
        Err(_) => User,
        Ok(_) if denied(USER_WRITE) => Writable,
        Ok(_) if denied(USER_FETCH) => NoExecute,
        Ok(_) if looked.len() != before.len() => Size,
        Ok(t) if looked != before || t.frame != plain.frame => Address,
        Ok(t) if t.dirty != plain.dirty => Dirty,
        Ok(t) if t.global != plain.global => Global,
        Ok(t) if t.rights.key != plain.rights.key => Key,
        Ok(t) if t.pat != plain.pat => MemoryType,
        Ok(t) => {
            assert_eq!(t, plain);
            Ignored
        }
    }
}

/// Checks every bit of an entry against the SDM's drawing of it, for several MAXPHYADDR. `layout` is told M.
fn check(path: &Path, entry: usize, layout: impl Fn(u32) -> Vec<(RangeInclusive<u32>, Meaning)>) {
    for m in [36, 40, 46, 51, 52] {
        let mut path = path.clone();
        path.ctx.width = PhysAddrWidth::new(m).unwrap();
        let mut bits = 0..64;
        for (range, expected) in layout(u32::from(m)) {
            for bit in range {
                assert_eq!(bits.next(), Some(bit), "the drawing has a gap");
                assert_eq!(meaning(&path, entry, bit), expected, "bit {bit} with M={m}");
            }
        }
        assert_eq!(bits.next(), None);
    }
}

/// Tables and page at 1 GiB, so that an entry stays valid when its PS is toggled.
fn aligned(leaf: usize) -> Path {
    let mut path = Path::open();
    path.entries = [1 << 30 | P | RW | US; 4];
    if leaf != PTE {
        path.entries[leaf] |= PS;
    }
    path
}

/// An entry that references a table: bit 7 differs by level.
fn table_entry(bit_7: Meaning) -> impl Fn(u32) -> Vec<(RangeInclusive<u32>, Meaning)> {
    move |m| {
        vec![
            (0..=0, Present),
            (1..=1, Writable),
            (2..=2, User),
            (3..=6, Ignored),
            (7..=7, bit_7),
            (8..=11, Ignored),
            (12..=m - 1, Address),
            (m..=51, Reserved),
            (52..=62, Ignored),
            (63..=63, NoExecute),
        ]
    }
}

/// An entry that maps a page of `1 << shift` bytes, larger than 4 KiB.
fn large_entry(shift: u32) -> impl Fn(u32) -> Vec<(RangeInclusive<u32>, Meaning)> {
    move |m| {
        vec![
            (0..=0, Present),
            (1..=1, Writable),
            (2..=2, User),
            (3..=4, MemoryType),
            (5..=5, Ignored),
            (6..=6, Dirty),
            (7..=7, Size),
            (8..=8, Global),
            (9..=11, Ignored),
            (12..=12, MemoryType),
            (13..=shift - 1, Reserved),
            (shift..=m - 1, Address),
            (m..=51, Reserved),
            (52..=58, Ignored),
            (59..=62, Key),
            (63..=63, NoExecute),
        ]
    }
}

#[test]
fn mmu_040_pml4e() {
    check(&aligned(PTE), PML4E, table_entry(Reserved));
}

#[test]
fn mmu_041_pdpte_of_a_directory() {
    check(&aligned(PTE), PDPTE, table_entry(Size));
}

#[test]
fn mmu_042_pdpte_of_a_1g_page() {
    check(&aligned(PDPTE), PDPTE, large_entry(30));
}

#[test]
fn mmu_043_ps_of_a_pdpte_is_reserved_without_1g_pages() {
    let absent = |ctx: &mut PagingContext| ctx.gigabyte_pages = GigabytePages::Absent;
    check(&aligned(PTE).under(absent), PDPTE, table_entry(Reserved));
    let page = Path::large_1g().under(absent);
    assert_eq!(USER.map(|a| page.error(a)), [0b01101, 0b01111, 0b11101]);
}

#[test]
fn mmu_044_pde_of_a_table() {
    check(&aligned(PTE), PDE, table_entry(Size));
}

#[test]
fn mmu_045_pde_of_a_2m_page() {
    check(&aligned(PDE), PDE, large_entry(21));
}

#[test]
fn mmu_046_pte() {
    check(&aligned(PTE), PTE, |m| {
        vec![
            (0..=0, Present),
            (1..=1, Writable),
            (2..=2, User),
            (3..=4, MemoryType),
            (5..=5, Ignored),
            (6..=6, Dirty),
            (7..=7, MemoryType),
            (8..=8, Global),
            (9..=11, Ignored),
            (12..=m - 1, Address),
            (m..=51, Reserved),
            (52..=58, Ignored),
            (59..=62, Key),
            (63..=63, NoExecute),
        ]
    });
}

#[test]
fn mmu_047_keys_of_a_table_entry_are_ignored_with_pke() {
    for entry in [PML4E, PDPTE, PDE] {
        let path = aligned(PTE).under(|ctx| ctx.regs.cr4 |= Cr4::PKE);
        for key in 59..=62 {
            assert_eq!(meaning(&path, entry, key), Ignored);
        }
    }
}

#[test]
fn mmu_048_amd_reserves_bit_8_of_a_pml4e() {
    for (vendor, expected) in [(Vendor::Intel, Ignored), (Vendor::Amd, Reserved)] {
        let path = aligned(PTE).under(|ctx| ctx.vendor = vendor);
        assert_eq!(meaning(&path, PML4E, 8), expected);
        assert_eq!(meaning(&path, PDPTE, 8), Ignored);
        assert_eq!(meaning(&path, PTE, 8), Global);
    }
}

#[test]
fn mmu_049_a_large_page_takes_its_low_bits_from_the_address() {
    let la = LinearAddr(0xffff_8123_4567_89ab);
    let cases = [
        (aligned(PTE), 0x4000_0000, PageSize::Size4K, 0x4000_09ab),
        (aligned(PDE), 0x4060_0000, PageSize::Size2M, 0x4067_89ab),
        (aligned(PDPTE), 0x8000_0000, PageSize::Size1G, 0x8567_89ab),
    ];
    for (mut path, frame, size, expected) in cases {
        let leaf = path.entries.iter().position(|e| e & PS != 0).unwrap_or(PTE);
        path.entries[leaf] = path.entries[leaf] & 0xfff | frame;
        for pat in [0, 1 << 12] {
            if size != PageSize::Size4K {
                path.entries[leaf] ^= pat;
            }
            let mut walk = Walk::start(&path.ctx, la, USER_READ);
            let _ = walk.first();
            let translation = path.entries.iter().find_map(|&e| match walk.step(e) {
                Step::Done(translation) => Some(translation),
                _ => None,
            });
            let translation = translation.expect("the path is open");
            assert_eq!(translation.apply(la), PhysAddr(expected), "PAT {pat:#x}");
            assert_eq!(translation.size, size);
        }
    }
}

#[test]
fn mmu_009_g_has_meaning_only_with_pge() {
    for path in [Path::open().toggle(PTE, G | D), Path::large_2m().toggle(PDE, G), Path::large_1g().toggle(PDPTE, G)] {
        assert!(path.access(USER_READ).result.unwrap().global);
        let path = path.under(|ctx| ctx.regs.cr4.remove(Cr4::PGE));
        assert!(!path.access(USER_READ).result.unwrap().global);
    }
}
