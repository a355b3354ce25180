//! Transparent huge pages: when they come, what splits them, and who sees what.

use crate::Errno;
use crate::mm::reclaim::policy::PolicyName;
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{Advice, MremapFlags, Prot, RssKind, ThpMode, pte};
use arch::{AccessKind, LinearAddr};
use event::Resolution;

const PMD: u64 = 2 << 20;
const AT: u64 = 0x4000_0000;

fn guest() -> Guest {
    let mut guest = Guest::with_swap(32 << 20, 4096, PolicyName::Lru);
    guest.frames.thp.mode = ThpMode::Always;
    guest.mmap(AT, 2 * PMD, RW, FIXED).unwrap();
    guest
}

fn advise(guest: &mut Guest, addr: u64, len: u64, advice: Advice) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(addr), len, advice))
}

fn is_huge(guest: &Guest, la: u64) -> bool {
    pte::has_ps(guest.pte(la))
}

#[test]
fn a_write_to_new_memory_gets_2_mib() {
    let mut guest = guest();
    guest.write(AT + 5 * PAGE, 7).unwrap();
    assert_eq!(guest.faults(), [Resolution::DemandZeroHuge]);
    assert_eq!(guest.read(AT + PMD - 1), Ok(0));
    assert_eq!(guest.read(AT + 5 * PAGE), Ok(7));
    assert_eq!(guest.faults(), []);
    assert_eq!(guest.mm().rss().get(RssKind::Anon), 512);
    assert_eq!((guest.frames.thp.mapped, guest.tables()), (1, 4), "the table to be split into is among them");
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_read_of_new_memory_gets_the_zeros_of_all_and_a_write_a_page_of_its_own() {
    let mut guest = guest();
    assert_eq!(guest.read(AT), Ok(0));
    assert_eq!(guest.read(AT + PMD - 1), Ok(0));
    assert_eq!((guest.faults(), guest.mm().rss().get(RssKind::Anon)), (vec![Resolution::ZeroPage], 0));
    guest.write(AT, 1).unwrap();
    assert_eq!(guest.faults(), [Resolution::DemandZeroHuge]);
    assert_eq!((guest.read(AT), guest.read(AT + PAGE)), (Ok(1), Ok(0)));
    guest.check_tables();
}

/// Where they come depends on the mode and on advice.
#[test]
fn the_mode_and_advice_decide() {
    use Resolution::{DemandZero, DemandZeroHuge};
    let cases = [
        (ThpMode::Always, None, DemandZeroHuge),
        (ThpMode::Always, Some(Advice::NoHugePage), DemandZero),
        (ThpMode::Madvise, None, DemandZero),
        (ThpMode::Madvise, Some(Advice::HugePage), DemandZeroHuge),
        (ThpMode::Never, Some(Advice::HugePage), DemandZero),
    ];
    for (mode, advice, expected) in cases {
        let mut guest = guest();
        guest.frames.thp.mode = mode;
        if let Some(advice) = advice {
            advise(&mut guest, AT, 2 * PMD, advice).unwrap();
        }
        guest.write(AT, 1).unwrap();
        assert_eq!(guest.faults(), [expected], "{mode} {advice:?}");
    }
}

#[test]
fn only_2_mib_that_lie_whole_in_a_mapping_are_a_page() {
    let mut guest = guest();
    guest.munmap(AT + PMD - PAGE, PAGE).unwrap();
    guest.write(AT, 1).unwrap();
    guest.write(AT + PMD, 1).unwrap();
    assert_eq!(guest.faults(), [Resolution::DemandZero, Resolution::DemandZeroHuge]);
}

#[test]
fn without_a_free_block_pages_are_small() {
    let mut guest = Guest::with_ram(4 << 20);
    guest.frames.thp.mode = ThpMode::Always;
    guest.mmap(AT, PMD, RW, FIXED).unwrap();
    guest.mmap(AT + PMD, PMD, RW, FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.write(AT + PMD, 1).unwrap();
    assert_eq!(guest.faults(), [Resolution::DemandZeroHuge, Resolution::DemandZero]);
    assert_eq!(guest.frames.stat.thp_fault_fallback, 1);
    guest.check_tables();
    guest.exit();
}

/// What changes a part of a page splits it; the rest keeps its bytes, A and D.
#[test]
fn a_change_within_a_page_splits_it() {
    let changes: [fn(&mut Guest); 4] = [
        |guest| guest.munmap(AT + 3 * PAGE, PAGE).unwrap(),
        |guest| guest.mprotect(AT + 3 * PAGE, PAGE, Prot::READ).unwrap(),
        |guest| advise(guest, AT + 3 * PAGE, PAGE, Advice::DontNeed).unwrap(),
        |guest| advise(guest, AT + 3 * PAGE, PAGE, Advice::PageOut).unwrap(),
    ];
    for change in changes {
        let mut guest = guest();
        (0..512).for_each(|page| guest.write(AT + page * PAGE, page as u8).unwrap());
        change(&mut guest);
        assert!(!is_huge(&guest, AT));
        guest.check_tables();
        for page in (0..512).filter(|page| *page != 3) {
            assert!(guest.pte(AT + page * PAGE).dirty() && guest.pte(AT + page * PAGE).accessed());
            assert_eq!(guest.read(AT + page * PAGE), Ok(page as u8));
        }
        guest.exit();
    }
}

#[test]
fn a_change_of_a_whole_page_leaves_it_whole() {
    let mut guest = guest();
    guest.write(AT, 1).unwrap();
    guest.mprotect(AT, PMD, Prot::empty()).unwrap();
    assert!(guest.read(AT).is_err());
    guest.mprotect(AT, PMD, Prot::READ).unwrap();
    assert_eq!(guest.read(AT), Ok(1));
    assert!(guest.write(AT, 2).is_err() && is_huge(&guest, AT));
    guest.mprotect(AT, PMD, RW).unwrap();
    guest.faults();
    guest.write(AT, 2).unwrap();
    assert_eq!(guest.faults(), [], "it is the process's own, so it can be written at once");
    guest.check_tables();
}

#[test]
fn a_write_after_fork_splits_one_side() {
    let mut guest = guest();
    guest.write(AT, 1).unwrap();
    let child = guest.fork().unwrap();
    guest.check_tables();
    guest.faults();
    guest.as_process(child, |guest| guest.write(AT + PAGE, 2).unwrap());
    assert_eq!(guest.faults(), [Resolution::CopiedOnWrite]);
    assert!(is_huge(&guest, AT), "the parent's stays whole");
    assert_eq!((guest.read(AT), guest.read(AT + PAGE)), (Ok(1), Ok(0)));
    guest.as_process(child, |guest| assert_eq!((guest.read(AT), guest.read(AT + PAGE)), (Ok(1), Ok(2))));
    guest.check_tables();
    guest.kill(child);
    guest.write(AT, 3).unwrap();
    assert_eq!((guest.faults(), is_huge(&guest, AT)), (vec![Resolution::ReusedOnWrite], true));
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_page_moves_whole_to_where_it_fits_and_in_pieces_elsewhere() {
    for (to, whole) in [(0x8000_0000, true), (0x8000_1000, false)] {
        let mut guest = guest();
        (0..512).for_each(|page| guest.write(AT + page * PAGE, page as u8).unwrap());
        let flags = MremapFlags::MAYMOVE | MremapFlags::FIXED;
        guest.run(|mm, cx| mm.mremap(cx, LinearAddr(AT), PMD, PMD, flags, LinearAddr(to))).unwrap();
        assert_eq!(is_huge(&guest, to), whole);
        guest.check_tables();
        (0..512).for_each(|page| assert_eq!(guest.read(to + page * PAGE), Ok(page as u8)));
        guest.exit();
    }
}

#[test]
fn what_leaves_memory_leaves_in_pieces_and_comes_back() {
    let mut guest = guest();
    (0..1024).for_each(|page| guest.write(AT + page * PAGE, (page % 251) as u8).unwrap());
    // Twice, as a page in use has its second chance.
    while guest.mm().rss().get(RssKind::Anon) > 200 {
        assert!(guest.reclaim(100) > 0);
        guest.check_tables();
    }
    assert_eq!(guest.frames.thp.mapped, 0);
    (0..1024).for_each(|page| assert_eq!(guest.read(AT + page * PAGE), Ok((page % 251) as u8)));
    guest.check_tables();
    guest.exit();
}

#[test]
fn collapse_makes_a_page_of_pages() {
    let mut guest = guest();
    guest.frames.thp.mode = ThpMode::Never;
    (0..512).step_by(3).for_each(|page| guest.write(AT + page * PAGE, page as u8).unwrap());
    guest.read(AT + PAGE).unwrap();
    advise(&mut guest, AT + 6 * PAGE, 30 * PAGE, Advice::PageOut).unwrap();
    assert_eq!(advise(&mut guest, AT, PMD, Advice::Collapse), Ok(()), "whatever the mode");
    assert!(is_huge(&guest, AT));
    guest.check_tables();
    for page in 0..512 {
        assert_eq!(guest.read(AT + page * PAGE), Ok(if page % 3 == 0 { page as u8 } else { 0 }));
    }
    assert_eq!(advise(&mut guest, AT, PMD, Advice::Collapse), Ok(()), "it is one already");
    assert_eq!(advise(&mut guest, AT + PMD, PMD, Advice::Collapse), Err(Errno::EINVAL), "there is nothing");
    guest.munmap(AT, PAGE).unwrap();
    guest.check_tables();
    guest.exit();
}

/// khugepaged makes large pages of what is in use.
#[test]
fn the_daemon_collapses_what_is_used() {
    let mut guest = guest();
    guest.frames.thp.mode = ThpMode::Never;
    guest.write(AT + PAGE, 1).unwrap();
    guest.write(AT + PMD + PAGE, 2).unwrap();
    advise(&mut guest, AT + PMD, PMD, Advice::Cold).unwrap();
    guest.frames.thp.mode = ThpMode::Always;
    let scanned = guest.run(|mm, cx| mm.khugepaged_scan(cx, LinearAddr(0), 8));
    assert_eq!((scanned.ranges, scanned.next), (2, None));
    assert_eq!((is_huge(&guest, AT), is_huge(&guest, AT + PMD)), (true, false));
    assert_eq!((guest.read(AT + PAGE), guest.read(AT + PMD + PAGE)), (Ok(1), Ok(2)));
    guest.check_tables();
    guest.exit();
}

/// mmap chooses a place where large pages fit.
#[test]
fn populate_fills_with_large_pages() {
    let mut guest = guest();
    let at = guest.mmap(0, PMD, RW, ANON).unwrap();
    guest.run(|mm, cx| mm.mm_populate(cx, LinearAddr(at), LinearAddr(at + PMD)));
    assert!(is_huge(&guest, at));
    assert!(guest.access(at, AccessKind::Write).is_ok());
    guest.check_tables();
}

/// What /sys/kernel/mm/transparent_hugepage sets holds for the daemon.
#[test]
fn the_daemon_keeps_to_its_limits() {
    let mut guest = guest();
    guest.frames.thp.mode = ThpMode::Never;
    (0..100).for_each(|page| guest.write(AT + page * PAGE, 1).unwrap());
    guest.frames.thp.mode = ThpMode::Always;
    let scan = |guest: &mut Guest| guest.run(|mm, cx| mm.khugepaged_scan(cx, LinearAddr(0), 8));
    guest.frames.thp.settings.max_ptes_none = 411;
    scan(&mut guest);
    assert!(!is_huge(&guest, AT), "412 of the 512 pages are not there");
    guest.frames.thp.settings.max_ptes_none = 412;
    let child = guest.fork().unwrap();
    guest.frames.thp.settings.max_ptes_shared = 99;
    scan(&mut guest);
    assert!(!is_huge(&guest, AT), "100 are the child's too");
    guest.kill(child);
    scan(&mut guest);
    assert!(is_huge(&guest, AT));
    assert_eq!(guest.frames.thp.settings.pages_collapsed, 1);
    guest.check_tables();
}

#[test]
fn without_the_page_of_zeros_a_read_gets_memory_too() {
    let mut guest = guest();
    guest.frames.thp.settings.use_zero_page = 0;
    assert_eq!(guest.read(AT), Ok(0));
    assert_eq!(guest.faults(), [Resolution::DemandZeroHuge]);
}
