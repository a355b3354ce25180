//! Calls that wait: what they wait on, what wakes them, what they leave for the next attempt.

use super::*;
use crate::fs::{Console, FileKind, Meta, OpenFlags, Stream};
use crate::signal::Signal;
use crate::syscall::Restart;
use std::cell::Cell;
use std::time::Duration;

const O_WRONLY: u64 = 1;
const MKNOD: u64 = 133;
const FLOCK: u64 = 73;
const EVENTFD2: u64 = 290;

/// A standard input that has nothing to say until it is told to; the rest goes nowhere.
struct SlowConsole {
    is_ready: Rc<Cell<bool>>,
    silent: BufferConsole,
}

impl Console for SlowConsole {
    fn read(&mut self, _: Stream, buf: &mut [u8]) -> Result<usize, Errno> {
        assert!(self.is_ready.get(), "a read that would wait on the host");
        buf[0] = b'!';
        Ok(1)
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        self.silent.write(stream, bytes)
    }

    fn stat(&self, stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno> {
        self.silent.stat(stream)
    }

    fn flags(&self, stream: Stream) -> OpenFlags {
        self.silent.flags(stream)
    }

    fn poll(&mut self, stream: Stream, wanted: Ready, wait: Option<Duration>) -> Result<Ready, Errno> {
        assert_eq!(wait, Some(Duration::ZERO), "only the scheduler waits on the host");
        let ready = if stream == Stream::In && self.is_ready.get() { Ready::IN } else { Ready::empty() };
        Ok(ready & wanted)
    }

    fn may_wait(&self, stream: Stream) -> bool {
        stream == Stream::In
    }

    fn poll_any(&mut self, wants: &[(Stream, Ready)], _: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        let mut ready = Vec::new();
        for &(stream, wanted) in wants {
            if !self.poll(stream, wanted, Some(Duration::ZERO))?.is_empty() {
                ready.push(stream);
            }
        }
        Ok(ready)
    }

    fn available(&self, _: Stream) -> Result<u32, Errno> {
        Ok(0)
    }
}

impl Guest {
    fn slow() -> (Self, Rc<Cell<bool>>) {
        let is_ready = Rc::new(Cell::new(false));
        let silent = BufferConsole::default();
        let captured = silent.captured();
        let console = SlowConsole { is_ready: Rc::clone(&is_ready), silent };
        (Self::with_console(Box::new(console), captured), is_ready)
    }

    /// The call waits, on this file alone; it is to be made again.
    fn waits(&mut self, result: Result<u64, Errno>, fd: u64) -> Retry {
        assert_eq!(result, Err(Errno::ERESTARTSYS));
        let channel = self.channel(fd);
        assert_eq!(self.kernel.wanted_wait.as_ref().expect("a wait").channels, [channel]);
        self.kernel.vfs.take_woken();
        self.retry()
    }

    fn finish(&mut self) {
        self.kernel.current.retry = None;
    }

    fn is_woken(&mut self, fd: u64) -> bool {
        let channel = self.channel(fd);
        self.kernel.vfs.take_woken().contains(&channel)
    }
}

#[test]
fn a_long_write_to_a_pipe_goes_on_where_it_was() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let bytes: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
    guest.put(BUFFER, &bytes);
    let write = [writer, BUFFER, bytes.len() as u64];
    let mut received = Vec::new();
    let mut result = guest.call(WRITE, &write);
    while result.is_err() {
        let done = guest.waits(result, writer).done;
        guest.finish();
        let got = guest.call(READ, &[reader, BUFFER + 0x2_0000, 30_000]).unwrap() as usize;
        assert!(guest.is_woken(writer));
        received.extend(guest.get(BUFFER + 0x2_0000, got));
        guest.kernel.current.retry = Some(Retry { until: None, done });
        result = guest.call(WRITE, &write);
    }
    assert_eq!(result, Ok(100_000));
    guest.finish();
    while received.len() < bytes.len() {
        let got = guest.call(READ, &[reader, BUFFER + 0x2_0000, 30_000]).unwrap() as usize;
        received.extend(guest.get(BUFFER + 0x2_0000, got));
    }
    assert_eq!(received, bytes);
}

