//! Sources of MMX instructions, and the handler of those that compute an MMX register from its old value and a source.
//!
//! Memory operands need no alignment. A source gives 128 bits as for XMM registers, of which the low ones count.

use crate::exec::sse::operand::{Source, get};
use crate::exec::sse::pure::Pure;
use crate::exec::x87::wait;
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Operand};
use paging::HardwareModel;

/// An MMX register.
pub(super) struct Mm;

impl Source for Mm {
    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<u128, Flow> {
        Ok(u128::from(st.fpu.mm(op.src)))
    }
}

/// To an MMX register: the low half of what the operation gives.
pub(super) fn to_mm<H: HardwareModel, S: Source, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let src = get!(S::read(st, op));
    let old = u128::from(st.fpu.mm(op.dst));
    st.fpu.set_mm(op.dst, O::apply(old, src, op.imm) as u64);
    Flow::Next
}

/// The immediate byte that is the third operand, else 0.
pub(super) fn immediate(insn: &Insn) -> u64 {
    match insn.ops[2] {
        Operand::Imm(imm) => imm & 0xff,
        _ => 0,
    }
}

/// Chooses a handler by the second operand, an MMX register or memory: `$s` names the source within the handler's path.
macro_rules! by_source {
    ($insn:expr, $op:expr, $memory:ty, |$s:ident| $handler:expr) => {
        match $insn.ops[1] {
            decode::Operand::Mm(n) => {
                type $s = crate::exec::mmx::operand::Mm;
                $op.src = n;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Mem(_) => {
                type $s = $memory;
                crate::bind::to($op, $handler)
            }
            _ => false,
        }
    };
}
pub(super) use by_source;
