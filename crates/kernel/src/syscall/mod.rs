//! System calls: from a number in RAX to the method that serves it, and back to a result in RAX.
//!
//! Protocol. Arguments are in rdi, rsi, rdx, r10, r8, r9. A file call is `file::dispatch`'s; the others are tried family by
//! family, each of which answers `None` for a number that is not its own. What no family serves ends the run, unless Linux
//! lacks it too (ENOSYS) or [`optional`] says that a locked-down Linux refuses it. A call that must wait says so as
//! [`crate::wait`] describes, and is made again. One that a signal cuts short says how it wants to be restarted;
//! [`crate::signal`] decides when the handler is known.

mod clone;
pub(crate) mod file;
mod futex;
pub(crate) mod identity;
mod job;
mod mem;
mod optional;
mod pidfd;
mod posix_timers;
mod prctl;
mod process;
mod process_vm;
mod resource;
mod robust;
mod scheduling;
mod shm;
mod signals;
mod table;
mod task;
mod terminal;
mod timekeeping;
mod timers;

pub use table::syscall_name;
pub(crate) use timers::Timers;

use crate::Errno;
use crate::Hw;
use crate::death::ExitStatus;
use crate::kernel::{Disposition, Kernel};
use crate::proc::CallRegisters;
use crate::signal::SigSet;
use arch::Service;
use arch::{Gpr, LinearAddr, UserContext};
use event::Event;
use std::fmt;

/// What a system call returns: a value for RAX or an error.
pub(crate) type SysResult = Result<u64, Errno>;

/// How a call that a signal cut short goes on (Linux's ERESTART codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    /// ERESTARTSYS: again, unless the handler lacks SA_RESTART.
    Sys,
    /// ERESTARTNOHAND: again if no handler ran.
    NoHand,
}

/// What a system call comes to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It returns to the program; or, with ERESTARTSYS, it waits as [`crate::wait`] says.
    Return(SysResult),
    /// It was cut short by a signal that is now pending.
    Interrupted(Restart),
    /// It has replaced the registers itself: rt_sigreturn, execve.
    RegistersSet,
    /// The process ends with this status.
    Exit(u8),
    /// This kernel layer does not have it, or not this use of it.
    Unsupported,
}

impl From<SysResult> for Outcome {
    fn from(result: SysResult) -> Self {
        Self::Return(result)
    }
}

/// A system call that Linux serves and this kernel layer does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedSyscall {
    /// Its number in the x86-64 table.
    pub number: u64,
    /// Its name.
    pub name: &'static str,
    /// Its six arguments.
    pub args: [u64; 6],
}

impl fmt::Display for UnsupportedSyscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.args;
        write!(
            f,
            "system call {} ({}) with arguments {a:#x}, {b:#x}, {c:#x}, {d:#x}, {e:#x}, {g:#x}",
            self.name, self.number
        )
    }
}

/// A call in progress: its number, its arguments, the registers it came with.
pub(crate) struct Call<'a> {
    pub(crate) number: u64,
    pub(crate) args: [u64; 6],
    pub(crate) ctx: &'a mut UserContext,
}

/// Bytes of the SYSCALL instruction: how far back a restart goes.
const SYSCALL_LENGTH: u64 = 2;

/// A call that a signal cut short. The registers are as if it were to be made again, which is what happens unless a handler
/// runs first and wants EINTR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CutShort {
    pub(crate) restart: Restart,
    /// Where its SYSCALL instruction is.
    at: u64,
}

impl CutShort {
    fn rewind(restart: Restart, number: u64, ctx: &mut UserContext) -> Self {
        ctx.rip = ctx.rip.wrapping_sub(SYSCALL_LENGTH);
        ctx.set_reg(Gpr::Rax, number);
        Self { restart, at: ctx.rip }
    }

    /// Whether the program has not moved since.
    pub(crate) const fn is_at(&self, ctx: &UserContext) -> bool {
        ctx.rip == self.at
    }

    /// Ends the call with EINTR after all.
    pub(crate) fn fail_with_eintr(self, ctx: &mut UserContext) {
        ctx.rip = ctx.rip.wrapping_add(SYSCALL_LENGTH);
        ctx.set_reg(Gpr::Rax, encode(Err(Errno::EINTR)));
    }
}

