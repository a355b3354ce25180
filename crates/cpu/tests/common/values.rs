//! Contents of registers that reach the corners of SSE.

use super::Rng;

/// A lane of single precision, or of a multiple of it for double precision.
fn float_bits(rng: &mut Rng, double: bool) -> u64 {
    let (bits, fraction) = if double { (64, 52) } else { (32, 23) };
    let sign = rng.below(2) << (bits - 1);
    let bias = (1_u64 << (bits - fraction - 2)) - 1;
    let one = bias << fraction;
    let infinity = (2 * bias + 1) << fraction;
    let normal = 1_u64 << fraction;
    let random_fraction = rng.next() & (normal - 1);
    let few_bits = random_fraction & !(u64::MAX >> rng.below(64)) | rng.below(2);
    let magnitude = match rng.below(20) {
        0 => 0,
        1 => rng.pick(&[1, 2, 3, normal - 2, normal - 1]),
        2 => random_fraction,
        3 => rng.pick(&[normal, normal + 1, 2 * normal]),
        4 => rng.pick(&[infinity - 1, infinity - 2, infinity]),
        5 => infinity,
        6 => infinity | (normal / 2) | random_fraction,
        7 => infinity | (random_fraction & !(normal / 2)).max(1),
        8 => rng.pick(&[one, one - 1, one + 1, one - 2, one + normal, one - normal]),
        // About the range of integers of 32 and 64 bits.
        9 => one + (rng.pick(&[30, 31, 32, 52, 53, 62, 63]) << fraction) + few_bits,
        10 => one + (rng.pick(&[30, 31, 62, 63]) << fraction) + rng.below(3) - 1,
        // Products near the ends of the range.
        11 | 12 => ((bias / 2 + rng.below(4)) << fraction) + few_bits,
        13 => ((bias * 3 / 2 - 2 + rng.below(5)) << fraction) + few_bits,
        // Small whole numbers and halves.
        14..=16 => {
            let width = rng.below(12);
            let whole = rng.below(1 << width) as f64 / 2.0;
            if double { whole.to_bits() } else { u64::from((whole as f32).to_bits()) }
        }
        17 => (rng.below(60) << fraction) | random_fraction,
        18 => ((bias - 30 + rng.below(60)) << fraction) | random_fraction,
        _ => rng.next() % infinity,
    };
    sign | magnitude
}

/// 128 bits of one kind of content.
pub fn register_bits(rng: &mut Rng) -> u128 {
    let doubles = |rng: &mut Rng| u128::from(float_bits(rng, true)) | u128::from(float_bits(rng, true)) << 64;
    match rng.below(8) {
        0..=2 => doubles(rng),
        3..=5 => (0..4).fold(0, |x, n| x | u128::from(float_bits(rng, false)) << (32 * n)),
        6 => u128::from(rng.next()) | u128::from(rng.next()) << 64,
        _ => u128::from(rng.below(70)),
    }
}

/// All masked most of the time, any rounding, DAZ and FTZ half of the time.
pub fn mxcsr(rng: &mut Rng) -> u32 {
    match rng.below(8) {
        0 => 0x1f80,
        1 => 0x1fa0,
        2 => rng.below(0x1_0000) as u32,
        _ => (rng.below(0x1_0000) as u32 | 0x1f80) & !(rng.below(64) as u32),
    }
}
