//! mremap: what moves, what it costs, and what Linux refuses.

use crate::Errno::{self, EFAULT, EINVAL, ENOMEM, EPERM};
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{MapFlags, MmLimits, MremapFlags, Prot};
use arch::{AccessKind, LinearAddr};

const AT: u64 = 0x10_0000;
const MAYMOVE: u64 = 1;
const TO: u64 = 3;
const DONTUNMAP: u64 = 5;

fn mremap(guest: &mut Guest, old: u64, old_len: u64, new_len: u64, flags: u64, new: u64) -> Result<u64, Errno> {
    let flags = MremapFlags::from_bits_retain(flags);
    guest.run(|mm, cx| mm.mremap(cx, LinearAddr(old), old_len, new_len, flags, LinearAddr(new))).map(|la| la.0)
}

#[test]
fn mremap_answers_as_linux() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, PAGE, RW, ANON).unwrap();
    for (old, old_len, new_len, flags, new, expected) in [
        (0x1_0000, PAGE, 2 * PAGE, MAYMOVE, 0, Err(EFAULT)),
        (p, PAGE, 0, MAYMOVE, 0, Err(EINVAL)),
        (p + 1, PAGE, PAGE, MAYMOVE, 0, Err(EINVAL)),
        (p, PAGE, PAGE, 8, 0, Err(EINVAL)),
        (p, PAGE, PAGE, 2, 0, Err(EINVAL)),
        (p, 0, PAGE, MAYMOVE, 0, Err(EINVAL)),
        (p, 1 << 30, 1 << 31, MAYMOVE, 0, Err(EFAULT)),
        (p, PAGE, 1 << 47, MAYMOVE, 0, Err(EINVAL)),
        (p, PAGE, u64::MAX, MAYMOVE, 0, Err(EINVAL)),
        (p, PAGE, PAGE, TO, p, Err(EINVAL)),
        (p, PAGE, PAGE, TO, 0x7fff_ffff_f000, Err(EINVAL)),
        (p, PAGE, PAGE, TO, AT + 1, Err(EINVAL)),
        (p, PAGE, PAGE, TO, 0x1000, Err(EPERM)),
        (p, PAGE, 2 * PAGE, DONTUNMAP, 0, Err(EINVAL)),
        (p, 2 * PAGE, PAGE, TO, AT, Err(EFAULT)),
        (p, PAGE, PAGE, 0, 0, Ok(p)),
    ] {
        assert_eq!(
            mremap(&mut guest, old, old_len, new_len, flags, new),
            expected,
            "{old:#x} {old_len:#x} {new_len:#x}"
        );
    }
    assert_eq!(guest.maps(), [format!("{p:x}-{:x} rw-p", p + PAGE)]);
    guest.exit();
}

#[test]
fn a_mapping_shrinks_and_grows_in_place() {
    let mut guest = Guest::new();
    guest.mmap(AT, 4 * PAGE, RW, FIXED).unwrap();
    guest.write(AT + 3 * PAGE, 1).unwrap();
    assert_eq!(mremap(&mut guest, AT, 4 * PAGE, 2 * PAGE, 0, 0), Ok(AT));
    assert!(guest.read(AT + 3 * PAGE).is_err());
    assert_eq!(mremap(&mut guest, AT, 2 * PAGE, 4 * PAGE, 0, 0), Ok(AT));
    assert_eq!(guest.read(AT + 3 * PAGE), Ok(0));
    guest.mmap(AT + 5 * PAGE, PAGE, RW, FIXED).unwrap();
    assert_eq!(mremap(&mut guest, AT, 4 * PAGE, 5 * PAGE, 0, 0), Ok(AT));
    assert_eq!(guest.maps(), ["100000-106000 rw-p"], "it has met its neighbour");
    guest.mmap(AT + 6 * PAGE, PAGE, Prot::READ, FIXED).unwrap();
    assert_eq!(mremap(&mut guest, AT, 6 * PAGE, 7 * PAGE, 0, 0), Err(ENOMEM));
    assert_eq!(mremap(&mut guest, AT, PAGE, 2 * PAGE, 0, 0), Err(ENOMEM), "its middle cannot grow");
    guest.limits(MmLimits { address_space: 8 * PAGE, ..MmLimits::default() });
    assert_eq!(mremap(&mut guest, AT, 6 * PAGE, 8 * PAGE, MAYMOVE, 0), Err(ENOMEM));
    guest.exit();
}

