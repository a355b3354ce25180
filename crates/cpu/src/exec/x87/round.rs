//! Rounding: from an exact result to a format, with the flags that follow.
//!
//! An operation computes its exact result as a 128-bit significand, where bits that do not fit are collected in bit 0
//! ("sticky"). Here it is cut to the precision of the destination once. Tininess is detected after rounding.

use super::f80::{BIAS, EXP_MAX, F80, INTEGER};
use super::unit::{C1, DE, IE, OE, PE, SF, UE, ZE};

/// Rounding control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Nearest,
    Down,
    Up,
    Zero,
}

/// What the control word says about arithmetic.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding {
    pub(super) mode: Mode,
    /// Bits of the significand of results: 24, 53 or 64.
    pub(super) bits: u32,
    /// Exceptions that are not masked.
    pub(super) unmasked: u16,
}

impl Rounding {
    #[inline]
    pub(super) fn of(control: u16) -> Self {
        let mode = match control >> 10 & 3 {
            0 => Mode::Nearest,
            1 => Mode::Down,
            2 => Mode::Up,
            _ => Mode::Zero,
        };
        let bits = match control >> 8 & 3 {
            0 => 24,
            2 => 53,
            _ => 64,
        };
        Self { mode, bits, unmasked: !control & (IE | DE | ZE | OE | UE | PE) }
    }

    /// The same, for instructions that precision control does not concern.
    pub(super) fn extended(self) -> Self {
        Self { bits: 64, ..self }
    }

    /// The register format, at the precision in force.
    pub(super) const fn format(self) -> Format {
        Format { bits: self.bits, min: 1 - BIAS, max: BIAS }
    }
}

/// A destination format: bits of the significand and the exponents of its normal numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) bits: u32,
    pub(super) min: i32,
    pub(super) max: i32,
}

pub(super) const SINGLE: Format = Format { bits: 24, min: -126, max: 127 };
pub(super) const DOUBLE: Format = Format { bits: 53, min: -1022, max: 1023 };

/// What an unmasked overflow or underflow adds to the exponent, so that the result fits (SDM "Numeric Overflow").
const WRAP: i32 = 24576;

/// A non-zero exact result: `sig` * 2^(`exp` - 127), bit 127 of `sig` set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub(super) negative: bool,
    pub(super) exp: i32,
    pub(super) sig: u128,
}

impl Exact {
    /// Shifts the significand up until bit 127 is set. `sig` is not 0.
    #[inline]
    pub(super) fn normalised(negative: bool, exp: i32, sig: u128) -> Self {
        let shift = sig.leading_zeros();
        Self { negative, exp: exp - shift as i32, sig: sig << shift }
    }
}

/// A result in a format, not yet packed. The significand has its integer bit at bit 63; a denormal has `exp` =
/// `Format::min` and a clear integer bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounded {
    pub(super) negative: bool,
    pub(super) exp: i32,
    pub(super) sig: u64,
    pub(super) infinite: bool,
    /// Exception flags, and C1 if the magnitude was rounded up.
    pub(super) flags: u16,
}

/// A result and the flags that it sets (exceptions, C1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) value: F80,
    pub(super) flags: u16,
}

impl Outcome {
    /// An operand register is empty.
    pub(super) const STACK_UNDERFLOW: Self = Self { value: F80::INDEFINITE, flags: IE | SF };
    /// There is no empty register to push to.
    pub(super) const STACK_OVERFLOW: Self = Self { value: F80::INDEFINITE, flags: IE | SF | C1 };

    pub(super) const fn exact(value: F80) -> Self {
        Self { value, flags: 0 }
    }

    /// The masked response to an invalid operation.
    pub(super) const fn invalid() -> Self {
        Self { value: F80::INDEFINITE, flags: IE }
    }

    pub(super) const fn with(self, flags: u16) -> Self {
        Self { value: self.value, flags: self.flags | flags }
    }
}

/// Shifts right and keeps in bit 0 whether anything was lost.
#[inline]
pub(super) const fn shift_right_sticky(sig: u128, by: u32) -> u128 {
    match by {
        0 => sig,
        1..128 => sig >> by | (sig << (128 - by) != 0) as u128,
        _ => (sig != 0) as u128,
    }
}

/// A significand cut to some bits.
struct Cut {
    sig: u64,
    /// The significand became 2: it was shifted down and the exponent is one more.
    carry: bool,
    inexact: bool,
    up: bool,
}

/// Cuts to the top `bits` bits, 64 at most.
#[inline]
fn cut(sig: u128, bits: u32, mode: Mode, negative: bool) -> Cut {
    const HALF: u64 = 1 << 63;
    let (high, low) = ((sig >> 64) as u64, sig as u64);
    let unit = 1_u64 << (64 - bits);
    let kept = high & !(unit - 1);
    // What is cut off, as a fraction of the unit.
    let rest = if bits == 64 { low } else { high << bits | u64::from(low != 0) };
    let up = rest != 0
        && match mode {
            Mode::Nearest => rest > HALF || rest == HALF && kept & unit != 0,
            Mode::Down => negative,
            Mode::Up => !negative,
            Mode::Zero => false,
        };
    let (sum, carry) = kept.overflowing_add(if up { unit } else { 0 });
    Cut { sig: if carry { INTEGER } else { sum }, carry, inexact: rest != 0, up }
}

