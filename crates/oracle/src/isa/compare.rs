//! What differs between two outcomes.

use super::forms::Judgement;
use super::registers::{End, Outcome, Registers};
use arch::{Rflags, XsaveImage};
use iced_x86::{Instruction, InstructionInfoFactory, OpAccess};

/// RFLAGS that programs see; IF and IOPL are the kernel's, and RF is set by the exception itself.
const FLAGS: u64 = Rflags::STATUS.bits()
    | Rflags::DF.bits()
    | Rflags::TF.bits()
    | Rflags::NT.bits()
    | Rflags::AC.bits()
    | Rflags::ID.bits();

/// The differences, in text; empty if there are none. `given` is the state before.
#[must_use]
pub fn differences(insn: &Instruction, judgement: Judgement, want: &Outcome, got: &Outcome) -> Vec<String> {
    let mut out = Vec::new();
    if want.end != got.end {
        out.push(format!("end: native {:x?}, core {:x?}", want.end, got.end));
        return out;
    }
    let (mut want_regs, mut got_regs) = (comparable(&want.regs), comparable(&got.regs));
    match judgement {
        Judgement::Volatile(_) if want.end == End::Completed => {
            blur_destinations(insn, &mut want_regs);
            blur_destinations(insn, &mut got_regs);
        }
        Judgement::OneUlp => blur_last_place(&want_regs, &mut got_regs),
        _ => {}
    }
    registers(&want_regs, &got_regs, &mut out);
    if want.memory != got.memory {
        memory(&want.memory, &got.memory, &mut out);
    }
    out
}

/// What differs between two sets of registers, flags in `ignored` apart.
#[must_use]
pub fn register_differences(want: &Registers, got: &Registers, ignored: u64) -> Vec<String> {
    let (mut want, mut got) = (comparable(want), comparable(got));
    want.rflags &= !ignored;
    got.rflags &= !ignored;
    let mut out = Vec::new();
    if want != got {
        registers(&want, &got, &mut out);
    }
    out
}

/// The status flags that differ, if nothing else does.
#[must_use]
pub fn flags_that_differ(want: &Outcome, got: &Outcome) -> u64 {
    (want.regs.rflags ^ got.regs.rflags) & FLAGS
}

/// Without what is not compared: flags of the kernel, the mask of MXCSR, and reserved bytes.
fn comparable(regs: &Registers) -> Registers {
    let mut regs = *regs;
    regs.rflags &= FLAGS;
    regs.fx[28..32].fill(0);
    regs.fx[416..].fill(0);
    regs
}

/// Clears the registers and flags that an instruction writes.
fn blur_destinations(insn: &Instruction, regs: &mut Registers) {
    let mut factory = InstructionInfoFactory::new();
    for used in factory.info(insn).used_registers() {
        if matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        ) && used.register().is_gpr()
        {
            regs.gpr[used.register().full_register().number()] = 0;
        }
    }
}

/// Takes over from `want` what a transcendental instruction may have otherwise: the last place, C1 and PE.
fn blur_last_place(want: &Registers, got: &mut Registers) {
    for i in 0..2 {
        let (a, b) = (want.st(i), got.st(i));
        let wide = |(significand, exponent): (u64, u16)| {
            u128::from(exponent & 0x7fff) << 63 | u128::from(significand & (u64::MAX >> 1))
        };
        if (a.1 ^ b.1) & 0x8000 == 0 && wide(a).abs_diff(wide(b)) <= 1 {
            got.set_st(i, a.0, a.1);
        }
    }
    let loose = 0x0220;
    got.set_fpu_word(2, got.fpu_word(2) & !loose | want.fpu_word(2) & loose);
}

