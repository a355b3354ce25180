//! DPPS and DPPD: dot products.
//!
//! Products of the lanes that bits 7:4 of the immediate choose, zeros for the others; sums of neighbours; for four lanes the
//! sum of the sums; and the result in the lanes that bits 3:0 choose. Each step rounds, and an unmasked exception ends
//! the instruction with the flags found so far.

use super::float::Float;
use super::fpenv::{Env, is_settled};
use super::operand::{Aligned, by_source};
use super::soft::{self, Binary};
use super::vector::{Vector, host_product, host_sum, run};
use crate::op::Op;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use std::marker::PhantomData;

/// DPPS or DPPD.
pub(in crate::exec) struct DotProduct<F>(PhantomData<F>);

/// True if lane `n` is multiplied.
#[inline(always)]
const fn is_chosen(imm: u64, n: u32) -> bool {
    imm >> (4 + n) & 1 != 0
}

/// The result in the lanes that take it.
#[inline(always)]
fn broadcast<F: Float>(result: u64, imm: u64) -> u128 {
    (0..F::LANES).filter(|n| imm >> n & 1 != 0).fold(0, |x, n| x | u128::from(result) << (n * F::BITS))
}

impl<F: Float> Vector for DotProduct<F> {
    #[inline(always)]
    fn host(mxcsr: u32, dst: u128, src: u128, imm: u64) -> Option<u128> {
        let product = |n| {
            if is_chosen(imm, n) { host_product::<F>(F::lane(dst, n), F::lane(src, n)) } else { Some(0) }
        };
        let sum = |n| host_sum::<F>(product(n)?, product(n + 1)?);
        if !is_settled(mxcsr) {
            return None;
        }
        let result = if F::LANES == 2 { sum(0)? } else { host_sum::<F>(sum(0)?, sum(2)?)? };
        Some(broadcast::<F>(result, imm))
    }

    fn soft(env: &mut Env, dst: u128, src: u128, imm: u64) -> u128 {
        let products = products::<F>(env, dst, src, imm);
        if !env.next_step() {
            return 0;
        }
        if F::LANES == 2 {
            let totals = add_lanes::<F>(env, |n| (F::lane(products, n), F::lane(products, n ^ 1)));
            return keep::<F>(totals, imm);
        }
        let sums = add_lanes::<F>(env, |n| (F::lane(products, n ^ 1), F::lane(products, n)));
        if !env.next_step() {
            return 0;
        }
        let totals = add_lanes::<F>(env, |n| (F::lane(sums, n), F::lane(sums, n ^ 2)));
        keep::<F>(totals, imm)
    }
}

/// The products of the chosen lanes; the others are zero.
pub(in crate::exec) fn products<F: Float>(env: &mut Env, dst: u128, src: u128, imm: u64) -> u128 {
    (0..F::LANES)
        .filter(|&n| is_chosen(imm, n))
        .fold(0, |x, n| F::with_lane(x, n, soft::binary::<F>(env, Binary::Mul, F::lane(dst, n), F::lane(src, n))))
}

/// The lanes that take the result; the others are zero.
pub(in crate::exec) fn keep<F: Float>(x: u128, imm: u64) -> u128 {
    (0..F::LANES).filter(|n| imm >> n & 1 == 0).fold(x, |x, n| F::with_lane(x, n, 0))
}

/// A register of sums. Which operand comes first in which lane decides between two NaNs.
pub(in crate::exec) fn add_lanes<F: Float>(env: &mut Env, operands: impl Fn(u32) -> (u64, u64)) -> u128 {
    (0..F::LANES).fold(0, |x, n| {
        let (a, b) = operands(n);
        F::with_lane(x, n, soft::binary::<F>(env, Binary::Add, a, b))
    })
}

/// Binds DPPS and DPPD. False if it is neither.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let (Operand::Xmm(dst), Operand::Imm(imm)) = (insn.ops[0], insn.ops[2]) else { return false };
    op.dst = dst;
    op.imm = imm & 0xff;
    match insn.mnemonic {
        M::Dpps => by_source!(insn, op, Aligned, |S| run::<H, S, DotProduct<f32>>),
        M::Dppd => by_source!(insn, op, Aligned, |S| run::<H, S, DotProduct<f64>>),
        _ => false,
    }
}
