//! Writes to control registers: sections A, B and L.

use crate::tables::Mem;
use arch::{ControlRegs, Cr0, Cr3, Cr4, Efer, LinearAddr, Pcid, PhysAddr, Privilege};
use paging::control::{
    InvpcidDescriptor, Outcome, invlpg, invpcid, require_cpl0, write_cr0, write_cr3, write_cr4, write_efer, write_pat,
    write_pkrs, write_pkru,
};
use paging::{Invalidation, PagingContext, PhysMem};

fn long() -> PagingContext {
    PagingContext::new(ControlRegs::long_mode(Cr3(0x1000)))
}

/// 4-level paging with PCIDs on, the current one 5.
fn pcids() -> PagingContext {
    let mut ctx = long();
    ctx.regs.cr4 |= Cr4::PCIDE;
    ctx.regs.cr3 = Cr3(0x1005);
    ctx
}

fn protected(efer: Efer, cr4: Cr4) -> PagingContext {
    PagingContext::new(ControlRegs { efer, cr4, ..ControlRegs::protected_mode() })
}

fn rule(outcome: Outcome) -> &'static str {
    outcome.err().map_or("allowed", |gp| gp.rule)
}

fn flush(outcome: Outcome) -> Option<Invalidation> {
    outcome.expect("the write is allowed").flush
}

fn cr0(ctx: &PagingContext, value: Cr0) -> Outcome {
    write_cr0(ctx, value.bits(), &Mem::new(2))
}

fn cr4(ctx: &PagingContext, value: Cr4) -> Outcome {
    write_cr4(ctx, value.bits(), &Mem::new(2))
}

fn cr3(ctx: &PagingContext, value: u64) -> Outcome {
    write_cr3(ctx, value, &Mem::new(2))
}

#[test]
fn mmu_003_lma_is_lme_and_pg() {
    let ready = protected(Efer::LME, Cr4::PAE);
    assert!(!ready.regs.efer.contains(Efer::LMA));
    let on = cr0(&ready, Cr0::PE | Cr0::PG).unwrap().regs;
    assert!(on.efer.contains(Efer::LMA));
    let off = cr0(&PagingContext::new(on), Cr0::PE).unwrap().regs;
    assert!(!off.efer.contains(Efer::LMA) && off.efer.contains(Efer::LME));
}

#[test]
fn mmu_003_modes_that_do_not_exist() {
    assert_eq!(rule(cr0(&protected(Efer::LME, Cr4::empty()), Cr0::PE | Cr0::PG)), "MMU-003");
    assert_eq!(rule(cr0(&protected(Efer::empty(), Cr4::empty()), Cr0::PG)), "MMU-003");
    assert_eq!(rule(cr4(&long(), long().regs.cr4 - Cr4::PAE)), "MMU-003");
    assert_eq!(rule(cr4(&long(), long().regs.cr4 | Cr4::LA57)), "MMU-003");
    assert_eq!(rule(cr4(&protected(Efer::LME, Cr4::PAE), Cr4::PAE | Cr4::LA57)), "allowed");
    assert_eq!(rule(write_efer(&long(), (Efer::LMA | Efer::NXE).bits())), "MMU-003");
    assert_eq!(rule(write_efer(&protected(Efer::empty(), Cr4::empty()), Efer::LME.bits())), "allowed");
}

#[test]
fn mmu_003_lma_cannot_be_written() {
    let effect = write_efer(&protected(Efer::empty(), Cr4::PAE), (Efer::LME | Efer::LMA).bits()).unwrap();
    assert_eq!(effect.regs.efer, Efer::LME);
    let effect = write_efer(&long(), Efer::LME.bits()).unwrap();
    assert_eq!(effect.regs.efer, Efer::LME | Efer::LMA);
}

#[test]
fn mmu_004_pcids_need_long_mode_and_pcid_0() {
    assert_eq!(rule(cr4(&long(), long().regs.cr4 | Cr4::PCIDE)), "allowed");
    let mut with_flags = long();
    with_flags.regs.cr3 = Cr3(0x1008);
    assert_eq!(rule(cr4(&with_flags, long().regs.cr4 | Cr4::PCIDE)), "MMU-004");
    assert_eq!(rule(cr4(&protected(Efer::empty(), Cr4::PAE), Cr4::PAE | Cr4::PCIDE)), "MMU-004");
    assert_eq!(rule(cr0(&pcids(), pcids().regs.cr0 - Cr0::PG)), "MMU-004");
    assert_eq!(rule(cr4(&pcids(), pcids().regs.cr4 | Cr4::UMIP)), "allowed");
}

