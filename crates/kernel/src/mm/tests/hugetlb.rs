//! Large pages from pools: who gets one, who is promised one, what a call refuses.

use crate::Errno;
use crate::mm::hugetlb::HugePages;
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{Advice, BUS_ADRERR, MapFlags, MemSignal, MremapFlags, PoolCounts, Prot, SignalKind, VmFlags, pte};
use arch::{LinearAddr, PageSize};
use event::Resolution;
use proptest::prelude::*;
use std::collections::BTreeMap;

const H: u64 = 2 << 20;
const GIB: u64 = 1 << 30;
const AT: u64 = 0x4000_0000;
const PRIVATE: MapFlags = ANON.union(MapFlags::HUGETLB);
const SHARED: MapFlags = MapFlags::SHARED.union(MapFlags::ANONYMOUS).union(MapFlags::HUGETLB);
const AT_FIXED: MapFlags = FIXED.union(MapFlags::HUGETLB);

/// A guest with a pool of so many pages of 2 MiB.
fn guest(pages: u64) -> Guest {
    let mut guest = Guest::with_ram(64 << 20);
    guest.frames.set_max_huge_pages(PageSize::Size2M, pages);
    guest
}

fn counts(guest: &Guest) -> PoolCounts {
    guest.frames.hugetlb.counts(PageSize::Size2M)
}

/// Free and promised pages.
fn free(guest: &Guest) -> (u64, u64) {
    guest.check_tables();
    (counts(guest).free, counts(guest).reserved)
}

/// Everything ends, and nothing is left.
fn end(mut guest: Guest) {
    guest.frames.set_max_huge_pages(PageSize::Size2M, 0);
    guest.exit();
}

fn advise(guest: &mut Guest, addr: u64, len: u64, advice: Advice) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(addr), len, advice))
}

fn mremap(guest: &mut Guest, (from, to): (u64, u64), old: u64, new: u64, flags: MremapFlags) -> Result<u64, Errno> {
    guest.run(|mm, cx| mm.mremap(cx, LinearAddr(from), old, new, flags, LinearAddr(to))).map(|la| la.0)
}

fn is_bus(access: Result<u8, MemSignal>) -> bool {
    access.is_err_and(|signal| (signal.signal, signal.code) == (SignalKind::Bus, BUS_ADRERR))
}

#[test]
fn a_private_mapping_is_promised_its_pages_and_takes_them_one_by_one() {
    let mut guest = guest(4);
    let at = guest.mmap(0, 2 * H + 5, RW, PRIVATE).unwrap();
    assert_eq!((at % H, free(&guest)), (0, (4, 3)));
    assert_eq!(guest.read(at + H + 7), Ok(0));
    assert_eq!((guest.faults(), free(&guest)), (vec![Resolution::DemandZeroHuge], (3, 2)));
    guest.write(at + H, 1).unwrap();
    guest.write(at, 2).unwrap();
    assert_eq!(guest.faults(), [Resolution::ReusedOnWrite, Resolution::DemandZeroHuge]);
    assert!(pte::has_ps(guest.pte(at)) && guest.pte(at).dirty());
    assert_eq!((guest.mm().rss().hugetlb(), guest.mm().resident_pages(), guest.tables()), (1024, 0, 3));
    guest.munmap(at, 3 * H).unwrap();
    assert_eq!(free(&guest), (4, 0));
    assert_eq!(guest.mm().rss().hugetlb(), 0);
    end(guest);
}

#[test]
fn a_page_is_zero_whoever_had_it_before() {
    let mut guest = guest(1);
    for _ in 0..2 {
        let at = guest.mmap(0, H, RW, PRIVATE).unwrap();
        for page in [0, 1, 511] {
            assert_eq!(guest.read(at + page * PAGE), Ok(0));
            guest.write(at + page * PAGE, 9).unwrap();
        }
        guest.munmap(at, H).unwrap();
    }
    end(guest);
}

