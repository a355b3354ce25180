//! `stat` and its kin, `access`, `statfs`.

use super::{AT_EACCESS, AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW, Args, CWD, SysResult, Target};
use crate::fs::{BLOCK_BYTES, FileStat, FileSystem, InodeId, May, Timestamp};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::{LinearAddr, PageSize};

/// STATX_BASIC_STATS: the fields that `stat` has too.
const STATX_BASIC_STATS: u32 = 0x7ff;
/// The bit of the mask that is reserved.
const STATX_RESERVED: u64 = 0x8000_0000;
/// AT_STATX_SYNC_TYPE: how fresh the answer should be; it always is.
const AT_STATX_SYNC_TYPE: u64 = 0x6000;
/// `f_type` of ext4.
const EXT4_SUPER_MAGIC: u64 = 0xef53;
/// Of tmpfs, which /dev is.
const TMPFS_MAGIC: u64 = 0x0102_1994;
/// Of /proc.
const PROC_SUPER_MAGIC: u64 = 0x9fa0;
/// Of pipes; what else has no name gets it too.
const PIPEFS_MAGIC: u64 = 0x5049_5045;
/// SYSFS_MAGIC.
const SYSFS_MAGIC: u64 = 0x6265_6572;
/// HUGETLBFS_MAGIC.
const HUGETLBFS_MAGIC: u64 = 0x9584_58f6;

/// Writes fields of a C structure at their offsets.
struct Layout<const N: usize>([u8; N]);

impl<const N: usize> Layout<N> {
    const fn new() -> Self {
        Self([0; N])
    }

    fn put<const W: usize>(&mut self, at: usize, bytes: [u8; W]) -> &mut Self {
        self.0[at..at + W].copy_from_slice(&bytes);
        self
    }

    fn u16(&mut self, at: usize, value: u32) -> &mut Self {
        self.put(at, (value as u16).to_le_bytes())
    }

    fn u32(&mut self, at: usize, value: u32) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }

    fn u64(&mut self, at: usize, value: u64) -> &mut Self {
        self.put(at, value.to_le_bytes())
    }

    /// Seconds and nanoseconds, eight bytes each.
    fn time(&mut self, at: usize, time: Timestamp) -> &mut Self {
        self.put(at, time.sec.to_le_bytes()).u64(at + 8, time.nsec.into())
    }
}

/// `struct stat` of x86-64 (`arch/x86/include/uapi/asm/stat.h`).
fn encode_stat(stat: &FileStat) -> [u8; 144] {
    let meta = &stat.meta;
    let mut out = Layout::new();
    out.u64(0, stat.dev).u64(8, stat.ino).u64(16, meta.nlink.into());
    out.u32(24, meta.kind.mode_bits() | meta.permissions).u32(28, meta.uid).u32(32, meta.gid);
    out.u64(40, meta.rdev).u64(48, meta.size).u64(56, stat.block_bytes.into()).u64(64, meta.blocks);
    out.time(72, meta.atime).time(88, meta.mtime).time(104, meta.ctime);
    out.0
}

/// Major and minor number of a device.
const fn split_device(dev: u64) -> (u32, u32) {
    (((dev >> 8) & 0xfff) as u32, ((dev & 0xff) | ((dev >> 12) & 0xfff00)) as u32)
}

/// `struct statx` (`include/uapi/linux/stat.h`).
fn encode_statx(stat: &FileStat) -> [u8; 256] {
    let meta = &stat.meta;
    let ((rdev_major, rdev_minor), (dev_major, dev_minor)) = (split_device(meta.rdev), split_device(stat.dev));
    let mut out = Layout::new();
    out.u32(0, STATX_BASIC_STATS).u32(4, stat.block_bytes).u32(16, meta.nlink).u32(20, meta.uid).u32(24, meta.gid);
    out.u16(28, meta.kind.mode_bits() | meta.permissions);
    out.u64(32, stat.ino).u64(40, meta.size).u64(48, meta.blocks);
    out.time(64, meta.atime).time(96, meta.ctime).time(112, meta.mtime);
    out.u32(128, rdev_major).u32(132, rdev_minor).u32(136, dev_major).u32(140, dev_minor);
    out.0
}

impl Kernel {
    pub(super) fn sys_stat(&mut self, hw: &mut Hw<'_>, [path, buf, ..]: Args) -> SysResult {
        self.stat_at(hw, CWD, path, buf, 0)
    }

    pub(super) fn sys_lstat(&mut self, hw: &mut Hw<'_>, [path, buf, ..]: Args) -> SysResult {
        self.stat_at(hw, CWD, path, buf, AT_SYMLINK_NOFOLLOW)
    }

    pub(super) fn sys_fstat(&mut self, hw: &mut Hw<'_>, [fd, buf, ..]: Args) -> SysResult {
        let target = Target::File(self.file(fd)?);
        self.store_stat(hw, target, buf)
    }

    pub(super) fn sys_newfstatat(&mut self, hw: &mut Hw<'_>, [dirfd, path, buf, flags, ..]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)?;
        self.stat_at(hw, dirfd, path, buf, flags)
    }

