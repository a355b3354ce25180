//! Addition, subtraction, multiplication, division and square root.
//!
//! Each takes its operands in the order NaN or no number, infinity, zero, denormal operand, number: the order in which the
//! processor raises exceptions (SDM "Floating-Point Exception Priority").

use super::f80::{Class, F80};
use super::round::{Exact, Mode, Outcome, Rounding, shift_right_sticky, to_f80};
use super::source::{Number, Source, special_operand, special_operands, stopped_by_denormal};
use super::unit::ZE;

/// An operation of two operands.
pub(super) trait Binary: 'static {
    /// The new value of the destination, for two normal numbers.
    fn numbers(dst: Number, src: Number, r: Rounding) -> Outcome;

    /// The new value of the destination, for operands that are neither NaNs nor unsupported.
    fn finite_or_infinite(dst: Source, src: Source, r: Rounding) -> Outcome;

    /// The new value of the destination.
    #[inline]
    fn apply(dst: Source, src: Source, r: Rounding) -> Outcome {
        if dst.is_plain() && src.is_plain() {
            return Self::numbers(dst.number(), src.number(), r);
        }
        special_operands(dst, src).unwrap_or_else(|| Self::finite_or_infinite(dst, src, r))
    }
}

/// dst + src.
pub(super) struct Add;
/// dst - src.
pub(super) struct Sub;
/// src - dst.
pub(super) struct SubReverse;
/// dst * src.
pub(super) struct Mul;
/// dst / src.
pub(super) struct Div;
/// src / dst.
pub(super) struct DivReverse;

/// An operation by its two cases. The operands are exchanged, or not, by the order in which they are named.
macro_rules! binary {
    ($name:ident, |$dst:ident, $src:ident| $a:ident, $b:expr, $numbers:ident, $general:ident) => {
        impl Binary for $name {
            #[inline]
            fn numbers($dst: Number, $src: Number, r: Rounding) -> Outcome {
                $numbers($a, $b, r)
            }

            fn finite_or_infinite($dst: Source, $src: Source, r: Rounding) -> Outcome {
                $general($a, $b, r)
            }
        }
    };
}
binary!(Add, |dst, src| dst, src, sum_numbers, sum);
binary!(Sub, |dst, src| dst, src.negated(), sum_numbers, sum);
binary!(SubReverse, |dst, src| src, dst.negated(), sum_numbers, sum);
binary!(Mul, |dst, src| dst, src, product_numbers, product);
binary!(Div, |dst, src| dst, src, quotient_numbers, quotient);
binary!(DivReverse, |dst, src| src, dst, quotient_numbers, quotient);

/// The zero that an exact sum of opposite numbers is.
fn cancelled(r: Rounding) -> F80 {
    F80::zero(r.mode == Mode::Down)
}

fn sum(a: Source, b: Source, r: Rounding) -> Outcome {
    let de = a.denormal_flag() | b.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    match (a.class, b.class) {
        (Class::Infinity, Class::Infinity) if a.value != b.value => Outcome::invalid(),
        (Class::Infinity, _) => Outcome::exact(a.value).with(de),
        (_, Class::Infinity) => Outcome::exact(b.value).with(de),
        (Class::Zero, Class::Zero) if a.value == b.value => Outcome::exact(a.value),
        (Class::Zero, Class::Zero) => Outcome::exact(cancelled(r)),
        (Class::Zero, _) => rounded(b.number(), r).with(de),
        (_, Class::Zero) => rounded(a.number(), r).with(de),
        _ => sum_numbers(a.number(), b.number(), r).with(de),
    }
}

/// A number alone, at the precision in force.
fn rounded(a: Number, r: Rounding) -> Outcome {
    to_f80(Exact { negative: a.negative, exp: a.exp, sig: u128::from(a.sig) << 64 }, r)
}

