//! A state for an instruction: registers, flags, x87, vectors and memory.

use super::encode::Plan;
use super::layout::{CODE, CODE_BYTES, DATA, DATA_BYTES};
use super::native::Case;
use super::random::Random;
use super::registers::Registers;
use super::values::{self, Kind};
use arch::Rflags;
use iced_x86::{Mnemonic, OpKind};

/// Random memory that the cases of a form have in common, but for where they access it.
#[must_use]
pub fn background(rng: &mut Random) -> Vec<u8> {
    (0..DATA_BYTES / 8).flat_map(|_| rng.bits().to_le_bytes()).collect()
}

/// Whether states have RFLAGS.AC at times, under which misaligned accesses raise #AC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Never.
    Unchecked,
    /// Once in 16 states.
    Sometimes,
}

/// A case of this instruction.
pub fn case(plan: &Plan, alignment: Alignment, background: &[u8], rng: &mut Random) -> Case {
    let kind = values::kind_of(plan.insn.code());
    let mut regs = Registers::at_start(plan.at);
    for value in &mut regs.gpr {
        *value = values::integer(rng);
    }
    regs.rflags = flags(rng);
    if rng.below(16) == 0 && alignment == Alignment::Sometimes {
        regs.rflags |= Rflags::AC.bits();
    }
    x87(&mut regs, rng);
    regs.set_mxcsr(values::mxcsr(rng));
    for n in 0..16 {
        regs.set_xmm(n, values::vector(rng, kind));
        regs.ymm_high[n] = values::vector(rng, kind);
    }
    (regs.fs_base, regs.gs_base) = (plan.pins.fs_base, plan.pins.gs_base);
    let mut memory = background.to_vec();
    for &(start, bytes) in &plan.pins.windows {
        fill(&mut memory, start, bytes, kind, rng);
    }
    suit(plan, &mut regs, &mut memory, rng);
    for &(register, value) in &plan.pins.gpr {
        regs.gpr[register] = value;
    }
    for &(register, low, high) in &plan.pins.vectors {
        regs.set_xmm(register, low);
        regs.ymm_high[register] = high;
    }
    let insns = 1 + u64::from(plan.insn.code().op_code().fwait());
    Case { regs, code: plan.bytes.clone(), insns, memory }
}

fn flags(rng: &mut Random) -> u64 {
    let status = rng.bits() & Rflags::STATUS.bits();
    let direction = if rng.percent(25) { Rflags::DF.bits() } else { 0 };
    status | direction | (Rflags::FIXED | Rflags::IF).bits()
}

/// Mostly a full or an empty stack, masked exceptions and no pending one.
fn x87(regs: &mut Registers, rng: &mut Random) {
    let control = match rng.below(8) {
        0..=2 => 0x037f,
        3 => 0x027f,
        7 => rng.pick(&[0, 0x200, 0x300]) | rng.below(0x40) as u16 | (rng.below(4) << 10) as u16 | 0x40,
        _ => rng.pick(&[0, 0x200, 0x300]) | 0x7f | (rng.below(4) << 10) as u16,
    };
    let top = (rng.below(8) << 11) as u16;
    let sticky = if rng.percent(60) { rng.below(0x80) as u16 & (control | 0x40) } else { 0 };
    let pending = if rng.percent(4) { rng.below(0x40) as u16 } else { 0 };
    let conditions = (rng.below(8) << 8 | rng.below(2) << 14) as u16;
    let mut status = top | sticky | pending | conditions;
    if status & !control & 0x3f != 0 {
        status |= 0x8080;
    }
    regs.set_fpu_word(0, control);
    regs.set_fpu_word(2, status);
    let tags = match rng.below(10) {
        0..=5 => 0xff,
        6 => 0,
        _ => rng.below(256) as u16,
    };
    regs.set_fpu_word(4, tags);
    if rng.percent(50) {
        // The last x87 instruction, its operand, and its opcode.
        regs.fx[8..14].copy_from_slice(&(rng.bits() >> 17).to_le_bytes()[..6]);
        regs.fx[16..22].copy_from_slice(&(rng.bits() >> 17).to_le_bytes()[..6]);
        regs.set_fpu_word(6, rng.below(0x800) as u16);
    }
    for i in 0..8 {
        let (significand, exponent) = match rng.below(8) {
            0 => (rng.bits(), 0xffff),
            1 => (values::quadword(rng, Kind::Int), 0xffff),
            _ => values::extended(rng),
        };
        regs.set_st(i, significand, exponent);
    }
}

