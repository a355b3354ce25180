//! The registers that decide translations, as they are written: those of long mode, which is all that a program's run has.

use arch::{
    ControlRegs, Cr0, Cr3, Cr4, Efer, KeyRights, MemoryType, PagingMode, Pat, PhysAddrWidth, Privilege, Vendor,
};
use paging::{AccessedOnFault, GigabytePages, PagingContext};
use serde::{Deserialize, Serialize};

/// All that decides a translation, apart from memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registers {
    cr0: u64,
    cr3: u64,
    cr4: u64,
    efer: u64,
    pkru: u32,
    pkrs: u32,
    pat: u64,
    mtrr: u8,
    width: u8,
    privilege: u8,
    alignment_check: bool,
    gigabyte_pages: bool,
    amd: bool,
    accessed_on_success_only: bool,
}

impl Registers {
    /// What is written of a context, and of who makes accesses in it.
    pub(crate) fn new(ctx: &PagingContext, privilege: Privilege) -> Self {
        let regs = &ctx.regs;
        Self {
            cr0: regs.cr0.bits(),
            cr3: regs.cr3.0,
            cr4: regs.cr4.bits(),
            efer: regs.efer.bits(),
            pkru: regs.pkru.0,
            pkrs: regs.pkrs.0,
            pat: regs.pat.bits(),
            mtrr: ctx.mtrr as u8,
            width: ctx.width.bits(),
            privilege: privilege as u8,
            alignment_check: ctx.alignment_check,
            gigabyte_pages: ctx.gigabyte_pages == GigabytePages::Supported,
            amd: ctx.vendor == Vendor::Amd,
            accessed_on_success_only: ctx.accessed_on_fault == AccessedOnFault::OnSuccessOnly,
        }
    }

    /// The context, if it is one of long mode.
    pub(crate) fn context(&self) -> Option<(PagingContext, Privilege)> {
        let regs = ControlRegs {
            cr0: Cr0::from_bits_retain(self.cr0),
            cr4: Cr4::from_bits_retain(self.cr4),
            efer: Efer::from_bits_retain(self.efer),
            pkru: KeyRights(self.pkru),
            pkrs: KeyRights(self.pkrs),
            pat: Pat::new(self.pat)?,
            ..ControlRegs::long_mode(Cr3(self.cr3))
        };
        let pages = [GigabytePages::Absent, GigabytePages::Supported][usize::from(self.gigabyte_pages)];
        let vendor = [Vendor::Intel, Vendor::Amd][usize::from(self.amd)];
        let accessed = [AccessedOnFault::AsTraversed, AccessedOnFault::OnSuccessOnly];
        let context = PagingContext {
            alignment_check: self.alignment_check,
            width: PhysAddrWidth::new(self.width)?,
            gigabyte_pages: pages,
            vendor,
            accessed_on_fault: accessed[usize::from(self.accessed_on_success_only)],
            mtrr: MemoryType::from_code(self.mtrr)?,
            ..PagingContext::new(regs)
        };
        let all = [Privilege::User, Privilege::Supervisor, Privilege::SupervisorImplicit];
        let privilege = *all.get(usize::from(self.privilege))?;
        matches!(context.mode(), PagingMode::Level4 | PagingMode::Level5).then_some((context, privilege))
    }
}
