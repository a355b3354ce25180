//! Conversions between two doublewords in an MMX register and two floats in an XMM register.
//!
//! The transition to MMX comes before what may raise #XM, and stays then, as on silicon.

use super::operand::{Mm, by_source as from_mm};
use crate::exec::sse::convert::{Conversion, FromInt, Round, Truncate, lanes};
use crate::exec::sse::lanes::with_low64;
use crate::exec::sse::operand::{Aligned, Memory, Source, by_source as from_xmm, get};
use crate::exec::x87::wait;
use crate::op::{Flow, Op};
use crate::state::State;
use arch::Exception;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// Where doublewords come from.
trait Doublewords: Source {
    /// What comes before they are read. An error is how the handler has to end.
    fn prepare<H: HardwareModel>(st: &mut State<H>) -> Result<(), Flow>;
}

impl Doublewords for Mm {
    fn prepare<H: HardwareModel>(st: &mut State<H>) -> Result<(), Flow> {
        if st.fpu.pending() {
            return Err(st.raise(Exception::X87));
        }
        st.fpu.enter_mmx();
        Ok(())
    }
}

/// With an operand in memory these instructions have nothing to do with x87 and MMX.
impl Doublewords for Memory<u64> {
    fn prepare<H: HardwareModel>(_: &mut State<H>) -> Result<(), Flow> {
        Ok(())
    }
}

/// CVTPI2PS: the upper half of the destination stays.
fn to_singles<H: HardwareModel, S: Doublewords>(st: &mut State<H>, op: &Op<H>) -> Flow {
    get!(S::prepare(st));
    let src = get!(S::read(st, op));
    let r = get!(lanes::<H, FromInt<f32, 32>>(st, src, 2));
    let dst = &mut st.xmm[usize::from(op.dst & 15)];
    *dst = with_low64(*dst, r as u64);
    Flow::Next
}

/// CVTPI2PD.
fn to_doubles<H: HardwareModel, S: Doublewords>(st: &mut State<H>, op: &Op<H>) -> Flow {
    get!(S::prepare(st));
    let src = get!(S::read(st, op));
    st.xmm[usize::from(op.dst & 15)] = get!(lanes::<H, FromInt<f64, 32>>(st, src, 2));
    Flow::Next
}

/// CVTPS2PI, CVTPD2PI and those that truncate.
fn to_integers<H: HardwareModel, S: Source, C: Conversion>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let src = get!(S::read(st, op));
    st.fpu.enter_mmx();
    let r = get!(lanes::<H, C>(st, src, 2));
    st.fpu.set_mm(op.dst, r as u64);
    Flow::Next
}

/// Binds a conversion. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let (Operand::Xmm(dst) | Operand::Mm(dst)) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        M::Cvtpi2ps => from_mm!(insn, op, Memory<u64>, |S| to_singles::<H, S>),
        M::Cvtpi2pd => from_mm!(insn, op, Memory<u64>, |S| to_doubles::<H, S>),
        M::Cvtps2pi => from_xmm!(insn, op, Memory<u64>, |S| to_integers::<H, S, Round<f32, 32>>),
        M::Cvttps2pi => from_xmm!(insn, op, Memory<u64>, |S| to_integers::<H, S, Truncate<f32, 32>>),
        M::Cvtpd2pi => from_xmm!(insn, op, Aligned, |S| to_integers::<H, S, Round<f64, 32>>),
        M::Cvttpd2pi => from_xmm!(insn, op, Aligned, |S| to_integers::<H, S, Truncate<f64, 32>>),
        _ => false,
    }
}
