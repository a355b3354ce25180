//! Comparisons: CMP with a predicate, and (U)COMI into the flags.
//!
//! Comparing depends on no rounding. If neither operand is a NaN or denormal it raises nothing, and the host compares.

use super::float::Float;
use super::fpenv::{DE, Env, IE};
use super::operand::{Aligned, Memory, Source, by_source, get};
use crate::bind::to;
use crate::op::{Flow, Op};
use crate::state::State;
use crate::width::W64;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;
use std::cmp::Ordering;

/// Predicates of CMP, bits 1:0 of the immediate; bit 2 negates.
const EQUAL: u8 = 0;
const LESS: u8 = 1;
const LESS_OR_EQUAL: u8 = 2;
const NEGATED: u8 = 4;

/// True if a quiet NaN raises IE as well: LT, LE and their negations.
const fn is_ordering(predicate: u8) -> bool {
    matches!(predicate & 3, LESS | LESS_OR_EQUAL)
}

#[inline(always)]
fn holds<F: Float, const PREDICATE: u8>(a: F, b: F) -> bool {
    let positive = match PREDICATE & 3 {
        EQUAL => a == b,
        LESS => a < b,
        LESS_OR_EQUAL => a <= b,
        _ => a.partial_cmp(&b).is_none(),
    };
    positive != (PREDICATE & NEGATED != 0)
}

/// CMP of the first `LANES` lanes: all ones where the predicate holds.
fn cmp<H: HardwareModel, S: Source, F: Float, const LANES: u32, const PREDICATE: u8>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let src = get!(S::read(st, op));
    let dst = st.xmm[usize::from(op.dst & 15)];
    let mut result = dst;
    let mut tame = true;
    for n in 0..LANES {
        let (a, b) = (F::lane(dst, n), F::lane(src, n));
        tame &= F::is_tame(a) && F::is_tame(b);
        result = F::with_lane(result, n, ones::<F>(holds::<F, PREDICATE>(F::from_lane(a), F::from_lane(b))));
    }
    if !tame {
        result = get!(wild_cmp::<H, F, PREDICATE>(st, dst, src, LANES));
    }
    st.xmm[usize::from(op.dst & 15)] = result;
    Flow::Next
}

#[inline(always)]
fn ones<F: Float>(set: bool) -> u64 {
    u64::from(set).wrapping_neg() >> (64 - F::BITS)
}

#[cold]
fn wild_cmp<H: HardwareModel, F: Float, const PREDICATE: u8>(
    st: &mut State<H>,
    dst: u128,
    src: u128,
    lanes: u32,
) -> Result<u128, Flow> {
    let mut env = Env::new(st.mxcsr);
    let mut result = dst;
    for n in 0..lanes {
        let (a, b) = operands::<F>(&mut env, F::lane(dst, n), F::lane(src, n), is_ordering(PREDICATE));
        result = F::with_lane(result, n, ones::<F>(holds::<F, PREDICATE>(a, b)));
    }
    env.commit(st)?;
    Ok(result)
}

/// The operands of a comparison, and the exceptions that they raise.
pub(in crate::exec) fn operands<F: Float>(env: &mut Env, a: u64, b: u64, any_nan_is_invalid: bool) -> (F, F) {
    let (a, b) = (env.operand::<F>(a), env.operand::<F>(b));
    let invalid = |x| F::is_nan(x) && (any_nan_is_invalid || F::is_signalling(x));
    if invalid(a) || invalid(b) {
        env.raise(IE);
    } else if !F::is_nan(a) && !F::is_nan(b) && (F::is_denormal(a) || F::is_denormal(b)) {
        env.raise(DE);
    }
    (F::from_lane(a), F::from_lane(b))
}

/// UCOMI, and COMI if `ORDERED`: ZF, PF and CF by lane 0; OF, SF and AF are cleared.
pub(in crate::exec) fn comi<H: HardwareModel, S: Source, F: Float, const ORDERED: bool>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let b = F::lane(get!(S::read(st, op)), 0);
    let a = F::lane(st.xmm[usize::from(op.dst & 15)], 0);
    if !F::is_tame(a) || !F::is_tame(b) {
        return wild_comi::<H, F>(st, a, b, ORDERED);
    }
    let (a, b) = (F::from_lane(a), F::from_lane(b));
    st.flags.set_szp::<W64>(1);
    st.flags.set_zf(a == b);
    st.flags.set_cf_of(a < b, false);
    Flow::Next
}

#[cold]
fn wild_comi<H: HardwareModel, F: Float>(st: &mut State<H>, a: u64, b: u64, any_nan_is_invalid: bool) -> Flow {
    let mut env = Env::new(st.mxcsr);
    let (a, b) = operands::<F>(&mut env, a, b, any_nan_is_invalid);
    get!(env.commit(st));
    let order = a.partial_cmp(&b);
    // A result of 0 has even parity, 1 has not.
    st.flags.set_szp::<W64>(u64::from(order.is_some()));
    st.flags.set_zf(matches!(order, None | Some(Ordering::Equal)));
    st.flags.set_cf_of(matches!(order, None | Some(Ordering::Less)), false);
    Flow::Next
}

/// Binds a comparison. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        M::Ucomiss => by_source!(insn, op, Memory<u32>, |S| comi::<H, S, f32, false>),
        M::Comiss => by_source!(insn, op, Memory<u32>, |S| comi::<H, S, f32, true>),
        M::Ucomisd => by_source!(insn, op, Memory<u64>, |S| comi::<H, S, f64, false>),
        M::Comisd => by_source!(insn, op, Memory<u64>, |S| comi::<H, S, f64, true>),
        M::Cmpps => by_predicate::<H, Aligned, f32, 4>(insn, op),
        M::Cmpss => by_predicate::<H, Memory<u32>, f32, 1>(insn, op),
        M::Cmppd => by_predicate::<H, Aligned, f64, 2>(insn, op),
        M::Cmpsd => by_predicate::<H, Memory<u64>, f64, 1>(insn, op),
        _ => false,
    }
}

fn by_predicate<H: HardwareModel, S: Source, F: Float, const LANES: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Imm(predicate) = insn.ops[2] else { return false };
    match insn.ops[1] {
        Operand::Xmm(src) => {
            op.src = src;
            with_predicate::<H, super::operand::Register, F, LANES>(predicate as u8, op)
        }
        Operand::Mem(_) => with_predicate::<H, S, F, LANES>(predicate as u8, op),
        _ => false,
    }
}

fn with_predicate<H: HardwareModel, S: Source, F: Float, const LANES: u32>(predicate: u8, op: &mut Op<H>) -> bool {
    match predicate & 7 {
        0 => to(op, cmp::<H, S, F, LANES, 0>),
        1 => to(op, cmp::<H, S, F, LANES, 1>),
        2 => to(op, cmp::<H, S, F, LANES, 2>),
        3 => to(op, cmp::<H, S, F, LANES, 3>),
        4 => to(op, cmp::<H, S, F, LANES, 4>),
        5 => to(op, cmp::<H, S, F, LANES, 5>),
        6 => to(op, cmp::<H, S, F, LANES, 6>),
        _ => to(op, cmp::<H, S, F, LANES, 7>),
    }
}
