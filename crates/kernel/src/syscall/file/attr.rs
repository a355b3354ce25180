//! Permissions, owners, times, sizes.

use super::{AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, Args, CWD, SysResult};
use crate::fs::{FileKind, KeepSize, SetTime, Timestamp};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// UTIME_NOW in `tv_nsec`.
const UTIME_NOW: u64 = 0x3fff_ffff;
/// UTIME_OMIT in `tv_nsec`.
const UTIME_OMIT: u64 = 0x3fff_fffe;
/// FALLOC_FL_KEEP_SIZE.
const FALLOC_FL_KEEP_SIZE: u64 = 1;
/// FALLOC_FL_PUNCH_HOLE: the range becomes zeros that take no space.
const FALLOC_FL_PUNCH_HOLE: u64 = 2;

impl Kernel {
    pub(super) fn sys_umask(&mut self, _: &mut Hw<'_>, [mask, ..]: Args) -> SysResult {
        Ok(self.current.fs.set_umask(mask as u32 & 0o777).into())
    }

    pub(super) fn sys_chmod(&mut self, hw: &mut Hw<'_>, [path, mode, ..]: Args) -> SysResult {
        self.sys_fchmodat2(hw, [CWD, path, mode, 0, 0, 0])
    }

    pub(super) fn sys_fchmod(&mut self, _: &mut Hw<'_>, [fd, mode, ..]: Args) -> SysResult {
        let inode = self.changeable_inode(fd)?;
        self.vfs.set_permissions(inode, mode as u32)?;
        Ok(0)
    }

