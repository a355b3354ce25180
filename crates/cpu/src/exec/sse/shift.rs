//! Packed shifts, by a register, memory or an immediate. The count is the low 64 bits of the second operand as a whole.

use super::lanes::*;
use super::operand::{Aligned, Immediate, by_source};
use super::pure::{Pure, to_xmm};
use crate::bind::to;
use crate::op::Op;
use decode::{Insn, Mnemonic, Operand};
use paging::HardwareModel;

// A value is split once: if it were twice, it would be written in halves and read whole, for which the host has to wait.
/// Defines a shift; its function takes the value and a count cut to the lane's width.
macro_rules! shifts {
    ($($name:ident, $bits:literal, $f:expr;)*) => {$(
        pub(in crate::exec) struct $name;
        impl Pure for $name {
            #[inline(always)]
            fn apply(dst: u128, src: u128, _: u64) -> u128 {
                let f: fn(u128, u32) -> u128 = $f;
                f(dst, (src as u64).min($bits) as u32)
            }
        }
    )*};
}

shifts! {
    Psllw, 16, |x, n| join_u16(split_u16(x).map(|v| v.checked_shl(n).unwrap_or(0)));
    Pslld, 32, |x, n| join_u32(split_u32(x).map(|v| v.checked_shl(n).unwrap_or(0)));
    Psllq, 64, |x, n| join_u64(split_u64(x).map(|v| v.checked_shl(n).unwrap_or(0)));
    Psrlw, 16, |x, n| join_u16(split_u16(x).map(|v| v.checked_shr(n).unwrap_or(0)));
    Psrld, 32, |x, n| join_u32(split_u32(x).map(|v| v.checked_shr(n).unwrap_or(0)));
    Psrlq, 64, |x, n| join_u64(split_u64(x).map(|v| v.checked_shr(n).unwrap_or(0)));
    Psraw, 15, |x, n| join_i16(split_i16(x).map(|v| v >> n));
    Psrad, 31, |x, n| join_i32(split_i32(x).map(|v| v >> n));
    Pslldq, 16, |x, n| x.checked_shl(8 * n).unwrap_or(0);
    Psrldq, 16, |x, n| x.checked_shr(8 * n).unwrap_or(0);
}

/// Binds the XMM forms of the packed shifts. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(dst) = insn.ops[0] else { return false };
    op.dst = dst;
    match insn.mnemonic {
        Mnemonic::Psllw => by_count::<H, Psllw>(insn, op),
        Mnemonic::Pslld => by_count::<H, Pslld>(insn, op),
        Mnemonic::Psllq => by_count::<H, Psllq>(insn, op),
        Mnemonic::Psrlw => by_count::<H, Psrlw>(insn, op),
        Mnemonic::Psrld => by_count::<H, Psrld>(insn, op),
        Mnemonic::Psrlq => by_count::<H, Psrlq>(insn, op),
        Mnemonic::Psraw => by_count::<H, Psraw>(insn, op),
        Mnemonic::Psrad => by_count::<H, Psrad>(insn, op),
        Mnemonic::Pslldq => by_count::<H, Pslldq>(insn, op),
        Mnemonic::Psrldq => by_count::<H, Psrldq>(insn, op),
        _ => false,
    }
}

fn by_count<H: HardwareModel, O: Pure>(insn: &Insn, op: &mut Op<H>) -> bool {
    if let Operand::Imm(count) = insn.ops[1] {
        op.imm = count & 0xff;
        return to(op, to_xmm::<H, Immediate, O>);
    }
    by_source!(insn, op, Aligned, |S| to_xmm::<H, S, O>)
}
