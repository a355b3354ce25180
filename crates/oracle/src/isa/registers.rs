//! All registers that a program sees, as both sides load and save them.

use arch::{Rflags, UserContext, XsaveImage};

/// Registers. Shape: plain data, since it lies in memory that two processes share.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// Bits 255:128 of YMM0 to YMM15.
    pub ymm_high: [u128; 16],
    /// General registers in encoding order.
    pub gpr: [u64; 16],
    /// RIP.
    pub rip: u64,
    /// RFLAGS.
    pub rflags: u64,
    /// Base of FS.
    pub fs_base: u64,
    /// Base of GS.
    pub gs_base: u64,
    /// PKRU.
    pub pkru: u64,
    /// x87 and SSE, as FXSAVE64 stores them.
    pub fx: [u8; 512],
}

/// Linux's first value of PKRU: key 0 alone may be used.
pub const PKRU_DEFAULT: u64 = 0x5555_5554;

/// How an instruction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It completed.
    Completed,
    /// It raised this exception.
    Exception {
        /// The vector.
        vector: u8,
        /// The error code, 0 where there is none.
        code: u64,
        /// CR2, of a page fault.
        cr2: u64,
    },
    /// The core does not execute it.
    Unsupported,
    /// Something that no case should give.
    Other(&'static str),
}

/// What an instruction left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Registers. RIP is that of the next instruction, or of the one that faulted.
    pub regs: Registers,
    /// Data memory.
    pub memory: Vec<u8>,
}

impl Registers {
    /// As a program starts.
    #[must_use]
    pub fn at_start(rip: u64) -> Self {
        let fx = XsaveImage::default().0;
        Self { ymm_high: [0; 16], gpr: [0; 16], rip, rflags: 0x202, fs_base: 0, gs_base: 0, pkru: PKRU_DEFAULT, fx }
    }

    /// For the core.
    #[must_use]
    pub fn to_context(&self) -> UserContext {
        let mut ctx = UserContext::at_entry(arch::LinearAddr(self.rip), arch::LinearAddr(0));
        ctx.gpr = self.gpr;
        ctx.rflags = Rflags::from_bits_truncate(self.rflags) | Rflags::FIXED | Rflags::IF;
        (ctx.fs_base, ctx.gs_base) = (self.fs_base, self.gs_base);
        ctx.xsave = XsaveImage(self.fx);
        ctx.ymm_high = self.ymm_high;
        ctx.pkru = self.pkru as u32;
        ctx
    }

    /// From the core.
    #[must_use]
    pub fn from_context(ctx: &UserContext) -> Self {
        Self {
            ymm_high: ctx.ymm_high,
            gpr: ctx.gpr,
            rip: ctx.rip,
            rflags: ctx.rflags.bits(),
            fs_base: ctx.fs_base,
            gs_base: ctx.gs_base,
            pkru: u64::from(ctx.pkru),
            fx: ctx.xsave.0,
        }
    }

    /// MXCSR.
    #[must_use]
    pub fn mxcsr(&self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.fx[XsaveImage::MXCSR + i]))
    }

    /// Sets MXCSR.
    pub fn set_mxcsr(&mut self, value: u32) {
        self.fx[XsaveImage::MXCSR..][..4].copy_from_slice(&value.to_le_bytes());
    }

    /// XMM`n`.
    #[must_use]
    pub fn xmm(&self, n: usize) -> u128 {
        u128::from_le_bytes(std::array::from_fn(|i| self.fx[XsaveImage::XMM0 + 16 * n + i]))
    }

    /// Sets XMM`n`.
    pub fn set_xmm(&mut self, n: usize, value: u128) {
        self.fx[XsaveImage::XMM0 + 16 * n..][..16].copy_from_slice(&value.to_le_bytes());
    }

    /// ST(i) as a significand and a sign with exponent.
    #[must_use]
    pub fn st(&self, i: usize) -> (u64, u16) {
        let at = XsaveImage::ST0 + 16 * i;
        let significand = u64::from_le_bytes(std::array::from_fn(|k| self.fx[at + k]));
        (significand, u16::from_le_bytes([self.fx[at + 8], self.fx[at + 9]]))
    }

    /// Sets ST(i).
    pub fn set_st(&mut self, i: usize, significand: u64, sign_exponent: u16) {
        let at = XsaveImage::ST0 + 16 * i;
        self.fx[at..][..8].copy_from_slice(&significand.to_le_bytes());
        self.fx[at + 8..][..2].copy_from_slice(&sign_exponent.to_le_bytes());
    }

    /// A word of the FXSAVE image: FCW at 0, FSW at 2, FTW at 4.
    #[must_use]
    pub fn fpu_word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.fx[at], self.fx[at + 1]])
    }

    /// Sets a word of the FXSAVE image.
    pub fn set_fpu_word(&mut self, at: usize, value: u16) {
        self.fx[at..][..2].copy_from_slice(&value.to_le_bytes());
    }
}
