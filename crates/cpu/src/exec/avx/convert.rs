//! Conversions between floats, and between floats and integers: the functions of one lane are those of SSE
//! ([`crate::exec::sse::convert::Conversion`]); here are the vectors.

use super::operand::{Halves, Mem64, Mem128, Mem256, Source, Xmm, Ymm, by_scalar, number, place};
use crate::bind::to;
use crate::exec::sse::convert::{
    Conversion, FromInt, FromInteger, Narrow, Round, Truncate, Widen, convert, lane, to_general,
};
use crate::exec::sse::fpenv::{Env, is_plain, is_settled};
use crate::exec::sse::lanes::{with_low32, with_low64};
use crate::exec::sse::operand::{General, Memory, Source as Scalar, get};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// The first `LANES` lanes; what is beyond them is cleared.
pub(super) fn packed<H: HardwareModel, S: Source, C: Conversion, const LANES: u32>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let src = get!(S::read(st, op));
    let result = match on_host::<C, LANES>(st.mxcsr, &src) {
        Some(result) => result,
        None => get!(in_software::<H, C, LANES>(st, &src)),
    };
    st.set_ymm(op.dst, result);
    Flow::Next
}

#[inline(always)]
fn on_host<C: Conversion, const LANES: u32>(mxcsr: u32, src: &Halves) -> Option<Halves> {
    let settled = is_settled(mxcsr);
    if !settled && !is_plain(mxcsr) {
        return None;
    }
    let mut result = [0; 2];
    for n in 0..LANES {
        put::<C>(&mut result, n, C::host(take::<C>(src, n), !settled)?);
    }
    Some(result)
}

#[cold]
fn in_software<H: HardwareModel, C: Conversion, const LANES: u32>(
    st: &mut State<H>,
    src: &Halves,
) -> Result<Halves, Flow> {
    let mut env = Env::new(st.mxcsr);
    let mut result = [0; 2];
    for n in 0..LANES {
        put::<C>(&mut result, n, C::soft(&mut env, take::<C>(src, n)));
    }
    env.commit(st)?;
    Ok(result)
}

/// Source lane `n`.
#[inline(always)]
fn take<C: Conversion>(x: &Halves, n: u32) -> u64 {
    let at = n * C::FROM;
    lane::<C>(x[(at / 128) as usize & 1], at % 128 / C::FROM)
}

/// Adds result lane `n`.
#[inline(always)]
fn put<C: Conversion>(x: &mut Halves, n: u32, value: u64) {
    let at = n * C::TO;
    x[(at / 128) as usize & 1] |= u128::from(value) << (at % 128);
}

/// Lane 0; the rest is the first operand's.
fn to_low_lane<H: HardwareModel, S: Scalar, C: Conversion>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let r = get!(convert::<H, C>(st, lane::<C>(src, 0)));
    let a = st.xmm[usize::from(op.aux & 15)];
    st.set_vex_xmm(op.dst, if C::TO == 32 { with_low32(a, r as u32) } else { with_low64(a, r) });
    Flow::Next
}

/// Binds a conversion. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vcvtps2pd => widening::<H, Widen, 2, 4>(insn, op),
        M::Vcvtdq2pd => widening::<H, FromInt<f64, 32>, 2, 4>(insn, op),
        M::Vcvtpd2ps => by_source::<H, Narrow, 2, 4>(insn, op),
        M::Vcvtdq2ps => by_source::<H, FromInt<f32, 32>, 4, 8>(insn, op),
        M::Vcvtps2dq => by_source::<H, Round<f32, 32>, 4, 8>(insn, op),
        M::Vcvtpd2dq => by_source::<H, Round<f64, 32>, 2, 4>(insn, op),
        M::Vcvttps2dq => by_source::<H, Truncate<f32, 32>, 4, 8>(insn, op),
        M::Vcvttpd2dq => by_source::<H, Truncate<f64, 32>, 2, 4>(insn, op),
        M::Vcvtsi2ss => from_general::<H, f32>(insn, op),
        M::Vcvtsi2sd => from_general::<H, f64>(insn, op),
        M::Vcvtsd2ss => by_scalar!(insn, op, u64, |S| to_low_lane::<H, S, Narrow>),
        M::Vcvtss2sd => by_scalar!(insn, op, u32, |S| to_low_lane::<H, S, Widen>),
        _ => match insn.ops[0] {
            Operand::Reg32(_) => into_general::<H, 32>(insn, op),
            Operand::Reg64(_) => into_general::<H, 64>(insn, op),
            _ => false,
        },
    }
}

/// Lanes become wider: the destination says how many there are.
pub(super) fn widening<H: HardwareModel, C: Conversion, const SHORT: u32, const LONG: u32>(
    insn: &Insn,
    op: &mut Op<H>,
) -> bool {
    place(insn, op);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Ymm(_), Operand::Mem(_)) => to(op, packed::<H, Mem128, C, LONG>),
        (Operand::Ymm(_), _) => to(op, packed::<H, Xmm, C, LONG>),
        (_, Operand::Mem(_)) => to(op, packed::<H, Mem64, C, SHORT>),
        _ => to(op, packed::<H, Xmm, C, SHORT>),
    }
}

/// Lanes become no wider: the source says how many there are.
fn by_source<H: HardwareModel, C: Conversion, const SHORT: u32, const LONG: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    match insn.ops[1] {
        Operand::Ymm(_) => to(op, packed::<H, Ymm, C, LONG>),
        Operand::Mem(mem) if mem.size == 32 => to(op, packed::<H, Mem256, C, LONG>),
        Operand::Mem(_) => to(op, packed::<H, Mem128, C, SHORT>),
        _ => to(op, packed::<H, Xmm, C, SHORT>),
    }
}

fn into_general<H: HardwareModel, const BITS: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vcvtss2si => by_scalar!(insn, op, u32, |S| to_general::<H, S, Round<f32, BITS>>),
        M::Vcvttss2si => by_scalar!(insn, op, u32, |S| to_general::<H, S, Truncate<f32, BITS>>),
        M::Vcvtsd2si => by_scalar!(insn, op, u64, |S| to_general::<H, S, Round<f64, BITS>>),
        M::Vcvttsd2si => by_scalar!(insn, op, u64, |S| to_general::<H, S, Truncate<f64, BITS>>),
        _ => false,
    }
}

fn from_general<H: HardwareModel, F: FromInteger>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    op.src = number(&insn.ops[2]);
    match insn.ops[2] {
        Operand::Reg32(_) => to(op, to_low_lane::<H, General<u32>, FromInt<F, 32>>),
        Operand::Reg64(_) => to(op, to_low_lane::<H, General<u64>, FromInt<F, 64>>),
        Operand::Mem(mem) if mem.size == 4 => to(op, to_low_lane::<H, Memory<u32>, FromInt<F, 32>>),
        Operand::Mem(_) => to(op, to_low_lane::<H, Memory<u64>, FromInt<F, 64>>),
        _ => false,
    }
}
