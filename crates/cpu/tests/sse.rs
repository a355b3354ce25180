//! SSE to SSE4.2, AES, PCLMULQDQ and SHA against silicon: every encoding that the decoder knows, in register and memory
//! forms. `PAGEWALK_FORM` restricts the run to encodings whose name contains it.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use arch::Exception;
use common::native::is_intel;
use common::values::{mxcsr, register_bits};
use common::{End, Machine, Rig, Rng, states_per_form};
use iced_x86::{Code, CpuidFeature, EncodingKind, Instruction, Mnemonic, OpCodeOperandKind as Kind, OpKind, Register};
use pagewalk_cpu::Exit;

/// Approximations, which differ by vendor.
const APPROXIMATE: [Mnemonic; 4] = [Mnemonic::Rcpps, Mnemonic::Rcpss, Mnemonic::Rsqrtps, Mnemonic::Rsqrtss];

/// Instructions of SSE3 and SSE4.2 that have no XMM register.
const OTHERS: [Mnemonic; 4] = [Mnemonic::Fisttp, Mnemonic::Monitor, Mnemonic::Mwait, Mnemonic::Crc32];

/// The feature of an instruction, and whether this processor has it.
fn is_tested(feature: CpuidFeature) -> bool {
    match feature {
        CpuidFeature::SSE | CpuidFeature::SSE2 => true,
        CpuidFeature::SSE3 => std::is_x86_feature_detected!("sse3"),
        CpuidFeature::SSSE3 => std::is_x86_feature_detected!("ssse3"),
        CpuidFeature::SSE4_1 => std::is_x86_feature_detected!("sse4.1"),
        CpuidFeature::SSE4_2 => std::is_x86_feature_detected!("sse4.2"),
        CpuidFeature::AES => std::is_x86_feature_detected!("aes"),
        CpuidFeature::PCLMULQDQ => std::is_x86_feature_detected!("pclmulqdq"),
        CpuidFeature::SHA => std::is_x86_feature_detected!("sha"),
        _ => false,
    }
}

/// The encodings of these sets that touch no MMX register.
fn codes() -> impl Iterator<Item = Code> {
    let only = std::env::var("PAGEWALK_FORM").ok();
    Code::values().filter(move |code| {
        let info = code.op_code();
        let is_sse = code.cpuid_features().iter().copied().any(is_tested) && !OTHERS.contains(&code.mnemonic());
        let mmx = |kind| matches!(kind, Kind::mm_reg | Kind::mm_rm | Kind::mm_or_mem);
        info.encoding() == EncodingKind::Legacy
            && only.as_ref().is_none_or(|only| format!("{code:?}").contains(only.as_str()))
            && info.mode64()
            && is_sse
            && !(0..info.op_count()).any(|n| mmx(info.op_kind(n)))
    })
}

/// An encoding with chosen operands; memory is at RDI.
fn instruction(code: Code, rng: &mut Rng, memory: bool) -> Option<Instruction> {
    let info = code.op_code();
    let mut insn = Instruction::default();
    insn.set_code(code);
    let mut has_memory = false;
    let same = rng.one_in(4).then(|| rng.below(16) as u32);
    for n in 0..info.op_count() {
        let xmm = Register::XMM0 + same.unwrap_or_else(|| rng.below(16) as u32);
        let number = rng.pick(&[0, 1, 2, 3, 6, 8, 9, 13, 15]);
        let register = |insn: &mut Instruction, r| {
            insn.set_op_kind(n, OpKind::Register);
            insn.set_op_register(n, r);
        };
        match info.op_kind(n) {
            Kind::xmm_reg | Kind::xmm_rm => register(&mut insn, xmm),
            Kind::r32_reg | Kind::r32_rm => register(&mut insn, Register::EAX + number),
            Kind::r64_reg | Kind::r64_rm => register(&mut insn, Register::RAX + number),
            Kind::xmm_or_mem if !memory => register(&mut insn, xmm),
            Kind::r32_or_mem if !memory => register(&mut insn, Register::EAX + number),
            Kind::r64_or_mem if !memory => register(&mut insn, Register::RAX + number),
            Kind::xmm_or_mem | Kind::r32_or_mem | Kind::r64_or_mem | Kind::mem => {
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
                let imm = if rng.one_in(2) { rng.below(256) } else { rng.below(20) };
                insn.set_immediate8(imm as u8);
            }
            Kind::r32_or_mem_mpx | Kind::r64_or_mem_mpx => return None,
            other => panic!("{code:?} has an operand of kind {other:?}"),
        }
    }
    (has_memory == memory).then_some(insn)
}

