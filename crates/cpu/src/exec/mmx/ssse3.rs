//! SSSE3: the functions of the XMM forms on 64 bits. What works across a register takes both operands as one.

use super::operand::{by_source, immediate, to_mm};
use super::shuffle::both;
use crate::exec::sse::operand::Memory;
use crate::exec::sse::pure::pure_operations;
use crate::exec::sse::ssse3::operations as xmm;
use crate::op::Op;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

pure_operations! {
    AddWords, |a, b, _| xmm::Phaddw::apply(both(a, b), 0, 0);
    AddSaturatedWords, |a, b, _| xmm::Phaddsw::apply(both(a, b), 0, 0);
    AddDoublewords, |a, b, _| xmm::Phaddd::apply(both(a, b), 0, 0);
    SubWords, |a, b, _| xmm::Phsubw::apply(both(a, b), 0, 0);
    SubSaturatedWords, |a, b, _| xmm::Phsubsw::apply(both(a, b), 0, 0);
    SubDoublewords, |a, b, _| xmm::Phsubd::apply(both(a, b), 0, 0);
    // Bit 3 of a number counts for nothing: there are two copies.
    Shuffle, |a, b, _| xmm::Pshufb::apply(both(a, a), b, 0);
    AlignRight, |a, b, imm| xmm::Palignr::apply(0, both(b, a), imm);
}

/// Binds the MMX forms of SSSE3. False if it is none of them.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Mm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    op.imm = immediate(insn);
    match insn.mnemonic {
        M::Phaddw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, AddWords>),
        M::Phaddsw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, AddSaturatedWords>),
        M::Phaddd => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, AddDoublewords>),
        M::Phsubw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, SubWords>),
        M::Phsubsw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, SubSaturatedWords>),
        M::Phsubd => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, SubDoublewords>),
        M::Pshufb => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, Shuffle>),
        M::Palignr => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, AlignRight>),
        M::Pmaddubsw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Pmaddubsw>),
        M::Pmulhrsw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Pmulhrsw>),
        M::Psignb => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Psignb>),
        M::Psignw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Psignw>),
        M::Psignd => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Psignd>),
        M::Pabsb => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Pabsb>),
        M::Pabsw => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Pabsw>),
        M::Pabsd => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, xmm::Pabsd>),
        _ => false,
    }
}
