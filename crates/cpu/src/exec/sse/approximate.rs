//! RCP and RSQRT: approximate reciprocals and reciprocal square roots of single precision.
//!
//! The architecture only bounds their error, by 1.5 * 2^-12. These are the bits of Intel's processors (compared on family 6,
//! model 8FH), which need no table: the upper bits of the significand choose an interval, and the result is
//! the value at its middle, rounded to 13 bits. Neither reads nor writes MXCSR; denormals, in and out, are zeros.

use super::lanes::{join_u32, split_u32, with_low32};
use super::operand::{Aligned, Memory};
use super::pure::pure_table;

pure_table! {
    Rcpps, Aligned, |_, b, _| join_u32(split_u32(b).map(reciprocal));
    Rcpss, Memory<u32>, |a, b, _| with_low32(a, reciprocal(b as u32));
    Rsqrtps, Aligned, |_, b, _| join_u32(split_u32(b).map(reciprocal_root));
    Rsqrtss, Memory<u32>, |a, b, _| with_low32(a, reciprocal_root(b as u32));
}

const SIGN: u32 = 1 << 31;
const INFINITY: u32 = 0xff << 23;
const QUIET: u32 = 1 << 22;
const INDEFINITE: u32 = SIGN | INFINITY | QUIET;

/// 1 / x.
fn reciprocal(x: u32) -> u32 {
    let sign = x & SIGN;
    match x & !SIGN {
        0..0x80_0000 => sign | INFINITY,
        INFINITY => sign,
        magnitude if magnitude > INFINITY => x | QUIET,
        magnitude => {
            // x = (4097 + 2 i) / 4096 in the middle of interval i of 2048.
            let interval = u64::from(magnitude >> 12 & 0x7ff);
            let divisor = 4097 + 2 * interval;
            let value = ((1 << 26) + divisor) / (2 * divisor);
            let exponent = 253 - (magnitude >> 23) as i32;
            if exponent > 0 { sign | pack(exponent, value) } else { sign }
        }
    }
}

/// 1 / sqrt(x).
fn reciprocal_root(x: u32) -> u32 {
    match x & !SIGN {
        0..0x80_0000 => x & SIGN | INFINITY,
        magnitude if magnitude > INFINITY => x | QUIET,
        _ if x & SIGN != 0 => INDEFINITE,
        INFINITY => 0,
        _ => {
            // x = (2049 + 2 i) / 2048 in the middle of interval i of 1024, or twice that if the exponent is odd.
            let exponent = (x >> 23) as i32 - 127;
            let middle = (2049 + 2 * u64::from(x >> 13 & 0x3ff)) << (exponent & 1);
            let twice = ((1_u64 << 39) / middle).isqrt();
            pack(126 - (exponent >> 1), twice.div_ceil(2))
        }
    }
}

/// A number from its biased exponent and a significand of 13 bits, the highest of which is set.
fn pack(exponent: i32, significand: u64) -> u32 {
    (exponent as u32) << 23 | ((significand & 0xfff) as u32) << 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_within_the_architecture_s_bound() {
        for x in (0x3f80_0000..0x4080_0000).step_by(0x801) {
            let value = f64::from(f32::from_bits(x));
            let error = f64::from(f32::from_bits(reciprocal(x))) * value - 1.0;
            let error_of_root = f64::from(f32::from_bits(reciprocal_root(x))) * value.sqrt() - 1.0;
            assert!(error.abs() <= 1.5 / 4096.0 && error_of_root.abs() <= 1.5 / 4096.0, "{x:#x}");
        }
    }

    #[test]
    fn special_values_give_special_values() {
        for (x, inverse, inverse_root) in [
            (0, INFINITY, INFINITY),
            (SIGN | 1, SIGN | INFINITY, SIGN | INFINITY),
            (INFINITY, 0, 0),
            (SIGN | INFINITY, SIGN, INDEFINITE),
            (INFINITY | 1, INFINITY | QUIET | 1, INFINITY | QUIET | 1),
            (0x7f00_0000, 0, 0x1fb4_f800),
        ] {
            assert_eq!((reciprocal(x), reciprocal_root(x)), (inverse, inverse_root), "{x:#x}");
        }
    }
}
