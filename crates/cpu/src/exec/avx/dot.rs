//! VDPPS on YMM registers: a dot product in each half.
//!
//! Both halves go through the steps together (products, sums of neighbours, sums of sums), and an unmasked exception in
//! either of them ends the instruction after the step. See [`crate::exec::sse::dot`] for the steps.

use super::operand::{Halves, Source};
use crate::exec::sse::dot::{DotProduct, add_lanes, keep, products};
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::Env;
use crate::exec::sse::operand::get;
use crate::exec::sse::vector::Vector;
use crate::op::{Flow, Op};
use crate::state::State;
use paging::HardwareModel;

/// VDPPS of 256 bits.
pub(super) fn run<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    let half = |n: usize| DotProduct::<f32>::host(st.mxcsr, a[n], b[n], op.imm);
    let result = match (half(0), half(1)) {
        (Some(low), Some(high)) => [low, high],
        _ => get!(in_software(st, a, b, op.imm)),
    };
    st.set_ymm(op.dst, result);
    Flow::Next
}

#[cold]
fn in_software<H: HardwareModel>(st: &mut State<H>, a: Halves, b: Halves, imm: u64) -> Result<Halves, Flow> {
    let mut env = Env::new(st.mxcsr);
    let result = steps(&mut env, a, b, imm);
    env.commit(st)?;
    Ok(result)
}

/// The steps. What they give after an unmasked exception is not used.
fn steps(env: &mut Env, a: Halves, b: Halves, imm: u64) -> Halves {
    let products = [0, 1].map(|n| products::<f32>(env, a[n], b[n], imm));
    if !env.next_step() {
        return products;
    }
    let sums = products.map(|x| add_lanes::<f32>(env, |n| (f32::lane(x, n ^ 1), f32::lane(x, n))));
    if !env.next_step() {
        return sums;
    }
    let totals = sums.map(|x| add_lanes::<f32>(env, |n| (f32::lane(x, n), f32::lane(x, n ^ 2))));
    totals.map(|x| keep::<f32>(x, imm))
}
