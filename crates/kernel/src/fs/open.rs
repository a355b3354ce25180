//! Opening files: by path, by way of /proc, without a name.
//!
//! Protocol. A path is walked, the permissions judged, the host's file opened as far as the flags need it, and only then is
//! there an open file, with one reference. A file is truncated last, and closed again if that fails.

use super::console::Stream;
use super::device::Device;
use super::file::{FileKind, OpenFileId, OpenFlags};
use super::inode::{Body, InodeId};
use super::layer::New;
use super::meta::{Kind, May};
use super::namei::{Follow, Last};
use super::procfs::ProcFile;
use super::{FsCx, Vfs};
use crate::Errno;

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
        let has_size = matches!(self.inodes.get(id).body, Body::Regular(_) | Body::Huge(_));
        let truncates = flags.contains(OpenFlags::TRUNC) && has_size;
        self.may(id, flags.access() | if truncates { May::WRITE } else { May::empty() })?;
        self.may_open_proc(id)?;
        if truncates {
            self.may_be_written(id)?;
        }
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
    pub(super) fn open_inode(&mut self, id: InodeId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let is_path = flags.contains(OpenFlags::PATH);
        let kind = match &self.inodes.get(id).body {
            Body::Regular(_) | Body::Huge(_) => FileKind::Regular,
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
        let writes = kind == FileKind::Regular && flags.writes();
        if writes {
            self.may_be_written(id)?;
        }
        if !is_path && kind == FileKind::Regular {
            self.open_host_file(id, flags)?;
        }
        let (kind, inode) = match kind {
            FileKind::Device(Device::Tty) if !is_path => (FileKind::Stream(self.terminal_stream()?), None),
            _ => (kind, Some(id)),
        };
        let file = self.files.insert(kind, inode, shown(flags))?;
        if let FileKind::Proc(ProcFile::Process(pid, _)) = kind {
            self.files.get_mut(file).program = self.proc.program(pid).unwrap_or(0);
        }
        if let Some(id) = inode {
            self.inode_get(id);
        }
        if writes {
            self.get_write_access(id);
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
}

/// The flags that an open file keeps, as F_GETFL shows them.
fn shown(flags: OpenFlags) -> OpenFlags {
    if flags.contains(OpenFlags::PATH) {
        return flags & (OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW);
    }
    let gone = OpenFlags::CREAT | OpenFlags::EXCL | OpenFlags::NOCTTY | OpenFlags::TRUNC | OpenFlags::CLOEXEC;
    (flags - gone) | OpenFlags::LARGEFILE
}