#[test]
fn the_last_close_of_an_end_wakes_the_other() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let again = guest.call(32, &[writer]).unwrap();
    let result = guest.call(READ, &[reader, BUFFER, 1]);
    guest.waits(result, reader);
    guest.call(CLOSE, &[writer]).unwrap();
    assert!(!guest.is_woken(reader), "there is another descriptor");
    guest.call(CLOSE, &[again]).unwrap();
    assert!(guest.is_woken(reader));
    assert_eq!(guest.call(READ, &[reader, BUFFER, 1]), Ok(0));
}

#[test]
fn a_write_that_loses_its_reader_midway_gives_its_count_and_the_signal() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let result = guest.call(WRITE, &[writer, BUFFER, 70_000]);
    assert_eq!(guest.waits(result, writer).done, 65_536);
    guest.kernel.current.retry = None;
    guest.call(CLOSE, &[reader]).unwrap();
    guest.kernel.current.retry = Some(Retry { until: None, done: 65_536 });
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 70_000]), Ok(65_536));
    assert!(guest.kernel.current.signals.pending_set().contains(Signal::PIPE));
}

#[test]
fn the_size_of_a_pipe_changes() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    assert_eq!(guest.call(FCNTL, &[reader, 1032]), Ok(65_536));
    assert_eq!(guest.call(FCNTL, &[writer, 1031, 5000]), Ok(8192));
    assert_eq!(guest.call(FCNTL, &[reader, 1032]), Ok(8192));
    guest.call(FCNTL, &[writer, 4, O_NONBLOCK]).unwrap();
    assert_eq!(guest.call(WRITE, &[writer, BUFFER, 10_000]), Ok(8192));
    assert_eq!(guest.call(FCNTL, &[1, 1032]), Err(Errno::EBADF));
}

#[test]
fn an_open_of_a_fifo_waits_for_the_other_end() {
    let mut guest = Guest::new("");
    let path = guest.path("/fifo");
    assert_eq!(guest.call(MKNOD, &[path, 0o010_644]), Ok(0));
    assert_eq!(guest.open("/fifo", 0), Err(Errno::ERESTARTSYS));
    let [Channel::Pipe(pipe)] = guest.waits_on()[..] else { panic!("it waits for the other end") };
    let waiting = Some(Retry { until: None, done: 0 });
    guest.kernel.current.retry = waiting;
    assert_eq!(guest.open("/fifo", 0), Err(Errno::ERESTARTSYS));
    // As if another process opened the other end.
    guest.kernel.vfs.take_woken();
    let root = guest.kernel.vfs.root();
    let writer = with_hw(&mut guest.bus, |hw| {
        let (vfs, _, mut cx) = guest.kernel.fs_cx(hw);
        vfs.open(&mut cx, root, b"/fifo", OpenFlags::WRONLY, 0).unwrap()
    });
    assert_eq!(guest.kernel.vfs.take_woken(), [Channel::Pipe(pipe)]);
    assert_eq!(guest.open("/fifo", 0), Ok(3));
    guest.finish();
    assert_eq!(guest.kernel.vfs.awaits_partner(writer), None);
    let result = guest.call(READ, &[3, BUFFER, 1]);
    guest.waits(result, 3);
}

#[test]
fn an_open_that_was_cut_short_leaves_nothing_open() {
    let mut guest = Guest::new("");
    let path = guest.path("/fifo");
    guest.call(MKNOD, &[path, 0o010_644]).unwrap();
    assert_eq!(guest.open("/fifo", 0), Err(Errno::ERESTARTSYS));
    assert_eq!(guest.call(FCNTL, &[0, 1]), Ok(0), "some other call: a signal has ended the open");
    assert_eq!(guest.open("/fifo", O_WRONLY | O_NONBLOCK), Err(Errno::ENXIO), "nobody reads");
    assert_eq!(guest.open("/fifo", O_RDWR), Ok(3));
}

