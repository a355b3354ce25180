//! `timerfd_create`, `timerfd_settime`, `timerfd_gettime`.

use super::super::timekeeping::timespec;
use super::{Args, SysResult};
use crate::fs::{FileKind, OpenFileId, OpenFlags, TimerClock, TimerFd};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;

const CLOCK_REALTIME: u32 = 0;
const CLOCK_MONOTONIC: u32 = 1;
const CLOCK_BOOTTIME: u32 = 7;
/// TFD_TIMER_ABSTIME; TFD_TIMER_CANCEL_ON_SET matters only where the clock is set.
const TFD_TIMER_ABSTIME: u64 = 1;
const TFD_TIMER_CANCEL_ON_SET: u64 = 2;

impl Kernel {
    pub(super) fn sys_timerfd_create(&mut self, hw: &mut Hw<'_>, [clock, flags, ..]: Args) -> SysResult {
        super::only(flags, (OpenFlags::CLOEXEC | OpenFlags::NONBLOCK).bits().into())?;
        let clock = match clock as u32 {
            CLOCK_REALTIME => TimerClock::Realtime,
            CLOCK_MONOTONIC | CLOCK_BOOTTIME => TimerClock::Monotonic,
            // CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM: what wakes a machine takes a privilege.
            8 | 9 => return Err(Errno::EPERM),
            _ => return Err(Errno::EINVAL),
        };
        let flags = OpenFlags::from_bits_truncate(flags as u32);
        let file = self.vfs.open_timer(clock, flags & OpenFlags::NONBLOCK)?;
        self.install(hw, file, super::open::on_exec(flags))
    }

    fn timer_file(&self, fd: u64) -> Result<OpenFileId, Errno> {
        let file = self.file(fd)?;
        if self.vfs.file(file).kind == FileKind::Timer { Ok(file) } else { Err(Errno::EINVAL) }
    }

    pub(super) fn sys_timerfd_settime(&mut self, hw: &mut Hw<'_>, [fd, flags, new, old, ..]: Args) -> SysResult {
        let interval = self.read_timespec(hw, new)?;
        let value = self.read_timespec(hw, new.wrapping_add(16))?;
        super::only(flags, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)?;
        let file = self.timer_file(fd)?;
        let before = self.itimerspec(file);
        let timer = self.vfs.timer(file);
        let at = match flags & TFD_TIMER_ABSTIME {
            0 => self.vfs.now_ns().saturating_add(value),
            _ if timer.clock == TimerClock::Realtime => value,
            _ => self.clock.realtime_of(value),
        };
        self.vfs.set_timer(file, TimerFd { expires: (value != 0).then_some(at), interval, ..timer });
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before)?;
        }
        Ok(0)
    }

    pub(super) fn sys_timerfd_gettime(&mut self, hw: &mut Hw<'_>, [fd, at, ..]: Args) -> SysResult {
        let now = self.itimerspec(self.timer_file(fd)?);
        self.copy_to_user(hw, LinearAddr(at), &now).map(|()| 0)
    }

    /// `struct itimerspec`: the interval and what is left.
    fn itimerspec(&self, file: OpenFileId) -> Vec<u8> {
        let timer = self.vfs.timer(file);
        [timespec(timer.interval), timespec(timer.left(self.vfs.now_ns()))].concat()
    }
}
