//! Directories: the working directory, making, listing.

use super::{Args, CWD, SysResult};
use crate::fs::{FileKind, InodeId, New};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;
use std::rc::Rc;

/// How `getdents` lays out an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// `struct linux_dirent`: the type is the last byte.
    Old,
    /// `struct linux_dirent64`: the type stands before the name.
    Dirent64,
}

/// What a listing is cut to: the guest's buffer may be of any size.
const MAX_LISTING: u64 = 64 << 10;

impl Kernel {
    pub(super) fn sys_getdents(&mut self, hw: &mut Hw<'_>, args: Args) -> SysResult {
        self.list_names(hw, args, Format::Old)
    }

    pub(super) fn sys_getdents64(&mut self, hw: &mut Hw<'_>, args: Args) -> SysResult {
        self.list_names(hw, args, Format::Dirent64)
    }

    fn list_names(&mut self, hw: &mut Hw<'_>, [fd, buf, count, ..]: Args, format: Format) -> SysResult {
        let file = self.file(fd)?;
        if !self.vfs.file_flags(file).reads() {
            return Err(Errno::EBADF);
        }
        let (names, start) = self.vfs.directory_names(file)?;
        let room = (count & 0xffff_ffff).min(MAX_LISTING) as usize;
        let mut out = Vec::new();
        let mut at = start;
        for entry in names.iter().skip(start) {
            // The kind stands before the name or in the last byte; both take 20 bytes with the name's NUL.
            let len = (20 + entry.name.len()).next_multiple_of(8);
            if out.len() + len > room {
                break;
            }
            let base = out.len();
            at += 1;
            out.extend_from_slice(&entry.ino.to_le_bytes());
            out.extend_from_slice(&(at as u64).to_le_bytes());
            out.extend_from_slice(&(len as u16).to_le_bytes());
            let kind = entry.kind.dirent_type() as u8;
            if format == Format::Dirent64 {
                out.push(kind);
            }
            out.extend_from_slice(&entry.name);
            out.resize(base + len, 0);
            if format == Format::Old {
                out[base + len - 1] = kind;
            }
        }
        if out.is_empty() && start < names.len() {
            return Err(Errno::EINVAL);
        }
        self.copy_to_user(hw, LinearAddr(buf), &out)?;
        self.vfs.set_offset(file, at.min(names.len()).max(start) as u64);
        Ok(out.len() as u64)
    }

    pub(super) fn sys_getcwd(&mut self, hw: &mut Hw<'_>, [buf, size, ..]: Args) -> SysResult {
        let mut path = self.vfs.path_of(self.current.fs.cwd()).ok_or(Errno::ENOENT)?;
        path.push(0);
        if path.len() as u64 > size {
            return Err(Errno::ERANGE);
        }
        self.copy_to_user(hw, LinearAddr(buf), &path)?;
        Ok(path.len() as u64)
    }

    pub(super) fn sys_chdir(&mut self, hw: &mut Hw<'_>, [path, ..]: Args) -> SysResult {
        let (start, path) = self.path_at(hw, CWD, path)?;
        let dir = self.vfs.directory(start, &path)?;
        self.set_cwd(hw, dir)
    }

    pub(super) fn sys_fchdir(&mut self, hw: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let (FileKind::Directory, Some(dir)) = (self.vfs.file(file).kind, self.vfs.file_inode(file)) else {
            return Err(Errno::ENOTDIR);
        };
        self.vfs.may(dir, crate::fs::May::EXEC)?;
        self.set_cwd(hw, dir)
    }

    fn set_cwd(&mut self, hw: &mut Hw<'_>, dir: InodeId) -> SysResult {
        let (vfs, process, mut cx) = self.fs_cx(hw);
        vfs.inode_get(dir);
        let old = process.fs.set_cwd(dir);
        vfs.inode_put(&mut cx, old);
        let fs = Rc::clone(&process.fs);
        for pid in self.pids_where(|process| Rc::ptr_eq(&process.fs, &fs)) {
            self.vfs.proc_set_cwd(pid.0, dir);
        }
        Ok(0)
    }

    pub(super) fn sys_mkdir(&mut self, hw: &mut Hw<'_>, [path, mode, ..]: Args) -> SysResult {
        self.sys_mkdirat(hw, [CWD, path, mode, 0, 0, 0])
    }

    pub(super) fn sys_mkdirat(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, ..]: Args) -> SysResult {
        let (start, path) = self.path_at(hw, dirfd, path)?;
        let permissions = mode as u32 & 0o1777 & !self.current.fs.umask();
        self.vfs.make(start, &path, New::Directory, permissions)?;
        Ok(0)
    }

    pub(super) fn sys_mknod(&mut self, hw: &mut Hw<'_>, [path, mode, dev, ..]: Args) -> SysResult {
        self.sys_mknodat(hw, [CWD, path, mode, dev, 0, 0])
    }

    /// Regular files and FIFOs: devices are nobody's to make here.
    pub(super) fn sys_mknodat(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, ..]: Args) -> SysResult {
        let (start, path) = self.path_at(hw, dirfd, path)?;
        let permissions = mode as u32 & 0o7777 & !self.current.fs.umask();
        match mode >> 12 & 0xf {
            0 | 8 => self.vfs.make(start, &path, New::File, permissions)?,
            1 => self.vfs.make(start, &path, New::Fifo, permissions)?,
            2 | 6 | 12 => return Err(Errno::EPERM),
            _ => return Err(Errno::EINVAL),
        };
        Ok(0)
    }
}
