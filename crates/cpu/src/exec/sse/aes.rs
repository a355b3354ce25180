//! AES (SDM "AES Instructions") and PCLMULQDQ.
//!
//! A register is the state in the order of FIPS 197: byte `i` is row `i % 4` of column `i / 4`. SubBytes and MixColumns of one
//! byte are one look-up: the table gives the column that the byte in row 0 adds to, and other rows rotate it. All tables
//! are computed from the field's arithmetic.

use super::lanes::*;
use super::operand::Aligned;
use super::pure::pure_table;
use std::array::from_fn;

pure_table! {
    Aesenc, Aligned, |a, b, _| round(a, &MIXED, 1) ^ b;
    Aesenclast, Aligned, |a, b, _| last_round(a, &SUBSTITUTE, 1) ^ b;
    Aesdec, Aligned, |a, b, _| round(a, &INVERSE_MIXED, 3) ^ b;
    Aesdeclast, Aligned, |a, b, _| last_round(a, &INVERSE_SUBSTITUTE, 3) ^ b;
    Aesimc, Aligned, |_, b, _| inverse_mix_columns(b);
    Aeskeygenassist, Aligned, |_, b, imm| assist(b, imm as u32);
    Pclmulqdq, Aligned, |a, b, imm| multiply_carryless(half(a, imm), half(b, imm >> 4));
}

/// The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
const fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// The inverse in GF(2^8), and 0 for 0: x^254.
const fn inverse(x: u8) -> u8 {
    let (mut power, mut n) = (1, 0);
    while n < 254 {
        power = multiply(power, x);
        n += 1;
    }
    power
}

const fn substitute() -> [u8; 256] {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let i = inverse(x as u8);
        table[x] = i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4) ^ 0x63;
        x += 1;
    }
    table
}

const fn invert(table: &[u8; 256]) -> [u8; 256] {
    let mut inverted = [0; 256];
    let mut x = 0;
    while x < 256 {
        inverted[table[x] as usize] = x as u8;
        x += 1;
    }
    inverted
}

/// For each byte in row 0 the column that it becomes: substituted, times the first column of a matrix.
const fn mixed(substitute: &[u8; 256], column: [u8; 4]) -> [u32; 256] {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let s = substitute[x];
        let bytes = [multiply(s, column[0]), multiply(s, column[1]), multiply(s, column[2]), multiply(s, column[3])];
        table[x] = u32::from_le_bytes(bytes);
        x += 1;
    }
    table
}

static SUBSTITUTE: [u8; 256] = substitute();
static INVERSE_SUBSTITUTE: [u8; 256] = invert(&substitute());
static MIXED: [u32; 256] = mixed(&substitute(), [2, 1, 1, 3]);
static INVERSE_MIXED: [u32; 256] = mixed(&invert(&substitute()), [14, 9, 13, 11]);

/// Where the byte in `row` of column `column` comes from; a row is rotated by `step` columns for each row above it.
const fn from(row: usize, column: usize, step: usize) -> usize {
    row + 4 * ((column + step * row) % 4)
}

/// ShiftRows, SubBytes, MixColumns, or their inverses.
#[inline(always)]
fn round(state: u128, table: &[u32; 256], step: usize) -> u128 {
    let s = split_u8(state);
    let term = |row: usize, column| table[usize::from(s[from(row, column, step)])].rotate_left(8 * row as u32);
    join_u32(from_fn(|column| term(0, column) ^ term(1, column) ^ term(2, column) ^ term(3, column)))
}

/// ShiftRows and SubBytes, or their inverses.
#[inline(always)]
fn last_round(state: u128, table: &[u8; 256], step: usize) -> u128 {
    let s = split_u8(state);
    join_u8(from_fn(|i| table[usize::from(s[from(i % 4, i / 4, step)])]))
}

/// AESIMC. The table substitutes as well, so that is undone first.
fn inverse_mix_columns(x: u128) -> u128 {
    let substituted = split_u8(x).map(|byte| SUBSTITUTE[usize::from(byte)]);
    round(join_u8(substituted), &INVERSE_MIXED, 0)
}

/// AESKEYGENASSIST.
fn assist(x: u128, constant: u32) -> u128 {
    let [_, x1, _, x3] = split_u32(x);
    let word = |x: u32| u32::from_le_bytes(x.to_le_bytes().map(|byte| SUBSTITUTE[usize::from(byte)]));
    let (s1, s3) = (word(x1), word(x3));
    join_u32([s1, s1.rotate_right(8) ^ constant, s3, s3.rotate_right(8) ^ constant])
}

/// The low or the high quadword, by bit 0 of `which`.
fn half(x: u128, which: u64) -> u64 {
    if which & 1 != 0 { high(x) } else { x as u64 }
}

/// The product of polynomials over GF(2).
fn multiply_carryless(a: u64, b: u64) -> u128 {
    (0..64).fold(0, |product, n| product ^ (u128::from(a) << n) & u128::from(b >> n & 1).wrapping_neg())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix B: the first round.
    #[test]
    fn the_first_round_of_the_standard_s_example() {
        let bytes = |hex: u128| u128::from_le_bytes(hex.to_be_bytes());
        let state = bytes(0x193de3bea0f4e22b9ac68d2ae9f84808);
        let key = bytes(0xa0fafe1788542cb123a339392a6c7605);
        assert_eq!(operations::Aesenc::apply(state, key, 0), bytes(0xa49c7ff2689f352b6b5bea43026a5049));
    }

    use super::super::pure::Pure;

    #[test]
    fn decryption_undoes_encryption() {
        let x = 0x0123_4567_89ab_cdef_0f1e_2d3c_4b5a_6978;
        let last = operations::Aesenclast::apply(x, 0, 0);
        assert_eq!(operations::Aesdeclast::apply(last, 0, 0), x);
        let middle = operations::Aesenc::apply(x, 0, 0);
        let undone = operations::Aesdeclast::apply(operations::Aesimc::apply(0, middle, 0), 0, 0);
        assert_eq!(undone, x);
    }
}
