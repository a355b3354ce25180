//! System calls: places and error numbers.

use crate::Errno::{self, EACCES, EEXIST, EINVAL, ENOMEM, EPERM};
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{Advice, MAX_MAP_COUNT, MapFlags, MmLimits, MsyncFlags, Overcommit, Prot, STACK_TOP, VmaName};
use arch::LinearAddr;

const TASK_SIZE: u64 = 0x7fff_ffff_f000;

#[test]
fn mmap_answers_as_linux() {
    let mut guest = Guest::new();
    let mut mmap = |addr, len, flags| guest.mmap(addr, len, RW, flags);
    assert_eq!(mmap(0, PAGE, ANON), Ok(0x7fff_f7ff_e000));
    assert_eq!(mmap(0, 1, ANON), Ok(0x7fff_f7ff_d000));
    assert_eq!(mmap(0, 0, ANON), Err(EINVAL));
    assert_eq!(mmap(0, u64::MAX, ANON), Err(ENOMEM));
    assert_eq!(mmap(0, 1 << 47, ANON), Err(ENOMEM));
    assert_eq!(mmap(0x1001, PAGE, FIXED), Err(EINVAL));
    assert_eq!(mmap(0x8000, PAGE, FIXED), Err(EPERM));
    assert_eq!(mmap(0x8000, PAGE, ANON), Ok(0x1_0000), "a wish below the lowest address becomes the lowest");
    assert_eq!(mmap(0x1_2345, PAGE, ANON), Ok(0x1_2000));
    assert_eq!(mmap(TASK_SIZE, PAGE, FIXED), Err(ENOMEM));
    assert_eq!(mmap(TASK_SIZE, PAGE, ANON), Ok(0x7fff_f7ff_c000), "a wish out of reach is forgotten");
    assert_eq!(mmap(0x1_2000, PAGE, ANON | MapFlags::FIXED_NOREPLACE), Err(EEXIST));
    assert_eq!(mmap(0, PAGE, MapFlags::ANONYMOUS), Err(EINVAL));
    assert_eq!(mmap(0, PAGE, ANON | MapFlags::SHARED), Err(EINVAL));
    assert_eq!(mmap(0, PAGE, MapFlags::ANONYMOUS | MapFlags::SHARED | MapFlags::GROWSDOWN), Err(EINVAL));
    assert_eq!(mmap(0, PAGE, ANON | MapFlags::HUGETLB), Err(ENOMEM));
    assert_eq!(mmap(0, PAGE, ANON | MapFlags::BITS_32), Ok(0x4000_0000));
    assert_eq!(mmap(0, PAGE, ANON | MapFlags::BITS_32), Ok(0x4000_1000));
    guest.exit();
}

#[test]
fn large_anonymous_memory_lies_at_a_multiple_of_2_mib() {
    let mut guest = Guest::new();
    guest.mmap(0x7fff_f7ff_5000, 0xa000, RW, FIXED).unwrap();
    assert_eq!(guest.mmap(0, 8 << 20, RW, ANON), Ok(0x7fff_f760_0000));
    assert_eq!(guest.mmap(0, (8 << 20) + PAGE, RW, ANON), Ok(0x7fff_f6df_f000));
    guest.mmap(0x7fff_f6c0_0000, 0x1f_f000, RW, FIXED).unwrap();
    assert_eq!(guest.mmap(0, 2 << 20, RW, ANON), Ok(0x7fff_f6a0_0000), "no room is lost at a multiple");
    guest.exit();
}

#[test]
fn many_tebibytes_cost_nothing() {
    let mut guest = Guest::new();
    guest.frames.commit.overcommit = Overcommit::Always;
    let before = guest.frames.in_use();
    let place = guest.mmap(0, 100 << 40, RW, ANON).unwrap();
    assert_eq!(guest.frames.in_use(), before);
    guest.write(place + (50 << 40), 1).unwrap();
    assert_eq!(guest.frames.in_use(), before + 4, "a page and its three tables");
    guest.munmap(place, 100 << 40).unwrap();
    assert_eq!(guest.frames.in_use(), before);
    assert_eq!(guest.mmap(0, 200 << 40, RW, ANON), Err(ENOMEM));
}

#[test]
fn mmap_keeps_its_distance_from_what_grows_down() {
    let mut guest = Guest::new();
    let top = 0x7fff_f7ff_f000;
    guest.mmap(top - PAGE, PAGE, RW, FIXED | MapFlags::GROWSDOWN).unwrap();
    assert_eq!(guest.mmap(0, PAGE, RW, ANON), Ok(top - 258 * PAGE));
    guest.mmap(top, PAGE, RW, FIXED | MapFlags::GROWSDOWN).unwrap();
    guest.munmap(top - PAGE, PAGE).unwrap();
    assert_eq!(guest.mmap(0, PAGE, Prot::READ, ANON), Ok(top - 257 * PAGE), "also if it lies above the base");
}

