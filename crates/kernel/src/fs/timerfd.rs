//! timerfd: a timer that is read (Linux's `fs/timerfd.c`).
//!
//! Nothing happens when it expires: how often it has done so is worked out from the time whenever somebody looks. Who waits for it
//! is woken at [`Vfs::ready_at`].

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::{Ready, Vfs};
use crate::Errno;
use crate::time::NSEC_PER_SEC;
use crate::wait::Channel;

/// The clock by which a timer's absolute times are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TimerClock {
    /// CLOCK_REALTIME.
    #[default]
    Realtime,
    /// CLOCK_MONOTONIC, CLOCK_BOOTTIME.
    Monotonic,
}

/// A timer; times are CLOCK_REALTIME in nanoseconds, from which all clocks here differ by a constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimerFd {
    /// The first expiry that has not been read.
    pub(crate) expires: Option<u64>,
    /// 0 for a timer that expires once.
    pub(crate) interval: u64,
    pub(crate) clock: TimerClock,
}

impl TimerFd {
    /// Expiries up to `now` that have not been read.
    const fn ticks(&self, now: u64) -> u64 {
        match self.expires {
            Some(at) if at <= now && self.interval == 0 => 1,
            Some(at) if at <= now => (now - at) / self.interval + 1,
            _ => 0,
        }
    }

    fn take(&mut self, now: u64) -> Result<u64, Errno> {
        let ticks = self.ticks(now);
        if ticks == 0 {
            return Err(Errno::EAGAIN);
        }
        let next = |at: u64| at.saturating_add(ticks.saturating_mul(self.interval));
        self.expires = self.expires.filter(|_| self.interval != 0).map(next);
        Ok(ticks)
    }

    /// What is left until the next expiry; 0 if there will be none.
    pub(crate) fn left(&self, now: u64) -> u64 {
        match self.expires {
            Some(at) if at > now => at - now,
            Some(at) if self.interval != 0 => self.interval - (now - at) % self.interval,
            _ => 0,
        }
    }
}

impl Vfs {
    /// The time in nanoseconds since 1970.
    pub(crate) fn now_ns(&self) -> u64 {
        (self.now.sec as u64).saturating_mul(NSEC_PER_SEC).saturating_add(self.now.nsec.into())
    }

    /// A timer that does not run (`timerfd_create`).
    ///
    /// # Errors
    /// `ENFILE`.
    pub(crate) fn open_timer(&mut self, clock: TimerClock, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let file = self.files.insert(FileKind::Timer, None, flags | OpenFlags::RDWR)?;
        self.timers.insert(file, TimerFd { clock, ..TimerFd::default() });
        Ok(file)
    }

    /// The timer behind an open file.
    pub(crate) fn timer(&self, file: OpenFileId) -> TimerFd {
        self.timers.get(&file).copied().unwrap_or_default()
    }

    /// Sets it anew; what had expired is forgotten.
    pub(crate) fn set_timer(&mut self, file: OpenFileId, timer: TimerFd) {
        self.timers.insert(file, timer);
        self.wake(Channel::Event(file));
    }

    pub(super) fn read_timer(&mut self, file: OpenFileId, buf: &mut [u8]) -> Result<usize, Errno> {
        let now = self.now_ns();
        let out = buf.get_mut(..8).ok_or(Errno::EINVAL)?;
        let timer = self.timers.get_mut(&file).expect("a timer lives as long as its open file");
        out.copy_from_slice(&timer.take(now)?.to_le_bytes());
        Ok(8)
    }

    pub(super) fn timer_ready(&self, file: OpenFileId) -> Ready {
        if self.timer(file).ticks(self.now_ns()) > 0 { Ready::IN } else { Ready::empty() }
    }

    /// The last expiry of a timer, if it has expired: what an edge is known by.
    pub(super) fn timer_edge(&self, file: OpenFileId) -> Option<u64> {
        let (timer, now) = (self.timer(file), self.now_ns());
        let ticks = timer.ticks(now).checked_sub(1)?;
        Some(timer.expires?.saturating_add(ticks.saturating_mul(timer.interval)))
    }

    /// When an open file will be ready without anybody's doing, in CLOCK_REALTIME.
    pub(crate) fn ready_at(&self, file: OpenFileId) -> Option<u64> {
        let timer = self.timers.get(&file)?;
        let left = timer.left(self.now_ns());
        (left > 0).then(|| self.now_ns().saturating_add(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_are_counted_until_they_are_read() {
        let mut timer = TimerFd { expires: Some(100), interval: 10, ..TimerFd::default() };
        assert_eq!((timer.take(99), timer.left(99)), (Err(Errno::EAGAIN), 1));
        assert_eq!((timer.ticks(125), timer.left(125)), (3, 5));
        assert_eq!(timer.take(125), Ok(3));
        assert_eq!((timer.take(129), timer.take(130)), (Err(Errno::EAGAIN), Ok(1)));
        let mut once = TimerFd { expires: Some(100), ..TimerFd::default() };
        assert_eq!((once.left(150), once.take(150), once.take(150)), (0, Ok(1), Err(Errno::EAGAIN)));
    }
}
