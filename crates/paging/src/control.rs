//! Writes to the control registers: when they raise #GP, and what they flush (SDM "Control Registers", "Operations that
//! Invalidate TLBs and Paging-Structure Caches"; rules of sections A, B and L).
//!
//! Every function is pure: it takes the state before and gives an [`Effect`], which its caller applies. All these
//! instructions need CPL 0; the core checks with [`require_cpl0`] first. Whether the code segment is a 64-bit one is not
//! known here: a core in 64-bit mode refuses by itself to clear CR0.PG.

use crate::{Invalidation, PagingContext, PhysMem};
use arch::{
    ControlRegs, Cr0, Cr3, Cr4, Efer, GeneralProtection, KeyRights, LinearAddr, PagingMode, Pat, Pcid, Privilege,
};

/// The registers after a write, and what must leave the translation caches.
#[must_use = "the write has not happened yet"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// All registers after it.
    pub regs: ControlRegs,
    /// What it invalidates.
    pub flush: Option<Invalidation>,
}

/// What such a write gives.
pub type Outcome = Result<Effect, GeneralProtection>;

/// The no-flush request in the source of a MOV to CR3 with CR4.PCIDE=1.
const NO_FLUSH: u64 = 1 << 63;

/// MOV to a control register, INVLPG and INVPCID are for CPL 0 (MMU-202, MMU-212).
///
/// # Errors
/// #GP(0) for user mode.
pub fn require_cpl0(privilege: Privilege) -> Result<(), GeneralProtection> {
    refuse(privilege == Privilege::User, "MMU-202")
}

/// MOV to CR0.
///
/// # Errors
/// #GP(0): paging without protection, long mode without PAE (MMU-003), paging off with PCIDs (MMU-004), NW without CD,
/// a bit above 31, a PDPTE with a reserved bit (MMU-014).
pub fn write_cr0<M: PhysMem + ?Sized>(ctx: &PagingContext, value: u64, mem: &M) -> Outcome {
    let before = &ctx.regs;
    let cr0 = Cr0::from_bits_truncate(value) | Cr0::ET;
    let (was_paging, paging) = (before.cr0.contains(Cr0::PG), cr0.contains(Cr0::PG));
    let long = before.efer.contains(Efer::LME);
    refuse(value >> 32 != 0 || cr0.contains(Cr0::NW) && !cr0.contains(Cr0::CD), "SDM MOV CR0")?;
    refuse(paging && !cr0.contains(Cr0::PE), "MMU-003")?;
    refuse(paging && !was_paging && long && !before.cr4.contains(Cr4::PAE), "MMU-003")?;
    refuse(!paging && before.cr4.contains(Cr4::PCIDE), "MMU-004")?;
    let mut regs = ControlRegs { cr0, ..*before };
    regs.efer.set(Efer::LMA, long && paging);
    let reloads = (before.cr0 ^ cr0).intersects(Cr0::CD | Cr0::NW | Cr0::PG);
    if reloads {
        load_pdptes(ctx, &mut regs, mem)?;
    }
    Ok(Effect { regs, flush: (was_paging && !paging).then_some(Invalidation::All) }) // MMU-210
}

/// MOV to CR3.
///
/// # Errors
/// #GP(0): a bit from MAXPHYADDR up in long mode (MMU-013), a PDPTE with a reserved bit (MMU-014).
pub fn write_cr3<M: PhysMem + ?Sized>(ctx: &PagingContext, value: u64, mem: &M) -> Outcome {
    let mut regs = ctx.regs;
    let pcids = regs.cr4.contains(Cr4::PCIDE);
    if regs.efer.contains(Efer::LMA) {
        let allowed = if pcids { NO_FLUSH } else { 0 };
        refuse((value & !allowed) >> ctx.width.bits() != 0, "MMU-013")?;
        regs.cr3 = Cr3(value & !NO_FLUSH);
    } else {
        regs.cr3 = Cr3(value & 0xffff_ffff);
    }
    load_pdptes(ctx, &mut regs, mem)?;
    let flush = !(pcids && value & NO_FLUSH != 0);
    Ok(Effect { regs, flush: flush.then_some(Invalidation::Context(regs.pcid())) }) // MMU-207, MMU-208
}

/// MOV to CR4.
///
/// # Errors
/// #GP(0): a bit that the processor does not have, PAE or LA57 in long mode (MMU-003), PCIDE outside it or with a PCID
/// in CR3 (MMU-004), a PDPTE with a reserved bit (MMU-014).
pub fn write_cr4<M: PhysMem + ?Sized>(ctx: &PagingContext, value: u64, mem: &M) -> Outcome {
    let before = &ctx.regs;
    let Some(cr4) = Cr4::from_bits(value) else {
        return Err(GeneralProtection { rule: "SDM MOV CR4" });
    };
    let (changed, long) = (before.cr4 ^ cr4, before.efer.contains(Efer::LMA));
    refuse(long && (!cr4.contains(Cr4::PAE) || changed.contains(Cr4::LA57)), "MMU-003")?;
    let enables_pcids = (changed & cr4).contains(Cr4::PCIDE);
    refuse(enables_pcids && (!long || before.cr3.0 & 0xfff != 0), "MMU-004")?;
    let mut regs = ControlRegs { cr4, ..*before };
    if changed.intersects(Cr4::PAE | Cr4::PGE | Cr4::PSE | Cr4::SMEP) {
        load_pdptes(ctx, &mut regs, mem)?;
    }
    Ok(Effect { regs, flush: cr4_flush(changed, cr4) })
}

