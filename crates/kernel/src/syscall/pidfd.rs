//! pidfds: processes as descriptors, and what can be done to a process by one (`kernel/pid.c`, `kernel/signal.c`,
//! `mm/madvise.c`).

use super::{Call, Outcome, SysResult};
use crate::fs::{Fate, OnExec, OpenFileId, OpenFlags};
use crate::kernel::Kernel;
use crate::mm::{Advice, MmCx};
use crate::process::{Cap, Process};
use crate::signal::{SigCode, SigInfo, Target, UserInfo};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

/// Ranges in one process_madvise (UIO_MAXIOV).
const UIO_MAXIOV: u64 = 1024;

impl Kernel {
    pub(super) fn pidfd_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            424 => self.sys_pidfd_send_signal(hw, args),
            434 => self.sys_pidfd_open(hw, args),
            438 => self.sys_pidfd_getfd(hw, args),
            440 => self.sys_process_madvise(hw, args),
            448 => self.sys_process_mrelease(args),
            _ => return None,
        }))
    }

    fn sys_pidfd_open(&mut self, hw: &mut Hw<'_>, [pid, flags, ..]: [u64; 6]) -> SysResult {
        /// PIDFD_THREAD: for a thread. The one of a process is as good as any.
        const PIDFD_THREAD: u32 = OpenFlags::EXCL.bits();
        let flags = flags as u32;
        if flags & !(OpenFlags::NONBLOCK.bits() | PIDFD_THREAD) != 0 || pid as i32 <= 0 {
            return Err(Errno::EINVAL);
        }
        let pid = self.by_id(pid)?.pid;
        let file = self.new_pidfd(pid, OpenFlags::from_bits_truncate(flags) & OpenFlags::NONBLOCK)?;
        self.install(hw, file, OnExec::Close)
    }

    /// An open file for a process that is in the table.
    pub(crate) fn new_pidfd(&mut self, pid: Pid, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let has_ended = self.process(pid).is_some_and(Process::has_ended);
        self.vfs.open_pid(pid, if has_ended { Fate::Ended } else { Fate::Lives }, flags)
    }

    /// The process that a descriptor stands for.
    ///
    /// # Errors
    /// `EBADF`, or `ESRCH` if it is gone.
    pub(super) fn pid_of_fd(&self, fd: u64) -> Result<Pid, Errno> {
        self.vfs.pid_of_file(self.vfs.fds(self.current.files).get(fd)?)
    }

    fn sys_pidfd_send_signal(&mut self, hw: &mut Hw<'_>, [fd, number, info, flags, ..]: [u64; 6]) -> SysResult {
        const THREAD: u32 = 1;
        const PROCESS_GROUP: u32 = 4;
        let flags = flags as u32;
        if flags & !7 != 0 || flags.count_ones() > 1 {
            return Err(Errno::EINVAL);
        }
        let pid = self.pid_of_fd(fd)?;
        let signal = super::signals::signal_of(number);
        let target = if flags == THREAD { Target::Thread } else { Target::Process };
        let info = match info {
            0 => None,
            at => Some(self.read_user::<128>(hw, LinearAddr(at))?),
        };
        if let Some(bytes) = &info {
            let word = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
            if word(0) != number as i32 {
                return Err(Errno::EINVAL);
            }
            if pid != self.current.pid && (word(8) >= 0 || word(8) == SigCode::SI_TKILL as i32) {
                return Err(Errno::EPERM);
            }
        }
        let signal = signal?;
        let pgrp = self.process(pid).ok_or(Errno::ESRCH)?.pgrp;
        let is_meant =
            |process: &Process| if flags == PROCESS_GROUP { process.pgrp == pgrp } else { process.pid == pid };
        let may = |process: &Process| is_meant(process) && self.may_signal(process, signal);
        let reached = self.pids_where(may);
        if reached.is_empty() {
            return Err(Errno::EPERM);
        }
        let Some(signal) = signal else { return Ok(0) };
        let code = if flags == THREAD { SigCode::SI_TKILL } else { SigCode::SI_USER };
        let sent = SigInfo::sent(signal, code, self.current.pid, self.current.credentials.user.real);
        let sent = info.map_or(sent, |bytes| SigInfo::queued(&UserInfo { signal, bytes: &bytes }));
        for pid in reached {
            self.raise(pid, target, sent);
        }
        Ok(0)
    }

    /// A descriptor for what another process has open.
    fn sys_pidfd_getfd(&mut self, hw: &mut Hw<'_>, [pidfd, fd, flags, ..]: [u64; 6]) -> SysResult {
        if flags as u32 != 0 {
            return Err(Errno::EINVAL);
        }
        let pid = self.pid_of_fd(pidfd)?;
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        if process.has_ended() {
            return Err(Errno::ESRCH);
        }
        if !self.may_look_into(process) {
            return Err(Errno::EPERM);
        }
        let file = self.vfs.fds(process.files).get(fd)?;
        self.vfs.file_get(file);
        self.install(hw, file, OnExec::Close)
    }

    fn sys_process_madvise(
        &mut self,
        hw: &mut Hw<'_>,
        [pidfd, ranges, count, advice, flags, _]: [u64; 6],
    ) -> SysResult {
        if flags as u32 != 0 || count > UIO_MAXIOV {
            return Err(Errno::EINVAL);
        }
        let mut raw = vec![0; count as usize * 16];
        self.copy_from_user(hw, LinearAddr(ranges), &mut raw)?;
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        let ranges: Vec<_> = raw.chunks_exact(16).map(|range| (word(&range[..8]), word(&range[8..]))).collect();
        if ranges.iter().any(|&(_, len)| len.cast_signed() < 0) {
            return Err(Errno::EINVAL);
        }
        let pid = self.pid_of_fd(pidfd)?;
        let process = self.process(pid).filter(|process| !process.has_ended()).ok_or(Errno::ESRCH)?;
        let (mm, is_own) = (process.mm, process.mm == self.current.mm);
        let Some(advice) = Advice::from_raw(advice as u32) else { return Err(Errno::EINVAL) };
        let may_be_remote = matches!(advice, Advice::Cold | Advice::PageOut | Advice::WillNeed | Advice::Collapse);
        if !is_own && !may_be_remote {
            return Err(Errno::EINVAL);
        }
        if !self.may_look_into(process) || !is_own && !self.current.may(Cap::SysNice) {
            return Err(Errno::EPERM);
        }
        let mut done = 0;
        for (at, len) in ranges {
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
            match self.mms[mm].madvise(&mut cx, LinearAddr(at), len, advice) {
                Ok(()) => done += len,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// Only of a process that is being killed; its memory goes as soon as it is its turn to end.
    fn sys_process_mrelease(&self, [pidfd, flags, ..]: [u64; 6]) -> SysResult {
        if flags as u32 != 0 {
            return Err(Errno::EINVAL);
        }
        let process = self.process(self.pid_of_fd(pidfd)?).ok_or(Errno::ESRCH)?;
        match process {
            process if process.has_ended() => Err(Errno::ESRCH),
            process if process.signals.has_fatal() => Ok(0),
            _ => Err(Errno::EINVAL),
        }
    }
}
