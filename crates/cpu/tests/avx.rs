//! AVX, AVX2, FMA and F16C, what random states do not reach: FMA where rounding, cancelling and underflow are decided, every half and
//! the singles about it, and the kinds of address of a gather. Each form by itself is compared with silicon by the `isa` test of
//! the crate `oracle`.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use common::values::mxcsr;
use common::{DATA_BYTES, End, Machine, Rig, Rng, states_per_form};
use iced_x86::{Code, Instruction, OpCodeOperandKind as Kind, OpKind, Register};
use std::fmt::Write;

/// True if this processor has all that these forms need.
fn is_comparable() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("fma") && has!("f16c") && has!("aes") && has!("pclmulqdq")
}

/// What a person needs to see of a state that went wrong.
fn describe(rig: &Rig, insn: &Instruction, start: &Machine) -> String {
    let mut text = format!("{:?} `{insn}`, mxcsr {:#x}", insn.code(), start.mxcsr());
    let registers = (0..insn.op_count()).map(|n| insn.op_register(n)).chain([insn.memory_index()]);
    for r in registers.filter(|r| r.is_vector_register()) {
        let n = r.number();
        let _ = write!(text, "\n    {r:?} {:#034x} {:#034x}", start.ymm_high[n], start.xmm(n));
    }
    let at = (start.gpr[7] - rig.data_address()) as usize;
    let end = (at + 32).min(DATA_BYTES);
    let _ = write!(text, "\n    memory at {at:#x} {:02x?}", &start.memory[at.min(end)..end]);
    text
}

/// Bits of a double near where rounding, cancelling and underflow of a * b + c are decided.
fn fused_operands(rng: &mut Rng) -> [f64; 3] {
    let number = |rng: &mut Rng, exponent: u64| {
        let fraction = rng.next() >> 12 & !(u64::MAX >> 12 >> rng.below(53));
        f64::from_bits(rng.below(2) << 63 | exponent << 52 | fraction)
    };
    let exponent = rng.below(2046) + 1;
    let a = number(rng, exponent);
    // The product near 2^-1022, near 1 or near 2^1023.
    let log = rng.pick(&[-1080, -1074, -1040, -1024, -1022, -1021, 0, 1, 50, 1020, 1022, 1023]) + rng.below(4) as i64;
    let exponent = (log + 2046 - exponent as i64).clamp(0, 2046) as u64;
    let b = number(rng, exponent);
    let product = a * b;
    let neighbour = f64::from_bits(product.to_bits().wrapping_add(rng.below(5)).wrapping_sub(2));
    let c = match rng.below(6) {
        0 => -product,
        1 => -neighbour,
        2 => -neighbour * 2.0,
        3 => f64::from_bits((product.to_bits() ^ rng.below(2) << 63).wrapping_sub(rng.below(110) << 52)),
        4 => f64::from_bits(rng.below(2) << 63 | rng.below(4)),
        _ => f64::from_bits((product.to_bits() ^ rng.below(2) << 63).wrapping_add(rng.below(110) << 52)),
    };
    [a, b, c]
}

/// As [`fused_operands`], in single precision: two in each 64 bits.
fn narrow_fused_operands(rng: &mut Rng) -> [u64; 3] {
    let [x, y] = [(); 2].map(|()| {
        let number = |rng: &mut Rng, exponent: u64| {
            let fraction = (rng.next() >> 41 & !(u64::MAX >> 41 >> rng.below(24))) as u32;
            f32::from_bits((rng.below(2) << 31 | exponent << 23) as u32 | fraction)
        };
        let exponent = rng.below(254) + 1;
        let a = number(rng, exponent);
        let log = rng.pick(&[-155, -149, -130, -128, -126, -125, 0, 1, 25, 124, 126, 127]) + rng.below(4) as i64;
        let b = number(rng, (log + 254 - exponent as i64).clamp(0, 254) as u64);
        let product = (a * b).to_bits();
        let sign = (rng.below(2) << 31) as u32;
        let c = match rng.below(4) {
            0 => product.wrapping_add(rng.below(5) as u32).wrapping_sub(2) ^ 1 << 31,
            1 => (product ^ sign).wrapping_sub((rng.below(50) << 23) as u32),
            2 => (product ^ sign).wrapping_add((rng.below(50) << 23) as u32),
            _ => sign | rng.below(4) as u32,
        };
        [a.to_bits(), b.to_bits(), c]
    });
    [0, 1, 2].map(|n| u64::from(x[n]) | u64::from(y[n]) << 32)
}

