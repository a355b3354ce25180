//! Conversions between floats, and between floats and integers.
//!
//! A conversion is a function of one lane ([`Conversion`]); how lanes are picked and where results go is the handler's.

use super::float::Float;
use super::fpenv::{Env, is_plain, is_settled};
use super::lanes::{with_low32, with_low64};
use super::operand::{Aligned, General, Memory, Source, by_source, get};
use super::soft_convert::{self, Truncation};
use crate::bind::to;
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use std::marker::PhantomData;

/// A conversion of one lane. Lanes travel as `u64`, zero-extended.
pub(in crate::exec) trait Conversion: 'static {
    /// Bits of a source lane.
    const FROM: u32;
    /// Bits of a result lane.
    const TO: u32;

    /// The result, if the host's arithmetic gives it and it changes no flag. `exact_only` is false where PE does not
    /// matter.
    fn host(x: u64, exact_only: bool) -> Option<u64>;

    /// In software.
    fn soft(env: &mut Env, x: u64) -> u64;
}

/// One lane, by the host if it can. On the way, a program's first inexact conversion goes through the soft path once.
#[inline(always)]
pub(in crate::exec) fn convert<H: HardwareModel, C: Conversion>(st: &mut State<H>, x: u64) -> Result<u64, Flow> {
    let settled = is_settled(st.mxcsr);
    if (settled || is_plain(st.mxcsr))
        && let Some(r) = C::host(x, !settled)
    {
        return Ok(r);
    }
    in_software::<H, C>(st, u128::from(x), 1).map(|r| r as u64)
}

/// Lanes from bit 0 on, packed into bits from 0 on.
pub(in crate::exec) fn lanes<H: HardwareModel, C: Conversion>(
    st: &mut State<H>,
    src: u128,
    count: u32,
) -> Result<u128, Flow> {
    let settled = is_settled(st.mxcsr);
    if !settled && !is_plain(st.mxcsr) {
        return in_software::<H, C>(st, src, count);
    }
    let mut result = 0;
    for n in 0..count {
        let Some(r) = C::host(lane::<C>(src, n), !settled) else {
            return in_software::<H, C>(st, src, count);
        };
        result |= u128::from(r) << (n * C::TO);
    }
    Ok(result)
}

#[cold]
fn in_software<H: HardwareModel, C: Conversion>(st: &mut State<H>, src: u128, count: u32) -> Result<u128, Flow> {
    let mut env = Env::new(st.mxcsr);
    let result = (0..count).fold(0, |r, n| r | u128::from(C::soft(&mut env, lane::<C>(src, n))) << (n * C::TO));
    env.commit(st)?;
    Ok(result)
}

#[inline(always)]
pub(in crate::exec) fn lane<C: Conversion>(x: u128, n: u32) -> u64 {
    (x >> (n * C::FROM)) as u64 & (u64::MAX >> (64 - C::FROM))
}

/// Lane 0 of an XMM register, the rest kept.
fn to_low_lane<H: HardwareModel, S: Source, C: Conversion>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let r = get!(convert::<H, C>(st, lane::<C>(src, 0)));
    let dst = &mut st.xmm[usize::from(op.dst & 15)];
    *dst = if C::TO == 32 { with_low32(*dst, r as u32) } else { with_low64(*dst, r) };
    Flow::Next
}

/// A general register, zero-extended.
pub(in crate::exec) fn to_general<H: HardwareModel, S: Source, C: Conversion>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let r = get!(convert::<H, C>(st, lane::<C>(src, 0)));
    st.set_reg(op.dst, r);
    Flow::Next
}

/// As many lanes as fit both ways; the rest of the register is cleared.
fn packed<H: HardwareModel, S: Source, C: Conversion>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let wider = if C::FROM > C::TO { C::FROM } else { C::TO };
    st.xmm[usize::from(op.dst & 15)] = get!(lanes::<H, C>(st, src, 128 / wider));
    Flow::Next
}

