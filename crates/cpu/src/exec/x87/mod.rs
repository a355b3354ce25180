//! x87.

mod f80;
mod image;
mod unit;

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;
pub(crate) use unit::Fpu;

/// Binds an x87 instruction. False if it is none.
pub(crate) fn bind<H: HardwareModel>(_insn: &Insn, _op: &mut Op<H>) -> bool {
    false
}
