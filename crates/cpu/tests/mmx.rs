//! MMX against silicon: every encoding with an MMX register, in register and memory forms, and EMMS.
//!
//! States have any x87 stack, with and without a pending exception, and operands that are mapped or not. All registers, tags,
//! TOP and memory are compared.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use arch::XsaveImage;
use common::native::is_intel;
use common::values::{mxcsr, register_bits};
use common::{End, Machine, Rig, Rng, states_per_form};
use iced_x86::{Code, CpuidFeature, EncodingKind, Instruction, OpCodeOperandKind as Kind, OpKind, Register};
use pagewalk_cpu::Exit;

/// The encodings of MMX, SSE, SSE2 and SSSE3 that have an MMX register, and EMMS.
fn codes() -> impl Iterator<Item = Code> {
    Code::values().filter(|code| {
        let info = code.op_code();
        let known = |f| matches!(f, CpuidFeature::MMX | CpuidFeature::SSE | CpuidFeature::SSE2 | CpuidFeature::SSSE3);
        let mmx = |kind| matches!(kind, Kind::mm_reg | Kind::mm_rm | Kind::mm_or_mem);
        info.encoding() == EncodingKind::Legacy
            && info.mode64()
            && code.cpuid_features().iter().copied().any(known)
            && (*code == Code::Emms || (0..info.op_count()).any(|n| mmx(info.op_kind(n))))
    })
}

/// An encoding with chosen operands; memory is at RDI. `None` if the encoding has no such form.
fn instruction(code: Code, rng: &mut Rng, memory: bool) -> Option<Instruction> {
    let info = code.op_code();
    let mut insn = Instruction::default();
    insn.set_code(code);
    let mut has_memory = false;
    let same = rng.one_in(4).then(|| rng.below(8) as u32);
    for n in 0..info.op_count() {
        let mm = Register::MM0 + same.unwrap_or_else(|| rng.below(8) as u32);
        let xmm = Register::XMM0 + rng.below(16) as u32;
        let number = rng.pick(&[0, 1, 2, 3, 6, 8, 9, 13, 15]);
        let mut register = |r| {
            insn.set_op_kind(n, OpKind::Register);
            insn.set_op_register(n, r);
        };
        match info.op_kind(n) {
            Kind::mm_reg | Kind::mm_rm => register(mm),
            Kind::xmm_reg | Kind::xmm_rm => register(xmm),
            Kind::r32_reg => register(Register::EAX + number),
            Kind::r64_reg => register(Register::RAX + number),
            Kind::mm_or_mem if !memory => register(mm),
            Kind::xmm_or_mem if !memory => register(xmm),
            Kind::r32_or_mem if !memory => register(Register::EAX + number),
            Kind::r64_or_mem if !memory => register(Register::RAX + number),
            Kind::mm_or_mem | Kind::xmm_or_mem | Kind::r32_or_mem | Kind::r64_or_mem | Kind::mem => {
                has_memory = true;
                insn.set_op_kind(n, OpKind::Memory);
                insn.set_memory_base(Register::RDI);
            }
            Kind::seg_rDI => {
                has_memory = true;
                insn.set_op_kind(n, OpKind::MemorySegRDI);
            }
            Kind::imm8 => {
                insn.set_op_kind(n, OpKind::Immediate8);
                let imm = if rng.one_in(2) { rng.below(256) } else { rng.below(70) };
                insn.set_immediate8(imm as u8);
            }
            other => panic!("{code:?} has an operand of kind {other:?}"),
        }
    }
    (has_memory == memory).then_some(insn)
}

/// 64 bits of lanes at their limits, of small counts, or of floats.
fn mmx_bits(rng: &mut Rng) -> u64 {
    let lanes = |rng: &mut Rng, bits: u32| {
        let min = 1_u64 << (bits - 1);
        (0..64 / bits).fold(0, |x, n| {
            let lane = match rng.below(8) {
                0 => 0,
                1 => u64::MAX,
                2 => min,
                3 => min - 1,
                4 => rng.below(4),
                5 => min + 1,
                _ => rng.next(),
            };
            x | (lane & (u64::MAX >> (64 - bits))) << (n * bits)
        })
    };
    match rng.below(8) {
        0 | 1 => lanes(rng, 8),
        2 | 3 => lanes(rng, 16),
        4 => lanes(rng, 32),
        5 => rng.below(70),
        6 => register_bits(rng) as u64,
        _ => rng.next(),
    }
}

