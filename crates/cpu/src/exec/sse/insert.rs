//! Single lanes in and out: PINSRx, PEXTRx, INSERTPS, EXTRACTPS of SSE4.1, and its streaming load.

use super::lanes::*;
use super::operand::{Aligned, General, Memory, Register};
use super::pure::{Pure, pure_operations, to_general, to_xmm};
use crate::bind::to;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use decode::{Code as C, Insn, Operand};
use mmu::Primitive;
use paging::HardwareModel;

pure_operations! {
    Whole, |_, b, _| b;
    InsertByte, |a, b, imm| insert(a, b, 8, imm & 15);
    InsertDoubleword, |a, b, imm| insert(a, b, 32, imm & 3);
    InsertQuadword, |a, b, imm| insert(a, b, 64, imm & 1);
    InsertSingle, |a, b, imm| insert_single(a, b, imm);
    ExtractByte, |_, b, imm| b >> (8 * (imm & 15)) & 0xff;
    ExtractWord, |_, b, imm| b >> (16 * (imm & 7)) & 0xffff;
    ExtractDoubleword, |_, b, imm| b >> (32 * (imm & 3)) & 0xffff_ffff;
    ExtractQuadword, |_, b, imm| b >> (64 * (imm & 1)) & u128::from(u64::MAX);
}

/// `x` with lane `n` of `bits` bits replaced by the low bits of `value`.
#[inline(always)]
fn insert(x: u128, value: u128, bits: u32, n: u64) -> u128 {
    let shift = bits * n as u32;
    let lane = u128::MAX >> (128 - bits);
    x & !(lane << shift) | (value & lane) << shift
}

/// INSERTPS: lane 7:6 of `b` goes to lane 5:4 of `a`; then the lanes in 3:0 are cleared.
pub(in crate::exec) fn insert_single(a: u128, b: u128, imm: u64) -> u128 {
    let mut lanes = split_u32(a);
    lanes[(imm >> 4 & 3) as usize] = split_u32(b)[(imm >> 6 & 3) as usize];
    join_u32(std::array::from_fn(|i| if imm >> i & 1 != 0 { 0 } else { lanes[i] }))
}

/// What a lane is cut to in memory.
pub(in crate::exec) trait Low: Primitive + 'static {
    fn of(x: u128) -> Self;
}

macro_rules! low {
    ($($t:ty)*) => {$(
        impl Low for $t {
            #[inline(always)]
            fn of(x: u128) -> Self {
                x as Self
            }
        }
    )*};
}
low!(u8 u16 u32 u64);

/// Stores the lane that `O` extracts.
pub(in crate::exec) fn store<H: HardwareModel, O: Pure, T: Low>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let lane = O::apply(0, st.xmm[usize::from(op.src & 15)], op.imm);
    tri!(st.store(op, T::of(lane)));
    st.after_store()
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.imm = insn.ops.iter().find_map(|o| if let Operand::Imm(n) = o { Some(n & 0xff) } else { None }).unwrap_or(0);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Xmm(dst), Operand::Mem(_)) => {
            op.dst = dst;
            from_memory(insn, op)
        }
        (Operand::Xmm(dst), Operand::Xmm(src) | Operand::Reg32(src) | Operand::Reg64(src)) => {
            (op.dst, op.src) = (dst, src);
            from_register(insn, op)
        }
        (Operand::Reg32(dst) | Operand::Reg64(dst), Operand::Xmm(src)) => {
            (op.dst, op.src) = (dst, src);
            into_general(insn, op)
        }
        (Operand::Mem(_), Operand::Xmm(src)) => {
            op.src = src;
            into_memory(insn, op)
        }
        _ => false,
    }
}

fn from_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Movntdqa_xmm_m128 => to(op, to_xmm::<H, Aligned, Whole>),
        C::Pinsrb_xmm_r32m8_imm8 | C::Pinsrb_xmm_r64m8_imm8 => to(op, to_xmm::<H, Memory<u8>, InsertByte>),
        C::Pinsrd_xmm_rm32_imm8 => to(op, to_xmm::<H, Memory<u32>, InsertDoubleword>),
        C::Pinsrq_xmm_rm64_imm8 => to(op, to_xmm::<H, Memory<u64>, InsertQuadword>),
        C::Insertps_xmm_xmmm32_imm8 => {
            // There is one lane to choose from.
            op.imm &= 0x3f;
            to(op, to_xmm::<H, Memory<u32>, InsertSingle>)
        }
        _ => false,
    }
}

fn from_register<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Pinsrb_xmm_r32m8_imm8 | C::Pinsrb_xmm_r64m8_imm8 => to(op, to_xmm::<H, General<u32>, InsertByte>),
        C::Pinsrd_xmm_rm32_imm8 => to(op, to_xmm::<H, General<u32>, InsertDoubleword>),
        C::Pinsrq_xmm_rm64_imm8 => to(op, to_xmm::<H, General<u64>, InsertQuadword>),
        C::Insertps_xmm_xmmm32_imm8 => to(op, to_xmm::<H, Register, InsertSingle>),
        _ => false,
    }
}

fn into_general<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Pextrb_r32m8_xmm_imm8 | C::Pextrb_r64m8_xmm_imm8 => to(op, to_general::<H, ExtractByte>),
        C::Pextrw_r32m16_xmm_imm8 | C::Pextrw_r64m16_xmm_imm8 => to(op, to_general::<H, ExtractWord>),
        C::Pextrd_rm32_xmm_imm8 | C::Extractps_rm32_xmm_imm8 | C::Extractps_r64m32_xmm_imm8 => {
            to(op, to_general::<H, ExtractDoubleword>)
        }
        C::Pextrq_rm64_xmm_imm8 => to(op, to_general::<H, ExtractQuadword>),
        _ => false,
    }
}

fn into_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Pextrb_r32m8_xmm_imm8 | C::Pextrb_r64m8_xmm_imm8 => to(op, store::<H, ExtractByte, u8>),
        C::Pextrw_r32m16_xmm_imm8 | C::Pextrw_r64m16_xmm_imm8 => to(op, store::<H, ExtractWord, u16>),
        C::Pextrd_rm32_xmm_imm8 | C::Extractps_rm32_xmm_imm8 | C::Extractps_r64m32_xmm_imm8 => {
            to(op, store::<H, ExtractDoubleword, u32>)
        }
        C::Pextrq_rm64_xmm_imm8 => to(op, store::<H, ExtractQuadword, u64>),
        _ => false,
    }
}
