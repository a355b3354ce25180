//! Lanes put elsewhere: PSHUFW, unpack, pack.
//!
//! Two registers of 64 bits in one of 128 are what the XMM forms work on: unpacking the low halves of 64 bits interleaves both
//! registers, and a pack of the pair is a pack of two.

use super::operand::{by_source, immediate, to_mm};
use crate::exec::sse::lanes::{high, with_low64};
use crate::exec::sse::operand::Memory;
use crate::exec::sse::pure::pure_operations;
use crate::exec::sse::shuffle::{operations as xmm, shuffle_words};
use crate::op::Op;
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

pure_operations! {
    Shuffle, |_, b, imm| u128::from(shuffle_words(b as u64, imm));
    HighBytes, |a, b, _| u128::from(high(xmm::Punpcklbw::apply(a, b, 0)));
    HighWords, |a, b, _| u128::from(high(xmm::Punpcklwd::apply(a, b, 0)));
    HighDoublewords, |a, b, _| u128::from(high(xmm::Punpckldq::apply(a, b, 0)));
    SignedBytes, |a, b, _| xmm::Packsswb::apply(both(a, b), 0, 0);
    UnsignedBytes, |a, b, _| xmm::Packuswb::apply(both(a, b), 0, 0);
    SignedWords, |a, b, _| xmm::Packssdw::apply(both(a, b), 0, 0);
}

/// Two registers as one, `a` low.
#[inline(always)]
pub(super) fn both(a: u128, b: u128) -> u128 {
    with_low64(b << 64, a as u64)
}

/// Binds the MMX forms of these instructions. False if it is none of them.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Mm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    op.imm = immediate(insn);
    match insn.mnemonic {
        Mnemonic::Pshufw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, Shuffle>),
        Mnemonic::Punpcklbw => by_source!(insn, op, Memory<u32>, |S| to_mm::<H, S, xmm::Punpcklbw>),
        Mnemonic::Punpcklwd => by_source!(insn, op, Memory<u32>, |S| to_mm::<H, S, xmm::Punpcklwd>),
        Mnemonic::Punpckldq => by_source!(insn, op, Memory<u32>, |S| to_mm::<H, S, xmm::Punpckldq>),
        Mnemonic::Punpckhbw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, HighBytes>),
        Mnemonic::Punpckhwd => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, HighWords>),
        Mnemonic::Punpckhdq => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, HighDoublewords>),
        Mnemonic::Packsswb => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, SignedBytes>),
        Mnemonic::Packuswb => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, UnsignedBytes>),
        Mnemonic::Packssdw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, SignedWords>),
        _ => false,
    }
}
