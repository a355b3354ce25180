//! The file calls: from registers to [`crate::fs`] and back.
//!
//! Protocol. [`dispatch`] answers `None` for a number that is no file call. Paths are copied in whole before anything
//! happens. A call that cannot go on waits as [`crate::wait`] says, on the channel of the file in question.

mod attr;
mod dir;
mod epoll;
mod event;
mod fd;
mod file_size;
mod ioctl;
mod link;
mod lock;
mod message;
mod mount;
mod open;
mod pipe;
mod poll;
mod rights;
mod rw;
mod signalfd;
mod socket;
mod splice;
mod stat;
mod sync;
mod sysctl;
mod timerfd;
mod user;

#[cfg(test)]
mod tests;

pub(crate) use user::{Fault, UserBuffers};

use super::SysResult;
use crate::fs::{Follow, InodeId, OpenFileId, Timestamp};
use crate::kernel::Kernel;
use crate::process::Resource;
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// The six arguments of a system call.
type Args = [u64; 6];

/// AT_FDCWD: a path starts at the working directory.
const AT_FDCWD: i32 = -100;
/// AT_SYMLINK_NOFOLLOW: a link at the end of a path is the file.
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
/// AT_REMOVEDIR: `unlinkat` is `rmdir`.
const AT_REMOVEDIR: u64 = 0x200;
/// AT_EACCESS: `faccessat2` judges by the effective ids.
const AT_EACCESS: u64 = 0x200;
/// AT_SYMLINK_FOLLOW: `linkat` follows a link at the end of the old path.
const AT_SYMLINK_FOLLOW: u64 = 0x400;
/// AT_NO_AUTOMOUNT.
const AT_NO_AUTOMOUNT: u64 = 0x800;
/// AT_EMPTY_PATH: an empty path is the descriptor's file.
const AT_EMPTY_PATH: u64 = 0x1000;

/// Descriptors that a process may have at most, whatever its limit (Linux's `sysctl_nr_open`).
const NR_OPEN: u64 = 1 << 20;

/// Serves a file call; `None` if the number is not one.
pub(crate) fn dispatch(kernel: &mut Kernel, hw: &mut Hw<'_>, number: u64, args: Args) -> Option<SysResult> {
    let call = handler(number)?;
    let now = kernel.clock.realtime_ns(hw.instructions);
    let now = Timestamp { sec: (now / NSEC_PER_SEC) as i64, nsec: (now % NSEC_PER_SEC) as u32 };
    let (uid, gid) = (kernel.current.credentials.user.fs, kernel.current.credentials.group.fs);
    kernel.vfs.enter(now, uid, gid);
    kernel.vfs.set_rights(&kernel.current.groups, kernel.current.capabilities.effective);
    kernel.vfs.proc_set_current(kernel.current.pid.0);
    kernel.vfs.proc_set_owner(kernel.current.pid.0, kernel.current.proc_owner());
    if kernel.retry().is_none() {
        let (vfs, process, mut cx) = kernel.fs_cx(hw);
        vfs.abandon_open(&mut cx, process.files);
    }
    let result = call(kernel, hw, args);
    // A look at what a process maps needs to be told of that, and is made again then.
    match kernel.vfs.take_wanted_mappings() {
        Some(pid) if result.is_err() => {
            kernel.tell_mappings(pid);
            Some(call(kernel, hw, args))
        }
        _ => Some(result),
    }
}

