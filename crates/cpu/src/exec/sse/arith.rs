//! ADD, SUB, MUL, DIV, SQRT, MIN and MAX of floats, packed and scalar, in three tiers.
//!
//! 1. Rounding to nearest, everything masked, PE already sticky, and operands and result in the range where the
//!    host's arithmetic raises nothing but PE. Most programs make one inexact operation early and then stay here.
//! 2. PE not yet sticky: the same arithmetic, if the result is found to be exact. Programs that compute with integers in
//!    floats stay here.
//!
//!    Of both, what is most common is in line; zeros and long significands are not.
//! 3. All else, and the first inexact operation: [`soft`].

use super::float::Float;
use super::fpenv::{Env, is_plain, is_settled};
use super::operand::{Aligned, Source, by_scalar, by_source, get, with_source};
use super::soft::{self, Binary};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// An operation on one lane of the destination and one of the source.
pub(in crate::exec) trait Operation: 'static {
    /// On the host.
    fn host<F: Float>(a: F, b: F) -> F;

    /// True if a zero result is the true result.
    fn zero_is_exact<F: Float>(a: u64, b: u64) -> bool;

    /// True only if `r`, a result for which [`Self::is_safe`] holds, is not rounded; it may miss some.
    fn is_exact<F: Float>(a: F, b: F, r: F) -> bool;

    /// As [`Self::is_exact`], quicker, of what is [`Self::is_plainly_safe`]; it may miss more.
    #[inline(always)]
    fn is_plainly_exact<F: Float>(a: F, b: F, r: F) -> bool {
        Self::is_exact(a, b, r)
    }

    /// In software.
    fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64;

    /// True if the host's result `r` is the processor's and raises nothing but perhaps PE.
    #[inline(always)]
    fn is_safe<F: Float>(a: u64, b: u64, r: u64) -> bool {
        // Without short cuts, so that it can be done for several lanes at once.
        let result_in_range = F::is_well_normal(r) | F::is_zero(r) & Self::zero_is_exact::<F>(a, b);
        !F::is_denormal(a) & !F::is_denormal(b) & result_in_range
    }

    /// As [`Self::is_safe`], quicker; it misses zeros, infinite operands and the smallest results.
    #[inline(always)]
    fn is_plainly_safe<F: Float>(a: u64, b: u64, r: u64) -> bool {
        F::is_normal(a) && F::is_normal(b) && F::is_far_normal(r)
    }
}

/// Sum.
pub(in crate::exec) struct Add;
/// Difference.
pub(in crate::exec) struct Sub;
pub(in crate::exec) struct Mul;
pub(in crate::exec) struct Div;
pub(in crate::exec) struct Sqrt;
pub(in crate::exec) struct Min;
pub(in crate::exec) struct Max;

/// The rounding error of `r` = `a` + `b` (Knuth's TwoSum) is zero.
#[inline(always)]
pub(in crate::exec) fn sum_is_exact<F: Float>(a: F, b: F, r: F) -> bool {
    let b_in_r = r - a;
    (a - (r - b_in_r)) + (b - b_in_r) == F::ZERO
}

impl Operation for Add {
    #[inline(always)]
    fn host<F: Float>(a: F, b: F) -> F {
        a + b
    }
    #[inline(always)]
    fn zero_is_exact<F: Float>(_: u64, _: u64) -> bool {
        true
    }
    #[inline(always)]
    fn is_exact<F: Float>(a: F, b: F, r: F) -> bool {
        sum_is_exact(a, b, r)
    }
    fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64 {
        soft::binary::<F>(env, Binary::Add, a, b)
    }
}

impl Operation for Sub {
    #[inline(always)]
    fn host<F: Float>(a: F, b: F) -> F {
        a - b
    }
    #[inline(always)]
    fn zero_is_exact<F: Float>(_: u64, _: u64) -> bool {
        true
    }
    #[inline(always)]
    fn is_exact<F: Float>(a: F, b: F, r: F) -> bool {
        sum_is_exact(a, F::ZERO - b, r)
    }
    fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64 {
        soft::binary::<F>(env, Binary::Sub, a, b)
    }
}