/// CVTSD2SS.
pub(in crate::exec) struct Narrow;
/// CVTSS2SD.
pub(in crate::exec) struct Widen;
/// A signed integer of `BITS` bits to a float.
pub(in crate::exec) struct FromInt<F, const BITS: u32>(PhantomData<F>);
/// A float to a signed integer of `BITS` bits, rounded as MXCSR says.
pub(in crate::exec) struct Round<F, const BITS: u32>(PhantomData<F>);
/// A float to a signed integer of `BITS` bits, truncated.
pub(in crate::exec) struct Truncate<F, const BITS: u32>(PhantomData<F>);

impl Conversion for Narrow {
    const FROM: u32 = 64;
    const TO: u32 = 32;

    #[inline(always)]
    fn host(x: u64, exact_only: bool) -> Option<u64> {
        let value = f64::from_lane(x);
        let r = value as f32;
        let in_range = f32::is_well_normal(r.to_lane()) || f64::is_zero(x);
        (in_range && (!exact_only || f64::from(r) == value)).then(|| r.to_lane())
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        soft_convert::narrow(env, x)
    }
}

impl Conversion for Widen {
    const FROM: u32 = 32;
    const TO: u32 = 64;

    #[inline(always)]
    fn host(x: u64, _: bool) -> Option<u64> {
        f32::is_tame(x).then(|| f64::from(f32::from_lane(x)).to_lane())
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        soft_convert::widen(env, x)
    }
}

/// The lane as a signed integer.
#[inline(always)]
fn signed<const BITS: u32>(x: u64) -> i64 {
    (x << (64 - BITS)) as i64 >> (64 - BITS)
}

impl<F: Float + FromInteger, const BITS: u32> Conversion for FromInt<F, BITS> {
    const FROM: u32 = BITS;
    const TO: u32 = F::BITS;

    #[inline(always)]
    fn host(x: u64, exact_only: bool) -> Option<u64> {
        let value = signed::<BITS>(x);
        let r = F::from_integer(value);
        // Back from 2^63 the conversion saturates, to a value that was not exact.
        let exact = BITS <= F::FRACTION || r.to_integer() == value && value != i64::MAX;
        (!exact_only || exact).then(|| r.to_lane())
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        soft_convert::from_integer::<F>(env, signed::<BITS>(x))
    }
}

impl<F: Float + FromInteger, const BITS: u32> Conversion for Truncate<F, BITS> {
    const FROM: u32 = F::BITS;
    const TO: u32 = BITS;

    #[inline(always)]
    fn host(x: u64, exact_only: bool) -> Option<u64> {
        to_integer::<F, BITS>(x, F::from_lane(x), exact_only)
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        soft_convert::to_integer::<F>(env, x, BITS, Truncation::Always)
    }
}

impl<F: Float + FromInteger, const BITS: u32> Conversion for Round<F, BITS> {
    const FROM: u32 = F::BITS;
    const TO: u32 = BITS;

    #[inline(always)]
    fn host(x: u64, exact_only: bool) -> Option<u64> {
        to_integer::<F, BITS>(x, F::from_lane(x).round_to_even(), exact_only)
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        soft_convert::to_integer::<F>(env, x, BITS, Truncation::AsRounded)
    }
}

/// The integer part of `rounded`, which is `x` made whole or not, if it is in range.
#[inline(always)]
fn to_integer<F: Float + FromInteger, const BITS: u32>(x: u64, rounded: F, exact_only: bool) -> Option<u64> {
    let r = rounded.to_integer();
    let in_range = rounded.is_below_power(BITS - 1) && !F::is_denormal(x);
    let exact = F::from_integer(r) == F::from_lane(x);
    (in_range && (!exact_only || exact)).then_some(r as u64 & (u64::MAX >> (64 - BITS)))
}

/// Integers on the host.
pub(in crate::exec) trait FromInteger: Float {
    /// Rounded to nearest.
    fn from_integer(x: i64) -> Self;
    /// Truncated; saturates.
    fn to_integer(self) -> i64;
    /// The nearest whole number, ties to even.
    fn round_to_even(self) -> Self;
    /// True if the magnitude is below 2^`power`; false for a NaN.
    fn is_below_power(self, power: u32) -> bool;
}

