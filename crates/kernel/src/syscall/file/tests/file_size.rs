//! RLIMIT_FSIZE: what Linux does at the limit and beyond.

use super::*;
use crate::process::{Resource, Rlimit};
use crate::signal::{SigSet, Signal};

impl Guest {
    fn limited_to(bytes: u64) -> Self {
        let mut guest = Self::new("");
        guest.kernel.current.limits.set(Resource::Fsize, Rlimit { soft: bytes, hard: bytes });
        guest
    }

    /// Whether SIGXFSZ came, which is taken.
    fn was_told(&mut self) -> bool {
        let others = SigSet(!SigSet::of(Signal::XFSZ).0);
        self.kernel.current.signals.dequeue(others).is_some()
    }
}

#[test]
fn a_write_goes_up_to_the_limit_and_no_further() {
    let mut guest = Guest::limited_to(1024);
    let fd = guest.open("/new", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 1000]), Ok(1000));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 1000]), Ok(24));
    assert!(!guest.was_told());
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 0]), Ok(0));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 1]), Err(Errno::EFBIG));
    assert!(guest.was_told());
    assert_eq!(guest.call(18, &[fd, BUFFER, 10, 1020]), Ok(4), "pwrite64");
    assert_eq!(guest.call(18, &[fd, BUFFER, 10, 5000]), Err(Errno::EFBIG));
    assert!(guest.was_told());
    guest.put(BUFFER, &[BUFFER, 600, BUFFER, 600].into_iter().flat_map(u64::to_le_bytes).collect::<Vec<_>>());
    assert_eq!(guest.call(LSEEK, &[fd, 0, 0]), Ok(0));
    assert_eq!(guest.call(20, &[fd, BUFFER, 2]), Ok(1024), "writev");
    assert!(!guest.was_told());
}

#[test]
fn a_limit_between_two_parts_of_a_write_gives_no_signal() {
    let mut guest = Guest::limited_to(64 << 10);
    let fd = guest.open("/shared/new", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 100_000]), Ok(64 << 10));
    assert!(!guest.was_told());
}

#[test]
fn appending_and_copying_obey_the_limit() {
    let mut guest = Guest::limited_to(10_010);
    let end = guest.open("/file", O_RDWR | O_APPEND).unwrap();
    assert_eq!(guest.call(WRITE, &[end, BUFFER, 100]), Ok(10));
    assert_eq!(guest.call(WRITE, &[end, BUFFER, 100]), Err(Errno::EFBIG));
    assert!(guest.was_told());
    let to = guest.open("/copy", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(LSEEK, &[to, 10_000, 0]), Ok(10_000));
    let from = guest.open("/file", 0).unwrap();
    assert_eq!(guest.call(40, &[to, from, 0, 100]), Ok(10), "sendfile");
    assert_eq!(guest.call(40, &[to, from, 0, 100]), Err(Errno::EFBIG));
    assert!(guest.was_told());
    assert_eq!(guest.call(LSEEK, &[from, 0, 1]), Ok(10), "what was not written is still to be read");
}

#[test]
fn a_new_length_obeys_the_limit_only_where_the_file_grows() {
    let mut guest = Guest::limited_to(4096);
    let fd = guest.open("/file", O_RDWR).unwrap();
    assert_eq!(guest.call(77, &[fd, 9_000]), Ok(0), "ftruncate of a longer file");
    assert_eq!(guest.call(77, &[fd, 9_001]), Err(Errno::EFBIG));
    assert!(guest.was_told());
    let path = guest.path("/file");
    assert_eq!(guest.call(76, &[path, 9_001]), Err(Errno::EFBIG), "truncate");
    assert!(guest.was_told());
    assert_eq!(guest.call(285, &[fd, 0, 0, 9_001]), Err(Errno::EFBIG), "fallocate");
    assert!(guest.was_told());
    assert_eq!(guest.call(285, &[fd, 1, 0, 9_001]), Ok(0), "FALLOC_FL_KEEP_SIZE");
    assert_eq!(guest.call(77, &[fd, 10]), Ok(0));
    assert_eq!(guest.call(77, &[fd, 4_096]), Ok(0));
    assert!(!guest.was_told());
}

#[test]
fn other_files_have_no_length() {
    let mut guest = Guest::limited_to(0);
    let [_, writer] = guest.pipe();
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 10]), Ok(10));
    let null = guest.open("/dev/null", O_RDWR).unwrap();
    assert_eq!(guest.call(WRITE, &[null, BUFFER, 10]), Ok(10));
    assert!(!guest.was_told());
}
