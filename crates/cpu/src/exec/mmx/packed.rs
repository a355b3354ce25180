//! Packed arithmetic, comparison and logic: the functions of the XMM forms on 64 bits.

use super::operand::{by_source, to_mm};
use crate::exec::sse::operand::Memory;
use crate::exec::sse::packed_int::operations;
use crate::op::Op;
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

/// Declares `bind` for instructions `mm, mm/m64`.
macro_rules! table {
    ($($name:ident)*) => {
        /// Binds the MMX forms of these instructions. False if it is none of them.
        pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
            let Operand::Mm(dst) = insn.ops[0] else { return false };
            op.dst = dst;
            match insn.mnemonic {
                $(Mnemonic::$name => by_source!(insn, op, Memory<u64>, |S| to_mm::<H, S, operations::$name>),)*
                _ => false,
            }
        }
    };
}

table! {
    Paddb Paddw Paddd Paddq Psubb Psubw Psubd Psubq
    Paddsb Paddsw Paddusb Paddusw Psubsb Psubsw Psubusb Psubusw
    Pmullw Pmulhw Pmulhuw Pmuludq Pmaddwd Psadbw Pavgb Pavgw
    Pminub Pmaxub Pminsw Pmaxsw
    Pcmpeqb Pcmpeqw Pcmpeqd Pcmpgtb Pcmpgtw Pcmpgtd
    Pand Pandn Por Pxor
}
