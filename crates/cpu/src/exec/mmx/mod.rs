//! MMX, and what SSE, SSE2 and SSSE3 added to the MMX registers.
//!
//! The registers are the significands of x87 ([`super::x87`]). An instruction works in this order: a pending x87 exception
//! is raised; the source is read; memory is written; only then registers change, and with them tags and TOP. What is done to
//! the lanes is what the XMM form does to the low half of its operands, so the functions are those of [`super::sse`].
//!
//! - `operand`: sources, and the handlers of instructions that write an MMX register;
//! - `packed`, `shuffle`, `shift`, `moves`, `convert`, `ssse3`: the instructions.

mod convert;
mod moves;
mod operand;
mod packed;
mod shift;
mod shuffle;
mod ssse3;

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;

/// Binds an instruction that has an MMX register, or EMMS. False if it is none.
pub(crate) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    moves::bind(insn, op)
        || packed::bind(insn, op)
        || shuffle::bind(insn, op)
        || shift::bind(insn, op)
        || convert::bind(insn, op)
        || ssse3::bind(insn, op)
}
