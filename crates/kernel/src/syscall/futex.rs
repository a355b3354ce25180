//! futex, as far as one thread can use it: there is nobody to wake, and nobody who could wake it.

use super::timers::Wake;
use super::{Call, Outcome, Restart};
use crate::kernel::Kernel;
use crate::signal::SigSet;
use crate::{Errno, Hw};
use arch::LinearAddr;

const FUTEX_WAIT: u64 = 0;
const FUTEX_WAKE: u64 = 1;
const FUTEX_REQUEUE: u64 = 3;
const FUTEX_CMP_REQUEUE: u64 = 4;
const FUTEX_WAIT_BITSET: u64 = 9;
const FUTEX_WAKE_BITSET: u64 = 10;
const FUTEX_PRIVATE_FLAG: u64 = 128;
const FUTEX_CLOCK_REALTIME: u64 = 256;

impl Kernel {
    pub(super) fn futex_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        (call.number == 202).then(|| self.sys_futex(hw, call.args).unwrap_or_else(|errno| Outcome::Return(Err(errno))))
    }

    fn sys_futex(&mut self, hw: &mut Hw<'_>, [uaddr, op, value, timeout, _, last]: [u64; 6]) -> Result<Outcome, Errno> {
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
        match command {
            FUTEX_WAIT | FUTEX_WAIT_BITSET => {
                let until = self.futex_deadline(hw, command, realtime, timeout)?;
                self.futex_matches(hw, uaddr, value)?;
                Ok(self.futex_wait(hw, until))
            }
            FUTEX_CMP_REQUEUE => self.futex_matches(hw, uaddr, last).map(|()| Outcome::Return(Ok(0))),
            _ => Ok(Outcome::Return(Ok(0))),
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
        Ok(Some(match command {
            FUTEX_WAIT => self.clock.monotonic_ns(hw.instructions).saturating_add(ns),
            _ if realtime => self.clock.monotonic_of(ns),
            _ => ns,
        }))
    }

    fn futex_wait(&mut self, hw: &Hw<'_>, until: Option<u64>) -> Outcome {
        match self.sleep_until(hw, until, SigSet::EMPTY) {
            Wake::Elapsed => Outcome::Return(Err(Errno::ETIMEDOUT)),
            Wake::Signal => Outcome::Interrupted(if until.is_some() { Restart::NoHand } else { Restart::Sys }),
            Wake::Never => Outcome::Deadlock,
        }
    }
}
