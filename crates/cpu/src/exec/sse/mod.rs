//! SSE and SSE2 on XMM registers.
//!
//! Most instructions are a function of two registers: [`pure`] runs them, and the tables in [`packed_int`], [`shuffle`],
//! [`shift`] and [`moves`] say which function. What rounds or raises has a fast path on the host's floats and a soft path
//! ([`arith`], [`compare`], [`convert`]; [`soft`], [`soft_convert`]), and [`fpenv`] is MXCSR for both.
//!
//! RCP and RSQRT, whose results are not the architecture's but a processor's, are in [`approximate`]. Not here: what has an
//! MMX register ([`super::mmx`]).

mod approximate;
mod arith;
pub(in crate::exec) mod bytes;
mod compare;
pub(in crate::exec) mod convert;
mod float;
mod fpenv;
pub(in crate::exec) mod lanes;
mod moves;
pub(in crate::exec) mod operand;
pub(in crate::exec) mod packed_int;
pub(in crate::exec) mod pure;
pub(in crate::exec) mod shift;
pub(in crate::exec) mod shuffle;
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
        || approximate::bind(insn, op)
        || packed_int::bind(insn, op)
        || shuffle::bind(insn, op)
        || compare::bind(insn, op)
        || convert::bind(insn, op)
        || shift::bind(insn, op)
        || state_ops::bind(insn, op)
}
