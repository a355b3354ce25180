//! FPREM, FPREM1, FSCALE, FXTRACT and FRNDINT: operations on exponents and integral parts. Precision control does not
//! concern them.

use super::f80::{BIAS, Class, F80, INTEGER};
use super::round::{Exact, Mode, Outcome, Rounding, shift_right_sticky, to_f80};
use super::source::{Number, Source, special_operand, special_operands, stopped_by_denormal};
use super::unit::{C0, C1, C2, C3, PE, ZE};

/// How the quotient of a partial remainder is rounded.
pub(super) trait QuotientRounding: 'static {
    /// True if the remainder is to go below zero: `remainder` of `divisor`, with a quotient that is odd or not.
    fn up(remainder: u128, divisor: u128, quotient: u128) -> bool;
}

/// FPREM.
pub(super) struct Truncate;
/// FPREM1.
pub(super) struct Nearest;

impl QuotientRounding for Truncate {
    fn up(_: u128, _: u128, _: u128) -> bool {
        false
    }
}

impl QuotientRounding for Nearest {
    fn up(remainder: u128, divisor: u128, quotient: u128) -> bool {
        2 * remainder > divisor || 2 * remainder == divisor && quotient & 1 != 0
    }
}

/// FPREM and FPREM1: the remainder of `a` by `b`, or a step towards it (C2 = 1) where the exponents lie far apart.
/// The low three bits of the quotient come in C0, C3 and C1.
pub(super) fn remainder<Q: QuotientRounding>(a: Source, b: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operands(a, b) {
        return special;
    }
    if a.class == Class::Infinity || b.class == Class::Zero {
        return Outcome::invalid();
    }
    let de = a.denormal_flag() | b.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    match (a.class, b.class) {
        (Class::Zero, _) => Outcome::exact(a.value).with(de),
        (_, Class::Infinity) => unchanged(a.number()).with(de),
        _ => remainder_numbers::<Q>(a.number(), b.number(), r.extended()).with(de),
    }
}

fn exact(a: Number) -> Exact {
    Exact { negative: a.negative, exp: a.exp, sig: u128::from(a.sig) << 64 }
}

/// The number itself. A pseudo-denormal gets the exponent of its value; a denormal raises no underflow.
fn unchanged(a: Number) -> Outcome {
    to_f80(exact(a), Rounding { mode: Mode::Nearest, bits: 64, unmasked: 0 })
}

fn remainder_numbers<Q: QuotientRounding>(a: Number, b: Number, r: Rounding) -> Outcome {
    let distance = a.exp - b.exp;
    let divisor = u128::from(b.sig);
    match distance {
        ..-1 => to_f80(exact(a), r),
        -1..64 => {
            // Both in units of half of b's last bit, so that a quotient below 1 can be told from a half.
            let dividend = u128::from(a.sig) << (distance + 1);
            let divisor = divisor << 1;
            let (quotient, rest) = (dividend / divisor, dividend % divisor);
            let up = Q::up(rest, divisor, quotient);
            let (quotient, rest) = if up { (quotient + 1, divisor - rest) } else { (quotient, rest) };
            signed_result(a.negative != up, a.negative, b.exp - 1, rest, r).with(quotient_bits(quotient))
        }
        _ => {
            let step = distance & 31 | 32;
            let rest = (u128::from(a.sig) << step) % divisor;
            signed_result(a.negative, a.negative, a.exp - step, rest, r).with(C2)
        }
    }
}

/// A remainder in units of 2^(`exp` - 63); a zero has the sign of the dividend.
fn signed_result(negative: bool, zero_negative: bool, exp: i32, rest: u128, r: Rounding) -> Outcome {
    if rest == 0 {
        return Outcome::exact(F80::zero(zero_negative));
    }
    to_f80(Exact::normalised(negative, exp + 64, rest), r)
}

fn quotient_bits(quotient: u128) -> u16 {
    let bit = |n: u32, flag: u16| if quotient >> n & 1 != 0 { flag } else { 0 };
    bit(2, C0) | bit(1, C3) | bit(0, C1)
}

