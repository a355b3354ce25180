//! Opening files.

use super::{Args, CWD, SysResult};
use crate::fs::{Descriptor, OnExec, OpenFileId, OpenFlags};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// MFD_CLOEXEC of `memfd_create`.
const MFD_CLOEXEC: u64 = 1;
/// MFD_ALLOW_SEALING.
const MFD_ALLOW_SEALING: u64 = 2;
/// Bytes in the name of a memory file.
const MFD_NAME_MAX: usize = 249;

impl Kernel {
    pub(super) fn sys_open(&mut self, hw: &mut Hw<'_>, [path, flags, mode, ..]: Args) -> SysResult {
        self.open_at(hw, CWD, path, flags, mode)
    }

    pub(super) fn sys_openat(&mut self, hw: &mut Hw<'_>, [dirfd, path, flags, mode, ..]: Args) -> SysResult {
        self.open_at(hw, dirfd, path, flags, mode)
    }

    pub(super) fn sys_creat(&mut self, hw: &mut Hw<'_>, [path, mode, ..]: Args) -> SysResult {
        let flags = OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC;
        self.open_at(hw, CWD, path, flags.bits().into(), mode)
    }

    fn open_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, flags: u64, mode: u64) -> SysResult {
        // Linux ignores flags that it does not know in all opens but openat2.
        let flags = OpenFlags::from_bits_truncate(flags as u32);
        let (start, path) = self.path_at(hw, dirfd, path)?;
        let permissions = mode as u32 & 0o7777 & !self.current.umask;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let file = vfs.open(&mut cx, start, &path, flags, permissions)?;
        self.install(hw, file, on_exec(flags))
    }

    /// A descriptor for an open file, which is closed if there is none left.
    pub(super) fn install(&mut self, hw: &mut Hw<'_>, file: OpenFileId, on_exec: OnExec) -> SysResult {
        let limit = self.fd_limit();
        let (vfs, process, mut cx) = self.fs_cx(hw);
        let installed = vfs.fds_mut(process.files).install(Descriptor { file, on_exec }, 0, limit);
        if installed.is_err() {
            vfs.file_put(&mut cx, file);
        }
        installed
    }

    pub(super) fn sys_memfd_create(&mut self, hw: &mut Hw<'_>, [name, flags, ..]: Args) -> SysResult {
        super::only(flags, MFD_CLOEXEC | MFD_ALLOW_SEALING)?;
        let name = self.user_cstr(hw, LinearAddr(name))?;
        if name.len() > MFD_NAME_MAX {
            return Err(Errno::EINVAL);
        }
        let file = self.vfs.open_memory_file(&name)?;
        self.install(hw, file, if flags & MFD_CLOEXEC != 0 { OnExec::Close } else { OnExec::Keep })
    }
}

/// What O_CLOEXEC says.
pub(super) fn on_exec(flags: OpenFlags) -> OnExec {
    if flags.contains(OpenFlags::CLOEXEC) { OnExec::Close } else { OnExec::Keep }
}
