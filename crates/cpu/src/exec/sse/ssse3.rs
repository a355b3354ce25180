//! SSSE3: shuffles by a register, sums across, signs, absolute values.
//!
//! The MMX forms are those of [`crate::exec::mmx`] on the same functions.

use super::lanes::*;
use super::operand::Aligned;
use super::pure::pure_table;
use std::array::from_fn;

pure_table! {
    Pshufb, Aligned, |a, b, _| shuffle_bytes(a, b);
    Palignr, Aligned, |a, b, imm| align_right(a, b, imm);

    Phaddw, Aligned, |a, b, _| across_words(a, b, i16::wrapping_add);
    Phaddsw, Aligned, |a, b, _| across_words(a, b, i16::saturating_add);
    Phsubw, Aligned, |a, b, _| across_words(a, b, i16::wrapping_sub);
    Phsubsw, Aligned, |a, b, _| across_words(a, b, i16::saturating_sub);
    Phaddd, Aligned, |a, b, _| across_doublewords(a, b, i32::wrapping_add);
    Phsubd, Aligned, |a, b, _| across_doublewords(a, b, i32::wrapping_sub);

    Pmaddubsw, Aligned, |a, b, _| multiply_add_bytes(a, b);
    Pmulhrsw, Aligned, |a, b, _| map_i16(a, b, |x, y| ((((i32::from(x) * i32::from(y)) >> 14) + 1) >> 1) as i16);

    Psignb, Aligned, |a, b, _| map_i8(a, b, |x, y| x.wrapping_mul(y.signum()));
    Psignw, Aligned, |a, b, _| map_i16(a, b, |x, y| x.wrapping_mul(y.signum()));
    Psignd, Aligned, |a, b, _| map_i32(a, b, |x, y| x.wrapping_mul(y.signum()));
    Pabsb, Aligned, |_, b, _| map_i8(b, b, |x, _| x.wrapping_abs());
    Pabsw, Aligned, |_, b, _| map_i16(b, b, |x, _| x.wrapping_abs());
    Pabsd, Aligned, |_, b, _| map_i32(b, b, |x, _| x.wrapping_abs());
}

/// PSHUFB: the byte of `a` that each byte of `b` names, or 0 where its bit 7 is set.
#[inline(always)]
fn shuffle_bytes(a: u128, b: u128) -> u128 {
    let (a, b) = (split_u8(a), split_u8(b));
    join_u8(from_fn(|i| if b[i] & 0x80 != 0 { 0 } else { a[usize::from(b[i] & 15)] }))
}

/// PALIGNR: 16 bytes of the pair `a`:`b`, from byte `imm` on.
#[inline(always)]
fn align_right(a: u128, b: u128, imm: u64) -> u128 {
    let shift = 8 * imm as u32;
    match shift {
        0 => b,
        1..128 => b >> shift | a << (128 - shift),
        128..256 => a >> (shift - 128),
        _ => 0,
    }
}

/// A function of neighbours: first those of `a`, then those of `b`.
#[inline(always)]
fn across_words(a: u128, b: u128, f: impl Fn(i16, i16) -> i16) -> u128 {
    let (a, b) = (split_i16(a), split_i16(b));
    join_i16(from_fn(|i| if i < 4 { f(a[2 * i], a[2 * i + 1]) } else { f(b[2 * i - 8], b[2 * i - 7]) }))
}

/// As [`across_words`].
#[inline(always)]
fn across_doublewords(a: u128, b: u128, f: impl Fn(i32, i32) -> i32) -> u128 {
    let (a, b) = (split_i32(a), split_i32(b));
    join_i32(from_fn(|i| if i < 2 { f(a[2 * i], a[2 * i + 1]) } else { f(b[2 * i - 4], b[2 * i - 3]) }))
}

/// PMADDUBSW: unsigned bytes of `a` by signed bytes of `b`, added in pairs, saturated.
#[inline(always)]
fn multiply_add_bytes(a: u128, b: u128) -> u128 {
    let (a, b) = (split_u8(a), split_i8(b));
    let product = |i: usize| i16::from(a[i]) * i16::from(b[i]);
    join_i16(from_fn(|i| product(2 * i).saturating_add(product(2 * i + 1))))
}
