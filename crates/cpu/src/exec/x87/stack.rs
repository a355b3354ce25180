//! Instructions that move: loads, stores, constants, exchange, conditional moves, and the stack itself.

use super::convert::{BCD_INDEFINITE, Destination, Double, Int16, Int32, Int64, Single, from_bcd, to_bcd};
use super::f80::{BIAS, F80};
use super::round::{Mode, Outcome, Rounding};
use super::source::{Source, special_operand};
use super::unit::{C1, DE, Fpu, IE, SF};
use super::{done, wait};
use crate::op::{Flow, Op, tri};
use crate::state::State;
use arch::FRAME_SIZE;
use mmu::Fault;
use paging::{Detail, HardwareModel};

/// A memory format that is loaded as an operand.
pub(super) trait MemorySource: 'static {
    fn load<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Source, Fault>;
}

macro_rules! memory_source {
    ($name:ident, $t:ty, $convert:expr) => {
        impl MemorySource for $name {
            #[inline(always)]
            fn load<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Source, Fault> {
                st.load::<$t>(op).map($convert)
            }
        }
    };
}
memory_source!(Single, u32, Source::single);
memory_source!(Double, u64, Source::double);
memory_source!(Int16, u16, |n| Source::integer(i64::from(n as i16)));
memory_source!(Int32, u32, |n| Source::integer(i64::from(n as i32)));
memory_source!(Int64, u64, |n| Source::integer(n as i64));

/// Bytes of a register in memory.
const TEN: usize = 10;

/// True if ten bytes are to be moved in one access, because every access is reported. Across pages there are two, and the
/// first is done if the second faults.
fn in_one_piece<H: HardwareModel>(la: arch::LinearAddr) -> bool {
    H::DETAIL >= Detail::EveryAccess && la.page_offset() <= FRAME_SIZE - TEN as u64
}

#[inline]
fn load_ten<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<[u8; TEN], Fault> {
    let la = op.ea(st);
    let mut bytes = [0; TEN];
    if in_one_piece::<H>(la) {
        st.mmu.load_bytes(la, &mut bytes)?;
    } else {
        bytes[..8].copy_from_slice(&st.mmu.load::<u64>(la)?.to_le_bytes());
        bytes[8..].copy_from_slice(&st.mmu.load::<u16>(la.wrapping_add(8))?.to_le_bytes());
    }
    Ok(bytes)
}

#[inline]
fn store_ten<H: HardwareModel>(st: &mut State<H>, op: &Op<H>, bytes: [u8; TEN]) -> Result<(), Fault> {
    let la = op.ea(st);
    if in_one_piece::<H>(la) {
        return st.mmu.store_bytes(la, &bytes);
    }
    let F80 { sig, se } = F80::from_bytes(bytes);
    st.mmu.store(la, sig)?;
    st.mmu.store(la.wrapping_add(8), se)
}

/// FLD m32fp, m64fp; FILD. A denormal is pushed even if its exception is not masked.
pub(super) fn load<H: HardwareModel, M: MemorySource>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let src = tri!(M::load(st, op));
    let outcome = special_operand(src).unwrap_or(Outcome::exact(src.value).with(src.denormal_flag()));
    if st.fpu.st(7).is_some() || outcome.flags != DE {
        st.fpu.finish_push(outcome);
    } else {
        st.fpu.settle(DE);
        st.fpu.push(outcome.value);
    }
    done(st, op)
}

/// FLD m80fp: any bit pattern, unchanged.
pub(super) fn load_extended<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let bytes = tri!(load_ten(st, op));
    st.fpu.finish_push(Outcome::exact(F80::from_bytes(bytes)));
    done(st, op)
}

/// FBLD.
pub(super) fn load_bcd<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let bytes = tri!(load_ten(st, op));
    st.fpu.finish_push(Outcome::exact(from_bcd(bytes)));
    done(st, op)
}

/// FLD ST(i). An empty source is found before a full destination.
pub(super) fn load_register<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    match st.fpu.st(op.src) {
        Some(value) => st.fpu.finish_push(Outcome::exact(value)),
        None if st.fpu.settle(IE | SF) => st.fpu.push(F80::INDEFINITE),
        None => {}
    }
    done(st, op)
}

/// A constant: its value truncated, and whether the next number up is nearer.
struct Constant {
    value: F80,
    up: Up,
}

/// When a constant is the next number above the truncated one.
#[derive(PartialEq, Eq)]
enum Up {
    Never,
    InUpMode,
    InUpAndNearestMode,
}

const fn constant(exp: i32, sig: u64, up: Up) -> Constant {
    Constant { value: F80::new(false, (BIAS + exp) as u16, sig), up }
}

/// FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ, in the order of their encodings.
static CONSTANTS: [Constant; 7] = [
    Constant { value: F80::ONE, up: Up::Never },
    constant(1, 0xd49a_784b_cd1b_8afe, Up::InUpMode),
    constant(0, 0xb8aa_3b29_5c17_f0bb, Up::InUpAndNearestMode),
    constant(1, 0xc90f_daa2_2168_c234, Up::InUpAndNearestMode),
    constant(-2, 0x9a20_9a84_fbcf_f798, Up::InUpAndNearestMode),
    constant(-1, 0xb172_17f7_d1cf_79ab, Up::InUpAndNearestMode),
    Constant { value: F80::ZERO, up: Up::Never },
];

