//! Instructions with XMM0 as a third operand that is not written: variable blends, SHA256RNDS2.

use super::bytes;
use super::lanes::*;
use super::operand::{Aligned, Source, by_source, get};
use super::sha;
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// A function of the destination's old value, the source and a third register.
pub(in crate::exec) trait Ternary: 'static {
    fn apply(dst: u128, src: u128, third: u128) -> u128;
}

/// PBLENDVB: by bit 7 of each byte.
pub(in crate::exec) struct BlendBytes;
/// BLENDVPS: by the sign of each lane.
pub(in crate::exec) struct BlendSingles;
/// BLENDVPD: by the sign of each lane.
pub(in crate::exec) struct BlendDoubles;
/// SHA256RNDS2.
struct TwoRounds;

#[inline(always)]
fn by_mask(dst: u128, src: u128, mask: u128) -> u128 {
    dst & !mask | src & mask
}

impl Ternary for BlendBytes {
    #[inline(always)]
    fn apply(dst: u128, src: u128, third: u128) -> u128 {
        by_mask(dst, src, bytes::map(third, third, |x, _| bytes::spread(x)))
    }
}

impl Ternary for BlendSingles {
    #[inline(always)]
    fn apply(dst: u128, src: u128, third: u128) -> u128 {
        by_mask(dst, src, map_i32(third, third, |x, _| x >> 31))
    }
}

impl Ternary for BlendDoubles {
    #[inline(always)]
    fn apply(dst: u128, src: u128, third: u128) -> u128 {
        by_mask(dst, src, map_u64(third, third, |x, _| (x as i64 >> 63) as u64))
    }
}

impl Ternary for TwoRounds {
    fn apply(dst: u128, src: u128, third: u128) -> u128 {
        sha::sha256_two_rounds(dst, src, third)
    }
}

fn with_xmm0<H: HardwareModel, S: Source, O: Ternary>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let third = st.xmm[0];
    let dst = &mut st.xmm[usize::from(op.dst & 15)];
    *dst = O::apply(*dst, src, third);
    Flow::Next
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        M::Pblendvb => by_source!(insn, op, Aligned, |S| with_xmm0::<H, S, BlendBytes>),
        M::Blendvps => by_source!(insn, op, Aligned, |S| with_xmm0::<H, S, BlendSingles>),
        M::Blendvpd => by_source!(insn, op, Aligned, |S| with_xmm0::<H, S, BlendDoubles>),
        M::Sha256rnds2 => by_source!(insn, op, Aligned, |S| with_xmm0::<H, S, TwoRounds>),
        _ => false,
    }
}