#[test]
fn bits_that_do_not_exist_are_refused() {
    assert!(write_cr4(&long(), long().regs.cr4.bits() | 1 << 63, &Mem::new(1)).is_err());
    assert!(write_cr0(&long(), long().regs.cr0.bits() | 1 << 32, &Mem::new(1)).is_err());
    assert!(cr0(&long(), long().regs.cr0 | Cr0::NW).is_err());
    assert!(cr0(&long(), long().regs.cr0 | Cr0::NW | Cr0::CD).is_ok());
    assert!(write_efer(&long(), 1 << 1).is_err());
    assert!(write_pkrs(&long(), 1 << 32).is_err());
    assert!(write_pat(&long(), 2).is_err());
}

#[test]
fn mmu_013_cr3_above_maxphyaddr() {
    assert_eq!(rule(cr3(&long(), 1 << 45)), "allowed");
    for bit in 46..64 {
        assert_eq!(rule(cr3(&long(), 1 << bit)), "MMU-013", "bit {bit}");
        assert_eq!(rule(cr3(&pcids(), 1 << bit)), if bit == 63 { "allowed" } else { "MMU-013" });
    }
    assert_eq!(cr3(&pcids(), 1 << 63 | 0x3007).unwrap().regs.cr3, Cr3(0x3007), "the request is not stored");
    assert_eq!(cr3(&protected(Efer::empty(), Cr4::empty()), !0).unwrap().regs.cr3, Cr3(0xffff_ffff));
}

/// PAE paging on, PDPTEs at 0x1000, of which `entry` is the third.
fn pae(entry: u64) -> (PagingContext, Mem) {
    let mut ctx = protected(Efer::empty(), Cr4::PAE);
    (ctx.regs.cr0, ctx.regs.cr3) = (Cr0::PE | Cr0::PG, Cr3(0x1000));
    let mut mem = Mem::new(2);
    mem.store_entry(PhysAddr(0x1010), entry);
    (ctx, mem)
}

#[test]
fn mmu_014_mmu_030_cr3_loads_the_pdptes() {
    let (ctx, mem) = pae(0x7001);
    assert_eq!(write_cr3(&ctx, 0x1000, &mem).unwrap().regs.pdptes.0, [0, 0, 0x7001, 0]);
    for bit in 0..64 {
        let (ctx, mem) = pae(1 | 1 << bit);
        let reserved = matches!(bit, 1 | 2 | 5..=8) || bit >= 46; // MMU-030
        assert_eq!(rule(write_cr3(&ctx, 0x1000, &mem)), if reserved { "MMU-014" } else { "allowed" }, "bit {bit}");
    }
    let (ctx, mem) = pae(!1);
    assert_eq!(rule(write_cr3(&ctx, 0x1000, &mem)), "allowed", "an absent PDPTE has no reserved bits");
}

#[test]
fn mmu_014_cr0_and_cr4_load_them_too() {
    let (ctx, mem) = pae(0x7001);
    let loaded = |outcome: Outcome| outcome.unwrap().regs.pdptes.0[2] == 0x7001;
    for change in [Cr0::CD, Cr0::CD | Cr0::NW] {
        assert!(loaded(write_cr0(&ctx, (ctx.regs.cr0 ^ change).bits(), &mem)));
    }
    assert!(!loaded(write_cr0(&ctx, (ctx.regs.cr0 | Cr0::WP).bits(), &mem)));
    for change in [Cr4::PGE, Cr4::PSE, Cr4::SMEP] {
        assert!(loaded(write_cr4(&ctx, (ctx.regs.cr4 ^ change).bits(), &mem)));
    }
    assert!(!loaded(write_cr4(&ctx, (ctx.regs.cr4 | Cr4::SMAP).bits(), &mem)));
    let mut off = ctx;
    off.regs.cr0 -= Cr0::PG;
    assert!(loaded(write_cr0(&off, ctx.regs.cr0.bits(), &mem)));
    assert!(!loaded(write_cr3(&off, 0x1000, &mem)), "not without paging");
    let (ctx, bad) = pae(3);
    assert_eq!(rule(write_cr4(&ctx, (ctx.regs.cr4 ^ Cr4::PGE).bits(), &bad)), "MMU-014");
    assert_eq!(rule(write_cr0(&ctx, (ctx.regs.cr0 | Cr0::CD).bits(), &bad)), "MMU-014");
}

