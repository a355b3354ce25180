//! Changes of attributes: permissions, owner, times; and `access`.

use rustix::fs::Timestamps;

use super::inode::InodeId;
use super::meta::{FileStat, Kind, May, Timestamp};
use super::{BLOCK_BYTES, FileKind, OpenFileId, Vfs};
use crate::Errno;
use crate::process::Cap;

/// A time to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetTime {
    /// UTIME_NOW.
    Now,
    /// UTIME_OMIT.
    Keep,
    /// This time.
    To(Timestamp),
}

impl SetTime {
    fn for_host(self) -> rustix::fs::Timespec {
        let (tv_sec, tv_nsec) = match self {
            Self::Now => (0, rustix::fs::UTIME_NOW),
            Self::Keep => (0, rustix::fs::UTIME_OMIT),
            Self::To(t) => (t.sec, t.nsec.into()),
        };
        rustix::fs::Timespec { tv_sec, tv_nsec }
    }
}

impl Vfs {
    /// What `fstat` says of an open file.
    pub(crate) fn stat_file(&mut self, file: OpenFileId) -> Result<FileStat, Errno> {
        let open = self.files.get(file);
        match (open.inode, open.kind) {
            (Some(inode), _) => self.stat(inode),
            (None, FileKind::Stream(stream)) => {
                let (meta, key) = self.console.stat(stream)?;
                // A stream that is a file of the view is that file; others have fixed numbers.
                let base = super::inode::MountId(0);
                let (dev, ino) = match key {
                    Some(key) => (self.inodes.device_of(base, key.0), self.inodes.number_of(base, key)?.ino()),
                    None => (0xd, stream as u64 + 3),
                };
                Ok(FileStat { dev, ino, block_bytes: BLOCK_BYTES, meta })
            }
            (None, _) => {
                let now = self.now;
                let (uid, gid) = (self.credentials.uid, self.credentials.gid);
                let (kind, permissions, dev, ino) = match open.kind {
                    FileKind::Socket(id) => (Kind::Socket, 0o777, 0xb, id.ino()),
                    FileKind::Pipe(pipe) => (Kind::Fifo, 0o600, 0xc, pipe.ino()),
                    _ => (Kind::Fifo, 0o600, 0xc, 1),
                };
                let meta = super::Meta {
                    kind,
                    permissions,
                    uid,
                    gid,
                    nlink: 1,
                    size: 0,
                    blocks: 0,
                    atime: now,
                    mtime: now,
                    ctime: now,
                    rdev: 0,
                };
                Ok(FileStat { dev, ino, block_bytes: BLOCK_BYTES, meta })
            }
        }
    }

    /// `chmod`.
    pub(crate) fn set_permissions(&mut self, id: InodeId, permissions: u32) -> Result<(), Errno> {
        let meta = self.inodes.get(id).meta;
        if meta.kind == Kind::Symlink {
            return Err(Errno::EOPNOTSUPP);
        }
        if !self.credentials.owns(meta.uid) {
            return Err(Errno::EPERM);
        }
        let mut permissions = permissions & 0o7777;
        if self.seals(id).contains(super::Seals::EXEC) && (permissions ^ meta.permissions) & 0o111 != 0 {
            return Err(Errno::EPERM);
        }
        if !self.credentials.has(Cap::Fsetid) && !self.credentials.in_group(meta.gid) {
            permissions &= !0o2000;
        }
        if let Some((tree, path)) = self.writable_place(id) {
            match self.inodes.get(id).host_fd() {
                Some(fd) => rustix::fs::fchmod(fd, rustix::fs::Mode::from_raw_mode(permissions as _))?,
                None => tree.set_permissions(&path, permissions)?,
            }
            self.inodes.get_mut(id).meta.permissions = permissions;
            return Ok(());
        }
        self.touch_attributes(id)?.meta.permissions = permissions;
        Ok(())
    }

    /// `chown`; `None` leaves an id as it is.
    pub(crate) fn set_owner(&mut self, id: InodeId, uid: Option<u32>, gid: Option<u32>) -> Result<(), Errno> {
        let meta = self.inodes.get(id).meta;
        let who = &self.credentials;
        let may_uid = uid.is_none_or(|uid| who.has(Cap::Chown) || (who.uid == meta.uid && uid == meta.uid));
        let may_gid = gid
            .is_none_or(|gid| who.has(Cap::Chown) || (who.uid == meta.uid && (who.in_group(gid) || gid == meta.gid)));
        if !may_uid || !may_gid {
            return Err(Errno::EPERM);
        }
        if let Some((tree, path)) = self.writable_place(id) {
            let (user, group) = (uid.map(rustix::fs::Uid::from_raw), gid.map(rustix::fs::Gid::from_raw));
            match self.inodes.get(id).host_fd() {
                Some(fd) => rustix::fs::fchown(fd, user, group)?,
                None => tree.set_owner(&path, user, group)?,
            }
            return self.refresh_from_host(id);
        }
        let meta = &mut self.touch_attributes(id)?.meta;
        meta.uid = uid.unwrap_or(meta.uid);
        meta.gid = gid.unwrap_or(meta.gid);
        if meta.kind == Kind::Regular {
            meta.permissions &= !set_id_bits(meta.permissions);
        }
        Ok(())
    }

    /// Takes the set-id bits from a layered file whose contents change, unless root changes them (Linux's
    /// `file_remove_privs`).
    pub(super) fn drop_set_id(&mut self, id: InodeId) {
        if !self.credentials.has(Cap::Fsetid) {
            let meta = &mut self.inodes.get_mut(id).meta;
            let outsider = if self.credentials.in_group(meta.gid) { 0 } else { 0o2000 };
            meta.permissions &= !(set_id_bits(meta.permissions) | outsider);
        }
    }

    /// `utimensat`: access and modification time.
    pub(crate) fn set_times(&mut self, id: InodeId, atime: SetTime, mtime: SetTime) -> Result<(), Errno> {
        if (atime, mtime) == (SetTime::Keep, SetTime::Keep) {
            return Ok(());
        }
        let owner = self.inodes.get(id).meta.uid;
        if !self.credentials.owns(owner) {
            match (atime, mtime) {
                (SetTime::Now, SetTime::Now) => self.may(id, May::WRITE)?,
                _ => return Err(Errno::EPERM),
            }
        }
        if let Some((tree, path)) = self.writable_place(id) {
            let times = Timestamps { last_access: atime.for_host(), last_modification: mtime.for_host() };
            match self.inodes.get(id).host_fd() {
                Some(fd) => rustix::fs::futimens(fd, &times)?,
                None => tree.set_times(&path, &times)?,
            }
            return self.refresh_from_host(id);
        }
        let now = self.now;
        let meta = &mut self.touch_attributes(id)?.meta;
        for (field, set) in [(&mut meta.atime, atime), (&mut meta.mtime, mtime)] {
            match set {
                SetTime::Now => *field = now,
                SetTime::Keep => {}
                SetTime::To(time) => *field = time,
            }
        }
        Ok(())
    }
}

/// The set-id bits among some permissions: set-group-id without group execution means something else.
const fn set_id_bits(permissions: u32) -> u32 {
    if permissions & 0o10 != 0 { 0o6000 } else { 0o4000 }
}
