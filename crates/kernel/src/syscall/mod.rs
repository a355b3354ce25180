//! System calls: from a number in RAX to the method that serves it, and back to a result in RAX.
//!
//! Protocol. Arguments are in rdi, rsi, rdx, r10, r8, r9. A file call is `file::dispatch`'s; the others are tried family by
//! family, each of which answers `None` for a number that is not its own. What no family serves ends the run, unless Linux
//! lacks it too (ENOSYS) or [`optional`] says that a locked-down Linux refuses it. A call that a signal cuts short says
//! how it wants to be restarted; [`crate::signal`] decides when the handler is known.

pub(crate) mod file;
mod futex;
mod identity;
mod mem;
mod optional;
mod resource;
mod signals;
mod table;
mod task;
mod timekeeping;
mod timers;

pub use table::syscall_name;
pub(crate) use timers::Timers;

use crate::Errno;
use crate::Hw;
use crate::death::ExitStatus;
use crate::kernel::{Disposition, Kernel};
use crate::signal::{SigCode, SigInfo, SigSet, Signal, Target};
use crate::time::SYSCALL_COST_NS;
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
    /// It returns to the program.
    Return(SysResult),
    /// It was cut short by a signal that is now pending.
    Interrupted(Restart),
    /// It has replaced the registers itself: rt_sigreturn.
    RegistersSet,
    /// The program has ended with this status.
    Exit(u8),
    /// It waits for what cannot come.
    Deadlock,
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
        let args = [Gpr::Rdi, Gpr::Rsi, Gpr::Rdx, Gpr::R10, Gpr::R8, Gpr::R9].map(|r| ctx.reg(r));
        hw.sink.record(&Event::Syscall { pid: self.current.pid, number });
        self.enter(hw, SYSCALL_COST_NS);
        match self.dispatch(hw, &mut Call { number, args, ctx }) {
            Outcome::Return(result) => ctx.set_reg(Gpr::Rax, encode(result)),
            Outcome::Interrupted(restart) => self.cut_short = Some(CutShort::rewind(restart, number, ctx)),
            Outcome::RegistersSet => {}
            Outcome::Exit(status) => return Disposition::Exit(ExitStatus::Exited(status)),
            Outcome::Deadlock => return Disposition::Deadlock { call: name_of(number) },
            Outcome::Unsupported => {
                return Disposition::Unsupported(UnsupportedSyscall { number, name: name_of(number), args });
            }
        }
        self.deliver_signals(hw, ctx)
    }

    fn dispatch(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Outcome {
        if let Err(errno) = self.take_wait_mask(hw, call) {
            return Outcome::Return(Err(errno));
        }
        if let Some(result) = file::dispatch(self, hw, call.number, call.args) {
            return self.after_file_call(call.number, result);
        }
        let families = [Self::mem_call, Self::task_call, Self::identity_call, Self::resource_call];
        let families = families.into_iter().chain([Self::signal_call, Self::time_call, Self::futex_call]);
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
}

impl Kernel {
    /// ppoll and pselect6 may bring a signal mask for the time of their wait.
    fn take_wait_mask(&mut self, hw: &mut Hw<'_>, call: &Call<'_>) -> Result<(), Errno> {
        let (mask, size) = match call.number {
            PPOLL => (call.args[3], call.args[4]),
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

    /// What follows from a file call's result: SIGPIPE, or a wait that was cut short.
    fn after_file_call(&mut self, number: u64, result: SysResult) -> Outcome {
        if result != Err(Errno::EINTR) {
            self.current.signals.restore_saved_mask();
        }
        match result {
            Err(Errno::EPIPE) => {
                let (pid, uid) = (self.current.pid, self.current.credentials.user.real);
                self.current.signals.raise(Target::Thread, SigInfo::sent(Signal::PIPE, SigCode::SI_USER, pid, uid));
                Outcome::Return(result)
            }
            Err(Errno::EINTR) if WAITS_FOR_EVENTS.contains(&number) => Outcome::Interrupted(Restart::NoHand),
            Err(Errno::EINTR) => Outcome::Interrupted(Restart::Sys),
            // A wait for what only this process could bring about.
            Err(Errno::EDEADLK) => Outcome::Deadlock,
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

fn name_of(number: u64) -> &'static str {
    syscall_name(number).unwrap_or("unknown")
}
