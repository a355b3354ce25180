//! x87.
//!
//! Values are 80-bit patterns, arithmetic is integer arithmetic on their significands, so results have the same bits on
//! every host. An instruction works in this order: an exception that an earlier one left pending is raised; operands are
//! fetched; the result and its flags are computed by a pure function; memory is written; only then registers, flags and
//! TOP change. An unmasked exception of the instruction itself is flagged here and raised by the next waiting one.
//!
//! - `f80`, `source`, `round`: the number formats, operands, rounding;
//! - `arith`, `partial`, `compare`, `convert`: pure operations on them;
//! - `wide`, `elementary`, `transcendental`: functions that are not exact;
//! - `unit`, `image`: the registers; `mmx`: the registers as MMX sees them;
//! - `compute`, `functions`, `stack`, `control`: instructions; `block`: their large operands; `bind` finds them.

mod arith;
mod bind;
pub(in crate::exec) mod block;
mod compare;
mod compute;
mod control;
mod convert;
mod elementary;
mod f80;
mod functions;
mod image;
mod mmx;
mod partial;
mod round;
mod source;
mod stack;
mod transcendental;
mod unit;
mod wide;

pub(crate) use bind::bind;
pub(crate) use unit::Fpu;

use crate::op::{Flow, Op};
use crate::state::{PAGE, State};
use paging::HardwareModel;

/// Ends a waiting instruction with #MF if an earlier one left an unmasked exception.
macro_rules! wait {
    ($st:expr) => {
        if $st.fpu.pending() {
            return $st.raise(arch::Exception::X87);
        }
    };
}
pub(in crate::exec) use wait;

/// Ends a handler of an instruction that is not one of control: the unit remembers it.
#[inline(always)]
fn done<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.fpu.last.ip = st.regs[usize::from(PAGE)].wrapping_add(u64::from(op.offset));
    if st.fpu.pending() {
        remember_exception(st, op);
    }
    Flow::Next
}

/// Notes opcode and operand of an instruction that left an unmasked exception. `op.imm` is the opcode, of which the
/// ModR/M byte says whether there is an operand in memory.
#[cold]
fn remember_exception<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) {
    st.fpu.last.opcode = op.imm as u16;
    if op.imm & 0xff < 0xc0 {
        st.fpu.last.data = op.offset_in_segment(st);
    }
}