impl Operation for Mul {
    #[inline(always)]
    fn host<F: Float>(a: F, b: F) -> F {
        a * b
    }
    #[inline(always)]
    fn zero_is_exact<F: Float>(a: u64, b: u64) -> bool {
        F::is_zero(a) | F::is_zero(b)
    }
    #[inline(always)]
    fn is_exact<F: Float>(a: F, b: F, r: F) -> bool {
        r == F::ZERO || F::product_is(a, b, r)
    }
    #[inline(always)]
    fn is_plainly_exact<F: Float>(a: F, b: F, _: F) -> bool {
        F::product_fits(a, b)
    }
    fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64 {
        soft::binary::<F>(env, Binary::Mul, a, b)
    }
}

impl Operation for Div {
    #[inline(always)]
    fn host<F: Float>(a: F, b: F) -> F {
        a / b
    }
    #[inline(always)]
    fn zero_is_exact<F: Float>(a: u64, _: u64) -> bool {
        F::is_zero(a)
    }
    #[inline(always)]
    fn is_exact<F: Float>(a: F, b: F, r: F) -> bool {
        r == F::ZERO || F::product_is(r, b, a)
    }
    #[inline(always)]
    fn is_plainly_exact<F: Float>(a: F, b: F, r: F) -> bool {
        F::product_fits(r, b) && r * b == a
    }
    fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64 {
        soft::binary::<F>(env, Binary::Div, a, b)
    }
}

/// Of the source alone.
impl Operation for Sqrt {
    #[inline(always)]
    fn host<F: Float>(_: F, b: F) -> F {
        b.sqrt()
    }
    #[inline(always)]
    fn zero_is_exact<F: Float>(_: u64, _: u64) -> bool {
        true
    }
    #[inline(always)]
    fn is_safe<F: Float>(_: u64, b: u64, r: u64) -> bool {
        !F::is_denormal(b) & (F::is_well_normal(r) | F::is_zero(r))
    }
    #[inline(always)]
    fn is_plainly_safe<F: Float>(_: u64, b: u64, r: u64) -> bool {
        F::is_normal(b) && F::is_far_normal(r)
    }
    fn is_exact<F: Float>(_: F, b: F, r: F) -> bool {
        r == F::ZERO || F::product_is(r, r, b)
    }
    #[inline(always)]
    fn is_plainly_exact<F: Float>(_: F, b: F, r: F) -> bool {
        F::product_fits(r, r) && r * r == b
    }
    fn soft<F: Float>(env: &mut Env, _: u64, b: u64) -> u64 {
        soft::sqrt::<F>(env, b)
    }
}

/// MIN and MAX do not round; they give the second operand unless the comparison holds.
macro_rules! extremum {
    ($name:ident, $first:expr) => {
        impl Operation for $name {
            #[inline(always)]
            fn host<F: Float>(a: F, b: F) -> F {
                let first: fn(F, F) -> bool = $first;
                if first(a, b) { a } else { b }
            }
            #[inline(always)]
            fn zero_is_exact<F: Float>(_: u64, _: u64) -> bool {
                true
            }
            #[inline(always)]
            fn is_safe<F: Float>(a: u64, b: u64, _: u64) -> bool {
                F::is_tame(a) & F::is_tame(b)
            }
            fn is_exact<F: Float>(_: F, _: F, _: F) -> bool {
                true
            }
            fn soft<F: Float>(env: &mut Env, a: u64, b: u64) -> u64 {
                soft::extremum::<F>(env, a, b, $first)
            }
        }
    };
}
extremum!(Min, |a, b| a < b);
extremum!(Max, |a, b| a > b);

/// Lane 0 alone.
fn scalar<H: HardwareModel, S: Source, F: Float, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, S>(st, op, |st, op, src| {
        let dst = &mut st.xmm[usize::from(op.dst & 15)];
        let (a, b) = (F::lane(*dst, 0), F::lane(src, 0));
        let (x, y) = (F::from_lane(a), F::from_lane(b));
        let result = O::host(x, y);
        let r = result.to_lane();
        let plain = O::is_plainly_safe::<F>(a, b, r) && is_plain(st.mxcsr);
        if plain && (is_settled(st.mxcsr) || O::is_plainly_exact(x, y, result)) {
            *dst = F::with_low(*dst, r);
            return Flow::Next;
        }
        lane_by_lane::<H, F, O>(st, op.dst, b.into(), 1)
    })
}

