//! FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X and FYL2XP1: special operands, flags, rounding.
//!
//! The functions themselves are in [`super::elementary`]. Results are rounded by the rounding control, to 64 bits whatever the
//! precision control says. As on silicon every result that had to be computed counts as inexact, and a denormal one as an
//! underflow, even where it happens to be exact. C1 says how our result was rounded; the processor's, computed in
//! another way, is now and then rounded the other way and has another C1.

use super::elementary::{self as function, LIMIT_EXP};
use super::f80::{BIAS, Class, F80, INTEGER};
use super::round::{Exact, Outcome, Rounding, to_f80};
use super::source::{Source, special_operand, special_operands, stopped_by_denormal};
use super::unit::{PE, UE, ZE};
use super::wide::{HALF_PI, PI};

/// Rounds a computed result.
fn computed(x: Exact, r: Rounding) -> Outcome {
    let outcome = to_f80(x, r.extended());
    let tiny = if outcome.value.exponent() == 0 { UE } else { 0 };
    outcome.with(PE | tiny)
}

/// A result that is the operand, but counts as computed.
fn unchanged(a: Source) -> Outcome {
    Outcome::exact(a.value).with(PE)
}

/// A trigonometric function of one operand.
pub(super) enum Trigonometric {
    /// The argument is too large: the instruction does nothing but set C2.
    OutOfRange,
    /// The result; FSINCOS has the cosine as well.
    Done(Outcome, Option<Outcome>),
}

/// Which results are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Sine,
    Cosine,
    Both,
    Tangent,
}

/// FSIN, FCOS, FSINCOS, FPTAN.
pub(super) fn trigonometric(wanted: Wanted, a: Source, r: Rounding) -> Trigonometric {
    use Trigonometric::{Done, OutOfRange};
    let same = |o: Outcome| Done(o, (wanted == Wanted::Both).then_some(o));
    if let Some(special) = special_operand(a) {
        return same(special);
    }
    let de = a.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return same(stopped);
    }
    let one = || Outcome::exact(F80::ONE);
    match (a.class, wanted) {
        (Class::Infinity, _) => return same(Outcome::invalid()),
        (Class::Zero, Wanted::Cosine) => return Done(one(), None),
        (Class::Zero, _) => return Done(Outcome::exact(a.value), (wanted == Wanted::Both).then(one)),
        _ if a.number().exp >= LIMIT_EXP => return OutOfRange,
        _ => {}
    }
    let x = a.number();
    let sine = || computed(function::sine_cosine(x).0, r).with(de);
    let cosine = || computed(function::sine_cosine(x).1, r).with(de);
    match wanted {
        Wanted::Sine => Done(sine(), None),
        Wanted::Cosine => Done(cosine(), None),
        Wanted::Both => Done(sine(), Some(cosine())),
        Wanted::Tangent => Done(computed(function::tangent(x), r).with(de), None),
    }
}

/// F2XM1. Beyond 1 the operand comes back, as the processor has it.
pub(super) fn exp2_minus_1(a: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operand(a) {
        return special;
    }
    let de = a.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    let negative = a.value.negative();
    match a.class {
        Class::Zero => Outcome::exact(a.value),
        Class::Infinity if negative => Outcome::exact(F80::ONE.negated()),
        Class::Infinity => Outcome::exact(a.value),
        _ if a.number().exp < 0 => computed(function::exp2_minus_1(a.number()), r).with(de),
        _ if a.value == F80::ONE.negated() => Outcome::exact(F80::new(true, BIAS as u16 - 1, INTEGER)).with(PE),
        _ => unchanged(a),
    }
}

/// FYL2X: `y` times the logarithm of `x`.
pub(super) fn y_log2(y: Source, x: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operands(y, x) {
        return special;
    }
    if x.value.negative() && x.class != Class::Zero {
        return Outcome::invalid();
    }
    let negative = y.value.negative();
    match (x.class, y.class) {
        (Class::Zero, Class::Zero) | (Class::Infinity, Class::Zero) => return Outcome::invalid(),
        (Class::Zero, Class::Infinity) => return Outcome::exact(F80::infinity(!negative)),
        (Class::Zero, _) => return Outcome { value: F80::infinity(!negative), flags: ZE },
        (_, Class::Infinity) if x.value == F80::ONE => return Outcome::invalid(),
        _ => {}
    }
    let below_one = x.class != Class::Infinity && x.number().exp < 0;
    let log = || function::log2(x.number().into());
    product(y, x, below_one, log, r)
}

