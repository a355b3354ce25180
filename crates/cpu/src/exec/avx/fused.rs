//! a * b + c in software, exact before the one rounding.
//!
//! Product and addend are brought to 126 bits, the smaller one is shifted to the exponent of the larger, and what that loses
//! is kept as a one in the lowest bit. Both have zeros there otherwise (a product of doubles has 106 bits), so that bit is
//! right for rounding, also below a difference.

use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::{DE, Env, IE};
use crate::exec::sse::soft::{Unbounded, deliver};
use rustc_apfloat::{Float as _, Round, Status, StatusAnd};

/// The highest bit of a [`Number`]'s magnitude.
const TOP: u32 = 125;

/// (-1)^`sign` * `magnitude` * 2^`exponent`, not zero.
#[derive(Clone, Copy)]
struct Number {
    negative: bool,
    magnitude: u128,
    exponent: i32,
}

/// One lane: `a * b + c`, with the signs of product and addend flipped where `product` and `addend` have the sign bit.
pub(super) fn fused<F: Float>(env: &mut Env, lanes: [u64; 3], product: u64, addend: u64) -> u64 {
    let [a, b, c] = lanes.map(|x| env.operand::<F>(x));
    if let Some(nan) = propagate::<F>(env, [a, b, c]) {
        return nan;
    }
    let product_sign = (a ^ b ^ product) & F::SIGN;
    let c = c ^ addend;
    let infinite = |x| F::magnitude(x) == F::INFINITY;
    let product_infinite = infinite(a) || infinite(b);
    let invalid = product_infinite && (F::is_zero(a) || F::is_zero(b))
        || product_infinite && infinite(c) && product_sign != c & F::SIGN;
    if invalid {
        env.raise(IE);
        return F::INDEFINITE;
    }
    if F::is_denormal(a) || F::is_denormal(b) || F::is_denormal(c) {
        env.raise(DE);
    }
    if product_infinite {
        return product_sign | F::INFINITY;
    }
    if infinite(c) {
        return c;
    }
    let product_zero = F::is_zero(a) || F::is_zero(b);
    let sum = match (product_zero, F::is_zero(c)) {
        (true, true) => return if product_sign == c & F::SIGN { c } else { zero_of_opposites::<F>(env) },
        (true, false) => Some(unpack::<F>(c)),
        (false, true) => Some(multiply::<F>(a, b, product_sign)),
        (false, false) => add(multiply::<F>(a, b, product_sign), unpack::<F>(c)),
    };
    match sum {
        Some(sum) => round::<F>(env, sum),
        None => zero_of_opposites::<F>(env),
    }
}

/// The NaN that comes first, in the order first factor, second factor, addend, quieted.
fn propagate<F: Float>(env: &mut Env, lanes: [u64; 3]) -> Option<u64> {
    if lanes.into_iter().any(F::is_signalling) {
        env.raise(IE);
    }
    lanes.into_iter().find(|&x| F::is_nan(x)).map(|nan| nan | F::QUIET)
}

/// What the sum of equal values of opposite signs gives.
fn zero_of_opposites<F: Float>(env: &Env) -> u64 {
    if env.rounding() == Round::TowardNegative { F::SIGN } else { 0 }
}

/// Significand and exponent of its lowest bit.
fn significand<F: Float>(x: u64) -> (u128, i32) {
    let bias = (F::INFINITY >> F::FRACTION) as i32 >> 1;
    let field = (F::magnitude(x) >> F::FRACTION) as i32;
    let fraction = x & (F::MIN_NORMAL - 1);
    let significand = if field == 0 { fraction } else { fraction | F::MIN_NORMAL };
    (significand.into(), field.max(1) - bias - F::FRACTION as i32)
}

/// Brings the highest bit to [`TOP`].
fn normalised(negative: bool, magnitude: u128, exponent: i32) -> Number {
    let shift = magnitude.leading_zeros() as i32 - (127 - TOP as i32);
    Number { negative, magnitude: magnitude << shift, exponent: exponent - shift }
}

fn unpack<F: Float>(x: u64) -> Number {
    let (magnitude, exponent) = significand::<F>(x);
    normalised(x & F::SIGN != 0, magnitude, exponent)
}

fn multiply<F: Float>(a: u64, b: u64, sign: u64) -> Number {
    let ((x, log_x), (y, log_y)) = (significand::<F>(a), significand::<F>(b));
    normalised(sign != 0, x * y, log_x + log_y)
}

/// The sum, `None` if it is zero.
fn add(a: Number, b: Number) -> Option<Number> {
    let (large, small) = if (a.exponent, a.magnitude) >= (b.exponent, b.magnitude) { (a, b) } else { (b, a) };
    let shifted = shift_sticky(small.magnitude, (large.exponent - small.exponent) as u32);
    let magnitude =
        if large.negative == small.negative { large.magnitude + shifted } else { large.magnitude - shifted };
    (magnitude != 0).then_some(Number { magnitude, ..large })
}

