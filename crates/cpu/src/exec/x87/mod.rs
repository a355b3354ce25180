//! x87.
//!
//! Values are 80-bit patterns, arithmetic is integer arithmetic on their significands, so results have the same bits on
//! every host. An instruction works in this order: an exception that an earlier one left pending is raised; operands are
//! fetched; the result and its flags are computed by a pure function; memory is written; only then registers, flags and
//! TOP change. An unmasked exception of the instruction itself is flagged here and raised by the next waiting one.
//!
//! - `f80`, `source`, `round`: the number formats, operands, rounding;
//! - `arith`, `partial`, `compare`, `convert`: pure operations on them;
//! - `unit`, `image`: the registers; `mmx`: the registers as MMX sees them;
//! - `compute`, `stack`, `control`: instructions; `bind` finds them.

mod arith;
mod bind;
mod compare;
mod compute;
mod control;
mod convert;
mod f80;
mod image;
mod mmx;
mod partial;
mod round;
mod source;
mod stack;
mod unit;

pub(crate) use bind::bind;
pub(crate) use unit::Fpu;

/// Ends a waiting instruction with #MF if an earlier one left an unmasked exception.
macro_rules! wait {
    ($st:expr) => {
        if $st.fpu.pending() {
            return $st.raise(arch::Exception::X87);
        }
    };
}
pub(in crate::exec) use wait;