#[test]
fn a_move_takes_frames_along() {
    let mut guest = Guest::new();
    guest.mmap(AT, 8 * PAGE, RW, FIXED).unwrap();
    guest.mmap(AT + 8 * PAGE, PAGE, Prot::READ, FIXED).unwrap();
    for i in [0, 5] {
        guest.write(AT + i * PAGE, 10 + i as u8).unwrap();
    }
    let frame = guest.access(AT + 5 * PAGE, AccessKind::Read).unwrap();
    let in_use = guest.frames.in_use();
    guest.faults();
    let new = mremap(&mut guest, AT, 8 * PAGE, 16 * PAGE, MAYMOVE, 0).unwrap();
    assert_eq!(new, 0x7fff_f7ff_f000 - 16 * PAGE);
    assert_eq!([0, 1, 5, 15].map(|i| guest.read(new + i * PAGE).unwrap()), [10, 0, 15, 0]);
    assert_eq!(guest.access(new + 5 * PAGE, AccessKind::Read), Ok(frame));
    assert_eq!(guest.faults().len(), 2, "only the pages that never were");
    assert_eq!(guest.frames.in_use(), in_use + 3, "tables of the new place; those of the old still serve a neighbour");
    assert!(guest.read(AT).is_err());
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_move_to_an_address_replaces_what_is_there() {
    let mut guest = Guest::new();
    guest.mmap(AT, 4 * PAGE, RW, FIXED).unwrap();
    guest.mmap(2 * AT, 4 * PAGE, Prot::READ, FIXED).unwrap();
    guest.write(AT + PAGE, 7).unwrap();
    guest.read(2 * AT).unwrap();
    assert_eq!(mremap(&mut guest, AT, 4 * PAGE, 2 * PAGE, TO, 2 * AT + PAGE), Ok(2 * AT + PAGE));
    assert_eq!(guest.maps(), ["200000-201000 r--p", "201000-203000 rw-p", "203000-204000 r--p"]);
    assert_eq!(guest.read(2 * AT + 2 * PAGE), Ok(7));
    guest.check_tables();
    guest.exit();
}

#[test]
fn dontunmap_leaves_the_mapping_without_its_pages() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.write(AT, 7).unwrap();
    let new = mremap(&mut guest, AT, 2 * PAGE, 2 * PAGE, DONTUNMAP, 0).unwrap();
    assert_eq!((guest.read(new), guest.read(AT)), (Ok(7), Ok(0)));
    guest.exit();
}

#[test]
fn a_shared_mapping_can_be_doubled() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, 4 * PAGE, RW, MapFlags::SHARED | MapFlags::ANONYMOUS).unwrap();
    guest.write(p, 7).unwrap();
    let q = mremap(&mut guest, p, 0, 2 * PAGE, MAYMOVE, 0).unwrap();
    assert_eq!(guest.read(q), Ok(7));
    guest.write(p + 1, 9).unwrap();
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(p), PAGE, crate::mm::Advice::DontNeed)).unwrap();
    assert_eq!((guest.read(q + 1), guest.read(p)), (Ok(9), Ok(7)), "the object keeps its pages");
    let r = mremap(&mut guest, p, 4 * PAGE, 8 * PAGE, MAYMOVE, 0).unwrap();
    assert_eq!(guest.read(r), Ok(7));
    assert_eq!(guest.read(r + 4 * PAGE).unwrap_err().signal, crate::mm::SignalKind::Bus, "beyond the object");
    guest.check_tables();
    guest.exit();
}

#[test]
fn without_frames_for_tables_nothing_moves() {
    let mut guest = Guest::with_ram(1 << 20);
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.write(AT, 7).unwrap();
    guest.write(AT + PAGE, 8).unwrap();
    while guest.frames.in_use() + 2 < guest.frames.total() {
        guest.frames.alloc(crate::mm::frames::FrameUse::Reserved).unwrap();
    }
    assert_eq!(mremap(&mut guest, AT, 2 * PAGE, 2 * PAGE, TO, 0x7000_0000_0000), Err(ENOMEM));
    assert_eq!((guest.read(AT), guest.read(AT + PAGE)), (Ok(7), Ok(8)));
    assert_eq!(guest.maps(), ["100000-102000 rw-p"]);
    guest.check_tables();
}

#[test]
fn several_mappings_move_at_once_and_keep_their_distances() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.mmap(AT + 2 * PAGE, PAGE, Prot::READ, FIXED).unwrap();
    guest.mmap(AT + 4 * PAGE, 2 * PAGE, RW, FIXED).unwrap();
    guest.write(AT + 4 * PAGE, 9).unwrap();
    let to = AT + 32 * PAGE;
    guest.mmap(to, 8 * PAGE, Prot::empty(), FIXED).unwrap();
    let fixed = MAYMOVE | 2;
    assert_eq!(mremap(&mut guest, AT, 5 * PAGE, 5 * PAGE, fixed, to), Ok(to));
    let part = |from: u64, end: u64, rights| format!("{:x}-{:x} {rights}", from * PAGE, end * PAGE);
    let (at, to_page) = (AT / PAGE, to / PAGE);
    let expected = [
        part(at + 5, at + 6, "rw-p"),
        part(to_page, to_page + 2, "rw-p"),
        part(to_page + 2, to_page + 3, "r--p"),
        part(to_page + 3, to_page + 4, "---p"),
        part(to_page + 4, to_page + 5, "rw-p"),
        part(to_page + 5, to_page + 8, "---p"),
    ];
    assert_eq!(guest.maps(), expected);
    assert_eq!(guest.read(to + 4 * PAGE), Ok(9));
    assert_eq!(mremap(&mut guest, AT, 6 * PAGE, 6 * PAGE, fixed, to), Err(EFAULT), "no gap at the start");
    guest.exit();
}

#[test]
fn what_is_left_mapped_may_go_on_behind_the_part_that_moves() {
    let mut guest = Guest::new();
    guest.mmap(AT, 15 * PAGE, RW, FIXED).unwrap();
    (0..15).for_each(|page| guest.write(AT + page * PAGE, page as u8).unwrap());
    let to = AT + 8 * PAGE;
    assert_eq!(mremap(&mut guest, AT, 5 * PAGE, 5 * PAGE, DONTUNMAP | 2, to), Ok(to));
    assert_eq!((guest.read(AT + 4 * PAGE), guest.read(AT + 5 * PAGE)), (Ok(0), Ok(5)));
    assert_eq!((guest.read(to + 4 * PAGE), guest.read(to + 5 * PAGE)), (Ok(4), Ok(13)));
    guest.exit();
}
