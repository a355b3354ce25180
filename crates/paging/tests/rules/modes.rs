//! Sections A to C beyond 4-level paging: paging off, 32-bit paging, PAE paging, 5-level paging.

use crate::tables::{
    A, D, EVERY_ACCESS, G, LA, Mem, P, PS, Path, RSVD, RW, SUPER_READ, SUPER_WRITE, US, USER_FETCH, USER_READ,
    USER_WRITE, XD,
};
use arch::{Access, ControlRegs, Cr0, Cr3, Cr4, Efer, EntrySize, Level, LinearAddr, PageSize, PagingMode, PhysAddr};
use arch::{PhysAddrWidth, Vendor};
use paging::{NoModel, PagingContext, PhysMem, Pse36, Reason, Step, Translation, Walk, control, inspect, translate};

/// Where the data page of every path below lies.
const PAGE: u64 = 0x5000;
const ALL: u64 = P | RW | US;

fn legacy(cr4: Cr4) -> PagingContext {
    let regs = ControlRegs::protected_mode();
    PagingContext::new(ControlRegs { cr0: regs.cr0 | Cr0::PG | Cr0::WP, cr3: Cr3(0x1000), cr4, ..regs })
}

/// Makes an access that must succeed or raise a page fault with this error code.
fn access(mem: &mut Mem, ctx: &PagingContext, la: u64, access: Access) -> Result<Translation, u32> {
    translate(&mut NoModel, mem, ctx, LinearAddr(la), access).map_err(|fault| fault.code.bits())
}

/// 32-bit paging: PDE 1 at 0x1004, PTE 2 at 0x2008, which map 0x402000.
fn bits32(pde: u32, pte: u32) -> Mem {
    let mut mem = Mem::new(6);
    mem.write(PhysAddr(0x1004), &pde.to_le_bytes());
    mem.write(PhysAddr(0x2008), &pte.to_le_bytes());
    mem
}

fn entry32(mem: &Mem, pa: u64) -> u64 {
    mem.load_sized(PhysAddr(pa), EntrySize::Four)
}

const LA32: u64 = 0x40_2123;
const PDE32: u32 = 0x2000 | ALL as u32;
const PTE32: u32 = PAGE as u32 | ALL as u32;

/// PAE paging: PDPTE 1, PDE 2 at 0x2010, PTE 3 at 0x3018, which map 0x4040_3000.
fn pae(pde: u64, pte: u64) -> (Mem, PagingContext) {
    let mut mem = Mem::new(6);
    mem.store_entry(PhysAddr(0x1028), 0x2000 | P);
    mem.store_entry(PhysAddr(0x2010), pde);
    mem.store_entry(PhysAddr(0x3018), pte);
    let mut ctx = legacy(Cr4::PAE);
    ctx.regs = control::write_cr3(&ctx, 0x1020, &mem).expect("the PDPTEs are valid").regs;
    (mem, ctx)
}

const LA_PAE: u64 = 0x4040_3123;

#[test]
fn mmu_001_without_paging_a_linear_address_is_a_physical_one() {
    let mut ctx = PagingContext::new(ControlRegs::protected_mode());
    ctx.regs.cr4 |= Cr4::SMAP | Cr4::SMEP | Cr4::PKE;
    let mut mem = Mem::new(1);
    for what in EVERY_ACCESS {
        let translation = access(&mut mem, &ctx, 0xfff_1234_5678, what).expect("nothing is checked");
        assert_eq!(translation.apply(LinearAddr(0x1234_5678)), PhysAddr(0x1234_5678));
        assert!(translation.rights.allow(&ctx, what));
    }
    assert!(mem.bytes.iter().all(|b| *b == 0), "there are no A and D");
}

#[test]
fn mmu_002_the_mode_follows_from_four_bits() {
    let long = ControlRegs::long_mode(Cr3(0));
    let with = |change: fn(&mut ControlRegs)| {
        let mut regs = long;
        change(&mut regs);
        regs.mode()
    };
    assert_eq!(long.mode(), PagingMode::Level4);
    assert_eq!(with(|r| r.cr4 |= Cr4::LA57), PagingMode::Level5);
    assert_eq!(with(|r| r.efer -= Efer::LMA), PagingMode::Pae);
    assert_eq!(with(|r| r.cr4 -= Cr4::PAE), PagingMode::Bits32);
    assert_eq!(with(|r| r.cr0 -= Cr0::PG), PagingMode::Off);
}

