//! Sine, cosine, tangent, arc tangent, exponential and logarithm to some 120 bits.
//!
//! Arguments are brought near 0, where a power series converges by at least a bit and a half a term, and the series are cut
//! where a term is below 2^-130 of the sum. With some 40 operations of error 2^-126 each (see [`super::wide`]) results are within
//! 2^-119 of the true value, relatively. Rounded to 64 bits they are the correctly rounded ones unless the true value lies that
//! close to the middle of two numbers, about once in 2^54 operations. The processor's own are within 1 unit in the
//! last place, and mostly correctly rounded too.

use super::round::Exact;
use super::source::Number;
use super::wide::{LN_2, ONE, TWO, TWO_LOG2_E, constant};

/// The processor's pi has 66 bits (SDM "Approximation of Pi"): this times 2^-64.
const PI_66: u128 = 0x3_243f_6a88_85a3_08d3;

/// Arguments of sine and cosine have to be below 2^63.
pub(super) const LIMIT_EXP: i32 = 63;

/// Below 2^-68 the processor takes x for the sine, tangent and arc tangent of x, and 1 for the cosine, however it rounds.
const TINY_EXP: i32 = -68;

/// Sine and cosine of an argument below 2^63.
pub(super) fn sine_cosine(x: Number) -> (Exact, Exact) {
    if x.exp < TINY_EXP {
        return (x.into(), ONE);
    }
    let (rest, quadrant) = reduce(x);
    let (sine, cosine) = (sine(rest), cosine(rest));
    let (s, c) = match quadrant & 3 {
        0 => (sine, cosine),
        1 => (cosine, sine.negated()),
        2 => (sine.negated(), cosine.negated()),
        _ => (cosine.negated(), sine),
    };
    (s.with_sign(s.negative != x.negative), c)
}

/// Tangent of an argument below 2^63.
pub(super) fn tangent(x: Number) -> Exact {
    let (sine, cosine) = sine_cosine(x);
    sine.over(cosine)
}

/// The magnitude of `x` as a multiple of pi / 2 and an exact rest of at most pi / 4 either way. No number of 64 bits is a
/// multiple of a pi of 66 bits that ends in 1, so the rest is not zero.
fn reduce(x: Number) -> (Exact, u128) {
    // Pi / 2 is PI_66 units of 2^-65; an argument below 1/4 needs no reduction.
    let Ok(shift) = u32::try_from(x.exp + 2) else {
        return (Exact::from(x).with_sign(false), 0);
    };
    let units = u128::from(x.sig) << shift;
    let (quotient, rest) = (units / PI_66, units % PI_66);
    let over = 2 * rest > PI_66;
    let (quotient, rest) = if over { (quotient + 1, PI_66 - rest) } else { (quotient, rest) };
    (Exact::normalised(over, 127 - 65, rest), quotient)
}

/// 1 + c(1) (1 + c(2) (1 + ...)), where c(k) is `x` over the integer `divisor(k)`.
fn nested(x: Exact, terms: u32, divisor: impl Fn(u32) -> u32) -> Exact {
    (1..=terms).rev().fold(ONE, |sum, k| ONE.plus(x.times(sum).over_integer(divisor(k))))
}

fn sine(x: Exact) -> Exact {
    x.times(nested(x.times(x).negated(), 17, |k| 2 * k * (2 * k + 1)))
}

fn cosine(x: Exact) -> Exact {
    nested(x.times(x).negated(), 17, |k| (2 * k - 1) * 2 * k)
}

/// 2^x - 1 for a magnitude below 1.
pub(super) fn exp2_minus_1(x: Number) -> Exact {
    let y = Exact::from(x).times(LN_2);
    y.times(nested(y, 34, |k| k + 1))
}

/// x + s x^3 / 3 + x^5 / 5 + s x^7 / 7 ..., where `square` is s x^2.
fn odd_powers(x: Exact, square: Exact, terms: u32) -> Exact {
    let reciprocal = |k| ONE.over_integer(2 * k + 1);
    x.times((0..terms).rev().fold(reciprocal(terms), |sum, k| reciprocal(k).plus(square.times(sum))))
}

/// The logarithm to base 2 of a positive number; `None` if it is 0.
pub(super) fn log2(x: Exact) -> Option<Exact> {
    const ROOT_2: u128 = 0xb504_f333 << 96;
    // A factor between the root of a half and that of 2.
    let above = x.sig > ROOT_2;
    let power = i128::from(x.exp) + i128::from(above);
    let factor = constant(-i32::from(above), x.sig);
    let log = factor.checked_plus(ONE.negated()).map(|above_one| log2_by_ratio(above_one.over(factor.plus(ONE))));
    match (log, power) {
        (log, 0) => log,
        (None, power) => Some(Exact::integer(power)),
        (Some(log), power) => Some(Exact::integer(power).plus(log)),
    }
}

