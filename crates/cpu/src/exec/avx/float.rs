//! VADD, VSUB, VMUL, VDIV, VSQRT, VMIN and VMAX: the operations of SSE on lanes of up to 256 bits, in the same three tiers
//! ([`crate::exec::sse::arith`]).
//!
//! The exceptions of all lanes are gathered before anything is written, as one of them decides for the whole instruction.

use super::operand::{Source, by_scalar, by_vector};
use super::row::Lanes;
use crate::exec::sse::arith::{Add, Div, Max, Min, Mul, Operation, Sqrt, Sub};
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::{Env, is_plain, is_settled};
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// All lanes.
fn packed<H: HardwareModel, S: Source, F: Lanes, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = F::split(get!(S::read(st, op)));
    let a = F::split(st.ymm(op.aux));
    let lanes = if S::WIDE { 2 * F::LANES } else { F::LANES };
    let mut result = F::ZEROS;
    for n in 0..lanes {
        F::set(&mut result, n, O::host(F::from_lane(F::get(&a, n)), F::from_lane(F::get(&b, n))).to_lane());
    }
    if !is_settled(st.mxcsr) || !F::are_plain([&a, &b], &result, lanes) && !are_safe::<F, O>(&a, &b, &result, lanes) {
        get!(unsettled::<H, F, O>(st, &a, &b, lanes, &mut result));
    }
    st.set_ymm(op.dst, F::join(result));
    Flow::Next
}

/// True if all results are safe, zeros and infinities among them.
#[inline(never)]
fn are_safe<F: Lanes, O: Operation>(a: &F::Row, b: &F::Row, result: &F::Row, lanes: u32) -> bool {
    (0..lanes).all(|n| O::is_safe::<F>(F::get(a, n), F::get(b, n), F::get(result, n)))
}

/// Lane 0; the rest is the first operand's.
fn scalar<H: HardwareModel, S: Scalar, F: Lanes, O: Operation>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.aux & 15)];
    let (x, y) = (F::lane(a, 0), F::lane(b, 0));
    let r = O::host(F::from_lane(x), F::from_lane(y)).to_lane();
    let mut result = F::ZEROS;
    F::set(&mut result, 0, r);
    if !(is_settled(st.mxcsr) & O::is_safe::<F>(x, y, r)) {
        let (mut a, mut b) = (F::ZEROS, F::ZEROS);
        F::set(&mut a, 0, x);
        F::set(&mut b, 0, y);
        get!(unsettled::<H, F, O>(st, &a, &b, 1, &mut result));
    }
    st.set_vex_xmm(op.dst, F::with_low(a, F::get(&result, 0)));
    Flow::Next
}

/// The second tier, and the third for what it does not take: the first lanes anew.
#[inline(never)]
fn unsettled<H: HardwareModel, F: Lanes, O: Operation>(
    st: &mut State<H>,
    a: &F::Row,
    b: &F::Row,
    lanes: u32,
    result: &mut F::Row,
) -> Result<(), Flow> {
    if is_plain(st.mxcsr) && (0..lanes).all(|n| is_exact::<F, O>(F::get(a, n), F::get(b, n))) {
        // The host's results, which are there already, are right and raise nothing.
        return Ok(());
    }
    let mut env = Env::new(st.mxcsr);
    for n in 0..lanes {
        F::set(result, n, O::soft::<F>(&mut env, F::get(a, n), F::get(b, n)));
    }
    env.commit(st)
}

/// True only if a lane's result on the host is safe and not rounded.
fn is_exact<F: Float, O: Operation>(a: u64, b: u64) -> bool {
    let (x, y) = (F::from_lane(a), F::from_lane(b));
    let r = O::host(x, y);
    O::is_safe::<F>(a, b, r.to_lane()) && O::is_exact(x, y, r)
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
