//! SSE4.1 and the integer comparison of SSE4.2: blends, extensions, minima and maxima, sums of differences. What rounds is in
//! [`super::round`] and [`super::dot`], what moves a single lane in [`super::insert`].

use super::lanes::*;
use super::operand::{Aligned, Memory};
use super::pure::pure_table;
use std::array::from_fn;

pure_table! {
    Blendps, Aligned, |a, b, imm| select_u32(a, b, imm);
    Blendpd, Aligned, |a, b, imm| join_u64(from_fn(|i| if imm >> i & 1 != 0 { split_u64(b)[i] } else { split_u64(a)[i] }));
    Pblendw, Aligned, |a, b, imm| select_u16(a, b, imm);

    Pmovsxbw, Memory<u64>, |_, b, _| join_i16(from_fn(|i| split_i8(b)[i].into()));
    Pmovsxbd, Memory<u32>, |_, b, _| join_i32(from_fn(|i| split_i8(b)[i].into()));
    Pmovsxbq, Memory<u16>, |_, b, _| join_u64(from_fn(|i| i64::from(split_i8(b)[i]) as u64));
    Pmovsxwd, Memory<u64>, |_, b, _| join_i32(from_fn(|i| split_i16(b)[i].into()));
    Pmovsxwq, Memory<u32>, |_, b, _| join_u64(from_fn(|i| i64::from(split_i16(b)[i]) as u64));
    Pmovsxdq, Memory<u64>, |_, b, _| join_u64(from_fn(|i| i64::from(split_i32(b)[i]) as u64));
    Pmovzxbw, Memory<u64>, |_, b, _| join_u16(from_fn(|i| split_u8(b)[i].into()));
    Pmovzxbd, Memory<u32>, |_, b, _| join_u32(from_fn(|i| split_u8(b)[i].into()));
    Pmovzxbq, Memory<u16>, |_, b, _| join_u64(from_fn(|i| split_u8(b)[i].into()));
    Pmovzxwd, Memory<u64>, |_, b, _| join_u32(from_fn(|i| split_u16(b)[i].into()));
    Pmovzxwq, Memory<u32>, |_, b, _| join_u64(from_fn(|i| split_u16(b)[i].into()));
    Pmovzxdq, Memory<u64>, |_, b, _| join_u64(from_fn(|i| split_u32(b)[i].into()));

    Pminsb, Aligned, |a, b, _| map_i8(a, b, i8::min);
    Pmaxsb, Aligned, |a, b, _| map_i8(a, b, i8::max);
    Pminuw, Aligned, |a, b, _| map_u16(a, b, u16::min);
    Pmaxuw, Aligned, |a, b, _| map_u16(a, b, u16::max);
    Pminsd, Aligned, |a, b, _| map_i32(a, b, i32::min);
    Pmaxsd, Aligned, |a, b, _| map_i32(a, b, i32::max);
    Pminud, Aligned, |a, b, _| map_u32(a, b, u32::min);
    Pmaxud, Aligned, |a, b, _| map_u32(a, b, u32::max);

    Pmulld, Aligned, |a, b, _| map_u32(a, b, u32::wrapping_mul);
    Pmuldq, Aligned, |a, b, _| map_u64(a, b, |x, y| (i64::from(x as i32) * i64::from(y as i32)) as u64);
    Pcmpeqq, Aligned, |a, b, _| map_u64(a, b, |x, y| u64::from(x == y).wrapping_neg());
    Pcmpgtq, Aligned, |a, b, _| map_u64(a, b, |x, y| u64::from(x as i64 > y as i64).wrapping_neg());
    Packusdw, Aligned, |a, b, _| pack_unsigned(a, b);

    Mpsadbw, Aligned, |a, b, imm| sums_of_differences(a, b, imm);
    Phminposuw, Aligned, |_, b, _| minimum_and_position(b);
}

/// BLENDPS: the lanes of `b` whose bit in `imm` is set, the others from `a`.
#[inline(always)]
fn select_u32(a: u128, b: u128, imm: u64) -> u128 {
    let (a, b) = (split_u32(a), split_u32(b));
    join_u32(from_fn(|i| if imm >> i & 1 != 0 { b[i] } else { a[i] }))
}

/// PBLENDW.
#[inline(always)]
fn select_u16(a: u128, b: u128, imm: u64) -> u128 {
    let (a, b) = (split_u16(a), split_u16(b));
    join_u16(from_fn(|i| if imm >> i & 1 != 0 { b[i] } else { a[i] }))
}

/// PACKUSDW.
#[inline(always)]
fn pack_unsigned(a: u128, b: u128) -> u128 {
    let (a, b) = (split_i32(a), split_i32(b));
    let narrow = |d: i32| d.clamp(0, i32::from(u16::MAX)) as u16;
    join_u16(from_fn(|i| narrow(if i < 4 { a[i] } else { b[i - 4] })))
}

/// MPSADBW: four bytes of `b` against the eight places of `a` from a place on; bits 1:0 and 2 of `imm` say where, in units of
/// four bytes.
fn sums_of_differences(a: u128, b: u128, imm: u64) -> u128 {
    let (a, b) = (split_u8(a), split_u8(b));
    let (at_a, at_b) = ((imm & 4) as usize, 4 * (imm & 3) as usize);
    let sum = |i: usize| (0..4).map(|k| u16::from(a[at_a + i + k].abs_diff(b[at_b + k]))).sum();
    join_u16(from_fn(sum))
}

/// PHMINPOSUW: the smallest word and, above it, the lowest place where it stands.
fn minimum_and_position(x: u128) -> u128 {
    let words = split_u16(x);
    let smallest = (0..8).min_by_key(|&i| words[i]).expect("there are eight");
    u128::from(words[smallest]) | (smallest as u128) << 16
}