/// What serves a number of the x86-64 table (Linux's `syscall_64.tbl`).
fn handler(number: u64) -> Option<fn(&mut Kernel, &mut Hw<'_>, Args) -> SysResult> {
    Some(match number {
        0 => Kernel::sys_read,
        1 => Kernel::sys_write,
        2 => Kernel::sys_open,
        3 => Kernel::sys_close,
        4 => Kernel::sys_stat,
        5 => Kernel::sys_fstat,
        6 => Kernel::sys_lstat,
        7 => Kernel::sys_poll,
        8 => Kernel::sys_lseek,
        16 => Kernel::sys_ioctl,
        17 => Kernel::sys_pread64,
        18 => Kernel::sys_pwrite64,
        19 => Kernel::sys_readv,
        20 => Kernel::sys_writev,
        21 => Kernel::sys_access,
        22 => Kernel::sys_pipe,
        23 => Kernel::sys_select,
        32 => Kernel::sys_dup,
        33 => Kernel::sys_dup2,
        40 => Kernel::sys_sendfile,
        42 => Kernel::sys_connect,
        43 | 50 | 288 => Kernel::sys_accept,
        44 => Kernel::sys_sendto,
        45 => Kernel::sys_recvfrom,
        46 => Kernel::sys_sendmsg,
        47 => Kernel::sys_recvmsg,
        48 => Kernel::sys_shutdown,
        49 => Kernel::sys_bind,
        51 => Kernel::sys_getsockname,
        52 => Kernel::sys_getpeername,
        53 => Kernel::sys_socketpair,
        54 => Kernel::sys_setsockopt,
        55 => Kernel::sys_getsockopt,
        72 => Kernel::sys_fcntl,
        73 => Kernel::sys_flock,
        74 | 75 => Kernel::sys_fsync,
        76 => Kernel::sys_truncate,
        77 => Kernel::sys_ftruncate,
        78 => Kernel::sys_getdents,
        79 => Kernel::sys_getcwd,
        80 => Kernel::sys_chdir,
        81 => Kernel::sys_fchdir,
        82 => Kernel::sys_rename,
        83 => Kernel::sys_mkdir,
        84 => Kernel::sys_rmdir,
        85 => Kernel::sys_creat,
        86 => Kernel::sys_link,
        87 => Kernel::sys_unlink,
        88 => Kernel::sys_symlink,
        89 => Kernel::sys_readlink,
        90 => Kernel::sys_chmod,
        91 => Kernel::sys_fchmod,
        92 => Kernel::sys_chown,
        93 => Kernel::sys_fchown,
        94 => Kernel::sys_lchown,
        95 => Kernel::sys_umask,
        132 => Kernel::sys_utime,
        133 => Kernel::sys_mknod,
        137 => Kernel::sys_statfs,
        138 => Kernel::sys_fstatfs,
        162 => Kernel::sys_sync,
        165 => Kernel::sys_mount,
        166 => Kernel::sys_umount2,
        187 => Kernel::sys_readahead,
        188..=199 => Kernel::sys_xattr,
        213 => Kernel::sys_epoll_create,
        217 => Kernel::sys_getdents64,
        221 => Kernel::sys_fadvise64,
        232 => Kernel::sys_epoll_wait,
        233 => Kernel::sys_epoll_ctl,
        235 => Kernel::sys_utimes,
        257 => Kernel::sys_openat,
        258 => Kernel::sys_mkdirat,
        259 => Kernel::sys_mknodat,
        260 => Kernel::sys_fchownat,
        261 => Kernel::sys_futimesat,
        262 => Kernel::sys_newfstatat,
        263 => Kernel::sys_unlinkat,
        264 => Kernel::sys_renameat,
        265 => Kernel::sys_linkat,
        266 => Kernel::sys_symlinkat,
        267 => Kernel::sys_readlinkat,
        268 => Kernel::sys_fchmodat,
        269 => Kernel::sys_faccessat,
        270 => Kernel::sys_pselect6,
        271 => Kernel::sys_ppoll,
        275 => Kernel::sys_splice,
        276 => Kernel::sys_tee,
        278 => Kernel::sys_vmsplice,
        277 => Kernel::sys_sync_file_range,
        280 => Kernel::sys_utimensat,
        281 => Kernel::sys_epoll_wait,
        282 => Kernel::sys_signalfd,
        283 => Kernel::sys_timerfd_create,
        284 => Kernel::sys_eventfd,
        285 => Kernel::sys_fallocate,
        286 => Kernel::sys_timerfd_settime,
        287 => Kernel::sys_timerfd_gettime,
        289 => Kernel::sys_signalfd4,
        290 => Kernel::sys_eventfd2,
        291 => Kernel::sys_epoll_create1,
        292 => Kernel::sys_dup3,
        293 => Kernel::sys_pipe2,
        295 => Kernel::sys_preadv,
        296 => Kernel::sys_pwritev,
        299 | 307 => Kernel::sys_many_messages,
        306 => Kernel::sys_fsync,
        316 => Kernel::sys_renameat2,
        319 => Kernel::sys_memfd_create,
        326 => Kernel::sys_copy_file_range,
        327 => Kernel::sys_preadv2,
        328 => Kernel::sys_pwritev2,
        332 => Kernel::sys_statx,
        436 => Kernel::sys_close_range,
        437 => Kernel::sys_openat2,
        439 => Kernel::sys_faccessat2,
        441 => Kernel::sys_epoll_pwait2,
        452 => Kernel::sys_fchmodat2,
        _ => return None,
    })
}

