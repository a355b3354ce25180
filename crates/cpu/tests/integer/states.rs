//! Register states for an instruction: corner cases and random values, with the registers of its address aimed at data.

use super::common::Rng;
use super::operands::data_offset;
use super::rig::{DATA_BYTES, Rig, Start};
use arch::Rflags;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

pub fn value(rng: &mut Rng) -> u64 {
    let edge =
        rng.pick(&[0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 1 << 31, u64::MAX >> 32, 1 << 63]);
    match rng.below(8) {
        0 => edge,
        1 => edge.wrapping_neg(),
        2 => edge.wrapping_sub(1),
        3 => rng.below(70),
        4 => 1 << rng.below(64),
        5 => rng.next() >> rng.below(64),
        _ => rng.next(),
    }
}

/// Data that is neither all the same nor all different, so that comparisons go on for a while.
pub fn data(rng: &mut Rng) -> Vec<u8> {
    let mut data = vec![0; DATA_BYTES];
    let mut at = 0;
    while at < DATA_BYTES {
        let len = (1 + rng.below(64) as usize).min(DATA_BYTES - at);
        match rng.below(4) {
            0 => data[at..at + len].fill(rng.next() as u8),
            1 => data[at..at + len].fill(0),
            _ => data[at..at + len].fill_with(|| rng.next() as u8),
        }
        at += len;
    }
    data
}

/// A state for the instruction at `rip`.
pub fn start(rng: &mut Rng, rig: &Rig, insn: &Instruction, rip: u64, data: &[u8]) -> Start {
    let mut s = Start { gpr: [0; 16], rip, rflags: 0x202, gs_base: 0, data: data.to_vec() };
    s.gpr.fill_with(|| value(rng));
    let flags = Rflags::STATUS | if rng.one_in(3) { Rflags::DF } else { Rflags::empty() };
    s.rflags |= rng.next() & flags.bits();
    s.gs_base = if rng.one_in(2) { 0 } else { rng.below(0x10_0000) };
    if uses_stack(insn.mnemonic()) || rng.one_in(4) {
        s.gpr[4] = rig.data_address().wrapping_add(data_offset(rng));
    }
    operands(rng, rig, insn, &mut s);
    if rng.one_in(20) {
        let implied = [4, if insn.is_string_instruction() { 6 } else { 5 }, 7];
        let n = if rng.one_in(2) { rng.pick(&implied) } else { rng.below(16) as usize };
        // A displacement must not lead back to what this process has near the end of its half.
        let displaced = (0..insn.op_count()).any(|n| insn.op_kind(n) == OpKind::Memory);
        s.gpr[n] = if displaced { rng.pick(&[0x1_8000, 0x7fff_0000, 0xdead_0000]) << 32 } else { beyond(rng) };
    }
    s
}

/// An address that is not canonical, or nearly so.
fn beyond(rng: &mut Rng) -> u64 {
    rng.pick(&[1 << 47, 0x7fff_ffff_f000, u64::MAX << 47, 0xdead_0000_0000_0000]).wrapping_add(rng.below(16)) - 8
}

fn uses_stack(m: Mnemonic) -> bool {
    use Mnemonic::*;
    matches!(m, Push | Pop | Pushfq | Popfq | Pushf | Popf | Call | Ret | Enter)
}

/// Gives the registers that the instruction uses values that lead somewhere.
fn operands(rng: &mut Rng, rig: &Rig, insn: &Instruction, s: &mut Start) {
    use Mnemonic::*;
    let address = |rng: &mut Rng| rig.data_address().wrapping_add(data_offset(rng));
    match insn.mnemonic() {
        Div | Idiv => dividend(rng, insn, s),
        Leave | Enter => s.gpr[5] = address(rng),
        Xlatb => s.gpr[3] = address(rng).wrapping_sub(s.gpr[0] & 0xff),
        Bt | Bts | Btr | Btc if insn.op1_kind() == OpKind::Register && !rng.one_in(8) => {
            let offset = rng.below(0x8000) as i64 - 0x4000;
            s.gpr[insn.op1_register().full_register().number()] = offset as u64;
        }
        Jrcxz | Jecxz | Loop | Loope | Loopne => s.gpr[1] = s.gpr[1] << 32 & value(rng) | rng.below(3),
        Jmp | Call if insn.op0_kind() == OpKind::Register => {
            s.gpr[insn.op0_register().number()] = code_target(rng, rig, s.rip);
        }
        Cmpxchg | Cmpxchg8b => {}
        _ if insn.is_string_instruction() => return string(rng, rig, insn, s),
        _ => {}
    }
    if matches!(insn.mnemonic(), Ret) {
        put(s, rig, s.gpr[4], code_target(rng, rig, s.rip));
    }
    if (0..insn.op_count()).any(|n| insn.op_kind(n) == OpKind::Memory) && insn.mnemonic() != Xlatb {
        let target = if rng.one_in(16) { beyond(rng) } else { address(rng) };
        aim(insn, s, target);
        match insn.mnemonic() {
            Jmp | Call => put(s, rig, target, code_target(rng, rig, s.rip)),
            Cmpxchg if rng.one_in(2) => put(s, rig, target, s.gpr[0]),
            Cmpxchg8b if rng.one_in(2) => put(s, rig, target, s.gpr[2] << 32 | s.gpr[0] & 0xffff_ffff),
            _ => {}
        }
    } else if insn.mnemonic() == Cmpxchg && rng.one_in(2) {
        s.gpr[insn.op0_register().full_register().number()] = s.gpr[0];
    }
}

