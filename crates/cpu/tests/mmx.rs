//! MMX, what a state of one instruction does not show: that x87 sees what MMX has written, and the order in which a masked store
//! looks at its operand. Each form by itself is compared with silicon by the `isa` test of the crate `oracle`.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod common;

use arch::XsaveImage;
use common::native::is_intel;
use common::values::{mxcsr, register_bits};
use common::{End, Machine, Rig, Rng};
use iced_x86::{Code, Instruction, OpKind, Register};
use pagewalk_cpu::Exit;

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
