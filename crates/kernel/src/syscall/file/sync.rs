//! Calls about the disk behind the files: writing through, and hints.

use super::{Args, SysResult};
use crate::fs::FileKind;
use crate::kernel::Kernel;
use crate::{Errno, Hw};

impl Kernel {
    /// `fsync`, `fdatasync`, `syncfs`: writes go to the host at once, so only the host has something to flush.
    pub(super) fn sys_fsync(&mut self, hw: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        if self.vfs.file_flags(file).contains(crate::fs::OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        match (self.vfs.file(file).kind, self.vfs.file_inode(file)) {
            (FileKind::Regular, Some(inode)) => {
                let (vfs, _, mut cx) = self.fs_cx(hw);
                vfs.sync_host_file(&mut cx, inode)?;
            }
            (FileKind::Directory, _) => {}
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    /// `sync`: the layer has no disk behind it.
    pub(super) fn sys_sync(&mut self, _: &mut Hw<'_>, _: Args) -> SysResult {
        Ok(0)
    }

    /// `sync_file_range`: as `fsync`, of which it is a part.
    pub(super) fn sys_sync_file_range(&mut self, hw: &mut Hw<'_>, [fd, offset, len, flags, ..]: Args) -> SysResult {
        super::only(flags, 7)?;
        let end = offset.checked_add(len).filter(|&end| end <= i64::MAX as u64);
        end.ok_or(Errno::EINVAL)?;
        match self.vfs.file(self.file(fd)?).kind {
            FileKind::Regular => self.sys_fsync(hw, [fd, 0, 0, 0, 0, 0]),
            _ => Err(Errno::ESPIPE),
        }
    }

    /// `readahead`: a hint. Pages are read when they are first needed, so that faults do not depend on hints.
    pub(super) fn sys_readahead(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        if !self.vfs.file_flags(file).reads() {
            return Err(Errno::EBADF);
        }
        if self.vfs.file(file).kind == FileKind::Regular { Ok(0) } else { Err(Errno::EINVAL) }
    }

    /// `fadvise64`: a hint too.
    pub(super) fn sys_fadvise64(&mut self, _: &mut Hw<'_>, [fd, _, len, advice, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        match self.vfs.file(file).kind {
            FileKind::Pipe(_) => Err(Errno::ESPIPE),
            _ if advice as u32 > 5 || len > i64::MAX as u64 => Err(Errno::EINVAL),
            _ => Ok(0),
        }
    }
}