    fn stat_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, buf: u64, flags: u64) -> SysResult {
        let target = self.target_at(hw, dirfd, path, flags)?;
        self.store_stat(hw, target, buf)
    }

    fn store_stat(&mut self, hw: &mut Hw<'_>, target: Target, buf: u64) -> SysResult {
        let stat = self.stat_target(target)?;
        self.copy_to_user(hw, LinearAddr(buf), &encode_stat(&stat))?;
        Ok(0)
    }

    fn stat_target(&mut self, target: Target) -> Result<FileStat, Errno> {
        match target {
            Target::Inode(inode) => self.vfs.stat(inode),
            Target::File(file) => self.vfs.stat_file(file),
        }
    }

    pub(super) fn sys_statx(&mut self, hw: &mut Hw<'_>, [dirfd, path, flags, mask, buf, _]: Args) -> SysResult {
        super::only(flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)?;
        if mask & STATX_RESERVED != 0 || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE {
            return Err(Errno::EINVAL);
        }
        let target = self.target_at(hw, dirfd, path, flags)?;
        let stat = self.stat_target(target)?;
        self.copy_to_user(hw, LinearAddr(buf), &encode_statx(&stat))?;
        Ok(0)
    }

    pub(super) fn sys_access(&mut self, hw: &mut Hw<'_>, [path, mode, ..]: Args) -> SysResult {
        self.access_at(hw, CWD, path, mode, 0)
    }

    pub(super) fn sys_faccessat(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, ..]: Args) -> SysResult {
        self.access_at(hw, dirfd, path, mode, 0)
    }

    pub(super) fn sys_faccessat2(&mut self, hw: &mut Hw<'_>, [dirfd, path, mode, flags, ..]: Args) -> SysResult {
        super::only(flags, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
        self.access_at(hw, dirfd, path, mode, flags)
    }

    fn access_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, mode: u64, flags: u64) -> SysResult {
        super::only(mode, 7)?;
        if flags & AT_EACCESS == 0 {
            self.act_as_real_user();
        }
        match self.target_at(hw, dirfd, path, flags)? {
            Target::Inode(inode) => self.vfs.may(inode, May::from_bits_truncate(mode as u32))?,
            Target::File(file) => {
                if let Some(inode) = self.vfs.file_inode(file) {
                    self.vfs.may(inode, May::from_bits_truncate(mode as u32))?;
                }
            }
        }
        Ok(0)
    }

    /// Until the next call, files are judged by the real ids (`access_override_creds`).
    fn act_as_real_user(&mut self) {
        let (who, caps) =
            (self.current.credentials, self.current.capabilities.as_real_user(self.current.credentials.user));
        self.vfs.act_as(who.user.real, who.group.real, caps);
    }

    pub(super) fn sys_statfs(&mut self, hw: &mut Hw<'_>, [path, buf, ..]: Args) -> SysResult {
        let inode = match self.target_at(hw, CWD, path, 0)? {
            Target::Inode(inode) => Some(inode),
            Target::File(file) => self.vfs.file_inode(file),
        };
        self.store_statfs(hw, buf, inode)
    }

    pub(super) fn sys_fstatfs(&mut self, hw: &mut Hw<'_>, [fd, buf, ..]: Args) -> SysResult {
        let inode = self.vfs.file_inode(self.file(fd)?);
        self.store_statfs(hw, buf, inode)
    }

    /// Stores the same plausible numbers for every file system of the host: those of the host would differ from run to run.
    fn store_statfs(&mut self, hw: &mut Hw<'_>, buf: u64, inode: Option<InodeId>) -> SysResult {
        const BLOCKS: u64 = 1 << 24;
        const FILES: u64 = 1 << 22;
        let mut out = Layout::<120>::new();
        let magic = match inode.map(|inode| self.vfs.file_system(inode)) {
            Some(FileSystem::Disk) => EXT4_SUPER_MAGIC,
            Some(FileSystem::Dev | FileSystem::Shm) => TMPFS_MAGIC,
            Some(FileSystem::Proc) => PROC_SUPER_MAGIC,
            Some(FileSystem::Sys) => SYSFS_MAGIC,
            Some(FileSystem::Hugetlbfs) => HUGETLBFS_MAGIC,
            None => PIPEFS_MAGIC,
        };
        let huge = inode.and_then(|inode| self.vfs.huge_page_size(inode));
        let block = huge.map_or(BLOCK_BYTES.into(), PageSize::bytes);
        out.u64(0, magic).u64(8, block);
        if magic == EXT4_SUPER_MAGIC {
            out.u64(16, BLOCKS).u64(24, BLOCKS / 2).u64(32, BLOCKS / 2).u64(40, FILES).u64(48, FILES / 2);
        }
        // f_namelen, f_frsize, and ST_VALID | ST_RELATIME; nothing of the latter where nothing is mounted.
        out.u64(64, 255).u64(72, block).u64(80, if huge.is_some() { 0x20 } else { 0x1020 });
        self.copy_to_user(hw, LinearAddr(buf), &out.0)?;
        Ok(0)
    }

    /// Extended attributes: there are none.
    pub(super) fn sys_xattr(&mut self, _: &mut Hw<'_>, _: Args) -> SysResult {
        Err(Errno::EOPNOTSUPP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_split_as_linux_does() {
        assert_eq!(split_device(0x103), (1, 3));
        assert_eq!(split_device(0x8_0000_0801 & 0xffff_ffff), (8, 1));
        assert_eq!(split_device(0x0012_3456), (0x234, 0x156));
    }
}