/// What a change of CR4 flushes (MMU-209). For PAE and SMEP it need only be the current PCID's; with the globals, which
/// must go too, everything is close enough.
fn cr4_flush(changed: Cr4, after: Cr4) -> Option<Invalidation> {
    let either_way = changed.intersects(Cr4::PGE | Cr4::PAE);
    let cleared = (changed - after).contains(Cr4::PCIDE);
    let set = (changed & after).contains(Cr4::SMEP);
    (either_way || cleared || set).then_some(Invalidation::All)
}

/// WRMSR of IA32_EFER. LMA cannot be written; NXE flushes nothing (MMU-211).
///
/// # Errors
/// #GP(0): a reserved bit, or a change of LME while paging (MMU-003).
pub fn write_efer(ctx: &PagingContext, value: u64) -> Outcome {
    let before = &ctx.regs;
    let Some(mut efer) = Efer::from_bits(value) else {
        return Err(GeneralProtection { rule: "SDM WRMSR" });
    };
    refuse(before.cr0.contains(Cr0::PG) && (before.efer ^ efer).contains(Efer::LME), "MMU-003")?;
    efer.set(Efer::LMA, before.efer.contains(Efer::LMA));
    Ok(Effect { regs: ControlRegs { efer, ..*before }, flush: None })
}

/// WRPKRU. It flushes nothing, as keys are judged at each access (MMU-093).
pub fn write_pkru(ctx: &PagingContext, value: u32) -> Effect {
    Effect { regs: ControlRegs { pkru: KeyRights(value), ..ctx.regs }, flush: None }
}

/// WRMSR of IA32_PKRS.
///
/// # Errors
/// #GP(0) if a bit above 31 is set.
pub fn write_pkrs(ctx: &PagingContext, value: u64) -> Outcome {
    let Ok(rights) = u32::try_from(value) else {
        return Err(GeneralProtection { rule: "SDM WRMSR" });
    };
    Ok(Effect { regs: ControlRegs { pkrs: KeyRights(rights), ..ctx.regs }, flush: None })
}

/// WRMSR of IA32_PAT. Software flushes by itself.
///
/// # Errors
/// #GP(0) if a byte is no memory type.
pub fn write_pat(ctx: &PagingContext, value: u64) -> Outcome {
    let pat = Pat::new(value).ok_or(GeneralProtection { rule: "SDM WRMSR" })?;
    Ok(Effect { regs: ControlRegs { pat, ..ctx.regs }, flush: None })
}

/// INVLPG. An address that is not canonical is no error and invalidates nothing (MMU-202).
#[must_use]
pub fn invlpg(ctx: &PagingContext, la: LinearAddr) -> Option<Invalidation> {
    let width = ctx.mode().linear_width();
    width.is_canonical(la, 1).then(|| Invalidation::Page { la: width.wrap(la), pcid: ctx.pcid() })
}

/// The 16 bytes of memory that INVPCID reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvpcidDescriptor {
    /// Bits 63:0: the PCID in the low 12, the rest must be 0.
    pub pcid: u64,
    /// Bits 127:64.
    pub la: LinearAddr,
}

/// INVPCID (MMU-212).
///
/// # Errors
/// #GP(0): a type above 3, a descriptor with a bit of 63:12 set, a PCID without CR4.PCIDE for types 0 and 1, an
/// address that is not canonical for type 0.
pub fn invpcid(
    ctx: &PagingContext,
    kind: u64,
    descriptor: InvpcidDescriptor,
) -> Result<Invalidation, GeneralProtection> {
    const RULE: &str = "MMU-212";
    let pcid = Pcid::of_word(descriptor.pcid);
    refuse(kind > 3 || descriptor.pcid >> 12 != 0, RULE)?;
    refuse(kind < 2 && pcid != Pcid::default() && !ctx.regs.cr4.contains(Cr4::PCIDE), RULE)?;
    refuse(kind == 0 && !ctx.is_canonical(descriptor.la, 1), RULE)?;
    Ok(match kind {
        0 => Invalidation::Address { la: ctx.mode().linear_width().wrap(descriptor.la), pcid },
        1 => Invalidation::Context(pcid),
        2 => Invalidation::All,
        _ => Invalidation::NonGlobal,
    })
}

/// Loads the PDPTE registers if `regs` is a state with PAE paging (MMU-014).
fn load_pdptes<M: PhysMem + ?Sized>(
    ctx: &PagingContext,
    regs: &mut ControlRegs,
    mem: &M,
) -> Result<(), GeneralProtection> {
    if regs.mode() != PagingMode::Pae {
        return Ok(());
    }
    let pdptes = [0, 8, 16, 24].map(|offset| mem.load_entry(regs.cr3.pdpt().wrapping_add(offset)));
    let reserved = (!0 << ctx.width.bits()) | 0x1e6; // 63:M, 8:5 and 2:1 (MMU-030)
    refuse(pdptes.iter().any(|pdpte| pdpte & 1 != 0 && pdpte & reserved != 0), "MMU-014")?;
    regs.pdptes.0 = pdptes;
    Ok(())
}

fn refuse(condition: bool, rule: &'static str) -> Result<(), GeneralProtection> {
    if condition { Err(GeneralProtection { rule }) } else { Ok(()) }
}
