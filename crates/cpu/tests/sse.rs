//! SSE, what random states do not reach, or what a rule asks for: the approximations over their whole tables, FXSAVE and FXRSTOR
//! across a page and with each kind of bad image, and which faults PREFETCH, CLFLUSH and aligned operands raise. Each form by itself
//! is compared with silicon by the `isa` test of the crate `oracle`.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use arch::Exception;
use common::native::is_intel;
use common::values::{mxcsr, register_bits};
use common::{End, Machine, Rig, Rng};
use iced_x86::{Code, Instruction, OpKind, Register};
use pagewalk_cpu::Exit;

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

/// An operand that begins below the upper half and ends in it.
#[test]
fn mmu_151_an_image_that_is_not_all_canonical_is_not_looked_at() {
    let mut rig = Rig::new();
    for code in [Code::Fxsave64_m512byte, Code::Fxrstor64_m512byte, Code::Fxsave_m512byte, Code::Fxrstor_m512byte] {
        rig.load(&at_rdi(code));
        for address in [0xffff_7fff_ffff_ff00, 0xffff_7fff_ffff_fe10, 0x0000_7fff_ffff_ff00] {
            let mut start = Machine::new();
            start.gpr[7] = address;
            assert_eq!(rig.compare(&start, |_| {}), Ok(End::Segv), "{code:?} at {address:#x}");
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
