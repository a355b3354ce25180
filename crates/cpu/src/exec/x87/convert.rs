//! Stores to memory formats: single, double, integers and packed decimal.

use super::f80::{Class, F80, INTEGER};
use super::partial::{Integer, to_integer};
use super::round::{DOUBLE, Exact, Format, Rounding, SINGLE, round};
use super::source::{Source, special_operand};
use super::unit::{IE, OE, UE};

/// A memory format that a register is rounded to.
pub(super) trait Destination: 'static {
    /// What is stored, in the low bytes of the word.
    type Bits: mmu::Primitive;
    /// What an invalid operation stores.
    const INDEFINITE: Self::Bits;
    /// Exceptions that, unmasked, prevent the store.
    const PREVENTING: u16;
    /// The converted value and its flags.
    fn convert(value: F80, r: Rounding) -> (Self::Bits, u16);
}

/// m32fp.
pub(super) struct Single;
/// m64fp.
pub(super) struct Double;
/// m16int.
pub(super) struct Int16;
/// m32int.
pub(super) struct Int32;
/// m64int.
pub(super) struct Int64;

impl Destination for Single {
    type Bits = u32;
    const INDEFINITE: u32 = 0xffc0_0000;
    const PREVENTING: u16 = IE | OE | UE;
    fn convert(value: F80, r: Rounding) -> (u32, u16) {
        let (bits, flags) = narrow(value, SINGLE, r);
        ((bits >> 32) as u32, flags)
    }
}

impl Destination for Double {
    type Bits = u64;
    const INDEFINITE: u64 = 0xfff8_0000_0000_0000;
    const PREVENTING: u16 = IE | OE | UE;
    fn convert(value: F80, r: Rounding) -> (u64, u16) {
        narrow(value, DOUBLE, r)
    }
}

macro_rules! integer_destination {
    ($name:ident, $bits:ty, $signed:ty) => {
        impl Destination for $name {
            type Bits = $bits;
            const INDEFINITE: $bits = <$signed>::MIN as $bits;
            const PREVENTING: u16 = IE;
            fn convert(value: F80, r: Rounding) -> ($bits, u16) {
                match integer(value, <$signed>::MAX as u64, r) {
                    Some((n, flags)) => (n as $bits, flags),
                    None => (Self::INDEFINITE, IE),
                }
            }
        }
    };
}
integer_destination!(Int16, u16, i16);
integer_destination!(Int32, u32, i32);
integer_destination!(Int64, u64, i64);

/// The IEEE encoding at the top of a word.
fn narrow(value: F80, format: Format, r: Rounding) -> (u64, u16) {
    let exp_bits = 33 - format.max.leading_zeros(); // 8 or 11
    let pack = |negative: bool, field: u64, fraction: u64| {
        u64::from(negative) << 63 | field << (63 - exp_bits) | fraction << 1 >> (1 + exp_bits)
    };
    let infinite = (1 << exp_bits) - 1;
    let source = Source::register(value);
    if let Some(nan) = special_operand(source) {
        let kept = nan.value.sig & u64::MAX << (64 - format.bits);
        return (pack(nan.value.negative(), infinite, kept), nan.flags);
    }
    match source.class {
        Class::Zero => (pack(value.negative(), 0, 0), 0),
        Class::Infinity => (pack(value.negative(), infinite, 0), 0),
        _ => {
            let n = source.number();
            let y = round(Exact { negative: n.negative, exp: n.exp, sig: u128::from(n.sig) << 64 }, format, r);
            let field = match y.sig & INTEGER {
                _ if y.infinite => infinite,
                0 => 0,
                _ => (y.exp + format.max) as u64 & infinite,
            };
            (pack(y.negative, field, y.sig), y.flags)
        }
    }
}

/// The value as a two's complement integer between -`max` - 1 and `max`.
fn integer(value: F80, max: u64, r: Rounding) -> Option<(i64, u16)> {
    let source = Source::register(value);
    match source.class {
        Class::Zero => Some((0, 0)),
        Class::Normal | Class::Denormal if source.number().exp < 64 => {
            let n = source.number();
            let Integer { magnitude, flags } = to_integer(n, r.mode);
            let limit = u128::from(max) + u128::from(n.negative);
            let signed = if n.negative { (magnitude as u64).wrapping_neg() } else { magnitude as u64 };
            (magnitude <= limit).then_some((signed as i64, flags))
        }
        _ => None,
    }
}

/// The largest packed decimal number: 18 digits.
const BCD_MAX: u64 = 999_999_999_999_999_999;
/// "Packed decimal indefinite".
pub(super) const BCD_INDEFINITE: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff];

/// Packed decimal: 18 digits, sign in the last byte.
pub(super) fn to_bcd(value: F80, r: Rounding) -> ([u8; 10], u16) {
    let limited = integer(value, BCD_MAX, r).filter(|(n, _)| n.unsigned_abs() <= BCD_MAX);
    let Some((n, flags)) = limited else {
        return (BCD_INDEFINITE, IE);
    };
    let mut rest = n.unsigned_abs();
    let mut bytes = [0; 10];
    for byte in &mut bytes[..9] {
        *byte = ((rest % 10) | ((rest / 10 % 10) << 4)) as u8;
        rest /= 100;
    }
    bytes[9] = if value.negative() { 0x80 } else { 0 };
    (bytes, flags)
}

/// A number from packed decimal. Digits above 9 count as they are: the processor does not check them.
pub(super) fn from_bcd(bytes: [u8; 10]) -> F80 {
    let digits = |sum: i64, byte: &u8| sum * 100 + i64::from(byte >> 4) * 10 + i64::from(byte & 15);
    let value = Source::integer(bytes[..9].iter().rev().fold(0, digits)).value;
    if bytes[9] & 0x80 != 0 { value.negated() } else { value }
}