/// Puts values of this kind where memory is accessed.
fn fill(memory: &mut [u8], start: u64, bytes: u64, kind: Kind, rng: &mut Random) {
    let mut content = Vec::new();
    if kind == Kind::Extended {
        let (significand, exponent) = values::extended(rng);
        content.extend(significand.to_le_bytes());
        content.extend(exponent.to_le_bytes());
    } else {
        let kind = values::varied(rng, kind);
        while (content.len() as u64) < bytes {
            content.extend(values::quadword(rng, kind).to_le_bytes());
        }
    }
    put(memory, start, &content[..content.len().min(bytes as usize)]);
}

/// Writes what of `content` falls on data pages.
fn put(memory: &mut [u8], start: u64, content: &[u8]) {
    for (n, &byte) in content.iter().enumerate() {
        let at = start.wrapping_add(n as u64).wrapping_sub(DATA);
        if let Some(cell) = memory.get_mut(at as usize) {
            *cell = byte;
        }
    }
}

/// Values that make a case of some instructions interesting.
fn suit(plan: &Plan, regs: &mut Registers, memory: &mut [u8], rng: &mut Random) {
    use Mnemonic as M;
    let insn = &plan.insn;
    let window = plan.pins.windows.first().map(|&(start, _)| start);
    match insn.mnemonic() {
        M::Div | M::Idiv => {
            regs.gpr[2] = rng.pick(&[0, 0, u64::MAX, 1, regs.gpr[2]]);
            if rng.percent(50) {
                regs.gpr[0] &= 0xff;
            }
        }
        M::Jmp | M::Call | M::Ret => {
            let target = CODE + rng.below(CODE_BYTES as u64 - 1);
            let into_itself = target.wrapping_sub(plan.at) < plan.bytes.len() as u64;
            let target = if rng.percent(80) && !into_itself { target } else { values::integer(rng) };
            if insn.op0_kind() == OpKind::Register {
                regs.gpr[insn.op0_register().full_register().number()] = target;
            }
            for &(start, _) in &plan.pins.windows {
                let at = if insn.mnemonic() == M::Ret { start.wrapping_add(16) } else { start };
                put(memory, at, &target.to_le_bytes());
            }
        }
        M::Cmpxchg if rng.percent(50) => {
            regs.gpr[0] = match insn.op0_kind() {
                OpKind::Register => regs.gpr[insn.op0_register().full_register().number()],
                _ => window.map_or(0, |at| get(memory, at)),
            };
        }
        M::Cmpxchg8b if rng.percent(50) => {
            let value = window.map_or(0, |at| get(memory, at));
            (regs.gpr[0], regs.gpr[2]) = (value & 0xffff_ffff, value >> 32);
        }
        M::Cmpxchg16b if rng.percent(50) => {
            let half = |plus: u64| window.map_or(0, |at| get(memory, at.wrapping_add(plus)));
            (regs.gpr[0], regs.gpr[2]) = (half(0), half(8));
        }
        M::Xrstor | M::Xrstor64 | M::Fxrstor | M::Fxrstor64 => restorable(window, regs, memory, rng),
        M::Xsave | M::Xsave64 | M::Xsaveopt | M::Xsaveopt64 | M::Xsavec | M::Xsavec64 => {
            (regs.gpr[0], regs.gpr[2]) = (rng.below(8), 0);
        }
        M::Ldmxcsr | M::Vldmxcsr => {
            let value = if rng.percent(90) { values::mxcsr(rng) } else { rng.bits() as u32 };
            put(memory, window.unwrap_or(0), &value.to_le_bytes());
        }
        M::Wrpkru => {
            // Key 0 stays usable.
            regs.gpr[0] &= !3;
            if rng.percent(90) {
                (regs.gpr[1], regs.gpr[2]) = (0, 0);
            }
        }
        M::Rdpkru if rng.percent(90) => regs.gpr[1] = 0,
        _ => {}
    }
    if is_far(plan) {
        replace_selectors(plan, memory, COMPATIBILITY_CODE, LONG_CODE);
    }
    if insn.mnemonic() == M::Lsl {
        replace_selectors(plan, memory, PROCESSOR_NUMBER, LONG_CODE);
        let source = insn.op1_register().full_register();
        if source.is_gpr() && regs.gpr[source.number()] & 0xfff8 == u64::from(PROCESSOR_NUMBER) {
            regs.gpr[source.number()] ^= 8;
        }
    }
    if is_shift(insn.mnemonic()) {
        regs.gpr[1] = rng.below(70) | regs.gpr[1] & !0xff;
    }
}

