//! What a program wants done about a signal, and the stack it wants it done on.

use crate::Errno;
use arch::LinearAddr;
use bitflags::bitflags;

bitflags! {
    /// `sa_flags` (Linux's `arch/x86/include/uapi/asm/signal.h`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct SaFlags: u64 {
        const NOCLDSTOP = 1;
        const NOCLDWAIT = 2;
        const SIGINFO = 4;
        const EXPOSE_TAGBITS = 0x800;
        const RESTORER = 0x0400_0000;
        const ONSTACK = 0x0800_0000;
        const RESTART = 0x1000_0000;
        const NODEFER = 0x4000_0000;
        const RESETHAND = 0x8000_0000;
    }

    /// `ss_flags` of `stack_t`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct SsFlags: u32 {
        /// The thread runs on the alternate stack now.
        const ONSTACK = 1;
        /// There is no alternate stack.
        const DISABLE = 2;
        /// Delivery on the alternate stack takes it away until sigreturn.
        const AUTODISARM = 0x8000_0000;
    }
}

const SIG_DFL: u64 = 0;
const SIG_IGN: u64 = 1;

/// `struct kernel_sigaction`: what rt_sigaction reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SigAction {
    pub(crate) handler: u64,
    pub(crate) flags: SaFlags,
    pub(crate) restorer: u64,
    pub(crate) mask: super::SigSet,
}

impl SigAction {
    /// Bytes of the structure in user memory.
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn ignored() -> Self {
        Self { handler: SIG_IGN, ..Self::default() }
    }

    pub(crate) const fn is_default(&self) -> bool {
        self.handler == SIG_DFL
    }

    pub(crate) const fn is_ignored(&self) -> bool {
        self.handler == SIG_IGN
    }

    /// From user memory. Flags that Linux does not have are dropped, so that a program can ask which there are
    /// (`do_sigaction` with `UAPI_SA_FLAGS`); SIGKILL and SIGSTOP leave the mask.
    pub(crate) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Self {
            handler: word(0),
            flags: SaFlags::from_bits_truncate(word(8)),
            restorer: word(16),
            mask: super::SigSet(word(24)) - super::SigSet::UNBLOCKABLE,
        }
    }

    /// As user memory holds it.
    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let words = [self.handler, self.flags.bits(), self.restorer, self.mask.0];
        for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// The alternate signal stack of a thread (`sas_ss_sp`, `sas_ss_size`, `sas_ss_flags`). Without one the size is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AltStack {
    pub(crate) base: LinearAddr,
    pub(crate) size: u64,
    pub(crate) flags: SsFlags,
}

impl Default for AltStack {
    /// None (`sas_ss_reset`).
    fn default() -> Self {
        Self { base: LinearAddr(0), size: 0, flags: SsFlags::DISABLE }
    }
}

impl AltStack {
    /// Bytes of `stack_t` in user memory.
    pub(crate) const BYTES: usize = 24;
    /// The least size (MINSIGSTKSZ).
    const MIN_BYTES: u64 = 2048;

    /// Whether `sp` lies on it (`__on_sig_stack`).
    pub(crate) const fn holds(&self, sp: u64) -> bool {
        sp > self.base.0 && sp - self.base.0 <= self.size
    }

    /// Whether the thread is on it now (`on_sig_stack`); one that disarms itself never counts.
    pub(crate) fn is_active(&self, sp: u64) -> bool {
        !self.flags.contains(SsFlags::AUTODISARM) && self.holds(sp)
    }

    /// What `ss_flags` reads as, less AUTODISARM (`sas_ss_flags`).
    pub(crate) fn state(&self, sp: u64) -> SsFlags {
        if self.size == 0 {
            SsFlags::DISABLE
        } else if self.is_active(sp) {
            SsFlags::ONSTACK
        } else {
            SsFlags::empty()
        }
    }

    /// The first address above it.
    pub(crate) const fn top(&self) -> u64 {
        self.base.0.wrapping_add(self.size)
    }

    /// As `sigaltstack` reports it to a thread whose stack pointer is `sp`.
    pub(crate) fn report(&self, sp: u64) -> [u8; Self::BYTES] {
        self.stack_t(self.state(sp) | self.flags & SsFlags::AUTODISARM)
    }

