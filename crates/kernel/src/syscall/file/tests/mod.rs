//! File calls as a program makes them: numbers and registers in, user memory and results out.

mod waits;

use crate::fs::{BufferConsole, Captured, Console, Mount, MountMode, Ready, ViewConfig};
use crate::kernel::{Kernel, KernelConfig};
use crate::mm::{MapFlags, MapSource, Prot};
use crate::wait::{Channel, Retry};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::NoSink;
use paging::Shootdown;
use physmem::{Bus, Ram};
use std::cell::RefCell;
use std::fs;
use std::rc::Rc;

const RAM_BYTES: u64 = 16 << 20;
/// User memory of the tests, followed by an unmapped page.
const BUFFER: u64 = 0x10_0000;
const BUFFER_LEN: u64 = 0x4_0000;
/// The last page of it holds paths.
const PATHS: u64 = BUFFER + BUFFER_LEN - 0x2000;

const O_RDWR: u64 = 2;
const O_CREAT: u64 = 0o100;
const O_APPEND: u64 = 0o2000;
const O_NONBLOCK: u64 = 0o4000;
const O_LARGEFILE: u64 = 0o100_000;
const O_CLOEXEC: u64 = 0o2_000_000;

const READ: u64 = 0;
const WRITE: u64 = 1;
const OPEN: u64 = 2;
const CLOSE: u64 = 3;
const POLL: u64 = 7;
const LSEEK: u64 = 8;
const FCNTL: u64 = 72;
const GETDENTS64: u64 = 217;

/// A process with some memory, a folder of its own as root, and the host's `shared` at /shared for writing.
struct Guest {
    bus: Bus,
    kernel: Kernel,
    folder: tempfile::TempDir,
    captured: Rc<RefCell<Captured>>,
}