/// `x` / 2^`bits`, with the lowest bit set if that is not exact.
fn shift_sticky(x: u128, bits: u32) -> u128 {
    match x.checked_shr(bits) {
        Some(shifted) => shifted | u128::from(shifted << bits != x),
        None => u128::from(x != 0),
    }
}

/// Rounds and judges.
fn round<F: Float>(env: &mut Env, x: Number) -> u64 {
    let direction = match (x.negative, env.rounding()) {
        (true, Round::TowardPositive) => Round::TowardNegative,
        (true, Round::TowardNegative) => Round::TowardPositive,
        (_, direction) => direction,
    };
    let rounded = F::Soft::from_u128_r(x.magnitude, direction);
    let log = rounded.value.ilogb() + x.exponent;
    let (bits, status) = if log < F::Soft::MIN_EXP {
        denormal::<F>(x, direction)
    } else {
        let overflow = if log > F::Soft::MAX_EXP { Status::INEXACT } else { Status::OK };
        (rounded.value.scalbn_r(x.exponent, direction).to_bits() as u64, rounded.status | overflow)
    };
    let bits = if x.negative { bits | F::SIGN } else { bits };
    let result = StatusAnd { value: F::Soft::from_bits(bits.into()), status };
    deliver::<F>(env, result, || Unbounded { value: rounded, exponent: x.exponent })
}

/// The magnitude rounded to units of the smallest denormal.
fn denormal<F: Float>(x: Number, direction: Round) -> (u64, Status) {
    let unit = F::Soft::MIN_EXP - F::FRACTION as i32;
    // Two bits more than the units are enough to round by, the lower one for all that is lost.
    let quarters = match unit - 2 - x.exponent {
        shift @ 0.. => shift_sticky(x.magnitude, shift as u32),
        shift => x.magnitude << -shift,
    };
    let (kept, rest) = (quarters >> 2, quarters & 3);
    let up = match direction {
        Round::TowardPositive => rest != 0,
        Round::NearestTiesToEven => rest > 2 || rest == 2 && kept & 1 != 0,
        _ => false,
    };
    let status = if rest != 0 { Status::INEXACT } else { Status::OK };
    ((kept + u128::from(up)) as u64, status)
}

#[cfg(test)]
mod tests {
    use super::super::fma::Fused;
    use super::*;
    use crate::exec::sse::fpenv::MASKS;
    use proptest::prelude::*;

    fn run<F: Float>(a: u64, b: u64, c: u64) -> (u64, u32) {
        let mut env = Env::new(MASKS);
        let result = fused::<F>(&mut env, [a, b, c], 0, 0);
        (result, env.raised())
    }

    /// Numbers whose products and sums meet: exponents near 1, few bits.
    fn single() -> impl Strategy<Value = f32> {
        (any::<bool>(), 100_u32..154, 0_u32..1 << 23, 0_u32..23).prop_map(|(negative, exponent, fraction, few)| {
            f32::from_bits(u32::from(negative) << 31 | exponent << 23 | fraction >> few << few)
        })
    }

    proptest! {
        /// IEEE 754 leaves no choice: rounding to nearest is what the host does, NaNs apart.
        #[test]
        fn rounding_to_nearest_is_the_host_s(a: u64, b: u64, c: u64) {
            let want = f64::from_bits(a).mul_add(f64::from_bits(b), f64::from_bits(c));
            prop_assert!(want.is_nan() || run::<f64>(a, b, c).0 == want.to_bits());
        }

        #[test]
        fn a_sum_in_double_precision_is_right_unless_it_is_in_the_middle(a in single(), b in single(), c in single()) {
            let want = a.mul_add(b, c);
            let (quick, sure) = f32::multiply_add(a, b, c);
            prop_assert!(!sure || quick.to_bits() == want.to_bits());
            prop_assert_eq!(run::<f32>(a.to_lane(), b.to_lane(), c.to_lane()).0, want.to_lane());
        }
    }

    #[test]
    fn nothing_is_lost_below_a_product_that_cancels() {
        let x = 1.0 + f64::EPSILON;
        let square = x * x;
        // x^2 = 1 + 2 e + e^2, of which the product alone loses e^2.
        let (result, raised) = run::<f64>(x.to_bits(), x.to_bits(), (-square).to_bits());
        assert_eq!((f64::from_bits(result), raised), (f64::EPSILON * f64::EPSILON, 0));
    }

    #[test]
    fn infinity_times_zero_is_invalid_but_a_nan_is_not() {
        let (infinity, zero) = (f64::INFINITY.to_bits(), 0);
        assert_eq!(run::<f64>(infinity, zero, zero), (<f64 as Float>::INDEFINITE, IE));
        let nan = <f64 as Float>::INFINITY | <f64 as Float>::QUIET | 5;
        assert_eq!(run::<f64>(infinity, zero, nan), (nan, 0));
    }
}
