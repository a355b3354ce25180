//! Contents of registers and memory that reach the corners.

use super::random::Random;
use iced_x86::{Code, MemorySize};

/// What a lane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An integer.
    Int,
    /// Half precision.
    Half,
    /// Single precision.
    Single,
    /// Double precision.
    Double,
    /// Double extended precision.
    Extended,
}

/// What the operands of a form are likely to be.
#[must_use]
pub fn kind_of(code: Code) -> Kind {
    match code.op_code().memory_size().element_type() {
        MemorySize::Float16 => Kind::Half,
        MemorySize::Float32 => Kind::Single,
        MemorySize::Float64 => Kind::Double,
        MemorySize::Float80 => Kind::Extended,
        _ => Kind::Int,
    }
}

/// A general register.
pub fn integer(rng: &mut Random) -> u64 {
    let small = rng.below(70);
    match rng.below(12) {
        0 => small,
        1 => small.wrapping_neg(),
        2 => 1 << rng.below(64),
        3 => (1_u64 << rng.below(64)).wrapping_sub(1 + rng.below(2)),
        4 => rng.pick(&[0, u64::MAX, 0x7f, 0x80, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, i64::MAX as u64, 1 << 63]),
        5 => rng.pick(&[0, 1, u64::MAX, 2]),
        6 => rng.bits() & 0xff,
        7 => rng.bits() & 0xffff,
        8 => rng.bits() >> rng.below(64),
        9 => rng.bits() & 0xffff_ffff,
        _ => rng.bits(),
    }
}

/// A floating-point number in the interchange format with so many bits and so many fraction bits.
fn float(rng: &mut Random, bits: u32, fraction: u32) -> u64 {
    let sign = rng.below(2) << (bits - 1);
    let bias = (1_u64 << (bits - fraction - 2)) - 1;
    let one = bias << fraction;
    let infinity = (2 * bias + 1) << fraction;
    let normal = 1_u64 << fraction;
    let random_fraction = rng.bits() & (normal - 1);
    let few_bits = random_fraction & !((normal - 1) >> rng.below(u64::from(fraction) + 1)) | rng.below(2);
    let around = |rng: &mut Random, from: u64, spread: u64| {
        ((from + rng.below(spread)).clamp(1, 2 * bias) << fraction) + few_bits
    };
    let magnitude = match rng.below(22) {
        0 => 0,
        1 => rng.pick(&[1, 2, 3, normal - 2, normal - 1]),
        2 => random_fraction,
        3 => rng.pick(&[normal, normal + 1, 2 * normal]),
        4 => rng.pick(&[infinity - 1, infinity - 2, infinity]),
        5 => infinity,
        6 => infinity | (normal / 2) | random_fraction,
        7 => infinity | (random_fraction & !(normal / 2)).max(1),
        8 => rng.pick(&[one, one - 1, one + 1, one - 2, one + normal, one - normal]),
        // About the range of integers of 16, 32 and 64 bits, and where fractions end.
        9 | 10 => {
            let exponent = rng.pick(&[bias + 14, bias + 30, bias + 51, bias + 62]);
            around(rng, exponent, 4)
        }
        // Products near the ends of the range.
        11 | 12 => around(rng, bias / 2, 4),
        13 => around(rng, bias * 3 / 2 - 2, 5),
        // Small whole numbers and halves.
        14..=16 => {
            let width = rng.below(12);
            let whole = rng.below(1 << width) as f64 / 2.0;
            match bits {
                64 => whole.to_bits(),
                32 => u64::from((whole as f32).to_bits()),
                _ => around(rng, bias, 8),
            }
        }
        17 => around(rng, 1, u64::from(fraction) + 8),
        18 => around(rng, bias - u64::from(fraction) / 2, u64::from(fraction)),
        19 => around(rng, bias - 2, 4),
        _ => rng.bits() % infinity,
    };
    sign | magnitude.min((1 << (bits - 1)) - 1)
}

