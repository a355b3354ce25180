//! Instructions whose result depends on their operands alone: no flags, no exceptions of their own.
//!
//! An operation is a type that implements [`Pure`]; [`pure_table!`] makes the types and the choice by mnemonic from one
//! line for each instruction.

use super::operand::{Source, with_source};
use crate::op::{Flow, Op};
use crate::state::State;
use paging::HardwareModel;

/// A function of the destination's old value, the source and the immediate.
pub(in crate::exec) trait Pure: 'static {
    fn apply(dst: u128, src: u128, imm: u64) -> u128;
}

/// To an XMM register.
pub(super) fn to_xmm<H: HardwareModel, S: Source, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, S>(st, op, |st, op, src| {
        let dst = &mut st.xmm[usize::from(op.dst & 15)];
        *dst = O::apply(*dst, src, op.imm);
        Flow::Next
    })
}

/// From an XMM register to a general register, zero-extended to 64 bits.
pub(in crate::exec) fn to_general<H: HardwareModel, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let src = st.xmm[usize::from(op.src & 15)];
    st.set_reg(op.dst, O::apply(0, src, op.imm) as u64);
    Flow::Next
}

/// Declares operations that are bound by hand: name, function.
macro_rules! pure_operations {
    ($($name:ident, $f:expr;)*) => {$(
        pub(in crate::exec) struct $name;
        impl crate::exec::sse::pure::Pure for $name {
            #[inline(always)]
            fn apply(dst: u128, src: u128, imm: u64) -> u128 {
                let f: fn(u128, u128, u64) -> u128 = $f;
                f(dst, src, imm)
            }
        }
    )*};
}
pub(in crate::exec) use pure_operations;

/// Declares instructions `xmm, xmm/mem[, imm8]`: mnemonic, kind of memory operand, function; and `bind` for them.
macro_rules! pure_table {
    ($($name:ident, $memory:ty, $f:expr;)*) => {
        /// The functions of these instructions.
        pub(in crate::exec) mod operations {
            $(pub(in crate::exec) struct $name;)*
        }

        $(impl crate::exec::sse::pure::Pure for operations::$name {
            #[inline(always)]
            fn apply(dst: u128, src: u128, imm: u64) -> u128 {
                let f: fn(u128, u128, u64) -> u128 = $f;
                f(dst, src, imm)
            }
        })*

        /// Binds the XMM forms of these instructions. False if it is none of them.
        pub(super) fn bind<H: paging::HardwareModel>(insn: &decode::Insn, op: &mut crate::op::Op<H>) -> bool {
            let decode::Operand::Xmm(dst) = insn.ops[0] else { return false };
            op.dst = dst;
            if let decode::Operand::Imm(imm) = insn.ops[2] {
                op.imm = imm & 0xff;
            }
            match insn.mnemonic {
                $(decode::Mnemonic::$name => crate::exec::sse::operand::by_source!(
                    insn, op, $memory, |S| crate::exec::sse::pure::to_xmm::<H, S, operations::$name>
                ),)*
                _ => false,
            }
        }
    };
}
pub(super) use pure_table;
