//! Where the second operand of an integer instruction comes from.

use crate::op::Op;
use crate::state::State;
use crate::width::Width;
use arch::LinearAddr;
use mmu::Fault;
use paging::HardwareModel;
use std::marker::PhantomData;

/// A source operand.
pub(crate) trait Source: 'static {
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault>;

    /// As `get`, if that takes neither a walk nor two pages. A handler that leaves all else to another function saves no
    /// registers.
    fn quick<H: HardwareModel, W: Width>(st: &State<H>, op: &Op<H>) -> Option<u64>;
}

/// Register `op.src`.
pub(crate) struct R;
/// The memory operand, its address worked out by `A`.
pub(crate) struct Mem<A>(PhantomData<A>);
/// The memory operand of any form.
pub(crate) type M = Mem<Full>;
/// The memory operand of the form base + displacement.
pub(crate) type B = Mem<Base>;
/// The immediate.
pub(crate) struct I;

impl Source for R {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        Ok(W::get(st, op.src))
    }

    #[inline(always)]
    fn quick<H: HardwareModel, W: Width>(st: &State<H>, op: &Op<H>) -> Option<u64> {
        Some(W::get(st, op.src))
    }
}

/// How an address is worked out. Most have no index and a flat segment, and are worth a function of their own.
pub(crate) trait Address: 'static {
    fn of<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> LinearAddr;
}

/// Segment + base + index * scale + displacement.
pub(crate) struct Full;
/// Base + displacement.
pub(crate) struct Base;

impl Address for Full {
    #[inline(always)]
    fn of<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> LinearAddr {
        op.ea(st)
    }
}

impl Address for Base {
    #[inline(always)]
    fn of<H: HardwareModel>(st: &State<H>, op: &Op<H>) -> LinearAddr {
        LinearAddr(st.reg(op.base).wrapping_add(op.disp))
    }
}

impl<A: Address> Source for Mem<A> {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        let la = A::of(st, op);
        W::load(st, la)
    }

    #[inline(always)]
    fn quick<H: HardwareModel, W: Width>(st: &State<H>, op: &Op<H>) -> Option<u64> {
        W::load_hit(st, A::of(st, op))
    }
}

impl Source for I {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(_: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        Ok(op.imm)
    }

    #[inline(always)]
    fn quick<H: HardwareModel, W: Width>(_: &State<H>, op: &Op<H>) -> Option<u64> {
        Some(op.imm)
    }
}
