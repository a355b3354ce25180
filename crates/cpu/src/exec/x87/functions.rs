//! The instructions that compute transcendental functions.

use super::f80::F80;
use super::round::{Outcome, Rounding};
use super::source::Source;
use super::transcendental::{self, Trigonometric, Wanted};
use super::unit::{C2, Fpu};
use super::{done, wait};
use crate::op::{Flow, Op};
use crate::state::State;
use paging::HardwareModel;

/// A function of two operands: ST(1) becomes the result, and the stack is popped.
pub(super) trait Binary: 'static {
    /// The function of ST(1) and ST(0).
    fn apply(st1: Source, st0: Source, r: Rounding) -> Outcome;
}

/// FPATAN.
pub(super) struct Angle;
/// FYL2X.
pub(super) struct YLog2;
/// FYL2XP1.
pub(super) struct YLog2Plus1;

impl Binary for Angle {
    fn apply(st1: Source, st0: Source, r: Rounding) -> Outcome {
        transcendental::angle(st1, st0, r)
    }
}

impl Binary for YLog2 {
    fn apply(st1: Source, st0: Source, r: Rounding) -> Outcome {
        transcendental::y_log2(st1, st0, r)
    }
}

impl Binary for YLog2Plus1 {
    fn apply(st1: Source, st0: Source, r: Rounding) -> Outcome {
        transcendental::y_log2_plus_1(st1, st0, r)
    }
}

/// FPATAN, FYL2X, FYL2XP1.
pub(super) fn binary<H: HardwareModel, B: Binary>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match (fpu.st(1), fpu.st(0)) {
        (Some(st1), Some(st0)) => B::apply(Source::register(st1), Source::register(st0), fpu.rounding()),
        _ => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(1, outcome, 1);
    done(st, op)
}

/// F2XM1.
pub(super) fn exp2_minus_1<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match fpu.st(0) {
        Some(a) => transcendental::exp2_minus_1(Source::register(a), fpu.rounding()),
        None => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(0, outcome, 0);
    done(st, op)
}

/// FSIN.
pub(super) fn sine<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    one_result(&mut st.fpu, Wanted::Sine);
    done(st, op)
}

/// FCOS.
pub(super) fn cosine<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    one_result(&mut st.fpu, Wanted::Cosine);
    done(st, op)
}

fn one_result(fpu: &mut Fpu, wanted: Wanted) {
    fpu.status &= !C2;
    let Some(a) = fpu.st(0) else {
        return fpu.finish(0, Outcome::STACK_UNDERFLOW, 0);
    };
    match transcendental::trigonometric(wanted, Source::register(a), fpu.rounding()) {
        Trigonometric::OutOfRange => out_of_range(fpu),
        Trigonometric::Done(outcome, _) => fpu.finish(0, outcome, 0),
    }
}

/// FSINCOS: the sine replaces ST(0), the cosine is pushed.
pub(super) fn sine_and_cosine<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    two_results(&mut st.fpu, Wanted::Both);
    done(st, op)
}

/// FPTAN: the tangent replaces ST(0), a 1 is pushed.
pub(super) fn tangent<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    two_results(&mut st.fpu, Wanted::Tangent);
    done(st, op)
}

fn two_results(fpu: &mut Fpu, wanted: Wanted) {
    fpu.status &= !C2;
    let (first, second) = match (fpu.st(0), fpu.st(7)) {
        (None, _) => (Outcome::STACK_UNDERFLOW, None),
        (_, Some(_)) => (Outcome::STACK_OVERFLOW, None),
        (Some(a), None) => match transcendental::trigonometric(wanted, Source::register(a), fpu.rounding()) {
            Trigonometric::OutOfRange => {
                out_of_range(fpu);
                return;
            }
            Trigonometric::Done(first, second) => (first, second),
        },
    };
    let pushed = match second {
        Some(second) => second,
        None if first.value.is_nan() => first,
        None => Outcome { value: F80::ONE, flags: first.flags },
    };
    // C1 is that of the result that is pushed.
    if fpu.settle(first.flags & !super::unit::C1 | pushed.flags) {
        fpu.set_st(0, first.value);
        fpu.push(pushed.value);
    }
}

/// The operand stays; C2 says that it has to be reduced first.
fn out_of_range(fpu: &mut Fpu) {
    fpu.settle(C2);
}
