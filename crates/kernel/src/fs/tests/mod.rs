//! Tests of the files: the layer against the host, safety of the view, the page cache.

mod cache;
mod layered;
// The native side takes the flags of x86-64 Linux as they are.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod model;
mod procfs;
mod safety;
mod sockets;
mod streams;

use std::path::Path;

use paging::PhysMem;
use physmem::{Bus, Ram};

use super::{At, BufferConsole, FilesId, FsCx, InodeId, Mount, MountMode, OpenFlags, Vfs, ViewConfig};
use crate::Errno;
use crate::mm::frames::FrameTable;

/// RAM of a world in these tests.
const RAM_BYTES: u64 = 4 << 20;

/// A guest's files with the memory that they need, and calls on them by path.
struct World {
    mem: Box<dyn PhysMem>,
    frames: FrameTable,
    vfs: Vfs,
    cwd: InodeId,
}

impl World {
    fn new(view: ViewConfig) -> Self {
        Self::with_ram(view, RAM_BYTES)
    }

    /// A world in which only the first of all frames can be had.
    fn with_ram(view: ViewConfig, ram_bytes: u64) -> Self {
        let vfs = Vfs::new(view, Box::new(BufferConsole::default())).expect("the view is sound");
        let mem = Box::new(Bus::new(Ram::new(RAM_BYTES).expect("RAM for a test")));
        let cwd = vfs.root();
        Self { mem, frames: FrameTable::new(ram_bytes), vfs, cwd }
    }

    /// A world whose root is a host folder.
    fn rooted(folder: &Path) -> Self {
        Self::new(ViewConfig { root: Some(folder.into()), ..ViewConfig::default() })
    }

    /// A world with a host folder at /m, in an otherwise empty root.
    fn mounted(empty: &Path, folder: &Path, mode: MountMode) -> Self {
        let mounts = vec![Mount { host: folder.into(), guest: "/m".into(), mode }];
        Self::new(ViewConfig { root: Some(empty.into()), mounts, ..ViewConfig::default() })
    }

    fn parts(&mut self) -> (&mut Vfs, FsCx<'_>) {
        (&mut self.vfs, FsCx { mem: &mut *self.mem, frames: &mut self.frames })
    }

    /// Reads a whole file.
    fn read(&mut self, path: &str) -> Result<Vec<u8>, Errno> {
        let cwd = self.cwd;
        let (vfs, mut cx) = self.parts();
        let file = vfs.open(&mut cx, cwd, path.as_bytes(), OpenFlags::empty(), 0)?;
        let mut all = Vec::new();
        let mut buf = [0; 1000];
        let result = loop {
            match vfs.read(&mut cx, file, At::Offset, &mut buf) {
                Ok(0) => break Ok(all),
                Ok(n) => all.extend_from_slice(&buf[..n]),
                Err(e) => break Err(e),
            }
        };
        vfs.file_put(&mut cx, file);
        result
    }

    /// Writes a file with further flags of `open`.
    fn write_with(&mut self, path: &str, bytes: &[u8], flags: OpenFlags) -> Result<usize, Errno> {
        let cwd = self.cwd;
        let (vfs, mut cx) = self.parts();
        let file = vfs.open(&mut cx, cwd, path.as_bytes(), flags | OpenFlags::WRONLY, 0o644)?;
        let result = vfs.write(&mut cx, file, At::Offset, bytes);
        vfs.file_put(&mut cx, file);
        result
    }

    /// Replaces a file.
    fn write(&mut self, path: &str, bytes: &[u8]) -> Result<usize, Errno> {
        self.write_with(path, bytes, OpenFlags::CREAT | OpenFlags::TRUNC)
    }

    /// The descriptors of a process in /proc.
    fn files_of(&self, pid: u32) -> FilesId {
        self.vfs.proc_links(pid).expect("the process is alive").files
    }

    fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        let cwd = self.cwd;
        let (vfs, mut cx) = self.parts();
        vfs.unlink(&mut cx, cwd, path.as_bytes())
    }

    fn names(&mut self, path: &str) -> Result<Vec<String>, Errno> {
        let dir = self.vfs.directory(self.cwd, path.as_bytes())?;
        let entries = self.vfs.list(dir)?;
        Ok(entries.into_iter().skip(2).map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect())
    }
}
