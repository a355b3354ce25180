//! Single and double precision: the format by its bits, and the host's type for the fast path.
//!
//! Bits of a lane travel as `u64`, zero-extended, so that what does not depend on the host's floats is written once.

use super::lanes::{with_low32, with_low64};
use rustc_apfloat::{FloatConvert, ieee};
use std::ops::{Add, Div, Mul, Sub};

/// A format, as the host's type of the same format.
pub(in crate::exec) trait Float:
    Copy + PartialOrd + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + 'static
{
    /// The same format in software.
    type Soft: rustc_apfloat::Float + FloatConvert<ieee::Single> + FloatConvert<ieee::Double>;
    /// Bits of a lane.
    const BITS: u32;
    /// Stored bits of the significand.
    const FRACTION: u32;
    const LANES: u32 = 128 / Self::BITS;
    const SIGN: u64 = 1 << (Self::BITS - 1);
    /// Positive infinity: the exponent field.
    const INFINITY: u64 = Self::SIGN - Self::MIN_NORMAL;
    const MIN_NORMAL: u64 = 1 << Self::FRACTION;
    /// Set in a quiet NaN, clear in a signalling one.
    const QUIET: u64 = 1 << (Self::FRACTION - 1);
    /// The QNaN floating-point indefinite.
    const INDEFINITE: u64 = Self::SIGN | Self::INFINITY | Self::QUIET;
    /// 0.0.
    const ZERO: Self;

    fn from_lane(bits: u64) -> Self;
    fn to_lane(self) -> u64;
    fn sqrt(self) -> Self;
    /// True if `a * b` is `r` exactly. All three are normal.
    fn product_is(a: Self, b: Self, r: Self) -> bool;

    /// True only if the significands of `a` and `b`, which are normal, are so short that their product is not rounded.
    #[inline(always)]
    fn product_fits(a: Self, b: Self) -> bool {
        // Significands of k and m bits have a product of at most k + m.
        let zeros = |x: Self| (x.to_lane() | Self::MIN_NORMAL).trailing_zeros();
        zeros(a) + zeros(b) > Self::FRACTION
    }

    /// Lane `n` of a register.
    #[inline(always)]
    fn lane(x: u128, n: u32) -> u64 {
        (x >> (n * Self::BITS)) as u64 & (u64::MAX >> (64 - Self::BITS))
    }

    /// A register with lane `n` replaced.
    #[inline(always)]
    fn with_lane(x: u128, n: u32, bits: u64) -> u128 {
        let shift = n * Self::BITS;
        let lane = u128::from(u64::MAX >> (64 - Self::BITS)) << shift;
        x & !lane | u128::from(bits) << shift
    }

    /// A register with lane 0 replaced.
    fn with_low(x: u128, bits: u64) -> u128;

    /// The bits without the sign.
    #[inline(always)]
    fn magnitude(bits: u64) -> u64 {
        bits & !Self::SIGN
    }

    #[inline(always)]
    fn is_zero(bits: u64) -> bool {
        Self::magnitude(bits) == 0
    }

    #[inline(always)]
    fn is_denormal(bits: u64) -> bool {
        Self::magnitude(bits).wrapping_sub(1) < Self::MIN_NORMAL - 1
    }

    #[inline(always)]
    fn is_nan(bits: u64) -> bool {
        Self::magnitude(bits) > Self::INFINITY
    }

    fn is_signalling(bits: u64) -> bool {
        Self::is_nan(bits) && bits & Self::QUIET == 0
    }

    /// Finite and above the smallest normal number. That number itself may come from rounding a tiny value up.
    #[inline(always)]
    fn is_well_normal(bits: u64) -> bool {
        Self::magnitude(bits).wrapping_sub(Self::MIN_NORMAL + 1) < Self::INFINITY - Self::MIN_NORMAL - 1
    }

    /// The exponent field plus one, at the top of the word: it wraps to 0 for infinities and NaNs, so that one comparison says
    /// that a number is normal.
    #[inline(always)]
    fn next_exponent(bits: u64) -> u64 {
        bits.wrapping_add(Self::MIN_NORMAL) << (65 - Self::BITS)
    }

    /// Normal: not zero either.
    #[inline(always)]
    fn is_normal(bits: u64) -> bool {
        Self::next_exponent(bits) >= Self::next_exponent(Self::MIN_NORMAL)
    }

    /// Finite, and at least twice the smallest normal number.
    #[inline(always)]
    fn is_far_normal(bits: u64) -> bool {
        Self::next_exponent(bits) >= Self::next_exponent(2 * Self::MIN_NORMAL)
    }

    /// Neither NaN nor denormal: comparing it raises nothing.
    #[inline(always)]
    fn is_tame(bits: u64) -> bool {
        !Self::is_nan(bits) & !Self::is_denormal(bits)
    }
}