    pub(super) fn sys_fchmodat(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, ..]: Args) -> SysResult {
        self.sys_fchmodat2(hw, [dirfd, path, mode, 0, 0, 0])
    }

    pub(super) fn sys_fchmodat2(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, flags, ..]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
        let inode = self.inode_at(hw, dirfd, path, flags)?;
        self.vfs.set_permissions(inode, mode as u32)?;
        Ok(0)
    }

    /// The inode behind a descriptor that was not opened with O_PATH.
    fn changeable_inode(&self, fd: u64) -> Result<crate::fs::InodeId, Errno> {
        if self.vfs.file_flags(self.file(fd)?).contains(crate::fs::OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        self.file_inode(fd)
    }

    pub(super) fn sys_chown(&mut self, hw: &mut Hw<'_>, [path, uid, gid, ..]: Args) -> SysResult {
        self.sys_fchownat(hw, [CWD, path, uid, gid, 0, 0])
    }

    pub(super) fn sys_lchown(&mut self, hw: &mut Hw<'_>, [path, uid, gid, ..]: Args) -> SysResult {
        self.sys_fchownat(hw, [CWD, path, uid, gid, AT_SYMLINK_NOFOLLOW, 0])
    }

    pub(super) fn sys_fchown(&mut self, _: &mut Hw<'_>, [fd, uid, gid, ..]: Args) -> SysResult {
        let inode = self.changeable_inode(fd)?;
        self.vfs.set_owner(inode, owner(uid), owner(gid))?;
        Ok(0)
    }

    pub(super) fn sys_fchownat(&mut self, hw: &mut Hw<'_>, [dirfd, path, uid, gid, flags, _]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
        let inode = self.inode_at(hw, dirfd, path, flags)?;
        self.vfs.set_owner(inode, owner(uid), owner(gid))?;
        Ok(0)
    }

    pub(super) fn sys_utimensat(&mut self, hw: &mut Hw<'_>, [dirfd, path, times, flags, ..]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
        let [atime, mtime] = self.user_times(hw, times, timespec)?;
        if (atime, mtime) == (SetTime::Keep, SetTime::Keep) {
            return Ok(0);
        }
        let inode = if path == 0 { self.changeable_inode(dirfd)? } else { self.inode_at(hw, dirfd, path, flags)? };
        self.vfs.set_times(inode, atime, mtime)?;
        Ok(0)
    }

    pub(super) fn sys_utimes(&mut self, hw: &mut Hw<'_>, [path, times, ..]: Args) -> SysResult {
        self.sys_futimesat(hw, [CWD, path, times, 0, 0, 0])
    }

    pub(super) fn sys_futimesat(&mut self, hw: &mut Hw<'_>, [dirfd, path, times, ..]: Args) -> SysResult {
        let [atime, mtime] = self.user_times(hw, times, timeval)?;
        let inode = if path == 0 { self.changeable_inode(dirfd)? } else { self.inode_at(hw, dirfd, path, 0)? };
        self.vfs.set_times(inode, atime, mtime)?;
        Ok(0)
    }

    pub(super) fn sys_utime(&mut self, hw: &mut Hw<'_>, [path, times, ..]: Args) -> SysResult {
        let [atime, mtime] = if times == 0 {
            [SetTime::Now; 2]
        } else {
            let seconds = [0, 8].map(|at| self.read_user_u64(hw, LinearAddr(times.wrapping_add(at))));
            let [atime, mtime] = seconds;
            [atime?, mtime?].map(|s| SetTime::To(Timestamp { sec: s.cast_signed(), nsec: 0 }))
        };
        let inode = self.inode_at(hw, CWD, path, 0)?;
        self.vfs.set_times(inode, atime, mtime)?;
        Ok(0)
    }

    /// Two times in user memory, of two words each; a null pointer means now.
    fn user_times(
        &mut self,
        hw: &mut Hw<'_>,
        times: u64,
        read: fn(u64, u64) -> Result<SetTime, Errno>,
    ) -> Result<[SetTime; 2], Errno> {
        if times == 0 {
            return Ok([SetTime::Now; 2]);
        }
        let raw = self.read_user::<32>(hw, LinearAddr(times))?;
        let word = |i: usize| u64::from_le_bytes(raw[8 * i..8 * i + 8].try_into().expect("eight bytes"));
        Ok([read(word(0), word(1))?, read(word(2), word(3))?])
    }

    pub(super) fn sys_truncate(&mut self, hw: &mut Hw<'_>, [path, size, ..]: Args) -> SysResult {
        if size > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        let inode = self.inode_at(hw, CWD, path, 0)?;
        self.vfs.may_truncate(inode)?;
        self.may_grow(inode, size)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.truncate(&mut cx, inode, size)?;
        Ok(0)
    }

    pub(super) fn sys_ftruncate(&mut self, hw: &mut Hw<'_>, [fd, size, ..]: Args) -> SysResult {
        if size > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        let file = self.file(fd)?;
        let flags = self.vfs.file_flags(file);
        if flags.contains(crate::fs::OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        match (self.vfs.file(file).kind, self.vfs.file_inode(file)) {
            _ if !flags.writes() => return Err(Errno::EINVAL),
            (FileKind::Stream(stream), _) => self.vfs.console().set_size(stream, size)?,
            (FileKind::Regular, Some(inode)) => {
                self.may_grow(inode, size)?;
                let (vfs, _, mut cx) = self.fs_cx(hw);
                vfs.set_size(&mut cx, inode, size)?;
            }
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    pub(super) fn sys_fallocate(&mut self, hw: &mut Hw<'_>, [fd, mode, offset, len, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let punches = mode & FALLOC_FL_PUNCH_HOLE != 0;
        if mode & !(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) != 0 || punches && mode & FALLOC_FL_KEEP_SIZE == 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        if offset > i64::MAX as u64 || len == 0 || len > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        if !self.vfs.file_flags(file).writes() {
            return Err(Errno::EBADF);
        }
        let inode = match (self.vfs.file(file).kind, self.vfs.file_inode(file)) {
            (FileKind::Regular, Some(inode)) => inode,
            (FileKind::Pipe(_), _) => return Err(Errno::ESPIPE),
            _ => return Err(Errno::ENODEV),
        };
        if mode & FALLOC_FL_KEEP_SIZE == 0 && offset.checked_add(len).is_some_and(|end| end <= i64::MAX as u64) {
            self.may_grow(inode, offset + len)?;
        }
        let (vfs, _, mut cx) = self.fs_cx(hw);
        if punches {
            return vfs.punch_hole(&mut cx, inode, offset, len).map(|()| 0);
        }
        if vfs.huge_page_size(inode).is_some() {
            let keep_size = if mode & FALLOC_FL_KEEP_SIZE == 0 { KeepSize::No } else { KeepSize::Yes };
            return vfs.allocate_huge(&mut cx, inode, (offset, len), keep_size).map(|()| 0);
        }
        vfs.allocate(&mut cx, inode, offset, len)?;
        if mode & FALLOC_FL_KEEP_SIZE == 0 && offset + len > vfs.inode_size(inode) {
            vfs.set_size(&mut cx, inode, offset + len)?;
        }
        Ok(0)
    }
}

/// A user or group id of `chown`; -1 leaves it as it is.
fn owner(id: u64) -> Option<u32> {
    Some(id as u32).filter(|&id| id != u32::MAX)
}

fn timespec(sec: u64, nsec: u64) -> Result<SetTime, Errno> {
    match nsec {
        UTIME_NOW => Ok(SetTime::Now),
        UTIME_OMIT => Ok(SetTime::Keep),
        0..=999_999_999 => Ok(SetTime::To(Timestamp { sec: sec.cast_signed(), nsec: nsec as u32 })),
        _ => Err(Errno::EINVAL),
    }
}

fn timeval(sec: u64, usec: u64) -> Result<SetTime, Errno> {
    match usec {
        0..=999_999 => Ok(SetTime::To(Timestamp { sec: sec.cast_signed(), nsec: usec as u32 * 1000 })),
        _ => Err(Errno::EINVAL),
    }
}
