//! Comparisons and FXAM.

use super::f80::{Class, F80, INTEGER};
use super::source::Source;
use super::unit::{C0, C1, C2, C3, DE, IE};
use std::cmp::Ordering;

/// How a comparison takes quiet NaNs.
pub(super) trait NanRule: 'static {
    /// What a quiet NaN raises.
    const QUIET: u16;
}

/// FCOM: a quiet NaN is invalid.
pub(super) struct Ordered;
/// FUCOM: a quiet NaN is unordered.
pub(super) struct Unordered;

impl NanRule for Ordered {
    const QUIET: u16 = IE;
}

impl NanRule for Unordered {
    const QUIET: u16 = 0;
}

/// What a comparison found; `None` is unordered.
pub(super) struct Comparison {
    pub(super) order: Option<Ordering>,
    /// IE and DE.
    pub(super) flags: u16,
}

/// Compares two operands.
pub(super) fn compare<N: NanRule>(a: Source, b: Source) -> Comparison {
    let unordered = |flags| Comparison { order: None, flags };
    match (a.class, b.class) {
        (Class::Unsupported | Class::SignalingNan, _) | (_, Class::Unsupported | Class::SignalingNan) => unordered(IE),
        (Class::QuietNan, _) | (_, Class::QuietNan) => unordered(N::QUIET),
        _ => {
            let flags = if a.denormal || b.denormal { DE } else { 0 };
            Comparison { order: Some(order(a.value, b.value)), flags }
        }
    }
}

/// The order of two values that are no NaNs.
fn order(a: F80, b: F80) -> Ordering {
    // A pseudo-denormal has the value it would have with exponent 1.
    let magnitude = |x: F80| (if x.sig & INTEGER != 0 { x.exponent().max(1) } else { 0 }, x.sig);
    let (ma, mb) = (magnitude(a), magnitude(b));
    match (a.negative(), b.negative()) {
        _ if a.sig == 0 && b.sig == 0 => Ordering::Equal,
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => ma.cmp(&mb),
        (true, true) => mb.cmp(&ma),
    }
}

/// The condition codes of a comparison.
pub(super) const fn condition_codes(order: Option<Ordering>) -> u16 {
    match order {
        Some(Ordering::Greater) => 0,
        Some(Ordering::Less) => C0,
        Some(Ordering::Equal) => C3,
        None => C0 | C2 | C3,
    }
}

/// The condition codes of FXAM, without "empty".
pub(super) const fn examine(value: F80) -> u16 {
    let kind = match value.class() {
        Class::Unsupported => 0,
        Class::QuietNan | Class::SignalingNan => C0,
        Class::Normal => C2,
        Class::Infinity => C2 | C0,
        Class::Zero => C3,
        Class::Denormal => C3 | C2,
    };
    kind | if value.negative() { C1 } else { 0 }
}

/// The condition codes of FXAM for an empty register, which has a sign all the same.
pub(super) const fn empty(value: F80) -> u16 {
    C3 | C0 | if value.negative() { C1 } else { 0 }
}
