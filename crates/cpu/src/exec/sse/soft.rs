//! Arithmetic in software: the same bits on any host, for what the fast path does not take.
//!
//! The arithmetic is `rustc_apfloat`'s. What it does not know is done here: the NaN that an instruction gives, denormal
//! operands, and overflow and underflow by the processor's rules. The processor finds both *after* rounding to the format's
//! precision with an unbounded exponent, so a result next to a border is computed again from operands near 1.

use super::float::Float;
use super::fpenv::{DE, Env, IE, OE, PE, UE, ZE};
use rustc_apfloat::{Float as _, Round, Status, StatusAnd};

/// A result rounded to the format's precision with an unbounded exponent: `value` * 2^`exponent`.
pub(in crate::exec) struct Unbounded<S> {
    pub(in crate::exec) value: StatusAnd<S>,
    pub(in crate::exec) exponent: i32,
}

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
    let (x, y) = (F::Soft::from_bits(a.into()), F::Soft::from_bits(b.into()));
    let result = compute(operation, x, y, round);
    if result.status.contains(Status::INVALID_OP) {
        env.raise(IE);
        return F::INDEFINITE;
    }
    if result.status.contains(Status::DIV_BY_ZERO) {
        env.raise(ZE);
        return (a ^ b) & F::SIGN | F::INFINITY;
    }
    if F::is_denormal(a) || F::is_denormal(b) {
        env.raise(DE);
    }
    deliver::<F>(env, result, || compute_unbounded(operation, x, y, round))
}

fn compute<S: rustc_apfloat::Float>(operation: Binary, a: S, b: S, round: Round) -> StatusAnd<S> {
    match operation {
        Binary::Add => a.add_r(b, round),
        Binary::Sub => a.sub_r(b, round),
        Binary::Mul => a.mul_r(b, round),
        Binary::Div => a.div_r(b, round),
    }
}

/// The operation on operands brought near 1. The larger operand of a sum is not zero, nor is any factor.
fn compute_unbounded<S: rustc_apfloat::Float>(operation: Binary, a: S, b: S, round: Round) -> Unbounded<S> {
    let (log_a, log_b) = (a.ilogb(), b.ilogb());
    let (scale_a, scale_b, exponent) = match operation {
        Binary::Add | Binary::Sub => (log_a.max(log_b), log_a.max(log_b), log_a.max(log_b)),
        Binary::Mul => (log_a, log_b, log_a + log_b),
        Binary::Div => (log_a, log_b, log_a - log_b),
    };
    let value = compute(operation, scale_down(a, scale_a), scale_down(b, scale_b), round);
    Unbounded { value, exponent }
}