/// A register of x87: significand, and sign with exponent.
pub fn extended(rng: &mut Random) -> (u64, u16) {
    let sign = (rng.below(2) << 15) as u16;
    let few_bits = 1 << 63 | rng.bits() & !(u64::MAX >> rng.below(64)) | rng.below(2);
    let whole = 1 << 63 | rng.bits();
    let (significand, exponent) = match rng.below(24) {
        0 => (0, 0),
        1 => (rng.pick(&[1, 2, (1 << 63) - 1, 1 << 62]), 0),
        2 => (rng.bits() >> 1, 0),
        // A pseudo-denormal.
        3 => (whole, 0),
        // Infinity, NaNs, and what the 387 no longer takes: pseudo-infinity, pseudo-NaN, unnormal.
        4 => (1 << 63, 0x7fff),
        5 => (3 << 62 | rng.bits() >> 2, 0x7fff),
        6 => ((1 << 63 | rng.bits() >> 2).max((1 << 63) + 1), 0x7fff),
        7 => (rng.bits() >> 1, rng.pick(&[0x7fff, 0x3fff, 1, 0x4010])),
        8 => (few_bits, 1 + rng.below(70) as u16),
        9 => (rng.pick(&[u64::MAX, 1 << 63, u64::MAX - 1]), rng.pick(&[0x7ffe, 1, 0x3fff, 0x3ffe])),
        // Where single and double precision overflow and underflow.
        10 => (few_bits, 0x3fff - 150 + rng.below(30) as u16),
        11 => (few_bits, 0x3fff + 120 + rng.below(10) as u16),
        12 => (few_bits, 0x3fff - 1080 + rng.below(70) as u16),
        13 => (few_bits, 0x3fff + 1020 + rng.below(8) as u16),
        // About the range of integers.
        14 | 15 => (few_bits, 0x3fff + rng.pick(&[14, 30, 61, 62]) + rng.below(3) as u16),
        16 => (whole, 0x3fff + rng.below(66) as u16),
        17 => (whole, 0x3fff - 4 + rng.below(8) as u16),
        18 | 19 => {
            let whole = 1 + rng.below(1000);
            let zeros = whole.leading_zeros();
            (whole << zeros, 0x3fff + 63 - zeros as u16)
        }
        20 => (few_bits, 0x3fff - 2 + rng.below(4) as u16),
        21 => (whole, 0x3fff - 70 + rng.below(140) as u16),
        _ => (whole, rng.below(0x7fff) as u16),
    };
    (significand, sign | exponent)
}

/// 8 bytes of a vector, or of memory.
pub fn quadword(rng: &mut Random, kind: Kind) -> u64 {
    let lanes = |rng: &mut Random, bits: u32, fraction: u32| {
        (0..64 / bits).fold(0, |x, n| x | float(rng, bits, fraction) << (n * bits))
    };
    match kind {
        Kind::Half => lanes(rng, 16, 10),
        Kind::Single => lanes(rng, 32, 23),
        Kind::Double => float(rng, 64, 52),
        Kind::Extended => extended(rng).0,
        Kind::Int => match rng.below(4) {
            0 => integer(rng),
            1 => rng.pick(&[
                0,
                u64::MAX,
                0x7f7f_7f7f_7f7f_7f7f,
                0x8080_8080_8080_8080,
                0x8000_7fff_8000_7fff,
                0x7fff_ffff_8000_0000,
            ]),
            _ => rng.bits(),
        },
    }
}

/// A kind for one register: mostly that of the form.
pub fn varied(rng: &mut Random, kind: Kind) -> Kind {
    if rng.percent(70) { kind } else { rng.pick(&[Kind::Int, Kind::Single, Kind::Double, Kind::Half]) }
}

/// 16 bytes of a vector.
pub fn vector(rng: &mut Random, kind: Kind) -> u128 {
    let kind = varied(rng, kind);
    u128::from(quadword(rng, kind)) | u128::from(quadword(rng, kind)) << 64
}

/// MXCSR: mostly all masked, any rounding, DAZ and FTZ half of the time.
pub fn mxcsr(rng: &mut Random) -> u32 {
    match rng.below(8) {
        0 | 1 => 0x1f80,
        2 => 0x1fa0,
        3 => rng.below(0x1_0000) as u32,
        _ => rng.below(0x1_0000) as u32 | 0x1f80,
    }
}
