//! Moving the registers between the core and [`UserContext`].

use crate::state::{FS, GS, State};
use arch::{Rflags, UserContext, XsaveImage};
use paging::HardwareModel;

impl<H: HardwareModel> State<H> {
    /// Takes all registers but RIP, which the dispatch loop keeps.
    pub(crate) fn take(&mut self, ctx: &UserContext) {
        self.regs[..16].copy_from_slice(&ctx.gpr);
        self.regs[usize::from(FS)] = ctx.fs_base;
        self.regs[usize::from(GS)] = ctx.gs_base;
        self.flags.set(ctx.rflags);
        self.set_system_flags(ctx.rflags.difference(Rflags::STATUS) | Rflags::FIXED);
        self.load_fxsave(&ctx.xsave.0);
        self.ymm_high = ctx.ymm_high;
        self.set_pkru(ctx.pkru);
        self.selectors = ctx.selectors;
    }

    /// Gives all registers.
    pub(crate) fn give(&self, ctx: &mut UserContext, rip: u64) {
        ctx.gpr.copy_from_slice(&self.regs[..16]);
        ctx.rip = rip;
        ctx.fs_base = self.regs[usize::from(FS)];
        ctx.gs_base = self.regs[usize::from(GS)];
        ctx.rflags = self.rflags();
        self.store_fxsave(&mut ctx.xsave.0);
        ctx.ymm_high = self.ymm_high;
        ctx.pkru = self.pkru;
        ctx.selectors = self.selectors;
    }

    /// RFLAGS, complete.
    pub(crate) fn rflags(&self) -> Rflags {
        self.flags.get() | self.system_flags
    }

    /// Writes the image of FXSAVE64.
    pub(crate) fn store_fxsave(&self, image: &mut [u8; 512]) {
        self.fpu.store_fxsave(image);
        image[XsaveImage::MXCSR..][..4].copy_from_slice(&self.mxcsr.to_le_bytes());
        image[XsaveImage::MXCSR + 4..][..4].copy_from_slice(&MXCSR_MASK.to_le_bytes());
        for (n, value) in self.xmm.iter().enumerate() {
            image[XsaveImage::XMM0 + 16 * n..][..16].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Reads the image of FXRSTOR64. Bits of MXCSR that do not exist are dropped; FXRSTOR itself checks them first.
    pub(crate) fn load_fxsave(&mut self, image: &[u8; 512]) {
        self.fpu.load_fxsave(image);
        let at = |offset: usize| std::array::from_fn(|i| image[offset + i]);
        self.mxcsr = u32::from_le_bytes(at(XsaveImage::MXCSR)) & MXCSR_MASK;
        for n in 0..16 {
            self.xmm[n] = u128::from_le_bytes(std::array::from_fn(|i| image[XsaveImage::XMM0 + 16 * n + i]));
        }
    }
}

/// The bits of MXCSR that exist.
pub(crate) const MXCSR_MASK: u32 = 0xffff;
