//! SSE and SSE2 on XMM registers.
//!
//! Most instructions are a function of two registers: [`pure`] runs them, and the tables in [`packed_int`], [`shuffle`],
//! [`shift`] and [`moves`] say which function. What rounds or raises has a fast path on the host's floats and a soft path
//! ([`arith`], [`compare`], [`convert`]; [`soft`], [`soft_convert`]), and [`fpenv`] is MXCSR for both.
//!
//! Not here: MMX registers, and RCP and RSQRT, whose approximations are not the architecture's but a processor's.

mod arith;
mod bytes;
mod compare;
mod convert;
mod float;
mod fpenv;
mod lanes;
mod moves;
mod operand;
mod packed_int;
mod pure;
mod shift;
mod shuffle;
mod soft;
mod soft_convert;
mod state_ops;

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;

/// Binds an SSE or SSE2 instruction. False if it is none.
pub(crate) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    moves::bind(insn, op)
        || arith::bind(insn, op)
        || packed_int::bind(insn, op)
        || shuffle::bind(insn, op)
        || compare::bind(insn, op)
        || convert::bind(insn, op)
        || shift::bind(insn, op)
        || state_ops::bind(insn, op)
}
