//! POSIX timers (timer_create and its family; `kernel/time/posix-timers.c`), on virtual time.
//!
//! A timer that has expired waits with its next expiry until its signal is taken; the expiries of that time are its overruns. Those
//! of the processor's clocks run with their process, the others whoever runs. All are gone after execve, and children have none.

use super::timekeeping::{ClockId, clock_by_id, timespec};
use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::Process;
use crate::sched::Alarm;
use crate::signal::{SigInfo, Signal, Target};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;
use std::collections::BTreeMap;

/// RLIMIT_SIGPENDING, which bounds timers too: each has its signal set aside.
const SIGPENDING: u64 = 11;
/// TIMER_ABSTIME.
const TIMER_ABSTIME: u32 = 1;

/// What shows a timer's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// CLOCK_MONOTONIC, or CLOCK_REALTIME, which is always as far from it.
    Monotonic,
    Realtime,
    /// The time of the process on the processor.
    Cpu,
}

/// What a timer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Notice {
    signal: Signal,
    value: u64,
    target: Target,
}

/// A timer of a process.
#[derive(Clone, Debug)]
struct PosixTimer {
    base: Base,
    /// `None` for SIGEV_NONE.
    notice: Option<Notice>,
    /// The next expiry, on CLOCK_MONOTONIC or the processor's clock; `None` if it does not run.
    expires: Option<u64>,
    /// 0 for one that runs once.
    interval: u64,
    /// Whether it has expired, and goes on when its signal is taken.
    waits: bool,
    /// Expiries that the last signal stood for beside the first.
    overruns: u64,
}

impl PosixTimer {
    /// Moves the expiry on until it lies ahead; gives by how many intervals (`hrtimer_forward`).
    fn forward(&mut self, now: u64) -> u64 {
        match self.expires {
            Some(at) if at <= now && self.interval != 0 => {
                let periods = (now - at) / self.interval + 1;
                self.expires = Some(at.saturating_add(periods.saturating_mul(self.interval)));
                periods
            }
            _ => 0,
        }
    }

    /// What is left until it expires (`common_timer_get`): at least 1 where a signal is still to be sent.
    fn left(&self, now: u64) -> u64 {
        let mut timer = self.clone();
        if timer.waits || timer.notice.is_none() {
            timer.forward(now);
        }
        let least = u64::from(timer.notice.is_some());
        timer.expires.map_or(0, |at| at.saturating_sub(now).max(least))
    }

    /// When it expires of itself: one without a signal only looks as if it did.
    fn due(&self) -> Option<u64> {
        self.expires.filter(|_| !self.waits && self.notice.is_some())
    }
}

/// The timers of a process, by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct PosixTimers {
    timers: BTreeMap<i32, PosixTimer>,
    next_id: i32,
}

impl PosixTimers {
    /// When the next one by the process's own time expires, on that clock.
    pub(super) fn next_cpu_expiry(&self) -> Option<u64> {
        self.timers.values().filter(|timer| timer.base == Base::Cpu).filter_map(PosixTimer::due).min()
    }

    /// The signal of a timer.
    pub(crate) fn signal(&self, id: i32) -> Option<Signal> {
        Some(self.timers.get(&id)?.notice?.signal)
    }
}