#[test]
fn mmu_005_a_linear_address_outside_long_mode_has_32_bits() {
    let mut mem = bits32(PDE32, PTE32);
    let ctx = legacy(Cr4::empty());
    assert!(access(&mut mem, &ctx, 0xdead_0000_0000 | LA32, USER_READ).is_ok());
    assert!(ctx.is_canonical(LinearAddr(0x8000_0000_0000), 8));
    let mut five = PagingContext::new(ControlRegs::long_mode(Cr3(0)));
    assert!(!five.is_canonical(LinearAddr(0x8000_0000_0000), 1));
    five.regs.cr4 |= Cr4::LA57;
    assert!(five.is_canonical(LinearAddr(0x8000_0000_0000), 1));
}

#[test]
fn mmu_006_nxe_means_nothing_in_32_bit_paging() {
    for efer in [Efer::empty(), Efer::NXE] {
        let mut ctx = legacy(Cr4::empty());
        ctx.regs.efer = efer;
        assert!(access(&mut bits32(PDE32, PTE32), &ctx, LA32, USER_FETCH).is_ok());
        assert_eq!(access(&mut bits32(PDE32, 0), &ctx, LA32, USER_FETCH), Err(0b00100), "no I/D (MMU-131)");
    }
    let (mut mem, mut ctx) = pae(0x3000 | ALL, PAGE | ALL | XD);
    assert_eq!(access(&mut mem, &ctx, LA_PAE, USER_READ), Err(0b01101));
    ctx.regs.efer |= Efer::NXE;
    assert!(access(&mut mem, &ctx, LA_PAE, USER_READ).is_ok());
    assert_eq!(access(&mut mem, &ctx, LA_PAE, USER_FETCH), Err(0b10101));
}

#[test]
fn mmu_008_pse_matters_only_in_32_bit_paging() {
    let (mut mem, ctx) = pae(0x40_0000 | ALL | PS, 0);
    assert!(!ctx.regs.cr4.contains(Cr4::PSE));
    assert_eq!(access(&mut mem, &ctx, LA_PAE, USER_READ).map(|t| t.size), Ok(PageSize::Size2M));
    let mut path = Path::large_2m();
    path.ctx.regs.cr4 -= Cr4::PSE;
    assert!(path.allows(USER_READ));
}

#[test]
fn mmu_012_the_root_of_4_level_paging_is_cr3_m_1_to_12_with_and_without_pcids() {
    for pcide in [Cr4::empty(), Cr4::PCIDE] {
        for bit in 0..52 {
            let mut ctx = PagingContext::new(ControlRegs::long_mode(Cr3(1 << bit)));
            ctx.regs.cr4 |= pcide;
            ctx.width = PhysAddrWidth::new(52).unwrap();
            let root = if bit < 12 { 0 } else { 1 << bit };
            let first = Walk::start(&ctx, LinearAddr(0), USER_READ).first();
            assert_eq!(first, Step::Load(PhysAddr(root)), "bit {bit}");
            assert_eq!(ctx.pcid(), arch::Pcid::of_word(if pcide.is_empty() { 0 } else { 1 << bit }));
        }
    }
}

#[test]
fn mmu_010_the_root_of_32_bit_paging_is_cr3_31_12() {
    let mut ctx = legacy(Cr4::empty());
    ctx.regs.cr3 = Cr3(0xff_0000_1fff);
    assert!(access(&mut bits32(PDE32, PTE32), &ctx, LA32, USER_READ).is_ok());
}

#[test]
fn mmu_011_pdptes_lie_at_cr3_31_5() {
    let (mem, mut ctx) = pae(0x3000 | ALL, PAGE | ALL);
    ctx.regs = control::write_cr3(&ctx, 0x1020 | 0x1f, &mem).unwrap().regs;
    assert_eq!(ctx.regs.pdptes.0, [0, 0x2001, 0, 0]);
}

