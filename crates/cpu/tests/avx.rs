//! AVX, AVX2, FMA and F16C against silicon: every VEX encoding that the decoder knows, in register and memory forms.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use common::native::is_intel;
use common::values::{mxcsr, register_bits};
use common::{DATA_BYTES, End, Machine, Rig, Rng, states_per_form};
use iced_x86::{
    Code, CpuidFeature as F, EncodingKind, Instruction, Mnemonic as M, OpCodeOperandKind as Kind, OpKind, Register,
};
use std::fmt::Write;

/// Approximations, which differ by vendor.
const APPROXIMATE: [M; 4] = [M::Vrcpps, M::Vrcpss, M::Vrsqrtps, M::Vrsqrtss];

/// The VEX encodings of x86-64-v3 and of AES and PCLMULQDQ.
fn codes() -> impl Iterator<Item = Code> {
    const BUILT: [F; 6] = [F::AVX, F::AVX2, F::FMA, F::F16C, F::AES, F::PCLMULQDQ];
    Code::values().filter(|code| {
        let info = code.op_code();
        info.encoding() == EncodingKind::VEX && info.mode64() && code.cpuid_features().iter().all(|f| BUILT.contains(f))
    })
}

/// True if this processor has all that these forms need.
fn is_comparable() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("fma") && has!("f16c") && has!("aes") && has!("pclmulqdq")
}

fn is_gather(kind: Kind) -> bool {
    matches!(kind, Kind::mem_vsib32x | Kind::mem_vsib32y | Kind::mem_vsib64x | Kind::mem_vsib64y)
}

