//! A register as a row of lanes, lane 0 lowest.
//!
//! Lanes are split from bytes in memory and joined there. Compilers do not turn the parts of a `u128` back into vectors, but
//! they do make vectors of neighbours in memory, so a loop over lanes becomes a few vector instructions; and a whole register
//! is then written at once, which whoever reads it whole next need not wait for.

use std::array::from_fn;
use std::hint::black_box;

/// A lane of a packed integer. Shape: `N` lanes fill 128 bits.
macro_rules! lanes {
    ($($(#[$doc:meta])* $split:ident $join:ident: $t:ty, $n:literal;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub(in crate::exec) fn $split(x: u128) -> [$t; $n] {
            let bytes = black_box(x.to_le_bytes());
            let (chunks, _) = bytes.as_chunks::<{ 16 / $n }>();
            from_fn(|i| <$t>::from_le_bytes(chunks[i]))
        }

        /// The inverse of the split into these lanes.
        #[inline(always)]
        pub(in crate::exec) fn $join(lanes: [$t; $n]) -> u128 {
            let mut bytes = [0; 16];
            let (chunks, _) = bytes.as_chunks_mut::<{ 16 / $n }>();
            for (chunk, lane) in chunks.iter_mut().zip(lanes) {
                *chunk = lane.to_le_bytes();
            }
            u128::from_le_bytes(black_box(bytes))
        }
    )*};
}

lanes! {
    /// Unsigned bytes.
    split_u8 join_u8: u8, 16;
    /// Signed bytes.
    split_i8 join_i8: i8, 16;
    /// Unsigned words.
    split_u16 join_u16: u16, 8;
    /// Signed words.
    split_i16 join_i16: i16, 8;
    /// Unsigned doublewords.
    split_u32 join_u32: u32, 4;
    /// Signed doublewords.
    split_i32 join_i32: i32, 4;
    /// Unsigned quadwords.
    split_u64 join_u64: u64, 2;
}

/// Applies a function to each pair of lanes.
macro_rules! maps {
    ($($map:ident $split:ident $join:ident: $t:ty;)*) => {$(
        #[inline(always)]
        pub(in crate::exec) fn $map(a: u128, b: u128, f: impl Fn($t, $t) -> $t) -> u128 {
            let (a, b) = ($split(a), $split(b));
            $join(from_fn(|i| f(a[i], b[i])))
        }
    )*};
}

maps! {
    map_u8 split_u8 join_u8: u8;
    map_i8 split_i8 join_i8: i8;
    map_u16 split_u16 join_u16: u16;
    map_i16 split_i16 join_i16: i16;
    map_u32 split_u32 join_u32: u32;
    map_i32 split_i32 join_i32: i32;
    map_u64 split_u64 join_u64: u64;
}

/// The low 64 bits of each of two values, the first one low.
#[inline(always)]
pub(in crate::exec) fn pair(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

/// Bits 127:64.
#[inline(always)]
pub(in crate::exec) fn high(x: u128) -> u64 {
    (x >> 64) as u64
}

/// `x` with its low 64 bits replaced.
#[inline(always)]
pub(in crate::exec) fn with_low64(x: u128, low: u64) -> u128 {
    pair(low, high(x))
}

/// `x` with its low 32 bits replaced.
#[inline(always)]
pub(in crate::exec) fn with_low32(x: u128, low: u32) -> u128 {
    // By way of 64 bits, so that the upper half is neither loaded nor stored.
    with_low64(x, x as u64 & !u64::from(u32::MAX) | u64::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lane_0_is_the_lowest_and_join_undoes_split() {
        let x = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100;
        assert_eq!(split_u8(x), from_fn(|i| i as u8));
        assert_eq!(split_u32(x)[1], 0x0706_0504);
        assert_eq!(join_u8(split_u8(x)), x);
        assert_eq!(join_i16(split_i16(x)), x);
        assert_eq!(join_u64(split_u64(x)), x);
        assert_eq!(pair(x as u64, high(x)), x);
    }
}