#[test]
fn mmu_015_the_walk_uses_the_registers() {
    let (mut mem, mut ctx) = pae(0x3000 | ALL, PAGE | ALL);
    mem.store_entry(PhysAddr(0x1028), 0);
    let before = mem.load_entry(PhysAddr(0x1028));
    assert!(access(&mut mem, &ctx, LA_PAE, USER_WRITE).is_ok());
    assert_eq!(mem.load_entry(PhysAddr(0x1028)), before, "a PDPTE gets no A");
    ctx.regs = control::write_cr3(&ctx, 0x1020, &mem).unwrap().regs;
    assert_eq!(access(&mut mem, &ctx, LA_PAE, USER_WRITE), Err(0b00110));
}

#[test]
fn mmu_021_a_pde_of_32_bit_paging_has_no_reserved_bits() {
    for pse in [Cr4::empty(), Cr4::PSE] {
        let mut mem = bits32(PDE32 | 0xf58, PTE32); // all but PS, A and the frame
        assert!(access(&mut mem, &legacy(pse), LA32, USER_WRITE).is_ok());
        assert_eq!(entry32(&mem, 0x1004), u64::from(PDE32 | 0xf58) | A);
        assert_eq!(entry32(&mem, 0x2008), u64::from(PTE32) | A | D);
    }
}

#[test]
fn mmu_022_without_pse_a_pde_always_references_a_table() {
    let mut mem = bits32(PDE32 | PS as u32, PTE32);
    let translation = access(&mut mem, &legacy(Cr4::empty()), LA32, USER_READ).unwrap();
    assert_eq!((translation.frame.base(), translation.size), (PhysAddr(PAGE), PageSize::Size4K));
}

#[test]
fn mmu_023_mmu_025_mmu_236_the_high_bits_of_a_4m_page_depend_on_maxphyaddr() {
    let large = 0x40_0000 | (ALL | PS | G) as u32;
    for m in 36..=52 {
        for pse36 in [Pse36::Supported, Pse36::Absent] {
            let mut ctx = legacy(Cr4::PSE | Cr4::PGE);
            (ctx.width, ctx.pse36) = (PhysAddrWidth::new(m).unwrap(), pse36);
            let address_bits = if pse36 == Pse36::Supported { u32::from(m.min(40)) - 32 } else { 0 };
            for bit in 13..22 {
                let result = access(&mut bits32(large | 1 << bit, 0), &ctx, LA32, USER_READ);
                if bit - 13 < address_bits {
                    let frame = 0x40_0000 | 1 << (32 + bit - 13) | 0x2000;
                    assert_eq!(result.map(|t| t.frame.base()), Ok(PhysAddr(frame)), "bit {bit}, M={m}");
                } else {
                    assert_eq!(result, Err(0b01101), "bit {bit}, M={m}");
                }
            }
            let page = access(&mut bits32(large | 1 << 12, 0), &ctx, LA32, USER_READ).unwrap();
            assert_eq!((page.size, page.global, page.pat.value()), (PageSize::Size4M, true, 4));
        }
    }
}

#[test]
fn mmu_024_a_pte_of_32_bit_paging() {
    let mut mem = bits32(PDE32, PTE32 | 0xf80); // PAT, G and 11:9
    let translation = access(&mut mem, &legacy(Cr4::PGE), LA32, USER_READ).unwrap();
    assert_eq!((translation.pat.value(), translation.global, translation.dirty), (4, true, false));
}

#[test]
fn mmu_031_an_absent_pdpte_register_is_an_absent_entry() {
    let (mut mem, ctx) = pae(0x3000 | ALL, PAGE | ALL);
    for what in EVERY_ACCESS {
        let code = access(&mut mem, &ctx, 0x123, what).expect_err("PDPTE 0 is absent");
        assert_eq!(code, (what.is_write() as u32) << 1 | (what.is_user() as u32) << 2);
    }
    let (end, step) = inspect(&mem, &ctx, LinearAddr(0x123), USER_READ);
    assert!(end.entries().is_empty());
    assert!(matches!(step, Step::Fault(_, Reason::NotPresent { level: Level::Pdpt })));
}

