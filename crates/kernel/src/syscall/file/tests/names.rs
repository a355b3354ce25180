//! Names and attributes: stat, directories, links, times.

use super::*;

#[test]
fn stat_has_linuxs_layout() {
    let mut guest = Guest::new("");
    let path = guest.path("/file");
    assert_eq!(guest.call(4, &[path, BUFFER]), Ok(0));
    let host = fs::metadata(guest.folder.path().join("root/file")).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!(guest.word(BUFFER), 0x801);
    assert_eq!(guest.word(BUFFER + 16), 1, "nlink");
    assert_eq!(guest.word(BUFFER + 24), u64::from(host.mode()) | u64::from(host.uid()) << 32);
    assert_eq!(guest.word(BUFFER + 48), 10_000, "size");
    assert_eq!(guest.word(BUFFER + 64), host.blocks());
    assert_eq!(guest.word(BUFFER + 88), host.mtime() as u64);
    assert_eq!(guest.word(BUFFER + 96), host.mtime_nsec() as u64);
    let ino = guest.word(BUFFER + 8);
    let path = guest.path("/file");
    assert_eq!(guest.call(332, &[super::super::CWD, path, 0, 0x7ff, BUFFER]), Ok(0));
    assert_eq!(guest.word(BUFFER + 32), ino);
    assert_eq!(guest.word(BUFFER + 40), 10_000);
    assert_eq!(guest.word(BUFFER + 112), host.mtime() as u64);
    assert_eq!(guest.word(BUFFER + 136), 8 | 1 << 32, "major and minor of the device");
    let fd = guest.open("/file", 0).unwrap();
    let empty = guest.path("");
    assert_eq!(guest.call(262, &[fd, empty, BUFFER, 0x1000]), Ok(0));
    assert_eq!(guest.word(BUFFER + 8), ino);
    assert_eq!(guest.call(262, &[fd, empty, BUFFER, 0]), Err(Errno::ENOENT));
    assert_eq!(guest.call(262, &[fd, empty, BUFFER, 0x8000]), Err(Errno::EINVAL));
    assert_eq!(guest.call(5, &[1, BUFFER]), Ok(0));
    assert_eq!(guest.get(BUFFER + 24, 4), (0o010_600u32).to_le_bytes(), "standard output looks like a pipe");
}

/// Names and types of a directory, read with a buffer of so many bytes.
fn list(guest: &mut Guest, fd: u64, room: u64) -> Vec<(String, u8)> {
    let mut all = Vec::new();
    loop {
        let n = guest.call(GETDENTS64, &[fd, BUFFER, room]).unwrap() as usize;
        let bytes = guest.get(BUFFER, n);
        let mut at = 0;
        if n == 0 {
            return all;
        }
        while at < n {
            let len = usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]]));
            assert_eq!(len % 8, 0);
            let name: Vec<u8> = bytes[at + 19..at + len].iter().copied().take_while(|&b| b != 0).collect();
            all.push((String::from_utf8(name).unwrap(), bytes[at + 18]));
            at += len;
        }
    }
}

#[test]
fn directories_are_listed_sorted_whatever_the_buffer() {
    let mut guest = Guest::new("");
    let fd = guest.open("/", 0).unwrap();
    let whole = list(&mut guest, fd, 4096);
    let names: Vec<_> = whole.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    let expected = [(".", 4), ("..", 4), ("dev", 4), ("dir", 4), ("file", 8), ("proc", 4), ("shared", 4), ("sys", 4)];
    assert_eq!(names, expected);
    assert_eq!(guest.call(LSEEK, &[fd, 0, 0]), Ok(0));
    assert_eq!(list(&mut guest, fd, 32), whole);
    assert_eq!(guest.call(LSEEK, &[fd, 2, 0]), Ok(2));
    assert_eq!(list(&mut guest, fd, 4096), whole[2..]);
    guest.call(LSEEK, &[fd, 0, 0]).unwrap();
    assert_eq!(guest.call(GETDENTS64, &[fd, BUFFER, 10]), Err(Errno::EINVAL));
    let file = guest.open("/file", 0).unwrap();
    assert_eq!(guest.call(GETDENTS64, &[file, BUFFER, 100]), Err(Errno::ENOTDIR));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 100]), Err(Errno::EISDIR));
    // The older form has the type in the last byte.
    guest.call(LSEEK, &[fd, 0, 0]).unwrap();
    assert_eq!(guest.call(78, &[fd, BUFFER, 24]), Ok(24));
    let entry = guest.get(BUFFER, 24);
    assert_eq!((&entry[18..20], entry[23]), (&b".\0"[..], 4));
}

