//! Mappings of files, and programs.

use crate::fs::InodeId;
use crate::mm::frames::FrameUse;
use crate::mm::testing::{Guest, PAGE, RW};
use crate::mm::{Advice, FileMode, MapFlags, MapSource, MremapFlags, MsyncFlags, Prot, SignalKind, VmaName};
use arch::{AccessKind, LinearAddr};
use event::Resolution::{Bus, CopiedOnWrite, FileCached, FileRead, ReusedOnWrite};
use loader::{AddrRange, AnonymousPages, FilePages, Kind, LoadPlan, Protection, Segment, StackProtection, ZeroTail};

const AT: u64 = 0x10_0000;

fn bytes() -> Vec<u8> {
    (0..3 * PAGE as usize - 100).map(|i| (i / PAGE as usize) as u8 + 1).collect()
}

fn map(guest: &mut Guest, at: u64, inode: InodeId, prot: Prot, flags: MapFlags) {
    let source = MapSource::File { inode, offset: 0, mode: FileMode::READ | FileMode::WRITE };
    let flags = flags | MapFlags::FIXED;
    guest.run(|mm, cx| mm.mmap(cx, LinearAddr(at), 4 * PAGE, prot, flags, source)).unwrap();
}

#[test]
fn a_private_mapping_shows_the_file_and_copies_on_write() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    map(&mut guest, AT, inode, RW, MapFlags::PRIVATE);
    assert_eq!([0, 1, 2].map(|i| guest.read(AT + i * PAGE).unwrap()), [1, 2, 3]);
    assert_eq!(guest.read(AT + 3 * PAGE - 1), Ok(0), "beyond the end of the file, in its last page");
    assert_eq!(guest.faults(), [FileRead, FileRead, FileRead]);
    guest.write(AT, 77).unwrap();
    assert_eq!((guest.read(AT), guest.read(AT + 1)), (Ok(77), Ok(1)));
    assert_eq!(guest.faults(), [CopiedOnWrite]);
    let bus = guest.read(AT + 3 * PAGE + 5).unwrap_err();
    assert_eq!((bus.signal, bus.code, bus.addr.0), (SignalKind::Bus, 2, AT + 3 * PAGE + 5));
    assert_eq!(guest.faults(), [Bus]);
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(AT), PAGE, Advice::DontNeed)).unwrap();
    assert_eq!(guest.read(AT), Ok(1), "the file's bytes again");
    assert_eq!(guest.faults(), [FileCached]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_first_write_to_a_private_mapping_copies_at_once() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    map(&mut guest, AT, inode, RW, MapFlags::PRIVATE);
    guest.write(AT + PAGE, 9).unwrap();
    assert_eq!((guest.faults(), guest.read(AT + PAGE + 1)), (vec![CopiedOnWrite], Ok(2)));
    map(&mut guest, AT, inode, Prot::READ, MapFlags::PRIVATE);
    assert_eq!(guest.read(AT + PAGE), Ok(2));
    guest.exit();
}

#[test]
fn shared_mappings_write_the_page_cache() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    map(&mut guest, AT, inode, RW, MapFlags::SHARED);
    map(&mut guest, 2 * AT, inode, Prot::READ, MapFlags::PRIVATE);
    assert_eq!(guest.read(2 * AT), Ok(1));
    guest.read(AT).unwrap();
    guest.write(AT, 50).unwrap();
    guest.write(AT + PAGE, 51).unwrap();
    assert_eq!(guest.faults(), [FileRead, FileCached, ReusedOnWrite, FileRead]);
    assert_eq!((guest.read(2 * AT), guest.read(2 * AT + PAGE)), (Ok(50), Ok(51)));
    guest.run(|mm, cx| mm.msync(cx, LinearAddr(AT), 4 * PAGE, MsyncFlags::SYNC)).unwrap();
    assert!(!guest.pte(AT).dirty() && !guest.pte(AT).writable(), "the next write is noticed");
    guest.faults();
    guest.write(AT, 52).unwrap();
    assert_eq!(guest.faults(), [ReusedOnWrite]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_writable_mount_gets_what_a_shared_mapping_wrote() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    let on_host = |guest: &Guest, at: u64| std::fs::read(guest.host_file()).unwrap()[at as usize];
    map(&mut guest, AT, inode, RW, MapFlags::SHARED);
    guest.write(AT + 3, 80).unwrap();
    guest.run(|mm, cx| mm.msync(cx, LinearAddr(AT), PAGE, MsyncFlags::SYNC)).unwrap();
    assert_eq!(on_host(&guest, 3), 80);
    guest.write(AT + 4, 81).unwrap();
    guest.write(AT + PAGE, 82).unwrap();
    guest.munmap(AT, PAGE).unwrap();
    assert_eq!((on_host(&guest, 4), on_host(&guest, PAGE)), (81, 2));
    let guest = guest.exit();
    assert_eq!(on_host(&guest, PAGE), 82, "exit writes back too");
    assert_eq!(std::fs::metadata(guest.host_file()).unwrap().len(), bytes().len() as u64);
}

#[test]
fn a_part_that_moves_keeps_its_place_in_the_file() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    map(&mut guest, AT, inode, RW, MapFlags::PRIVATE);
    let flags = MremapFlags::MAYMOVE | MremapFlags::FIXED;
    let (from, to) = (LinearAddr(AT + PAGE), LinearAddr(2 * AT));
    guest.run(|mm, cx| mm.mremap(cx, from, PAGE, 2 * PAGE, flags, to)).unwrap();
    assert_eq!((guest.read(2 * AT), guest.read(2 * AT + PAGE)), (Ok(2), Ok(3)));
    assert_eq!((guest.read(AT), guest.read(AT + 2 * PAGE)), (Ok(1), Ok(3)));
    guest.exit();
}