fn random_machine(rng: &mut Rng, rig: &Rig, insn: &Instruction) -> Machine {
    let mut m = Machine::new();
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
        m.memory[at..at + 16].copy_from_slice(&register_bits(rng).to_le_bytes());
    }
    if insn.mnemonic() == Mnemonic::Ldmxcsr && !rng.one_in(8) {
        let value = mxcsr(rng);
        m.memory[offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
    }
    m.gpr[7] = rig.data_address() + offset;
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
        let start = random_machine(rng, rig, insn);
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
            for n in (0..insn.op_count()).filter(|&n| insn.op_register(n).is_xmm()) {
                println!("    op{n} {:#034x}", start.xmm(insn.op_register(n).number()));
            }
            let at = (start.gpr[7] - rig.data_address()) as usize;
            println!("    memory {:02x?}", &start.memory[at..at + 16]);
        }
        mismatches += 1;
    }
    mismatches
}

#[test]
fn every_form_does_what_the_processor_does() {
    let mut rig = Rig::new();
    let mut rng = Rng(2);
    let (mut forms, mut ends) = (0, Ends::default());
    let mut failed = Vec::new();
    for code in codes().filter(|code| is_intel() || !APPROXIMATE.contains(&code.mnemonic())) {
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
    let all = std::env::var_os("PAGEWALK_FORM").is_none();
    assert!(!all || forms > 1000 && ends.completed > 10_000 && ends.segv > 100 && ends.fpe > 100);
}

#[test]
fn approximations_are_those_of_intel_in_every_interval_and_for_every_exponent() {
    if !is_intel() {
        return;
    }
    let mut rig = Rig::new();
    for code in [Code::Rcpps_xmm_xmmm128, Code::Rsqrtps_xmm_xmmm128] {
        rig.load(&Instruction::with2(code, Register::XMM0, Register::XMM1).unwrap());
        // The upper 11 bits of the significand choose the interval; two exponents, one of them odd.
        let intervals = (0..4096).map(|n| 0x3f80_0000 + (n << 12));
        let exponents = (0..512).map(|n| (n << 23) + 0x2a_7000);
        for x in intervals.chain(exponents) {
            let lanes: [u32; 4] = [x, x | 0x7ff, x | 0x800, x | 0xfff];
            let mut start = Machine::new();
            start.set_xmm(1, lanes.into_iter().rev().fold(0, |r, lane| r << 32 | u128::from(lane)));
            assert_eq!(rig.compare(&start, |_| {}), Ok(End::Completed), "{code:?} {x:#x}");
        }
    }
}

/// An instruction with one operand at [RDI].
fn at_rdi(code: Code) -> Instruction {
    let mut insn = Instruction::default();
    insn.set_code(code);
    insn.set_op0_kind(OpKind::Memory);
    insn.set_memory_base(Register::RDI);
    insn
}

/// A state whose x87 registers hold numbers, and memory at `offset` a valid image with others.
fn with_images(rng: &mut Rng, rig: &Rig, offset: usize) -> Machine {
    let mut m = Machine::new();
    let mut other = Machine::new();
    for image in [&mut m, &mut other] {
        for n in 0..16 {
            image.set_xmm(n, register_bits(rng));
        }
        for n in 0..8 {
            image.fx.0[32 + 16 * n..][..8].copy_from_slice(&(rng.next() | 1 << 63).to_le_bytes());
            image.fx.0[40 + 16 * n..][..2].copy_from_slice(&(rng.below(0x7ffe) as u16 + 1).to_le_bytes());
        }
        image.set_mxcsr(mxcsr(rng));
        // Of the last x87 instruction.
        for byte in &mut image.fx.0[6..24] {
            *byte = rng.next() as u8;
        }
        // Control word with all masked, status word with any top, tags.
        image.fx.0[..2].copy_from_slice(&(0x037f | (rng.below(4) << 10) as u16).to_le_bytes());
        image.fx.0[2..4].copy_from_slice(&((rng.below(8) << 11) as u16).to_le_bytes());
        image.fx.0[4] = rng.next() as u8;
    }
    m.memory[offset..offset + 512].copy_from_slice(&other.fx.0);
    m.gpr[7] = rig.data_address() + offset as u64;
    m
}

#[test]
fn fxsave_and_fxrstor_move_the_state_as_the_processor_does() {
    let mut rig = Rig::new();
    let mut rng = Rng(4);
    for code in [Code::Fxsave64_m512byte, Code::Fxrstor64_m512byte, Code::Fxsave_m512byte, Code::Fxrstor_m512byte] {
        rig.load(&at_rdi(code));
        for offset in [0, 64, 4096 - 256, 4096 - 16, 8, 4096 - 8] {
            for bad_mxcsr in [0, 1 << 16, 1 << 31] {
                let mut start = with_images(&mut rng, &rig, offset);
                start.memory[offset + 24..][..4].copy_from_slice(&(mxcsr(&mut rng) | bad_mxcsr).to_le_bytes());
                let end = rig.compare(&start, |_| {});
                let restores = matches!(code, Code::Fxrstor64_m512byte | Code::Fxrstor_m512byte);
                let faults = offset % 16 != 0 || restores && bad_mxcsr != 0;
                assert_eq!(end, Ok(if faults { End::Segv } else { End::Completed }), "{code:?} at {offset:#x}");
            }
        }
    }
}

#[test]
fn mmu_097_prefetch_never_faults_and_mmu_099_clflush_faults_as_a_load() {
    let mut rig = Rig::new();
    for code in [
        Code::Prefetchnta_m8,
        Code::Prefetcht0_m8,
        Code::Prefetcht1_m8,
        Code::Prefetcht2_m8,
        Code::Prefetchw_m8,
        Code::Clflush_m8,
    ] {
        rig.load(&at_rdi(code));
        // Mapped, unmapped, not canonical.
        for address in [rig.data_address() + 5, 0x10, 1 << 47] {
            let mut start = Machine::new();
            start.gpr[7] = address;
            let faults = code == Code::Clflush_m8 && address != rig.data_address() + 5;
            assert_eq!(rig.compare(&start, |_| {}), Ok(if faults { End::Segv } else { End::Completed }), "{code:?}");
        }
    }
}

#[test]
fn mmu_157_misalignment_comes_before_translation() {
    let mut rig = Rig::new();
    let insn = |code| {
        let mut insn = at_rdi(code);
        insn.set_op0_kind(OpKind::Register);
        insn.set_op0_register(Register::XMM1);
        insn.set_op1_kind(OpKind::Memory);
        insn
    };
    let mut start = Machine::new();
    start.gpr[7] = 0x18;
    for code in [Code::Movaps_xmm_xmmm128, Code::Paddd_xmm_xmmm128, Code::Addpd_xmm_xmmm128] {
        rig.load(&insn(code));
        assert_eq!(rig.exit(&start), Exit::Exception(Exception::GeneralProtection { code: 0 }), "{code:?}");
    }
    rig.load(&insn(Code::Movups_xmm_xmmm128));
    assert!(matches!(rig.exit(&start), Exit::PageFault(fault) if fault.cr2.0 == 0x18));
}
