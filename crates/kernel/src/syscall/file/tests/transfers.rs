//! Reading, writing, copying, and asking what is ready.

use super::*;

#[test]
fn output_reaches_the_console() {
    let mut guest = Guest::new("");
    guest.put(BUFFER, b"hello, world");
    assert_eq!(guest.call(WRITE, &[1, BUFFER, 12]), Ok(12));
    let iov: Vec<u8> = [BUFFER, 5, BUFFER, 0, BUFFER + 6, 6].into_iter().flat_map(u64::to_le_bytes).collect();
    guest.put(BUFFER + 64, &iov);
    assert_eq!(guest.call(20, &[2, BUFFER + 64, 3]), Ok(11));
    assert_eq!(guest.call(20, &[2, BUFFER + 64, 1025]), Err(Errno::EINVAL));
    assert_eq!(guest.call(WRITE, &[0, BUFFER, 1]), Err(Errno::EBADF));
    assert_eq!(guest.call(WRITE, &[77, BUFFER, 1]), Err(Errno::EBADF));
    let expected = Captured { out: b"hello, world".to_vec(), err: b"hello world".to_vec() };
    assert_eq!(*guest.captured.borrow(), expected);
}

#[test]
fn input_comes_in_parts_and_ends() {
    let mut guest = Guest::new("some input");
    assert_eq!(guest.call(READ, &[0, BUFFER, 4]), Ok(4));
    assert_eq!(guest.call(READ, &[0, BUFFER + 4, 100]), Ok(6));
    assert_eq!(guest.get(BUFFER, 10), b"some input");
    assert_eq!(guest.call(READ, &[0, BUFFER, 100]), Ok(0));
    assert_eq!(guest.call(LSEEK, &[0, 0, 0]), Err(Errno::ESPIPE));
    assert_eq!(guest.call(17, &[0, BUFFER, 1, 0]), Err(Errno::ESPIPE));
}

#[test]
fn a_transfer_that_faults_midway_gives_a_partial_count() {
    let mut guest = Guest::new("");
    let end = BUFFER + BUFFER_LEN;
    let fd = guest.open("/file", O_RDWR).unwrap();
    assert_eq!(guest.call(READ, &[fd, end - 100, 1000]), Ok(100));
    assert_eq!(guest.call(LSEEK, &[fd, 0, 1]), Ok(100), "what was not stored is still to be read");
    assert_eq!(guest.call(READ, &[fd, end, 10]), Err(Errno::EFAULT));
    assert_eq!(guest.call(READ, &[fd, 0x7fff_ffff_f000, 10]), Err(Errno::EFAULT));
    assert_eq!(guest.call(READ, &[fd, u64::MAX - 3, 10]), Err(Errno::EFAULT));
    assert_eq!(guest.call(WRITE, &[fd, end - 50, 1000]), Ok(50));
    assert_eq!(guest.call(WRITE, &[fd, end, 1000]), Err(Errno::EFAULT));
    assert_eq!(guest.call(LSEEK, &[fd, 0, 1]), Ok(150));
}