/// FSCALE: `a` * 2^trunc(`b`).
pub(super) fn scale(a: Source, b: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operands(a, b) {
        return special;
    }
    let down = b.value.negative();
    match (a.class, b.class) {
        (Class::Infinity, Class::Infinity) if down => return Outcome::invalid(),
        (Class::Zero, Class::Infinity) if !down => return Outcome::invalid(),
        _ => {}
    }
    let de = a.denormal_flag() | b.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    let negative = a.value.negative();
    match (a.class, b.class) {
        (Class::Infinity | Class::Zero, _) => Outcome::exact(a.value).with(de),
        (_, Class::Infinity) if down => Outcome::exact(F80::zero(negative)).with(de),
        (_, Class::Infinity) => Outcome::exact(F80::infinity(negative)).with(de),
        (_, Class::Zero) => unchanged(a.number()).with(de),
        _ => {
            let x = exact(a.number());
            to_f80(Exact { exp: x.exp + truncated(b.number()), ..x }, r.extended()).with(de)
        }
    }
}

/// The integral part, limited to what takes any number out of range.
fn truncated(b: Number) -> i32 {
    const LIMIT: i32 = 1 << 17;
    let magnitude = match b.exp {
        ..0 => 0,
        0..17 => (b.sig >> (63 - b.exp)) as i32,
        _ => LIMIT,
    };
    if b.negative { -magnitude } else { magnitude }
}

/// What FXTRACT gives: the exponent, for the destination, and the significand, to be pushed.
pub(super) struct Extracted {
    pub(super) exponent: F80,
    pub(super) significand: F80,
    pub(super) flags: u16,
}

/// FXTRACT.
pub(super) fn extract(a: Source, r: Rounding) -> Extracted {
    let both = |o: Outcome| Extracted { exponent: o.value, significand: o.value, flags: o.flags };
    if let Some(special) = special_operand(a) {
        return both(special);
    }
    let de = a.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return both(stopped);
    }
    match a.class {
        Class::Infinity => Extracted { exponent: F80::infinity(false), significand: a.value, flags: 0 },
        Class::Zero => Extracted { exponent: F80::infinity(true), significand: a.value, flags: ZE },
        _ => {
            let n = a.number();
            let exponent = Source::integer(i64::from(n.exp)).value;
            Extracted { exponent, significand: F80::new(n.negative, BIAS as u16, n.sig), flags: de }
        }
    }
}

/// FRNDINT.
pub(super) fn round_to_integer(a: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operand(a) {
        return special;
    }
    let de = a.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    match a.class {
        Class::Infinity | Class::Zero => Outcome::exact(a.value),
        _ => round_number_to_integer(a.number(), r.mode).with(de),
    }
}

fn round_number_to_integer(a: Number, mode: Mode) -> Outcome {
    if a.exp >= 63 {
        return Outcome::exact(F80::new(a.negative, (a.exp + BIAS) as u16, a.sig));
    }
    let Integer { magnitude, flags } = to_integer(a, mode);
    if magnitude == 0 {
        return Outcome { value: F80::zero(a.negative), flags };
    }
    let shift = magnitude.leading_zeros() - 64;
    let value = F80::new(a.negative, (BIAS + 63 - shift as i32) as u16, (magnitude as u64) << shift);
    debug_assert!(value.sig & INTEGER != 0);
    Outcome { value, flags }
}

/// The magnitude of a rounded integer, and PE and C1.
pub(super) struct Integer {
    pub(super) magnitude: u128,
    pub(super) flags: u16,
}

/// Rounds a number below 2^64 to an integer.
pub(super) fn to_integer(a: Number, mode: Mode) -> Integer {
    let fixed = shift_right_sticky(u128::from(a.sig) << 63, (63 - a.exp).unsigned_abs());
    let (whole, rest) = (fixed >> 63, fixed & (INTEGER - 1) as u128);
    let half = 1_u128 << 62;
    let up = rest != 0
        && match mode {
            Mode::Nearest => rest > half || rest == half && whole & 1 != 0,
            Mode::Down => a.negative,
            Mode::Up => !a.negative,
            Mode::Zero => false,
        };
    let flags = if rest != 0 { PE } else { 0 } | if up { C1 } else { 0 };
    Integer { magnitude: whole + u128::from(up), flags }
}
