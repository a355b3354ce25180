//! ENTER: a stack frame, with a display of the frames of enclosing procedures (SDM "ENTER").
//!
//! ```text
//!   old RSP ->
//!              old RBP              <- new RBP
//!              level - 1 frame pointers, copied from below what RBP pointed to
//!              new RBP              (if the level is not 0)
//!              so many bytes        <- new RSP
//! ```

use crate::op::{Flow, Op, tri};
use crate::state::{RBP, RSP, State};
use crate::width::Width;
use arch::LinearAddr;
use paging::HardwareModel;

/// ENTER with an operand size of `W`: bytes in `op.imm`, nesting level in `op.aux`. RSP is of 64 bits in any case.
pub(crate) fn enter<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let bytes = W::BYTES;
    let frame = st.regs[RSP].wrapping_sub(bytes);
    let (mut from, mut to) = (st.regs[RBP], frame);
    tri!(W::store(st, LinearAddr(to), from & W::MASK));
    let level = op.aux & 31;
    for _ in 1..level {
        (from, to) = (from.wrapping_sub(bytes), to.wrapping_sub(bytes));
        let pointer = tri!(W::load(st, LinearAddr(from)));
        tri!(W::store(st, LinearAddr(to), pointer));
    }
    if level != 0 {
        to = to.wrapping_sub(bytes);
        tri!(W::store(st, LinearAddr(to), frame & W::MASK));
    }
    let end = to.wrapping_sub(op.imm);
    tri!(st.mmu.check_write(LinearAddr(end), bytes as usize));
    W::set(st, RBP as u8, frame);
    st.regs[RSP] = end;
    st.after_store()
}
