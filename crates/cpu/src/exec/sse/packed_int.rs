//! Packed integer arithmetic, comparison and logic; the logic of packed floats is the same.

use super::lanes::*;
use super::operand::Aligned;
use super::pure::pure_table;

pure_table! {
    Paddb, Aligned, |a, b, _| map_u8(a, b, u8::wrapping_add);
    Paddw, Aligned, |a, b, _| map_u16(a, b, u16::wrapping_add);
    Paddd, Aligned, |a, b, _| map_u32(a, b, u32::wrapping_add);
    Paddq, Aligned, |a, b, _| map_u64(a, b, u64::wrapping_add);
    Psubb, Aligned, |a, b, _| map_u8(a, b, u8::wrapping_sub);
    Psubw, Aligned, |a, b, _| map_u16(a, b, u16::wrapping_sub);
    Psubd, Aligned, |a, b, _| map_u32(a, b, u32::wrapping_sub);
    Psubq, Aligned, |a, b, _| map_u64(a, b, u64::wrapping_sub);

    Paddsb, Aligned, |a, b, _| map_i8(a, b, i8::saturating_add);
    Paddsw, Aligned, |a, b, _| map_i16(a, b, i16::saturating_add);
    Paddusb, Aligned, |a, b, _| map_u8(a, b, u8::saturating_add);
    Paddusw, Aligned, |a, b, _| map_u16(a, b, u16::saturating_add);
    Psubsb, Aligned, |a, b, _| map_i8(a, b, i8::saturating_sub);
    Psubsw, Aligned, |a, b, _| map_i16(a, b, i16::saturating_sub);
    Psubusb, Aligned, |a, b, _| map_u8(a, b, u8::saturating_sub);
    Psubusw, Aligned, |a, b, _| map_u16(a, b, u16::saturating_sub);

    Pmullw, Aligned, |a, b, _| map_i16(a, b, i16::wrapping_mul);
    Pmulhw, Aligned, |a, b, _| map_i16(a, b, |x, y| ((i32::from(x) * i32::from(y)) >> 16) as i16);
    Pmulhuw, Aligned, |a, b, _| map_u16(a, b, |x, y| ((u32::from(x) * u32::from(y)) >> 16) as u16);
    Pmuludq, Aligned, |a, b, _| map_u64(a, b, |x, y| u64::from(x as u32) * u64::from(y as u32));
    Pmaddwd, Aligned, |a, b, _| multiply_add(a, b);
    Psadbw, Aligned, |a, b, _| sum_of_differences(a, b);
    Pavgb, Aligned, |a, b, _| map_u8(a, b, |x, y| (u16::from(x) + u16::from(y)).div_ceil(2) as u8);
    Pavgw, Aligned, |a, b, _| map_u16(a, b, |x, y| (u32::from(x) + u32::from(y)).div_ceil(2) as u16);

    Pminub, Aligned, |a, b, _| map_u8(a, b, u8::min);
    Pmaxub, Aligned, |a, b, _| map_u8(a, b, u8::max);
    Pminsw, Aligned, |a, b, _| map_i16(a, b, i16::min);
    Pmaxsw, Aligned, |a, b, _| map_i16(a, b, i16::max);

    Pcmpeqb, Aligned, |a, b, _| map_i8(a, b, |x, y| -i8::from(x == y));
    Pcmpeqw, Aligned, |a, b, _| map_i16(a, b, |x, y| -i16::from(x == y));
    Pcmpeqd, Aligned, |a, b, _| map_i32(a, b, |x, y| -i32::from(x == y));
    Pcmpgtb, Aligned, |a, b, _| map_i8(a, b, |x, y| -i8::from(x > y));
    Pcmpgtw, Aligned, |a, b, _| map_i16(a, b, |x, y| -i16::from(x > y));
    Pcmpgtd, Aligned, |a, b, _| map_i32(a, b, |x, y| -i32::from(x > y));

    Pand, Aligned, |a, b, _| map_u64(a, b, |x, y| x & y);
    Pandn, Aligned, |a, b, _| map_u64(a, b, |x, y| !x & y);
    Por, Aligned, |a, b, _| map_u64(a, b, |x, y| x | y);
    Pxor, Aligned, |a, b, _| map_u64(a, b, |x, y| x ^ y);
    Andps, Aligned, |a, b, _| map_u64(a, b, |x, y| x & y);
    Andnps, Aligned, |a, b, _| map_u64(a, b, |x, y| !x & y);
    Orps, Aligned, |a, b, _| map_u64(a, b, |x, y| x | y);
    Xorps, Aligned, |a, b, _| map_u64(a, b, |x, y| x ^ y);
    Andpd, Aligned, |a, b, _| map_u64(a, b, |x, y| x & y);
    Andnpd, Aligned, |a, b, _| map_u64(a, b, |x, y| !x & y);
    Orpd, Aligned, |a, b, _| map_u64(a, b, |x, y| x | y);
    Xorpd, Aligned, |a, b, _| map_u64(a, b, |x, y| x ^ y);
}

/// PMADDWD: the products of words, added in pairs; only 8000H * 8000H twice wraps.
fn multiply_add(a: u128, b: u128) -> u128 {
    let (a, b) = (split_i16(a), split_i16(b));
    let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
    join_i32(std::array::from_fn(|i| product(2 * i).wrapping_add(product(2 * i + 1))))
}

/// PSADBW: the absolute differences of bytes, summed over each half.
fn sum_of_differences(a: u128, b: u128) -> u128 {
    let (a, b) = (split_u8(a), split_u8(b));
    let sum = |half: usize| (8 * half..8 * half + 8).map(|i| u64::from(a[i].abs_diff(b[i]))).sum();
    pair(sum(0), sum(1))
}
