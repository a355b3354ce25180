//! SSE3: sums and differences across and in turn, duplicating moves, the load for unaligned data.

use super::float::Float;
use super::fpenv::{Env, is_settled};
use super::lanes::*;
use super::operand::{Aligned, Memory, by_source};
use super::pure::pure_table;
use super::soft::{self, Binary};
use super::vector::{Vector, host_difference, host_sum, run};
use crate::op::Op;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use std::marker::PhantomData;

/// Moves that duplicate lanes, and LDDQU.
pub(in crate::exec) mod moves {
    use super::*;

    pure_table! {
        Movddup, Memory<u64>, |_, b, _| pair(b as u64, b as u64);
        Movsldup, Aligned, |_, b, _| map_u64(b, b, |x, _| x & 0xffff_ffff | x << 32);
        Movshdup, Aligned, |_, b, _| map_u64(b, b, |x, _| x >> 32 | x & !0xffff_ffff);
        Lddqu, Memory<u128>, |_, b, _| b;
    }
}

/// ADDSUB: differences in even lanes, sums in odd ones.
pub(in crate::exec) struct AddSub<F>(PhantomData<F>);
/// HADD: sums of neighbours, first those of the destination.
pub(in crate::exec) struct AddAcross<F>(PhantomData<F>);
/// HSUB: differences of neighbours, the lower less the upper.
pub(in crate::exec) struct SubAcross<F>(PhantomData<F>);

/// A register from a function of the lane's number.
#[inline(always)]
fn from_lanes<F: Float>(mut f: impl FnMut(u32) -> Option<u64>) -> Option<u128> {
    (0..F::LANES).try_fold(0, |x, n| Some(x | u128::from(f(n)?) << (n * F::BITS)))
}

/// As [`from_lanes`], where each lane has a result.
fn from_all_lanes<F: Float>(mut f: impl FnMut(u32) -> u64) -> u128 {
    (0..F::LANES).fold(0, |x, n| x | u128::from(f(n)) << (n * F::BITS))
}

/// The neighbours that lane `n` of the result is made of.
#[inline(always)]
fn neighbours<F: Float>(dst: u128, src: u128, n: u32) -> (u64, u64) {
    let half = F::LANES / 2;
    let (x, at) = if n < half { (dst, 2 * n) } else { (src, 2 * (n - half)) };
    (F::lane(x, at), F::lane(x, at + 1))
}

impl<F: Float> Vector for AddSub<F> {
    #[inline(always)]
    fn host(mxcsr: u32, dst: u128, src: u128, _: u64) -> Option<u128> {
        let lane = |n| {
            let (a, b) = (F::lane(dst, n), F::lane(src, n));
            if n & 1 == 0 { host_difference::<F>(a, b) } else { host_sum::<F>(a, b) }
        };
        if is_settled(mxcsr) { from_lanes::<F>(lane) } else { None }
    }

    fn soft(env: &mut Env, dst: u128, src: u128, _: u64) -> u128 {
        from_all_lanes::<F>(|n| {
            let operation = if n & 1 == 0 { Binary::Sub } else { Binary::Add };
            soft::binary::<F>(env, operation, F::lane(dst, n), F::lane(src, n))
        })
    }
}

/// HADD or HSUB.
macro_rules! across {
    ($name:ident, $host:ident, $operation:expr) => {
        impl<F: Float> Vector for $name<F> {
            #[inline(always)]
            fn host(mxcsr: u32, dst: u128, src: u128, _: u64) -> Option<u128> {
                let lane = |n| {
                    let (a, b) = neighbours::<F>(dst, src, n);
                    $host::<F>(a, b)
                };
                if is_settled(mxcsr) { from_lanes::<F>(lane) } else { None }
            }

            fn soft(env: &mut Env, dst: u128, src: u128, _: u64) -> u128 {
                from_all_lanes::<F>(|n| {
                    let (a, b) = neighbours::<F>(dst, src, n);
                    soft::binary::<F>(env, $operation, a, b)
                })
            }
        }
    };
}
across!(AddAcross, host_sum, Binary::Add);
across!(SubAcross, host_difference, Binary::Sub);

/// Binds an instruction of SSE3 on XMM registers. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        M::Addsubps => by_source!(insn, op, Aligned, |S| run::<H, S, AddSub<f32>>),
        M::Addsubpd => by_source!(insn, op, Aligned, |S| run::<H, S, AddSub<f64>>),
        M::Haddps => by_source!(insn, op, Aligned, |S| run::<H, S, AddAcross<f32>>),
        M::Haddpd => by_source!(insn, op, Aligned, |S| run::<H, S, AddAcross<f64>>),
        M::Hsubps => by_source!(insn, op, Aligned, |S| run::<H, S, SubAcross<f32>>),
        M::Hsubpd => by_source!(insn, op, Aligned, |S| run::<H, S, SubAcross<f64>>),
        _ => moves::bind(insn, op),
    }
}