#[test]
fn the_pool_promises_no_more_than_it_has() {
    let mut guest = guest(3);
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    assert_eq!(guest.mmap(0, 2 * H, RW, PRIVATE), Err(Errno::ENOMEM));
    assert_eq!(guest.mmap(0, 2 * H, RW, SHARED), Err(Errno::ENOMEM));
    let at = guest.mmap(0, 8 * H, RW, PRIVATE | MapFlags::NORESERVE).unwrap();
    assert_eq!(free(&guest), (3, 2));
    guest.write(at, 1).unwrap();
    assert!(is_bus(guest.read(at + H)), "the rest is promised");
    assert_eq!((guest.read(AT), guest.read(AT + H)), (Ok(0), Ok(0)), "and the promises are kept");
    assert_eq!(free(&guest), (0, 0));
    assert_eq!(
        guest.mmap(AT, 3 * H, RW, AT_FIXED),
        Err(Errno::ENOMEM),
        "the old mapping goes first, and is not enough"
    );
    assert_eq!(free(&guest), (2, 0));
    end(guest);
}

#[test]
fn what_is_no_multiple_of_the_page_is_refused() {
    let mut guest = guest(3);
    assert_eq!(guest.mmap(AT + PAGE, H, RW, AT_FIXED), Err(Errno::EINVAL));
    assert_eq!(guest.mmap(0, H, RW, PRIVATE | MapFlags::from_bits_retain(20 << 26)), Err(Errno::EINVAL));
    assert_eq!(guest.mmap(0, H, RW, PRIVATE | MapFlags::from_bits_retain(30 << 26)), Err(Errno::ENOMEM));
    assert_eq!(guest.mmap(0, u64::MAX, RW, PRIVATE), Err(Errno::EINVAL));
    assert_eq!(guest.mmap(0, 1 << 60, RW, PRIVATE | MapFlags::NORESERVE), Err(Errno::ENOMEM));
    assert_eq!(guest.mmap(0, H, RW, MapFlags::ANONYMOUS | MapFlags::HUGETLB), Err(Errno::EINVAL));
    assert_eq!(guest.mmap(0, H, RW, PRIVATE | MapFlags::GROWSDOWN), Err(Errno::EINVAL));
    assert_eq!(guest.mmap(AT + PAGE, 3 * H, RW, PRIVATE), Ok(AT + H), "a wish is rounded up");
    let at = AT + H;
    for (addr, len) in [(at + PAGE, H), (at, PAGE), (at + H, PAGE), (at - PAGE, 2 * PAGE)] {
        assert_eq!(guest.munmap(addr, len), Err(Errno::EINVAL), "{addr:x} {len:x}");
    }
    assert_eq!(guest.mmap(at + PAGE, PAGE, RW, FIXED), Err(Errno::EINVAL));
    assert_eq!(guest.mprotect(at, PAGE, Prot::READ), Err(Errno::EINVAL));
    assert_eq!(guest.mprotect(at, H + PAGE, Prot::READ), Err(Errno::EINVAL));
    assert_eq!(advise(&mut guest, at + PAGE, PAGE, Advice::Random), Err(Errno::EINVAL));
    assert_eq!(advise(&mut guest, at + PAGE, H, Advice::DontNeed), Err(Errno::EINVAL));
    for advice in [Advice::Free, Advice::Cold, Advice::PageOut, Advice::Collapse, Advice::WipeOnFork] {
        assert_eq!(advise(&mut guest, at, H, advice), Err(Errno::EINVAL), "{advice:?}");
    }
    assert_eq!(advise(&mut guest, at, H, Advice::Remove), Err(Errno::EACCES));
    assert_eq!(mremap(&mut guest, (at, 0), H, 2 * H, MremapFlags::MAYMOVE), Err(Errno::EINVAL));
    let moves = MremapFlags::MAYMOVE | MremapFlags::FIXED;
    assert_eq!(mremap(&mut guest, (at, at + 9 * H + PAGE), H, H, moves), Err(Errno::EINVAL));
    let leaves = MremapFlags::MAYMOVE | MremapFlags::DONTUNMAP;
    assert_eq!(mremap(&mut guest, (at, 0), H, H, leaves), Err(Errno::EINVAL));
    assert_eq!((guest.mm().vma_count(), free(&guest)), (1, (3, 3)));
    end(guest);
}

