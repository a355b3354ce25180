//! VCMP with its 32 predicates, and the comparisons into the flags.
//!
//! A predicate is a set of the four outcomes of a comparison, and says whether a quiet NaN raises IE; that is worked out
//! when the instruction is bound, so that one handler serves all.

use super::operand::{Source, by_scalar, by_vector};
use super::row::Lanes;
use crate::exec::sse::compare::{comi, operands};
use crate::exec::sse::float::Float;
use crate::exec::sse::fpenv::Env;
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// Outcomes, and what `op.imm` has beside them.
const LESS: u64 = 1 << 0;
const EQUAL: u64 = 1 << 1;
const GREATER: u64 = 1 << 2;
const UNORDERED: u64 = 1 << 3;
const SIGNALLING: u64 = 1 << 4;

/// Bits 3:0 of the immediate (SDM "Comparison Predicate for VCMPPD and VCMPPS Instructions"): EQ, LT, LE, UNORD, NEQ, NLT,
/// NLE, ORD, EQ_U, NGE, NGT, FALSE, NEQ_O, GE, GT, TRUE.
const OUTCOMES: [u64; 16] = [
    EQUAL,
    LESS,
    LESS | EQUAL,
    UNORDERED,
    LESS | GREATER | UNORDERED,
    EQUAL | GREATER | UNORDERED,
    GREATER | UNORDERED,
    LESS | EQUAL | GREATER,
    EQUAL | UNORDERED,
    LESS | UNORDERED,
    LESS | EQUAL | UNORDERED,
    0,
    LESS | GREATER,
    EQUAL | GREATER,
    GREATER,
    LESS | EQUAL | GREATER | UNORDERED,
];

/// The outcomes for which a predicate holds, and whether quiet NaNs are invalid: for the orderings, and with bit 4 for the
/// others instead.
fn meaning(predicate: u64) -> u64 {
    let ordering = matches!(predicate & 7, 1 | 2 | 5 | 6);
    let signalling = ordering != (predicate & 0x10 != 0);
    OUTCOMES[(predicate & 15) as usize] | if signalling { SIGNALLING } else { 0 }
}

/// All ones if the outcome is among those of `meaning`.
#[inline(always)]
fn outcome<F: Float>(a: F, b: F, meaning: u64) -> u64 {
    let less = u64::from(a < b);
    let equal = u64::from(a == b) << 1;
    let greater = u64::from(a > b) << 2;
    let is = less | equal | greater;
    let is = if is == 0 { UNORDERED } else { is };
    u64::from(is & meaning != 0).wrapping_neg() >> (64 - F::BITS)
}

/// All lanes.
fn packed<H: HardwareModel, S: Source, F: Lanes>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = F::split(get!(S::read(st, op)));
    let a = F::split(st.ymm(op.aux));
    let lanes = if S::WIDE { 2 * F::LANES } else { F::LANES };
    let mut result = F::ZEROS;
    let mut wild_lanes = 0;
    for n in 0..lanes {
        let (x, y) = (F::get(&a, n), F::get(&b, n));
        wild_lanes |= u32::from(!(F::is_tame(x) & F::is_tame(y)));
        F::set(&mut result, n, outcome(F::from_lane(x), F::from_lane(y), op.imm));
    }
    if wild_lanes != 0 {
        get!(wild::<H, F>(st, &a, &b, op.imm, lanes, &mut result));
    }
    st.set_ymm(op.dst, F::join(result));
    Flow::Next
}

/// Lane 0; the rest is the first operand's.
fn scalar<H: HardwareModel, S: Scalar, F: Lanes>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.aux & 15)];
    let (x, y) = (F::lane(a, 0), F::lane(b, 0));
    let mut result = F::ZEROS;
    F::set(&mut result, 0, outcome(F::from_lane(x), F::from_lane(y), op.imm));
    if !F::is_tame(x) || !F::is_tame(y) {
        let (mut a, mut b) = (F::ZEROS, F::ZEROS);
        F::set(&mut a, 0, x);
        F::set(&mut b, 0, y);
        get!(wild::<H, F>(st, &a, &b, op.imm, 1, &mut result));
    }
    st.set_vex_xmm(op.dst, F::with_low(a, F::get(&result, 0)));
    Flow::Next
}

/// The first lanes anew, where there are NaNs or denormals.
#[cold]
fn wild<H: HardwareModel, F: Lanes>(
    st: &mut State<H>,
    a: &F::Row,
    b: &F::Row,
    meaning: u64,
    lanes: u32,
    result: &mut F::Row,
) -> Result<(), Flow> {
    let mut env = Env::new(st.mxcsr);
    for n in 0..lanes {
        let (x, y) = operands::<F>(&mut env, F::get(a, n), F::get(b, n), meaning & SIGNALLING != 0);
        F::set(result, n, outcome(x, y, meaning));
    }
    env.commit(st)
}

/// Binds a comparison. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bound = match insn.mnemonic {
        M::Vcmpps => by_vector!(insn, op, |S| packed::<H, S, f32>),
        M::Vcmppd => by_vector!(insn, op, |S| packed::<H, S, f64>),
        M::Vcmpss => by_scalar!(insn, op, u32, |S| scalar::<H, S, f32>),
        M::Vcmpsd => by_scalar!(insn, op, u64, |S| scalar::<H, S, f64>),
        M::Vucomiss => return by_scalar!(insn, op, u32, |S| comi::<H, S, f32, false>),
        M::Vcomiss => return by_scalar!(insn, op, u32, |S| comi::<H, S, f32, true>),
        M::Vucomisd => return by_scalar!(insn, op, u64, |S| comi::<H, S, f64, false>),
        M::Vcomisd => return by_scalar!(insn, op, u64, |S| comi::<H, S, f64, true>),
        _ => return false,
    };
    op.imm = meaning(op.imm & 0x1f);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_and_its_negation_hold_for_opposite_outcomes() {
        for (one, other) in [(0, 4), (1, 5), (2, 6), (3, 7), (8, 12), (9, 13), (10, 14), (11, 15)] {
            for signalling in [0, 0x10] {
                let (x, y) = (meaning(one | signalling), meaning(other | signalling));
                assert_eq!(x ^ y, LESS | EQUAL | GREATER | UNORDERED, "{one}");
            }
        }
    }
}
