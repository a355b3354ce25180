//! VADD, VSUB, VMUL, VDIV, VSQRT, VMIN and VMAX: the operations of SSE on lanes of up to 256 bits, in the same three tiers
//! ([`crate::exec::sse::arith`]).
//!
//! The exceptions of all lanes are gathered before anything is written, as one of them decides for the whole instruction.

use super::operand::{Halves, Source, by_scalar, by_vector};
use crate::exec::sse::arith::{Add, Div, Max, Min, Mul, Operation, Sqrt, Sub};
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::{Env, is_plain, is_settled};
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// All lanes.
fn packed<H: HardwareModel, S: Source, F: Float, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    let mut safe = is_settled(st.mxcsr);
    let low = half::<F, O>(a[0], b[0], &mut safe);
    let high = if S::WIDE { half::<F, O>(a[1], b[1], &mut safe) } else { 0 };
    let mut result = [low, high];
    if !safe {
        let lanes = if S::WIDE { 2 * F::LANES } else { F::LANES };
        result = get!(unsettled::<H, F, O>(st, a, b, lanes));
        if !S::WIDE {
            result[1] = 0;
        }
    }
    st.set_ymm(op.dst, result);
    Flow::Next
}

/// The first tier on 128 bits.
#[inline(always)]
fn half<F: Float, O: Operation>(a: u128, b: u128, safe: &mut bool) -> u128 {
    let mut result = 0;
    for n in 0..F::LANES {
        let (x, y) = (F::lane(a, n), F::lane(b, n));
        let r = O::host(F::from_lane(x), F::from_lane(y)).to_lane();
        *safe &= O::is_safe::<F>(x, y, r);
        result |= u128::from(r) << (n * F::BITS);
    }
    result
}

/// Lane 0; the rest is the first operand's.
fn scalar<H: HardwareModel, S: Scalar, F: Float, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.aux & 15)];
    let (x, y) = (F::lane(a, 0), F::lane(b, 0));
    let r = O::host(F::from_lane(x), F::from_lane(y)).to_lane();
    let result = if is_settled(st.mxcsr) && O::is_safe::<F>(x, y, r) {
        F::with_low(a, r)
    } else {
        get!(unsettled::<H, F, O>(st, [a, 0], [b, 0], 1))[0]
    };
    st.set_vex_xmm(op.dst, result);
    Flow::Next
}

/// The second tier, and the third for what it does not take. Lanes beyond the first `lanes` are those of `a`.
#[inline(never)]
fn unsettled<H: HardwareModel, F: Float, O: Operation>(
    st: &mut State<H>,
    a: Halves,
    b: Halves,
    lanes: u32,
) -> Result<Halves, Flow> {
    if !is_plain(st.mxcsr) {
        return in_software::<H, F, O>(st, a, b, lanes);
    }
    let mut result = a;
    for n in 0..lanes {
        let (x, y) = (lane::<F>(&a, n), lane::<F>(&b, n));
        let (p, q) = (F::from_lane(x), F::from_lane(y));
        let r = O::host(p, q);
        if !O::is_safe::<F>(x, y, r.to_lane()) || !O::is_exact(p, q, r) {
            return in_software::<H, F, O>(st, a, b, lanes);
        }
        set_lane::<F>(&mut result, n, r.to_lane());
    }
    Ok(result)
}

#[cold]
fn in_software<H: HardwareModel, F: Float, O: Operation>(
    st: &mut State<H>,
    a: Halves,
    b: Halves,
    lanes: u32,
) -> Result<Halves, Flow> {
    let mut env = Env::new(st.mxcsr);
    let mut result = a;
    for n in 0..lanes {
        let r = O::soft::<F>(&mut env, lane::<F>(&a, n), lane::<F>(&b, n));
        set_lane::<F>(&mut result, n, r);
    }
    env.commit(st)?;
    Ok(result)
}

/// Lane `n` of a vector.
#[inline(always)]
pub(super) fn lane<F: Float>(x: &Halves, n: u32) -> u64 {
    F::lane(x[(n / F::LANES) as usize & 1], n % F::LANES)
}

/// Replaces lane `n` of a vector.
#[inline(always)]
pub(super) fn set_lane<F: Float>(x: &mut Halves, n: u32, bits: u64) {
    let half = &mut x[(n / F::LANES) as usize & 1];
    *half = F::with_lane(*half, n % F::LANES, bits);
}

/// Binds floating-point arithmetic. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vaddps | M::Vaddpd | M::Vaddss | M::Vaddsd => family::<H, Add>(insn, op),
        M::Vsubps | M::Vsubpd | M::Vsubss | M::Vsubsd => family::<H, Sub>(insn, op),
        M::Vmulps | M::Vmulpd | M::Vmulss | M::Vmulsd => family::<H, Mul>(insn, op),
        M::Vdivps | M::Vdivpd | M::Vdivss | M::Vdivsd => family::<H, Div>(insn, op),
        M::Vsqrtps | M::Vsqrtpd | M::Vsqrtss | M::Vsqrtsd => family::<H, Sqrt>(insn, op),
        M::Vminps | M::Vminpd | M::Vminss | M::Vminsd => family::<H, Min>(insn, op),
        M::Vmaxps | M::Vmaxpd | M::Vmaxss | M::Vmaxsd => family::<H, Max>(insn, op),
        _ => false,
    }
}

fn family<H: HardwareModel, O: Operation>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vaddps | M::Vsubps | M::Vmulps | M::Vdivps | M::Vsqrtps | M::Vminps | M::Vmaxps => {
            by_vector!(insn, op, |S| packed::<H, S, f32, O>)
        }
        M::Vaddpd | M::Vsubpd | M::Vmulpd | M::Vdivpd | M::Vsqrtpd | M::Vminpd | M::Vmaxpd => {
            by_vector!(insn, op, |S| packed::<H, S, f64, O>)
        }
        M::Vaddss | M::Vsubss | M::Vmulss | M::Vdivss | M::Vsqrtss | M::Vminss | M::Vmaxss => {
            by_scalar!(insn, op, u32, |S| scalar::<H, S, f32, O>)
        }
        _ => by_scalar!(insn, op, u64, |S| scalar::<H, S, f64, O>),
    }
}
