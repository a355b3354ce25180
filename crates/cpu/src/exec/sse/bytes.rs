//! Eight bytes at a time in a 64-bit word: what string functions do most.
//!
//! Compilers do not turn the bytes of a `u128` back into vectors, and going byte by byte takes several times as long. The
//! trick throughout: bit 7 of each byte is set or cleared first, so that no carry or borrow leaves its byte.

use super::lanes::{high, pair};

const BIT_7: u64 = 0x8080_8080_8080_8080;
const LOW_BITS: u64 = !BIT_7;

/// Applies a function to both halves.
#[inline(always)]
pub(super) fn map(a: u128, b: u128, f: impl Fn(u64, u64) -> u64) -> u128 {
    pair(f(a as u64, b as u64), f(high(a), high(b)))
}

/// Wrapping sums.
#[inline(always)]
pub(super) const fn add(a: u64, b: u64) -> u64 {
    ((a & LOW_BITS) + (b & LOW_BITS)) ^ ((a ^ b) & BIT_7)
}

/// Wrapping differences.
#[inline(always)]
pub(super) const fn sub(a: u64, b: u64) -> u64 {
    ((a | BIT_7) - (b & LOW_BITS)) ^ ((a ^ !b) & BIT_7)
}

/// Averages, rounded up.
#[inline(always)]
pub(super) const fn average(a: u64, b: u64) -> u64 {
    (a | b) - (((a ^ b) >> 1) & LOW_BITS)
}

/// FFH where the bytes are equal, else 0.
#[inline(always)]
pub(super) const fn equal(a: u64, b: u64) -> u64 {
    let difference = a ^ b;
    let not_equal = ((difference & LOW_BITS) + LOW_BITS) | difference;
    spread(!not_equal)
}

/// FFH where `a` is the greater one as a signed byte, else 0.
#[inline(always)]
pub(super) const fn greater_signed(a: u64, b: u64) -> u64 {
    !at_least(b ^ BIT_7, a ^ BIT_7)
}

/// The smaller of unsigned bytes.
#[inline(always)]
pub(super) const fn min(a: u64, b: u64) -> u64 {
    a ^ ((a ^ b) & at_least(a, b))
}

/// The larger of unsigned bytes.
#[inline(always)]
pub(super) const fn max(a: u64, b: u64) -> u64 {
    b ^ ((a ^ b) & at_least(a, b))
}

/// FFH where `a` is at least `b`, both unsigned, else 0.
#[inline(always)]
const fn at_least(a: u64, b: u64) -> u64 {
    let low_bits_at_least = (a | BIT_7) - (b & LOW_BITS);
    spread((a & !b) | (!(a ^ b) & low_bits_at_least))
}

/// Bit 7 of each byte to the whole byte.
#[inline(always)]
pub(super) const fn spread(x: u64) -> u64 {
    let bits = x & BIT_7;
    (bits << 1).wrapping_sub(bits >> 7)
}

/// Bit 7 of each byte, in bits 7:0.
#[inline(always)]
pub(in crate::exec) const fn signs(x: u64) -> u64 {
    // The factor moves bit 8n to bit 56 + n, for every n at once.
    ((x & BIT_7) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair of bytes, beside neighbours that would carry, against the definition.
    #[test]
    fn every_pair_of_bytes_gives_what_one_byte_gives() {
        type Case = (fn(u64, u64) -> u64, fn(u8, u8) -> u8);
        let cases: [Case; 7] = [
            (add, u8::wrapping_add),
            (sub, u8::wrapping_sub),
            (average, |a, b| (u16::from(a) + u16::from(b)).div_ceil(2) as u8),
            (equal, |a, b| if a == b { 0xff } else { 0 }),
            (greater_signed, |a, b| if (a as i8) > (b as i8) { 0xff } else { 0 }),
            (min, u8::min),
            (max, u8::max),
        ];
        for (words, byte) in cases {
            for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
                for (c, d) in [(0, 255), (255, 255), (255, 0), (128, 127)] {
                    let r = words(
                        u64::from_le_bytes([c, a, c, a, a, c, b, a]),
                        u64::from_le_bytes([d, b, d, b, b, d, a, b]),
                    );
                    let (x, y) = (byte(a, b), byte(c, d));
                    assert_eq!(r.to_le_bytes(), [y, x, y, x, x, y, byte(b, a), x], "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn signs_are_gathered_in_order() {
        for mask in 0..256_u64 {
            let word = (0..8).filter(|n| mask >> n & 1 != 0).fold(0x7f7f_7f7f_7f7f_7f7f, |w, n| w | 0x80 << (8 * n));
            assert_eq!(signs(word), mask);
        }
    }
}