/// An encoding with chosen operands; memory is at RDI.
fn instruction(code: Code, rng: &mut Rng, memory: bool) -> Option<Instruction> {
    let info = code.op_code();
    let mut insn = Instruction::default();
    insn.set_code(code);
    let mut has_memory = false;
    let same = rng.one_in(4).then(|| rng.below(16) as u32);
    // A gather wants three different registers.
    let first = rng.below(16) as u32;
    let gathers = (0..info.op_count()).any(|n| is_gather(info.op_kind(n)));
    for n in 0..info.op_count() {
        let vector = match same {
            _ if gathers => (first + 5 * n) % 16,
            Some(number) => number,
            None => rng.below(16) as u32,
        };
        let number = rng.pick(&[0, 1, 2, 3, 6, 8, 9, 13, 15]);
        let register = |insn: &mut Instruction, r| {
            insn.set_op_kind(n, OpKind::Register);
            insn.set_op_register(n, r);
        };
        let kind = info.op_kind(n);
        match kind {
            Kind::xmm_reg | Kind::xmm_rm | Kind::xmm_vvvv | Kind::xmm_is4 => {
                register(&mut insn, Register::XMM0 + vector);
            }
            Kind::ymm_reg | Kind::ymm_rm | Kind::ymm_vvvv | Kind::ymm_is4 => {
                register(&mut insn, Register::YMM0 + vector);
            }
            Kind::r32_reg => register(&mut insn, Register::EAX + number),
            Kind::r64_reg => register(&mut insn, Register::RAX + number),
            Kind::xmm_or_mem if !memory => register(&mut insn, Register::XMM0 + vector),
            Kind::ymm_or_mem if !memory => register(&mut insn, Register::YMM0 + vector),
            Kind::r32_or_mem if !memory => register(&mut insn, Register::EAX + number),
            Kind::r64_or_mem if !memory => register(&mut insn, Register::RAX + number),
            Kind::xmm_or_mem | Kind::ymm_or_mem | Kind::r32_or_mem | Kind::r64_or_mem | Kind::mem => {
                has_memory = true;
                insn.set_op_kind(n, OpKind::Memory);
                insn.set_memory_base(Register::RDI);
            }
            Kind::mem_vsib32x | Kind::mem_vsib32y | Kind::mem_vsib64x | Kind::mem_vsib64y => {
                has_memory = true;
                let long = matches!(kind, Kind::mem_vsib32y | Kind::mem_vsib64y);
                insn.set_op_kind(n, OpKind::Memory);
                insn.set_memory_base(Register::RDI);
                insn.set_memory_index(if long { Register::YMM0 } else { Register::XMM0 } + vector);
                insn.set_memory_index_scale(1 << rng.below(4));
                insn.set_memory_displ_size(1);
                insn.set_memory_displacement64(rng.below(64));
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
            other => panic!("{code:?} has an operand of kind {other:?}"),
        }
    }
    (has_memory == memory).then_some(insn)
}

/// Indices of a gather that lead into data memory or, rarely, the page behind it.
fn set_indices(rng: &mut Rng, m: &mut Machine, insn: &Instruction, offset: u64) {
    let wide = (0..4).any(|n| matches!(insn.code().op_code().op_kind(n), Kind::mem_vsib64x | Kind::mem_vsib64y));
    let half = |rng: &mut Rng| {
        let bits = if wide { 64 } else { 32 };
        (0..128 / bits).fold(0_u128, |x, n| {
            let limit = if rng.one_in(12) { DATA_BYTES + 4000 } else { DATA_BYTES - 80 };
            let target = rng.below(limit as u64) as i64 - offset as i64;
            let index = target / i64::from(insn.memory_index_scale());
            x | (u128::from(index as u64) & (u128::MAX >> (128 - bits))) << (bits * n)
        })
    };
    let number = insn.memory_index().number();
    m.set_xmm(number, half(rng));
    m.ymm_high[number] = half(rng);
}

fn random_machine(rng: &mut Rng, rig: &Rig, insn: &Instruction) -> Machine {
    let mut m = Machine::new();
    for n in 0..16 {
        m.set_xmm(n, register_bits(rng));
        m.ymm_high[n] = register_bits(rng);
        m.gpr[n] = if rng.one_in(2) { rng.below(20).wrapping_sub(2) } else { rng.next() >> rng.below(64) };
    }
    m.set_mxcsr(mxcsr(rng));
    m.rflags |= arch::Rflags::from_bits_truncate(rng.next()) & arch::Rflags::STATUS;
    let offset = match rng.below(10) {
        0 => rng.below(4096),
        1 => 4096 - rng.below(36),
        2 => DATA_BYTES as u64 - rng.below(40),
        3 => rng.below(200) * 16,
        _ => rng.below(200) * 32,
    };
    for at in (0..4).map(|n| (offset as usize & !15) + 16 * n).filter(|at| at + 16 <= DATA_BYTES) {
        m.memory[at..at + 16].copy_from_slice(&register_bits(rng).to_le_bytes());
    }
    if insn.mnemonic() == M::Vldmxcsr && !rng.one_in(8) && offset as usize + 4 <= DATA_BYTES {
        let value = mxcsr(rng);
        m.memory[offset as usize..][..4].copy_from_slice(&value.to_le_bytes());
    }
    if insn.memory_index() != Register::None {
        set_indices(rng, &mut m, insn, offset);
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
            println!("{}\n    {difference}", describe(rig, insn, &start));
        }
        mismatches += 1;
    }
    mismatches
}

#[test]
fn every_form_does_what_the_processor_does() {
    if !is_comparable() {
        return;
    }
    let mut rig = Rig::new();
    let mut rng = Rng(2);
    let (mut forms, mut ends) = (0, Ends::default());
    let mut failed = Vec::new();
    for code in codes().filter(|code| is_intel() || !APPROXIMATE.contains(&code.mnemonic())) {
        for memory in [false, true] {
            let mut mismatches = 0;
            for _ in 0..25 {
                let Some(insn) = instruction(code, &mut rng, memory) else { continue };
                mismatches += check(&mut rig, &mut rng, &insn, states_per_form().div_ceil(25), &mut ends);
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
    assert!(forms > 20_000 && ends.completed > 30_000 && ends.segv > 1000 && ends.fpe > 1000);
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
