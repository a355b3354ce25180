//! Descriptors: duplicating, closing, flags.

use super::lock::{LockCommand, LockScope};
use super::{Args, SysResult};
use crate::fs::{Descriptor, FsCx, OnExec, OpenFileId, OpenFlags, Vfs};
use crate::kernel::Kernel;
use crate::process::Process;
use crate::{Errno, Hw};
use arch::LinearAddr;

const F_DUPFD: u64 = 0;
const F_GETFD: u64 = 1;
const F_SETFD: u64 = 2;
const F_GETFL: u64 = 3;
const F_SETFL: u64 = 4;
const F_GETLK: u64 = 5;
const F_SETLK: u64 = 6;
const F_SETLKW: u64 = 7;
const F_SETOWN: u64 = 8;
const F_GETOWN: u64 = 9;
const F_SETOWN_EX: u64 = 15;
const F_GETOWN_EX: u64 = 16;
const F_OFD_GETLK: u64 = 36;
const F_OFD_SETLK: u64 = 37;
const F_OFD_SETLKW: u64 = 38;
const F_GETLEASE: u64 = 1025;
const F_DUPFD_CLOEXEC: u64 = 1030;
const F_SETPIPE_SZ: u64 = 1031;
const F_GETPIPE_SZ: u64 = 1032;
const F_ADD_SEALS: u64 = 1033;
const F_GET_SEALS: u64 = 1034;
/// No lock, or no lease.
const F_UNLCK: u64 = 2;
/// CLOSE_RANGE_CLOEXEC of `close_range`.
const CLOSE_RANGE_CLOEXEC: u64 = 4;

impl Kernel {
    pub(super) fn sys_close(&mut self, hw: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        let (vfs, process, mut cx) = self.fs_cx(hw);
        close(vfs, process, &mut cx, fd)?;
        Ok(0)
    }

    pub(super) fn sys_close_range(&mut self, hw: &mut Hw<'_>, [first, last, flags, ..]: Args) -> SysResult {
        // CLOSE_RANGE_UNSHARE (2) changes nothing for a process that shares its table with nobody.
        super::only(flags, CLOSE_RANGE_CLOEXEC | 2)?;
        let (first, last) = (first as u32, last as u32);
        if first > last {
            return Err(Errno::EINVAL);
        }
        let (vfs, process, mut cx) = self.fs_cx(hw);
        let end = vfs.fds(process.files).len().min((last as usize).saturating_add(1));
        for fd in first as usize..end {
            if flags & CLOSE_RANGE_CLOEXEC != 0 {
                let _not_open = vfs.fds_mut(process.files).set_on_exec(fd as u64, OnExec::Close);
            } else {
                let _not_open = close(vfs, process, &mut cx, fd as u64);
            }
        }
        Ok(0)
    }

    pub(super) fn sys_dup(&mut self, _: &mut Hw<'_>, [fd, ..]: Args) -> SysResult {
        self.duplicate(fd, 0, OnExec::Keep)
    }

    fn duplicate(&mut self, fd: u64, min: usize, on_exec: OnExec) -> SysResult {
        let file = self.file(fd)?;
        let limit = self.fd_limit();
        let new = self.vfs.fds_mut(self.current.files).install(Descriptor { file, on_exec }, min, limit)?;
        self.vfs.file_get(file);
        Ok(new)
    }

    pub(super) fn sys_dup2(&mut self, hw: &mut Hw<'_>, [old, new, ..]: Args) -> SysResult {
        if old as u32 == new as u32 {
            self.file(old)?;
            return Ok(new & 0xffff_ffff);
        }
        self.duplicate_to(hw, old, new, OnExec::Keep)
    }

    pub(super) fn sys_dup3(&mut self, hw: &mut Hw<'_>, [old, new, flags, ..]: Args) -> SysResult {
        super::only(flags, OpenFlags::CLOEXEC.bits().into())?;
        if old as u32 == new as u32 {
            return Err(Errno::EINVAL);
        }
        let on_exec = super::open::on_exec(OpenFlags::from_bits_truncate(flags as u32));
        self.duplicate_to(hw, old, new, on_exec)
    }