#[test]
fn without_room_below_the_base_mmap_looks_above_the_legacy_base() {
    let mut guest = Guest::new();
    guest.frames.commit.overcommit = Overcommit::Always;
    let below = 0x7fff_f7ff_f000 - 0x1_0000;
    guest.mmap(0x1_0000, below, RW, FIXED).unwrap();
    assert_eq!(guest.mmap(0, PAGE, RW, ANON), Ok(0x7fff_f7ff_f000));
}

#[test]
fn munmap_answers_as_linux() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, PAGE, RW, ANON).unwrap();
    assert_eq!(guest.munmap(p, 0), Err(EINVAL));
    assert_eq!(guest.munmap(p + 1, PAGE), Err(EINVAL));
    assert_eq!(guest.munmap(TASK_SIZE, PAGE), Err(EINVAL));
    assert_eq!(guest.munmap(TASK_SIZE - PAGE, 2 * PAGE), Err(EINVAL));
    assert_eq!(guest.munmap(0x1_0000, PAGE), Ok(()));
    assert_eq!(guest.munmap(p, 1), Ok(()));
    assert!(guest.maps().is_empty());
}

#[test]
fn mprotect_answers_as_linux() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, PAGE, RW, ANON).unwrap();
    let unknown = Prot::from_bits_retain(0x100);
    assert_eq!(guest.mprotect(p + 1, 1, RW), Err(EINVAL));
    assert_eq!(guest.mprotect(p, 0, unknown), Ok(()));
    assert_eq!(guest.mprotect(p, u64::MAX, RW), Err(ENOMEM));
    assert_eq!(guest.mprotect(0x1_0000, PAGE, RW), Err(ENOMEM));
    assert_eq!(guest.mprotect(0x1_0000, PAGE, unknown), Err(EINVAL));
    assert_eq!(guest.mprotect(p, PAGE, unknown), Err(EINVAL));
    assert_eq!(guest.mprotect(p, PAGE, Prot::READ | Prot::GROWSDOWN), Err(EINVAL));
    assert_eq!(guest.mprotect(p, PAGE, RW | Prot::GROWSDOWN | Prot::GROWSUP), Err(EINVAL));
    assert_eq!(guest.mprotect(p, PAGE, Prot::SEM), Ok(()));
    assert_eq!(guest.maps(), [format!("{p:x}-{:x} ---p", p + PAGE)]);
}

#[test]
fn mprotect_over_a_hole_changes_what_comes_before() {
    let mut guest = Guest::new();
    guest.mmap(0x10_0000, 2 * PAGE, RW, FIXED).unwrap();
    guest.mmap(0x10_3000, PAGE, RW, FIXED).unwrap();
    assert_eq!(guest.mprotect(0x10_1000, 3 * PAGE, Prot::READ), Err(ENOMEM));
    assert_eq!(guest.maps(), ["100000-101000 rw-p", "101000-102000 r--p", "103000-104000 rw-p"]);
    assert_eq!(guest.mprotect(0x10_1000, PAGE, RW), Ok(()));
    assert_eq!(guest.maps(), ["100000-102000 rw-p", "103000-104000 rw-p"]);
}

#[test]
fn neighbours_join_when_alike() {
    let mut guest = Guest::new();
    guest.mmap(0x10_0000, PAGE, RW, FIXED).unwrap();
    guest.mmap(0x10_2000, PAGE, RW, FIXED).unwrap();
    guest.mmap(0x10_1000, PAGE, RW, FIXED).unwrap();
    assert_eq!(guest.maps(), ["100000-103000 rw-p"]);
    guest.mmap(0x10_1000, PAGE, Prot::READ, FIXED).unwrap();
    assert_eq!(guest.maps(), ["100000-101000 rw-p", "101000-102000 r--p", "102000-103000 rw-p"]);
}

fn madvise(guest: &mut Guest, addr: u64, len: u64, advice: Advice) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(addr), len, advice))
}

#[test]
fn madvise_answers_as_linux() {
    for raw in 0..=25 {
        let Some(advice) = Advice::from_raw(raw) else {
            assert!((5..=7).contains(&raw), "{raw}");
            continue;
        };
        let mut guest = Guest::new();
        let p = guest.mmap(0, PAGE, RW, ANON).unwrap();
        let expected = if [9, 25].contains(&raw) { Err(EINVAL) } else { Ok(()) };
        assert_eq!(madvise(&mut guest, p, PAGE, advice), expected, "{advice:?}");
        assert_eq!(madvise(&mut guest, p + 1, PAGE, advice), Err(EINVAL));
        assert_eq!(madvise(&mut guest, p, 0, advice), Ok(()));
        assert_eq!(madvise(&mut guest, 0x1_0000, PAGE, advice), Err(ENOMEM));
        assert_eq!(madvise(&mut guest, 0x1_0000, u64::MAX, advice), Err(EINVAL));
        guest.exit();
    }
    assert_eq!(Advice::from_raw(99), None);
}

