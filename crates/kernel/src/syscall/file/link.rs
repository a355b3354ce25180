//! Names: links, symbolic links, removing, renaming.

use super::{AT_EMPTY_PATH, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, Args, CWD, SysResult};
use crate::fs::{Follow, New, Rename};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

impl Kernel {
    pub(super) fn sys_readlink(&mut self, hw: &mut Hw<'_>, [path, buf, size, ..]: Args) -> SysResult {
        self.sys_readlinkat(hw, [CWD, path, buf, size, 0, 0])
    }

    pub(super) fn sys_readlinkat(&mut self, hw: &mut Hw<'_>, [dirfd, path, buf, size, ..]: Args) -> SysResult {
        let size = size as u32 as i32;
        if size <= 0 {
            return Err(Errno::EINVAL);
        }
        let path = self.user_cstr(hw, LinearAddr(path))?;
        let start = self.start(dirfd, &path)?;
        // An empty path means the link that the descriptor was opened on with O_PATH.
        let inode =
            if path.is_empty() && dirfd != CWD { start } else { self.vfs.walk(start, &path, Follow::NotLast)? };
        let mut target = self.vfs.read_link(inode)?;
        target.truncate(size as usize);
        self.copy_to_user(hw, LinearAddr(buf), &target)?;
        Ok(target.len() as u64)
    }

    pub(super) fn sys_link(&mut self, hw: &mut Hw<'_>, [old, new, ..]: Args) -> SysResult {
        self.sys_linkat(hw, [CWD, old, CWD, new, 0, 0])
    }

    pub(super) fn sys_linkat(&mut self, hw: &mut Hw<'_>, [olddir, old, newdir, new, flags, _]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)?;
        let follow = if flags & AT_SYMLINK_FOLLOW != 0 { 0 } else { AT_SYMLINK_NOFOLLOW };
        let inode = self.inode_at(hw, olddir, old, follow | flags & AT_EMPTY_PATH)?;
        let (start, new) = self.path_at(hw, newdir, new)?;
        self.vfs.link(inode, start, &new)?;
        Ok(0)
    }

    pub(super) fn sys_symlink(&mut self, hw: &mut Hw<'_>, [target, path, ..]: Args) -> SysResult {
        self.sys_symlinkat(hw, [target, CWD, path, 0, 0, 0])
    }

    pub(super) fn sys_symlinkat(&mut self, hw: &mut Hw<'_>, [target, dirfd, path, ..]: Args) -> SysResult {
        let target = self.user_cstr(hw, LinearAddr(target))?;
        if target.is_empty() {
            return Err(Errno::ENOENT);
        }
        let (start, path) = self.path_at(hw, dirfd, path)?;
        self.vfs.make(start, &path, New::Symlink(target), 0o777)?;
        Ok(0)
    }

    pub(super) fn sys_unlink(&mut self, hw: &mut Hw<'_>, [path, ..]: Args) -> SysResult {
        self.sys_unlinkat(hw, [CWD, path, 0, 0, 0, 0])
    }

    pub(super) fn sys_rmdir(&mut self, hw: &mut Hw<'_>, [path, ..]: Args) -> SysResult {
        self.sys_unlinkat(hw, [CWD, path, AT_REMOVEDIR, 0, 0, 0])
    }

    pub(super) fn sys_unlinkat(&mut self, hw: &mut Hw<'_>, [dirfd, path, flags, ..]: Args) -> SysResult {
        super::only(flags, AT_REMOVEDIR)?;
        let (start, path) = self.path_at(hw, dirfd, path)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        if flags & AT_REMOVEDIR != 0 {
            vfs.rmdir(&mut cx, start, &path)?;
        } else {
            vfs.unlink(&mut cx, start, &path)?;
        }
        Ok(0)
    }

    pub(super) fn sys_rename(&mut self, hw: &mut Hw<'_>, [old, new, ..]: Args) -> SysResult {
        self.sys_renameat2(hw, [CWD, old, CWD, new, 0, 0])
    }

    pub(super) fn sys_renameat(&mut self, hw: &mut Hw<'_>, [olddir, old, newdir, new, ..]: Args) -> SysResult {
        self.sys_renameat2(hw, [olddir, old, newdir, new, 0, 0])
    }

    pub(super) fn sys_renameat2(&mut self, hw: &mut Hw<'_>, [olddir, old, newdir, new, flags, _]: Args) -> SysResult {
        // RENAME_WHITEOUT is for overlay file systems.
        let flags = Rename::from_bits(flags as u32).ok_or(Errno::EINVAL)?;
        if flags == Rename::all() {
            return Err(Errno::EINVAL);
        }
        let (old_start, old) = self.path_at(hw, olddir, old)?;
        let (new_start, new) = self.path_at(hw, newdir, new)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.rename(&mut cx, (old_start, &old), (new_start, &new), flags)?;
        Ok(0)
    }
}
