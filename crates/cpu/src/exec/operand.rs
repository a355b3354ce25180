//! Where the second operand of an integer instruction comes from.

use crate::op::Op;
use crate::state::State;
use crate::width::Width;
use mmu::Fault;
use paging::HardwareModel;

/// A source operand.
pub(crate) trait Source: 'static {
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault>;
}

/// Register `op.src`.
pub(crate) struct R;
/// The memory operand.
pub(crate) struct M;
/// The immediate.
pub(crate) struct I;

impl Source for R {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        Ok(W::get(st, op.src))
    }
}

impl Source for M {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        let la = op.ea(st);
        W::load(st, la)
    }
}

impl Source for I {
    #[inline(always)]
    fn get<H: HardwareModel, W: Width>(_: &mut State<H>, op: &Op<H>) -> Result<u64, Fault> {
        Ok(op.imm)
    }
}