/// Linux's segment of 32-bit code: what runs there is no matter of the forms here.
const COMPATIBILITY_CODE: u8 = 0x20;
/// Linux's segment of 64-bit code, at CPL 3.
const LONG_CODE: u8 = 0x33;
/// Linux's segment whose limit is the number of the processor.
const PROCESSOR_NUMBER: u8 = 0x78;

fn is_far(plan: &Plan) -> bool {
    use Mnemonic as M;
    let insn = &plan.insn;
    insn.is_call_far_indirect()
        || insn.is_jmp_far_indirect()
        || matches!(insn.mnemonic(), M::Retf | M::Iret | M::Iretd | M::Iretq)
}

/// Where memory is accessed, puts another selector for each that names this segment.
fn replace_selectors(plan: &Plan, memory: &mut [u8], segment: u8, by: u8) {
    for &(start, bytes) in &plan.pins.windows {
        let first = start.wrapping_sub(DATA) as usize;
        for at in first..first.saturating_add(bytes as usize + 16) {
            if let Some(&[low, 0]) = memory.get(at..at.saturating_add(2))
                && low & 0xf8 == segment
            {
                memory[at] = by;
            }
        }
    }
}

fn is_shift(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(mnemonic, M::Shl | M::Sal | M::Shr | M::Sar | M::Rol | M::Ror | M::Rcl | M::Rcr | M::Shld | M::Shrd)
}

fn get(memory: &[u8], at: u64) -> u64 {
    let byte = |i: u64| memory.get(at.wrapping_add(i).wrapping_sub(DATA) as usize).copied().unwrap_or(0);
    u64::from_le_bytes(std::array::from_fn(|i| byte(i as u64)))
}

/// An image that can be restored: a good MXCSR and, mostly, a good XSAVE header.
fn restorable(window: Option<u64>, regs: &mut Registers, memory: &mut [u8], rng: &mut Random) {
    let Some(at) = window else { return };
    let mut image = Registers::at_start(0);
    x87(&mut image, rng);
    image.set_mxcsr(if rng.percent(95) { values::mxcsr(rng) } else { rng.bits() as u32 });
    for n in 0..16 {
        image.set_xmm(n, values::vector(rng, Kind::Int));
    }
    put(memory, at, &image.fx[..416]);
    let mut header = [0; 64];
    header[0] = rng.below(8) as u8;
    if rng.percent(10) {
        header[rng.below(24) as usize] = rng.below(256) as u8;
    }
    // Components that this processor may have and the core has not: of XSTATE_BV and XCOMP_BV no bits but 7:0 and 63.
    for word in [0, 8] {
        header[word] &= 7;
        header[word + 1..word + 7].fill(0);
        header[word + 7] &= 0x80;
    }
    put(memory, at.wrapping_add(512), &header);
    (regs.gpr[0], regs.gpr[2]) = (rng.below(8), 0);
}