#[test]
fn what_is_not_needed_goes_in_whole_pages_and_is_promised_again() {
    let mut guest = guest(4);
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.write(AT + H, 2).unwrap();
    advise(&mut guest, AT, 2 * H - PAGE, Advice::DontNeed).unwrap();
    assert_eq!(free(&guest), (3, 1));
    advise(&mut guest, AT + H, PAGE, Advice::DontNeed).unwrap();
    assert_eq!((guest.read(AT), guest.read(AT + H)), (Ok(0), Ok(2)));
    end(guest);
}

#[test]
fn rights_change_for_whole_pages() {
    let mut guest = guest(4);
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.mprotect(AT, H, Prot::empty()).unwrap();
    assert!(guest.read(AT).is_err());
    guest.check_tables();
    guest.mprotect(AT, H, Prot::READ).unwrap();
    assert_eq!(guest.read(AT), Ok(1));
    assert!(guest.write(AT, 2).is_err());
    guest.mprotect(AT, H, RW).unwrap();
    guest.write(AT, 2).unwrap();
    assert_eq!(guest.mm().vma_count(), 2, "mappings of large pages are never joined");
    assert_eq!(free(&guest), (3, 1));
    end(guest);
}

#[test]
fn a_mapping_moves_with_its_pages_and_promises() {
    let mut guest = guest(4);
    guest.mmap(AT, 3 * H, RW, AT_FIXED).unwrap();
    guest.write(AT + PAGE, 1).unwrap();
    let moves = MremapFlags::MAYMOVE | MremapFlags::FIXED;
    assert_eq!(mremap(&mut guest, (AT, AT + 32 * H), 2 * H, 2 * H, moves), Ok(AT + 32 * H));
    assert_eq!(free(&guest), (3, 2));
    assert_eq!((guest.read(AT + 32 * H + PAGE), guest.read(AT + 33 * H)), (Ok(1), Ok(0)));
    assert!(guest.read(AT).is_err());
    assert_eq!(mremap(&mut guest, (AT + 32 * H, 0), 2 * H, H - PAGE, MremapFlags::empty()), Ok(AT + 32 * H));
    assert_eq!(free(&guest), (3, 1));
    end(guest);
}

#[test]
fn a_child_has_no_promise() {
    let mut guest = guest(3);
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    let child = guest.fork().unwrap();
    assert_eq!(free(&guest), (2, 1));
    guest.as_process(child, |guest| {
        guest.faults();
        assert_eq!(guest.read(AT), Ok(1));
        guest.write(AT, 2).unwrap();
        assert_eq!(guest.faults(), [Resolution::CopiedOnWrite]);
        assert!(is_bus(guest.read(AT + H)), "the last page is the parent's");
    });
    assert_eq!((guest.read(AT), free(&guest)), (Ok(1), (1, 1)));
    guest.write(AT + H, 3).unwrap();
    guest.kill(child);
    assert_eq!(free(&guest), (1, 0));
    end(guest);
}

