//! Bit tests and scans.
//!
//! Of the flags that the manual leaves undefined, Intel's processors keep those of a bit test, and clear those of a scan
//! but PF, which is that of the destination's new value.

use super::operand::Source;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use crate::width::Width;
use arch::LinearAddr;
use paging::HardwareModel;

/// What a bit test does with the bit.
pub(crate) trait BitOp: 'static {
    const WRITES: bool = true;
    fn apply(value: u64, bit: u64) -> u64;
}

pub(crate) struct Bt;
pub(crate) struct Bts;
pub(crate) struct Btr;
pub(crate) struct Btc;

impl BitOp for Bt {
    const WRITES: bool = false;
    fn apply(value: u64, _: u64) -> u64 {
        value
    }
}
impl BitOp for Bts {
    fn apply(value: u64, bit: u64) -> u64 {
        value | bit
    }
}
impl BitOp for Btr {
    fn apply(value: u64, bit: u64) -> u64 {
        value & !bit
    }
}
impl BitOp for Btc {
    fn apply(value: u64, bit: u64) -> u64 {
        value ^ bit
    }
}

/// The bit offset is taken modulo the width; only CF changes.
pub(crate) fn reg<H: HardwareModel, O: BitOp, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let n = tri!(S::get::<H, W>(st, op)) & u64::from(W::BITS - 1);
    let a = W::get(st, op.dst);
    if O::WRITES {
        W::set(st, op.dst, O::apply(a, 1 << n));
    }
    st.flags.set_cf(a >> n & 1 != 0);
    Flow::Next
}

/// With the offset in a register the operand is a bit string: the offset, signed, reaches beyond the addressed word.
pub(crate) fn mem_string<H: HardwareModel, O: BitOp, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let offset = W::sign_extend(W::get(st, op.src)) as i64;
    let words = offset >> W::BITS.trailing_zeros();
    let la = op.ea_plus(st, (words as u64).wrapping_mul(W::BYTES));
    at::<H, O, W>(st, la, offset as u64)
}

pub(crate) fn mem_imm<H: HardwareModel, O: BitOp, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    at::<H, O, W>(st, la, op.imm)
}

fn at<H: HardwareModel, O: BitOp, W: Width>(st: &mut State<H>, la: LinearAddr, n: u64) -> Flow {
    let n = n & u64::from(W::BITS - 1);
    if !O::WRITES {
        let a = tri!(W::load(st, la));
        st.flags.set_cf(a >> n & 1 != 0);
        return Flow::Next;
    }
    let a = tri!(W::load_for_write(st, la));
    tri!(W::store(st, la, O::apply(a, 1 << n)));
    st.flags.set_cf(a >> n & 1 != 0);
    st.after_store()
}

/// BSF: the destination stays as it is if the source is 0.
pub(crate) fn bsf<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = tri!(S::get::<H, W>(st, op));
    found::<H, W>(st, op, (a != 0).then(|| a.trailing_zeros()))
}

/// BSR: as BSF.
pub(crate) fn bsr<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = tri!(S::get::<H, W>(st, op));
    found::<H, W>(st, op, (a != 0).then(|| 63 - a.leading_zeros()))
}

#[inline(always)]
fn found<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>, bit: Option<u32>) -> Flow {
    let n = bit.map_or(0, u64::from);
    if bit.is_some() {
        W::set(st, op.dst, n);
    }
    st.flags.logic::<W>(n);
    st.flags.set_zf(bit.is_none());
    Flow::Next
}