/// What a call with a descriptor and a path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Inode(InodeId),
    /// The descriptor itself: AT_EMPTY_PATH.
    File(OpenFileId),
}

impl Kernel {
    /// How many descriptors the process may have.
    fn fd_limit(&self) -> u64 {
        self.current.limits.get(Resource::Nofile).soft.min(NR_OPEN)
    }

    /// The open file behind a descriptor.
    fn file(&self, fd: u64) -> Result<OpenFileId, Errno> {
        self.vfs.fds(self.current.files).get(fd)
    }

    /// The inode behind a descriptor: what changes attributes needs one.
    fn file_inode(&self, fd: u64) -> Result<InodeId, Errno> {
        self.vfs.file_inode(self.file(fd)?).ok_or(Errno::EINVAL)
    }

    /// Where a path starts: for a relative one at the directory of a descriptor.
    fn start(&self, dirfd: u64, path: &[u8]) -> Result<InodeId, Errno> {
        if path.first() == Some(&b'/') {
            return Ok(self.vfs.root());
        }
        if dirfd as i32 == AT_FDCWD {
            return Ok(self.current.fs.cwd());
        }
        self.vfs.file_inode(self.file(dirfd)?).ok_or(Errno::ENOTDIR)
    }

    /// A path in user memory, and where it starts.
    fn path_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64) -> Result<(InodeId, Vec<u8>), Errno> {
        let path = self.user_cstr(hw, LinearAddr(path))?;
        Ok((self.start(dirfd, &path)?, path))
    }

    /// The file that a descriptor and a path name together, by the AT_ flags.
    fn target_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, flags: u64) -> Result<Target, Errno> {
        let is_null = path == 0 && flags & AT_EMPTY_PATH != 0;
        let path = if is_null { Vec::new() } else { self.user_cstr(hw, LinearAddr(path))? };
        if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
            return if dirfd as i32 == AT_FDCWD {
                Ok(Target::Inode(self.current.fs.cwd()))
            } else {
                self.file(dirfd).map(Target::File)
            };
        }
        let follow = if flags & AT_SYMLINK_NOFOLLOW != 0 { Follow::NotLast } else { Follow::Always };
        let start = self.start(dirfd, &path)?;
        let found = self.vfs.find(start, &path, follow)?;
        found.file.map_or_else(|| found.existing().map(Target::Inode), |file| Ok(Target::File(file)))
    }

    /// As [`Self::target_at`], for calls that need an inode.
    fn inode_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, flags: u64) -> Result<InodeId, Errno> {
        match self.target_at(hw, dirfd, path, flags)? {
            Target::Inode(inode) => Ok(inode),
            Target::File(file) => self.vfs.file_inode(file).ok_or(Errno::EINVAL),
        }
    }
}

/// AT_FDCWD as a register holds it.
const CWD: u64 = AT_FDCWD as i64 as u64;

/// Refuses flags that a call does not know.
fn only(flags: u64, known: u64) -> Result<(), Errno> {
    // Flags are 32 bits wide in all calls; the register's upper half does not count.
    if flags & 0xffff_ffff & !known == 0 { Ok(()) } else { Err(Errno::EINVAL) }
}
