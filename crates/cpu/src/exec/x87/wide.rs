//! Arithmetic on numbers with 128-bit significands, for functions that cannot be computed exactly.
//!
//! Each operation truncates and keeps in the last bit whether something was lost, so its relative error is below 2^-126.
//! Exponents have room for everything: nothing overflows. There is no zero.

use super::round::{Exact, shift_right_sticky};
use super::source::Number;

/// 1.
pub(super) const ONE: Exact = constant(0, 1 << 127);
/// 2.
pub(super) const TWO: Exact = constant(1, 1 << 127);
/// The natural logarithm of 2.
pub(super) const LN_2: Exact = constant(-1, 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af);
/// 2 / ln 2.
pub(super) const TWO_LOG2_E: Exact = constant(1, 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e89);
/// The ratio of a circle's circumference to its diameter.
pub(super) const PI: Exact = constant(1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1);
/// Half of it.
pub(super) const HALF_PI: Exact = Exact { exp: 0, ..PI };

/// A positive number: bit 127 of `sig` is worth 2^`exp`.
pub(super) const fn constant(exp: i32, sig: u128) -> Exact {
    Exact { negative: false, exp, sig }
}

impl From<Number> for Exact {
    fn from(n: Number) -> Self {
        Self { negative: n.negative, exp: n.exp, sig: u128::from(n.sig) << 64 }
    }
}

impl Exact {
    /// An integer that is not 0.
    pub(super) fn integer(n: i128) -> Self {
        Self::normalised(n < 0, 127, n.unsigned_abs())
    }

    pub(super) fn negated(self) -> Self {
        Self { negative: !self.negative, ..self }
    }

    /// The magnitude, with the sign that is given.
    pub(super) fn with_sign(self, negative: bool) -> Self {
        Self { negative, ..self }
    }

    pub(super) fn times(self, b: Self) -> Self {
        let (high, low) = multiply(self.sig, b.sig);
        let negative = self.negative != b.negative;
        Self::normalised(negative, self.exp + b.exp + 1, high | u128::from(low != 0))
    }

    /// The sum. `None` if it is zero.
    pub(super) fn checked_plus(self, b: Self) -> Option<Self> {
        let (big, small) = if (self.exp, self.sig) >= (b.exp, b.sig) { (self, b) } else { (b, self) };
        // One bit down makes room for a carry; a sum that carries nothing loses nothing by it.
        let lost = big.sig & 1 | small.sig & 1;
        let low = shift_right_sticky(small.sig >> 1, (big.exp - small.exp).unsigned_abs());
        let high = big.sig >> 1;
        let sig = if big.negative == small.negative { high + low } else { high - low };
        (sig != 0).then(|| Self::normalised(big.negative, big.exp + 1, sig | lost))
    }

    /// The sum of numbers that are known not to cancel.
    pub(super) fn plus(self, b: Self) -> Self {
        self.checked_plus(b).expect("the caller knows that the sum is not zero")
    }

    pub(super) fn over(self, b: Self) -> Self {
        let (mut rest, mut carry, mut quotient) = (self.sig, false, 0_u128);
        for _ in 0..128 {
            quotient <<= 1;
            if carry || rest >= b.sig {
                rest = rest.wrapping_sub(b.sig);
                quotient |= 1;
            }
            carry = rest >> 127 != 0;
            rest <<= 1;
        }
        let sticky = u128::from(rest != 0 || carry);
        Self::normalised(self.negative != b.negative, self.exp - b.exp, quotient | sticky)
    }

    /// The quotient by a small integer.
    pub(super) fn over_integer(self, n: u32) -> Self {
        let n = u128::from(n);
        // The remainder, which is small, gives the bits that the shift makes room for.
        let shift = 128 - n.leading_zeros().min(127);
        let (quotient, rest) = (self.sig / n, self.sig % n);
        let (next, rest) = ((rest << shift) / n, (rest << shift) % n);
        let up = shift.min(quotient.leading_zeros());
        let sig = quotient << up | next >> (shift - up);
        Self::normalised(self.negative, self.exp - up as i32, sig | u128::from(rest != 0))
    }
}

/// The product of two 128-bit numbers, high and low half.
fn multiply(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let (low, mid1, mid2) = (a0 * b0, a1 * b0, a0 * b1);
    let mid = (low >> 64) + (mid1 & LOW) + (mid2 & LOW);
    (a1 * b1 + (mid1 >> 64) + (mid2 >> 64) + (mid >> 64), mid << 64 | low & LOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: Exact, b: Exact) -> bool {
        let difference = a.checked_plus(b.negated());
        difference.is_none_or(|d| d.exp < a.exp - 120)
    }

    proptest! {
        #[test]
        fn division_undoes_multiplication(a: u128, b: u128, n in 1_u32..2000) {
            let (x, y) = (constant(3, a | 1 << 127), constant(-7, b | 1 << 127));
            prop_assert!(close(x.times(y).over(y), x));
            prop_assert!(close(x.over_integer(n).times(Exact::integer(n.into())), x));
            prop_assert!(close(x.plus(y).plus(y.negated()), x));
        }

        #[test]
        fn integers_compute_as_integers(a in 1_i128..1 << 60, b in 1_i128..1 << 60) {
            let same = |x: Exact, n: i128| x.exp == Exact::integer(n).exp && x.sig == Exact::integer(n).sig;
            prop_assert!(same(Exact::integer(a).times(Exact::integer(b)), a * b));
            prop_assert!(same(Exact::integer(a).plus(Exact::integer(b)), a + b));
            prop_assert!(same(Exact::integer(a * b).over(Exact::integer(b)), a));
        }
    }
}