#[test]
fn an_eventfd_is_waited_for() {
    let mut guest = Guest::new("");
    let fd = guest.call(EVENTFD2, &[0, O_CLOEXEC]).unwrap();
    assert_eq!(guest.call(FCNTL, &[fd, 1]), Ok(1));
    let result = guest.call(READ, &[fd, BUFFER, 8]);
    guest.waits(result, fd);
    guest.finish();
    guest.put(BUFFER, &(u64::MAX - 1).to_le_bytes());
    assert_eq!(poll(&mut guest, fd as i32, 5, 0), Ok((1, 4)));
    guest.put(BUFFER, &(u64::MAX - 1).to_le_bytes());
    assert_eq!(guest.call(WRITE, &[fd, BUFFER, 8]), Ok(8));
    assert!(guest.is_woken(fd));
    let result = guest.call(WRITE, &[fd, BUFFER, 8]);
    guest.waits(result, fd);
    guest.finish();
    assert_eq!(poll(&mut guest, fd as i32, 5, 0), Ok((1, 1)));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 7]), Err(Errno::EINVAL));
    assert_eq!(guest.call(READ, &[fd, BUFFER, 100]), Ok(8));
    assert_eq!(guest.word(BUFFER), u64::MAX - 1);
    let fd = guest.call(EVENTFD2, &[2, O_NONBLOCK | 1]).unwrap();
    assert_eq!([READ; 3].map(|read| guest.call(read, &[fd, BUFFER, 8])), [Ok(8), Ok(8), Err(Errno::EAGAIN)]);
    assert_eq!(guest.word(BUFFER), 1, "one at a time");
    assert_eq!(guest.call(EVENTFD2, &[0, 2]), Err(Errno::EINVAL));
}

#[test]
fn a_slow_stream_is_left_to_the_scheduler() {
    let (mut guest, is_ready) = Guest::slow();
    let result = guest.call(READ, &[0, BUFFER, 10]);
    guest.waits(result, 0);
    let result = guest.call(READ, &[0, BUFFER, 10]);
    guest.waits(result, 0);
    assert_eq!(guest.kernel.vfs.poll_streams(&[Stream::In], None), Ok(vec![]));
    is_ready.set(true);
    let _wants_input = guest.channel(0);
    assert_eq!(guest.kernel.vfs.poll_streams(&[Stream::In], None), Ok(vec![Stream::In]));
    assert!(guest.is_woken(0));
    assert_eq!(guest.call(READ, &[0, BUFFER, 10]), Ok(1));
    guest.finish();
    is_ready.set(false);
    guest.call(FCNTL, &[0, 4, O_NONBLOCK]).unwrap();
    assert_eq!(guest.call(READ, &[0, BUFFER, 10]), Err(Errno::EAGAIN));
}

#[test]
fn poll_waits_for_all_that_it_watches() {
    let (mut guest, _) = Guest::slow();
    let [reader, _writer] = guest.pipe();
    let event = guest.call(EVENTFD2, &[0, 0]).unwrap();
    let fds = [0, event, reader, reader].map(|fd| [(fd as u32).to_le_bytes(), [1, 0, 0, 0]].concat()).concat();
    guest.put(BUFFER, &fds);
    assert_eq!(guest.call(POLL, &[BUFFER, 4, 10]), Err(Errno::ERESTARTSYS));
    let mut expected = [reader, event, 0].map(|fd| guest.channel(fd));
    expected.sort_unstable();
    let wait = guest.kernel.wanted_wait.take().unwrap();
    assert_eq!((&wait.channels[..], wait.restart), (&expected[..], Restart::NoHand));
    assert!(wait.until.is_some());
}

#[test]
fn select_says_how_much_time_is_left() {
    let mut guest = Guest::new("");
    let [reader, writer] = guest.pipe();
    let (set, time) = (BUFFER, BUFFER + 64);
    let sets = |guest: &mut Guest| {
        guest.put(set, &(1u64 << reader).to_le_bytes());
        guest.put(time, &[2u64.to_le_bytes(), 500_000u64.to_le_bytes()].concat());
    };
    sets(&mut guest);
    let call = [8, set, 0, 0, time];
    assert_eq!(guest.call(23, &call), Err(Errno::ERESTARTSYS));
    let until = guest.retry().until.unwrap();
    guest.kernel.clock.sleep_until(0, until - 1_000_000_000);
    guest.call(WRITE, &[writer, BUFFER, 1]).unwrap();
    assert_eq!(guest.call(23, &call), Ok(1));
    assert_eq!((guest.word(time), guest.word(time + 8)), (1, 0));
    guest.finish();
    guest.call(READ, &[reader, BUFFER + 128, 1]).unwrap();
    sets(&mut guest);
    assert_eq!(guest.call(23, &call), Err(Errno::ERESTARTSYS));
    let until = guest.retry().until.unwrap();
    guest.kernel.clock.sleep_until(0, until);
    assert_eq!(guest.call(23, &call), Ok(0));
    assert_eq!((guest.word(set), guest.word(time), guest.word(time + 8)), (0, 0, 0));
}