/// Any x87 state; an exception is pending in one of eight.
fn set_fpu(m: &mut Machine, rng: &mut Rng) {
    let control = 0x40 | rng.next() as u16 & 0xf3f;
    let flags = if rng.one_in(8) { rng.next() as u16 } else { rng.next() as u16 & control };
    m.set_fpu_words(control, rng.next() as u16 & 0x7f00 | flags & 0x3f);
    for byte in &mut m.fx.0[6..24] {
        *byte = rng.next() as u8;
    }
    // FOP has 11 bits, FIP 57.
    m.fx.0[7] &= 7;
    m.fx.0[15] = ((m.fx.0[15] << 7) as i8 >> 7) as u8;
    m.fx.0[4] = [0, 0xff, rng.next() as u8][rng.below(3) as usize];
    for i in 0..8 {
        let significand = mmx_bits(rng);
        m.set_st(i, significand, [0, 0x3fff, 0xffff, rng.next() as u16][rng.below(4) as usize]);
    }
}

fn random_machine(rng: &mut Rng, rig: &Rig) -> Machine {
    let mut m = Machine::new();
    set_fpu(&mut m, rng);
    for n in 0..16 {
        m.set_xmm(n, register_bits(rng));
        m.gpr[n] = rng.next() >> rng.below(64);
    }
    m.set_mxcsr(mxcsr(rng));
    m.rflags |= arch::Rflags::from_bits_truncate(rng.next()) & arch::Rflags::STATUS;
    let offset = match rng.below(8) {
        0 => rng.below(4096),
        1 => 4096 - rng.below(20),
        _ => rng.below(200) * 16,
    };
    for at in (0..4).map(|n| (offset as usize & !15) + 16 * n) {
        let bits = if rng.one_in(2) {
            register_bits(rng)
        } else {
            u128::from(mmx_bits(rng)) | u128::from(mmx_bits(rng)) << 64
        };
        m.memory[at..at + 16].copy_from_slice(&bits.to_le_bytes());
    }
    m.gpr[7] = match rng.below(16) {
        0 => rng.pick(&[0x10, 0x18, 0x7fff_ffff_fffc, 1 << 47, u64::MAX - 3]),
        _ => rig.data_address() + offset,
    };
    m
}

/// How many states ended how.
#[derive(Debug, Default)]
struct Ends {
    completed: u64,
    segv: u64,
    fpe: u64,
}

/// Runs `states` states of one instruction; the number of mismatches, of which the first is printed.
fn check(rig: &mut Rig, rng: &mut Rng, insn: &Instruction, states: u64, ends: &mut Ends) -> u64 {
    rig.load(insn);
    let mut mismatches = 0;
    for _ in 0..states {
        let start = random_machine(rng, rig);
        let difference = match rig.compare(&start, |_| {}) {
            Ok(End::Completed) => {
                ends.completed += 1;
                continue;
            }
            Ok(End::Segv) => {
                ends.segv += 1;
                continue;
            }
            Ok(End::Fpe) => {
                ends.fpe += 1;
                continue;
            }
            Ok(end) => format!("{end:?} on both sides"),
            Err(difference) => difference,
        };
        if mismatches == 0 {
            println!("{:?} `{insn}`, mxcsr {:#x}: {difference}", insn.code(), start.mxcsr());
            println!("    rdi {:#x}, fcw {:#x}, fsw {:#x}", start.gpr[7], start.fpu_word(0), start.fpu_word(2));
        }
        mismatches += 1;
    }
    mismatches
}

#[test]
fn every_form_does_what_the_processor_does() {
    if !is_intel() {
        return eprintln!("not compared: another vendor's processor");
    }
    let mut rig = Rig::new();
    let mut rng = Rng(5);
    let (mut forms, mut ends) = (0, Ends::default());
    let mut failed = Vec::new();
    for code in codes() {
        for memory in [false, true] {
            let with_immediate = (0..code.op_code().op_count()).any(|n| code.op_code().op_kind(n) == Kind::imm8);
            let variants = if with_immediate { 25 } else { 5 };
            let mut mismatches = 0;
            for _ in 0..variants {
                let Some(insn) = instruction(code, &mut rng, memory) else { continue };
                mismatches += check(&mut rig, &mut rng, &insn, states_per_form().div_ceil(variants), &mut ends);
                forms += 1;
            }
            if mismatches != 0 {
                failed.push(format!("{code:?} memory={memory}: {mismatches}"));
            }
        }
    }
    println!("{forms} forms, {ends:?}");
    assert!(failed.is_empty(), "{} forms differ:\n{}", failed.len(), failed.join("\n"));
    // The states reach every way to end.
    assert!(forms > 700 && ends.completed > 5_000 && ends.segv > 100 && ends.fpe > 500);
}