#[test]
fn who_has_the_promise_takes_the_page_from_the_others() {
    let mut guest = guest(2);
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.write(AT + H, 1).unwrap();
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| {
        let write = guest.write(AT, 2).map(|()| 0);
        assert!(is_bus(write), "there is no page for a copy");
        assert_eq!(guest.read(AT), Ok(1));
    });
    guest.faults();
    guest.write(AT, 3).unwrap();
    assert_eq!(guest.faults(), [Resolution::ReusedOnWrite]);
    guest.check_tables();
    guest.as_process(child, |guest| {
        assert!(is_bus(guest.read(AT)), "the page is lost");
        assert_eq!(guest.read(AT + H), Ok(1), "the other is not");
    });
    guest.kill(child);
    assert_eq!((guest.read(AT), free(&guest), guest.frames.hugetlb.lost().count()), (Ok(3), (0, 0), 0));
    end(guest);
}

#[test]
fn a_shared_mapping_shares_its_pages_with_children() {
    let mut guest = guest(4);
    let at = guest.mmap(0, 2 * H, RW, SHARED).unwrap();
    guest.write(at, 1).unwrap();
    assert_eq!((guest.faults(), free(&guest)), (vec![Resolution::DemandZeroHuge], (3, 1)));
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| {
        assert_eq!(guest.pte(at).0, 0, "a fault brings it in");
        assert_eq!(guest.read(at), Ok(1));
        guest.write(at, 2).unwrap();
        guest.write(at + H, 3).unwrap();
        assert_eq!(guest.faults(), [Resolution::FileCached, Resolution::DemandZeroHuge]);
    });
    assert_eq!((guest.read(at), guest.read(at + H), free(&guest)), (Ok(2), Ok(3), (2, 0)));
    advise(&mut guest, at, 2 * H, Advice::DontNeed).unwrap();
    assert_eq!(guest.read(at), Ok(2), "the file has it still");
    advise(&mut guest, at, H, Advice::Remove).unwrap();
    guest.as_process(child, |guest| assert_eq!(guest.read(at), Ok(0), "now it has not"));
    guest.munmap(at, 2 * H).unwrap();
    guest.kill(child);
    assert_eq!(free(&guest), (4, 0));
    end(guest);
}