/// FYL2XP1: `y` times the logarithm of `x` + 1. At -1 and below, which the manual leaves undefined, `x` comes back.
pub(super) fn y_log2_plus_1(y: Source, x: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operands(y, x) {
        return special;
    }
    let below_zero = x.value.negative();
    match (x.class, y.class) {
        (Class::Infinity, _) if below_zero => return Outcome::invalid(),
        (Class::Zero, Class::Infinity) | (Class::Infinity, Class::Zero) => return Outcome::invalid(),
        (Class::Zero, _) => {
            let de = y.denormal_flag();
            let zero = F80::zero(below_zero != y.value.negative());
            return stopped_by_denormal(de, r).unwrap_or(Outcome::exact(zero).with(de));
        }
        _ => {}
    }
    let finite = |s: Source| !matches!(s.class, Class::Zero | Class::Infinity);
    if below_zero && finite(y) && x.number().exp >= 0 {
        let de = y.denormal_flag();
        return stopped_by_denormal(de, r).unwrap_or(unchanged(x).with(de));
    }
    product(y, x, below_zero, || Some(function::log2_plus_1(x.number().into())), r)
}

/// `y` times a logarithm that is negative or not. `x` is the logarithm's argument.
fn product(y: Source, x: Source, negative_log: bool, log: impl Fn() -> Option<Exact>, r: Rounding) -> Outcome {
    let de = x.denormal_flag() | y.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    let negative = y.value.negative() != negative_log;
    if y.class == Class::Zero {
        return Outcome::exact(F80::zero(negative)).with(de);
    }
    if x.class == Class::Infinity || y.class == Class::Infinity {
        return Outcome::exact(F80::infinity(negative)).with(de);
    }
    match log() {
        Some(log) => computed(log.times(y.number().into()), r).with(de),
        None => Outcome::exact(F80::zero(negative)).with(de),
    }
}

/// FPATAN: the angle of the point (`x`, `y`).
pub(super) fn angle(y: Source, x: Source, r: Rounding) -> Outcome {
    if let Some(special) = special_operands(y, x) {
        return special;
    }
    let de = x.denormal_flag() | y.denormal_flag();
    if let Some(stopped) = stopped_by_denormal(de, r) {
        return stopped;
    }
    let (up, left) = (!y.value.negative(), x.value.negative());
    let quarter = || Exact { exp: HALF_PI.exp - 1, ..HALF_PI };
    let magnitude = match (y.class, x.class) {
        (Class::Infinity, Class::Infinity) if left => PI.plus(quarter().negated()),
        (Class::Infinity, Class::Infinity) => quarter(),
        (Class::Zero, _) | (_, Class::Infinity) if left => PI,
        (Class::Zero, _) | (_, Class::Infinity) => return Outcome::exact(F80::zero(!up)).with(de),
        (Class::Infinity, _) | (_, Class::Zero) => HALF_PI,
        _ => angle_of_numbers(y, x),
    };
    computed(magnitude.with_sign(!up), r).with(de)
}

/// The magnitude of the angle of a point off the axes.
fn angle_of_numbers(y: Source, x: Source) -> Exact {
    let (left, y, x) = (x.value.negative(), y.number(), x.number());
    let steep = (y.exp, y.sig) > (x.exp, x.sig);
    match (steep, left) {
        (false, false) => function::arc_tangent(y, x),
        (false, true) => PI.plus(function::arc_tangent(y, x).negated()),
        (true, false) => HALF_PI.plus(function::arc_tangent(x, y).negated()),
        (true, true) => HALF_PI.plus(function::arc_tangent(x, y)),
    }
}
