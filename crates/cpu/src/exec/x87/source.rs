//! Operands of arithmetic: values widened to the register format, without loss, that still know what they were.

use super::f80::{BIAS, Class, EXP_MAX, F80, INTEGER};
use super::round::{Outcome, Rounding};
use super::unit::{DE, IE};

/// An operand. A denormal of a memory format is a normal number here, but counts as denormal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) value: F80,
    pub(super) class: Class,
    /// It raises DE.
    pub(super) denormal: bool,
}

/// A finite non-zero number: `sig` * 2^(`exp` - 63), bit 63 of `sig` set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) negative: bool,
    pub(super) exp: i32,
    pub(super) sig: u64,
}

impl Number {
    /// The number with the other sign.
    #[inline(always)]
    pub(super) const fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }
}

impl Source {
    #[inline]
    pub(super) const fn register(value: F80) -> Self {
        let class = value.class();
        Self { value, class, denormal: matches!(class, Class::Denormal) }
    }

    /// A number in single format.
    #[inline]
    pub(super) fn single(bits: u32) -> Self {
        Self::narrow(u64::from(bits) << 32, 8)
    }

    /// A number in double format.
    #[inline]
    pub(super) fn double(bits: u64) -> Self {
        Self::narrow(bits, 11)
    }

    /// An IEEE number at the top of `bits`, with so many exponent bits.
    #[inline]
    fn narrow(bits: u64, exp_bits: u32) -> Self {
        let negative = bits >> 63 != 0;
        let max = (1 << exp_bits) - 1;
        let field = (bits >> (63 - exp_bits)) as i32 & max;
        let fraction = bits << (1 + exp_bits);
        let bias = max >> 1;
        if field != 0 && field != max {
            let value = F80::new(negative, (field - bias + BIAS) as u16, INTEGER | fraction >> 1);
            return Self { value, class: Class::Normal, denormal: false };
        }
        if field == max {
            return Self::register(F80::new(negative, EXP_MAX, INTEGER | fraction >> 1));
        }
        if fraction == 0 {
            return Self { value: F80::zero(negative), class: Class::Zero, denormal: false };
        }
        let shift = fraction.leading_zeros();
        let value = F80::new(negative, (BIAS - bias - shift as i32) as u16, fraction << shift);
        Self { value, class: Class::Normal, denormal: true }
    }

    /// An integer.
    #[inline]
    pub(super) fn integer(n: i64) -> Self {
        if n == 0 {
            return Self { value: F80::ZERO, class: Class::Zero, denormal: false };
        }
        let magnitude = n.unsigned_abs();
        let shift = magnitude.leading_zeros();
        let value = F80::new(n < 0, (BIAS + 63 - shift as i32) as u16, magnitude << shift);
        Self { value, class: Class::Normal, denormal: false }
    }

    /// The number, of an operand that is finite and not zero.
    #[inline]
    pub(super) const fn number(self) -> Number {
        let shift = self.value.sig.leading_zeros();
        let field = match self.value.exponent() {
            0 => 1,
            e => e as i32,
        };
        Number { negative: self.value.negative(), exp: field - BIAS - shift as i32, sig: self.value.sig << shift }
    }

    /// True for a normal number that raises nothing: the common case.
    #[inline(always)]
    pub(super) const fn is_plain(self) -> bool {
        matches!(self.class, Class::Normal) && !self.denormal
    }

    /// The operand with the other sign. It is no NaN.
    pub(super) const fn negated(self) -> Self {
        Self { value: self.value.negated(), ..self }
    }

    /// DE if the operand is denormal.
    #[inline]
    pub(super) const fn denormal_flag(self) -> u16 {
        if self.denormal { DE } else { 0 }
    }

    const fn signaling(self) -> bool {
        matches!(self.class, Class::SignalingNan)
    }

    const fn special(self) -> bool {
        matches!(self.class, Class::QuietNan | Class::SignalingNan | Class::Unsupported)
    }
}

/// The result of an operation with one operand that is a NaN or no number at all; `None` for all others.
#[inline]
pub(super) fn special_operand(a: Source) -> Option<Outcome> {
    match a.class {
        Class::Unsupported => Some(Outcome::invalid()),
        Class::QuietNan => Some(Outcome::exact(a.value)),
        Class::SignalingNan => Some(Outcome { value: a.value.quieted(), flags: IE }),
        _ => None,
    }
}

/// As [`special_operand`] for two operands.
#[inline]
pub(super) fn special_operands(a: Source, b: Source) -> Option<Outcome> {
    if a.special() || b.special() { Some(propagate(a, b)) } else { None }
}

/// Of two NaNs the quiet one, or that with the larger significand, or the positive one.
#[cold]
fn propagate(a: Source, b: Source) -> Outcome {
    if a.class == Class::Unsupported || b.class == Class::Unsupported {
        return Outcome::invalid();
    }
    let flags = if a.signaling() || b.signaling() { IE } else { 0 };
    let second = match (a.value.is_nan(), b.value.is_nan()) {
        (true, false) => false,
        (false, _) => true,
        _ if a.signaling() != b.signaling() => a.signaling(),
        _ if a.value.sig != b.value.sig => a.value.sig < b.value.sig,
        _ => a.value.negative(),
    };
    let winner = if second { b } else { a };
    Outcome { value: winner.value.quieted(), flags }
}

/// The outcome of an operation that stops at an unmasked denormal operand.
pub(super) fn stopped_by_denormal(flags: u16, r: Rounding) -> Option<Outcome> {
    (flags & r.unmasked & DE != 0).then_some(Outcome { value: F80::ZERO, flags: DE })
}
