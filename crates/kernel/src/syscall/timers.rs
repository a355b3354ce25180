//! Interval timers (setitimer, alarm) and sleeping, on virtual time.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::signal::{SigInfo, SigSet, Signal, Target};
use crate::time::{Clock, NSEC_PER_SEC};
use crate::{Errno, Hw};
use arch::LinearAddr;

const NSEC_PER_USEC: u64 = 1000;

/// The three clocks that an interval timer can run by; as a number ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimerClock {
    Real,
    Virtual,
    Prof,
}

impl TimerClock {
    const ALL: [Self; 3] = [Self::Real, Self::Virtual, Self::Prof];

    fn by_number(number: u64) -> Result<Self, Errno> {
        usize::try_from(number as u32).ok().and_then(|n| Self::ALL.get(n)).copied().ok_or(Errno::EINVAL)
    }

    const fn now(self, clock: &Clock, instructions: u64) -> u64 {
        match self {
            Self::Real => clock.monotonic_ns(instructions),
            Self::Virtual => instructions,
            Self::Prof => clock.cpu_ns(instructions),
        }
    }

    const fn signal(self) -> Signal {
        match self {
            Self::Real => Signal::ALRM,
            Self::Virtual => Signal::VTALRM,
            Self::Prof => Signal::PROF,
        }
    }
}

/// A timer that is running, in nanoseconds of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timer {
    expires: u64,
    /// 0 for one that runs once.
    interval: u64,
}

impl Timer {
    /// The timer after an expiry at or before `now`; expiries that were missed count once.
    const fn next(self, now: u64) -> Option<Self> {
        if self.interval == 0 {
            return None;
        }
        let periods = (now - self.expires) / self.interval + 1;
        Some(Self { expires: self.expires.saturating_add(periods.saturating_mul(self.interval)), ..self })
    }
}

/// The interval timers of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    running: [Option<Timer>; 3],
}

impl Timers {
    /// The instruction count at which the next one expires, if nothing but instructions moves the clocks.
    pub(crate) fn next_expiry(&self, clock: &Clock, instructions: u64) -> Option<u64> {
        let due = |which: TimerClock| {
            let left = self.running[which as usize]?.expires.saturating_sub(which.now(clock, instructions));
            instructions.checked_add(left)
        };
        TimerClock::ALL.into_iter().filter_map(due).min()
    }

    /// The signals of the timers that have expired; those with an interval start again.
    fn expire(&mut self, clock: &Clock, instructions: u64) -> impl Iterator<Item = Signal> {
        TimerClock::ALL
            .map(|which| {
                let now = which.now(clock, instructions);
                let timer = self.running[which as usize].filter(|timer| timer.expires <= now)?;
                self.running[which as usize] = timer.next(now);
                Some(which.signal())
            })
            .into_iter()
            .flatten()
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Its time is up.
    Elapsed,
    /// By a signal, which is now pending.
    Signal,
    /// Not at all: nothing can end it.
    Never,
}

impl Kernel {
    /// Lets expired timers raise their signals.
    pub(crate) fn run_timers(&mut self, instructions: u64) {
        for signal in self.current.timers.expire(&self.clock, instructions) {
            self.current.signals.raise(Target::Process, SigInfo::kernel(signal));
        }
    }

    /// Sleeps until CLOCK_MONOTONIC shows `until` nanoseconds (for ever if `None`), or a signal comes that is not blocked
    /// or is one of `wanted`. Nothing else happens in a machine that sleeps, so virtual time jumps.
    pub(crate) fn sleep_until(&mut self, hw: &Hw<'_>, until: Option<u64>, wanted: SigSet) -> Wake {
        if self.current.signals.has_any(wanted) {
            return Wake::Signal;
        }
        let alarm = self.current.timers.running[TimerClock::Real as usize]
            .map(|timer| timer.expires)
            .filter(|_| self.current.signals.would_wake(Signal::ALRM, wanted));
        let Some(wake) = until.into_iter().chain(alarm).min() else {
            return Wake::Never;
        };
        self.clock.sleep_until(hw.instructions, wake);
        self.run_timers(hw.instructions);
        if self.current.signals.has_any(wanted) { Wake::Signal } else { Wake::Elapsed }
    }

    /// The same for a call of files: `EINTR` for a signal, `EDEADLK` if nothing can end the wait.
    pub(crate) fn wait_until(&mut self, hw: &Hw<'_>, until: Option<u64>) -> SysResult {
        match self.sleep_until(hw, until, SigSet::EMPTY) {
            Wake::Elapsed => Ok(0),
            Wake::Signal => Err(Errno::EINTR),
            Wake::Never => Err(Errno::EDEADLK),
        }
    }

    pub(super) fn timer_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        Some(Outcome::Return(match call.number {
            36 => self.sys_getitimer(hw, call.args),
            37 => Ok(self.sys_alarm(hw, call.args[0])),
            38 => self.sys_setitimer(hw, call.args),
            _ => return None,
        }))
    }

