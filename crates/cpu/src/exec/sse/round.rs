//! ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD: to whole numbers.
//!
//! ```text
//!   7     4  3   2   1  0
//! +--------+---+----+-----+
//! | ignored|no | as | RC  |   no: PE is not raised; as: RC is MXCSR's
//! |        |PE |MXCSR     |
//! +--------+---+----+-----+
//! ```

use super::float::Float;
use super::fpenv::{Env, PE, is_plain, is_settled};
use super::operand::{Aligned, Memory, by_source};
use super::soft::quiet;
use super::vector::{Vector, run};
use crate::op::Op;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use rustc_apfloat::{Float as _, Round};
use std::marker::PhantomData;

const SILENT: u64 = 1 << 3;
const AS_MXCSR: u64 = 1 << 2;

/// The first `LANES` lanes rounded, the others from the destination.
pub(in crate::exec) struct RoundLanes<F, const LANES: u32>(PhantomData<F>);

/// Whole numbers on the host.
pub(in crate::exec) trait Whole: Float {
    /// Rounded by an RC field.
    fn whole(self, rc: u64) -> Self;
}

macro_rules! whole {
    ($($t:ty)*) => {$(
        impl Whole for $t {
            #[inline(always)]
            fn whole(self, rc: u64) -> Self {
                match rc {
                    0 => self.round_ties_even(),
                    1 => self.floor(),
                    2 => self.ceil(),
                    _ => self.trunc(),
                }
            }
        }
    )*};
}
whole!(f32 f64);

const fn rounding(rc: u64) -> Round {
    match rc & 3 {
        0 => Round::NearestTiesToEven,
        1 => Round::TowardNegative,
        2 => Round::TowardPositive,
        _ => Round::TowardZero,
    }
}

impl<F: Whole, const LANES: u32> Vector for RoundLanes<F, LANES> {
    #[inline(always)]
    fn host(mxcsr: u32, dst: u128, src: u128, imm: u64) -> Option<u128> {
        let rc = if imm & AS_MXCSR != 0 { 0 } else { imm & 3 };
        if (imm & AS_MXCSR != 0 && !is_plain(mxcsr)) || (imm & SILENT == 0 && !is_settled(mxcsr)) {
            return None;
        }
        (0..LANES).try_fold(dst, |result, n| {
            let x = F::lane(src, n);
            F::is_tame(x).then(|| F::with_lane(result, n, F::from_lane(x).whole(rc).to_lane()))
        })
    }

    fn soft(env: &mut Env, dst: u128, src: u128, imm: u64) -> u128 {
        (0..LANES).fold(dst, |result, n| F::with_lane(result, n, soft_lane::<F>(env, F::lane(src, n), imm)))
    }
}

fn soft_lane<F: Float>(env: &mut Env, x: u64, imm: u64) -> u64 {
    let x = env.operand::<F>(x);
    if F::is_nan(x) {
        return quiet::<F>(env, x);
    }
    let round = if imm & AS_MXCSR != 0 { env.rounding() } else { rounding(imm) };
    let whole = F::Soft::from_bits(x.into()).round_to_integral(round).value.to_bits() as u64;
    if whole != x && imm & SILENT == 0 {
        env.raise(PE);
    }
    whole
}

/// Binds ROUND. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let (Operand::Xmm(dst), Operand::Imm(imm)) = (insn.ops[0], insn.ops[2]) else { return false };
    op.dst = dst;
    op.imm = imm & 0xff;
    match insn.mnemonic {
        M::Roundps => by_source!(insn, op, Aligned, |S| run::<H, S, RoundLanes<f32, 4>>),
        M::Roundpd => by_source!(insn, op, Aligned, |S| run::<H, S, RoundLanes<f64, 2>>),
        M::Roundss => by_source!(insn, op, Memory<u32>, |S| run::<H, S, RoundLanes<f32, 1>>),
        M::Roundsd => by_source!(insn, op, Memory<u64>, |S| run::<H, S, RoundLanes<f64, 1>>),
        _ => false,
    }
}