#[test]
fn absurd_sizes_cost_nothing() {
    let mut guest = Guest::new("");
    let fd = guest.open("/file", O_RDWR).unwrap();
    assert_eq!(guest.call(READ, &[fd, BUFFER, 0x7fff_0000_0000]), Ok(10_000));
    assert_eq!(guest.call(READ, &[fd, BUFFER, u64::MAX]), Err(Errno::EFAULT));
    assert_eq!(guest.call(17, &[fd, BUFFER, 1, u64::MAX]), Err(Errno::EINVAL));
    assert_eq!(guest.call(LSEEK, &[fd, u64::MAX, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(LSEEK, &[fd, i64::MAX as u64, 2]), Err(Errno::EOVERFLOW));
    assert_eq!(guest.call(LSEEK, &[fd, i64::MAX as u64, 0]), Ok(i64::MAX as u64));
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 1]), Err(Errno::EFBIG));
    assert_eq!(guest.call(77, &[fd, u64::MAX]), Err(Errno::EINVAL));
    assert_eq!(guest.call(285, &[fd, 0, 0, 1 << 50]), Err(Errno::ENOSPC));
    assert_eq!(guest.call(POLL, &[BUFFER, 1 << 31, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(20, &[1, BUFFER, u64::MAX]), Err(Errno::EINVAL));
}

#[test]
fn a_large_file_is_read_in_one_call() {
    let mut guest = Guest::new("");
    let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    fs::write(guest.folder.path().join("shared/large"), &bytes).unwrap();
    let fd = guest.open("/shared/large", 0).unwrap();
    assert_eq!(guest.call(READ, &[fd, BUFFER, 200_000]), Ok(200_000));
    assert!(guest.get(BUFFER, 200_000) == bytes);
    let out = guest.open("/shared/copy", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(WRITE, &[out, BUFFER, 200_000]), Ok(200_000));
    assert!(fs::read(guest.folder.path().join("shared/copy")).unwrap() == bytes);
}

#[test]
fn a_pipe_holds_64_kib_and_makes_wait() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    assert_eq!((reader, writer), (3, 4));
    assert_eq!(guest.call(READ, &[reader, BUFFER, 1]), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.waits_on(), [guest.channel(reader)]);
    guest.put(BUFFER, b"through");
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 7]), Ok(7));
    assert_eq!(guest.call(READ, &[reader, BUFFER + 100, 50]), Ok(7));
    assert_eq!(guest.get(BUFFER + 100, 7), b"through");
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 65_537]), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.retry().done, 65_536, "16 pages are full");
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 65_537]), Err(Errno::ERESTARTSYS));
    guest.kernel.current.retry = None;
    guest.call(FCNTL, &[writer, 4, O_NONBLOCK]).unwrap();
    guest.call(FCNTL, &[reader, 4, O_NONBLOCK]).unwrap();
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 10]), Err(Errno::EAGAIN));
    assert_eq!(guest.call(READ, &[reader, BUFFER, 100_000]), Ok(65_536));
    assert_eq!(guest.call(READ, &[reader, BUFFER, 1]), Err(Errno::EAGAIN));
    guest.call(CLOSE, &[writer]).unwrap();
    assert_eq!(guest.call(READ, &[reader, BUFFER, 1]), Ok(0));
    let [reader, writer] = guest.pipe();
    guest.call(CLOSE, &[reader]).unwrap();
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 1]), Err(Errno::EPIPE));
}

#[test]
fn poll_and_select_say_what_is_ready() {
    let mut guest = Guest::new("input");
    let file = guest.open("/file", 0).unwrap() as i32;
    guest.call(22, &[BUFFER]).unwrap();
    let reader = file + 1;
    assert_eq!(poll(&mut guest, file, 5, u64::MAX), Ok((1, 5)));
    assert_eq!(poll(&mut guest, 0, 1, 0), Ok((1, 1)));
    assert_eq!(poll(&mut guest, 99, 1, 0), Ok((1, 0x20)));
    assert_eq!(poll(&mut guest, -1, 1, 0), Ok((0, 0)));
    assert_eq!(poll(&mut guest, reader, 1, 0), Ok((0, 0)));
    assert_eq!(poll(&mut guest, reader, 1, u64::MAX), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.kernel.wanted_wait.take().unwrap().until, None);
    let before = guest.kernel.clock.monotonic_ns(0);
    assert_eq!(poll(&mut guest, reader, 1, 1500), Err(Errno::ERESTARTSYS));
    let until = guest.retry().until;
    assert_eq!(until, Some(before + 1_500_000_000));
    guest.kernel.clock.sleep_until(0, until.unwrap());
    assert_eq!(poll(&mut guest, reader, 1, 1500), Ok((0, 0)));
    guest.kernel.current.retry = None;

    guest.put(BUFFER, &(1u64 << file | 1 << reader).to_le_bytes());
    assert_eq!(guest.call(23, &[10, BUFFER, 0, 0, 0]), Ok(1));
    assert_eq!(guest.word(BUFFER), 1 << file);
    guest.put(BUFFER, &(1u64 << 9).to_le_bytes());
    assert_eq!(guest.call(23, &[10, BUFFER, 0, 0, 0]), Err(Errno::EBADF));
}

#[test]
fn files_are_copied_within_the_kernel_layer() {
    let mut guest = Guest::new("");
    let from = guest.open("/file", 0).unwrap();
    let to = guest.open("/copy", O_RDWR | O_CREAT).unwrap();
    assert_eq!(guest.call(40, &[to, from, 0, 1 << 40]), Ok(10_000), "sendfile");
    guest.put(BUFFER, &9_990u64.to_le_bytes());
    assert_eq!(guest.call(40, &[1, from, BUFFER, 100]), Ok(10));
    assert_eq!(guest.word(BUFFER), 10_000);
    assert_eq!(guest.captured.borrow().out, b"ffffffffff");
    guest.put(BUFFER, &0u64.to_le_bytes());
    assert_eq!(guest.call(326, &[from, BUFFER, to, 0, 500, 0]), Ok(500), "copy_file_range");
    assert_eq!(guest.call(LSEEK, &[to, 0, 1]), Ok(10_500));
    assert_eq!(guest.call(326, &[to, BUFFER, to, 0, 50_000, 0]), Err(Errno::EINVAL), "ranges that overlap");
}
