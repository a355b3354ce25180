//! futex: waiting for a word of memory, of this process or shared with others.
//!
//! A wait that FUTEX_WAKE ends is marked as done, so that the call, made again, knows that it was woken and does not look at
//! the word any more.

use super::{Call, Outcome, Restart, SysResult};
use crate::kernel::Kernel;
use crate::mm::{Backing, VmFlags};
use crate::signal::SigSet;
use crate::wait::{Channel, FutexKey, Wait};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

const FUTEX_WAIT: u64 = 0;
const FUTEX_WAKE: u64 = 1;
const FUTEX_REQUEUE: u64 = 3;
const FUTEX_CMP_REQUEUE: u64 = 4;
const FUTEX_WAIT_BITSET: u64 = 9;
const FUTEX_WAKE_BITSET: u64 = 10;
const FUTEX_PRIVATE_FLAG: u64 = 128;
const FUTEX_CLOCK_REALTIME: u64 = 256;

/// What a wait is marked with when FUTEX_WAKE ends it.
const WOKEN: u64 = 1;

impl Kernel {
    pub(super) fn futex_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        (call.number == 202).then(|| self.sys_futex(hw, call.args).unwrap_or_else(|errno| Outcome::Return(Err(errno))))
    }

    fn sys_futex(
        &mut self,
        hw: &mut Hw<'_>,
        [uaddr, op, value, timeout, uaddr2, last]: [u64; 6],
    ) -> Result<Outcome, Errno> {
        let command = u64::from(op as u32) & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
        let realtime = op & FUTEX_CLOCK_REALTIME != 0;
        if !matches!(
            command,
            FUTEX_WAIT | FUTEX_WAKE | FUTEX_REQUEUE | FUTEX_CMP_REQUEUE | FUTEX_WAIT_BITSET | FUTEX_WAKE_BITSET
        ) {
            return Ok(Outcome::Unsupported); // the priority-inheriting ones, and FUTEX_WAKE_OP
        }
        if realtime && !matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET) {
            return Err(Errno::ENOSYS);
        }
        if uaddr % 4 != 0 {
            return Err(Errno::EINVAL);
        }
        if matches!(command, FUTEX_WAIT_BITSET | FUTEX_WAKE_BITSET) && last as u32 == 0 {
            return Err(Errno::EINVAL);
        }
        let bits = if matches!(command, FUTEX_WAIT_BITSET | FUTEX_WAKE_BITSET) { last as u32 } else { u32::MAX };
        let key = self.futex_key(uaddr, op & FUTEX_PRIVATE_FLAG != 0);
        match command {
            FUTEX_WAIT | FUTEX_WAIT_BITSET => {
                let until = self.futex_deadline(hw, command, realtime, timeout)?;
                Ok(Outcome::Return(self.futex_wait(hw, (key, bits), (uaddr, value), until)))
            }
            FUTEX_WAKE | FUTEX_WAKE_BITSET => Ok(Outcome::Return(Ok(self.futex_wake(key, bits, value as i32)))),
            _ => {
                if command == FUTEX_CMP_REQUEUE {
                    self.futex_matches(hw, uaddr, last)?;
                }
                let target = self.futex_key(uaddr2, op & FUTEX_PRIVATE_FLAG != 0);
                let woken = self.futex_wake(key, u32::MAX, value as i32);
                // The fourth argument is a count here.
                let moved = self.futex_requeue(key, target, timeout as i32);
                Ok(Outcome::Return(Ok(if command == FUTEX_REQUEUE { woken } else { woken + moved })))
            }
        }
    }

    /// What a futex is known by (`get_futex_key`).
    fn futex_key(&self, uaddr: u64, is_private: bool) -> FutexKey {
        let la = LinearAddr(uaddr);
        let vma = self.mm().find_vma(la).filter(|vma| vma.contains(la));
        match vma.map(|vma| (vma.flags.contains(VmFlags::MAYSHARE), vma.backing_at(la.page_base()))) {
            Some((true, Backing::File { inode, offset })) if !is_private => {
                FutexKey::Shared(inode, offset + la.page_offset())
            }
            _ => FutexKey::Private(self.current.mm, uaddr),
        }
    }

    /// EAGAIN unless the futex has this value.
    fn futex_matches(&mut self, hw: &mut Hw<'_>, uaddr: u64, value: u64) -> Result<(), Errno> {
        let found = u32::from_le_bytes(self.read_user(hw, LinearAddr(uaddr))?);
        if found == value as u32 { Ok(()) } else { Err(Errno::EAGAIN) }
    }

    /// When a wait gives up, in CLOCK_MONOTONIC: FUTEX_WAIT's timeout is how long, FUTEX_WAIT_BITSET's is when.
    fn futex_deadline(
        &mut self,
        hw: &mut Hw<'_>,
        command: u64,
        realtime: bool,
        timeout: u64,
    ) -> Result<Option<u64>, Errno> {
        if timeout == 0 {
            return Ok(None);
        }
        let ns = self.read_timespec(hw, timeout)?;
        Ok(match command {
            FUTEX_WAIT => self.deadline(hw, Some(ns)),
            _ if realtime => Some(self.clock.monotonic_of(ns)),
            _ => Some(ns),
        })
    }

    fn futex_wait(
        &mut self,
        hw: &mut Hw<'_>,
        (key, bits): (FutexKey, u32),
        (uaddr, value): (u64, u64),
        until: Option<u64>,
    ) -> SysResult {
        if self.done_before() == WOKEN {
            return Ok(0);
        }
        // Made again after a signal, the call looks at the word once more: it may have been woken while it did not wait.
        let has_ended = self.is_past(hw, until) || self.current.signals.has_any(SigSet::EMPTY);
        if self.retry().is_none() || !has_ended {
            self.futex_matches(hw, uaddr, value)?;
        }
        if self.is_past(hw, until) {
            return Err(Errno::ETIMEDOUT);
        }
        let restart = if until.is_some() { Restart::NoHand } else { Restart::Sys };
        Err(self.wait(Wait::on(Channel::Futex(key, bits)).until(until).restart(restart)))
    }

    /// Ends the waits of at most `count` processes, the longest waiting first. Returns of how many.
    fn futex_wake(&mut self, key: FutexKey, bits: u32, count: i32) -> u64 {
        let woken = self.futex_waiters(key, bits, count);
        for &pid in &woken {
            if let Some(retry) = self.process_mut(pid).and_then(|process| process.retry.as_mut()) {
                retry.done = WOKEN;
            }
            self.make_runnable(pid);
        }
        woken.len() as u64
    }

    fn futex_requeue(&mut self, key: FutexKey, target: FutexKey, count: i32) -> u64 {
        let moved = self.futex_waiters(key, u32::MAX, count);
        for &pid in &moved {
            if let Some(wait) = self.process_mut(pid).and_then(|process| process.wait.as_mut()) {
                wait.channels = vec![Channel::Futex(target, u32::MAX)];
            }
        }
        moved.len() as u64
    }

    fn futex_waiters(&self, key: FutexKey, bits: u32, count: i32) -> Vec<Pid> {
        let is_waiter = |pid: &Pid| {
            let channels = self.process(*pid).and_then(|process| process.wait.as_ref()).map(|wait| &wait.channels);
            let fits = |channel: &Channel| matches!(channel, Channel::Futex(k, b) if *k == key && b & bits != 0);
            channels.is_some_and(|channels| channels.iter().any(fits))
        };
        let count = usize::try_from(count).unwrap_or_default();
        self.sched.waiting().iter().copied().filter(is_waiter).take(count).collect()
    }

    /// Wakes one who waits for a word, of this process or shared.
    pub(super) fn wake_one(&mut self, uaddr: LinearAddr) {
        let key = self.futex_key(uaddr.0, false);
        self.futex_wake(key, u32::MAX, 1);
    }

    /// Wakes who waits for a word that the kernel layer itself has changed.
    pub(crate) fn wake_futex(&mut self, uaddr: LinearAddr) {
        let keys = [self.futex_key(uaddr.0, true), self.futex_key(uaddr.0, false)];
        for key in keys {
            self.futex_wake(key, u32::MAX, 1);
        }
    }
}
