//! Open files: what descriptors stand for (Linux's `struct file`).
//!
//! Invariant: an open file holds a reference to its inode, and lives as long as descriptors refer to it. The offset is
//! the open file's, so descriptors that were duplicated share it.

use std::rc::Rc;

use super::console::{Seek, Stream};
use super::device::Device;
use super::inode::InodeId;
use super::meta::May;
use super::pipe::PipeId;
use super::procfs::{ProcFile, ProcessFile};
use super::socket::SocketId;
use super::tree::DirEntry;
use super::{FsCx, Vfs};
use crate::Errno;
use crate::mm::frames::FrameTable;
use crate::mm::slab::{Cache, FILP, Object};

bitflags::bitflags! {
    /// Flags of `open`, with the values of x86-64 Linux. Read-only is the absence of `WRONLY` and `RDWR`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// For writing only.
        const WRONLY = 1;
        /// For reading and writing.
        const RDWR = 2;
        /// Make the file if there is none.
        const CREAT = 0o100;
        /// The file must not be there yet.
        const EXCL = 0o200;
        /// A terminal does not become the controlling one.
        const NOCTTY = 0o400;
        /// Empty the file.
        const TRUNC = 0o1000;
        /// Every write goes to the end.
        const APPEND = 0o2000;
        /// Do not wait.
        const NONBLOCK = 0o4000;
        /// Writes reach the disk.
        const DSYNC = 0o10000;
        /// Signal when something can be read.
        const ASYNC = 0o20000;
        /// Bypass the page cache.
        const DIRECT = 0o40000;
        /// 64-bit offsets: always so, and always shown.
        const LARGEFILE = 0o100000;
        /// It must be a directory.
        const DIRECTORY = 0o200000;
        /// It must not be a symbolic link.
        const NOFOLLOW = 0o400000;
        /// Leave the access time alone.
        const NOATIME = 0o1000000;
        /// Close it on exec.
        const CLOEXEC = 0o2000000;
        /// Writes and attributes reach the disk (with `DSYNC`).
        const SYNC = 0o4000000;
        /// Only a reference to the file.
        const PATH = 0o10000000;
        /// A file without a name (with `DIRECTORY`).
        const TMPFILE = 0o20000000;
    }
}

impl OpenFlags {
    /// True if open for reading.
    #[must_use]
    pub fn reads(self) -> bool {
        !self.contains(Self::WRONLY) && !self.contains(Self::PATH)
    }

    /// True if open for writing.
    #[must_use]
    pub fn writes(self) -> bool {
        self.intersects(Self::WRONLY | Self::RDWR) && !self.contains(Self::PATH)
    }

    pub(super) fn access(self) -> May {
        let read = if self.contains(Self::WRONLY) { May::empty() } else { May::READ };
        let write = if self.intersects(Self::WRONLY | Self::RDWR) { May::WRITE } else { May::empty() };
        read | write
    }
}

/// The number of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenFileId(pub u32);

/// What an open file reads from and writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Regular,
    Directory,
    Symlink,
    Device(Device),
    Stream(Stream),
    /// An end of a pipe or FIFO, or both, by the flags.
    Pipe(PipeId),
    /// A FIFO with O_PATH.
    Fifo,
    /// An eventfd.
    Event,
    /// A timerfd.
    Timer,
    /// A signalfd.
    Signal,
    /// An epoll.
    Epoll,
    /// A pidfd.
    Pid,
    /// One of a pair of sockets.
    Socket(SocketId),
    /// A text of /proc.
    Proc(ProcFile),
}

/// An open file.
pub(crate) struct OpenFile {
    refs: u32,
    pub(crate) kind: FileKind,
    /// `None` for streams, pipes, sockets and what else has no file system.
    pub(crate) inode: Option<InodeId>,
    pub(crate) flags: OpenFlags,
    pub(crate) offset: u64,
    /// The names of a directory, as they were when it was last read from its start.
    pub(crate) names: Option<Rc<Vec<DirEntry>>>,
    /// A text of /proc, as it was when it was last read from its start.
    pub(super) text: Option<Rc<Vec<u8>>>,
    /// Of a text about a process: which of its programs it had at the open.
    pub(super) program: u64,
    /// For an end of a FIFO whose other end was not there at the open: how often that had been opened.
    pub(super) partner: Option<u32>,
}

/// What a mapping of an open file maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mappable {
    /// The pages of this regular file.
    File(InodeId),
    /// Zeros: /dev/zero, which maps as anonymous memory does.
    Zeros,
}