/// `x` * 2^-`log`. What would lose bits is far below the last bit of a sum, where any small number does as well.
fn scale_down<S: rustc_apfloat::Float>(x: S, log: i32) -> S {
    let scaled = x.scalbn(-log);
    if scaled.is_normal() || x.is_zero() { scaled } else { S::smallest_normalized().copy_sign(x) }
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
pub(in crate::exec) fn quiet<F: Float>(env: &mut Env, nan: u64) -> u64 {
    if F::is_signalling(nan) {
        env.raise(IE);
    }
    nan | F::QUIET
}

/// Judges a result for overflow, underflow and precision.
///
/// An unmasked overflow or underflow would hand a handler the result with its exponent wrapped, so PE then says whether
/// that one is exact.
pub(in crate::exec) fn deliver<F: Float>(
    env: &mut Env,
    result: StatusAnd<F::Soft>,
    unbounded: impl FnOnce() -> Unbounded<F::Soft>,
) -> u64 {
    let bits = result.value.to_bits() as u64;
    let inexact = is_inexact(&result);
    let near_top = inexact && F::magnitude(bits) >= F::INFINITY - 1;
    let near_bottom = F::magnitude(bits) <= F::MIN_NORMAL && (inexact || F::is_denormal(bits));
    if near_top || near_bottom {
        let unbounded = unbounded();
        let log = unbounded.value.value.ilogb() + unbounded.exponent;
        if log > F::Soft::MAX_EXP {
            let wrapped_exact = !env.masked(OE) && !is_inexact(&unbounded.value);
            env.raise(if wrapped_exact { OE } else { OE | PE });
            return bits;
        }
        if log < F::Soft::MIN_EXP {
            return underflow::<F>(env, bits, inexact, is_inexact(&unbounded.value));
        }
    }
    if inexact {
        env.raise(PE);
    }
    bits
}

fn is_inexact<S>(result: &StatusAnd<S>) -> bool {
    result.status.contains(Status::INEXACT)
}

/// A tiny result: flushed to zero, or denormal. Masked underflow needs a loss of accuracy as well.
fn underflow<F: Float>(env: &mut Env, bits: u64, inexact: bool, wrapped_inexact: bool) -> u64 {
    if !env.masked(UE) {
        env.raise(if wrapped_inexact { UE | PE } else { UE });
        return bits;
    }
    if env.flushes_results() {
        env.raise(UE | PE);
        return bits & F::SIGN;
    }
    if inexact {
        env.raise(UE | PE);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::super::fpenv::{DAZ, FTZ, MASKS, ROUNDING_SHIFT};
    use super::*;
    use proptest::prelude::*;

    const TOWARD_ZERO: u32 = MASKS | 3 << ROUNDING_SHIFT;
    const UP: u32 = MASKS | 2 << ROUNDING_SHIFT;

    /// The result and the exceptions of one operation.
    fn run(mxcsr: u32, operation: Binary, a: f64, b: f64) -> (f64, u32) {
        let mut env = Env::new(mxcsr);
        let bits = binary::<f64>(&mut env, operation, a.to_bits(), b.to_bits());
        (f64::from_bits(bits), env.raised())
    }

    proptest! {
        /// IEEE 754 leaves no choice: rounding to nearest is what the host does, NaNs apart.
        #[test]
        fn rounding_to_nearest_is_the_host_s(a: u64, b: u64) {
            let (x, y) = (f64::from_bits(a), f64::from_bits(b));
            let cases = [(Binary::Add, x + y), (Binary::Sub, x - y), (Binary::Mul, x * y), (Binary::Div, x / y)];
            for (operation, want) in cases.into_iter().filter(|(_, want)| !want.is_nan()) {
                prop_assert_eq!(run(MASKS, operation, x, y).0.to_bits(), want.to_bits());
            }
            let root = sqrt::<f64>(&mut Env::new(MASKS), a);
            prop_assert!(x < 0.0 || x.is_nan() || root == x.sqrt().to_bits());
        }

        #[test]
        fn whole_numbers_are_exact(a in -1_000_000..1_000_000_i64, b in -1_000_000..1_000_000_i64) {
            let (x, y) = (a as f64, b as f64);
            prop_assert_eq!(run(MASKS, Binary::Add, x, y), (x + y, 0));
            prop_assert_eq!(run(MASKS, Binary::Mul, x, y), (x * y, 0));
        }
    }

    #[test]
    fn overflow_gives_infinity_or_the_largest_number_by_the_rounding() {
        assert_eq!(run(MASKS, Binary::Mul, f64::MAX, 2.0), (f64::INFINITY, OE | PE));
        assert_eq!(run(TOWARD_ZERO, Binary::Mul, f64::MAX, 2.0), (f64::MAX, OE | PE));
        // Up to the largest number, but not beyond it.
        assert_eq!(run(TOWARD_ZERO, Binary::Add, f64::MAX, 1.0), (f64::MAX, PE));
        assert_eq!(run(UP, Binary::Add, f64::MAX, 1.0), (f64::INFINITY, OE | PE));
    }

    #[test]
    fn tininess_is_found_after_rounding_with_an_unbounded_exponent() {
        let below_one = f64::from_bits(1.0_f64.to_bits() - 1);
        let above_one = f64::from_bits(1.0_f64.to_bits() + 1);
        // 2^-1022 (1 - 2^-53): rounds up to the smallest normal number, but only for want of bits: tiny.
        assert_eq!(run(MASKS, Binary::Mul, f64::MIN_POSITIVE, below_one), (f64::MIN_POSITIVE, UE | PE));
        // 2^-1022 (1 - 2^-53) (1 + 2^-52) rounds to 2^-1022 or above at full precision: not tiny.
        let (product, raised) = run(UP, Binary::Mul, f64::MIN_POSITIVE * above_one, below_one);
        assert!(product > f64::MIN_POSITIVE && raised == PE);
    }

    #[test]
    fn denormals_are_exact_flushed_or_taken_for_zero() {
        let denormal = f64::MIN_POSITIVE / 2.0;
        assert_eq!(run(MASKS, Binary::Mul, f64::MIN_POSITIVE, 0.5), (denormal, 0));
        assert_eq!(run(MASKS | FTZ, Binary::Mul, f64::MIN_POSITIVE, 0.5), (0.0, UE | PE));
        assert_eq!(run(MASKS, Binary::Add, denormal, 1.0), (1.0, DE | PE));
        assert_eq!(run(MASKS | DAZ, Binary::Add, denormal, 1.0), (1.0, 0));
    }

    #[test]
    fn the_first_nan_wins_and_becomes_quiet() {
        let (signalling, quiet) = (0x7ff0_0000_0000_0001, 0xfff8_0000_0000_0002);
        let mut env = Env::new(MASKS);
        assert_eq!(binary::<f64>(&mut env, Binary::Add, quiet, signalling), quiet);
        assert_eq!(env.raised(), IE);
        assert_eq!(binary::<f64>(&mut env, Binary::Add, signalling, quiet), signalling | <f64 as Float>::QUIET);
        let invalid = run(MASKS, Binary::Sub, f64::INFINITY, f64::INFINITY);
        assert_eq!((invalid.0.to_bits(), invalid.1), (<f64 as Float>::INDEFINITE, IE));
        assert_eq!(run(MASKS, Binary::Div, -1.0, 0.0), (f64::NEG_INFINITY, ZE));
    }
}
