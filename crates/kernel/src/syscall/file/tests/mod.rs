//! File calls as a program makes them: numbers and registers in, user memory and results out.

mod descriptors;
mod events;
mod file_size;
mod memory;
mod mount;
mod names;
mod process_files;
mod sockets;
mod transfers;
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
    f(&mut Hw { mem: bus, sink: &mut NoSink, shootdown: &mut shootdown, instructions: 0, ns: 0 })
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

fn poll(guest: &mut Guest, fd: i32, events: u16, timeout: u64) -> Result<(u64, u16), Errno> {
    guest.put(BUFFER, &[&fd.to_le_bytes()[..], &events.to_le_bytes(), &[0xff; 2]].concat());
    let ready = guest.call(POLL, &[BUFFER, 1, timeout])?;
    let seen = guest.get(BUFFER + 6, 2);
    Ok((ready, u16::from_le_bytes([seen[0], seen[1]])))
}
