//! From vectors to flags, general registers and the upper halves: VPTEST, VTESTPS, VTESTPD; VMOVMSKPS, VMOVMSKPD, VPMOVMSKB;
//! VZEROUPPER, VZEROALL; VLDMXCSR, VSTMXCSR.

use super::operand::{Halves, Source, Xmm, Ymm, by_vector, number};
use crate::bind::to;
use crate::exec::sse::moves::{SignsOfBytes, SignsOfDoubles, SignsOfSingles};
use crate::exec::sse::operand::get;
use crate::exec::sse::pure::Pure;
use crate::exec::sse::state_ops::{ldmxcsr, stmxcsr};
use crate::op::{Flow, Op};
use crate::state::State;
use crate::width::W64;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// All bits: VPTEST.
const ALL: u128 = u128::MAX;
/// The signs of single precision: VTESTPS.
const SIGNS_OF_SINGLES: u128 = 0x8000_0000_8000_0000_8000_0000_8000_0000;
/// The signs of double precision: VTESTPD.
const SIGNS_OF_DOUBLES: u128 = 0x8000_0000_0000_0000_8000_0000_0000_0000;

/// ZF if no bit of the mask is set in both operands, CF if none is set in the second alone; the other flags are cleared.
fn test<H: HardwareModel, S: Source, const MASK: u128>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a: Halves = if S::WIDE { st.ymm(op.dst) } else { [st.xmm[usize::from(op.dst & 15)], 0] };
    let both = (a[0] & b[0] | a[1] & b[1]) & MASK;
    let second_alone = (!a[0] & b[0] | !a[1] & b[1]) & MASK;
    // A result of 1 is not negative and has odd parity.
    st.flags.set_szp::<W64>(1);
    st.flags.set_zf(both == 0);
    st.flags.set_cf_of(second_alone == 0, false);
    Flow::Next
}

/// The signs of `LANES` lanes in each half, to a general register.
fn signs<H: HardwareModel, S: Source, O: Pure, const LANES: u32>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let x = get!(S::read(st, op));
    let high = if S::WIDE { O::apply(0, x[1], 0) << LANES } else { 0 };
    st.set_reg(op.dst, (O::apply(0, x[0], 0) | high) as u64);
    Flow::Next
}

fn zero_upper<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.ymm_high = [0; 16];
    Flow::Next
}

fn zero_all<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.xmm = [0; 16];
    st.ymm_high = [0; 16];
    Flow::Next
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vptest => by_vector!(insn, op, |S| test::<H, S, ALL>),
        M::Vtestps => by_vector!(insn, op, |S| test::<H, S, SIGNS_OF_SINGLES>),
        M::Vtestpd => by_vector!(insn, op, |S| test::<H, S, SIGNS_OF_DOUBLES>),
        M::Vmovmskps => by_register::<H, SignsOfSingles, 4>(insn, op),
        M::Vmovmskpd => by_register::<H, SignsOfDoubles, 2>(insn, op),
        M::Vpmovmskb => by_register::<H, SignsOfBytes, 16>(insn, op),
        M::Vzeroupper => to(op, zero_upper::<H>),
        M::Vzeroall => to(op, zero_all::<H>),
        M::Vldmxcsr => to(op, ldmxcsr::<H>),
        M::Vstmxcsr => to(op, stmxcsr::<H>),
        _ => false,
    }
}

fn by_register<H: HardwareModel, O: Pure, const LANES: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    (op.dst, op.src) = (number(&insn.ops[0]), number(&insn.ops[1]));
    match insn.ops[1] {
        Operand::Ymm(_) => to(op, signs::<H, Ymm, O, LANES>),
        _ => to(op, signs::<H, Xmm, O, LANES>),
    }
}