#[test]
fn mmu_202_invlpg() {
    let la = LinearAddr(0x1234_5000);
    assert_eq!(invlpg(&pcids(), la), Some(Invalidation::Page { la, pcid: Pcid::of_word(5) }));
    assert_eq!(invlpg(&long(), la), Some(Invalidation::Page { la, pcid: Pcid::default() }));
    assert_eq!(invlpg(&long(), LinearAddr(1 << 47)), None);
    assert!(require_cpl0(Privilege::User).is_err() && require_cpl0(Privilege::Supervisor).is_ok());
}

#[test]
fn mmu_207_mmu_208_what_a_write_to_cr3_flushes() {
    assert_eq!(flush(cr3(&long(), 0x2005)), Some(Invalidation::Context(Pcid::default())));
    assert_eq!(flush(cr3(&pcids(), 0x2007)), Some(Invalidation::Context(Pcid::of_word(7))));
    assert_eq!(flush(cr3(&pcids(), 1 << 63 | 0x2007)), None);
}

#[test]
fn mmu_209_what_a_write_to_cr4_flushes() {
    let toggled = |ctx: &PagingContext, bit| flush(cr4(ctx, ctx.regs.cr4 ^ bit));
    for flushes in [Cr4::PGE, Cr4::PCIDE] {
        assert_eq!(toggled(&pcids(), flushes), Some(Invalidation::All), "{flushes:?}");
    }
    assert_eq!(toggled(&long(), Cr4::PCIDE), None);
    assert_eq!(toggled(&long(), Cr4::SMEP), None, "SMEP 1 to 0");
    let mut without = long();
    without.regs.cr4 -= Cr4::SMEP;
    assert_eq!(toggled(&without, Cr4::SMEP), Some(Invalidation::All));
    assert_eq!(toggled(&protected(Efer::empty(), Cr4::empty()), Cr4::PAE), Some(Invalidation::All));
    for nothing in [Cr4::SMAP, Cr4::PKE, Cr4::PKS, Cr4::UMIP] {
        assert_eq!(toggled(&long(), nothing), None, "{nothing:?}");
    }
}

#[test]
fn mmu_210_what_a_write_to_cr0_flushes() {
    assert_eq!(flush(cr0(&long(), long().regs.cr0 - Cr0::PG)), Some(Invalidation::All));
    assert_eq!(flush(cr0(&long(), long().regs.cr0 - Cr0::WP)), None);
    assert_eq!(flush(cr0(&protected(Efer::empty(), Cr4::empty()), Cr0::PE | Cr0::PG)), None);
}

#[test]
fn mmu_211_other_registers_flush_nothing() {
    assert_eq!(flush(write_efer(&long(), Efer::LME.bits())), None);
    assert_eq!(write_pkru(&long(), 3).flush, None);
    assert_eq!(flush(write_pkrs(&long(), 3)), None);
    assert_eq!((write_pkru(&long(), 3).regs.pkru.0, write_pkrs(&long(), 3).unwrap().regs.pkrs.0), (3, 3));
}

#[test]
fn mmu_212_invpcid() {
    let la = LinearAddr(0x7000);
    let of = |pcid, la| InvpcidDescriptor { pcid, la };
    let seven = Pcid::of_word(7);
    let invalidations = [
        Invalidation::Address { la, pcid: seven },
        Invalidation::Context(seven),
        Invalidation::All,
        Invalidation::NonGlobal,
    ];
    for (kind, expected) in invalidations.into_iter().enumerate() {
        assert_eq!(invpcid(&pcids(), kind as u64, of(7, la)), Ok(expected));
        assert!(invpcid(&pcids(), kind as u64, of(1 << 12, la)).is_err());
        assert_eq!(invpcid(&long(), kind as u64, of(7, la)).is_err(), kind < 2, "no PCIDs");
        assert_eq!(invpcid(&pcids(), kind as u64, of(7, LinearAddr(1 << 47))).is_err(), kind == 0);
    }
    assert!(invpcid(&pcids(), 4, of(0, la)).is_err());
    assert!(invpcid(&long(), 0, of(0, la)).is_ok());
}
