//! Clocks and sleeping: clock_gettime and its relatives, nanosleep (Linux's `kernel/time/posix-timers.c`).

use super::{Call, Outcome, Restart, SysResult};
use crate::kernel::Kernel;
use crate::signal::SigSet;
use crate::time::NSEC_PER_SEC;
use crate::wait::Wait;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// Resolution of the coarse clocks: a tick of a kernel with HZ=250.
const TICK_NS: u64 = 4_000_000;

/// TIMER_ABSTIME: a sleep until a time, not for one.
const TIMER_ABSTIME: u64 = 1;

/// What a clock id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockId {
    Realtime,
    Monotonic,
    ProcessCpu,
    ThreadCpu,
}

/// The clock of an id, and its resolution in nanoseconds.
pub(super) fn clock_by_id(id: u64) -> Result<(ClockId, u64), Errno> {
    Ok(match id as i32 {
        0 | 11 => (ClockId::Realtime, 1),
        1 | 4 | 7 => (ClockId::Monotonic, 1),
        2 => (ClockId::ProcessCpu, 1),
        3 => (ClockId::ThreadCpu, 1),
        5 => (ClockId::Realtime, TICK_NS),
        6 => (ClockId::Monotonic, TICK_NS),
        // The CPU clocks of process 0, which is oneself: clock_getcpuclockid.
        id if id < 0 && !id >> 3 == 0 && id & 3 != 3 => {
            (if id & 4 == 0 { ClockId::ProcessCpu } else { ClockId::ThreadCpu }, 1)
        }
        _ => return Err(Errno::EINVAL),
    })
}

