//! SSE to SSE4.2, AES, PCLMULQDQ and SHA on XMM registers.
//!
//! Most instructions are a function of two registers: [`pure`] runs them, and the tables in [`packed_int`], [`shuffle`],
//! [`shift`], [`moves`], [`sse3`], [`ssse3`], [`sse41`], [`aes`] and [`sha`] say which function; [`blend`] is of three, and
//! [`insert`] of a lane. What rounds or raises has a fast path on the host's floats and a soft path ([`arith`],
//! [`compare`], [`convert`]; [`soft`], [`soft_convert`]), [`vector`] where lanes meet; [`fpenv`] is MXCSR for all.
//!
//! RCP and RSQRT, whose results are not the architecture's but a processor's, are in [`approximate`]. Not here: what has an
//! MMX register ([`super::mmx`]).

pub(in crate::exec) mod aes;
pub(in crate::exec) mod approximate;
pub(in crate::exec) mod arith;
pub(in crate::exec) mod blend;
pub(in crate::exec) mod bytes;
pub(in crate::exec) mod compare;
pub(in crate::exec) mod convert;
pub(in crate::exec) mod dot;
pub(in crate::exec) mod float;
pub(in crate::exec) mod fpenv;
pub(in crate::exec) mod insert;
pub(in crate::exec) mod lanes;
pub(in crate::exec) mod moves;
pub(in crate::exec) mod operand;
pub(in crate::exec) mod packed_int;
pub(in crate::exec) mod pure;
pub(in crate::exec) mod round;
pub(in crate::exec) mod sha;
pub(in crate::exec) mod shift;
pub(in crate::exec) mod shuffle;
pub(in crate::exec) mod soft;
pub(in crate::exec) mod soft_convert;
pub(in crate::exec) mod sse3;
pub(in crate::exec) mod sse41;
pub(in crate::exec) mod ssse3;
pub(in crate::exec) mod state_ops;
pub(in crate::exec) mod strings;
pub(in crate::exec) mod vector;

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;

/// Binds an instruction of these sets. False if it is none.
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
        || sse3::bind(insn, op)
        || ssse3::bind(insn, op)
        || sse41::bind(insn, op)
        || blend::bind(insn, op)
        || insert::bind(insn, op)
        || round::bind(insn, op)
        || dot::bind(insn, op)
        || strings::bind(insn, op)
        || aes::bind(insn, op)
        || sha::bind(insn, op)
}