#[test]
fn fused_operations_are_exact_at_the_borders() {
    if !is_comparable() {
        return;
    }
    let mut rig = Rig::new();
    let mut rng = Rng(3);
    let codes = [
        (Code::VEX_Vfmadd231pd_ymm_ymm_ymmm256, false),
        (Code::VEX_Vfmaddsub231pd_ymm_ymm_ymmm256, false),
        (Code::VEX_Vfnmsub231sd_xmm_xmm_xmmm64, false),
        (Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256, true),
        (Code::VEX_Vfmsubadd231ps_ymm_ymm_ymmm256, true),
        (Code::VEX_Vfnmadd231ss_xmm_xmm_xmmm32, true),
    ];
    for (code, narrow) in codes {
        let base = if code.op_code().op_kind(0) == Kind::ymm_reg { Register::YMM0 } else { Register::XMM0 };
        let insn = Instruction::with3(code, base + 2_u32, base, base + 1_u32).unwrap();
        rig.load(&insn);
        for _ in 0..40 * states_per_form() {
            let mut start = Machine::new();
            start.set_mxcsr(if rng.one_in(3) { 0x1fa0 } else { mxcsr(&mut rng) });
            let [w, x, y, z] = [(); 4].map(|()| {
                if narrow { narrow_fused_operands(&mut rng) } else { fused_operands(&mut rng).map(f64::to_bits) }
            });
            for n in 0..3 {
                start.set_xmm(n, u128::from(w[n]) | u128::from(x[n]) << 64);
                start.ymm_high[n] = u128::from(y[n]) | u128::from(z[n]) << 64;
            }
            if let Err(difference) = rig.compare(&start, |_| {}) {
                panic!("{}\n    {difference}", describe(&rig, &insn, &start));
            }
        }
    }
}

#[test]
fn every_single_and_half_converts_as_the_processor_does() {
    if !is_comparable() {
        return;
    }
    let mut rig = Rig::new();
    let expand = Instruction::with2(Code::VEX_Vcvtph2ps_ymm_xmmm128, Register::YMM1, Register::XMM0).unwrap();
    rig.load(&expand);
    for n in 0..1_u32 << 13 {
        let mut start = Machine::new();
        start.set_xmm(0, (0..8).fold(0, |x, lane| x | u128::from(8 * n + lane) << (16 * lane)));
        assert_eq!(rig.compare(&start, |_| {}), Ok(End::Completed), "{n:#x}");
    }
    // Singles about every half, and about the middle between two.
    for imm in 0..5 {
        let contract = Instruction::with3(Code::VEX_Vcvtps2ph_xmmm128_ymm_imm8, Register::XMM1, Register::YMM0, imm);
        rig.load(&contract.unwrap());
        for n in (0x6500..0x9000).map(|n| n << 15) {
            let mut start = Machine::new();
            let lane = |at: u32, offset: u32| u128::from((n as u32 ^ 1 << 31).wrapping_add(offset)) << (32 * at);
            start.set_xmm(0, lane(0, 0) | lane(1, 1) | lane(2, 0x1000) | lane(3, 0x1001));
            start.ymm_high[0] = lane(0, 0xfff) | lane(1, 0x1fff) | lane(2, 0x2000) | lane(3, 0x3000);
            assert_eq!(rig.compare(&start, |_| {}), Ok(End::Completed), "{n:#x}");
        }
    }
}

/// An address of 32 bits is cut lane by lane in a gather, and a segment's base is added behind that.
#[test]
fn a_gather_knows_every_kind_of_address() {
    if !is_comparable() {
        return;
    }
    let mut rig = Rig::new();
    let mut insn = Instruction::default();
    insn.set_code(Code::VEX_Vpgatherdd_ymm_vm32y_ymm);
    insn.set_op0_register(Register::YMM1);
    insn.set_op1_kind(OpKind::Memory);
    insn.set_op2_register(Register::YMM2);
    insn.set_memory_index(Register::YMM3);
    insn.set_memory_index_scale(4);
    let mut start = Machine::new();
    start.set_xmm(2, u128::MAX);
    start.ymm_high[2] = u128::MAX;
    let pattern = |n: u128| (0..4).fold(0, |x, lane| x | (4 * n + lane) << (32 * lane));
    start.memory[..16].copy_from_slice(&[7; 16]);
    start.set_xmm(3, pattern(0));
    start.ymm_high[3] = pattern(1);
    // No base, and a displacement of 32 bits: nothing is mapped there.
    insn.set_memory_displ_size(8);
    insn.set_memory_displacement64(0x7000);
    rig.load(&insn);
    assert_eq!(rig.compare(&start, |_| {}), Ok(End::Segv));
    // A base of 32 bits, cut.
    insn.set_memory_base(Register::EDI);
    insn.set_memory_displ_size(1);
    insn.set_memory_displacement64(8);
    rig.load(&insn);
    start.gpr[7] = 0xffff_ffff_ffff_fff0;
    assert_eq!(rig.compare(&start, |_| {}), Ok(End::Segv));
    // The instruction that was not cut.
    insn.set_memory_base(Register::RDI);
    rig.load(&insn);
    start.gpr[7] = rig.data_address();
    assert_eq!(rig.compare(&start, |_| {}), Ok(End::Completed));
}
