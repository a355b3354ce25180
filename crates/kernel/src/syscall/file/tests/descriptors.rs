//! Descriptors: duplicates, limits, flags, and what each is.

use super::*;

#[test]
fn duplicates_share_the_offset() {
    let mut guest = Guest::new("");
    let fd = guest.open("/file", O_CLOEXEC).unwrap();
    assert_eq!(fd, 3, "the lowest free descriptor");
    let dup = guest.call(32, &[fd]).unwrap();
    assert_eq!(guest.call(LSEEK, &[fd, 500, 0]), Ok(500));
    assert_eq!(guest.call(LSEEK, &[dup, 0, 1]), Ok(500));
    assert_eq!((guest.call(FCNTL, &[fd, 1]), guest.call(FCNTL, &[dup, 1])), (Ok(1), Ok(0)));
    assert_eq!(guest.call(33, &[fd, 20]), Ok(20));
    assert_eq!(guest.call(33, &[fd, fd]), Ok(fd));
    assert_eq!(guest.call(292, &[fd, fd, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(33, &[fd, 1 << 20]), Err(Errno::EBADF));
    assert_eq!(guest.call(FCNTL, &[fd, 0, 10]), Ok(10));
    assert_eq!(guest.call(FCNTL, &[fd, 1030, 10]), Ok(11));
    assert_eq!(guest.call(FCNTL, &[11, 1]), Ok(1));
    assert_eq!(guest.call(CLOSE, &[fd]), Ok(0));
    assert_eq!(guest.call(CLOSE, &[fd]), Err(Errno::EBADF));
    assert_eq!(guest.call(READ, &[20, BUFFER, 10]), Ok(10), "the others are still open");
    assert_eq!(guest.open("/dir", 0), Ok(fd));
}

#[test]
fn descriptors_run_out() {
    let mut guest = Guest::new("");
    let fd = guest.open("/file", 0).unwrap();
    let mut last = fd;
    let error = loop {
        match guest.call(32, &[fd]) {
            Ok(fd) => last = fd,
            Err(e) => break e,
        }
    };
    assert_eq!((last, error), (1023, Errno::EMFILE));
    assert_eq!(guest.open("/file", 0), Err(Errno::EMFILE));
    assert_eq!(guest.call(FCNTL, &[fd, 0, 5000]), Err(Errno::EINVAL));
    assert_eq!(guest.call(436, &[4, u64::MAX, 0]), Ok(0), "close_range");
    assert_eq!(guest.call(32, &[fd]), Ok(4));
}

#[test]
fn flags_are_shown_as_linux_shows_them() {
    let mut guest = Guest::new("");
    let fd = guest.open("/new", O_RDWR | O_CREAT | O_APPEND).unwrap();
    assert_eq!(guest.call(FCNTL, &[fd, 3]), Ok(O_RDWR | O_APPEND | O_LARGEFILE));
    assert_eq!(guest.call(FCNTL, &[fd, 4, O_NONBLOCK | 1]), Ok(0));
    assert_eq!(guest.call(FCNTL, &[fd, 3]), Ok(O_RDWR | O_NONBLOCK | O_LARGEFILE));
    assert_eq!(guest.call(FCNTL, &[fd, 99]), Err(Errno::EINVAL));
    assert_eq!(guest.call(FCNTL, &[fd, 6, BUFFER]), Ok(0), "a read lock");
    assert_eq!(guest.call(FCNTL, &[fd, 5, BUFFER]), Ok(0));
    assert_eq!(guest.get(BUFFER, 2), [2, 0], "F_UNLCK");
}

#[test]
fn memory_files_have_no_name() {
    let mut guest = Guest::new("");
    let name = guest.path("scratch");
    let fd = guest.call(319, &[name, 1]).unwrap();
    guest.put(BUFFER, b"kept");
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 4]), Ok(4));
    assert_eq!(guest.call(77, &[fd, 100]), Ok(0));
    assert_eq!(guest.call(17, &[fd, BUFFER, 200, 2]), Ok(98));
    assert_eq!(guest.get(BUFFER, 3), b"pt\0");
    assert_eq!(guest.call(CLOSE, &[fd]), Ok(0));
}

#[test]
fn what_is_no_terminal_says_so() {
    let mut guest = Guest::new("12345");
    for fd in [0, 1, guest.open("/file", 0).unwrap(), guest.open("/dev/null", 0).unwrap()] {
        assert_eq!(guest.call(16, &[fd, 0x5401, BUFFER]), Err(Errno::ENOTTY));
        assert_eq!(guest.call(16, &[fd, 0x5413, BUFFER]), Err(Errno::ENOTTY));
    }
    assert_eq!(guest.call(16, &[0, 0x541b, BUFFER]), Ok(0));
    assert_eq!(guest.get(BUFFER, 4), [5, 0, 0, 0], "FIONREAD");
    assert_eq!(guest.call(16, &[99, 0x5401, BUFFER]), Err(Errno::EBADF));
}
