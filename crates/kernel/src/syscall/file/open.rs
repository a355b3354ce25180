//! Opening files.

use super::{Args, CWD, SysResult};
use crate::fs::{Descriptor, OnExec, OpenFileId, OpenFlags, Seals};
use crate::kernel::Kernel;
use crate::mm::hugetlb::huge_page_size;
use crate::wait::{Channel, Wait};
use crate::{Errno, Hw};
use arch::LinearAddr;

/// MFD_CLOEXEC of `memfd_create`.
const MFD_CLOEXEC: u64 = 1;
/// MFD_ALLOW_SEALING.
const MFD_ALLOW_SEALING: u64 = 2;
/// MFD_HUGETLB: of large pages.
const MFD_HUGETLB: u64 = 4;
/// MFD_NOEXEC_SEAL: never executable.
const MFD_NOEXEC_SEAL: u64 = 8;
/// MFD_EXEC: executable, as without.
const MFD_EXEC: u64 = 0x10;
const MFD_ALL: u64 = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC;
/// The bits of MFD_HUGETLB's size (MFD_HUGE_MASK).
const MFD_HUGE_SIZES: u64 = 0x3f << 26;
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

    /// `openat2`, as far as `openat` goes: a restricted walk is refused as by a Linux before 5.6.
    pub(super) fn sys_openat2(&mut self, hw: &mut Hw<'_>, [dirfd, path, how, size, ..]: Args) -> SysResult {
        const SIZE_VER0: u64 = 24;
        match size {
            SIZE_VER0 => {}
            0..SIZE_VER0 => return Err(Errno::EINVAL),
            _ => return Err(Errno::E2BIG),
        }
        let [flags, mode, resolve] = [0, 8, 16].map(|at| self.read_user_u64(hw, LinearAddr(how.wrapping_add(at))));
        let (flags, mode) = (flags?, mode?);
        if resolve? != 0 {
            return Err(Errno::ENOSYS);
        }
        let known = u32::try_from(flags).ok().and_then(OpenFlags::from_bits).ok_or(Errno::EINVAL)?;
        let makes = known.intersects(OpenFlags::CREAT | OpenFlags::TMPFILE);
        if mode & !0o7777 != 0 || (mode != 0 && !makes) {
            return Err(Errno::EINVAL);
        }
        self.open_at(hw, dirfd, path, flags, mode)
    }

    fn open_at(&mut self, hw: &mut Hw<'_>, dirfd: u64, path: u64, flags: u64, mode: u64) -> SysResult {
        // Linux ignores flags that it does not know in all opens but openat2.
        let flags = OpenFlags::from_bits_truncate(flags as u32);
        let file = match self.vfs.take_opening(self.current.files) {
            Some(file) => file,
            None => self.open_path(hw, dirfd, path, flags, mode)?,
        };
        if let Some(pipe) = self.vfs.awaits_partner(file) {
            self.vfs.keep_opening(self.current.files, file);
            return Err(self.wait(Wait::on(Channel::Pipe(pipe))));
        }
        self.install(hw, file, on_exec(flags))
    }

    fn open_path(
        &mut self,
        hw: &mut Hw<'_>,
        dirfd: u64,
        path: u64,
        flags: OpenFlags,
        mode: u64,
    ) -> Result<OpenFileId, Errno> {
        let (start, path) = self.path_at(hw, dirfd, path)?;
        let permissions = mode as u32 & 0o7777 & !self.current.fs.umask();
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.open(&mut cx, start, &path, flags, permissions)
    }

    /// A descriptor for an open file, which is closed if there is none left.
    pub(crate) fn install(&mut self, hw: &mut Hw<'_>, file: OpenFileId, on_exec: OnExec) -> SysResult {
        let limit = self.fd_limit();
        let (vfs, process, mut cx) = self.fs_cx(hw);
        let installed = vfs.fds_mut(process.files).install(Descriptor { file, on_exec }, 0, limit);
        if installed.is_err() {
            vfs.file_put(&mut cx, file);
        }
        installed
    }

    pub(super) fn sys_memfd_create(&mut self, hw: &mut Hw<'_>, [name, flags, ..]: Args) -> SysResult {
        let flags = flags & 0xffff_ffff;
        let sizes = if flags & MFD_HUGETLB != 0 { MFD_HUGE_SIZES } else { 0 };
        super::only(flags, MFD_ALL | sizes)?;
        if flags & MFD_EXEC != 0 && flags & MFD_NOEXEC_SEAL != 0 {
            return Err(Errno::EINVAL);
        }
        let name = self.user_cstr(hw, LinearAddr(name)).map_err(|e| match e {
            Errno::ENAMETOOLONG => Errno::EINVAL,
            e => e,
        })?;
        if name.len() > MFD_NAME_MAX {
            return Err(Errno::EINVAL);
        }
        let file = if flags & MFD_HUGETLB == 0 {
            self.vfs.open_memory_file(&name)?
        } else {
            let size = huge_page_size(flags).ok_or(Errno::ENODEV)?;
            self.vfs.open_huge_memory_file(&name, size)?
        };
        let seals = match flags {
            flags if flags & MFD_NOEXEC_SEAL != 0 => Seals::EXEC,
            flags if flags & MFD_ALLOW_SEALING != 0 => Seals::empty(),
            _ => Seals::SEAL,
        };
        self.vfs.set_first_seals(file, seals);
        self.install(hw, file, if flags & MFD_CLOEXEC != 0 { OnExec::Close } else { OnExec::Keep })
    }
}

/// What O_CLOEXEC says.
pub(super) fn on_exec(flags: OpenFlags) -> OnExec {
    if flags.contains(OpenFlags::CLOEXEC) { OnExec::Close } else { OnExec::Keep }
}
