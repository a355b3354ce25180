//! `signalfd`: reading signals instead of handling them (Linux's `fs/signalfd.c`).

use super::user::UserBuffers;
use super::{Args, SysResult};
use crate::fs::{FileKind, OpenFileId, OpenFlags, Ready};
use crate::kernel::Kernel;
use crate::signal::SigSet;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// Bytes of a `struct signalfd_siginfo`.
const SIGINFO_BYTES: usize = 128;

impl Kernel {
    pub(super) fn sys_signalfd(&mut self, hw: &mut Hw<'_>, [fd, mask, size, ..]: Args) -> SysResult {
        self.sys_signalfd4(hw, [fd, mask, size, 0, 0, 0])
    }

    pub(super) fn sys_signalfd4(&mut self, hw: &mut Hw<'_>, [fd, mask, size, flags, ..]: Args) -> SysResult {
        if size != 8 {
            return Err(Errno::EINVAL);
        }
        let mask = SigSet(self.read_user_u64(hw, LinearAddr(mask))?) - SigSet::UNBLOCKABLE;
        super::only(flags, (OpenFlags::CLOEXEC | OpenFlags::NONBLOCK).bits().into())?;
        let flags = OpenFlags::from_bits_truncate(flags as u32);
        if fd as u32 == u32::MAX {
            let file = self.vfs.open_signals(mask, flags & OpenFlags::NONBLOCK)?;
            return self.install(hw, file, super::open::on_exec(flags));
        }
        let file = self.file(fd)?;
        if self.vfs.file(file).kind != FileKind::Signal {
            return Err(Errno::EINVAL);
        }
        self.vfs.set_signal_mask(file, mask);
        Ok(fd & 0xffff_ffff)
    }

    /// Takes as many signals as there is room for, waiting for the first.
    pub(super) fn read_signals(&mut self, hw: &mut Hw<'_>, file: OpenFileId, mut to: UserBuffers) -> SysResult {
        let room = to.left as usize / SIGINFO_BYTES;
        if room == 0 {
            return Err(Errno::EINVAL);
        }
        let mask = self.vfs.signal_mask(file);
        let mut done = 0;
        for _ in 0..room {
            let Some(info) = self.current.signals.dequeue(SigSet(!mask.0)) else { break };
            let info = self.settle_timer_signal(hw.instructions, info);
            if self.scatter(hw, &mut to, &info.to_signalfd()).is_err() {
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            done += SIGINFO_BYTES as u64;
        }
        if done == 0 { Err(self.or_wait(file, Ready::IN, Errno::EAGAIN, 0)) } else { Ok(done) }
    }
}