#[test]
fn mmu_032_mmu_033_mmu_034_entries_of_pae_paging_bit_by_bit() {
    for m in [36, 40, 52] {
        for bit in 6..63 {
            let high = bit >= u32::from(m);
            // Bits 11:8 are ignored, 6 and 7 mean something or nothing, from 12 on there is an address.
            for (pde, pte, low) in [
                (0x3000 | ALL, PAGE | ALL | 1 << bit, false),
                (0x3000 | ALL | 1 << bit, PAGE | ALL, false),
                (0x40_0000 | ALL | PS | 1 << bit, 0, (13..21).contains(&bit)),
            ] {
                let (mut mem, mut ctx) = pae(pde, pte);
                ctx.width = PhysAddrWidth::new(m).unwrap();
                let is_table = pde & PS == 0 && pde >> bit & 1 == 1 && pde >> 12 != 3;
                let result = access(&mut mem, &ctx, LA_PAE, USER_READ);
                if high || low {
                    assert_eq!(result, Err(0b01101), "bit {bit}, M={m}, {pde:#x} {pte:#x}");
                } else if !(is_table || bit == 7 && pde & !(1 << 7) == 0x3000 | ALL) {
                    assert!(result.is_ok(), "bit {bit}, M={m}, {pde:#x} {pte:#x}: {result:?}");
                }
            }
        }
    }
}

#[test]
fn mmu_050_5_level_paging_adds_a_level_on_top() {
    for (path, size) in
        [(Path::open(), PageSize::Size4K), (Path::large_2m(), PageSize::Size2M), (Path::large_1g(), PageSize::Size1G)]
    {
        let la = LinearAddr(LA.0 | 0x12 << 48);
        let four = path.access(USER_WRITE).result.unwrap();
        let mut mem = path.memory();
        mem.bytes.resize(7 << 12, 0);
        let top = PhysAddr(0x6000 + 0x12 * 8);
        mem.store_entry(top, 0x1000 | ALL);
        let mut ctx = path.ctx;
        ctx.regs.cr4 |= Cr4::LA57;
        ctx.regs.cr3 = Cr3(0x6000);
        assert_eq!(translate(&mut NoModel, &mut mem, &ctx, la, USER_WRITE), Ok(four));
        assert_eq!((four.size, mem.load_entry(top)), (size, 0x1000 | ALL | A));

        for (bits, code) in [(PS, 0b01101), (RSVD, 0b01101), (P, 0b00100), (US, 0b00101)] {
            mem.store_entry(top, (0x1000 | ALL) ^ bits);
            assert_eq!(translate(&mut NoModel, &mut mem, &ctx, la, USER_READ).unwrap_err().code.bits(), code);
        }
        mem.store_entry(top, 0x1000 | ALL | G | D);
        assert!(translate(&mut NoModel, &mut mem, &ctx, la, USER_READ).is_ok());
        ctx.vendor = Vendor::Amd; // MMU-048
        assert!(translate(&mut NoModel, &mut mem, &ctx, la, USER_READ).is_err());
    }
}

#[test]
fn mmu_081_pdptes_of_pae_paging_take_no_part_in_rights() {
    // The register has R/W=0 and U/S=0: those bits are reserved there.
    let (mut mem, ctx) = pae(0x3000 | ALL, PAGE | ALL);
    assert!(access(&mut mem, &ctx, LA_PAE, USER_WRITE).is_ok());
}

#[test]
fn mmu_086_write_protection_outside_long_mode() {
    let mut ctx = legacy(Cr4::empty());
    let mem = || bits32(PDE32, PTE32 & !(RW as u32));
    assert_eq!(access(&mut mem(), &ctx, LA32, SUPER_WRITE), Err(0b00011));
    assert!(access(&mut mem(), &ctx, LA32, SUPER_READ).is_ok());
    ctx.regs.cr0 -= Cr0::WP;
    assert!(access(&mut mem(), &ctx, LA32, SUPER_WRITE).is_ok());
}

#[test]
fn mmu_198_a_walk_may_begin_below_the_root() {
    let path = Path::open();
    let mem = path.memory();
    for user in [false, true] {
        let table = paging::Table { level: Level::Pt, base: PhysAddr(0x4000), writable: true, user, no_execute: false };
        let mut walk = Walk::resume(&path.ctx, LA, USER_READ, &table);
        let Step::Load(pa) = walk.first() else { panic!("the entry comes first") };
        assert_eq!(pa, Path::place(crate::tables::PTE));
        assert_eq!(matches!(walk.step(mem.load_entry(pa)), Step::Done(_)), user);
        assert_eq!(walk.end().entries().len(), 1);
    }
}
