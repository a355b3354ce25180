//! The x87 registers as MMX sees them (SDM "The MMX State and the x87 FPU State").
//!
//! ```text
//!  79   64 63                    0
//! +-------+-----------------------+
//! | FFFFH |          MMn          |   physical register n, whatever TOP is
//! +-------+-----------------------+
//! ```
//! Whatever touches an MMX register, also just to read it, makes all tags valid and TOP 0; what is written looks like a NaN or
//! an infinity to x87. Control word, exception flags and condition codes stay as they are.

use super::f80::F80;
use super::unit::Fpu;

/// Sign and exponent of a register that MMX has written.
const WRITTEN: u16 = 0xffff;

impl Fpu {
    /// MMn.
    #[inline(always)]
    pub(in crate::exec) const fn mm(&self, n: u8) -> u64 {
        self.regs[(n & 7) as usize].sig
    }

    /// Writes MMn.
    #[inline(always)]
    pub(in crate::exec) fn set_mm(&mut self, n: u8, value: u64) {
        self.enter_mmx();
        self.regs[usize::from(n & 7)] = F80 { sig: value, se: WRITTEN };
    }

    /// What a store of MMX does before it accesses memory, and what stays if that faults.
    pub(in crate::exec) const fn begin_mmx_store(&mut self) {
        self.top = 0;
    }

    /// The transition from x87 to MMX.
    #[inline(always)]
    pub(in crate::exec) const fn enter_mmx(&mut self) {
        self.top = 0;
        self.valid = 0xff;
    }

    /// EMMS: the registers keep their bits, but are empty.
    pub(in crate::exec) const fn leave_mmx(&mut self) {
        self.top = 0;
        self.valid = 0;
    }
}