/// All lanes.
fn packed<H: HardwareModel, S: Source, F: Float, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, S>(st, op, |st, op, src| {
        let dst = st.xmm[usize::from(op.dst & 15)];
        let mut result = 0;
        let mut safe = is_settled(st.mxcsr);
        for n in 0..F::LANES {
            let (a, b) = (F::lane(dst, n), F::lane(src, n));
            let r = O::host(F::from_lane(a), F::from_lane(b)).to_lane();
            safe &= O::is_safe::<F>(a, b, r);
            result |= u128::from(r) << (n * F::BITS);
        }
        if safe {
            st.xmm[usize::from(op.dst & 15)] = result;
            return Flow::Next;
        }
        lane_by_lane::<H, F, O>(st, op.dst, src, F::LANES)
    })
}

/// The first two tiers, as far as they are not in line, and the third for what they do not take.
#[inline(never)]
fn lane_by_lane<H: HardwareModel, F: Float, O: Operation>(st: &mut State<H>, dst: u8, src: u128, lanes: u32) -> Flow {
    let old = st.xmm[usize::from(dst & 15)];
    let (plain, settled) = (is_plain(st.mxcsr), is_settled(st.mxcsr));
    let mut result = old;
    for n in 0..lanes {
        let (a, b) = (F::lane(old, n), F::lane(src, n));
        let (x, y) = (F::from_lane(a), F::from_lane(b));
        let r = O::host(x, y);
        if !plain || !O::is_safe::<F>(a, b, r.to_lane()) || !settled && !O::is_exact(x, y, r) {
            return in_software::<H, F, O>(st, dst, src, lanes);
        }
        result = F::with_lane(result, n, r.to_lane());
    }
    st.xmm[usize::from(dst & 15)] = result;
    Flow::Next
}

/// The third tier.
#[cold]
fn in_software<H: HardwareModel, F: Float, O: Operation>(st: &mut State<H>, dst: u8, src: u128, lanes: u32) -> Flow {
    let mut env = Env::new(st.mxcsr);
    let old = st.xmm[usize::from(dst & 15)];
    let result = (0..lanes)
        .fold(old, |result, n| F::with_lane(result, n, O::soft::<F>(&mut env, F::lane(old, n), F::lane(src, n))));
    get!(env.commit(st));
    st.xmm[usize::from(dst & 15)] = result;
    Flow::Next
}

/// Binds floating-point arithmetic. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        M::Addps | M::Addpd | M::Addss | M::Addsd => family::<H, Add>(insn, op),
        M::Subps | M::Subpd | M::Subss | M::Subsd => family::<H, Sub>(insn, op),
        M::Mulps | M::Mulpd | M::Mulss | M::Mulsd => family::<H, Mul>(insn, op),
        M::Divps | M::Divpd | M::Divss | M::Divsd => family::<H, Div>(insn, op),
        M::Sqrtps | M::Sqrtpd | M::Sqrtss | M::Sqrtsd => family::<H, Sqrt>(insn, op),
        M::Minps | M::Minpd | M::Minss | M::Minsd => family::<H, Min>(insn, op),
        M::Maxps | M::Maxpd | M::Maxss | M::Maxsd => family::<H, Max>(insn, op),
        _ => false,
    }
}

fn family<H: HardwareModel, O: Operation>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Addps | M::Subps | M::Mulps | M::Divps | M::Sqrtps | M::Minps | M::Maxps => {
            by_source!(insn, op, Aligned, |S| packed::<H, S, f32, O>)
        }
        M::Addpd | M::Subpd | M::Mulpd | M::Divpd | M::Sqrtpd | M::Minpd | M::Maxpd => {
            by_source!(insn, op, Aligned, |S| packed::<H, S, f64, O>)
        }
        M::Addss | M::Subss | M::Mulss | M::Divss | M::Sqrtss | M::Minss | M::Maxss => {
            by_scalar!(insn, op, u32, |S| scalar::<H, S, f32, O>)
        }
        _ => by_scalar!(insn, op, u64, |S| scalar::<H, S, f64, O>),
    }
}
