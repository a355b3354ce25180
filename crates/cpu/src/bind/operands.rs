//! What the binders of integer instructions share: widths and immediates.

use super::to;
use crate::op::{Handler, Op};
use decode::{Insn, Operand};

/// Chooses among the four widths: `$W` is the width's type in `$f`.
macro_rules! by_width {
    ($bits:expr, $W:ident => $f:expr) => {
        match $bits {
            8 => {
                type $W = W8;
                Some($f as Handler<_>)
            }
            wider => crate::bind::operands::by_wide!(wider, $W => $f),
        }
    };
}

/// Chooses among 16, 32 and 64 bits.
macro_rules! by_wide {
    ($bits:expr, $W:ident => $f:expr) => {
        match $bits {
            16 => {
                type $W = W16;
                Some($f as Handler<_>)
            }
            32 => {
                type $W = W32;
                Some($f as Handler<_>)
            }
            64 => {
                type $W = W64;
                Some($f as Handler<_>)
            }
            _ => None,
        }
    };
}

pub(super) use {by_wide, by_width};

/// Bits of the operation: those of its first general-register operand, else of memory.
pub(super) fn operand_bits(insn: &Insn) -> u32 {
    let register = insn.ops.iter().find_map(Operand::gpr_bits);
    register.unwrap_or_else(|| insn.ops.iter().find_map(Operand::mem).map_or(0, |m| u32::from(m.size) * 8))
}

/// Sets the function if there is one.
pub(super) fn finish<H>(op: &mut Op<H>, run: Option<Handler<H>>) -> bool {
    run.is_some_and(|run| to(op, run))
}

/// The value of an immediate operand, else 0.
pub(super) fn immediate(operand: &Operand) -> u64 {
    match *operand {
        Operand::Imm(v) => v,
        _ => 0,
    }
}

/// XOR or SUB of a whole register with itself.
pub(super) fn same_register(insn: &Insn) -> bool {
    insn.ops[0] == insn.ops[1] && matches!(insn.ops[0], Operand::Reg32(_) | Operand::Reg64(_))
}

/// The bits of a width.
pub(super) const fn mask(bits: u32) -> u64 {
    if bits == 0 { u64::MAX } else { u64::MAX >> (64 - bits) }
}

/// Bits of the memory operand.
pub(super) fn operand_bits_of_memory(insn: &Insn) -> u32 {
    insn.ops.iter().find_map(Operand::mem).map_or(0, |m| u32::from(m.size) * 8)
}
