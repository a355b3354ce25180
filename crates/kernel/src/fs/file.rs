//! Open files: what descriptors stand for (Linux's `struct file`).
//!
//! Invariant: an open file holds a reference to its inode, and lives as long as descriptors refer to it. The offset is
//! the open file's, so descriptors that were duplicated share it.

use std::rc::Rc;

use super::console::{Seek, Stream};
use super::device::Device;
use super::inode::{Body, InodeId};
use super::layer::New;
use super::meta::{Kind, May};
use super::namei::{Follow, Last};
use super::pipe::PipeId;
use super::procfs::ProcFile;
use super::tree::DirEntry;
use super::{FsCx, Vfs};
use crate::Errno;

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

    fn access(self) -> May {
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
    /// A text of /proc.
    Proc(ProcFile),
}

/// An open file.
pub(crate) struct OpenFile {
    refs: u32,
    pub(crate) kind: FileKind,
    /// `None` for streams, pipes and eventfds.
    pub(crate) inode: Option<InodeId>,
    pub(crate) flags: OpenFlags,
    pub(crate) offset: u64,
    /// The names of a directory, as they were when it was last read from its start.
    pub(crate) names: Option<Rc<Vec<DirEntry>>>,
    /// A text of /proc, as it was when it was last read from its start.
    pub(super) text: Option<Rc<Vec<u8>>>,
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
    /// Opens a path; the result holds one reference. `permissions` are those of a new file, the umask applied.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn open(
        &mut self,
        cx: &mut FsCx<'_>,
        cwd: InodeId,
        path: &[u8],
        flags: OpenFlags,
        permissions: u32,
    ) -> Result<OpenFileId, Errno> {
        if flags.contains(OpenFlags::TMPFILE) {
            return self.open_unnamed(cx, cwd, path, flags, permissions);
        }
        let creates = flags.contains(OpenFlags::CREAT) && !flags.contains(OpenFlags::PATH);
        if creates && flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let no_follow = flags.contains(OpenFlags::NOFOLLOW) || (creates && flags.contains(OpenFlags::EXCL));
        let follow = match (creates, no_follow) {
            (true, true) => Follow::Never,
            (true, false) => Follow::ToMake,
            (false, true) => Follow::NotLast,
            (false, false) => Follow::Always,
        };
        let found = self.find(cwd, path, follow)?;
        if creates && found.slash && matches!(found.last, Last::Name(_)) {
            return Err(Errno::EISDIR);
        }
        if let Some(file) = found.file {
            return self.reopen(file, flags);
        }
        match (found.inode, creates) {
            (Some(_), true) if flags.contains(OpenFlags::EXCL) => Err(Errno::EEXIST),
            (Some(id), _) => self.open_existing(cx, id, flags),
            (None, false) => Err(Errno::ENOENT),
            (None, true) => {
                let Last::Name(name) = &found.last else { return Err(Errno::EISDIR) };
                let id = self.make_at(found.dir, name, New::File, permissions & 0o7777)?;
                // The permissions of a file hold from its second open on.
                self.open_inode(id, flags)
            }
        }
    }

    /// O_TMPFILE: a file in a directory, without a name.
    fn open_unnamed(
        &mut self,
        cx: &mut FsCx<'_>,
        cwd: InodeId,
        path: &[u8],
        flags: OpenFlags,
        permissions: u32,
    ) -> Result<OpenFileId, Errno> {
        if !flags.contains(OpenFlags::DIRECTORY) || !flags.writes() {
            return Err(Errno::EINVAL);
        }
        let dir = self.walk(cwd, path, Follow::Always)?;
        if !self.inodes.get(dir).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        self.may(dir, May::WRITE | May::EXEC)?;
        if self.writable_place(dir).is_some() {
            return Err(Errno::EOPNOTSUPP);
        }
        let id = self.new_inode(dir, New::File, permissions)?;
        let file = self.open_inode(id, flags)?;
        // It holds its directory from now on.
        let _not_freed = self.free_if_gone(cx, id);
        Ok(file)
    }

    fn open_existing(&mut self, cx: &mut FsCx<'_>, id: InodeId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let kind = self.inodes.get(id).meta.kind;
        let creates = flags.contains(OpenFlags::CREAT);
        match kind {
            _ if flags.contains(OpenFlags::DIRECTORY) && kind != Kind::Directory => return Err(Errno::ENOTDIR),
            _ if flags.contains(OpenFlags::PATH) => return self.open_inode(id, flags),
            Kind::Symlink => return Err(Errno::ELOOP),
            Kind::Directory if creates || flags.access().contains(May::WRITE) => return Err(Errno::EISDIR),
            Kind::Directory if flags.contains(OpenFlags::TRUNC) => return Err(Errno::EISDIR),
            _ => {}
        }
        let truncates = flags.contains(OpenFlags::TRUNC) && matches!(self.inodes.get(id).body, Body::Regular(_));
        self.may(id, flags.access() | if truncates { May::WRITE } else { May::empty() })?;
        let file = self.open_inode(id, flags)?;
        if truncates {
            let result = self.open_writer(id).and_then(|()| self.set_size(cx, id, 0));
            if let Err(e) = result {
                self.file_put(cx, file);
                return Err(e);
            }
        }
        Ok(file)
    }

    /// Opens an inode, whose permissions have been judged.
    fn open_inode(&mut self, id: InodeId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let is_path = flags.contains(OpenFlags::PATH);
        let kind = match &self.inodes.get(id).body {
            Body::Regular(_) => FileKind::Regular,
            Body::Directory(_) => FileKind::Directory,
            Body::Symlink(_) => FileKind::Symlink,
            Body::Device(device) => FileKind::Device(*device),
            Body::Fifo(_) if is_path => FileKind::Fifo,
            Body::Fifo(_) => return self.open_fifo(id, shown(flags)),
            Body::Proc(node) => match node.kind() {
                Kind::Directory => FileKind::Directory,
                Kind::Symlink => FileKind::Symlink,
                _ => FileKind::Proc(node.file().ok_or(Errno::EIO)?),
            },
        };
        if !is_path && kind == FileKind::Regular {
            self.open_host_file(id, flags)?;
        }
        let (kind, inode) = match kind {
            FileKind::Device(Device::Tty) if !is_path => (FileKind::Stream(self.terminal_stream()?), None),
            _ => (kind, Some(id)),
        };
        let file = self.files.insert(kind, inode, shown(flags))?;
        if let Some(id) = inode {
            self.inode_get(id);
        }
        Ok(file)
    }

    /// Opens anew what a descriptor in /proc stands for that has no inode.
    fn reopen(&mut self, file: OpenFileId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let (creates, exclusive) = (flags.contains(OpenFlags::CREAT), flags.contains(OpenFlags::EXCL));
        match self.files.get(file).kind {
            _ if creates && exclusive => Err(Errno::EEXIST),
            _ if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::ENOTDIR),
            _ if flags.contains(OpenFlags::PATH) => Err(Errno::ENXIO),
            FileKind::Stream(stream) => self.files.insert(FileKind::Stream(stream), None, shown(flags)),
            FileKind::Pipe(id) => self.reopen_pipe(id, shown(flags)),
            _ => Err(Errno::ENXIO),
        }
    }

    /// Opens what is needed of the host's file, so that the host's refusal comes at open and a file that loses its name
    /// stays readable.
    fn open_host_file(&mut self, id: InodeId, flags: OpenFlags) -> Result<(), Errno> {
        if flags.reads() {
            self.open_reader(id)?;
        }
        if flags.writes() {
            self.open_writer(id)?;
        }
        Ok(())
    }

    /// The standard stream that /dev/tty is.
    fn terminal_stream(&self) -> Result<Stream, Errno> {
        let terminal = Stream::ALL.into_iter().find(|&s| self.console.terminal(s).is_ok());
        terminal.ok_or(Errno::ENXIO)
    }

    /// An open file for a standard stream; `None` if the host has it closed.
    pub(super) fn open_stream(&mut self, stream: Stream) -> Option<OpenFileId> {
        self.console.stat(stream).ok()?;
        let flags = self.console.flags(stream) | OpenFlags::LARGEFILE;
        self.files.insert(FileKind::Stream(stream), None, flags).ok()
    }

    /// A file in memory without a name (`memfd_create`).
    pub(crate) fn open_memory_file(&mut self, name: &[u8]) -> Result<OpenFileId, Errno> {
        let id = self.new_inode(self.root, New::File, 0o777)?;
        self.inodes.get_mut(id).name = [b"memfd:", name].concat();
        self.open_inode(id, OpenFlags::RDWR)
    }

    /// A file in memory of this size for a shared anonymous mapping, which holds its one reference (Linux's function
    /// of the same name).
    ///
    /// # Errors
    /// `ENOSPC` if the layer's budget is used up.
    pub fn shmem_file_setup(&mut self, size: u64) -> Result<InodeId, Errno> {
        let id = self.new_inode(self.dev_root, New::File, 0o777)?;
        let inode = self.inodes.get_mut(id);
        (inode.name, inode.meta.size, inode.refs) = (b"zero".to_vec(), size, 1);
        Ok(id)
    }

    /// Takes another reference to an open file.
    pub fn file_get(&mut self, file: OpenFileId) {
        self.files.get_mut(file).refs += 1;
    }

    /// Gives a reference back; the last one closes the file.
    pub fn file_put(&mut self, cx: &mut FsCx<'_>, file: OpenFileId) {
        let open = self.files.get_mut(file);
        open.refs -= 1;
        if open.refs > 0 {
            return;
        }
        let open = self.files.remove(file);
        match open.kind {
            FileKind::Pipe(id) => self.close_end(id, open.flags),
            FileKind::Event => drop(self.events.remove(&file)),
            _ => {}
        }
        if let Some(inode) = open.inode {
            self.drop_file_locks(inode, file);
            self.inode_put(cx, inode);
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
            (FileKind::Pipe(_), _) => return Err(Errno::ESPIPE),
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
            // Without a record of holes the whole file is data, and its end a hole.
            Seek::Data(from) => from.cast_signed(),
            Seek::Hole(_) => end.cast_signed(),
        };
        let target = u64::try_from(target).map_err(|_| Errno::EINVAL)?;
        let open = self.files.get_mut(file);
        open.offset = target;
        if target == 0 {
            open.names = None;
        }
        Ok(target)
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

/// The flags that an open file keeps, as F_GETFL shows them.
fn shown(flags: OpenFlags) -> OpenFlags {
    if flags.contains(OpenFlags::PATH) {
        return flags & (OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW);
    }
    let gone = OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY | OpenFlags::TRUNC | OpenFlags::CLOEXEC;
    (flags - gone) | OpenFlags::LARGEFILE
}

/// Open files that there can be (Linux's `fs.file-max`): a bound on the host's memory.
const MAX_FILES: usize = 1 << 16;

/// All open files.
#[derive(Default)]
pub(super) struct FileTable {
    files: Vec<Option<OpenFile>>,
    /// Places that are free, the next to be used last.
    free: Vec<u32>,
}

impl FileTable {
    /// A new open file with one reference; `ENFILE` if there are too many.
    pub(super) fn insert(
        &mut self,
        kind: FileKind,
        inode: Option<InodeId>,
        flags: OpenFlags,
    ) -> Result<OpenFileId, Errno> {
        let file = OpenFile { refs: 1, kind, inode, flags, offset: 0, names: None, text: None, partner: None };
        if let Some(free) = self.free.pop() {
            self.files[free as usize] = Some(file);
            return Ok(OpenFileId(free));
        }
        if self.files.len() == MAX_FILES {
            return Err(Errno::ENFILE);
        }
        self.files.push(Some(file));
        Ok(OpenFileId(self.files.len() as u32 - 1))
    }

    pub(super) fn get(&self, file: OpenFileId) -> &OpenFile {
        self.files[file.0 as usize].as_ref().expect("a descriptor holds a reference to its open file")
    }

    pub(super) fn get_mut(&mut self, file: OpenFileId) -> &mut OpenFile {
        self.files[file.0 as usize].as_mut().expect("a descriptor holds a reference to its open file")
    }

    pub(super) fn remove(&mut self, file: OpenFileId) -> OpenFile {
        self.free.push(file.0);
        self.files[file.0 as usize].take().expect("a descriptor holds a reference to its open file")
    }
}
