//! Instructions that compute: arithmetic, comparisons, and those on ST(0) alone.
//!
//! `op.dst` and `op.src` are stack positions.

use super::arith::{Binary, square_root};
use super::compare::{self, Comparison, NanRule, Ordered, compare, condition_codes};
use super::partial::{self, QuotientRounding};
use super::round::{Outcome, Rounding};
use super::source::Source;
use super::stack::MemorySource;
use super::unit::{C0, C1, C2, C3, CONDITIONS, Fpu, IE, SF};
use super::{done, wait};
use crate::op::{Flow, Op, tri};
use crate::state::State;
use arch::Rflags;
use paging::HardwareModel;
use std::cmp::Ordering;

/// ST(dst) = ST(dst) op ST(src), then pops.
pub(super) fn binary<H: HardwareModel, B: Binary, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match (fpu.st(op.dst), fpu.st(op.src)) {
        (Some(dst), Some(src)) => B::apply(Source::register(dst), Source::register(src), fpu.rounding()),
        _ => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(op.dst, outcome, POPS);
    done(st, op)
}

/// ST(0) = ST(0) op memory.
pub(super) fn binary_memory<H: HardwareModel, B: Binary, M: MemorySource>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let src = tri!(M::load(st, op));
    let fpu = &mut st.fpu;
    let outcome = match fpu.st(0) {
        Some(dst) => B::apply(Source::register(dst), src, fpu.rounding()),
        None => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(0, outcome, 0);
    done(st, op)
}

/// An operation that replaces ST(0).
pub(super) trait Unary: 'static {
    fn apply(a: Source, r: Rounding) -> Outcome;
}

/// FSQRT.
pub(super) struct SquareRoot;
/// FRNDINT.
pub(super) struct RoundToInteger;
/// FABS.
pub(super) struct Abs;
/// FCHS.
pub(super) struct ChangeSign;

impl Unary for SquareRoot {
    fn apply(a: Source, r: Rounding) -> Outcome {
        square_root(a, r)
    }
}

impl Unary for RoundToInteger {
    fn apply(a: Source, r: Rounding) -> Outcome {
        partial::round_to_integer(a, r)
    }
}

impl Unary for Abs {
    fn apply(a: Source, _: Rounding) -> Outcome {
        Outcome::exact(a.value.abs())
    }
}

impl Unary for ChangeSign {
    fn apply(a: Source, _: Rounding) -> Outcome {
        Outcome::exact(a.value.negated())
    }
}

pub(super) fn unary<H: HardwareModel, U: Unary>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match fpu.st(0) {
        Some(a) => U::apply(Source::register(a), fpu.rounding()),
        None => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(0, outcome, 0);
    done(st, op)
}

/// FPREM, FPREM1: ST(0) by ST(1). Where there is no result, or a NaN, C0 and C3 stay as they are.
pub(super) fn remainder<H: HardwareModel, Q: QuotientRounding>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match (fpu.st(0), fpu.st(1)) {
        (Some(a), Some(b)) => partial::remainder::<Q>(Source::register(a), Source::register(b), fpu.rounding()),
        _ => Outcome::STACK_UNDERFLOW,
    };
    fpu.status &= !C2;
    if fpu.settle(outcome.flags) {
        let kept = if outcome.value.is_nan() { C0 | C3 } else { 0 };
        fpu.set_conditions(fpu.status & kept | outcome.flags & CONDITIONS);
        fpu.set_st(0, outcome.value);
    }
    done(st, op)
}

/// FSCALE: ST(0) by ST(1).
pub(super) fn scale<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let outcome = match (fpu.st(0), fpu.st(1)) {
        (Some(a), Some(b)) => partial::scale(Source::register(a), Source::register(b), fpu.rounding()),
        _ => Outcome::STACK_UNDERFLOW,
    };
    fpu.finish(0, outcome, 0);
    done(st, op)
}

/// FXTRACT: the exponent replaces ST(0), the significand is pushed.
pub(super) fn extract<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let both = |o: Outcome| partial::Extracted { exponent: o.value, significand: o.value, flags: o.flags };
    let parts = match (fpu.st(0), fpu.st(7)) {
        (None, _) => both(Outcome::STACK_UNDERFLOW),
        (_, Some(_)) => both(Outcome::STACK_OVERFLOW),
        (Some(a), None) => partial::extract(Source::register(a), fpu.rounding()),
    };
    if fpu.settle(parts.flags) {
        fpu.set_st(0, parts.exponent);
        fpu.push(parts.significand);
    }
    done(st, op)
}

/// A comparison with an empty register.
const EMPTY: Comparison = Comparison { order: None, flags: IE | SF };

fn compare_registers<N: NanRule>(fpu: &Fpu, i: u8) -> Comparison {
    match (fpu.st(0), fpu.st(i)) {
        (Some(a), Some(b)) => compare::<N>(Source::register(a), Source::register(b)),
        _ => EMPTY,
    }
}

/// The codes are set in any case; an unmasked exception prevents the pop.
fn finish_comparison(fpu: &mut Fpu, c: &Comparison, pops: u8) {
    fpu.set_conditions(condition_codes(c.order));
    if fpu.settle(c.flags) {
        fpu.pop(pops);
    }
}

/// FCOM, FUCOM and their popping forms: ST(0) with ST(src).
pub(super) fn comparison<H: HardwareModel, N: NanRule, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let c = compare_registers::<N>(&st.fpu, op.src);
    finish_comparison(&mut st.fpu, &c, POPS);
    done(st, op)
}

/// FCOM, FICOM: ST(0) with memory.
pub(super) fn comparison_memory<H: HardwareModel, M: MemorySource, const POPS: u8>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    wait!(st);
    let b = tri!(M::load(st, op));
    let c = st.fpu.st(0).map_or(EMPTY, |a| compare::<Ordered>(Source::register(a), b));
    finish_comparison(&mut st.fpu, &c, POPS);
    done(st, op)
}

/// FTST: ST(0) with +0.
pub(super) fn test<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let c = st.fpu.st(0).map_or(EMPTY, |a| compare::<Ordered>(Source::register(a), Source::integer(0)));
    finish_comparison(&mut st.fpu, &c, 0);
    done(st, op)
}

/// FCOMI, FUCOMI and their popping forms: the result goes to ZF, PF and CF; OF, SF and AF are cleared. C1 stays as it is
/// unless the stack underflows.
pub(super) fn comparison_flags<H: HardwareModel, N: NanRule, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let c = compare_registers::<N>(&st.fpu, op.src);
    st.flags.set(match c.order {
        Some(Ordering::Greater) => Rflags::empty(),
        Some(Ordering::Less) => Rflags::CF,
        Some(Ordering::Equal) => Rflags::ZF,
        None => Rflags::ZF | Rflags::PF | Rflags::CF,
    });
    let c1 = if c.flags & SF == 0 { st.fpu.status & C1 } else { 0 };
    if st.fpu.settle(c.flags | c1) {
        st.fpu.pop(POPS);
    }
    done(st, op)
}

/// FXAM.
pub(super) fn examine<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let value = fpu.regs[usize::from(fpu.top)];
    fpu.set_conditions(match fpu.st(0) {
        Some(value) => compare::examine(value),
        None => compare::empty(value),
    });
    done(st, op)
}
