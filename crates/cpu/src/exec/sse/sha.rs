//! SHA-1 and SHA-256 (SDM "Intel SHA Extensions").
//!
//! The manual names the doublewords of a register from the top: A is lane 3, or lane 0 in the order of [`from_top`].

use super::lanes::*;
use super::operand::Aligned;
use super::pure::pure_table;

pure_table! {
    Sha1rnds4, Aligned, |a, b, imm| sha1_four_rounds(a, b, imm);
    Sha1nexte, Aligned, |a, b, _| b.wrapping_add(u128::from(split_u32(a)[3].rotate_left(30)) << 96);
    Sha1msg1, Aligned, |a, b, _| a ^ (a << 64 | b >> 64);
    Sha1msg2, Aligned, |a, b, _| sha1_schedule(a, b);
    Sha256msg1, Aligned, |a, b, _| map_u32(a, a >> 32 | b << 96, |w, next| w.wrapping_add(small_sigma_0(next)));
    Sha256msg2, Aligned, |a, b, _| sha256_schedule(a, b);
}

/// Doublewords, the highest first.
fn from_top(x: u128) -> [u32; 4] {
    let [a, b, c, d] = split_u32(x);
    [d, c, b, a]
}

fn to_top(lanes: [u32; 4]) -> u128 {
    let [a, b, c, d] = lanes;
    join_u32([d, c, b, a])
}

fn choose(x: u32, y: u32, z: u32) -> u32 {
    x & y ^ !x & z
}

fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y ^ x & z ^ y & z
}

/// SHA1RNDS4. E of the first round is in the top lane of `w` already.
fn sha1_four_rounds(state: u128, w: u128, imm: u64) -> u128 {
    let f = |b: u32, c: u32, d: u32| match imm & 3 {
        0 => choose(b, c, d).wrapping_add(0x5a82_7999),
        1 => (b ^ c ^ d).wrapping_add(0x6ed9_eba1),
        2 => majority(b, c, d).wrapping_add(0x8f1b_bcdc),
        _ => (b ^ c ^ d).wrapping_add(0xca62_c1d6),
    };
    let ([mut a, mut b, mut c, mut d], mut e) = (from_top(state), 0_u32);
    for word in from_top(w) {
        let next = f(b, c, d).wrapping_add(a.rotate_left(5)).wrapping_add(word).wrapping_add(e);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    to_top([a, b, c, d])
}

/// SHA1MSG2: each new word needs the one three before it, so the last needs the first.
fn sha1_schedule(a: u128, b: u128) -> u128 {
    let ([a0, a1, a2, a3], [_, w13, w14, w15]) = (from_top(a), from_top(b));
    let w16 = (a0 ^ w13).rotate_left(1);
    to_top([w16, (a1 ^ w14).rotate_left(1), (a2 ^ w15).rotate_left(1), (a3 ^ w16).rotate_left(1)])
}

fn small_sigma_0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3
}

fn small_sigma_1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10
}

/// SHA256MSG2.
fn sha256_schedule(a: u128, b: u128) -> u128 {
    let (a, b) = (split_u32(a), split_u32(b));
    let w16 = a[0].wrapping_add(small_sigma_1(b[2]));
    let w17 = a[1].wrapping_add(small_sigma_1(b[3]));
    join_u32([w16, w17, a[2].wrapping_add(small_sigma_1(w16)), a[3].wrapping_add(small_sigma_1(w17))])
}

/// SHA256RNDS2: `cdgh` and `abef` are the state, `wk` the sums of words and constants of two rounds.
pub(super) fn sha256_two_rounds(cdgh: u128, abef: u128, wk: u128) -> u128 {
    let ([mut c, mut d, mut g, mut h], [mut a, mut b, mut e, mut f]) = (from_top(cdgh), from_top(abef));
    for word in [wk as u32, (wk >> 32) as u32] {
        let sigma_1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sigma_0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t = choose(e, f, g).wrapping_add(sigma_1).wrapping_add(word).wrapping_add(h);
        let next = t.wrapping_add(majority(a, b, c)).wrapping_add(sigma_0);
        (a, b, c, d, e, f, g, h) = (next, a, b, c, t.wrapping_add(d), e, f, g);
    }
    to_top([a, b, e, f])
}