    fn duplicate_to(&mut self, hw: &mut Hw<'_>, old: u64, new: u64, on_exec: OnExec) -> SysResult {
        let new = new & 0xffff_ffff;
        if new >= self.fd_limit() {
            return Err(Errno::EBADF);
        }
        let file = self.file(old)?;
        let (vfs, process, mut cx) = self.fs_cx(hw);
        vfs.file_get(file);
        if let Some(replaced) = vfs.fds_mut(process.files).put(new as usize, Descriptor { file, on_exec }) {
            vfs.close_descriptor(&mut cx, process.files, replaced);
        }
        Ok(new)
    }

    pub(super) fn sys_fcntl(&mut self, hw: &mut Hw<'_>, [fd, command, arg, ..]: Args) -> SysResult {
        let descriptor = self.vfs.fds(self.current.files).descriptor(fd)?;
        let flags = self.vfs.file_flags(descriptor.file);
        let is_path_command = matches!(command, F_DUPFD | F_DUPFD_CLOEXEC | F_GETFD | F_SETFD | F_GETFL);
        if flags.contains(OpenFlags::PATH) && !is_path_command {
            return Err(Errno::EBADF);
        }
        match command & 0xffff_ffff {
            F_DUPFD | F_DUPFD_CLOEXEC if arg >= self.fd_limit() => Err(Errno::EINVAL),
            F_DUPFD => self.duplicate(fd, arg as usize, OnExec::Keep),
            F_DUPFD_CLOEXEC => self.duplicate(fd, arg as usize, OnExec::Close),
            F_GETFD => Ok(u64::from(descriptor.on_exec == OnExec::Close)),
            F_SETFD => {
                let on_exec = if arg & 1 != 0 { OnExec::Close } else { OnExec::Keep };
                self.vfs.fds_mut(self.current.files).set_on_exec(fd, on_exec)?;
                Ok(0)
            }
            F_GETFL => Ok(flags.bits().into()),
            F_SETFL => {
                self.vfs.set_file_flags(descriptor.file, OpenFlags::from_bits_truncate(arg as u32));
                Ok(0)
            }
            F_SETPIPE_SZ => self.set_pipe_size(descriptor.file, arg),
            F_GETPIPE_SZ => self.pipe_size(descriptor.file),
            F_ADD_SEALS => self.add_seals(descriptor.file, arg as u32),
            F_GET_SEALS => Ok(self.vfs.get_seals(descriptor.file)?.bits().into()),
            // Nothing here sends SIGIO, so it does not matter who is to get it.
            F_GETOWN | F_SETOWN | F_SETOWN_EX => Ok(0),
            F_GETOWN_EX => self.copy_to_user(hw, LinearAddr(arg), &[0; 8]).map(|()| 0),
            F_GETLEASE => Ok(F_UNLCK),
            command => match lock_command(command) {
                Some(what) => self.record_lock(hw, descriptor.file, what, arg),
                None => Err(Errno::EINVAL),
            },
        }
    }
}

impl Kernel {
    fn add_seals(&mut self, file: OpenFileId, seals: u32) -> SysResult {
        let inode = self.vfs.file_inode(file);
        let writable = inode.is_some_and(|inode| self.mms.iter().any(|mm| mm.may_write_shared(inode)));
        self.vfs.add_seals(file, seals, writable).map(|()| 0)
    }
}

const fn lock_command(command: u64) -> Option<(LockCommand, LockScope)> {
    Some(match command {
        F_GETLK => (LockCommand::Get, LockScope::Process),
        F_SETLK => (LockCommand::Set, LockScope::Process),
        F_SETLKW => (LockCommand::SetWait, LockScope::Process),
        F_OFD_GETLK => (LockCommand::Get, LockScope::OpenFile),
        F_OFD_SETLK => (LockCommand::Set, LockScope::OpenFile),
        F_OFD_SETLKW => (LockCommand::SetWait, LockScope::OpenFile),
        _ => return None,
    })
}

fn close(vfs: &mut Vfs, process: &mut Process, cx: &mut FsCx<'_>, fd: u64) -> Result<(), Errno> {
    let file = vfs.fds_mut(process.files).take(fd)?;
    vfs.close_descriptor(cx, process.files, file);
    Ok(())
}
