//! Integer arithmetic and logic with two operands, and the one-operand forms INC, DEC, NEG, NOT.

use super::operand::{Address, Mem, Source, modify, with_source};
use crate::flags::Flags;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use crate::width::Width;
use paging::HardwareModel;

/// An operation on a destination `a` and a source `b`.
pub(crate) trait Alu: 'static {
    /// False for CMP and TEST, which only set flags.
    const WRITES: bool = true;
    fn apply<W: Width>(flags: &mut Flags, a: u64, b: u64) -> u64;
}

macro_rules! alu {
    ($($(#[$writes:ident])? $name:ident |$flags:ident, $a:ident, $b:ident| $body:block)*) => {$(
        pub(crate) struct $name;
        impl Alu for $name {
            $(const WRITES: bool = { const $writes: bool = false; $writes };)?
            #[inline(always)]
            fn apply<W: Width>($flags: &mut Flags, $a: u64, $b: u64) -> u64 $body
        }
    )*};
}

alu! {
    Add |f, a, b| {
        let r = a.wrapping_add(b) & W::MASK;
        f.add::<W>(a, b, r);
        r
    }
    Adc |f, a, b| {
        let r = a.wrapping_add(b).wrapping_add(u64::from(f.cf())) & W::MASK;
        f.add::<W>(a, b, r);
        r
    }
    Sub |f, a, b| {
        let r = a.wrapping_sub(b) & W::MASK;
        f.sub::<W>(a, b, r);
        r
    }
    Sbb |f, a, b| {
        let r = a.wrapping_sub(b).wrapping_sub(u64::from(f.cf())) & W::MASK;
        f.sub::<W>(a, b, r);
        r
    }
    And |f, a, b| {
        f.logic::<W>(a & b);
        a & b
    }
    Or |f, a, b| {
        f.logic::<W>(a | b);
        a | b
    }
    Xor |f, a, b| {
        f.logic::<W>(a ^ b);
        a ^ b
    }
    #[FLAGS_ONLY] Cmp |f, a, b| {
        f.sub::<W>(a, b, a.wrapping_sub(b) & W::MASK);
        a
    }
    #[FLAGS_ONLY] Test |f, a, b| {
        f.logic::<W>(a & b);
        a
    }
}

/// reg = reg O source.
pub(crate) fn reg<H: HardwareModel, O: Alu, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W, S>(st, op, |st, op, b| {
        let a = W::get(st, op.dst);
        let r = O::apply::<W>(&mut st.flags, a, b);
        if O::WRITES {
            W::set(st, op.dst, r);
        }
        Flow::Next
    })
}

/// As [`reg`], where nothing reads the flags before they are written again.
pub(crate) fn quiet_reg<H: HardwareModel, O: Alu, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = tri!(S::get::<H, W>(st, op));
    let a = W::get(st, op.dst);
    let r = O::apply::<W>(&mut Flags::default(), a, b);
    W::set(st, op.dst, r);
    Flow::Next
}

/// \[mem\] = \[mem\] O source, a register or an immediate; one write access (MMU-094).
pub(crate) fn mem<H: HardwareModel, O: Alu, W: Width, S: Source, A: Address>(st: &mut State<H>, op: &Op<H>) -> Flow {
    if !O::WRITES {
        return compare_mem::<H, O, W, S, A>(st, op);
    }
    let b = tri!(S::get::<H, W>(st, op));
    modify::<H, W>(st, A::of(st, op), b, O::apply::<W>)
}

/// CMP and TEST only read (MMU-095).
#[inline(always)]
fn compare_mem<H: HardwareModel, O: Alu, W: Width, S: Source, A: Address>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W, Mem<A>>(st, op, |st, op, a| {
        let b = tri!(S::get::<H, W>(st, op));
        O::apply::<W>(&mut st.flags, a, b);
        Flow::Next
    })
}

/// XOR or SUB of a register with itself: zero.
pub(crate) fn zero<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    W::set(st, op.dst, 0);
    st.flags.logic::<W>(0);
    Flow::Next
}

/// An operation on one operand.
pub(crate) trait Unary: 'static {
    fn apply<W: Width>(flags: &mut Flags, a: u64) -> u64;
}

pub(crate) struct Inc;
pub(crate) struct Dec;
pub(crate) struct Neg;
pub(crate) struct Not;

impl Unary for Inc {
    #[inline(always)]
    fn apply<W: Width>(flags: &mut Flags, a: u64) -> u64 {
        let r = a.wrapping_add(1) & W::MASK;
        flags.inc::<W>(a, r);
        r
    }
}

impl Unary for Dec {
    #[inline(always)]
    fn apply<W: Width>(flags: &mut Flags, a: u64) -> u64 {
        let r = a.wrapping_sub(1) & W::MASK;
        flags.dec::<W>(a, r);
        r
    }
}

impl Unary for Neg {
    #[inline(always)]
    fn apply<W: Width>(flags: &mut Flags, a: u64) -> u64 {
        Sub::apply::<W>(flags, 0, a)
    }
}

impl Unary for Not {
    #[inline(always)]
    fn apply<W: Width>(_: &mut Flags, a: u64) -> u64 {
        !a & W::MASK
    }
}

pub(crate) fn unary_reg<H: HardwareModel, O: Unary, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = W::get(st, op.dst);
    let r = O::apply::<W>(&mut st.flags, a);
    W::set(st, op.dst, r);
    Flow::Next
}

/// As [`unary_reg`], where nothing reads the flags before they are written again.
pub(crate) fn quiet_unary_reg<H: HardwareModel, O: Unary, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let a = W::get(st, op.dst);
    let r = O::apply::<W>(&mut Flags::default(), a);
    W::set(st, op.dst, r);
    Flow::Next
}

pub(crate) fn unary_mem<H: HardwareModel, O: Unary, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    modify::<H, W>(st, op.ea(st), 0, |flags, a, _| O::apply::<W>(flags, a))
}
