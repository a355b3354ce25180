//! fork: what the child has, who copies, and who may reuse. What Linux does was observed on Linux 6.18 by counting faults.

use crate::fs::InodeId;
use crate::mm::frames::FrameUse;
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{Advice, FileMode, MapFlags, MapSource, MmLimits, MremapFlags, Prot, VmFlags};
use crate::{Errno, mm::VmaName};
use arch::{AccessKind, LinearAddr};
use event::Resolution::{CopiedOnWrite, FileCached, ReusedOnWrite, ZeroPage};

const AT: u64 = 0x10_0000;
const SHARED_FIXED: MapFlags = MapFlags::SHARED.union(MapFlags::ANONYMOUS).union(MapFlags::FIXED);

/// A guest with `pages` pages at [`AT`], page `i` written with `10 + i`.
fn guest(pages: u64) -> Guest {
    let mut guest = Guest::new();
    guest.mmap(AT, pages * PAGE, RW, FIXED).unwrap();
    (0..pages).for_each(|i| guest.write(AT + i * PAGE, 10 + i as u8).unwrap());
    guest.faults();
    guest
}

fn map_file(guest: &mut Guest, at: u64, inode: InodeId, flags: MapFlags) {
    let source = MapSource::File { inode, offset: 0, mode: FileMode::READ | FileMode::WRITE };
    guest.run(|mm, cx| mm.mmap(cx, LinearAddr(at), 4 * PAGE, RW, flags | MapFlags::FIXED, source)).unwrap();
}

fn advise(guest: &mut Guest, at: u64, len: u64, advice: Advice) {
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(at), len, advice)).unwrap();
}

fn vma_flags(guest: &Guest, at: u64) -> VmFlags {
    guest.mm().vmas.containing(LinearAddr(at)).unwrap().flags
}

#[test]
fn the_entries_are_the_parent_s_without_rw() {
    let mut guest = guest(1);
    let frame = guest.pte(AT).frame();
    assert_eq!(guest.pte(AT).0 & 0x8000_0000_0000_0fff, 0x8000_0000_0000_0067); // P RW US A D XD
    let child = guest.fork().unwrap();
    assert_eq!(guest.pte(AT).0 & 0x8000_0000_0000_0fff, 0x8000_0000_0000_0065, "only R/W went");
    guest.check_tables();
    guest.switch(child);
    assert_eq!(guest.pte(AT).0 & 0x8000_0000_0000_0fff, 0x8000_0000_0000_0045, "the child's is old too, but dirty");
    assert_eq!(guest.pte(AT).frame(), frame);
    assert_eq!(guest.mm().resident_pages(), 1);
    assert_eq!(guest.mm().peak_resident_pages(), 1);
    guest.exit();
}

#[test]
fn the_child_s_peak_starts_with_what_it_has() {
    let mut guest = guest(6);
    guest.munmap(AT, 4 * PAGE).unwrap();
    let child = guest.fork().unwrap();
    assert_eq!((guest.mm().resident_pages(), guest.mm().peak_resident_pages()), (2, 6));
    guest.switch(child);
    assert_eq!((guest.mm().resident_pages(), guest.mm().peak_resident_pages()), (2, 2));
    guest.exit();
}

#[test]
fn whoever_writes_first_copies_and_the_other_reuses() {
    for child_first in [true, false] {
        let mut guest = guest(1);
        let (frame, parent) = (guest.pte(AT).frame(), event::Pid(1));
        let child = guest.fork().unwrap();
        let (first, second) = if child_first { (child, parent) } else { (parent, child) };
        guest.switch(first);
        guest.write(AT, 20).unwrap();
        assert_eq!((guest.faults(), guest.read(AT)), (vec![CopiedOnWrite], Ok(20)));
        assert_ne!(guest.pte(AT).frame(), frame);
        guest.switch(second);
        assert_eq!(guest.read(AT), Ok(10));
        guest.write(AT, 30).unwrap();
        assert_eq!((guest.faults(), guest.pte(AT).frame()), (vec![ReusedOnWrite], frame));
        guest.check_tables();
        guest.switch(first);
        assert_eq!(guest.read(AT), Ok(20));
        guest.exit();
    }
}

