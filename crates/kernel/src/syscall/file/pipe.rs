//! Making pipes, and how much they hold.

use super::{Args, SysResult};
use crate::fs::{FileKind, OnExec, OpenFileId, OpenFlags};
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
        let files = self.vfs.open_pipe(flags & OpenFlags::NONBLOCK)?;
        self.install_two(hw, files, super::open::on_exec(flags), fds)
    }

    /// Gives two open files descriptors and stores these at an address; if that fails both are closed.
    pub(super) fn install_two(
        &mut self,
        hw: &mut Hw<'_>,
        files: [OpenFileId; 2],
        on_exec: OnExec,
        at: u64,
    ) -> SysResult {
        let [first, second] = files;
        let first = match self.install(hw, first, on_exec) {
            Ok(fd) => fd,
            Err(e) => {
                let (vfs, _, mut cx) = self.fs_cx(hw);
                vfs.file_put(&mut cx, second);
                return Err(e);
            }
        };
        let mut fds = vec![first];
        let stored = self.install(hw, second, on_exec).and_then(|second| {
            fds.push(second);
            let both = [(first as u32).to_le_bytes(), (second as u32).to_le_bytes()].concat();
            self.copy_to_user(hw, LinearAddr(at), &both)
        });
        if let Err(e) = stored {
            for fd in fds {
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