    /// As a signal frame keeps it (`unsafe_save_altstack`): with the flags it was set up with.
    pub(crate) fn saved(&self) -> [u8; Self::BYTES] {
        self.stack_t(self.flags)
    }

    fn stack_t(&self, flags: SsFlags) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0..8].copy_from_slice(&self.base.0.to_le_bytes());
        bytes[8..12].copy_from_slice(&flags.bits().to_le_bytes());
        bytes[16..24].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// Takes a new stack from a `stack_t` (`do_sigaltstack`); `sp` is the thread's stack pointer.
    ///
    /// # Errors
    /// EPERM while the thread is on the old one, EINVAL for unknown flags, ENOMEM for one that is too small.
    pub(crate) fn replace(&mut self, bytes: &[u8; Self::BYTES], sp: u64) -> Result<(), Errno> {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let flags = SsFlags::from_bits_retain(word(8) as u32);
        if self.is_active(sp) {
            return Err(Errno::EPERM);
        }
        let mode = flags - SsFlags::AUTODISARM;
        if ![SsFlags::empty(), SsFlags::ONSTACK, SsFlags::DISABLE].contains(&mode) {
            return Err(Errno::EINVAL);
        }
        if mode == SsFlags::DISABLE {
            *self = Self { flags, ..Self::default() };
            return Ok(());
        }
        if word(16) < Self::MIN_BYTES {
            return Err(Errno::ENOMEM);
        }
        *self = Self { base: LinearAddr(word(0)), size: word(16), flags };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_flags_are_dropped_and_kill_leaves_the_mask() {
        let wild = SigAction {
            handler: 0x1234,
            flags: SaFlags::from_bits_retain(u64::MAX),
            restorer: 0x5678,
            mask: super::super::SigSet(u64::MAX),
        };
        let got = SigAction::from_bytes(&wild.to_bytes());
        assert_eq!(got.flags.bits(), 0xdc00_0807);
        assert_eq!(got.mask.0, !(1 << 8 | 1 << 18));
        assert_eq!((got.handler, got.restorer), (0x1234, 0x5678));
    }

    #[test]
    fn a_stack_holds_its_top_and_not_its_base() {
        let s = AltStack { base: LinearAddr(0x1000), size: 0x2000, flags: SsFlags::empty() };
        assert!(!s.holds(0x1000));
        assert!(s.holds(0x1001));
        assert!(s.holds(0x3000));
        assert!(!s.holds(0x3001));
        assert_eq!(s.state(0x2000), SsFlags::ONSTACK);
        assert_eq!(s.state(0x9000), SsFlags::empty());
        assert_eq!(AltStack::default().state(0), SsFlags::DISABLE);
    }

    fn stack_t(base: u64, flags: u32, size: u64) -> [u8; AltStack::BYTES] {
        AltStack { base: LinearAddr(base), size, flags: SsFlags::from_bits_retain(flags) }.saved()
    }

    /// As a C program sees sigaltstack answer.
    #[test]
    fn replacing_checks_as_linux_does() {
        let mut s = AltStack::default();
        assert_eq!(s.replace(&stack_t(0x1_0000, 0, 2047), 0), Err(Errno::ENOMEM));
        assert_eq!(s.replace(&stack_t(0x1_0000, 4, 9000), 0), Err(Errno::EINVAL));
        assert_eq!(s.replace(&stack_t(0x1_0000, 1, 2048), 0), Ok(()), "SS_ONSTACK is let pass");
        assert_eq!(s.replace(&stack_t(0, 0, 9000), 0x1_0100), Err(Errno::EPERM), "while in use");
        assert_eq!(s.replace(&stack_t(0x1_0000, 0x8000_0000, 9000), 0), Ok(()));
        assert_eq!(s.report(0x1_0100), stack_t(0x1_0000, 0x8000_0000, 9000), "one that disarms itself is never active");
        assert_eq!(s.replace(&stack_t(0x1_0000, 0x8000_0002, 9000), 0), Ok(()));
        assert_eq!(s.report(0), stack_t(0, 0x8000_0002, 0));
    }
}
