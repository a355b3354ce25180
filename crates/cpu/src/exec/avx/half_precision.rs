//! F16C: VCVTPH2PS and VCVTPS2PH, between half and single precision.
//!
//! Half precision knows no DAZ and no FTZ: its denormals are numbers, and raise no DE (SDM "VCVTPH2PS"). Single precision on
//! the other side does know DAZ.

use super::convert::widening;
use super::operand::{Halves, number, place};
use crate::bind::to;
use crate::exec::sse::convert::Conversion;
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::{DE, Env, OE, PE, UE};
use crate::exec::sse::operand::get;
use crate::exec::sse::soft::quiet;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use rustc_apfloat::Round;

/// Half precision: sign, 5 bits of exponent, 10 of fraction.
const SIGN: u64 = 1 << 15;
const FRACTION: u32 = 10;
const INFINITY: u64 = 0x1f << FRACTION;
const MIN_NORMAL: u64 = 1 << FRACTION;
/// What single precision has more: bits of fraction, and exponent bias.
const MORE_FRACTION: u32 = 23 - FRACTION;
const MORE_BIAS: u64 = 127 - 15;

/// Half to single precision: always exact.
struct Expand;

impl Conversion for Expand {
    const FROM: u32 = 16;
    const TO: u32 = 32;

    /// Zeros and normal numbers.
    #[inline(always)]
    fn host(x: u64, _: bool) -> Option<u64> {
        let sign = (x & SIGN) << 16;
        match x & !SIGN {
            0 => Some(sign),
            magnitude @ MIN_NORMAL..INFINITY => Some(sign + (magnitude << MORE_FRACTION) + (MORE_BIAS << 23)),
            _ => None,
        }
    }

    fn soft(env: &mut Env, x: u64) -> u64 {
        if let Some(result) = Self::host(x, false) {
            return result;
        }
        let sign = (x & SIGN) << 16;
        let magnitude = x & !SIGN;
        if magnitude < MIN_NORMAL {
            // The fraction counts units of 2^-24, which single precision has exactly.
            let unit = f32::from_bits((127 - 24) << 23);
            return sign | (magnitude as f32 * unit).to_lane();
        }
        let payload = (magnitude & (MIN_NORMAL - 1)) << MORE_FRACTION;
        let widened = sign | <f32 as Float>::INFINITY | payload;
        if payload == 0 { widened } else { quiet::<f32>(env, widened) }
    }
}

/// How VCVTPS2PH rounds: bits 1:0 of the immediate, or with bit 2 MXCSR.
fn rounding(env: &Env, imm: u64) -> Round {
    match imm & 7 {
        0 => Round::NearestTiesToEven,
        1 => Round::TowardNegative,
        2 => Round::TowardPositive,
        3 => Round::TowardZero,
        _ => env.rounding(),
    }
}

/// Single to half precision.
fn contract(env: &mut Env, x: u64, imm: u64) -> u64 {
    let x = env.operand::<f32>(x);
    let sign = x >> 16 & SIGN;
    let magnitude = f32::magnitude(x);
    if <f32 as Float>::is_nan(x) {
        return sign | INFINITY | quiet::<f32>(env, x) >> MORE_FRACTION & (MIN_NORMAL - 1);
    }
    if magnitude == <f32 as Float>::INFINITY || magnitude == 0 {
        return sign | magnitude >> MORE_FRACTION & INFINITY;
    }
    if f32::is_denormal(x) {
        env.raise(DE);
    }
    let round = rounding(env, imm);
    let field = magnitude >> 23;
    // Below 2^-14 fewer bits of the significand are kept.
    let short_by = (MORE_BIAS + 1).saturating_sub(field).min(30) as u32;
    let significand = if field == 0 { magnitude } else { magnitude & 0x7f_ffff | 0x80_0000 };
    let (kept, inexact) = round_off(significand, MORE_FRACTION + short_by, sign, round);
    let result = if short_by > 0 { kept } else { kept + ((field - MORE_BIAS - 1) << FRACTION) };
    // Tininess is found after rounding to full precision.
    let (full, full_inexact) = round_off(significand, MORE_FRACTION, sign, round);
    let tiny = short_by > 1 || short_by == 1 && full < 2 * MIN_NORMAL;
    let overflow = result >= INFINITY;
    env.raise(match (overflow, tiny) {
        (true, _) if env.masked(OE) => OE | PE,
        (true, _) => OE | precision(full_inexact),
        (_, true) if !env.masked(UE) => UE | precision(full_inexact),
        (_, true) if inexact => UE | PE,
        _ => precision(inexact),
    });
    sign | if overflow { overflowed(sign, round) } else { result }
}

const fn precision(inexact: bool) -> u32 {
    if inexact { PE } else { 0 }
}

/// `x` / 2^`bits`, rounded, and whether that is inexact.
fn round_off(x: u64, bits: u32, sign: u64, round: Round) -> (u64, bool) {
    let (kept, rest) = (x >> bits, x & ((1 << bits) - 1));
    let half = 1 << (bits - 1);
    let up = match round {
        Round::TowardPositive => rest != 0 && sign == 0,
        Round::TowardNegative => rest != 0 && sign != 0,
        Round::TowardZero => false,
        _ => rest > half || rest == half && kept & 1 != 0,
    };
    (kept + u64::from(up), rest != 0)
}

/// What an overflow gives: infinity, or the largest number if that is the direction.
fn overflowed(sign: u64, round: Round) -> u64 {
    let inward = match round {
        Round::TowardPositive => sign != 0,
        Round::TowardNegative => sign == 0,
        Round::TowardZero => true,
        _ => false,
    };
    if inward { INFINITY - 1 } else { INFINITY }
}

/// The first `lanes` lanes, packed into the low ones.
fn contract_lanes(env: &mut Env, x: &Halves, lanes: u32, imm: u64) -> u128 {
    (0..lanes).fold(0, |r, n| r | u128::from(contract(env, f32::lane(x[(n / 4) as usize & 1], n % 4), imm)) << (16 * n))
}

fn to_register<H: HardwareModel, const LANES: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mut env = Env::new(st.mxcsr);
    let result = contract_lanes(&mut env, &st.ymm(op.src), LANES, op.imm);
    get!(env.commit(st));
    st.set_vex_xmm(op.dst, result);
    Flow::Next
}

/// As [`to_register`], to memory. MXCSR has its flags then even if the store faults.
fn to_memory<H: HardwareModel, const LANES: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mut env = Env::new(st.mxcsr);
    let result = contract_lanes(&mut env, &st.ymm(op.src), LANES, op.imm);
    get!(env.commit(st));
    if LANES == 4 {
        tri!(st.store(op, result as u64));
    } else {
        tri!(st.store(op, result));
    }
    st.after_store()
}

/// Binds F16C. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vcvtph2ps => widening::<H, Expand, 4, 8>(insn, op),
        M::Vcvtps2ph => {
            place(insn, op);
            op.src = number(&insn.ops[1]);
            match (insn.ops[0], insn.ops[1]) {
                (Operand::Mem(_), Operand::Ymm(_)) => to(op, to_memory::<H, 8>),
                (Operand::Mem(_), _) => to(op, to_memory::<H, 4>),
                (_, Operand::Ymm(_)) => to(op, to_register::<H, 8>),
                _ => to(op, to_register::<H, 4>),
            }
        }
        _ => false,
    }
}