#[test]
fn the_pool_grows_and_shrinks() {
    let mut guest = guest(2);
    let size = PageSize::Size2M;
    guest.mmap(AT, 2 * H, RW, AT_FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.frames.set_max_huge_pages(size, 0);
    assert_eq!(counts(&guest), PoolCounts { total: 2, free: 1, reserved: 1, surplus: 2, overcommit: 0 });
    guest.check_tables();
    guest.write(AT + H, 1).unwrap();
    guest.munmap(AT, H).unwrap();
    assert_eq!(counts(&guest), PoolCounts { total: 1, surplus: 1, ..PoolCounts::default() });
    guest.frames.set_max_huge_pages(size, 1 << 40);
    assert!(counts(&guest).total > 20, "as many as there are blocks: {:?}", counts(&guest));
    assert_eq!(counts(&guest).surplus, 0);
    guest.frames.set_max_huge_pages(size, 3);
    assert_eq!(counts(&guest), PoolCounts { total: 3, free: 2, ..PoolCounts::default() });
    guest.check_tables();
    end(guest);
}

#[test]
fn surplus_pages_come_and_go() {
    let mut guest = guest(1);
    guest.frames.hugetlb.set_overcommit(PageSize::Size2M, 2);
    assert_eq!(guest.mmap(0, 4 * H, RW, PRIVATE), Err(Errno::ENOMEM));
    let at = guest.mmap(0, 3 * H, RW, PRIVATE).unwrap();
    assert_eq!(counts(&guest), PoolCounts { total: 3, free: 3, reserved: 3, surplus: 2, overcommit: 2 });
    guest.write(at, 1).unwrap();
    guest.check_tables();
    guest.munmap(at, 3 * H).unwrap();
    assert_eq!(counts(&guest), PoolCounts { total: 1, free: 1, overcommit: 2, ..PoolCounts::default() });
    let at = guest.mmap(0, 9 * H, RW, PRIVATE | MapFlags::NORESERVE).unwrap();
    (0..3).for_each(|page| guest.write(at + page * H, 1).unwrap());
    assert!(is_bus(guest.read(at + 3 * H)));
    guest.check_tables();
    end(guest);
}

/// A run of RAM that is set aside at boot, under one entry of a page-directory-pointer table.
#[test]
fn a_page_of_1_gib() {
    let mut guest = Guest::with_ram(3 << 30);
    guest.frames.boot_hugetlb(HugePages { of_2m: 1, of_1g: 1 }).unwrap();
    let huge = MapFlags::from_bits_retain(30 << 26);
    let at = guest.mmap(0, PAGE, RW, PRIVATE | huge).unwrap();
    assert_eq!(at % GIB, 0);
    guest.write(at + 300 * H + 5, 1).unwrap();
    assert_eq!((guest.faults(), guest.tables()), (vec![Resolution::DemandZeroHuge], 2));
    assert_eq!((guest.read(at), guest.read(at + 300 * H + 5)), (Ok(0), Ok(1)));
    assert_eq!(guest.faults(), []);
    guest.check_tables();
    let vma = *guest.mm().find_vma(LinearAddr(at)).unwrap();
    assert_eq!((vma.page_size(), vma.len()), (PageSize::Size1G, GIB));
    assert!(vma.flags.contains(VmFlags::HUGETLB | VmFlags::DONTEXPAND));
    assert_eq!(guest.munmap(at, H), Err(Errno::EINVAL));
    guest.mprotect(at, GIB, Prot::READ).unwrap();
    let moves = MremapFlags::MAYMOVE | MremapFlags::FIXED;
    mremap(&mut guest, (at, 4 * GIB), GIB, GIB, moves).unwrap();
    guest.check_tables();
    assert_eq!(guest.read(4 * GIB + 300 * H + 5), Ok(1));
    let child = guest.fork().unwrap();
    guest.check_tables();
    guest.as_process(child, |guest| assert_eq!(guest.read(4 * GIB + 300 * H + 5), Ok(1)));
    guest.kill(child);
    guest.munmap(4 * GIB, GIB).unwrap();
    guest.check_tables();
    let counts = guest.frames.hugetlb.counts(PageSize::Size1G);
    assert_eq!(counts, PoolCounts { total: 1, free: 1, ..PoolCounts::default() });
    assert_eq!(guest.frames.boot_hugetlb(HugePages { of_2m: 0, of_1g: 2 }), Err(PageSize::Size1G));
}

/// What a process may do with two mappings of up to four pages.
#[derive(Clone, Copy, Debug)]
enum Step {
    Map(u64, u64, MapFlags),
    Unmap(u64, u64),
    Write(u64, u8),
    Read(u64),
    Protect(u64, u64, bool),
    DontNeed(u64, u64),
    Remove(u64, u64),
    Move(u64, u64, u64),
    Fork,
    Switch,
    Kill,
    Pool(u64),
    Overcommit(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = [PRIVATE, SHARED, PRIVATE | MapFlags::NORESERVE, SHARED | MapFlags::NORESERVE];
    let (page, len) = (0..8_u64, 1..4_u64);
    prop_oneof![
        4 => (page.clone(), len.clone(), 0..4_usize).prop_map(move |(page, len, kind)| Step::Map(page, len, kinds[kind])),
        2 => (page.clone(), len.clone()).prop_map(|(page, len)| Step::Unmap(page, len)),
        8 => (page.clone(), 1..255_u8).prop_map(|(page, byte)| Step::Write(page, byte)),
        4 => page.clone().prop_map(Step::Read),
        2 => (page.clone(), len.clone(), any::<bool>()).prop_map(|(page, len, rw)| Step::Protect(page, len, rw)),
        2 => (page.clone(), len.clone()).prop_map(|(page, len)| Step::DontNeed(page, len)),
        1 => (page.clone(), len.clone()).prop_map(|(page, len)| Step::Remove(page, len)),
        2 => (page.clone(), page.clone(), len).prop_map(|(from, to, len)| Step::Move(from, to, len)),
        2 => Just(Step::Fork),
        2 => Just(Step::Switch),
        1 => Just(Step::Kill),
        1 => (0..8_u64).prop_map(Step::Pool),
        1 => (0..4_u64).prop_map(Step::Overcommit),
    ]
}

proptest! {
    /// Whatever processes do, each page is free or in use, each promise is kept, and a private page that a process wrote and that
    /// nothing took from it has what it wrote.
    #[test]
    fn pages_and_promises_add_up(steps in prop::collection::vec(step(), 1..60)) {
        let mut guest = guest(4);
        let (mut other, mut forked) = (None, false);
        // By process: what the bytes must be that it wrote itself in private pages.
        let mut written: [BTreeMap<u64, u8>; 2] = Default::default();
        let mut me = 0;
        let at = |page: u64| AT + page * H;
        for step in steps {
            let forget = |written: &mut [BTreeMap<u64, u8>; 2], me: usize, page: u64, len: u64| {
                written[me].retain(|known, _| !(page..page + len).contains(known));
            };
            match step {
                Step::Map(page, len, kind) => {
                    forget(&mut written, me, page, len);
                    let _pool_may_be_too_small = guest.mmap(at(page), len * H, RW, kind | MapFlags::FIXED);
                }
                Step::Unmap(page, len) => {
                    forget(&mut written, me, page, len);
                    guest.munmap(at(page), len * H).unwrap();
                }
                Step::Write(page, byte) => {
                    let private = guest.mm().find_vma(LinearAddr(at(page))).is_some_and(|vma| !vma.is_shared());
                    if guest.write(at(page), byte).is_ok() && private {
                        written[me].insert(page, byte);
                    }
                }
                Step::Read(page) => {
                    let read = guest.read(at(page));
                    if let (Ok(byte), Some(expected)) = (read, written[me].get(&page)) {
                        prop_assert_eq!(byte, *expected);
                    }
                    if let (Err(signal), Some(_)) = (read, written[me].get(&page)) {
                        // Who has the promise may have taken the page, and may have ended since.
                        prop_assert!(signal.signal == SignalKind::Segv || forked, "{:?}", signal);
                    }
                }
                Step::Protect(page, len, rw) => {
                    let rights = if rw { RW } else { Prot::READ };
                    let _there_may_be_holes = guest.mprotect(at(page), len * H, rights);
                }
                Step::DontNeed(page, len) => {
                    forget(&mut written, me, page, len);
                    let _there_may_be_holes = advise(&mut guest, at(page), len * H, Advice::DontNeed);
                }
                Step::Remove(page, len) => {
                    let _only_shared = advise(&mut guest, at(page), len * H, Advice::Remove);
                }
                Step::Move(from, to, len) => {
                    let (to, flags) = (at(to + 16), MremapFlags::MAYMOVE | MremapFlags::FIXED);
                    if mremap(&mut guest, (at(from), to), len * H, len * H, flags).is_ok() {
                        forget(&mut written, me, from, len);
                    }
                }
                Step::Fork if other.is_none() => {
                    other = Some(guest.fork().unwrap());
                    forked = true;
                    written[1 - me] = written[me].clone();
                }
                Step::Switch => {
                    if let Some(pid) = other {
                        let left = guest.current();
                        guest.switch(pid);
                        (other, me) = (Some(left), 1 - me);
                    }
                }
                Step::Kill => {
                    if let Some(pid) = other.take() {
                        guest.kill(pid);
                        written[1 - me].clear();
                    }
                }
                Step::Fork => {}
                Step::Pool(pages) => guest.frames.set_max_huge_pages(PageSize::Size2M, pages),
                Step::Overcommit(pages) => guest.frames.hugetlb.set_overcommit(PageSize::Size2M, pages),
            }
            guest.check_tables();
        }
        end(guest);
    }
}
