//! AVX, AVX2, FMA and F16C: all VEX-encoded vector instructions of x86-64-v3, on 128 and 256 bits.
//!
//! A VEX-encoded instruction that has a legacy form computes the same on each half of a vector, so its meaning is taken from
//! [`super::sse`]: what depends on operands alone through [`in_lane`] and [`shift`], what rounds through [`float`],
//! [`compare`], [`convert`] and [`sse34`]. New are [`fma`], [`half_precision`], what moves lanes across halves
//! ([`rearrange`]), and what accesses memory lane by lane ([`masked`], [`gather`]).
//!
//! Three rules hold for all: bits 255:128 of a destination are cleared by what is shorter ([`operand`]); memory need not be
//! aligned but for the moves that say so ([`moves`]); the exceptions of all lanes are gathered before anything is written.

mod compare;
mod convert;
mod dot;
mod flags;
mod float;
mod fma;
mod fused;
mod gather;
mod half_precision;
mod in_lane;
mod masked;
mod moves;
mod operand;
mod rearrange;
mod row;
mod shift;
mod sse34;

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;

/// Binds a VEX-encoded vector instruction. False if it is none.
pub(crate) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    moves::bind(insn, op)
        || in_lane::bind(insn, op)
        || float::bind(insn, op)
        || fma::bind(insn, op)
        || shift::bind(insn, op)
        || rearrange::bind(insn, op)
        || flags::bind(insn, op)
        || compare::bind(insn, op)
        || convert::bind(insn, op)
        || masked::bind(insn, op)
        || gather::bind(insn, op)
        || half_precision::bind(insn, op)
        || sse34::bind(insn, op)
}
