//! Interval timers (setitimer, alarm), on virtual time. ITIMER_REAL runs whoever runs; the other two with their process, as
//! does the limit of its time on the processor (RLIMIT_CPU).

use super::posix_timers::PosixTimers;
use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::{CpuTimes, Process, RLIM_INFINITY, Resource, Rlimit};
use crate::sched::Alarm;
use crate::signal::{SigInfo, Signal, Target};
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

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
    /// Those of timer_create.
    pub(crate) posix: PosixTimers,
}

impl Timers {
    /// The instruction count at which the next one by the process's own time expires, if it goes on running.
    fn next_expiry(&self, times: &CpuTimes, instructions: u64) -> Option<u64> {
        let due = |which: TimerClock, now: u64| {
            let left = self.running[which as usize]?.expires.saturating_sub(now);
            instructions.checked_add(left)
        };
        let by_user = due(TimerClock::Virtual, times.user_ns(instructions));
        let by_cpu = due(TimerClock::Prof, times.cpu_ns(instructions));
        let cpu = times.cpu_ns(instructions);
        let by_posix = self.posix.next_cpu_expiry().map(|at| instructions.saturating_add(at.saturating_sub(cpu)));
        [by_user, by_cpu, by_posix].into_iter().flatten().min()
    }

    /// The signal of a timer that has expired by `now` on its clock; one with an interval starts again.
    fn expire(&mut self, which: TimerClock, now: u64) -> Option<Signal> {
        let timer = self.running[which as usize].filter(|timer| timer.expires <= now)?;
        self.running[which as usize] = timer.next(now);
        Some(which.signal())
    }

    /// When ITIMER_REAL expires, in CLOCK_MONOTONIC.
    pub(crate) fn real_expiry(&self) -> Option<u64> {
        Some(self.running[TimerClock::Real as usize]?.expires)
    }
}

impl Process {
    /// The instruction count at which a timer or the limit by its own time is due, if it goes on running.
    pub(crate) fn next_own_expiry(&self, instructions: u64) -> Option<u64> {
        let soft = self.limits.get(Resource::Cpu).soft;
        let left = |seconds: u64| seconds.saturating_mul(NSEC_PER_SEC).saturating_sub(self.times.cpu_ns(instructions));
        let limit = (soft != RLIM_INFINITY).then(|| instructions.saturating_add(left(soft)));
        [self.timers.next_expiry(&self.times, instructions), limit].into_iter().flatten().min()
    }

    /// The signal for time beyond the limit: SIGKILL from the hard one on; at the soft one SIGXCPU, and that limit moves on
    /// by a second (`check_process_timers`).
    fn exceeded_cpu_limit(&mut self, instructions: u64) -> Option<Signal> {
        let Rlimit { soft, hard } = self.limits.get(Resource::Cpu);
        let used = self.times.cpu_ns(instructions);
        let exceeds = |seconds: u64| seconds != RLIM_INFINITY && used >= seconds.saturating_mul(NSEC_PER_SEC);
        if !exceeds(soft) {
            return None;
        }
        if exceeds(hard) {
            return Some(Signal::KILL);
        }
        self.limits.set(Resource::Cpu, Rlimit { soft: soft + 1, hard });
        Some(Signal::XCPU)
    }
}

impl Kernel {
    /// Lets the timers and the limit of the current process that go by its own time raise their signals.
    pub(crate) fn run_own_timers(&mut self, instructions: u64) {
        let times = &self.current.times;
        let now = [(TimerClock::Virtual, times.user_ns(instructions)), (TimerClock::Prof, times.cpu_ns(instructions))];
        for (which, now) in now {
            if let Some(signal) = self.current.timers.expire(which, now) {
                self.current.signals.raise(Target::Process, SigInfo::kernel(signal));
            }
        }
        self.run_posix_cpu_timers(instructions);
        if let Some(signal) = self.current.exceeded_cpu_limit(instructions) {
            self.current.signals.raise(Target::Process, SigInfo::kernel(signal));
        }
    }

    /// The ITIMER_REAL of a process may have expired.
    pub(crate) fn expire_real_timer(&mut self, pid: Pid, now: u64) {
        let Some(process) = self.process_mut(pid) else { return };
        let signal = process.timers.expire(TimerClock::Real, now);
        if let Some(next) = process.timers.real_expiry() {
            self.sched.set_alarm(next, pid, Alarm::Timer);
        }
        if let Some(signal) = signal {
            self.raise(pid, Target::Process, SigInfo::kernel(signal));
        }
    }

    pub(super) fn timer_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        Some(Outcome::Return(match call.number {
            36 => self.sys_getitimer(hw, call.args),
            37 => Ok(self.sys_alarm(hw, call.args[0])),
            38 => self.sys_setitimer(hw, call.args),
            _ => return self.posix_timer_call(hw, call),
        }))
    }

    /// What is left of a timer, and its interval. One that runs has at least a microsecond left.
    fn itimer(&self, hw: &Hw<'_>, which: TimerClock) -> (u64, u64) {
        self.current.timers.running[which as usize].map_or((0, 0), |timer| {
            let left = timer.expires.saturating_sub(self.timer_now(hw, which));
            (left.max(NSEC_PER_USEC), timer.interval)
        })
    }

    /// What a timer's clock shows.
    const fn timer_now(&self, hw: &Hw<'_>, which: TimerClock) -> u64 {
        match which {
            TimerClock::Real => self.clock.monotonic_ns(hw.instructions),
            TimerClock::Virtual => self.current.times.user_ns(hw.instructions),
            TimerClock::Prof => self.current.times.cpu_ns(hw.instructions),
        }
    }

    fn set_itimer(&mut self, hw: &Hw<'_>, which: TimerClock, value: u64, interval: u64) {
        let expires = self.timer_now(hw, which).saturating_add(value);
        let timer = (value != 0).then_some(Timer { expires, interval });
        let before = std::mem::replace(&mut self.current.timers.running[which as usize], timer);
        if which == TimerClock::Real {
            if let Some(before) = before {
                self.sched.clear_alarm(before.expires, self.current.pid, Alarm::Timer);
            }
            if timer.is_some() {
                self.sched.set_alarm(expires, self.current.pid, Alarm::Timer);
            }
        }
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
    fn the_next_expiry_is_the_soonest_of_the_process_s_own_clocks() {
        let mut times = CpuTimes::default();
        times.start(0);
        times.charge(100);
        let mut timers = Timers::default();
        assert_eq!(timers.next_expiry(&times, 0), None);
        timers.running[1] = Some(Timer { expires: 500, interval: 0 });
        timers.running[2] = Some(Timer { expires: 400, interval: 0 });
        assert_eq!(timers.next_expiry(&times, 0), Some(300));
        assert_eq!(timers.expire(TimerClock::Prof, times.cpu_ns(300)), Some(Signal::PROF));
        assert_eq!(timers.next_expiry(&times, 300), Some(500));
        assert_eq!(timers.next_expiry(&times, 900), Some(900), "overdue: at once");
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