impl Kernel {
    pub(super) fn time_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(match call.number {
            35 => self.sys_nanosleep(hw, args),
            96 => self.sys_gettimeofday(hw, args).into(),
            100 => self.sys_times(hw, args[0]).into(),
            201 => self.sys_time(hw, args[0]).into(),
            228 => self.sys_clock_gettime(hw, args).into(),
            229 => self.sys_clock_getres(hw, args).into(),
            230 => self.sys_clock_nanosleep(hw, args),
            // settimeofday, clock_settime, adjtimex, clock_adjtime: setting the clock takes a privilege.
            164 | 227 | 159 | 305 => Outcome::Return(Err(Errno::EPERM)),
            _ => return self.timer_call(hw, call),
        })
    }

    fn clock_ns(&self, hw: &Hw<'_>, clock: ClockId) -> u64 {
        match clock {
            ClockId::Realtime => self.clock.realtime_ns(hw.instructions),
            ClockId::Monotonic => self.clock.monotonic_ns(hw.instructions),
            ClockId::ProcessCpu | ClockId::ThreadCpu => self.current.times.cpu_ns(hw.instructions),
        }
    }

    fn sys_clock_gettime(&mut self, hw: &mut Hw<'_>, [id, ts, ..]: [u64; 6]) -> SysResult {
        let (clock, resolution) = clock_by_id(id)?;
        let now = self.clock_ns(hw, clock);
        self.copy_to_user(hw, LinearAddr(ts), &timespec(now - now % resolution)).map(|()| 0)
    }

    fn sys_clock_getres(&mut self, hw: &mut Hw<'_>, [id, ts, ..]: [u64; 6]) -> SysResult {
        let (_, resolution) = clock_by_id(id)?;
        if ts != 0 {
            self.copy_to_user(hw, LinearAddr(ts), &timespec(resolution))?;
        }
        Ok(0)
    }

    fn sys_gettimeofday(&mut self, hw: &mut Hw<'_>, [tv, tz, ..]: [u64; 6]) -> SysResult {
        if tv != 0 {
            let now = self.clock.realtime_ns(hw.instructions);
            let mut bytes = timespec(now);
            bytes[8..].copy_from_slice(&(now % NSEC_PER_SEC / 1000).to_le_bytes());
            self.copy_to_user(hw, LinearAddr(tv), &bytes)?;
        }
        if tz != 0 {
            self.copy_to_user(hw, LinearAddr(tz), &[0; 8])?;
        }
        Ok(0)
    }

    fn sys_time(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        let seconds = self.clock.realtime_ns(hw.instructions) / NSEC_PER_SEC;
        if at != 0 {
            self.copy_to_user(hw, LinearAddr(at), &seconds.to_le_bytes())?;
        }
        Ok(seconds)
    }

    /// Clock ticks of 1/100 s (USER_HZ): the process's own, and those of the children that it has waited for.
    fn sys_times(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        const TICK: u64 = NSEC_PER_SEC / 100;
        if at != 0 {
            let (own, children) = (&self.current.times, &self.current.children_usage);
            let times = [own.user_ns(hw.instructions), own.system_ns(), children.user_ns, children.system_ns];
            let bytes: Vec<u8> = times.into_iter().flat_map(|ns| (ns / TICK).to_le_bytes()).collect();
            self.copy_to_user(hw, LinearAddr(at), &bytes)?;
        }
        Ok(self.clock.monotonic_ns(hw.instructions) / TICK)
    }

    fn sys_nanosleep(&mut self, hw: &mut Hw<'_>, [request, remaining, ..]: [u64; 6]) -> Outcome {
        match self.read_timespec(hw, request) {
            Ok(ns) => self.sleep_for(hw, ns, remaining),
            Err(errno) => Outcome::Return(Err(errno)),
        }
    }

    fn sys_clock_nanosleep(&mut self, hw: &mut Hw<'_>, [id, flags, request, remaining, ..]: [u64; 6]) -> Outcome {
        let checked = clock_by_id(id).and_then(|(clock, resolution)| {
            // The coarse clocks, CLOCK_MONOTONIC_RAW and one's own CPU clock cannot be slept on.
            if resolution != 1 || clock == ClockId::ThreadCpu || id as i32 == 4 {
                return Err(Errno::EOPNOTSUPP);
            }
            self.read_timespec(hw, request).map(|ns| (clock, ns))
        });
        match checked {
            Err(errno) => Outcome::Return(Err(errno)),
            // A thread that sleeps uses no CPU time: only a signal can end this.
            Ok((ClockId::ProcessCpu, ns)) => self.sleep_on_cpu_clock(hw, flags, ns),
            Ok((clock, ns)) if flags & TIMER_ABSTIME != 0 => {
                let until = if clock == ClockId::Realtime { self.clock.monotonic_of(ns) } else { ns };
                self.sleep_until(hw, until).into()
            }
            Ok((_, ns)) => self.sleep_for(hw, ns, remaining),
        }
    }

    fn sleep_until(&mut self, hw: &Hw<'_>, until: u64) -> SysResult {
        if self.is_past(hw, Some(until)) {
            return Ok(0);
        }
        Err(self.wait(Wait::on_any(Vec::new()).until(Some(until)).restart(Restart::NoHand)))
    }

    /// Tells what is left if a signal ends the sleep.
    fn sleep_for(&mut self, hw: &mut Hw<'_>, ns: u64, remaining: u64) -> Outcome {
        let Some(until) = self.deadline(hw, Some(ns)) else { return Outcome::Return(Ok(0)) };
        if !self.is_past(hw, Some(until)) && remaining != 0 && self.current.signals.has_any(SigSet::EMPTY) {
            let left = until - self.clock.monotonic_ns(hw.instructions);
            if let Err(errno) = self.copy_to_user(hw, LinearAddr(remaining), &timespec(left)) {
                return Outcome::Return(Err(errno));
            }
        }
        self.sleep_until(hw, until).into()
    }

    fn sleep_on_cpu_clock(&mut self, hw: &Hw<'_>, flags: u64, ns: u64) -> Outcome {
        let past = if flags & TIMER_ABSTIME != 0 { self.current.times.cpu_ns(hw.instructions) } else { 0 };
        if ns <= past {
            return Outcome::Return(Ok(0));
        }
        Outcome::Return(Err(self.wait(Wait::on_any(Vec::new()).restart(Restart::NoHand))))
    }

    /// Nanoseconds of a `struct timespec` in user memory (`timespec64_valid`).
    pub(crate) fn read_timespec(&mut self, hw: &mut Hw<'_>, at: u64) -> Result<u64, Errno> {
        let bytes: [u8; 16] = self.read_user(hw, LinearAddr(at))?;
        let word = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let seconds = u64::try_from(word(0)).map_err(|_| Errno::EINVAL)?;
        let ns = u64::try_from(word(8)).ok().filter(|&ns| ns < NSEC_PER_SEC).ok_or(Errno::EINVAL)?;
        Ok(seconds.saturating_mul(NSEC_PER_SEC).saturating_add(ns))
    }
}

/// A `struct timespec`.
pub(crate) fn timespec(ns: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(ns / NSEC_PER_SEC).to_le_bytes());
    bytes[8..].copy_from_slice(&(ns % NSEC_PER_SEC).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a native program finds them: 8 and 9 need an alarm clock in hardware, 10 is gone.
    #[test]
    fn clock_ids_are_linuxs() {
        for id in [0, 1, 2, 3, 4, 5, 6, 7, 11] {
            assert!(clock_by_id(id).is_ok(), "{id}");
        }
        for id in [8, 9, 10, 12, 99, u64::MAX] {
            assert_eq!(clock_by_id(id), Err(Errno::EINVAL), "{id}");
        }
        assert_eq!(clock_by_id(-6_i64 as u64), Ok((ClockId::ProcessCpu, 1)), "clock_getcpuclockid(0)");
        assert_eq!(clock_by_id(5), Ok((ClockId::Realtime, 4_000_000)));
    }
}
