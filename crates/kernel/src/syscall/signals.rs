//! The calls of signal(7): actions, masks, waiting for signals, sending them.

use super::{Call, Outcome, Restart, SysResult};
use crate::kernel::Kernel;
use crate::signal::{AltStack, SigAction, SigCode, SigInfo, SigSet, Signal, Target, UserInfo};
use crate::wait::Wait;
use crate::{Errno, Hw};
use arch::{Gpr, LinearAddr};
use event::Pid;

/// Bytes of a signal set; the calls are told it and check it.
const SIGSET_BYTES: u64 = 8;

impl Kernel {
    pub(super) fn signal_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(match call.number {
            13 => self.sys_rt_sigaction(hw, args).into(),
            14 => self.sys_rt_sigprocmask(hw, args).into(),
            15 => {
                self.rt_sigreturn(hw, call.ctx);
                Outcome::RegistersSet
            }
            34 => self.wait_for_signal().into(),
            62 => self.sys_kill(args).into(),
            127 => self.sys_rt_sigpending(hw, args).into(),
            128 => self.sys_rt_sigtimedwait(hw, args),
            129 => self.sys_rt_sigqueueinfo(hw, args[0], args[1], args[2], Target::Process).into(),
            130 => self.sys_rt_sigsuspend(hw, args),
            131 => self.sys_sigaltstack(hw, args, call.ctx.reg(Gpr::Rsp)).into(),
            200 => self.sys_tkill(args[0], args[1]).into(),
            234 => self.sys_tgkill(args).into(),
            297 => self.sys_rt_tgsigqueueinfo(hw, args).into(),
            _ => return None,
        })
    }

    fn sys_rt_sigaction(&mut self, hw: &mut Hw<'_>, [number, new, old, size, ..]: [u64; 6]) -> SysResult {
        if size != SIGSET_BYTES {
            return Err(Errno::EINVAL);
        }
        let action = match new {
            0 => None,
            at => Some(SigAction::from_bytes(&self.read_user(hw, LinearAddr(at))?)),
        };
        let signal = signal_of(number)?.ok_or(Errno::EINVAL)?;
        if action.is_some() && SigSet::UNBLOCKABLE.contains(signal) {
            return Err(Errno::EINVAL);
        }
        let before = self.current.signals.action(signal);
        if let Some(action) = action {
            self.current.signals.set_action(signal, action);
            self.revive_posix_timers(hw.instructions, signal);
        }
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before.to_bytes())?;
        }
        Ok(0)
    }

    fn sys_rt_sigprocmask(&mut self, hw: &mut Hw<'_>, [how, new, old, size, ..]: [u64; 6]) -> SysResult {
        const SIG_BLOCK: i32 = 0;
        const SIG_UNBLOCK: i32 = 1;
        const SIG_SETMASK: i32 = 2;
        if size != SIGSET_BYTES {
            return Err(Errno::EINVAL);
        }
        let before = self.current.signals.blocked;
        if new != 0 {
            let set = self.read_sigset(hw, new)?;
            self.current.signals.set_blocked(match how as i32 {
                SIG_BLOCK => before | set,
                SIG_UNBLOCK => before - set,
                SIG_SETMASK => set,
                _ => return Err(Errno::EINVAL),
            });
        }
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before.0.to_le_bytes())?;
        }
        Ok(0)
    }

    fn sys_rt_sigpending(&mut self, hw: &mut Hw<'_>, [set, size, ..]: [u64; 6]) -> SysResult {
        if size > SIGSET_BYTES {
            return Err(Errno::EINVAL);
        }
        let pending = self.current.signals.pending_set() & self.current.signals.blocked;
        self.copy_to_user(hw, LinearAddr(set), &pending.0.to_le_bytes()[..size as usize]).map(|()| 0)
    }

    fn sys_rt_sigsuspend(&mut self, hw: &mut Hw<'_>, [set, size, ..]: [u64; 6]) -> Outcome {
        if size != SIGSET_BYTES {
            return Outcome::Return(Err(Errno::EINVAL));
        }
        if !self.current.signals.is_suspended() {
            match self.read_sigset(hw, set) {
                Ok(set) => self.current.signals.suspend_with(set),
                Err(errno) => return Outcome::Return(Err(errno)),
            }
        }
        self.wait_for_signal().into()
    }

    /// pause, and the waiting part of rt_sigsuspend.
    fn wait_for_signal(&mut self) -> SysResult {
        Err(self.wait(Wait::on_any(Vec::new()).restart(Restart::NoHand)))
    }

    fn sys_rt_sigtimedwait(&mut self, hw: &mut Hw<'_>, [set, info, timeout, size, ..]: [u64; 6]) -> Outcome {
        if size != SIGSET_BYTES {
            return Outcome::Return(Err(Errno::EINVAL));
        }
        let wanted = self.read_sigset(hw, set).map(|set| set - SigSet::UNBLOCKABLE);
        let until = match timeout {
            0 => Ok(None),
            at => self.read_timespec(hw, at).map(|ns| self.deadline(hw, Some(ns))),
        };
        match (wanted, until) {
            (Ok(wanted), Ok(until)) => self.sigtimedwait(hw, wanted, until, info),
            (Err(errno), _) | (_, Err(errno)) => Outcome::Return(Err(errno)),
        }
    }

    /// Takes a signal of `wanted` without its handler, waiting for it if need be.
    fn sigtimedwait(&mut self, hw: &mut Hw<'_>, wanted: SigSet, until: Option<u64>, info: u64) -> Outcome {
        if let Some(taken) = self.current.signals.dequeue(SigSet(!wanted.0)) {
            let taken = self.settle_timer_signal(hw.instructions, taken);
            let copied = match info {
                0 => Ok(()),
                at => self.copy_to_user(hw, LinearAddr(at), &taken.to_bytes()),
            };
            return Outcome::Return(copied.map(|()| u64::from(taken.signal().number())));
        }
        Outcome::Return(Err(match until {
            _ if self.is_past(hw, until) => Errno::EAGAIN,
            _ if self.current.signals.has_any(SigSet::EMPTY) => Errno::EINTR,
            _ => self.wait(Wait::on_any(Vec::new()).until(until).wanting(wanted)),
        }))
    }

    fn sys_sigaltstack(&mut self, hw: &mut Hw<'_>, [new, old, ..]: [u64; 6], sp: u64) -> SysResult {
        let before = self.current.signals.altstack.report(sp);
        if new != 0 {
            let stack: [u8; AltStack::BYTES] = self.read_user(hw, LinearAddr(new))?;
            self.current.signals.altstack.replace(&stack, sp)?;
        }
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before)?;
        }
        Ok(0)
    }

    /// To a process, to the caller's group (0), to everybody but the caller and init (-1), or to another group.
    fn sys_kill(&mut self, [pid, number, ..]: [u64; 6]) -> SysResult {
        let me = self.current.pid;
        let pids = match pid as i32 {
            i32::MIN => return Err(Errno::ESRCH),
            0 => self.pids_where(|process| process.pgrp == self.current.pgrp),
            -1 => self.pids_where(|process| process.pid != me),
            pid if pid < 0 => self.pids_where(|process| process.pgrp.0 == pid.unsigned_abs()),
            pid => self.pids_where(|process| process.pid.0 == pid.unsigned_abs()),
        };
        if pids.is_empty() {
            return Err(Errno::ESRCH);
        }
        let signal = signal_of(number)?;
        let allowed = |pid: &Pid| self.process(*pid).is_some_and(|process| self.may_signal(process, signal));
        let reached: Vec<Pid> = pids.into_iter().filter(allowed).collect();
        if reached.is_empty() && pid as i32 != -1 {
            return Err(Errno::EPERM); // to everybody, a refusal is no error
        }
        reached.into_iter().try_for_each(|pid| self.send(pid, signal, SigCode::SI_USER, Target::Process))?;
        Ok(0)
    }

    fn sys_tkill(&mut self, tid: u64, number: u64) -> SysResult {
        let pid = self.thread(tid)?;
        let signal = signal_of(number)?;
        if !self.process(pid).is_some_and(|process| self.may_signal(process, signal)) {
            return Err(Errno::EPERM);
        }
        self.send(pid, signal, SigCode::SI_TKILL, Target::Thread).map(|()| 0)
    }

    fn sys_tgkill(&mut self, [tgid, tid, number, ..]: [u64; 6]) -> SysResult {
        self.check_thread(tgid, tid)?;
        self.sys_tkill(tid, number)
    }

    /// The process of a thread: each has one, with the same id.
    fn thread(&self, tid: u64) -> Result<Pid, Errno> {
        if (tid as i32) <= 0 {
            return Err(Errno::EINVAL);
        }
        self.by_id(tid).map(|process| process.pid)
    }

    fn check_thread(&self, tgid: u64, tid: u64) -> Result<(), Errno> {
        if (tgid as i32) <= 0 {
            return Err(Errno::EINVAL);
        }
        let pid = self.thread(tid)?;
        if tgid as u32 == pid.0 { Ok(()) } else { Err(Errno::ESRCH) }
    }

    fn send(&mut self, pid: Pid, signal: Option<Signal>, code: SigCode, target: Target) -> Result<(), Errno> {
        let Some(signal) = signal else { return Ok(()) };
        let info = SigInfo::sent(signal, code, self.current.pid, self.current.credentials.user.real);
        if !self.raise(pid, target, info) && code == SigCode::SI_TKILL {
            return Err(Errno::EAGAIN);
        }
        Ok(())
    }

    fn sys_rt_tgsigqueueinfo(&mut self, hw: &mut Hw<'_>, [tgid, tid, number, info, ..]: [u64; 6]) -> SysResult {
        self.check_thread(tgid, tid)?;
        self.sys_rt_sigqueueinfo(hw, tid, number, info, Target::Thread)
    }

    /// To oneself with any `si_code`; to others only with one that does not pretend to come from the kernel.
    fn sys_rt_sigqueueinfo(&mut self, hw: &mut Hw<'_>, id: u64, number: u64, info: u64, target: Target) -> SysResult {
        let bytes: [u8; 128] = self.read_user(hw, LinearAddr(info))?;
        let code = i32::from_le_bytes(bytes[8..12].try_into().expect("four bytes"));
        let pretends = code >= 0 || code == SigCode::SI_TKILL as i32;
        if id as u32 != self.current.pid.0 && pretends {
            return Err(Errno::EPERM);
        }
        let process = self.process(Pid(id as u32)).ok_or(Errno::ESRCH)?;
        let (pid, signal) = (process.pid, signal_of(number)?);
        if !self.may_signal(process, signal) {
            return Err(Errno::EPERM);
        }
        if let Some(signal) = signal {
            let queued = SigInfo::queued(&UserInfo { signal, bytes: &bytes });
            if !self.raise(pid, target, queued) {
                return Err(Errno::EAGAIN);
            }
        }
        Ok(0)
    }

    fn read_sigset(&mut self, hw: &mut Hw<'_>, at: u64) -> Result<SigSet, Errno> {
        self.read_user_u64(hw, LinearAddr(at)).map(SigSet)
    }
}

/// A signal from a register; `None` for 0, which only asks whether one could be sent.
pub(super) fn signal_of(number: u64) -> Result<Option<Signal>, Errno> {
    match number as u32 {
        0 => Ok(None),
        n => Signal::new(u64::from(n)).map(Some).ok_or(Errno::EINVAL),
    }
}