impl Kernel {
    /// Serves the SYSCALL that the program has just executed; `ctx.rip` is behind it.
    pub fn syscall(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Disposition {
        let number = ctx.reg(Gpr::Rax);
        self.frames.events.record(hw, &Event::Syscall { pid: self.current.pid, number });
        self.frames.meter.charge(Service::SystemCall);
        self.enter(hw);
        match self.make_call(hw, ctx, number) {
            Some(disposition) => disposition,
            None => self.leave(hw, ctx),
        }
    }

    /// Makes the call again in which the process waited; the registers are as before its SYSCALL.
    pub(crate) fn make_call_again(
        &mut self,
        hw: &mut Hw<'_>,
        ctx: &mut UserContext,
        number: u64,
    ) -> Option<Disposition> {
        ctx.rip = ctx.rip.wrapping_add(SYSCALL_LENGTH);
        self.make_call(hw, ctx, number)
    }

    /// Makes a call, to its end or until it waits. A disposition only if the run ends.
    fn make_call(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, number: u64) -> Option<Disposition> {
        let args = [Gpr::Rdi, Gpr::Rsi, Gpr::Rdx, Gpr::R10, Gpr::R8, Gpr::R9].map(|r| ctx.reg(r));
        self.call = CallRegisters::of(number, ctx);
        self.mm_mut().obey_user_keys(ctx);
        let outcome = self.dispatch(hw, &mut Call { number, args, ctx });
        self.mm_mut().forget_user_keys();
        match outcome {
            Outcome::Return(Err(Errno::ERESTARTSYS)) => self.wait_unless_interrupted(ctx, number),
            Outcome::Return(result) => self.finish_call(ctx, result),
            Outcome::Interrupted(restart) => self.current.cut_short = Some(CutShort::rewind(restart, number, ctx)),
            Outcome::RegistersSet => self.current.retry = None,
            Outcome::Exit(status) => self.exit_current(hw, ExitStatus::Exited(status)),
            Outcome::Unsupported => {
                return Some(Disposition::Unsupported(UnsupportedSyscall { number, name: name_of(number), args }));
            }
        }
        None
    }

    fn finish_call(&mut self, ctx: &mut UserContext, result: SysResult) {
        self.current.retry = None;
        self.current.signals.restore_saved_mask();
        ctx.set_reg(Gpr::Rax, encode(result));
    }

    /// The call wants to wait, but not if a signal is there that ends the wait.
    fn wait_unless_interrupted(&mut self, ctx: &mut UserContext, number: u64) {
        let wait = self.wanted_wait.take().expect("ERESTARTSYS comes from `wait` alone");
        if !wait.is_ended_by(&self.current.signals) {
            CutShort::rewind(wait.restart, number, ctx);
            self.begin_wait(wait, number);
        } else if wait.done > 0 {
            self.finish_call(ctx, Ok(wait.done));
        } else {
            self.current.retry = Some(wait.as_retry());
            self.current.cut_short = Some(CutShort::rewind(wait.restart, number, ctx));
        }
    }

    fn dispatch(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Outcome {
        if let Err(errno) = self.take_wait_mask(hw, call) {
            return Outcome::Return(Err(errno));
        }
        if let Some(result) = file::dispatch(self, hw, call.number, call.args) {
            return Self::after_file_call(call.number, result);
        }
        let families = [
            Self::mem_call,
            Self::shm_call,
            Self::process_vm_call,
            Self::process_call,
            Self::task_call,
            Self::job_call,
            Self::identity_call,
        ];
        let families = families.into_iter().chain([
            Self::scheduling_call,
            Self::resource_call,
            Self::signal_call,
            Self::time_call,
            Self::futex_call,
            Self::pidfd_call,
        ]);
        for family in families {
            if let Some(outcome) = family(self, hw, call) {
                return outcome;
            }
        }
        match optional::refusal(call.number) {
            Some(errno) => Outcome::Return(Err(errno)),
            None if syscall_name(call.number).is_none() => Outcome::Return(Err(Errno::ENOSYS)),
            None => Outcome::Unsupported,
        }
    }

    /// ppoll, epoll_pwait and pselect6 may bring a signal mask for the time of their wait.
    fn take_wait_mask(&mut self, hw: &mut Hw<'_>, call: &Call<'_>) -> Result<(), Errno> {
        let (mask, size) = match call.number {
            _ if self.current.signals.is_suspended() => return Ok(()), // it has waited already
            PPOLL => (call.args[3], call.args[4]),
            281 | 441 => (call.args[4], call.args[5]),
            PSELECT6 if call.args[5] != 0 => {
                let pair = LinearAddr(call.args[5]);
                (self.read_user_u64(hw, pair)?, self.read_user_u64(hw, pair.wrapping_add(8))?)
            }
            _ => return Ok(()),
        };
        if mask != 0 {
            if size != 8 {
                return Err(Errno::EINVAL);
            }
            let mask = SigSet(self.read_user_u64(hw, LinearAddr(mask))?);
            self.current.signals.suspend_with(mask);
        }
        Ok(())
    }

    /// What follows from a file call's result, if it is a transfer to the host that was cut short.
    fn after_file_call(number: u64, result: SysResult) -> Outcome {
        match result {
            Err(Errno::EINTR) if WAITS_FOR_EVENTS.contains(&number) => Outcome::Interrupted(Restart::NoHand),
            Err(Errno::EINTR) => Outcome::Interrupted(Restart::Sys),
            _ => Outcome::Return(result),
        }
    }
}

/// Calls that a handler ends with EINTR whatever SA_RESTART says (signal(7)): poll, select, pselect6, ppoll, epoll_wait,
/// epoll_pwait, epoll_pwait2.
const WAITS_FOR_EVENTS: [u64; 7] = [7, 23, PSELECT6, PPOLL, 232, 281, 441];

const PSELECT6: u64 = 270;
const PPOLL: u64 = 271;

/// A result as RAX carries it: errors are small negative numbers.
fn encode(result: SysResult) -> u64 {
    match result {
        Ok(value) => value,
        Err(errno) => (-(errno as i64)) as u64,
    }
}

pub(crate) fn name_of(number: u64) -> &'static str {
    syscall_name(number).unwrap_or("unknown")
}
