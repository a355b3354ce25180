//! What a program does about signals: actions, masks, and the way back from a handler.

use super::{Rig, SCRATCH};
use arch::Gpr;
use pagewalk_kernel::Disposition;

pub(crate) const SA_SIGINFO: u64 = 4;
pub(crate) const SA_RESTORER: u64 = 0x0400_0000;
pub(crate) const SA_RESTART: u64 = 0x1000_0000;

/// Where handlers start, and where they return to.
pub(crate) const HANDLER: u64 = 0x40_0300;
const RESTORER: u64 = 0x40_0400;
/// Where a frame has its `siginfo_t`.
pub(crate) const SIGINFO_AT: u64 = 312;

pub(crate) const SIGUSR1: u64 = 10;
pub(crate) const SIGSEGV: u64 = 11;
pub(crate) const SIGUSR2: u64 = 12;
pub(crate) const SIGALRM: u64 = 14;
pub(crate) const EINTR: i64 = -4;

/// A signal in a mask.
pub(crate) fn bit(signal: u64) -> u64 {
    1 << (signal - 1)
}

impl Rig {
    /// Installs [`HANDLER`].
    pub(crate) fn handle(&mut self, signal: u64, flags: u64, mask: u64) {
        self.set_action(signal, HANDLER, flags | SA_RESTORER, mask);
    }

    /// Installs any handler, SIG_DFL (0) and SIG_IGN (1) among them.
    pub(crate) fn set_action(&mut self, signal: u64, handler: u64, flags: u64, mask: u64) {
        self.poke_words(SCRATCH, &[handler, flags, RESTORER, mask]);
        assert_eq!(self.call(13, &[signal, SCRATCH, 0, 8]), 0);
    }

    /// Signals itself by tgkill.
    pub(crate) fn raise(&mut self, signal: u64) -> Disposition {
        let me = self.kernel.current_pid().0.into();
        self.syscall(234, &[me, me, signal])
    }

    pub(crate) fn mask(&mut self) -> u64 {
        assert_eq!(self.call(14, &[0, 0, SCRATCH, 8]), 0);
        self.peek_word(SCRATCH)
    }

    pub(crate) fn block(&mut self, mask: u64) {
        self.poke_words(SCRATCH, &[mask]);
        assert_eq!(self.call(14, &[2, SCRATCH, 0, 8]), 0);
    }

    /// The handler's RET, and the restorer's system call.
    pub(crate) fn sigreturn(&mut self) -> Disposition {
        let rsp = self.ctx.reg(Gpr::Rsp);
        self.ctx.rip = self.peek_word(rsp);
        assert_eq!(self.ctx.rip, RESTORER);
        self.ctx.set_reg(Gpr::Rsp, rsp + 8);
        self.syscall(15, &[])
    }

    pub(crate) fn in_handler(&self) -> bool {
        self.ctx.rip == HANDLER
    }
}