#[test]
fn madvise_passes_over_holes() {
    let mut guest = Guest::new();
    for at in [0x10_0000, 0x10_2000] {
        guest.mmap(at, PAGE, RW, FIXED).unwrap();
        guest.write(at, 7).unwrap();
    }
    assert_eq!(madvise(&mut guest, 0x10_0000, 3 * PAGE, Advice::DontNeed), Err(ENOMEM));
    assert_eq!((guest.read(0x10_0000), guest.read(0x10_2000)), (Ok(0), Ok(0)));
}

#[test]
fn msync_and_mincore_answer_as_linux() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, 2 * PAGE, RW, ANON).unwrap();
    guest.write(p + PAGE, 1).unwrap();
    let msync = |guest: &mut Guest, at, flags| {
        guest.run(|mm, cx| mm.msync(cx, LinearAddr(at), PAGE, MsyncFlags::from_bits_retain(flags)))
    };
    assert_eq!(msync(&mut guest, p, 4), Ok(()));
    assert_eq!(msync(&mut guest, p, 5), Err(EINVAL));
    assert_eq!(msync(&mut guest, p, 8), Err(EINVAL));
    assert_eq!(msync(&mut guest, p + 1, 4), Err(EINVAL));
    assert_eq!(msync(&mut guest, 0x2_0000, 4), Err(ENOMEM));
    let mincore =
        |guest: &mut Guest, at, len, vec| guest.run(|mm, cx| mm.mincore(cx, LinearAddr(at), len, LinearAddr(vec)));
    assert_eq!(mincore(&mut guest, p, 2 * PAGE, p + PAGE), Ok(()));
    assert_eq!((guest.read(p + PAGE), guest.read(p + PAGE + 1)), (Ok(0), Ok(1)));
    assert_eq!(mincore(&mut guest, p + 1, PAGE, p), Err(EINVAL));
    assert_eq!(mincore(&mut guest, 0x2_0000, PAGE, p), Err(ENOMEM));
    assert_eq!(mincore(&mut guest, p, PAGE, 0x2_0000), Err(Errno::EFAULT));
    assert_eq!(mincore(&mut guest, p, 0, 0x2_0000), Ok(()));
}

fn brk(guest: &mut Guest, to: u64) -> u64 {
    guest.run(|mm, cx| mm.brk(cx, LinearAddr(to))).0
}

#[test]
fn brk_moves_the_end_of_the_heap_or_says_where_it_is() {
    let mut guest = Guest::new();
    let start = 0x50_0000;
    guest.mmap(start - PAGE, PAGE, RW, FIXED).unwrap(); // bss
    guest.run(|mm, _| mm.set_brk_start(LinearAddr(start)));
    assert_eq!(brk(&mut guest, 0), start);
    assert_eq!(brk(&mut guest, start + 100), start + 100);
    guest.write(start + 99, 5).unwrap();
    assert_eq!(brk(&mut guest, start + 5000), start + 5000);
    assert_eq!(guest.read(start + 99), Ok(5));
    assert_eq!(guest.maps(), ["4ff000-500000 rw-p", "500000-502000 rw-p"], "the heap is not joined with the bss");
    let heap = *guest.mm().find_vma(LinearAddr(start)).unwrap();
    assert_eq!(guest.mm().vma_name(&heap), VmaName::Heap);
    assert_eq!(brk(&mut guest, start + 50), start + 50);
    assert_eq!(brk(&mut guest, start - 1), start + 50, "not below its start");
    assert_eq!(brk(&mut guest, 0x7fff_ffff_f001), start + 50);
    guest.mmap(start + 3 * PAGE, PAGE, RW, FIXED).unwrap();
    assert_eq!(brk(&mut guest, start + 2 * PAGE), start + 2 * PAGE);
    assert_eq!(brk(&mut guest, start + 2 * PAGE + 1), start + 2 * PAGE, "a page stays free before the next mapping");
    assert_eq!(brk(&mut guest, start), start);
    guest.limits(MmLimits { data: 2 * PAGE, ..MmLimits::default() });
    assert_eq!(brk(&mut guest, start + 2 * PAGE + 1), start, "RLIMIT_DATA");
    guest.exit();
}