#[test]
fn a_page_is_reused_when_the_others_have_gone() {
    let mut guest = guest(2);
    let child = guest.fork().unwrap();
    guest.kill(child);
    guest.write(AT, 20).unwrap();
    guest.write(AT, 21).unwrap();
    assert_eq!((guest.faults(), guest.read(AT + PAGE)), (vec![ReusedOnWrite], Ok(11)));
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| guest.munmap(AT, PAGE).unwrap());
    guest.write(AT, 22).unwrap();
    guest.write(AT + PAGE, 23).unwrap();
    assert_eq!(guest.faults(), [ReusedOnWrite, CopiedOnWrite]);
    guest.exit();
}

#[test]
fn three_owners_are_two_copies_and_a_reuse() {
    let mut guest = guest(1);
    let (a, b) = (guest.fork().unwrap(), guest.fork().unwrap());
    let frame = guest.access(AT, AccessKind::Read).unwrap();
    assert_eq!((guest.frames.get(frame).maps, guest.frames.get(frame).refs), (3, 3));
    guest.write(AT, 20).unwrap();
    guest.as_process(a, |guest| guest.write(AT, 21).unwrap());
    guest.as_process(b, |guest| guest.write(AT + 1, 22).unwrap());
    assert_eq!(guest.faults(), [CopiedOnWrite, CopiedOnWrite, ReusedOnWrite]);
    assert_eq!(guest.read(AT), Ok(20));
    assert_eq!(guest.as_process(a, |guest| guest.read(AT)), Ok(21));
    assert_eq!(guest.as_process(b, |guest| (guest.read(AT), guest.read(AT + 1))), (Ok(10), Ok(22)));
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_fork_of_a_fork_shares_with_both() {
    let mut guest = guest(2);
    let child = guest.fork().unwrap();
    guest.switch(child);
    guest.write(AT, 20).unwrap();
    let grandchild = guest.fork().unwrap();
    guest.write(AT, 30).unwrap();
    guest.write(AT + PAGE, 31).unwrap();
    guest.switch(grandchild);
    assert_eq!((guest.read(AT), guest.read(AT + PAGE)), (Ok(20), Ok(11)));
    guest.kill(child);
    guest.kill(event::Pid(1));
    guest.faults();
    guest.write(AT, 40).unwrap();
    guest.write(AT + PAGE, 41).unwrap();
    assert_eq!(guest.faults(), [ReusedOnWrite, ReusedOnWrite]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn writable_again_only_if_no_fork_shared_the_page_since_its_last_write() {
    let mut guest = guest(1);
    let again = |guest: &mut Guest| {
        guest.mprotect(AT, PAGE, Prot::READ).unwrap();
        guest.mprotect(AT, PAGE, RW).unwrap();
        guest.write(AT, 5).unwrap();
        guest.faults()
    };
    assert_eq!(again(&mut guest), []);
    let child = guest.fork().unwrap();
    guest.kill(child);
    assert_eq!(again(&mut guest), [ReusedOnWrite]);
    assert_eq!(again(&mut guest), []);
    guest.fork().unwrap();
    assert_eq!(again(&mut guest), [CopiedOnWrite]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn pages_without_rights_are_copied_too() {
    let mut guest = guest(1);
    guest.mprotect(AT, PAGE, Prot::empty()).unwrap();
    let child = guest.fork().unwrap();
    guest.check_tables();
    for pid in [child, event::Pid(1)] {
        guest.switch(pid);
        assert!(guest.read(AT).is_err());
        guest.mprotect(AT, PAGE, RW).unwrap();
        assert_eq!(guest.read(AT), Ok(10));
        guest.faults();
        guest.write(AT, pid.0 as u8).unwrap();
    }
    assert_eq!(guest.faults(), [ReusedOnWrite]);
    assert_eq!(guest.as_process(child, |guest| guest.read(AT)), Ok(2));
    guest.exit();
}

#[test]
fn a_zero_page_is_copied_only_beside_anonymous_pages() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.read(AT).unwrap();
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| assert_eq!(guest.pte(AT).0, 0));
    guest.write(AT + PAGE, 1).unwrap();
    let child = guest.fork().unwrap();
    guest.switch(child);
    assert!(guest.pte(AT).present());
    assert_eq!(guest.mm().resident_pages(), 1);
    guest.faults();
    guest.write(AT, 2).unwrap();
    assert_eq!(guest.faults(), [CopiedOnWrite]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn private_pages_of_a_file_are_copied_once_one_was_written() {
    let mut guest = Guest::new();
    let inode = guest.file(&[7; 4 * PAGE as usize]);
    map_file(&mut guest, AT, inode, MapFlags::PRIVATE);
    guest.read(AT + PAGE).unwrap();
    let unwritten = guest.fork().unwrap();
    guest.write(AT, 20).unwrap();
    let written = guest.fork().unwrap();
    advise(&mut guest, AT, PAGE, Advice::DontNeed);
    let once_written = guest.fork().unwrap();
    guest.faults();
    for (child, faults, byte) in [(unwritten, vec![FileCached], 7), (written, vec![], 20), (once_written, vec![], 7)] {
        guest.switch(child);
        guest.read(AT + PAGE).unwrap();
        assert_eq!(guest.faults(), faults, "{child:?}");
        assert_eq!(guest.read(AT), Ok(byte));
        guest.faults();
    }
    guest.check_tables();
    guest.exit();
}

#[test]
fn shared_memory_is_seen_by_both() {
    let mut guest = Guest::new();
    guest.mmap(AT, 4 * PAGE, RW, SHARED_FIXED).unwrap();
    let inode = guest.file(&[7; 4 * PAGE as usize]);
    map_file(&mut guest, 2 * AT, inode, MapFlags::SHARED);
    guest.write(AT, 1).unwrap();
    guest.write(2 * AT, 2).unwrap();
    let child = guest.fork().unwrap();
    assert!(guest.pte(AT).writable() && guest.pte(2 * AT).writable(), "nothing to copy on write");
    guest.switch(child);
    assert_eq!((guest.pte(AT).0, guest.pte(2 * AT).0, guest.mm().resident_pages()), (0, 0, 0));
    assert_eq!((guest.read(AT), guest.read(2 * AT)), (Ok(1), Ok(2)));
    guest.write(AT, 3).unwrap();
    guest.write(2 * AT + PAGE, 4).unwrap();
    guest.write(AT + 3 * PAGE, 5).unwrap();
    guest.check_tables();
    guest.switch(event::Pid(1));
    assert_eq!([AT, 2 * AT + PAGE, AT + 3 * PAGE].map(|la| guest.read(la).unwrap()), [3, 4, 5]);
    guest.exit();
}

#[test]
fn each_process_holds_the_files_it_maps() {
    let mut guest = Guest::new();
    let inode = guest
        .run(|_, cx| {
            let (mut fs, vfs) = cx.fs();
            vfs.shmem_file_setup(&mut fs, b"dev/zero", 4 * PAGE)
        })
        .unwrap();
    map_file(&mut guest, AT, inode, MapFlags::SHARED);
    guest.put(inode); // only mappings keep it now
    guest.write(AT, 9).unwrap();
    let child = guest.fork().unwrap();
    guest.munmap(AT, 4 * PAGE).unwrap();
    guest.switch(child);
    assert_eq!(guest.read(AT), Ok(9));
    guest.munmap(AT, 4 * PAGE).unwrap();
    assert_eq!(guest.count(FrameUse::File), 0, "the last mapping took the object along");
    guest.exit();
}

#[test]
fn advice_says_what_a_child_does_not_get() {
    let mut guest = guest(3);
    advise(&mut guest, AT, PAGE, Advice::DontFork);
    advise(&mut guest, AT + PAGE, PAGE, Advice::WipeOnFork);
    let child = guest.fork().unwrap();
    assert_eq!([0, 1, 2].map(|i| guest.pte(AT + i * PAGE).writable()), [true, true, false]);
    guest.switch(child);
    assert!(guest.read(AT).is_err());
    assert_eq!((guest.read(AT + PAGE), guest.read(AT + 2 * PAGE)), (Ok(0), Ok(12)));
    guest.write(AT + PAGE, 50).unwrap();
    let grandchild = guest.fork().unwrap();
    guest.check_tables();
    guest.switch(grandchild);
    assert_eq!(guest.read(AT + PAGE), Ok(0), "wiped at each fork");
    guest.switch(event::Pid(1));
    assert_eq!([0, 1, 2].map(|i| guest.read(AT + i * PAGE).unwrap()), [10, 11, 12]);
    advise(&mut guest, AT, 2 * PAGE, Advice::DoFork);
    advise(&mut guest, AT, 2 * PAGE, Advice::KeepOnFork);
    let child = guest.fork().unwrap();
    assert_eq!(guest.as_process(child, |guest| (guest.read(AT), guest.read(AT + PAGE))), (Ok(10), Ok(11)));
    guest.exit();
}

#[test]
fn a_child_is_not_locked() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED | MapFlags::LOCKED).unwrap();
    let child = guest.fork().unwrap();
    assert!(vma_flags(&guest, AT).contains(VmFlags::LOCKED));
    guest.switch(child);
    assert!(!vma_flags(&guest, AT).contains(VmFlags::LOCKED));
    guest.exit();
}

#[test]
fn places_and_limits_are_inherited() {
    let mut guest = Guest::new();
    guest.run(|mm, cx| {
        mm.setup_arg_pages(cx, PAGE, RW).unwrap();
        mm.set_start_stack(LinearAddr(0x7fff_ffff_e000));
        mm.set_brk_start(LinearAddr(AT));
        assert_eq!(mm.brk(cx, LinearAddr(AT + 100)), LinearAddr(AT + 100));
    });
    guest.limits(MmLimits { stack: 1 << 30, data: 64 << 20, ..MmLimits::default() });
    let (maps, top) = (guest.maps(), guest.mm().mmap_base);
    let child = guest.fork().unwrap();
    guest.switch(child);
    assert_eq!((guest.maps(), guest.mm().mmap_base, guest.mm().limits().stack), (maps, top, 1 << 30));
    assert_eq!(guest.mmap(0, PAGE, RW, ANON), Ok(top.0 - PAGE));
    let mm = guest.mm();
    assert_eq!((mm.start_brk().0, mm.end_brk().0, mm.start_stack().0), (AT, AT + 100, 0x7fff_ffff_e000));
    let names: Vec<_> = mm.vmas().map(|vma| mm.vma_name(vma)).collect();
    assert_eq!(names, [VmaName::Heap, VmaName::Anonymous, VmaName::Stack]);
    guest.exit();
}

/// What a process does to its pages.
type Change = fn(&mut Guest);

#[test]
fn what_one_does_to_its_mappings_leaves_the_other() {
    let changes: [(&str, Change); 6] = [
        ("munmap", |guest| guest.munmap(AT, 4 * PAGE).unwrap()),
        ("mprotect", |guest| guest.mprotect(AT, 4 * PAGE, Prot::empty()).unwrap()),
        ("mremap", |guest| {
            let flags = MremapFlags::MAYMOVE | MremapFlags::FIXED;
            let (from, to) = (LinearAddr(AT), LinearAddr(4 * AT));
            guest.run(|mm, cx| mm.mremap(cx, from, 4 * PAGE, 8 * PAGE, flags, to)).unwrap();
            guest.write(4 * AT, 99).unwrap();
        }),
        ("madvise", |guest| advise(guest, AT, 4 * PAGE, Advice::DontNeed)),
        ("brk", |guest| _ = guest.run(|mm, cx| mm.brk(cx, LinearAddr(AT)))),
        ("copy_to_user", |guest| {
            guest.run(|mm, cx| mm.clear_user(cx, LinearAddr(AT), 4 * PAGE)).unwrap();
        }),
    ];
    for (name, change) in changes {
        for child_changes in [true, false] {
            let mut guest = Guest::new();
            guest.run(|mm, cx| {
                mm.set_brk_start(LinearAddr(AT));
                mm.brk(cx, LinearAddr(AT + 4 * PAGE))
            });
            (0..4).for_each(|i| guest.write(AT + i * PAGE, 10 + i as u8).unwrap());
            let child = guest.fork().unwrap();
            let (one, other) = if child_changes { (child, event::Pid(1)) } else { (event::Pid(1), child) };
            guest.switch(one);
            change(&mut guest);
            guest.check_tables();
            guest.switch(other);
            assert_eq!([0, 1, 2, 3].map(|i| guest.read(AT + i * PAGE).unwrap()), [10, 11, 12, 13], "{name}");
            (0..4).for_each(|i| guest.write(AT + i * PAGE, 1).unwrap());
            guest.check_tables();
            guest.exit();
        }
    }
}

#[test]
fn entries_of_many_tables_are_copied() {
    let mut guest = Guest::new();
    let places =
        [AT, 0x1f_f000, 0x20_0000, 0x4000_0000 - PAGE, 0x4000_0000, 0x7f_ffff_f000, 0x80_0000_0000, 0x7000_0000_0000];
    guest.mmap(AT, 0x7100_0000_0000, RW, FIXED | MapFlags::NORESERVE).unwrap();
    for (i, la) in places.into_iter().enumerate() {
        guest.write(la, i as u8 + 1).unwrap();
    }
    let child = guest.fork().unwrap();
    guest.check_tables();
    guest.switch(child);
    assert_eq!(guest.mm().resident_pages(), places.len() as u64);
    for (i, la) in places.into_iter().enumerate() {
        assert_eq!(guest.read(la), Ok(i as u8 + 1));
    }
    guest.exit();
}

/// Takes frames until `left` are free.
fn use_up(guest: &mut Guest, left: u64) {
    while guest.frames.in_use() + left < guest.frames.total() {
        guest.frames.alloc(FrameUse::Reserved).unwrap();
    }
}

#[test]
fn without_frames_there_is_no_child_and_the_parent_goes_on() {
    for left in 0..7 {
        let mut guest = guest(2);
        guest.mmap(0x7000_0000_0000, PAGE, RW, FIXED).unwrap();
        guest.write(0x7000_0000_0000, 5).unwrap();
        use_up(&mut guest, left);
        let in_use = guest.frames.in_use();
        assert_eq!(guest.fork().map(|_| ()), Err(Errno::ENOMEM), "root, and 2 times 3 tables below it");
        assert_eq!(guest.frames.in_use(), in_use);
        guest.check_tables();
        guest.faults();
        guest.write(AT, 20).unwrap();
        guest.write(0x7000_0000_0000, 6).unwrap();
        assert!(guest.faults().iter().all(|resolution| *resolution == ReusedOnWrite));
        assert_eq!((guest.read(AT), guest.read(AT + PAGE), guest.read(0x7000_0000_0000)), (Ok(20), Ok(11), Ok(6)));
        guest.check_tables();
    }
    let mut guest = guest(2);
    use_up(&mut guest, 4);
    assert!(guest.fork().is_ok(), "4 frames are enough for one place");
}

#[test]
fn clean_pages_of_files_make_room_for_a_child() {
    let mut guest = guest(2);
    let inode = guest.file(&[7; 8 * PAGE as usize]);
    map_file(&mut guest, 2 * AT, inode, MapFlags::PRIVATE);
    (0..4).for_each(|i| _ = guest.read(2 * AT + i * PAGE).unwrap());
    guest.munmap(2 * AT, 4 * PAGE).unwrap();
    use_up(&mut guest, 2);
    let child = guest.fork().unwrap();
    guest.check_tables();
    guest.switch(child);
    assert_eq!(guest.read(AT), Ok(10));
}

#[test]
fn nothing_to_protect_is_nothing_to_flush() {
    let mut guest = guest(1);
    guest.fork().unwrap();
    guest.mmap(2 * AT, PAGE, RW, FIXED).unwrap();
    assert_eq!(guest.read(2 * AT), Ok(0));
    assert_eq!(guest.faults(), [ZeroPage]);
    assert_eq!(guest.cached(), [2 * AT]);
    guest.fork().unwrap();
    assert_eq!(guest.cached(), [2 * AT], "the first fork had taken R/W already");
    guest.write(AT, 1).unwrap();
    guest.fork().unwrap();
    assert_eq!(guest.cached(), [], "flush_tlb_mm");
    guest.exit();
}
