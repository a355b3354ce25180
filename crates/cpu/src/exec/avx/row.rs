//! A vector of floats as a row of lanes.
//!
//! Rows are what the first tier computes with, and what the others get if it gives up: as the parts of a vector are never
//! looked at one by one, the compiler makes vector instructions of the loops over a row (see [`crate::exec::sse::lanes`]).

use super::operand::Halves;
use crate::exec::sse::float::Float;
use crate::exec::sse::lanes::{join_u32, join_u64, split_u32, split_u64};

/// A float and the row of its lanes in 256 bits.
pub(super) trait Lanes: Float {
    /// Lane 0 first.
    type Row: Copy;
    /// All lanes 0.
    const ZEROS: Self::Row;

    fn split(x: Halves) -> Self::Row;
    fn join(row: Self::Row) -> Halves;
    fn get(row: &Self::Row, n: u32) -> u64;
    fn set(row: &mut Self::Row, n: u32, bits: u64);
    /// True if none of the first lanes of the operands is denormal or a NaN, and all of the result are well normal. Then any
    /// operation raises nothing but PE.
    fn are_plain<const N: usize>(operands: [&Self::Row; N], result: &Self::Row, lanes: u32) -> bool;
}

macro_rules! lanes {
    ($($float:ty, $bits:ty, $count:literal, $split:ident, $join:ident;)*) => {$(
        impl Lanes for $float {
            type Row = [[$bits; $count]; 2];
            const ZEROS: Self::Row = [[0; $count]; 2];

            #[inline(always)]
            fn split(x: Halves) -> Self::Row {
                [$split(x[0]), $split(x[1])]
            }

            #[inline(always)]
            fn join(row: Self::Row) -> Halves {
                [$join(row[0]), $join(row[1])]
            }

            #[inline(always)]
            fn get(row: &Self::Row, n: u32) -> u64 {
                row[(n / $count) as usize & 1][(n % $count) as usize].into()
            }

            #[inline(always)]
            fn set(row: &mut Self::Row, n: u32, bits: u64) {
                row[(n / $count) as usize & 1][(n % $count) as usize] = bits as $bits;
            }

            #[inline(always)]
            fn are_plain<const N: usize>(operands: [&Self::Row; N], result: &Self::Row, lanes: u32) -> bool {
                const MIN_NORMAL: $bits = <$float as Float>::MIN_NORMAL as $bits;
                const INFINITY: $bits = <$float as Float>::INFINITY as $bits;
                let magnitude = |x: $bits| x & (<$bits>::MAX >> 1);
                // A comparison is the sign of a difference, so that signs can be gathered before one is looked at.
                let mut signs = 0;
                for half in 0..(lanes / $count) as usize {
                    for n in 0..$count {
                        for row in operands {
                            let x = magnitude(row[half][n]);
                            signs |= x.wrapping_sub(MIN_NORMAL) & !x.wrapping_sub(1) | INFINITY.wrapping_sub(x);
                        }
                        let r = magnitude(result[half][n]);
                        signs |= r.wrapping_sub(MIN_NORMAL + 1) | (INFINITY - 1).wrapping_sub(r);
                    }
                }
                signs >> (<$bits>::BITS - 1) == 0
            }
        }
    )*};
}

lanes! {
    f32, u32, 4, split_u32, join_u32;
    f64, u64, 2, split_u64, join_u64;
}