/// Anywhere, but not into the instruction itself, which might never end.
fn code_target(rng: &mut Rng, rig: &Rig, rip: u64) -> u64 {
    let target = match rng.below(8) {
        0 => value(rng),
        1 => rig.data_address(),
        _ => rig.code_address() + rng.below(0x2ff0),
    };
    if target.wrapping_sub(rip) < 16 { rip + 16 } else { target }
}

/// A quotient that often fits.
fn dividend(rng: &mut Rng, insn: &Instruction, s: &mut Start) {
    match rng.below(4) {
        0 => s.gpr[2] = 0,
        1 => s.gpr[2] = if s.gpr[0] >> 63 != 0 { u64::MAX } else { 0 },
        2 => s.gpr[2] = rng.below(16),
        _ => {}
    }
    if rng.one_in(3) {
        // At the edge of the range: quotient * divisor + about the divisor.
        let b = value(rng);
        let product = i128::from(value(rng) as i64) * i128::from(b as i64) + i128::from(rng.below(3)) - 1;
        (s.gpr[0], s.gpr[2]) = (product as u64, (product >> 64) as u64);
        if insn.op0_kind() == OpKind::Register {
            s.gpr[insn.op0_register().full_register().number()] = b;
        }
    }
    if rng.one_in(2) {
        s.gpr[0] &= 0xffff;
    }
}

/// Puts a value in data, as far as it lies there.
fn put(s: &mut Start, rig: &Rig, at: u64, value: u64) {
    let at = at.wrapping_sub(rig.data_address()) as usize;
    if at < DATA_BYTES - 8 {
        s.data[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}

fn string(rng: &mut Rng, rig: &Rig, insn: &Instruction, s: &mut Start) {
    s.gpr[6] = rig.data_address().wrapping_add(data_offset(rng));
    s.gpr[7] = match rng.below(3) {
        0 => s.gpr[6].wrapping_add(rng.below(33)).wrapping_sub(16),
        _ => rig.data_address().wrapping_add(data_offset(rng)),
    };
    if insn.segment_prefix() == Register::GS {
        s.gpr[6] = s.gpr[6].wrapping_sub(s.gs_base);
    }
    s.gpr[1] = match rng.below(6) {
        0 => rng.below(4),
        1 => rng.below(0x3000),
        2 => value(rng),
        _ => rng.below(100),
    };
    let short = (0..insn.op_count()).any(|n| matches!(insn.op_kind(n), OpKind::MemorySegESI | OpKind::MemoryESEDI));
    if short && rng.one_in(2) {
        for n in [1, 6, 7] {
            s.gpr[n] |= value(rng) << 32;
        }
    }
    if rng.one_in(3) {
        // Accumulator and data agree for a while.
        let at = s.gpr[7].wrapping_sub(rig.data_address()) as usize;
        if let Some(run) = s.data.get_mut(at.saturating_sub(100)..at.wrapping_add(100)) {
            run.fill(s.gpr[0] as u8);
            s.gpr[0] = u64::from_le_bytes([s.gpr[0] as u8; 8]);
        }
    }
}

/// Sets the registers of the memory operand so that it lies at `target`, if that can be.
pub fn aim(insn: &Instruction, s: &mut Start, target: u64) {
    let gs = if insn.memory_segment() == Register::GS { s.gs_base } else { 0 };
    let rest = target.wrapping_sub(insn.memory_displacement64()).wrapping_sub(gs);
    let (base, index) = (insn.memory_base(), insn.memory_index());
    let scale = u64::from(insn.memory_index_scale());
    if base.is_ip() || base == Register::None && index == Register::None {
        return;
    }
    let keep =
        |old: u64, new: u64, r: Register| if r.is_gpr32() { old & !0xffff_ffff | new & 0xffff_ffff } else { new };
    let set = |s: &mut Start, r: Register, v: u64| s.gpr[r.number()] = keep(s.gpr[r.number()], v, r);
    if index == Register::None {
        set(s, base, rest);
    } else if base == Register::None {
        set(s, index, rest / scale);
    } else if base == index {
        set(s, base, rest / (scale + 1));
    } else {
        set(s, base, rest.wrapping_sub(s.gpr[index.number()].wrapping_mul(scale)));
    }
}