impl Vfs {
    /// Takes another reference to an open file.
    pub fn file_get(&mut self, file: OpenFileId) {
        self.files.get_mut(file).refs += 1;
    }

    /// Gives a reference back; the last one closes the file, and with a socket the files that are on their way to it.
    pub fn file_put(&mut self, cx: &mut FsCx<'_>, file: OpenFileId) {
        // A loop, as a socket may be on its way to a socket, and so on.
        let mut left = vec![file];
        while let Some(file) = left.pop() {
            let open = self.files.get_mut(file);
            open.refs -= 1;
            if open.refs > 0 {
                continue;
            }
            self.forget_watched(file);
            let open = self.files.remove(file);
            match open.kind {
                FileKind::Pipe(id) => self.close_end(id, open.flags),
                FileKind::Event => drop(self.events.remove(&file)),
                FileKind::Timer => drop(self.timers.remove(&file)),
                FileKind::Signal => drop(self.signal_masks.remove(&file)),
                FileKind::Epoll => drop(self.epolls.remove(&file)),
                FileKind::Pid => drop(self.pid_files.remove(&file)),
                FileKind::Socket(id) => left.extend(self.close_socket(id)),
                _ => {}
            }
            if let Some(inode) = open.inode {
                self.drop_file_locks(inode, file);
                if open.kind == FileKind::Regular && open.flags.writes() {
                    self.put_write_access(inode);
                }
                self.inode_put(cx, inode);
            }
        }
    }

    /// An open file.
    pub(crate) fn file(&self, file: OpenFileId) -> &OpenFile {
        self.files.get(file)
    }

    /// Sets the flags that can change after the open (F_SETFL).
    pub(crate) fn set_file_flags(&mut self, file: OpenFileId, flags: OpenFlags) {
        let settable =
            OpenFlags::APPEND | OpenFlags::NONBLOCK | OpenFlags::ASYNC | OpenFlags::DIRECT | OpenFlags::NOATIME;
        let open = self.files.get_mut(file);
        open.flags = (open.flags - settable) | (flags & settable);
    }

    /// The open file's flags.
    #[must_use]
    pub fn file_flags(&self, file: OpenFileId) -> OpenFlags {
        self.files.get(file).flags
    }

    /// The inode behind an open file; `None` for streams and pipes.
    #[must_use]
    pub fn file_inode(&self, file: OpenFileId) -> Option<InodeId> {
        self.files.get(file).inode
    }

    /// What a mapping of the file maps.
    ///
    /// # Errors
    /// `EBADF` for O_PATH, `EACCES` if the file is not open for reading, `ENODEV` for what cannot be mapped.
    pub fn mappable(&self, file: OpenFileId) -> Result<Mappable, Errno> {
        let open = self.files.get(file);
        match (open.kind, open.inode) {
            _ if open.flags.contains(OpenFlags::PATH) => Err(Errno::EBADF),
            _ if !open.flags.reads() => Err(Errno::EACCES),
            (FileKind::Regular, Some(inode)) => Ok(Mappable::File(inode)),
            (FileKind::Device(Device::Zero), _) => Ok(Mappable::Zeros),
            _ => Err(Errno::ENODEV),
        }
    }

    /// `lseek`.
    pub(crate) fn seek(&mut self, file: OpenFileId, to: Seek) -> Result<u64, Errno> {
        let open = self.files.get(file);
        let inode = match (open.kind, open.inode) {
            _ if open.flags.contains(OpenFlags::PATH) => return Err(Errno::EBADF),
            (FileKind::Stream(stream), _) => return self.console.seek(stream, to),
            (FileKind::Pipe(_) | FileKind::Socket(_), _) => return Err(Errno::ESPIPE),
            (FileKind::Proc(ProcFile::Process(_, ProcessFile::Mem)), _) => return self.seek_in_memory(file, to),
            (FileKind::Proc(_), _) if matches!(to, Seek::End(_) | Seek::Data(_) | Seek::Hole(_)) => {
                return Err(Errno::EINVAL);
            }
            (FileKind::Device(_), _) | (_, None) => return Ok(0),
            (_, Some(inode)) => inode,
        };
        let (offset, size) = (open.offset, self.inodes.get(inode).meta.size);
        let end = if open.kind == FileKind::Directory { i64::MAX as u64 } else { size };
        let target = match to {
            Seek::Start(to) => to.cast_signed(),
            Seek::Current(by) => offset.cast_signed().checked_add(by).ok_or(Errno::EOVERFLOW)?,
            Seek::End(by) => end.cast_signed().checked_add(by).ok_or(Errno::EOVERFLOW)?,
            Seek::Data(from) | Seek::Hole(from) if from >= end => return Err(Errno::ENXIO),
            Seek::Data(from) => self.next_data(inode, from).filter(|&at| at < end).ok_or(Errno::ENXIO)?.cast_signed(),
            Seek::Hole(from) => self.next_hole(inode, from).map_or(end, |at| at.min(end)).cast_signed(),
        };
        let target = u64::try_from(target).map_err(|_| Errno::EINVAL)?;
        let open = self.files.get_mut(file);
        open.offset = target;
        if target == 0 {
            open.names = None;
        }
        Ok(target)
    }