/// FLD1 to FLDZ; `op.aux` says which.
pub(super) fn load_constant<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let Constant { value, up } = &CONSTANTS[usize::from(op.aux)];
    let next = match st.fpu.rounding().mode {
        Mode::Up => *up != Up::Never,
        Mode::Nearest => *up == Up::InUpAndNearestMode,
        Mode::Down | Mode::Zero => false,
    };
    st.fpu.finish_push(Outcome::exact(F80 { sig: value.sig + u64::from(next), ..*value }));
    done(st, op)
}

/// FST, FSTP, FIST, FISTP to memory. An unmasked exception leaves memory, and the stack, as they are.
pub(super) fn store<H: HardwareModel, D: Destination, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let r = st.fpu.rounding();
    store_rounded::<H, D>(st, op, r, POPS)
}

/// FISTTP: truncates, whatever the rounding control says.
pub(super) fn store_truncated<H: HardwareModel, D: Destination>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let r = Rounding { mode: Mode::Zero, ..st.fpu.rounding() };
    store_rounded::<H, D>(st, op, r, 1)
}

#[inline(always)]
fn store_rounded<H: HardwareModel, D: Destination>(st: &mut State<H>, op: &Op<H>, r: Rounding, pops: u8) -> Flow {
    let (bits, flags) = st.fpu.st(0).map_or((D::INDEFINITE, IE | SF), |value| D::convert(value, r));
    if flags & r.unmasked & D::PREVENTING != 0 {
        st.fpu.settle(flags & (D::PREVENTING | SF));
        return done(st, op);
    }
    tri!(st.store(op, bits));
    st.fpu.settle(flags);
    st.fpu.pop(pops);
    done(st, op);
    st.after_store()
}

/// FSTP m80fp.
pub(super) fn store_extended<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let outcome = st.fpu.st(0).map_or(Outcome::STACK_UNDERFLOW, Outcome::exact);
    store_ten_and_pop(st, op, outcome.value.to_bytes(), outcome.flags)
}

/// FBSTP.
pub(super) fn store_bcd<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let r = st.fpu.rounding();
    let (bytes, flags) = st.fpu.st(0).map_or((BCD_INDEFINITE, IE | SF), |value| to_bcd(value, r));
    store_ten_and_pop(st, op, bytes, flags)
}

fn store_ten_and_pop<H: HardwareModel>(st: &mut State<H>, op: &Op<H>, bytes: [u8; TEN], flags: u16) -> Flow {
    if flags & st.fpu.rounding().unmasked & IE == 0 {
        tri!(store_ten(st, op, bytes));
        st.fpu.pop(1);
    }
    st.fpu.settle(flags);
    done(st, op);
    st.after_store()
}

/// FST ST(i), FSTP ST(i).
pub(super) fn store_register<H: HardwareModel, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let outcome = st.fpu.st(0).map_or(Outcome::STACK_UNDERFLOW, Outcome::exact);
    st.fpu.finish(op.dst, outcome, POPS);
    done(st, op)
}

/// FSTPNCE ST(i), an encoding that nobody documents: an empty register is popped and raises nothing.
pub(super) fn store_register_or_pop<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    if let Some(value) = st.fpu.st(0) {
        st.fpu.set_st(op.dst, value);
    }
    st.fpu.settle(0);
    st.fpu.pop(1);
    done(st, op)
}

/// FXCH.
pub(super) fn exchange<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu = &mut st.fpu;
    let (a, b) = (fpu.st(0), fpu.st(op.src));
    let flags = if a.is_none() || b.is_none() { IE | SF } else { 0 };
    if fpu.settle(flags) {
        fpu.set_st(0, b.unwrap_or(F80::INDEFINITE));
        fpu.set_st(op.src, a.unwrap_or(F80::INDEFINITE));
    }
    done(st, op)
}

/// FCMOVcc; `op.aux` is the condition as in CMOVcc. C1 stays as it is unless the stack underflows.
pub(super) fn conditional_move<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let moves = st.flags.condition(op.aux);
    let fpu = &mut st.fpu;
    match (fpu.st(0), fpu.st(op.src)) {
        (Some(_), Some(b)) if moves => fpu.set_st(0, b),
        (Some(_), Some(_)) => {}
        _ => fpu.finish(0, Outcome::STACK_UNDERFLOW, 0),
    }
    done(st, op)
}

/// FFREE (and FFREEP, which pops).
pub(super) fn free<H: HardwareModel, const POPS: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    st.fpu.status &= !C1;
    st.fpu.free(op.dst);
    st.fpu.pop(POPS);
    done(st, op)
}

/// FINCSTP and FDECSTP, by 1 and 7.
pub(super) fn rotate<H: HardwareModel, const BY: u8>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let fpu: &mut Fpu = &mut st.fpu;
    fpu.top = fpu.physical(BY);
    fpu.status &= !C1;
    done(st, op)
}
