//! What a debugger reads and writes, whatever the mapping allows.

use crate::mm::testing::{FIXED, Guest, PAGE, RW};
use crate::mm::{FileMode, MapFlags, MapSource, Prot, ThpMode};
use arch::{LinearAddr, Pte};

const AT: u64 = 0x20_0000;
const PMD: u64 = 2 << 20;

fn read(guest: &mut Guest, at: u64, len: usize) -> Vec<u8> {
    let mut buf = vec![0; len];
    let done = guest.run(|mm, cx| mm.read_remote(cx, LinearAddr(at), &mut buf));
    buf.truncate(done);
    buf
}

fn write(guest: &mut Guest, at: u64, bytes: &[u8]) -> usize {
    guest.run(|mm, cx| mm.write_remote(cx, LinearAddr(at), bytes))
}

fn map_file(guest: &mut Guest, at: u64, prot: Prot, flags: MapFlags, mode: FileMode) {
    let inode = guest.file(&[7; 3 * PAGE as usize]);
    let source = MapSource::File { inode, offset: 0, mode };
    guest.run(|mm, cx| mm.mmap(cx, LinearAddr(at), 2 * PAGE, prot, flags | MapFlags::FIXED, source)).unwrap();
}

/// The entry of a page as it was, but for D and the frame.
fn rights(pte: Pte) -> [bool; 3] {
    [pte.present(), pte.writable(), pte.no_execute()]
}

#[test]
fn a_transfer_ends_where_memory_does() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    assert_eq!(write(&mut guest, AT + PAGE - 2, b"abcd"), 4);
    assert_eq!(read(&mut guest, AT + PAGE - 3, 6), b"\0abcd\0");
    assert_eq!(write(&mut guest, AT + 2 * PAGE - 1, b"xy"), 1);
    assert_eq!(read(&mut guest, AT + 2 * PAGE - 1, 9), b"x");
    assert_eq!(read(&mut guest, AT + 2 * PAGE, 1), b"");
    assert_eq!(read(&mut guest, u64::MAX - 1, 1), b"", "no address of the program");
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_read_only_page_is_copied_and_stays_read_only() {
    let mut guest = Guest::new();
    map_file(&mut guest, AT, Prot::READ | Prot::EXEC, MapFlags::PRIVATE, FileMode::READ);
    assert_eq!(guest.read(AT), Ok(7));
    let before = rights(guest.pte(AT));
    assert_eq!(write(&mut guest, AT + 1, &[1, 2]), 2, "a breakpoint, say");
    assert_eq!([0, 1, 2, 3].map(|i| guest.read(AT + i)), [Ok(7), Ok(1), Ok(2), Ok(7)]);
    assert_eq!((rights(guest.pte(AT)), guest.pte(AT).dirty()), (before, true));
    let frame = guest.pte(AT).frame();
    assert_eq!(write(&mut guest, AT, &[9]), 1);
    assert_eq!((guest.read(AT), guest.pte(AT).frame()), (Ok(9), frame), "it has its own page already");
    assert!(guest.write(AT, 1).is_err());
    map_file(&mut guest, AT, Prot::READ, MapFlags::PRIVATE, FileMode::READ);
    assert_eq!(guest.read(AT), Ok(7), "the file is as it was");
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_page_that_a_child_has_too_is_copied() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 5).unwrap();
    guest.mprotect(AT, PAGE, Prot::READ).unwrap();
    let child = guest.fork().unwrap();
    assert_eq!(write(&mut guest, AT, &[6]), 1);
    assert_eq!(guest.read(AT), Ok(6));
    guest.as_process(child, |guest| assert_eq!(guest.read(AT), Ok(5)));
    guest.check_tables();
}

#[test]
fn memory_without_rights_can_be_read_and_written() {
    let mut guest = Guest::new();
    guest.mmap(AT, 4 * PAGE, RW, FIXED).unwrap();
    guest.write(AT, 5).unwrap();
    assert_eq!(guest.read(AT + PAGE), Ok(0), "the page of zeros");
    guest.mprotect(AT, 4 * PAGE, Prot::empty()).unwrap();
    assert_eq!(read(&mut guest, AT, 1), [5]);
    assert_eq!(read(&mut guest, AT + 2 * PAGE, 1), [0]);
    assert_eq!([0, 1, 2, 3].map(|i| write(&mut guest, AT + i * PAGE, &[8])), [1; 4]);
    assert!(guest.read(AT).is_err() && !guest.pte(AT).present());
    guest.mprotect(AT, 4 * PAGE, RW).unwrap();
    assert_eq!([0, 1, 2, 3].map(|i| guest.read(AT + i * PAGE)), [Ok(8); 4]);
    guest.check_tables();
    guest.exit();
}

#[test]
fn what_is_shared_is_not_forced() {
    let mut guest = Guest::new();
    map_file(&mut guest, AT, Prot::READ, MapFlags::SHARED, FileMode::READ | FileMode::WRITE);
    map_file(&mut guest, AT + PMD, Prot::READ, MapFlags::SHARED, FileMode::READ);
    for at in [AT, AT + PMD] {
        assert_eq!((write(&mut guest, at, &[1]), read(&mut guest, at, 1)), (0, vec![7]));
    }
    guest.mprotect(AT, 2 * PAGE, RW).unwrap();
    assert_eq!(write(&mut guest, AT, &[1]), 1, "it may be written, and is no force");
    guest.exit();
}

#[test]
fn a_large_page_is_split() {
    let mut guest = Guest::new();
    guest.frames.thp.mode = ThpMode::Always;
    guest.mmap(AT, PMD, RW, FIXED).unwrap();
    guest.write(AT, 5).unwrap();
    guest.mprotect(AT, PMD, Prot::empty()).unwrap();
    assert_eq!(read(&mut guest, AT + PAGE - 1, 2), [0, 0]);
    assert_eq!(write(&mut guest, AT + PAGE + 3, &[6]), 1);
    guest.mprotect(AT, PMD, Prot::READ).unwrap();
    assert_eq!((guest.read(AT), guest.read(AT + PAGE + 3)), (Ok(5), Ok(6)));
    guest.check_tables();
    guest.exit();
}
