//! SSE and SSE2.

use crate::op::Op;
use decode::Insn;
use paging::HardwareModel;

/// Binds an SSE or SSE2 instruction. False if it is none.
pub(crate) fn bind<H: HardwareModel>(_insn: &Insn, _op: &mut Op<H>) -> bool {
    false
}