    /// What is left of a timer, and its interval. One that runs has at least a microsecond left.
    fn itimer(&self, hw: &Hw<'_>, which: TimerClock) -> (u64, u64) {
        self.current.timers.running[which as usize].map_or((0, 0), |timer| {
            let left = timer.expires.saturating_sub(which.now(&self.clock, hw.instructions));
            (left.max(NSEC_PER_USEC), timer.interval)
        })
    }

    fn set_itimer(&mut self, hw: &Hw<'_>, which: TimerClock, value: u64, interval: u64) {
        let now = which.now(&self.clock, hw.instructions);
        let timer = Timer { expires: now.saturating_add(value), interval };
        self.current.timers.running[which as usize] = (value != 0).then_some(timer);
    }

    fn sys_alarm(&mut self, hw: &Hw<'_>, seconds: u64) -> u64 {
        let (left, _) = self.itimer(hw, TimerClock::Real);
        self.set_itimer(hw, TimerClock::Real, u64::from(seconds as u32) * NSEC_PER_SEC, 0);
        // To the nearest second, and never 0 for one that runs (alarm_setitimer).
        let rounded = (left + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
        if left > 0 { rounded.max(1) } else { 0 }
    }

    fn sys_getitimer(&mut self, hw: &mut Hw<'_>, [which, value, ..]: [u64; 6]) -> SysResult {
        let now = self.itimer(hw, TimerClock::by_number(which)?);
        self.copy_to_user(hw, LinearAddr(value), &itimerval(now)).map(|()| 0)
    }

    /// As Linux does, a null pointer for the new value stops the timer.
    fn sys_setitimer(&mut self, hw: &mut Hw<'_>, [which, new, old, ..]: [u64; 6]) -> SysResult {
        let bytes = if new == 0 { [0; 32] } else { self.read_user::<32>(hw, LinearAddr(new))? };
        let interval = timeval(&bytes[..16])?;
        let value = timeval(&bytes[16..])?;
        let which = TimerClock::by_number(which)?;
        let before = self.itimer(hw, which);
        self.set_itimer(hw, which, value, interval);
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &itimerval(before))?;
        }
        Ok(0)
    }
}

/// Nanoseconds of a `struct timeval`.
fn timeval(bytes: &[u8]) -> Result<u64, Errno> {
    let word = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let seconds = u64::try_from(word(0)).map_err(|_| Errno::EINVAL)?;
    let micros = u64::try_from(word(8)).ok().filter(|&us| us < 1_000_000).ok_or(Errno::EINVAL)?;
    Ok(seconds.saturating_mul(NSEC_PER_SEC).saturating_add(micros * NSEC_PER_USEC))
}

/// `struct itimerval` of what is left and the interval, in nanoseconds.
fn itimerval((left, interval): (u64, u64)) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (at, ns) in [(0, interval), (16, left)] {
        bytes[at..at + 8].copy_from_slice(&(ns / NSEC_PER_SEC).to_le_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&(ns % NSEC_PER_SEC / NSEC_PER_USEC).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_skips_what_was_missed() {
        let timer = Timer { expires: 100, interval: 10 };
        assert_eq!(timer.next(100), Some(Timer { expires: 110, interval: 10 }));
        assert_eq!(timer.next(135), Some(Timer { expires: 140, interval: 10 }));
        assert_eq!(Timer { interval: 0, ..timer }.next(100), None);
    }

    #[test]
    fn the_next_expiry_is_the_soonest_of_all_clocks() {
        let clock = Clock::new(0);
        let mut timers = Timers::default();
        assert_eq!(timers.next_expiry(&clock, 0), None);
        timers.running[0] = Some(Timer { expires: clock.monotonic_ns(0) + 500, interval: 0 });
        timers.running[1] = Some(Timer { expires: 300, interval: 0 });
        assert_eq!(timers.next_expiry(&clock, 0), Some(300));
        assert_eq!(timers.expire(&clock, 300).collect::<Vec<_>>(), [Signal::VTALRM]);
        assert_eq!(timers.next_expiry(&clock, 300), Some(500));
        assert_eq!(timers.next_expiry(&clock, 900), Some(900), "overdue: at once");
    }

    #[test]
    fn timevals_are_checked() {
        let bytes = itimerval((1_500_000_000, 2_000));
        assert_eq!((timeval(&bytes[..16]), timeval(&bytes[16..])), (Ok(2_000), Ok(1_500_000_000)));
        let mut bad = bytes;
        bad[8..16].copy_from_slice(&1_000_000_u64.to_le_bytes());
        assert_eq!(timeval(&bad[..16]), Err(Errno::EINVAL));
        bad[16..24].copy_from_slice(&(-1_i64).to_le_bytes());
        assert_eq!(timeval(&bad[16..]), Err(Errno::EINVAL));
    }
}
