//! Arithmetic in software: the same bits on any host, for what the fast path does not take.
//!
//! The arithmetic is `rustc_apfloat`'s. What it does not know is done here: the NaN that an instruction gives, denormal
//! operands, and overflow and underflow by the processor's rules. The processor finds both *after* rounding to the format's
//! precision with an unbounded exponent, so a result next to a border is computed again with operands scaled away from it.

use super::float::Float;
use super::fpenv::{DE, Env, IE, OE, PE, UE, ZE};
use rustc_apfloat::{Float as _, Round, Status, StatusAnd};

/// log2 of the factor that takes a result away from the border of the exponent range.
const SCALE: i32 = 64;

/// A binary operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
}

/// One lane of ADD, SUB, MUL or DIV.
pub(super) fn binary<F: Float>(env: &mut Env, operation: Binary, a: u64, b: u64) -> u64 {
    let (a, b) = (env.operand::<F>(a), env.operand::<F>(b));
    if let Some(nan) = propagate::<F>(env, a, b) {
        return nan;
    }
    let round = env.rounding();
    let run = |scale| compute::<F>(operation, a, b, scale, round);
    let status = run(0).status;
    if status.contains(Status::INVALID_OP) {
        env.raise(IE);
        return F::INDEFINITE;
    }
    if status.contains(Status::DIV_BY_ZERO) {
        env.raise(ZE);
        return (a ^ b) & F::SIGN | F::INFINITY;
    }
    if F::is_denormal(a) || F::is_denormal(b) {
        env.raise(DE);
    }
    deliver::<F>(env, run)
}

/// The operation with its result scaled by 2^`scale`. A sum that comes near a border has operands that scale exactly.
fn compute<F: Float>(operation: Binary, a: u64, b: u64, scale: i32, round: Round) -> StatusAnd<F::Soft> {
    let a_is_smaller = F::magnitude(a) < F::magnitude(b);
    let (a, b) = (F::Soft::from_bits(a.into()), F::Soft::from_bits(b.into()));
    match operation {
        Binary::Add => a.scalbn(scale).add_r(b.scalbn(scale), round),
        Binary::Sub => a.scalbn(scale).sub_r(b.scalbn(scale), round),
        Binary::Mul => {
            let (small, large) = if a_is_smaller { (a, b) } else { (b, a) };
            small.scalbn(scale.max(0)).mul_r(large.scalbn(scale.min(0)), round)
        }
        Binary::Div => a.scalbn(scale).div_r(b, round),
    }
}

/// One lane of SQRT.
pub(super) fn sqrt<F: Float>(env: &mut Env, x: u64) -> u64 {
    let x = env.operand::<F>(x);
    if F::is_nan(x) {
        return quiet::<F>(env, x);
    }
    if F::is_zero(x) || x == F::INFINITY {
        return x;
    }
    if x & F::SIGN != 0 {
        env.raise(IE);
        return F::INDEFINITE;
    }
    if F::is_denormal(x) {
        env.raise(DE);
    }
    let (root, exponent) = integer_sqrt::<F>(x);
    let rounded = F::Soft::from_u128_r(root, env.rounding());
    if rounded.status.contains(Status::INEXACT) {
        env.raise(PE);
    }
    rounded.value.scalbn(exponent).to_bits() as u64
}

/// The square root of a positive number as an integer and a power of two; the lowest bit stands for all that is lost.
fn integer_sqrt<F: Float>(x: u64) -> (u128, i32) {
    let fraction = x & (F::MIN_NORMAL - 1);
    let field = (x >> F::FRACTION) as i32;
    let significand = if field == 0 { fraction } else { fraction | F::MIN_NORMAL };
    let bias = (F::INFINITY >> F::FRACTION) as i32 >> 1;
    let exponent = field.max(1) - bias - F::FRACTION as i32;
    // Bits 122 and up: the root has 61 bits or more, and the exponent comes out even.
    let shift = significand.leading_zeros() as i32 + 58;
    let shift = shift + ((exponent - shift) & 1);
    let radicand = u128::from(significand) << shift;
    let root = radicand.isqrt();
    let lost = root * root != radicand;
    (root << 1 | u128::from(lost), (exponent - shift) / 2 - 1)
}

/// One lane of MIN or MAX: the second operand if there is a NaN or both are zero.
pub(super) fn extremum<F: Float>(env: &mut Env, a: u64, b: u64, first: impl Fn(F, F) -> bool) -> u64 {
    let (a, b) = (env.operand::<F>(a), env.operand::<F>(b));
    if F::is_nan(a) || F::is_nan(b) {
        env.raise(IE);
        return b;
    }
    if F::is_denormal(a) || F::is_denormal(b) {
        env.raise(DE);
    }
    if first(F::from_lane(a), F::from_lane(b)) { a } else { b }
}

/// The NaN that a binary operation gives if an operand is one: the first, quieted (SDM "Rules for Handling NaNs").
fn propagate<F: Float>(env: &mut Env, a: u64, b: u64) -> Option<u64> {
    if F::is_signalling(a) || F::is_signalling(b) {
        env.raise(IE);
    }
    match (F::is_nan(a), F::is_nan(b)) {
        (true, _) => Some(a | F::QUIET),
        (_, true) => Some(b | F::QUIET),
        _ => None,
    }
}

/// A NaN made quiet.
pub(super) fn quiet<F: Float>(env: &mut Env, nan: u64) -> u64 {
    if F::is_signalling(nan) {
        env.raise(IE);
    }
    nan | F::QUIET
}

/// Judges a result for overflow, underflow and precision. `run` computes it scaled by a power of two.
pub(super) fn deliver<F: Float>(env: &mut Env, run: impl Fn(i32) -> StatusAnd<F::Soft>) -> u64 {
    let result = run(0);
    let bits = result.value.to_bits() as u64;
    let inexact = result.status.contains(Status::INEXACT);
    if inexact {
        env.raise(PE);
    }
    let rounded_to_infinity = F::magnitude(bits) == F::INFINITY;
    let near_infinity = F::magnitude(bits) == F::INFINITY - 1;
    if inexact && (rounded_to_infinity || near_infinity && is_huge(run(-SCALE).value)) {
        env.raise(OE);
    }
    if inexact && F::magnitude(bits) <= F::MIN_NORMAL && is_tiny(run(SCALE).value) || F::is_denormal(bits) {
        return underflow::<F>(env, bits, inexact);
    }
    bits
}

/// A tiny result: flushed to zero, or denormal. Masked underflow needs a loss of accuracy as well.
fn underflow<F: Float>(env: &mut Env, bits: u64, inexact: bool) -> u64 {
    if env.flushes_results() {
        env.raise(UE | PE);
        return bits & F::SIGN;
    }
    if inexact || !env.masked(UE) {
        env.raise(UE);
    }
    bits
}

/// True if a result scaled by 2^-[`SCALE`] is beyond the largest finite number.
fn is_huge<S: rustc_apfloat::Float>(scaled: S) -> bool {
    scaled.ilogb() > S::MAX_EXP - SCALE
}

/// True if a result scaled by 2^[`SCALE`] is below the smallest normal number.
fn is_tiny<S: rustc_apfloat::Float>(scaled: S) -> bool {
    scaled.ilogb() < S::MIN_EXP + SCALE
}