fn with_hw<R>(bus: &mut Bus, f: impl FnOnce(&mut Hw<'_>) -> R) -> R {
    let mut shootdown = Shootdown::none();
    f(&mut Hw { mem: bus, sink: &mut NoSink, shootdown: &mut shootdown, instructions: 0 })
}

impl Guest {
    fn new(input: &str) -> Self {
        let console = BufferConsole::new(input);
        let captured = console.captured();
        Self::with_console(Box::new(console), captured)
    }

    fn with_console(console: Box<dyn Console>, captured: Rc<RefCell<Captured>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/dir")).unwrap();
        fs::create_dir(folder.path().join("shared")).unwrap();
        fs::write(folder.path().join("root/file"), vec![b'f'; 10_000]).unwrap();
        let shared = Mount { host: folder.path().join("shared"), guest: "/shared".into(), mode: MountMode::Writable };
        let root = Some(folder.path().join("root"));
        let view = ViewConfig { root, mounts: vec![shared], ..ViewConfig::default() };
        let mut bus = Bus::new(Ram::new(RAM_BYTES).unwrap());
        let config = KernelConfig { ram_bytes: RAM_BYTES, ..KernelConfig::new(view) };
        let kernel = with_hw(&mut bus, |hw| {
            let mut kernel = Kernel::boot(config, console, hw).unwrap();
            let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::FIXED;
            let (mm, mut cx) = kernel.mm_cx(hw);
            let (at, rw) = (LinearAddr(BUFFER), Prot::READ | Prot::WRITE);
            mm.mmap(&mut cx, at, BUFFER_LEN, rw, flags, MapSource::Anonymous).unwrap();
            kernel
        });
        Self { bus, kernel, folder, captured }
    }

    fn call(&mut self, number: u64, args: &[u64]) -> Result<u64, Errno> {
        let mut all = [0; 6];
        all[..args.len()].copy_from_slice(args);
        let kernel = &mut self.kernel;
        with_hw(&mut self.bus, |hw| super::dispatch(kernel, hw, number, all)).expect("a file call")
    }

    fn put(&mut self, at: u64, bytes: &[u8]) {
        let kernel = &mut self.kernel;
        with_hw(&mut self.bus, |hw| kernel.copy_to_user(hw, LinearAddr(at), bytes)).unwrap();
    }

    fn get(&mut self, at: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let kernel = &mut self.kernel;
        with_hw(&mut self.bus, |hw| kernel.copy_from_user(hw, LinearAddr(at), &mut bytes)).unwrap();
        bytes
    }

    fn word(&mut self, at: u64) -> u64 {
        u64::from_le_bytes(self.get(at, 8).try_into().unwrap())
    }

    /// What the call that was just made waits on.
    fn waits_on(&mut self) -> Vec<Channel> {
        self.kernel.wanted_wait.take().expect("the call waits").channels
    }

    /// Lets the call that was just made find what it left, as when it is made again.
    fn retry(&mut self) -> Retry {
        let wait = self.kernel.wanted_wait.take().expect("the call waits");
        let retry = Retry { until: wait.until, done: wait.done };
        self.kernel.current.retry = Some(retry);
        retry
    }

    /// The channel of an open file.
    fn channel(&mut self, fd: u64) -> Channel {
        let file = self.kernel.vfs.fds(self.kernel.current.files).get(fd).unwrap();
        self.kernel.vfs.channel_for(file, Ready::IN).expect("a file that makes wait")
    }

    fn pipe(&mut self) -> [u64; 2] {
        assert_eq!(self.call(293, &[BUFFER, 0]), Ok(0));
        [0, 4].map(|at| u64::from(self.get(BUFFER + at, 4)[0]))
    }

    /// A path in user memory.
    fn path(&mut self, path: &str) -> u64 {
        self.put(PATHS, &[path.as_bytes(), b"\0"].concat());
        PATHS
    }

    fn open(&mut self, path: &str, flags: u64) -> Result<u64, Errno> {
        let path = self.path(path);
        self.call(OPEN, &[path, flags, 0o644])
    }
}

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
    assert_eq!(guest.call(332, &[super::CWD, path, 0, 0x7ff, BUFFER]), Ok(0));
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
    let expected = [(".", 4), ("..", 4), ("dev", 4), ("dir", 4), ("file", 8), ("proc", 4), ("shared", 4)];
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

fn poll(guest: &mut Guest, fd: i32, events: u16, timeout: u64) -> Result<(u64, u16), Errno> {
    guest.put(BUFFER, &[&fd.to_le_bytes()[..], &events.to_le_bytes(), &[0xff; 2]].concat());
    let ready = guest.call(POLL, &[BUFFER, 1, timeout])?;
    let seen = guest.get(BUFFER + 6, 2);
    Ok((ready, u16::from_le_bytes([seen[0], seen[1]])))
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
    assert_eq!(guest.call(263, &[super::CWD, path, 0x200]), Err(Errno::ENOTDIR));
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
    assert_eq!(guest.call(280, &[super::CWD, path, BUFFER, 0]), Ok(0));
    guest.call(4, &[path, BUFFER + 100]).unwrap();
    assert_eq!((guest.word(BUFFER + 172), guest.word(BUFFER + 180)), (11, 22));
    assert_eq!(guest.word(BUFFER + 188), before, "UTIME_OMIT");
    guest.put(BUFFER + 8, &1_000_000_000u64.to_le_bytes());
    assert_eq!(guest.call(280, &[super::CWD, path, BUFFER, 0]), Err(Errno::EINVAL));
    assert_eq!(guest.call(280, &[super::CWD, path, 0, 0]), Ok(0));
    guest.call(4, &[path, BUFFER + 100]).unwrap();
    assert_eq!(guest.word(BUFFER + 188), crate::time::DEFAULT_EPOCH_SECONDS, "now is virtual time");
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

#[test]
fn no_descriptor_is_a_socket() {
    let mut guest = Guest::new("");
    assert_eq!(guest.call(52, &[0, BUFFER, BUFFER + 64]), Err(Errno::ENOTSOCK), "getpeername");
    assert_eq!(guest.call(52, &[9, BUFFER, BUFFER + 64]), Err(Errno::EBADF));
}
