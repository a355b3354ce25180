//! The signs of eight bytes at a time, in a 64-bit word.

use super::lanes::{high, pair};

const BIT_7: u64 = 0x8080_8080_8080_8080;

/// Applies a function to both halves.
#[inline(always)]
pub(super) fn map(a: u128, b: u128, f: impl Fn(u64, u64) -> u64) -> u128 {
    pair(f(a as u64, b as u64), f(high(a), high(b)))
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
    fn signs_are_gathered_in_order() {
        for mask in 0..256_u64 {
            let word = (0..8).filter(|n| mask >> n & 1 != 0).fold(0x7f7f_7f7f_7f7f_7f7f, |w, n| w | 0x80 << (8 * n));
            assert_eq!(signs(word), mask);
        }
    }
}
