//! Lanes put elsewhere: shuffle, unpack, pack.

use super::lanes::*;
use super::operand::Aligned;
use super::pure::pure_table;
use std::array::from_fn;

pure_table! {
    Shufps, Aligned, |a, b, imm| shuffle_single(a, b, imm);
    Shufpd, Aligned, |a, b, imm| pair(split_u64(a)[field(imm, 0, 1)], split_u64(b)[field(imm, 1, 1)]);
    Pshufd, Aligned, |_, b, imm| shuffle_single(b, b, imm);
    Pshuflw, Aligned, |_, b, imm| with_low64(b, shuffle_words(b as u64, imm));
    Pshufhw, Aligned, |_, b, imm| pair(b as u64, shuffle_words(high(b), imm));

    Unpcklps, Aligned, |a, b, _| interleave_u32(a as u64, b as u64);
    Unpckhps, Aligned, |a, b, _| interleave_u32(high(a), high(b));
    Unpcklpd, Aligned, |a, b, _| pair(a as u64, b as u64);
    Unpckhpd, Aligned, |a, b, _| pair(high(a), high(b));
    Punpcklbw, Aligned, |a, b, _| interleave_u8(a as u64, b as u64);
    Punpckhbw, Aligned, |a, b, _| interleave_u8(high(a), high(b));
    Punpcklwd, Aligned, |a, b, _| interleave_u16(a as u64, b as u64);
    Punpckhwd, Aligned, |a, b, _| interleave_u16(high(a), high(b));
    Punpckldq, Aligned, |a, b, _| interleave_u32(a as u64, b as u64);
    Punpckhdq, Aligned, |a, b, _| interleave_u32(high(a), high(b));
    Punpcklqdq, Aligned, |a, b, _| pair(a as u64, b as u64);
    Punpckhqdq, Aligned, |a, b, _| pair(high(a), high(b));

    Packsswb, Aligned, |a, b, _| pack_words(a, b, |w| w.clamp(-128, 127) as u8);
    Packuswb, Aligned, |a, b, _| pack_words(a, b, |w| w.clamp(0, 255) as u8);
    Packssdw, Aligned, |a, b, _| pack_doublewords(a, b);
}

/// Field `n` of an immediate of fields of `bits` bits: the number of a lane.
#[inline(always)]
fn field(imm: u64, n: usize, bits: u32) -> usize {
    (imm >> (n as u32 * bits)) as usize & ((1 << bits) - 1)
}

/// SHUFPS: two lanes of the first operand, then two of the second.
#[inline(always)]
fn shuffle_single(a: u128, b: u128, imm: u64) -> u128 {
    let (a, b) = (split_u32(a), split_u32(b));
    join_u32(from_fn(|i| if i < 2 { a[field(imm, i, 2)] } else { b[field(imm, i, 2)] }))
}

#[inline(always)]
pub(in crate::exec) fn shuffle_words(x: u64, imm: u64) -> u64 {
    (0..4).fold(0, |r, i| r | (x >> (16 * field(imm, i, 2)) & 0xffff) << (16 * i))
}

/// Lanes of two halves in turn, starting with the lowest of `a`.
macro_rules! interleave {
    ($($name:ident $split:ident $join:ident;)*) => {$(
        #[inline(always)]
        fn $name(a: u64, b: u64) -> u128 {
            let (a, b) = ($split(u128::from(a)), $split(u128::from(b)));
            $join(from_fn(|i| if i & 1 == 0 { a[i / 2] } else { b[i / 2] }))
        }
    )*};
}
interleave! {
    interleave_u8 split_u8 join_u8;
    interleave_u16 split_u16 join_u16;
    interleave_u32 split_u32 join_u32;
}

#[inline(always)]
fn pack_words(a: u128, b: u128, narrow: impl Fn(i16) -> u8) -> u128 {
    let (a, b) = (split_i16(a), split_i16(b));
    join_u8(from_fn(|i| narrow(if i < 8 { a[i] } else { b[i - 8] })))
}

#[inline(always)]
fn pack_doublewords(a: u128, b: u128) -> u128 {
    let (a, b) = (split_i32(a), split_i32(b));
    let narrow = |d: i32| d.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
    join_i16(from_fn(|i| narrow(if i < 4 { a[i] } else { b[i - 4] })))
}