    /// In memory every offset is an address (`mem_lseek`).
    fn seek_in_memory(&mut self, file: OpenFileId, to: Seek) -> Result<u64, Errno> {
        let open = self.files.get_mut(file);
        open.offset = match to {
            Seek::Start(to) => to,
            Seek::Current(by) => open.offset.wrapping_add_signed(by),
            _ => return Err(Errno::EINVAL),
        };
        Ok(open.offset)
    }

    /// The names of an open directory from its offset on, and where the offset is among them.
    pub(crate) fn directory_names(&mut self, file: OpenFileId) -> Result<(Rc<Vec<DirEntry>>, usize), Errno> {
        let open = self.files.get(file);
        let (Some(inode), FileKind::Directory) = (open.inode, open.kind) else { return Err(Errno::ENOTDIR) };
        if self.inodes.get(inode).meta.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        let at = usize::try_from(open.offset).unwrap_or(usize::MAX);
        let names = match &open.names {
            Some(names) => Rc::clone(names),
            None => Rc::new(self.list(inode)?),
        };
        self.files.get_mut(file).names = Some(Rc::clone(&names));
        Ok((names, at))
    }

    /// Sets the offset of an open file.
    pub(crate) fn set_offset(&mut self, file: OpenFileId, offset: u64) {
        self.files.get_mut(file).offset = offset;
    }
}

/// Open files that there can be (Linux's `fs.file-max`): a bound on the host's memory.
const MAX_FILES: usize = 1 << 16;

/// All open files.
pub(super) struct FileTable {
    files: Vec<Option<(OpenFile, Object)>>,
    /// Places that are free, the next to be used last.
    free: Vec<u32>,
    objects: Cache,
}

impl Default for FileTable {
    fn default() -> Self {
        Self { files: Vec::new(), free: Vec::new(), objects: Cache::new(&FILP) }
    }
}

impl FileTable {
    /// A new open file with one reference; `ENFILE` if there are too many.
    pub(super) fn insert(
        &mut self,
        kind: FileKind,
        inode: Option<InodeId>,
        flags: OpenFlags,
    ) -> Result<OpenFileId, Errno> {
        let file =
            OpenFile { refs: 1, kind, inode, flags, offset: 0, names: None, text: None, program: 0, partner: None };
        if self.free.is_empty() && self.files.len() == MAX_FILES {
            return Err(Errno::ENFILE);
        }
        let place = Some((file, self.objects.alloc()));
        if let Some(free) = self.free.pop() {
            self.files[free as usize] = place;
            return Ok(OpenFileId(free));
        }
        self.files.push(place);
        Ok(OpenFileId(self.files.len() as u32 - 1))
    }

    pub(super) fn get(&self, file: OpenFileId) -> &OpenFile {
        &self.files[file.0 as usize].as_ref().expect("a descriptor holds a reference to its open file").0
    }

    pub(super) fn get_mut(&mut self, file: OpenFileId) -> &mut OpenFile {
        &mut self.files[file.0 as usize].as_mut().expect("a descriptor holds a reference to its open file").0
    }

    pub(super) fn remove(&mut self, file: OpenFileId) -> OpenFile {
        let place = self.files[file.0 as usize].take();
        let (open, object) = place.expect("a descriptor holds a reference to its open file");
        self.free.push(file.0);
        self.objects.free(object);
        open
    }

    pub(super) fn settle(&mut self, frames: &mut FrameTable) {
        self.objects.settle(frames);
    }

    pub(super) const fn cache(&self) -> &Cache {
        &self.objects
    }
}
