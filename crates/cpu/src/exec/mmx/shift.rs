//! Packed shifts, by a register, memory or an immediate. The count is the second operand as a whole.

use super::operand::{by_source, to_mm};
use crate::bind::to;
use crate::exec::sse::operand::{Immediate, Memory};
use crate::exec::sse::pure::Pure;
use crate::exec::sse::shift::{Pslld, Psllq, Psllw, Psrad, Psraw, Psrld, Psrlq, Psrlw};
use crate::op::Op;
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

/// Binds the MMX forms of the packed shifts. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Mm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        Mnemonic::Psllw => by_count::<H, Psllw>(insn, op),
        Mnemonic::Pslld => by_count::<H, Pslld>(insn, op),
        Mnemonic::Psllq => by_count::<H, Psllq>(insn, op),
        Mnemonic::Psrlw => by_count::<H, Psrlw>(insn, op),
        Mnemonic::Psrld => by_count::<H, Psrld>(insn, op),
        Mnemonic::Psrlq => by_count::<H, Psrlq>(insn, op),
        Mnemonic::Psraw => by_count::<H, Psraw>(insn, op),
        Mnemonic::Psrad => by_count::<H, Psrad>(insn, op),
        _ => false,
    }
}

fn by_count<H: HardwareModel, O: Pure>(insn: &Insn, op: &mut Op<H>) -> bool {
    if let Operand::Imm(count) = insn.ops[1] {
        op.imm = count & 0xff;
        return to(op, to_mm::<H, Immediate, O>);
    }
    by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, O>)
}
