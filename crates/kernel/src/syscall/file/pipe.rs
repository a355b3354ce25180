//! Making pipes, and how much they hold.

use super::{Args, SysResult};
use crate::fs::{Descriptor, FileKind, OpenFileId, OpenFlags};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

impl Kernel {
    pub(super) fn sys_pipe(&mut self, hw: &mut Hw<'_>, [fds, ..]: Args) -> SysResult {
        self.sys_pipe2(hw, [fds, 0, 0, 0, 0, 0])
    }

    pub(super) fn sys_pipe2(&mut self, hw: &mut Hw<'_>, [fds, flags, ..]: Args) -> SysResult {
        let known = OpenFlags::CLOEXEC | OpenFlags::NONBLOCK;
        super::only(flags, known.bits().into())?;
        let flags = OpenFlags::from_bits_truncate(flags as u32);
        let on_exec = super::open::on_exec(flags);
        let limit = self.fd_limit();
        let (vfs, process, mut cx) = self.fs_cx(hw);
        let [reader, writer] = vfs.open_pipe(flags & OpenFlags::NONBLOCK)?;
        let installed =
            vfs.fds_mut(process.files).install(Descriptor { file: reader, on_exec }, 0, limit).and_then(|first| {
                let second = vfs.fds_mut(process.files).install(Descriptor { file: writer, on_exec }, 0, limit);
                second.map(|second| [first, second]).inspect_err(|_| {
                    let _its_own = vfs.fds_mut(process.files).take(first);
                })
            });
        let [first, second] = match installed {
            Ok(fds) => fds,
            Err(e) => {
                vfs.file_put(&mut cx, reader);
                vfs.file_put(&mut cx, writer);
                return Err(e);
            }
        };
        let both = [(first as u32).to_le_bytes(), (second as u32).to_le_bytes()].concat();
        if let Err(e) = self.copy_to_user(hw, LinearAddr(fds), &both) {
            for fd in [first, second] {
                self.sys_close(hw, [fd, 0, 0, 0, 0, 0])?;
            }
            return Err(e);
        }
        Ok(0)
    }

    /// F_GETPIPE_SZ.
    pub(super) fn pipe_size(&self, file: OpenFileId) -> SysResult {
        match self.vfs.file(file).kind {
            FileKind::Pipe(pipe) => Ok(self.vfs.pipe_capacity(pipe) as u64),
            _ => Err(Errno::EBADF),
        }
    }

    /// F_SETPIPE_SZ.
    pub(super) fn set_pipe_size(&mut self, file: OpenFileId, bytes: u64) -> SysResult {
        match self.vfs.file(file).kind {
            FileKind::Pipe(pipe) => self.vfs.set_pipe_capacity(pipe, bytes),
            _ => Err(Errno::EBADF),
        }
    }
}