macro_rules! from_integer {
    ($($t:ty)*) => {$(
        impl FromInteger for $t {
            #[inline(always)]
            fn from_integer(x: i64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_integer(self) -> i64 {
                self as i64
            }
            #[inline(always)]
            fn round_to_even(self) -> Self {
                self.round_ties_even()
            }
            #[inline(always)]
            fn is_below_power(self, power: u32) -> bool {
                self.abs() < (1_u64 << power) as $t
            }
        }
    )*};
}
from_integer!(f32 f64);

/// Binds a conversion that has no MMX register. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.ops[0] {
        Operand::Xmm(dst) => {
            op.dst = dst;
            into_xmm(insn, op)
        }
        Operand::Reg32(dst) => {
            op.dst = dst;
            into_general::<H, 32>(insn, op)
        }
        Operand::Reg64(dst) => {
            op.dst = dst;
            into_general::<H, 64>(insn, op)
        }
        _ => false,
    }
}

fn into_xmm<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Cvtsi2ss => from_general::<H, f32>(insn, op),
        M::Cvtsi2sd => from_general::<H, f64>(insn, op),
        M::Cvtsd2ss => by_source!(insn, op, Memory<u64>, |S| to_low_lane::<H, S, Narrow>),
        M::Cvtss2sd => by_source!(insn, op, Memory<u32>, |S| to_low_lane::<H, S, Widen>),
        M::Cvtpd2ps => by_source!(insn, op, Aligned, |S| packed::<H, S, Narrow>),
        M::Cvtps2pd => by_source!(insn, op, Memory<u64>, |S| packed::<H, S, Widen>),
        M::Cvtdq2ps => by_source!(insn, op, Aligned, |S| packed::<H, S, FromInt<f32, 32>>),
        M::Cvtdq2pd => by_source!(insn, op, Memory<u64>, |S| packed::<H, S, FromInt<f64, 32>>),
        M::Cvtps2dq => by_source!(insn, op, Aligned, |S| packed::<H, S, Round<f32, 32>>),
        M::Cvtpd2dq => by_source!(insn, op, Aligned, |S| packed::<H, S, Round<f64, 32>>),
        M::Cvttps2dq => by_source!(insn, op, Aligned, |S| packed::<H, S, Truncate<f32, 32>>),
        M::Cvttpd2dq => by_source!(insn, op, Aligned, |S| packed::<H, S, Truncate<f64, 32>>),
        _ => false,
    }
}

fn into_general<H: HardwareModel, const BITS: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Cvtss2si => by_source!(insn, op, Memory<u32>, |S| to_general::<H, S, Round<f32, BITS>>),
        M::Cvttss2si => by_source!(insn, op, Memory<u32>, |S| to_general::<H, S, Truncate<f32, BITS>>),
        M::Cvtsd2si => by_source!(insn, op, Memory<u64>, |S| to_general::<H, S, Round<f64, BITS>>),
        M::Cvttsd2si => by_source!(insn, op, Memory<u64>, |S| to_general::<H, S, Truncate<f64, BITS>>),
        _ => false,
    }
}

fn from_general<H: HardwareModel, F: FromInteger>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.ops[1] {
        Operand::Reg32(src) => {
            op.src = src;
            to(op, to_low_lane::<H, General<u32>, FromInt<F, 32>>)
        }
        Operand::Reg64(src) => {
            op.src = src;
            to(op, to_low_lane::<H, General<u64>, FromInt<F, 64>>)
        }
        Operand::Mem(mem) if mem.size == 4 => to(op, to_low_lane::<H, Memory<u32>, FromInt<F, 32>>),
        Operand::Mem(_) => to(op, to_low_lane::<H, Memory<u64>, FromInt<F, 64>>),
        _ => false,
    }
}
