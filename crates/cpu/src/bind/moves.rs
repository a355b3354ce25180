//! Binding of moves, exchanges, the stack, and what follows a condition.

use super::operands::{by_width, finish, immediate, mask, operand_bits, operand_bits_of_memory};
use super::{gpr, to};
use crate::exec::operand::{B, Base, Full, I, M, R, Source};
use crate::exec::{misc, mov};
use crate::op::{Handler, Op};
use crate::state::ZERO;
use crate::width::{W8, W16, W32, W64};
use decode::{Code, Insn, Mnemonic, Operand};
use paging::HardwareModel;

pub(super) fn mov<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.imm = immediate(&insn.ops[1]) & mask(bits);
    let run = match (&insn.ops[0], &insn.ops[1]) {
        (Operand::Mem(_), Operand::Imm(_)) if op.base_only() => by_width!(bits, W => mov::to_mem::<H, W, I, Base>),
        (Operand::Mem(_), Operand::Imm(_)) => by_width!(bits, W => mov::to_mem::<H, W, I, Full>),
        (Operand::Mem(_), src) => {
            let Some(src) = gpr(src) else { return false };
            op.src = src;
            match op.base_only() {
                true => by_width!(bits, W => mov::to_mem::<H, W, R, Base>),
                false => by_width!(bits, W => mov::to_mem::<H, W, R, Full>),
            }
        }
        (dst, src) => {
            let Some(dst) = gpr(dst) else { return false };
            op.dst = dst;
            match src {
                Operand::Mem(_) if op.base_only() => by_width!(bits, W => mov::to_reg::<H, W, B>),
                Operand::Mem(_) => by_width!(bits, W => mov::to_reg::<H, W, M>),
                Operand::Imm(_) => by_width!(bits, W => mov::to_reg::<H, W, I>),
                _ => {
                    let Some(src) = gpr(src) else { return false };
                    op.src = src;
                    by_width!(bits, W => mov::to_reg::<H, W, R>)
                }
            }
        }
    };
    finish(op, run)
}

/// MOVZX, MOVSX, MOVSXD: by the widths of destination and source, in register and memory forms.
pub(super) fn extend<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let to_bits = insn.ops[0].gpr_bits().unwrap_or(0);
    let from_bits = insn.ops[1].gpr_bits().unwrap_or_else(|| operand_bits_of_memory(insn));
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    match insn.ops[1] {
        Operand::Mem(_) if op.base_only() => finish(op, extension::<H, B>(insn.mnemonic, to_bits, from_bits)),
        Operand::Mem(_) => finish(op, extension::<H, M>(insn.mnemonic, to_bits, from_bits)),
        _ => finish(op, extension::<H, R>(insn.mnemonic, to_bits, from_bits)),
    }
}

fn extension<H: HardwareModel, S: Source>(mnemonic: Mnemonic, to_bits: u32, from_bits: u32) -> Option<Handler<H>> {
    let zero = mnemonic == Mnemonic::Movzx;
    match (zero, from_bits) {
        (true, 8) => by_width!(to_bits, W => mov::zero_extend::<H, W, W8, S>),
        (true, 16) => by_width!(to_bits, W => mov::zero_extend::<H, W, W16, S>),
        (false, 8) => by_width!(to_bits, W => mov::sign_extend::<H, W, W8, S>),
        (false, 16) => by_width!(to_bits, W => mov::sign_extend::<H, W, W16, S>),
        (false, 32) => by_width!(to_bits, W => mov::sign_extend::<H, W, W32, S>),
        _ => None,
    }
}

pub(super) fn lea<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    op.segment = ZERO;
    finish(op, by_width!(operand_bits(insn), W => mov::lea::<H, W>))
}

pub(super) fn exchange<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    let registers = (gpr(&insn.ops[0]), gpr(&insn.ops[1]));
    let run = match registers {
        (Some(a), Some(b)) => {
            (op.dst, op.src) = (a, b);
            by_width!(bits, W => mov::xchg_reg::<H, W>)
        }
        (Some(r), None) | (None, Some(r)) => {
            op.src = r;
            by_width!(bits, W => mov::xchg_mem::<H, W>)
        }
        (None, None) => None,
    };
    finish(op, run)
}

pub(super) fn compare_exchange<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => misc::cmpxchg_reg::<H, W>)
        }
        None => by_width!(bits, W => misc::cmpxchg_mem::<H, W>),
    };
    finish(op, run)
}

pub(super) fn exchange_add<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bits = operand_bits(insn);
    op.src = gpr(&insn.ops[1]).unwrap_or(ZERO);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => misc::xadd_reg::<H, W>)
        }
        None => by_width!(bits, W => misc::xadd_mem::<H, W>),
    };
    finish(op, run)
}

pub(super) fn push<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.stack |= insn.ops[0].mem().is_none();
    match &insn.ops[0] {
        Operand::Imm(v) => {
            op.imm = *v;
            let word = matches!(insn.code, Code::Push_imm16 | Code::Pushw_imm8);
            to(op, if word { mov::push16::<H, I> } else { mov::push::<H, I> })
        }
        Operand::Mem(m) if m.size == 8 => to(op, mov::push::<H, M>),
        Operand::Mem(_) => to(op, mov::push16::<H, M>),
        Operand::Reg64(n) => {
            op.src = *n;
            to(op, mov::push::<H, R>)
        }
        Operand::Reg16(n) => {
            op.src = *n;
            to(op, mov::push16::<H, R>)
        }
        _ => false,
    }
}

pub(super) fn pop<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.stack |= insn.ops[0].mem().is_none();
    let bits = operand_bits(insn);
    let run = match gpr(&insn.ops[0]) {
        Some(dst) => {
            op.dst = dst;
            by_width!(bits, W => mov::pop_reg::<H, W>)
        }
        None if insn.ops[0].mem().is_some() => by_width!(bits, W => mov::pop_mem::<H, W>),
        None => None,
    };
    finish(op, run)
}

pub(super) fn bswap<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.dst = gpr(&insn.ops[0]).unwrap_or(ZERO);
    match insn.ops[0] {
        Operand::Reg32(_) => to(op, mov::bswap32::<H>),
        Operand::Reg64(_) => to(op, mov::bswap64::<H>),
        _ => to(op, mov::bswap16::<H>),
    }
}

/// SETcc and CMOVcc.
pub(super) fn conditional<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Some(condition) = insn.condition() else { return false };
    op.aux = condition;
    if insn.op_count == 1 {
        return match gpr(&insn.ops[0]) {
            Some(dst) => {
                op.dst = dst;
                to(op, mov::setcc_reg::<H, W8>)
            }
            None => to(op, mov::setcc_mem::<H>),
        };
    }
    let bits = operand_bits(insn);
    let Some(dst) = gpr(&insn.ops[0]) else { return false };
    op.dst = dst;
    let run = match gpr(&insn.ops[1]) {
        Some(src) => {
            op.src = src;
            by_width!(bits, W => mov::cmov::<H, W, R>)
        }
        None => by_width!(bits, W => mov::cmov::<H, W, M>),
    };
    finish(op, run)
}