/// Rounds to a format.
#[inline]
pub(super) fn round(x: Exact, format: Format, r: Rounding) -> Rounded {
    let c = cut(x.sig, format.bits, r.mode, x.negative);
    let exp = x.exp + i32::from(c.carry);
    let mut flags = if c.inexact { PE } else { 0 };
    if c.up {
        flags |= C1;
    }
    let result = Rounded { negative: x.negative, exp, sig: c.sig, infinite: false, flags };
    if exp > format.max {
        overflow(result, format, r)
    } else if exp < format.min {
        underflow(x, result, format, r)
    } else {
        result
    }
}

#[cold]
fn overflow(x: Rounded, format: Format, r: Rounding) -> Rounded {
    if r.unmasked & OE != 0 && x.exp - WRAP <= format.max {
        return Rounded { exp: x.exp - WRAP, flags: x.flags | OE, ..x };
    }
    let infinite = match r.mode {
        _ if r.unmasked & OE != 0 => true, // beyond the wrapped range, as only FSCALE can be
        Mode::Nearest => true,
        Mode::Down => x.negative,
        Mode::Up => !x.negative,
        Mode::Zero => false,
    };
    let sig = if infinite { INTEGER } else { u64::MAX << (64 - format.bits) };
    let flags = OE | PE | if infinite { C1 } else { 0 };
    Rounded { exp: format.max, sig, infinite, flags, ..x }
}

#[cold]
fn underflow(x: Exact, wrapped: Rounded, format: Format, r: Rounding) -> Rounded {
    if r.unmasked & UE != 0 {
        // Beyond the wrapped range, as only FSCALE can be, the result is zero.
        let in_range = wrapped.exp + WRAP >= format.min;
        let (sig, flags) = if in_range { (wrapped.sig, wrapped.flags | UE) } else { (0, UE | PE) };
        return Rounded { exp: wrapped.exp + WRAP, sig, flags, ..wrapped };
    }
    let sig = shift_right_sticky(x.sig, (format.min - x.exp).unsigned_abs());
    let c = cut(sig, format.bits, r.mode, x.negative);
    let mut flags = if c.inexact { UE | PE } else { 0 };
    if c.up {
        flags |= C1;
    }
    Rounded { negative: x.negative, exp: format.min, sig: c.sig, infinite: false, flags }
}

/// Rounds to the register format.
#[inline]
pub(super) fn to_f80(x: Exact, r: Rounding) -> Outcome {
    let y = round(x, r.format(), r);
    let value = if y.infinite {
        F80::infinity(y.negative)
    } else {
        let biased = if y.sig & INTEGER == 0 { 0 } else { (y.exp + BIAS) as u16 & EXP_MAX };
        F80::new(y.negative, biased, y.sig)
    };
    Outcome { value, flags: y.flags }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAREST: Rounding = Rounding { mode: Mode::Nearest, bits: 64, unmasked: 0 };

    fn exact(exp: i32, sig: u128) -> Exact {
        Exact { negative: false, exp, sig }
    }

    #[test]
    fn ties_go_to_even() {
        let half = 1_u128 << 63;
        let one = 1_u128 << 127;
        assert_eq!(to_f80(exact(0, one | half), NEAREST).value, F80::ONE);
        let odd = to_f80(exact(0, one | 1 << 64 | half), NEAREST);
        assert_eq!((odd.value.sig, odd.flags), (INTEGER | 2, PE | C1));
        let carried = to_f80(exact(0, u128::MAX), NEAREST);
        assert_eq!(carried.value, F80::new(false, BIAS as u16 + 1, INTEGER));
    }

    #[test]
    fn a_number_that_rounds_up_to_the_smallest_normal_is_not_tiny() {
        let rounded = to_f80(exact(-BIAS, u128::MAX), NEAREST);
        assert_eq!((rounded.value, rounded.flags), (F80::new(false, 1, INTEGER), PE | C1));
        let tiny = to_f80(exact(-BIAS, u128::MAX << 64), NEAREST);
        assert_eq!((tiny.value, tiny.flags), (F80::new(false, 1, INTEGER), UE | PE | C1));
    }

    #[test]
    fn sticky_shifts_lose_no_inexactness() {
        assert_eq!(shift_right_sticky(0b100, 2), 1);
        assert_eq!(shift_right_sticky(0b101, 2), 1);
        assert_eq!(shift_right_sticky(0b1001, 2), 0b11);
        assert_eq!(shift_right_sticky(1 << 127, 200), 1);
        assert_eq!(shift_right_sticky(0, 128), 0);
    }
}
