//! CMP or TEST and the Jcc after it as one operation, as processors fuse them too.
//!
//! The condition is worked out from the operands, which is cheaper than from the flags; the flags are still stored, for
//! whatever reads them later. The pair counts as two instructions, and a fault is always the first one's.

use super::alu::{Alu, Cmp, Test};
use super::operand::{Address, Mem, Source, with_source};
use crate::op::{Flow, Op, tri};
use crate::state::State;
use crate::width::Width;
use paging::HardwareModel;

/// A first half of a pair.
pub(crate) trait Compare: Alu {
    /// Condition `C` of `a` and `b`.
    fn holds<W: Width, const C: u8>(a: u64, b: u64) -> Option<bool>;
}

impl Compare for Cmp {
    #[inline(always)]
    fn holds<W: Width, const C: u8>(a: u64, b: u64) -> Option<bool> {
        let (sa, sb) = (W::sign_extend(a) as i64, W::sign_extend(b) as i64);
        let positive = match C >> 1 {
            1 => a < b,
            2 => a == b,
            3 => a <= b,
            4 => W::negative(a.wrapping_sub(b)),
            6 => sa < sb,
            7 => sa <= sb,
            _ => return None,
        };
        Some(positive ^ (C & 1 != 0))
    }
}

impl Compare for Test {
    #[inline(always)]
    fn holds<W: Width, const C: u8>(a: u64, b: u64) -> Option<bool> {
        let r = W::sign_extend(a & b) as i64;
        let positive = match C >> 1 {
            0 | 1 => false,
            2 | 3 => r == 0,
            4 | 6 => r < 0,
            7 => r <= 0,
            _ => return None,
        };
        Some(positive ^ (C & 1 != 0))
    }
}

/// `op.dst` O source, then Jcc.
pub(crate) fn reg<H: HardwareModel, O: Compare, W: Width, S: Source, const C: u8>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    with_source::<H, W, S>(st, op, |st, op, b| {
        let a = W::get(st, op.dst);
        branch::<H, O, W, C>(st, a, b)
    })
}

/// \[mem\] O source, then Jcc.
pub(crate) fn mem<H: HardwareModel, O: Compare, W: Width, S: Source, A: Address, const C: u8>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    with_source::<H, W, Mem<A>>(st, op, |st, op, a| {
        let b = tri!(S::get::<H, W>(st, op));
        branch::<H, O, W, C>(st, a, b)
    })
}

#[inline(always)]
fn branch<H: HardwareModel, O: Compare, W: Width, const C: u8>(st: &mut State<H>, a: u64, b: u64) -> Flow {
    O::apply::<W>(&mut st.flags, a, b);
    let holds = match O::holds::<W, C>(a, b) {
        Some(holds) => holds,
        None => st.flags.condition(C),
    };
    if holds { Flow::Taken } else { Flow::NotTaken }
}