/// The registers of MMX stay those of x87: what x87 instructions see behind an MMX instruction.
#[test]
fn x87_sees_what_mmx_has_written() {
    let mut rig = Rig::new();
    let mut rng = Rng(6);
    let after: [&[u8]; 6] = [
        &[0xd9, 0xe5],       // fxam
        &[0xd9, 0xc3],       // fld st(3)
        &[0xd9, 0x37],       // fnstenv [rdi]
        &[0xdd, 0x37],       // fnsave [rdi]
        &[0xdb, 0x3f],       // fstp tbyte [rdi]
        &[0x0f, 0xae, 0x07], // fxsave [rdi]
    ];
    for before in [&[0x0f, 0xfc, 0xd9][..], &[0x0f, 0x7e, 0xd0], &[0x0f, 0x77]] {
        for bytes in after {
            for _ in 0..20 {
                let mut start = random_machine(&mut rng, &rig);
                start.gpr[7] = rig.data_address();
                start.set_fpu_words(0x37f, rng.next() as u16);
                rig.load_bytes(before);
                let (end, between) = rig.core(&start);
                assert_eq!(end, End::Completed);
                rig.load_bytes(bytes);
                assert_eq!(rig.compare(&between, |_| {}), Ok(End::Completed), "{before:02x?} {bytes:02x?}");
            }
        }
    }
}

#[test]
fn a_masked_store_needs_all_of_its_operand_whatever_the_mask() {
    if !is_intel() {
        return eprintln!("not compared: another vendor's processor");
    }
    let mut rig = Rig::new();
    let stores = [(Code::Maskmovq_rDI_mm_mm, Register::MM1, 0), (Code::Maskmovdqu_rDI_xmm_xmm, Register::XMM1, 8)];
    for (code, register, first_access) in stores {
        let mut insn = Instruction::default();
        insn.set_code(code);
        insn.set_op0_kind(OpKind::MemorySegRDI);
        insn.set_op1_register(register);
        insn.set_op2_register(register);
        rig.load(&insn);
        for address in [0x10, 0x7fff_ffff_ffe8, 1 << 47] {
            let mut start = Machine::new();
            start.gpr[7] = address;
            assert_eq!(rig.compare(&start, |_| {}), Ok(End::Segv), "{code:?} at {address:#x}");
            // The address is what the processor reported when this was measured.
            if let Exit::PageFault(fault) = rig.exit(&start) {
                assert_eq!(fault.cr2.0, address + first_access);
            }
        }
        let mut start = Machine::new();
        start.gpr[7] = rig.data_address() + 4092;
        assert_eq!(rig.compare(&start, |_| {}), Ok(End::Completed));
    }
}

#[test]
fn a_write_makes_the_register_a_nan_of_x87_and_emms_empties_all() {
    let mut rig = Rig::new();
    let mut start = Machine::new();
    start.set_fpu_words(0x37f, 5 << 11);
    start.set_st(3, 7, 0x3fff); // physical register 0
    rig.load_bytes(&[0x0f, 0x6f, 0xc8]); // movq mm1, mm0
    let (_, after) = rig.core(&start);
    let st = |m: &Machine, i: usize| m.fx.0[XsaveImage::ST0 + 16 * i..][..10].to_vec();
    assert_eq!(st(&after, 1), [7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
    assert_eq!(st(&after, 0), [7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x3f], "only read");
    assert_eq!((after.fpu_word(2), after.fx.0[4]), (0, 0xff));
    rig.load_bytes(&[0x0f, 0x77]);
    let (_, empty) = rig.core(&after);
    assert_eq!((empty.fx.0[4], st(&empty, 1)), (0, st(&after, 1)));
}
