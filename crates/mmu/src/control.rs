//! Control registers and invalidation instructions: what `paging::control` decides is applied to the fast table and the
//! model.
//!
//! A slot of the fast table holds a decision, under one control state. So every change of that state empties the table,
//! also where the architecture keeps its translations; the model is told just what the architecture drops.

use crate::Mmu;
use arch::{ControlRegs, Cr0, Cr4, GeneralProtection, LinearAddr, Privilege};
use paging::control::{self, Effect, InvpcidDescriptor};
use paging::{Glance, HardwareModel, Invalidation};

impl<H: HardwareModel> Mmu<H> {
    /// Loads all control registers at once, unchecked, as the kernel layer does on a context switch; a write to CR3 drops
    /// every translation of its PCID that is not global (MMU-207), a change of CR4.PGE those too (MMU-209).
    pub fn load_control(&mut self, regs: ControlRegs) {
        let pge_changes = (self.ctx.regs.cr4 ^ regs.cr4).contains(Cr4::PGE);
        let flush = if pge_changes { Invalidation::All } else { Invalidation::Context(regs.pcid()) };
        self.counters.cr3_writes += 1;
        self.model.context_switch(regs.cr3.root());
        self.apply(Effect { regs, flush: Some(flush) });
    }

    /// MOV to CR0 at CPL 0.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_cr0`]; nothing has changed.
    pub fn write_cr0(&mut self, value: u64) -> Result<(), GeneralProtection> {
        control::write_cr0(&self.ctx, value, &self.bus).map(|effect| self.apply(effect))
    }

    /// MOV to CR3 at CPL 0.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_cr3`]; nothing has changed.
    pub fn write_cr3(&mut self, value: u64) -> Result<(), GeneralProtection> {
        let effect = control::write_cr3(&self.ctx, value, &self.bus)?;
        self.counters.cr3_writes += 1;
        self.model.context_switch(effect.regs.cr3.root());
        self.apply(effect);
        Ok(())
    }

    /// MOV to CR4 at CPL 0.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_cr4`]; nothing has changed.
    pub fn write_cr4(&mut self, value: u64) -> Result<(), GeneralProtection> {
        control::write_cr4(&self.ctx, value, &self.bus).map(|effect| self.apply(effect))
    }

    /// WRMSR of IA32_EFER.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_efer`]; nothing has changed.
    pub fn write_efer(&mut self, value: u64) -> Result<(), GeneralProtection> {
        control::write_efer(&self.ctx, value).map(|effect| self.apply(effect))
    }

    /// WRPKRU.
    pub fn write_pkru(&mut self, value: u32) {
        self.apply(control::write_pkru(&self.ctx, value));
    }

    /// WRMSR of IA32_PKRS.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_pkrs`]; nothing has changed.
    pub fn write_pkrs(&mut self, value: u64) -> Result<(), GeneralProtection> {
        control::write_pkrs(&self.ctx, value).map(|effect| self.apply(effect))
    }

    /// WRMSR of IA32_PAT.
    ///
    /// # Errors
    /// #GP(0), see [`control::write_pat`]; nothing has changed.
    pub fn write_pat(&mut self, value: u64) -> Result<(), GeneralProtection> {
        control::write_pat(&self.ctx, value).map(|effect| self.apply(effect))
    }

    /// Sets RFLAGS.AC, which SMAP looks at (MMU-084) and which switches alignment checks on. With those no slot of the fast
    /// table is filled, so every access is looked at; without them they cost nothing.
    pub fn set_alignment_check(&mut self, set: AlignmentCheck) {
        self.ctx.alignment_check = set == AlignmentCheck::Set;
        self.control_changed();
    }

    /// True if data accesses that are not aligned raise #AC: CR0.AM and RFLAGS.AC at CPL 3.
    pub fn checks_alignment(&self) -> bool {
        self.ctx.alignment_check && self.privilege == Privilege::User && self.ctx.regs.cr0.contains(Cr0::AM)
    }

    /// INVLPG; of an address that is not canonical it does nothing (MMU-202).
    pub fn invlpg(&mut self, la: LinearAddr) {
        self.counters.page_invalidations += 1;
        if let Some(what) = control::invlpg(&self.ctx, la) {
            self.drop_translations(what);
        }
    }

    /// INVPCID at CPL 0.
    ///
    /// # Errors
    /// #GP(0), see [`control::invpcid`]; nothing has changed.
    pub fn invpcid(&mut self, kind: u64, descriptor: InvpcidDescriptor) -> Result<(), GeneralProtection> {
        let what = control::invpcid(&self.ctx, kind, descriptor)?;
        self.count(what);
        self.drop_translations(what);
        Ok(())
    }

    /// What was found out under another control state is to be found out again.
    fn control_changed(&mut self) {
        self.glance = Glance::new(&self.ctx);
        self.tlb.clear();
    }

    fn apply(&mut self, effect: Effect) {
        self.ctx.regs = effect.regs;
        self.control_changed();
        if let Some(what) = effect.flush {
            self.model.invalidate(what);
        }
    }
}

/// RFLAGS.AC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlignmentCheck {
    /// AC=0.
    Clear,
    /// AC=1.
    Set,
}
