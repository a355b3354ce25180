//! Where the second operand of an integer instruction comes from, and where a result in memory goes.
//!
//! A handler does what it does with the value by [`with_source`], [`store`] and [`modify`], which leave all that takes a walk
//! or two pages to functions of their own: then it calls nothing, and saves no registers.

use crate::flags::Flags;
use crate::op::{Flow, Op, tri};
use crate::state::{RSP, State};
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
/// The top of the stack.
pub(crate) type Top = Mem<Stack>;

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
/// RSP.
pub(crate) struct Stack;

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

impl Address for Stack {
    #[inline(always)]
    fn of<H: HardwareModel>(st: &State<H>, _: &Op<H>) -> LinearAddr {
        LinearAddr(st.regs[RSP])
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

/// Ends as `then` does with the source's value, or by the fault of reading it.
#[inline(always)]
pub(crate) fn with_source<H: HardwareModel, W: Width, S: Source>(
    st: &mut State<H>,
    op: &Op<H>,
    then: impl FnOnce(&mut State<H>, &Op<H>, u64) -> Flow,
) -> Flow {
    match S::quick::<H, W>(st, op) {
        Some(value) => then(st, op, value),
        None => with_source_missed::<H, W, S>(st, op, then),
    }
}

#[cold]
#[inline(never)]
fn with_source_missed<H: HardwareModel, W: Width, S: Source>(
    st: &mut State<H>,
    op: &Op<H>,
    then: impl FnOnce(&mut State<H>, &Op<H>, u64) -> Flow,
) -> Flow {
    let value = tri!(S::get::<H, W>(st, op));
    then(st, op, value)
}

/// Stores the result of an instruction, as its last step.
#[inline(always)]
pub(crate) fn store<H: HardwareModel, W: Width>(st: &mut State<H>, la: LinearAddr, value: u64) -> Flow {
    if W::store_hit(st, la, value) { Flow::Next } else { store_missed::<H, W>(st, la, value) }
}

#[cold]
#[inline(never)]
fn store_missed<H: HardwareModel, W: Width>(st: &mut State<H>, la: LinearAddr, value: u64) -> Flow {
    tri!(W::store(st, la, value));
    st.after_store()
}

/// Replaces a value in memory, with one write access (MMU-094), as the last step of an instruction.
#[inline(always)]
pub(crate) fn modify<H: HardwareModel, W: Width>(
    st: &mut State<H>,
    la: LinearAddr,
    operand: u64,
    f: impl Fn(&mut Flags, u64, u64) -> u64,
) -> Flow {
    if W::modify_hit(st, la, |flags, old| f(flags, old, operand)) {
        return Flow::Next;
    }
    modify_missed::<H, W>(st, la, operand, f)
}

#[cold]
#[inline(never)]
fn modify_missed<H: HardwareModel, W: Width>(
    st: &mut State<H>,
    la: LinearAddr,
    operand: u64,
    f: impl Fn(&mut Flags, u64, u64) -> u64,
) -> Flow {
    let old = tri!(W::load_for_write(st, la));
    let new = f(&mut st.flags, old, operand);
    tri!(W::store(st, la, new));
    st.after_store()
}