#[inline]
fn sum_numbers(a: Number, b: Number, r: Rounding) -> Outcome {
    let (big, small) = if (a.exp, a.sig) >= (b.exp, b.sig) { (a, b) } else { (b, a) };
    let high = u128::from(big.sig) << 63;
    let low = shift_right_sticky(u128::from(small.sig) << 63, (big.exp - small.exp).unsigned_abs());
    let sig = if big.negative == small.negative { high + low } else { high - low };
    if sig == 0 {
        return Outcome::exact(cancelled(r));
    }
    to_f80(Exact::normalised(big.negative, big.exp + 1, sig), r)
}

fn product(a: Source, b: Source, r: Rounding) -> Outcome {
    let negative = a.value.negative() != b.value.negative();
    let de = a.denormal_flag() | b.denormal_flag();
    if matches!((a.class, b.class), (Class::Infinity, Class::Zero) | (Class::Zero, Class::Infinity)) {
        return Outcome::invalid();
    }
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    match (a.class, b.class) {
        (Class::Infinity, _) | (_, Class::Infinity) => Outcome::exact(F80::infinity(negative)).with(de),
        (Class::Zero, _) | (_, Class::Zero) => Outcome::exact(F80::zero(negative)).with(de),
        _ => product_numbers(a.number(), b.number(), r).with(de),
    }
}

#[inline]
fn product_numbers(a: Number, b: Number, r: Rounding) -> Outcome {
    let sig = u128::from(a.sig) * u128::from(b.sig);
    to_f80(Exact::normalised(a.negative != b.negative, a.exp + b.exp + 1, sig), r)
}

fn quotient(a: Source, b: Source, r: Rounding) -> Outcome {
    let negative = a.value.negative() != b.value.negative();
    let de = a.denormal_flag() | b.denormal_flag();
    match (a.class, b.class) {
        (Class::Infinity, Class::Infinity) | (Class::Zero, Class::Zero) => return Outcome::invalid(),
        (Class::Normal | Class::Denormal, Class::Zero) => {
            return Outcome { value: F80::infinity(negative), flags: ZE };
        }
        _ => {}
    }
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    match (a.class, b.class) {
        (Class::Infinity, _) => Outcome::exact(F80::infinity(negative)).with(de),
        (_, Class::Infinity) | (Class::Zero, _) => Outcome::exact(F80::zero(negative)).with(de),
        _ => quotient_numbers(a.number(), b.number(), r).with(de),
    }
}

/// Divides so that the quotient has exactly 64 bits; two more bits come from the remainder.
#[inline]
fn quotient_numbers(a: Number, b: Number, r: Rounding) -> Outcome {
    let smaller = a.sig < b.sig;
    let divisor = u128::from(b.sig);
    let dividend = u128::from(a.sig) << if smaller { 64 } else { 63 };
    let (quotient, remainder) = (dividend / divisor, dividend % divisor);
    let half = 2 * remainder >= divisor;
    let rest = remainder != 0 && 2 * remainder != divisor;
    let sig = quotient << 64 | u128::from(half) << 63 | u128::from(rest);
    to_f80(Exact { negative: a.negative != b.negative, exp: a.exp - b.exp - i32::from(smaller), sig }, r)
}

/// FSQRT.
pub(super) fn square_root(a: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operand(a) {
        return special;
    }
    match a.class {
        Class::Zero => Outcome::exact(a.value),
        _ if a.value.negative() => Outcome::invalid(),
        Class::Infinity => Outcome::exact(a.value),
        _ => {
            let de = a.denormal_flag();
            stopped_by_denormal(de, r).unwrap_or_else(|| square_root_number(a.number(), r).with(de))
        }
    }
}

/// The root of a radicand of 127 or 128 bits has 64 bits; two more come from the remainder.
fn square_root_number(a: Number, r: Rounding) -> Outcome {
    let odd = a.exp & 1;
    let radicand = u128::from(a.sig) << (63 + odd);
    let root = radicand.isqrt();
    let remainder = radicand - root * root;
    let half = remainder > root;
    let sig = root << 64 | u128::from(half) << 63 | u128::from(remainder != 0);
    to_f80(Exact { negative: false, exp: (a.exp - odd) / 2, sig }, r)
}