impl Kernel {
    pub(super) fn posix_timer_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            222 => self.sys_timer_create(hw, args),
            223 => self.sys_timer_settime(hw, args),
            224 => self.sys_timer_gettime(hw, args),
            225 => self.posix_timer(args[0]).map(|timer| timer.overruns.min(i32::MAX as u64)),
            226 => self.posix_timer(args[0]).map(|_| ()).map(|()| {
                self.stop_posix_timer(args[0] as i32);
                self.current.timers.posix.timers.remove(&(args[0] as i32));
                0
            }),
            _ => return None,
        }))
    }

    fn posix_timer(&mut self, id: u64) -> Result<&mut PosixTimer, Errno> {
        self.current.timers.posix.timers.get_mut(&(id as i32)).ok_or(Errno::EINVAL)
    }

    fn base_now(&self, base: Base, instructions: u64) -> u64 {
        match base {
            Base::Cpu => self.current.times.cpu_ns(instructions),
            Base::Monotonic | Base::Realtime => self.clock.monotonic_ns(instructions),
        }
    }

    fn sys_timer_create(&mut self, hw: &mut Hw<'_>, [clock, event, id_at, ..]: [u64; 6]) -> SysResult {
        let base = match clock_by_id(clock)? {
            (_, resolution) if resolution != 1 || clock as i32 == 4 => return Err(Errno::EOPNOTSUPP),
            (ClockId::Realtime, _) => Base::Realtime,
            (ClockId::Monotonic, _) => Base::Monotonic,
            (ClockId::ProcessCpu | ClockId::ThreadCpu, _) => Base::Cpu,
        };
        let event = match event {
            0 => None,
            at => Some(self.read_user::<20>(hw, LinearAddr(at))?),
        };
        let most = self.current.limits.by_number(SIGPENDING).map_or(0, |limit| limit.soft);
        let posix = &self.current.timers.posix;
        if posix.timers.len() as u64 >= most.min(crate::signal::SIGPENDING_LIMIT as u64) {
            return Err(Errno::EAGAIN);
        }
        let mut id = posix.next_id;
        while posix.timers.contains_key(&id) {
            id = id.checked_add(1).unwrap_or(0);
        }
        let notice = match event {
            None => Some(Notice { signal: Signal::ALRM, value: id as u64, target: Target::Process }),
            Some(event) => self.notice(&event)?,
        };
        self.copy_to_user(hw, LinearAddr(id_at), &id.to_le_bytes())?;
        let timer = PosixTimer { base, notice, expires: None, interval: 0, waits: false, overruns: 0 };
        let posix = &mut self.current.timers.posix;
        posix.next_id = id.checked_add(1).unwrap_or(0);
        posix.timers.insert(id, timer);
        Ok(0)
    }

    /// What a `struct sigevent` asks for (`good_sigevent`).
    fn notice(&self, event: &[u8; 20]) -> Result<Option<Notice>, Errno> {
        const SIGEV_SIGNAL: u32 = 0;
        const SIGEV_NONE: u32 = 1;
        const SIGEV_THREAD: u32 = 2;
        const SIGEV_THREAD_ID: u32 = 4;
        let word = |at: usize| u32::from_le_bytes(event[at..at + 4].try_into().expect("four bytes"));
        let value = u64::from_le_bytes(event[..8].try_into().expect("eight bytes"));
        let target = match word(12) {
            SIGEV_NONE => return Ok(None),
            SIGEV_SIGNAL | SIGEV_THREAD => Target::Process,
            SIGEV_THREAD_ID if word(16) == self.current.pid.0 => Target::Thread,
            _ => return Err(Errno::EINVAL),
        };
        let signal = Signal::new(word(8).into()).ok_or(Errno::EINVAL)?;
        Ok(Some(Notice { signal, value, target }))
    }

    /// Nothing more comes of what it was set to (`timer_settime` and `timer_delete` drop a signal that is pending).
    fn stop_posix_timer(&mut self, id: i32) {
        let pid = self.current.pid;
        let Some(timer) = self.current.timers.posix.timers.get_mut(&id) else { return };
        if let Some(at) = timer.due().filter(|_| timer.base != Base::Cpu) {
            self.sched.clear_alarm(at, pid, Alarm::Posix(id));
        }
        (timer.expires, timer.interval, timer.waits, timer.overruns) = (None, 0, false, 0);
        self.current.signals.forget_timer(id);
    }

    fn start_posix_timer(&mut self, id: i32) {
        let pid = self.current.pid;
        let Some(timer) = self.current.timers.posix.timers.get(&id) else { return };
        if let Some(at) = timer.due().filter(|_| timer.base != Base::Cpu) {
            self.sched.set_alarm(at, pid, Alarm::Posix(id));
        }
    }

    /// The interval and what is left, as a `struct itimerspec`.
    fn posix_itimerspec(&mut self, hw: &Hw<'_>, id: u64) -> Result<Vec<u8>, Errno> {
        let base = self.posix_timer(id)?.base;
        let now = self.base_now(base, hw.instructions);
        let timer = self.posix_timer(id)?;
        Ok([timespec(timer.interval), timespec(timer.left(now))].concat())
    }

    fn sys_timer_gettime(&mut self, hw: &mut Hw<'_>, [id, at, ..]: [u64; 6]) -> SysResult {
        let now = self.posix_itimerspec(hw, id)?;
        self.copy_to_user(hw, LinearAddr(at), &now).map(|()| 0)
    }

    fn sys_timer_settime(&mut self, hw: &mut Hw<'_>, [id, flags, new, old, ..]: [u64; 6]) -> SysResult {
        if new == 0 {
            return Err(Errno::EINVAL);
        }
        let raw: [u8; 32] = self.read_user(hw, LinearAddr(new))?;
        let (interval, value) = (timespec_ns(&raw[..16])?, timespec_ns(&raw[16..])?);
        let before = self.posix_itimerspec(hw, id)?;
        self.stop_posix_timer(id as i32);
        let base = self.posix_timer(id)?.base;
        let expires = match base {
            _ if flags as u32 & TIMER_ABSTIME == 0 => self.base_now(base, hw.instructions).saturating_add(value),
            Base::Realtime => self.clock.monotonic_of(value),
            Base::Monotonic | Base::Cpu => value,
        };
        if value != 0 {
            let timer = self.posix_timer(id)?;
            (timer.expires, timer.interval) = (Some(expires), interval);
            self.start_posix_timer(id as i32);
        }
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before)?;
        }
        Ok(0)
    }

    /// A timer by the system's clocks may have expired.
    pub(crate) fn expire_posix_timer(&mut self, pid: Pid, id: i32, now: u64) {
        let Some(notice) = self.process_mut(pid).and_then(|process| process.expire_posix_timer(id, now)) else {
            return;
        };
        self.raise(pid, notice.target, SigInfo::timer(notice.signal, id, notice.value));
    }

    /// The current process's timers by its own time may have expired.
    pub(super) fn run_posix_cpu_timers(&mut self, instructions: u64) {
        let now = self.current.times.cpu_ns(instructions);
        let posix = &self.current.timers.posix;
        let is_due = |timer: &PosixTimer| timer.base == Base::Cpu && timer.due().is_some_and(|at| at <= now);
        let due: Vec<i32> = posix.timers.iter().filter(|(_, timer)| is_due(timer)).map(|(&id, _)| id).collect();
        for id in due {
            self.expire_posix_timer(self.current.pid, id, now);
        }
    }

    /// A signal was taken: if it is a timer's, it learns of the overruns, and the timer goes on (`posixtimer_rearm`).
    pub(crate) fn settle_timer_signal(&mut self, instructions: u64, info: SigInfo) -> SigInfo {
        let Some(id) = info.timer_id() else { return info };
        let Some(base) = self.current.timers.posix.timers.get(&id).map(|timer| timer.base) else { return info };
        let now = self.base_now(base, instructions);
        let Ok(timer) = self.posix_timer(id as u64) else { return info };
        timer.overruns = 0;
        if timer.waits {
            timer.overruns = timer.forward(now).saturating_sub(1);
            timer.waits = false;
        }
        let overruns = timer.overruns.min(i32::MAX as u64) as i32;
        self.start_posix_timer(id);
        info.with_overruns(overruns)
    }

    /// A signal is ignored no longer: timers whose expiry was lost for that go on.
    pub(super) fn revive_posix_timers(&mut self, instructions: u64, signal: Signal) {
        if self.current.signals.ignores(signal) || self.current.signals.pending_set().contains(signal) {
            return;
        }
        let is_lost = |timer: &PosixTimer| timer.waits && timer.notice.is_some_and(|notice| notice.signal == signal);
        let posix = &self.current.timers.posix;
        let lost: Vec<_> = posix.timers.iter().filter(|(_, t)| is_lost(t)).map(|(&id, t)| (id, t.base)).collect();
        for (id, base) in lost {
            let now = self.base_now(base, instructions);
            let Ok(timer) = self.posix_timer(id as u64) else { continue };
            timer.forward(now);
            timer.waits = false;
            self.start_posix_timer(id);
        }
    }

    /// Deletes all timers of the current process, for execve.
    pub(crate) fn delete_posix_timers(&mut self) {
        let ids: Vec<i32> = self.current.timers.posix.timers.keys().copied().collect();
        ids.into_iter().for_each(|id| self.stop_posix_timer(id));
        self.current.timers.posix = PosixTimers::default();
    }
}