impl Float for f32 {
    type Soft = ieee::Single;
    const BITS: u32 = 32;
    const FRACTION: u32 = 23;
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn from_lane(bits: u64) -> Self {
        Self::from_bits(bits as u32)
    }

    #[inline(always)]
    fn to_lane(self) -> u64 {
        u64::from(self.to_bits())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn product_is(a: Self, b: Self, r: Self) -> bool {
        f64::from(a) * f64::from(b) == f64::from(r)
    }

    #[inline(always)]
    fn with_low(x: u128, bits: u64) -> u128 {
        with_low32(x, bits as u32)
    }
}

impl Float for f64 {
    type Soft = ieee::Double;
    const BITS: u32 = 64;
    const FRACTION: u32 = 52;
    const ZERO: Self = 0.0;

    #[inline(always)]
    fn from_lane(bits: u64) -> Self {
        Self::from_bits(bits)
    }

    #[inline(always)]
    fn to_lane(self) -> u64 {
        self.to_bits()
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn product_is(a: Self, b: Self, r: Self) -> bool {
        if Self::product_fits(a, b) { a * b == r } else { long_product_is(a, b, r) }
    }

    #[inline(always)]
    fn with_low(x: u128, bits: u64) -> u128 {
        with_low64(x, bits)
    }
}

/// The same for significands of any length.
#[inline(never)]
fn long_product_is(a: f64, b: f64, r: f64) -> bool {
    const MIN_NORMAL: u64 = <f64 as Float>::MIN_NORMAL;
    let significand = |x: f64| u128::from(x.to_bits() & (MIN_NORMAL - 1) | MIN_NORMAL);
    let product = significand(a) * significand(b);
    let significant_bits = 128 - product.leading_zeros() - product.trailing_zeros();
    a * b == r && significant_bits <= <f64 as Float>::FRACTION + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_classes_of_doubles_have_the_borders_of_the_format() {
        let tiny = f64::MIN_POSITIVE.to_bits();
        assert_eq!(f64::INFINITY.to_bits(), <f64 as Float>::INFINITY);
        assert!(f64::is_denormal(1) && f64::is_denormal(tiny - 1));
        assert!(!f64::is_denormal(0) && !f64::is_denormal(tiny) && !f64::is_denormal(<f64 as Float>::SIGN));
        assert!(!f64::is_well_normal(tiny) && f64::is_well_normal(tiny + 1) && f64::is_well_normal(f64::MAX.to_bits()));
        assert!(!f64::is_well_normal(<f64 as Float>::INFINITY) && !f64::is_well_normal(0));
        for (bits, normal, far) in [
            (0, false, false),
            (tiny - 1, false, false),
            (tiny, true, false),
            (2 * tiny - 1, true, false),
            (2 * tiny, true, true),
            (f64::MAX.to_bits(), true, true),
            (<f64 as Float>::INFINITY, false, false),
            (<f64 as Float>::INDEFINITE, false, false),
        ] {
            for bits in [bits, bits | <f64 as Float>::SIGN] {
                assert_eq!((<f64 as Float>::is_normal(bits), f64::is_far_normal(bits)), (normal, far), "{bits:#x}");
            }
        }
        let least = f32::MIN_POSITIVE.to_lane();
        assert!(<f32 as Float>::is_normal(least) && !f32::is_far_normal(least) && f32::is_far_normal(2 * least));
        assert!(!<f32 as Float>::is_normal(<f32 as Float>::INDEFINITE) && f32::is_far_normal((-1.0_f32).to_lane()));
        assert!(f64::is_tame(<f64 as Float>::INFINITY) && !f64::is_tame(<f64 as Float>::INFINITY + 1));
    }

    #[test]
    fn products_are_exact_if_their_bits_fit() {
        assert!(f64::product_is(3.0, 5.0, 15.0));
        assert!(!f64::product_is(0.1, 0.1, 0.1 * 0.1));
        let odd = 9_007_199_254_740_991.0; // 2^53 - 1
        assert!(f64::product_is(odd, 1.0, odd) && !f64::product_is(odd, 3.0, odd * 3.0));
        assert!(f64::product_fits(3.0, 5.0) && !f64::product_fits(odd, 3.0));
        assert!(f32::product_fits(3.0, 5.0) && !f32::product_fits(16_777_215.0, 3.0));
        assert!(f32::product_is(3.0, 0.5, 1.5) && !f32::product_is(0.1, 0.1, 0.1 * 0.1));
    }
}
