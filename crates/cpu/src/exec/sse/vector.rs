//! Operations on whole registers that round: lanes meet, or the immediate has a say.
//!
//! Like the arithmetic on single lanes ([`super::arith`]) they have a fast path on the host's floats, taken where it raises
//! nothing that is not sticky already, and a soft path. A YMM register is two such operations with one environment.

use super::float::Float;
use super::fpenv::Env;
use super::operand::{Source, get};
use crate::op::{Flow, Op};
use crate::state::State;
use paging::HardwareModel;

/// A function of the destination's old value, the source and the immediate, that rounds.
pub(in crate::exec) trait Vector: 'static {
    /// The result, if the host's arithmetic gives it and MXCSR would not change.
    fn host(mxcsr: u32, dst: u128, src: u128, imm: u64) -> Option<u128>;

    /// In software.
    fn soft(env: &mut Env, dst: u128, src: u128, imm: u64) -> u128;
}

/// To an XMM register.
pub(super) fn run<H: HardwareModel, S: Source, O: Vector>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = get!(S::read(st, op));
    let dst = st.xmm[usize::from(op.dst & 15)];
    let result = match O::host(st.mxcsr, dst, src, op.imm) {
        Some(result) => result,
        None => get!(in_software::<H, O>(st, dst, src, op.imm)),
    };
    st.xmm[usize::from(op.dst & 15)] = result;
    Flow::Next
}

#[cold]
fn in_software<H: HardwareModel, O: Vector>(st: &mut State<H>, dst: u128, src: u128, imm: u64) -> Result<u128, Flow> {
    let mut env = Env::new(st.mxcsr);
    let result = O::soft(&mut env, dst, src, imm);
    env.commit(st)?;
    Ok(result)
}

/// The host's sum of two lanes, if nothing but PE can come of it.
#[inline(always)]
pub(super) fn host_sum<F: Float>(a: u64, b: u64) -> Option<u64> {
    in_range::<F>(a, b, F::from_lane(a) + F::from_lane(b))
}

/// The host's difference of two lanes, if nothing but PE can come of it.
#[inline(always)]
pub(super) fn host_difference<F: Float>(a: u64, b: u64) -> Option<u64> {
    in_range::<F>(a, b, F::from_lane(a) - F::from_lane(b))
}

#[inline(always)]
fn in_range<F: Float>(a: u64, b: u64, r: F) -> Option<u64> {
    let r = r.to_lane();
    let safe = !F::is_denormal(a) && !F::is_denormal(b) && (F::is_well_normal(r) || F::is_zero(r));
    safe.then_some(r)
}

/// The host's product of two lanes, if nothing but PE can come of it.
#[inline(always)]
pub(super) fn host_product<F: Float>(a: u64, b: u64) -> Option<u64> {
    let r = (F::from_lane(a) * F::from_lane(b)).to_lane();
    let zero = F::is_zero(r) && (F::is_zero(a) || F::is_zero(b));
    let safe = !F::is_denormal(a) && !F::is_denormal(b) && (F::is_well_normal(r) || zero);
    safe.then_some(r)
}