impl Process {
    /// What a timer that has expired sends; it then waits until that is taken, or has stopped.
    fn expire_posix_timer(&mut self, id: i32, now: u64) -> Option<Notice> {
        let timer = self.timers.posix.timers.get_mut(&id)?;
        timer.due().filter(|&at| at <= now)?;
        timer.waits = timer.interval != 0;
        if !timer.waits {
            timer.expires = None;
        }
        timer.notice
    }
}

/// Nanoseconds of a `struct timespec`.
fn timespec_ns(bytes: &[u8]) -> Result<u64, Errno> {
    let word = |at: usize| i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let seconds = u64::try_from(word(0)).map_err(|_| Errno::EINVAL)?;
    let ns = u64::try_from(word(8)).ok().filter(|&ns| ns < crate::time::NSEC_PER_SEC).ok_or(Errno::EINVAL)?;
    Ok(seconds.saturating_mul(crate::time::NSEC_PER_SEC).saturating_add(ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(notice: Option<Notice>) -> PosixTimer {
        PosixTimer { base: Base::Monotonic, notice, expires: Some(100), interval: 10, waits: false, overruns: 0 }
    }

    #[test]
    fn a_timer_without_a_signal_only_looks_as_if_it_expired() {
        let silent = timer(None);
        assert_eq!((silent.left(90), silent.left(100), silent.left(135), silent.due()), (10, 10, 5, None));
        let once = PosixTimer { interval: 0, ..silent };
        assert_eq!((once.left(99), once.left(100)), (1, 0));
    }

    #[test]
    fn one_that_waits_for_its_signal_to_be_taken_counts() {
        let notice = Notice { signal: Signal::ALRM, value: 0, target: Target::Process };
        let mut late = timer(Some(notice));
        assert_eq!((late.left(120), late.due()), (1, Some(100)), "its signal has not been sent yet");
        late.waits = true;
        assert_eq!((late.left(125), late.due()), (5, None));
        assert_eq!((late.forward(125), late.expires, late.forward(125)), (3, Some(130), 0));
    }
}