/// The logarithm to base 2 of (1 + z) / (1 - z), for z below 0.18.
fn log2_by_ratio(z: Exact) -> Exact {
    odd_powers(z, z.times(z), 26).times(TWO_LOG2_E)
}

/// The logarithm to base 2 of 1 + `x`, for `x` above -1.
pub(super) fn log2_plus_1(x: Exact) -> Exact {
    if x.exp < -2 {
        return log2_by_ratio(x.over(TWO.plus(x)));
    }
    log2(ONE.plus(x)).expect("1 + x is not 1")
}

/// The arc tangents of 1/8, 2/8 to 1.
const ARC_TANGENTS: [Exact; 8] = [
    constant(-4, 0xfead_d4d5_617b_6e32_c897_989f_3e88_8ef8),
    constant(-3, 0xfadb_afc9_6406_eb15_6dc7_9ef5_f7a2_17e6),
    constant(-2, 0xb7b0_ca0f_26f7_8473_8aa3_2122_dcfe_4483),
    constant(-2, 0xed63_382b_0dda_7b45_6fe4_45ec_bc3a_8d03),
    constant(-1, 0x8f00_5d5e_f7f5_9f9b_5c83_5e16_65c4_3748),
    constant(-1, 0xa4bc_7d19_34f7_0924_19a8_7f2a_457d_ac9f),
    constant(-1, 0xb805_3e2b_c231_9e73_cb2d_a552_10a4_443d),
    constant(-1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1),
];

/// The arc tangent of `b` / `a`, both taken as positive, `b` at most `a`.
pub(super) fn arc_tangent(b: Number, a: Number) -> Exact {
    let near = |x: Exact| odd_powers(x, x.times(x).negated(), 18);
    let ratio = Exact::from(b).over(a.into()).with_sign(false);
    if ratio.exp < TINY_EXP {
        return ratio;
    }
    let distance = a.exp - b.exp;
    if distance > 5 {
        return near(ratio);
    }
    // Both as integers, so that the nearest k / 8 is taken off exactly.
    let (b, a) = (i128::from(b.sig), i128::from(a.sig) << distance);
    let k = (16 * b + a) / (2 * a);
    if k == 0 {
        return near(ratio);
    }
    let table = ARC_TANGENTS[k as usize - 1];
    match 8 * b - k * a {
        0 => table,
        rest => table.plus(near(Exact::integer(rest).over(Exact::integer(8 * a + k * b)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(x: f64) -> Number {
        super::super::source::Source::double(x.to_bits()).number()
    }

    fn value(x: Exact) -> f64 {
        let magnitude = (x.sig >> 64) as f64 * 2_f64.powi(x.exp - 63);
        if x.negative { -magnitude } else { magnitude }
    }

    fn near(got: Exact, want: f64) -> bool {
        (value(got) - want).abs() <= 4.0 * f64::EPSILON * want.abs()
    }

    #[test]
    fn results_are_those_of_doubles_as_far_as_these_go() {
        for n in 1..200 {
            let x = f64::from(n) / 190.0;
            assert!(near(sine_cosine(number(x)).0, x.sin()) && near(sine_cosine(number(x)).1, x.cos()), "{x}");
            assert!(near(sine_cosine(number(-x)).0, -x.sin()) && near(tangent(number(-x)), -x.tan()), "{x}");
            let half = x / 1.1;
            assert!(near(exp2_minus_1(number(half)), (half * std::f64::consts::LN_2).exp_m1()), "{half}");
            assert!(near(log2_plus_1(number(x).into()), x.ln_1p() * std::f64::consts::LOG2_E), "{x}");
            let by_log = log2(number(x).into());
            assert!(x == 1.0 && by_log.is_none() || near(by_log.unwrap(), x.log2()), "{x}");
            assert!(near(arc_tangent(number(half), number(1.0)), half.atan()), "{half}");
        }
    }

    #[test]
    fn identities_hold_to_110_bits() {
        for n in 1..100 {
            let (sine, cosine) = sine_cosine(number(f64::from(n) * 0.37));
            let one = sine.times(sine).plus(cosine.times(cosine));
            let error = one.checked_plus(ONE.negated());
            assert!(error.is_none_or(|e| e.exp < -110), "{n}");
        }
    }
}
