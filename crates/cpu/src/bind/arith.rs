//! Binding of integer arithmetic, shifts, bit tests, multiplication and division.

use super::gpr;
use super::operands::{by_width, finish, immediate, mask, operand_bits, operand_bits_of_memory};
use crate::exec::operand::{B, Base, Full, I, M, R};
use crate::exec::shift::{self, ByCl, ByImm};
use crate::exec::{alu, bits, muldiv};
use crate::op::{Handler, Op};
use crate::state::ZERO;
use crate::width::{W8, W16, W32, W64};
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

pub(super) fn zero<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    finish(op, by_width!(operand_bits(insn), W => alu::zero::<H, W>))
}

/// An instruction with a destination and a source, in all forms.
pub(super) fn two<H: HardwareModel, O: alu::Alu>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    op.imm = immediate(&insn.ops[1]) & mask(bits);
    let run = match (&insn.ops[0], &insn.ops[1]) {
        (Operand::Mem(_), Operand::Imm(_)) if op.base_only() => by_width!(bits, W => alu::mem::<H, O, W, I, Base>),
        (Operand::Mem(_), Operand::Imm(_)) => by_width!(bits, W => alu::mem::<H, O, W, I, Full>),
        (Operand::Mem(_), _) if op.base_only() => by_width!(bits, W => alu::mem::<H, O, W, R, Base>),
        (Operand::Mem(_), _) => by_width!(bits, W => alu::mem::<H, O, W, R, Full>),
        (_, Operand::Mem(_)) if op.base_only() => by_width!(bits, W => alu::reg::<H, O, W, B>),
        (_, Operand::Mem(_)) => by_width!(bits, W => alu::reg::<H, O, W, M>),
        (_, Operand::Imm(_)) => by_width!(bits, W => alu::reg::<H, O, W, I>),
        _ => by_width!(bits, W => alu::reg::<H, O, W, R>),
    };
    finish(op, run)
}

pub(super) fn one<H: HardwareModel, O: alu::Unary>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    let run = match gpr(&insn.ops[0]) {
        Some(reg) => {
            op.dst = reg;
            by_width!(bits, W => alu::unary_reg::<H, O, W>)
        }
        None => by_width!(bits, W => alu::unary_mem::<H, O, W>),
    };
    finish(op, run)
}

pub(super) fn shifted<H: HardwareModel, O: shift::Shift>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = insn.ops[0].gpr_bits().unwrap_or_else(|| operand_bits_of_memory(insn));
    op.imm = immediate(&insn.ops[1]);
    let by_cl = matches!(insn.ops[1], Operand::Reg8(_));
    let run = match (gpr(&insn.ops[0]), by_cl) {
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => shift::reg::<H, O, W, ByImm>)
        }
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => shift::reg::<H, O, W, ByCl>)
        }
        (None, false) => by_width!(bits, W => shift::mem::<H, O, W, ByImm>),
        (None, true) => by_width!(bits, W => shift::mem::<H, O, W, ByCl>),
    };
    finish(op, run)
}

pub(super) fn double_shift<H: HardwareModel, const LEFT: bool>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Some(src) = gpr(&insn.ops[1]) else { return false };
    op.src = src;
    op.imm = immediate(&insn.ops[2]);
    let bits = insn.ops[1].gpr_bits().unwrap_or(0);
    let by_imm = matches!(insn.ops[2], Operand::Imm(_));
    let run = match (gpr(&insn.ops[0]), by_imm) {
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => shift::double_reg::<H, W, ByImm, LEFT>)
        }
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => shift::double_reg::<H, W, ByCl, LEFT>)
        }
        (None, true) => by_width!(bits, W => shift::double_mem::<H, W, ByImm, LEFT>),
        (None, false) => by_width!(bits, W => shift::double_mem::<H, W, ByCl, LEFT>),
    };
    finish(op, run)
}

pub(super) fn bit<H: HardwareModel, O: bits::BitOp>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.imm = immediate(&insn.ops[1]);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let by_imm = matches!(insn.ops[1], Operand::Imm(_));
    let run = match (gpr(&insn.ops[0]), by_imm) {
        (Some(reg), true) => {
            op.dst = reg;
            by_width!(bits, W => bits::reg::<H, O, W, I>)
        }
        (Some(reg), false) => {
            op.dst = reg;
            by_width!(bits, W => bits::reg::<H, O, W, R>)
        }
        (None, true) => by_width!(bits, W => bits::mem_imm::<H, O, W>),
        (None, false) => by_width!(bits, W => bits::mem_string::<H, O, W>),
    };
    finish(op, run)
}

#[derive(Clone, Copy)]
pub(super) enum Scan {
    Forward,
    Reverse,
}

pub(super) fn source_to_register<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, scan: Scan) -> bool {
    let bits = operand_bits(insn);
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let run = match (gpr(&insn.ops[1]), scan) {
        (Some(src), Scan::Forward) => {
            op.src = src;
            by_width!(bits, W => bits::bsf::<H, W, R>)
        }
        (Some(src), Scan::Reverse) => {
            op.src = src;
            by_width!(bits, W => bits::bsr::<H, W, R>)
        }
        (None, Scan::Forward) => by_width!(bits, W => bits::bsf::<H, W, M>),
        (None, Scan::Reverse) => by_width!(bits, W => bits::bsr::<H, W, M>),
    };
    finish(op, run)
}

pub(super) fn multiply_divide<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as N;
    let bits = operand_bits(insn);
    if insn.mnemonic == N::Imul && insn.op_count >= 2 {
        op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
        op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
        op.imm = immediate(&insn.ops[2]) & mask(bits);
        let memory = insn.ops[1].mem().is_some();
        let run = match (insn.op_count, memory) {
            (2, false) => by_width!(bits, W => muldiv::imul2::<H, W, R>),
            (2, true) => by_width!(bits, W => muldiv::imul2::<H, W, M>),
            (_, false) => by_width!(bits, W => muldiv::imul3::<H, W, R>),
            (_, true) => by_width!(bits, W => muldiv::imul3::<H, W, M>),
        };
        return finish(op, run);
    }
    op.src = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let memory = insn.ops[0].mem().is_some();
    let run = match (insn.mnemonic, memory) {
        (N::Mul, false) => by_width!(bits, W => muldiv::mul::<H, W, R>),
        (N::Mul, true) => by_width!(bits, W => muldiv::mul::<H, W, M>),
        (N::Imul, false) => by_width!(bits, W => muldiv::imul1::<H, W, R>),
        (N::Imul, true) => by_width!(bits, W => muldiv::imul1::<H, W, M>),
        (N::Div, false) => by_width!(bits, W => muldiv::div::<H, W, R>),
        (N::Div, true) => by_width!(bits, W => muldiv::div::<H, W, M>),
        (_, false) => by_width!(bits, W => muldiv::idiv::<H, W, R>),
        (_, true) => by_width!(bits, W => muldiv::idiv::<H, W, M>),
    };
    finish(op, run)
}