#[test]
fn each_mapping_holds_one_reference_to_its_file() {
    let mut guest = Guest::new();
    let inode = guest
        .run(|_, cx| {
            let (mut fs, vfs) = cx.fs();
            vfs.shmem_file_setup(&mut fs, b"dev/zero", 4 * PAGE)
        })
        .unwrap();
    map(&mut guest, AT, inode, RW, MapFlags::SHARED);
    guest.put(inode); // only mappings keep it now
    guest.write(AT, 9).unwrap();
    guest.write(AT + 2 * PAGE, 11).unwrap();
    guest.mprotect(AT + PAGE, PAGE, Prot::READ).unwrap();
    assert_eq!(guest.maps().len(), 3);
    guest.mprotect(AT + PAGE, PAGE, RW).unwrap();
    assert_eq!(guest.maps().len(), 1, "contiguous offsets join");
    guest.munmap(AT + PAGE, PAGE).unwrap();
    guest.munmap(AT, PAGE).unwrap();
    assert_eq!(guest.read(AT + 2 * PAGE), Ok(11));
    assert_eq!(guest.count(FrameUse::Shmem), 2);
    let vma = *guest.mm().find_vma(LinearAddr(AT)).unwrap();
    assert_eq!(guest.mm().vma_name(&vma), VmaName::File(inode));
    guest.munmap(AT, 4 * PAGE).unwrap();
    assert_eq!(guest.count(FrameUse::Shmem), 0, "the last mapping took the object along");
    guest.exit();
}

#[test]
fn clean_pages_of_files_make_room_for_memory() {
    let mut guest = Guest::with_ram(1 << 20);
    let inode = guest.file(&vec![1; 128 * PAGE as usize]);
    let source = MapSource::File { inode, offset: 0, mode: FileMode::READ };
    let at = LinearAddr(AT);
    guest.run(|mm, cx| mm.mmap(cx, at, 128 * PAGE, Prot::READ, MapFlags::PRIVATE | MapFlags::FIXED, source)).unwrap();
    for i in 0..128 {
        guest.read(AT + i * PAGE).unwrap();
    }
    guest.munmap(AT, 128 * PAGE).unwrap();
    let p = guest.mmap(0, 200 * PAGE, RW, crate::mm::testing::ANON).unwrap();
    for i in 0..200 {
        guest.write(p + i * PAGE, 1).unwrap();
    }
    guest.exit();
}

fn range(start: u64, end: u64) -> AddrRange {
    AddrRange { start: LinearAddr(start), end: LinearAddr(end) }
}

/// Text of one page, then data whose bytes end within its page and whose bss goes on for two more.
fn plan() -> LoadPlan {
    let (rx, rw) = (Protection::READ | Protection::EXEC, Protection::READ | Protection::WRITE);
    let text = Segment {
        memory: range(0x40_0000, 0x40_0800),
        file_bytes: 0x800,
        file_offset: 0,
        protection: rx,
        file: Some(FilePages { range: range(0x40_0000, 0x40_1000), offset: 0, protection: rx }),
        zero: None,
        anonymous: None,
    };
    let data = Segment {
        memory: range(0x40_2000, 0x40_4010),
        file_bytes: 0x10,
        file_offset: PAGE,
        protection: rw,
        file: Some(FilePages { range: range(0x40_2000, 0x40_3000), offset: PAGE, protection: rw }),
        zero: Some(ZeroTail { range: range(0x40_2010, 0x40_3000) }),
        anonymous: Some(AnonymousPages { range: range(0x40_3000, 0x40_5000), protection: rw }),
    };
    LoadPlan {
        kind: Kind::Exec,
        bias: 0,
        segments: vec![text, data],
        entry: LinearAddr(0x40_0000),
        phdr: LinearAddr(0x40_0040),
        phnum: 2,
        phent: 56,
        brk_start: LinearAddr(0x40_5000),
        stack: StackProtection::NotExecutable,
        tls: None,
        relro: None,
        interpreter: None,
        missing_file_bytes: 0,
    }
}

#[test]
fn a_program_is_mapped_as_linux_maps_it() {
    let mut guest = Guest::new();
    let inode = guest.file(&bytes());
    guest.run(|mm, cx| mm.map_program(cx, &plan(), inode, 10_000)).unwrap();
    assert_eq!(
        guest.maps(),
        ["400000-401000 r-xp", "402000-403000 rw-p", "403000-405000 rw-p", "7ffffffdc000-7ffffffff000 rw-p"]
    );
    assert_eq!(guest.faults(), [CopiedOnWrite], "only the tail of the data is touched");
    assert_eq!(guest.mm().resident_pages(), 1);
    assert_eq!((guest.read(0x40_200f), guest.read(0x40_2010), guest.read(0x40_4fff)), (Ok(2), Ok(0), Ok(0)));
    guest.fetch(0x40_0000).unwrap();
    assert!(guest.write(0x40_0000, 1).is_err());
    assert_eq!(guest.access(0x7fff_ffff_eff8, AccessKind::Write).map(|_| ()), Ok(()));
    assert_eq!(guest.mm().start_brk(), LinearAddr(0x40_5000));
    guest.check_tables();
    guest.exit();
}