#[test]
fn locks_of_open_files_keep_each_other_out() {
    let mut guest = Guest::new("");
    let [a, b] = [0; 2].map(|_| guest.open("/file", O_RDWR).unwrap());
    assert_eq!(guest.call(FLOCK, &[a, 2]), Ok(0));
    assert_eq!(guest.call(FLOCK, &[b, 1 | 4]), Err(Errno::EAGAIN));
    assert_eq!(guest.call(FLOCK, &[b, 1]), Err(Errno::ERESTARTSYS));
    let channels = guest.waits_on();
    assert!(matches!(channels[..], [Channel::Lock(_)]));
    assert_eq!(guest.call(FLOCK, &[a, 1]), Ok(0), "downgraded");
    assert_eq!(guest.kernel.vfs.take_woken(), channels);
    assert_eq!(guest.call(FLOCK, &[b, 1]), Ok(0));
    assert_eq!(guest.call(FLOCK, &[a, 2 | 4]), Err(Errno::EAGAIN));
    assert_eq!(guest.call(FLOCK, &[b, 2 | 4]), Ok(0), "the failed change has lost its lock");
    guest.call(CLOSE, &[b]).unwrap();
    assert_eq!(guest.kernel.vfs.take_woken(), channels);
    assert_eq!(guest.call(FLOCK, &[a, 2 | 4]), Ok(0));
    assert_eq!(guest.call(FLOCK, &[a, 16]), Err(Errno::EINVAL));
}

/// A `struct flock`.
fn flock(kind: u16, start: i64, len: i64) -> Vec<u8> {
    let mut raw = vec![0; 32];
    raw[..2].copy_from_slice(&kind.to_le_bytes());
    raw[8..16].copy_from_slice(&start.to_le_bytes());
    raw[16..24].copy_from_slice(&len.to_le_bytes());
    raw
}

#[test]
fn record_locks_belong_to_the_process_or_the_open_file() {
    let mut guest = Guest::new("");
    let [a, b] = [0; 2].map(|_| guest.open("/file", O_RDWR).unwrap());
    let lock = |guest: &mut Guest, fd, command, kind, start, len| {
        guest.put(BUFFER, &flock(kind, start, len));
        guest.call(FCNTL, &[fd, command, BUFFER])
    };
    assert_eq!(lock(&mut guest, a, 6, 1, 10, 10), Ok(0), "the process has 10 to 19");
    assert_eq!(lock(&mut guest, b, 6, 1, 0, 0), Ok(0), "and everything, by another descriptor");
    assert_eq!(lock(&mut guest, b, 6, 2, 30, 0), Ok(0), "but what is from 30 on");
    assert_eq!(lock(&mut guest, a, 37, 0, 29, 5), Err(Errno::EAGAIN), "an open file is somebody else");
    assert_eq!(lock(&mut guest, a, 36, 0, 20, 50), Ok(0));
    assert_eq!((guest.get(BUFFER, 2), guest.word(BUFFER + 8), guest.word(BUFFER + 16)), (vec![1, 0], 0, 30));
    assert_eq!(guest.get(BUFFER + 24, 4), guest.kernel.current.pid.0.to_le_bytes());
    assert_eq!(lock(&mut guest, a, 38, 0, 29, 5), Err(Errno::ERESTARTSYS));
    assert!(matches!(guest.waits_on()[..], [Channel::Lock(_)]));
    assert_eq!(lock(&mut guest, a, 37, 0, 30, 5), Ok(0));
    assert_eq!(lock(&mut guest, b, 5, 1, 30, 1), Ok(0));
    assert_eq!(guest.get(BUFFER + 24, 4), (-1i32).to_le_bytes(), "whose it is cannot be said");
    guest.call(CLOSE, &[b]).unwrap();
    assert_eq!(lock(&mut guest, a, 37, 1, 0, 0), Ok(0), "with any descriptor the process's locks go");
    assert_eq!(lock(&mut guest, a, 6, 9, 0, 0), Err(Errno::EINVAL));
    let reader = guest.open("/file", 0).unwrap();
    assert_eq!(lock(&mut guest, reader, 6, 1, 0, 0), Err(Errno::EBADF));
}