fn registers(want: &Registers, got: &Registers, out: &mut Vec<String>) {
    const NAMES: [&str; 16] =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    let mut check = |name: String, a: u128, b: u128| {
        if a != b {
            out.push(format!("{name}: native {a:#x}, core {b:#x}"));
        }
    };
    for (n, name) in NAMES.iter().enumerate() {
        check((*name).to_string(), want.gpr[n].into(), got.gpr[n].into());
    }
    check("rip".to_string(), want.rip.into(), got.rip.into());
    check("fs_base".to_string(), want.fs_base.into(), got.fs_base.into());
    check("gs_base".to_string(), want.gs_base.into(), got.gs_base.into());
    check("pkru".to_string(), want.pkru.into(), got.pkru.into());
    check("mxcsr".to_string(), want.mxcsr().into(), got.mxcsr().into());
    for (name, at) in [("fcw", 0), ("fsw", 2), ("ftw", 4)] {
        check(name.to_string(), want.fpu_word(at).into(), got.fpu_word(at).into());
    }
    for (name, at, len) in [("fop", 6, 2), ("fip", 8, 8), ("fdp", 16, 8)] {
        let number = |regs: &Registers| (0..len).rev().fold(0, |n, i| n << 8 | u128::from(regs.fx[at + i]));
        check(name.to_string(), number(want), number(got));
    }
    for i in 0..8 {
        let wide = |regs: &Registers| u128::from(regs.st(i).1) << 64 | u128::from(regs.st(i).0);
        check(format!("st{i}"), wide(want), wide(got));
    }
    for n in 0..16 {
        check(format!("xmm{n}"), want.xmm(n), got.xmm(n));
        check(format!("ymm{n} high"), want.ymm_high[n], got.ymm_high[n]);
    }
    if want.rflags != got.rflags {
        let differ = Rflags::from_bits_truncate(want.rflags ^ got.rflags);
        out.push(format!("rflags: native {:#x}, core {:#x} ({differ:?})", want.rflags, got.rflags));
    }
    if out.is_empty() && want.fx != got.fx {
        let at = (0..XsaveImage::XMM0).find(|&at| want.fx[at] != got.fx[at]);
        out.push(format!("fxsave image at {at:x?}"));
    }
}

fn memory(want: &[u8], got: &[u8], out: &mut Vec<String>) {
    let differ: Vec<usize> = (0..want.len()).filter(|&at| want[at] != got[at]).collect();
    if let (Some(&first), Some(&last)) = (differ.first(), differ.last()) {
        let end = (last + 1).min(first + 32);
        let span = first..end;
        out.push(format!(
            "memory[{first:#x}..={last:#x}]: native {:02x?}, core {:02x?}",
            &want[span.clone()],
            &got[span]
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        Outcome { end: End::Completed, regs: Registers::at_start(0x1000), memory: vec![0; 64] }
    }

    fn differ(judgement: Judgement, got: &Outcome) -> usize {
        differences(&Instruction::default(), judgement, &outcome(), got).len()
    }

    #[test]
    fn any_part_that_differs_is_found() {
        assert_eq!(differ(Judgement::Exact, &outcome()), 0);
        let changes: [fn(&mut Outcome); 8] = [
            |o| o.regs.gpr[4] = 1,
            |o| o.regs.rip += 1,
            |o| o.regs.rflags |= 1,
            |o| o.regs.set_mxcsr(0x1fa0),
            |o| o.regs.set_xmm(7, 1),
            |o| o.regs.ymm_high[7] = 1,
            |o| o.regs.set_fpu_word(4, 1),
            |o| o.memory[63] = 1,
        ];
        for change in changes {
            let mut got = outcome();
            change(&mut got);
            assert_eq!(differ(Judgement::Exact, &got), 1);
        }
    }

    #[test]
    fn one_unit_in_the_last_place_is_allowed_to_transcendental_results_alone() {
        let with = |significand| {
            let mut got = outcome();
            got.regs.set_st(0, significand, 0);
            got
        };
        assert_eq!(differ(Judgement::OneUlp, &with(1)), 0);
        assert_eq!(differ(Judgement::OneUlp, &with(2)), 1);
        assert_eq!(differ(Judgement::Exact, &with(1)), 1);
    }
}