#[test]
fn limits_hold() {
    let mut guest = Guest::new();
    guest.limits(MmLimits { address_space: 4 * PAGE, ..MmLimits::default() });
    let p = guest.mmap(0, 3 * PAGE, RW, ANON).unwrap();
    assert_eq!(guest.mmap(0, 2 * PAGE, RW, ANON), Err(ENOMEM));
    assert_eq!(guest.mmap(p, 4 * PAGE, RW, FIXED), Ok(p), "what is replaced does not count");
    guest.limits(MmLimits { data: 4 * PAGE, ..MmLimits::default() });
    assert_eq!(guest.mmap(0, PAGE, RW, ANON), Err(ENOMEM));
    let q = guest.mmap(0, PAGE, Prot::READ, ANON).unwrap();
    assert_eq!(guest.mprotect(q, PAGE, RW), Err(ENOMEM));
    guest.exit();
}

#[test]
fn the_number_of_mappings_is_bounded() {
    let mut guest = Guest::new();
    let at = |i: usize| 0x1000_0000 + i as u64 * 2 * PAGE;
    for i in 0..MAX_MAP_COUNT - 1 {
        guest.mmap(at(i), PAGE, RW, FIXED).unwrap();
    }
    assert_eq!(guest.mmap(at(MAX_MAP_COUNT), 3 * PAGE, RW, FIXED), Ok(at(MAX_MAP_COUNT)));
    assert_eq!(guest.mmap(at(MAX_MAP_COUNT + 2), PAGE, RW, FIXED), Ok(at(MAX_MAP_COUNT + 2)), "one more, as on Linux");
    assert_eq!(guest.mmap(0, PAGE, RW, ANON), Err(ENOMEM));
    assert_eq!(guest.mprotect(at(MAX_MAP_COUNT), PAGE, Prot::READ), Err(ENOMEM));
    assert_eq!(guest.munmap(at(MAX_MAP_COUNT) + PAGE, PAGE), Err(ENOMEM), "it would be two");
    assert_eq!(guest.munmap(at(MAX_MAP_COUNT), PAGE), Ok(()));
    guest.exit();
}

#[test]
fn the_initial_stack_is_132_kib() {
    let mut guest = Guest::new();
    guest.run(|mm, cx| mm.setup_arg_pages(cx, 100, RW)).unwrap();
    assert_eq!(guest.maps(), ["7ffffffde000-7ffffffff000 rw-p"]);
    let stack = *guest.mm().find_vma(LinearAddr(STACK_TOP.0 - 1)).unwrap();
    assert_eq!(guest.mm().vma_name(&stack), VmaName::Stack);
    assert_eq!(guest.mprotect(STACK_TOP.0 - PAGE, PAGE, Prot::READ | Prot::GROWSDOWN), Ok(()));
    assert_eq!(guest.maps(), ["7ffffffde000-7ffffffff000 r--p"]);
    guest.exit();
}

#[test]
fn a_file_s_mode_bounds_its_mappings() {
    use crate::mm::{FileMode, MapSource};
    let mut guest = Guest::new();
    let inode = guest.file(&[1; 100]);
    let mut map = |prot, flags, offset, mode| {
        let source = MapSource::File { inode, offset, mode };
        guest.run(|mm, cx| mm.mmap(cx, LinearAddr(0), PAGE, prot, flags, source)).map(|la| la.0)
    };
    let (shared, private) = (MapFlags::SHARED, MapFlags::PRIVATE);
    assert_eq!(map(RW, shared, 0, FileMode::READ), Err(EACCES));
    assert_eq!(map(Prot::READ, private, 0, FileMode::WRITE), Err(EACCES));
    assert_eq!(map(Prot::READ, MapFlags::empty(), 0, FileMode::READ), Err(EINVAL));
    assert_eq!(map(Prot::READ, shared, 1, FileMode::READ), Err(EINVAL));
    assert_eq!(map(Prot::READ, private | MapFlags::GROWSDOWN, 0, FileMode::READ), Err(EINVAL));
    assert_eq!(map(Prot::READ, private, u64::MAX - PAGE + 1, FileMode::READ), Err(Errno::EOVERFLOW));
    assert_eq!(map(Prot::READ, shared | private | MapFlags::SYNC, 0, FileMode::READ), Err(Errno::EOPNOTSUPP));
    let p = map(Prot::READ, shared, 0, FileMode::READ).unwrap();
    assert_eq!(guest.mprotect(p, PAGE, RW), Err(EACCES));
    assert_eq!(madvise(&mut guest, p, PAGE, Advice::Remove), Err(EACCES));
    assert_eq!(madvise(&mut guest, p, PAGE, Advice::Free), Err(EINVAL));
    assert_eq!(madvise(&mut guest, p, PAGE, Advice::WipeOnFork), Err(EINVAL));
    guest.exit();
}