#[test]
fn files_go_into_pipes() {
    let mut guest = Guest::new("");
    let file = guest.open("/file", 0).unwrap();
    let [reader, writer] = guest.pipe();
    assert_eq!(guest.call(40, &[writer, file, 0, 5000]), Ok(5000), "sendfile");
    assert_eq!(guest.call(40, &[writer, reader, 0, 1]), Err(Errno::EINVAL), "not out of one");
    guest.call(FCNTL, &[writer, 1031, 8192]).unwrap();
    let result = guest.call(40, &[writer, file, 0, 5000]);
    guest.waits(result, writer);
    guest.finish();
    assert_eq!(guest.call(LSEEK, &[file, 0, 1]), Ok(5000), "nothing was lost");
    assert_eq!(guest.call(275, &[reader, 0, writer, 0, 10, 0]), Err(Errno::EINVAL), "splice");
}

#[test]
fn the_texts_of_proc_are_read() {
    let mut guest = Guest::new("");
    let mut text = |path: &str| {
        let fd = guest.open(path, 0).unwrap();
        let len = guest.call(READ, &[fd, BUFFER, 0x4000]).unwrap() as usize;
        let whole = String::from_utf8(guest.get(BUFFER, len)).unwrap();
        // In parts it is the same, and from the start it is made anew.
        let mut parts = String::new();
        assert_eq!(guest.call(LSEEK, &[fd, 0, 0]), Ok(0));
        while let Ok(len @ 1..) = guest.call(READ, &[fd, BUFFER, 7]) {
            parts += &String::from_utf8(guest.get(BUFFER, len as usize)).unwrap();
        }
        assert_eq!(parts, whole, "{path}");
        guest.call(CLOSE, &[fd]).unwrap();
        whole
    };
    let maps = text("/proc/self/maps");
    assert_eq!(maps, "00100000-00140000 rw-p 00000000 00:00 0 \n");
    let stat = text("/proc/self/stat");
    assert_eq!(stat.split(' ').count(), 52);
    assert!(stat.starts_with("1000 () R 999 "), "{stat}");
    assert_eq!(text("/proc/self/statm").split(' ').count(), 7);
    let status = text("/proc/self/status");
    assert!(status.contains("\nPid:\t1000\n") && status.contains("\nVmSize:\t     256 kB\n"), "{status}");
    assert!(status.lines().all(|line| line.contains(":\t")), "{status}");
    assert_eq!(text("/proc/self/cmdline"), "");
    assert_eq!(text("/proc/sys/kernel/ostype"), "Linux\n");
    assert!(text("/proc/self/fdinfo/1").starts_with("pos:\t0\nflags:\t0"));
    assert!(text("/proc/meminfo").starts_with("MemTotal:          16380 kB\n"));
    let mounts = text("/proc/mounts");
    let names: Vec<_> = mounts.lines().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(names, ["/", "/dev", "/dev/shm", "/proc", "/sys", "/shared"]);
    assert!(text("/proc/uptime").starts_with("100.00 "));
    for path in ["cpuinfo", "filesystems", "loadavg", "mounts", "stat", "swaps", "version"] {
        assert!(text(&format!("/proc/{path}")).ends_with('\n'), "{path}");
    }
    let fd = guest.open("/proc/self/stat", 0).unwrap();
    let file = guest.kernel.vfs.fds(guest.kernel.current.files).get(fd).unwrap();
    assert!(matches!(guest.kernel.vfs.file(file).kind, FileKind::Proc(_)));
}