#[test]
fn the_working_directory_moves() {
    let mut guest = Guest::new("");
    let path = guest.path("dir");
    assert_eq!(guest.call(80, &[path]), Ok(0));
    assert_eq!(guest.call(79, &[BUFFER, 100]), Ok(5));
    assert_eq!(guest.get(BUFFER, 5), b"/dir\0");
    assert_eq!(guest.call(79, &[BUFFER, 4]), Err(Errno::ERANGE));
    assert!(guest.open("../file", 0).is_ok());
    let path = guest.path("/dir");
    assert_eq!(guest.call(84, &[path]), Ok(0), "rmdir");
    assert_eq!(guest.call(79, &[BUFFER, 100]), Err(Errno::ENOENT));
    assert_eq!(guest.open("x", O_CREAT), Err(Errno::ENOENT));
    let path = guest.path("/file");
    assert_eq!(guest.call(80, &[path]), Err(Errno::ENOTDIR));
}

#[test]
fn names_are_made_and_removed() {
    let mut guest = Guest::new("");
    let path = guest.path("/made");
    assert_eq!(guest.call(83, &[path, 0o777]), Ok(0));
    assert_eq!(guest.call(83, &[path, 0o777]), Err(Errno::EEXIST));
    assert_eq!(guest.call(4, &[path, BUFFER]), Ok(0));
    assert_eq!(guest.get(BUFFER + 24, 4), 0o040_755u32.to_le_bytes(), "less the umask");
    guest.put(BUFFER, b"/file\0");
    let path = guest.path("/made/link");
    assert_eq!(guest.call(88, &[BUFFER, path]), Ok(0));
    assert_eq!(guest.call(89, &[path, BUFFER + 64, 3]), Ok(3), "readlink cuts");
    assert_eq!(guest.get(BUFFER + 64, 3), b"/fi");
    assert_eq!(guest.call(89, &[path, BUFFER + 64, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(263, &[super::super::CWD, path, 0x200]), Err(Errno::ENOTDIR));
    assert_eq!(guest.call(87, &[path]), Ok(0));
    assert_eq!(guest.call(87, &[0x1000]), Err(Errno::EFAULT));
    assert_eq!(guest.call(95, &[0o077]), Ok(0o022));
    let path = guest.path("/private");
    assert_eq!(guest.call(83, &[path, 0o777]), Ok(0));
    assert_eq!(guest.call(21, &[path, 7]), Ok(0));
    assert_eq!(guest.call(21, &[path, 8]), Err(Errno::EINVAL));
    assert_eq!(guest.call(82, &[path, path]), Ok(0));
}

#[test]
fn times_are_set() {
    let mut guest = Guest::new("");
    let times: Vec<u8> = [11, 22, 33, 0x3fff_fffe].into_iter().flat_map(u64::to_le_bytes).collect();
    guest.put(BUFFER, &times);
    let path = guest.path("/file");
    let before = {
        guest.call(4, &[path, BUFFER + 100]).unwrap();
        guest.word(BUFFER + 100 + 88)
    };
    assert_eq!(guest.call(280, &[super::super::CWD, path, BUFFER, 0]), Ok(0));
    guest.call(4, &[path, BUFFER + 100]).unwrap();
    assert_eq!((guest.word(BUFFER + 172), guest.word(BUFFER + 180)), (11, 22));
    assert_eq!(guest.word(BUFFER + 188), before, "UTIME_OMIT");
    guest.put(BUFFER + 8, &1_000_000_000u64.to_le_bytes());
    assert_eq!(guest.call(280, &[super::super::CWD, path, BUFFER, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(280, &[super::super::CWD, path, 0, 0]), Ok(0));
    guest.call(4, &[path, BUFFER + 100]).unwrap();
    assert_eq!(guest.word(BUFFER + 188), crate::time::DEFAULT_EPOCH_SECONDS, "now is virtual time");
}
