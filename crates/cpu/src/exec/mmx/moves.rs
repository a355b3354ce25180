//! Moves: between MMX registers, memory, general registers and XMM registers; EMMS.
//!
//! A store that faults leaves TOP 0, and the tags as they were, as on silicon; MASKMOVQ makes
//! the whole transition first.

use super::operand::{Mm, immediate, to_mm};
use crate::bind::to;
use crate::exec::sse::bytes;
use crate::exec::sse::operand::{General, Memory, Register};
use crate::exec::sse::pure::{Pure, pure_operations};
use crate::exec::x87::wait;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use decode::{Code as C, Insn, Operand};
use mmu::Primitive;
use paging::HardwareModel;

pure_operations! {
    Whole, |_, b, _| b;
    Low32, |_, b, _| u128::from(b as u32);
    InsertWord, |a, b, imm| insert_word(a, b as u16, imm);
    ExtractWord, |_, b, imm| b >> (16 * (imm & 3)) & 0xffff;
    SignsOfBytes, |_, b, _| u128::from(bytes::signs(b as u64));
}

#[inline(always)]
fn insert_word(x: u128, word: u16, imm: u64) -> u128 {
    let shift = 16 * (imm & 3);
    x & !(0xffff << shift) | u128::from(word) << shift
}

/// Binds a move. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.imm = immediate(insn);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Mm(dst), Operand::Mm(src) | Operand::Xmm(src) | Operand::Reg32(src) | Operand::Reg64(src)) => {
            (op.dst, op.src) = (dst, src);
            from_register(insn, op)
        }
        (Operand::Mm(dst), Operand::Mem(_)) => {
            op.dst = dst;
            from_memory(insn, op)
        }
        (Operand::Reg32(dst) | Operand::Reg64(dst) | Operand::Xmm(dst), Operand::Mm(src)) => {
            (op.dst, op.src) = (dst, src);
            from_mm(insn, op)
        }
        (Operand::Mem(_), Operand::Mm(src)) => {
            op.src = src;
            to_memory(insn, op)
        }
        _ if insn.code == C::Emms => to(op, emms::<H>),
        _ => false,
    }
}

fn from_register<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Movd_mm_rm32 => to(op, to_mm::<H, General<u32>, Whole>),
        C::Movq_mm_rm64 => to(op, to_mm::<H, General<u64>, Whole>),
        C::Movq_mm_mmm64 | C::Movq_mmm64_mm => to(op, to_mm::<H, Mm, Whole>),
        C::Movdq2q_mm_xmm => to(op, to_mm::<H, Register, Whole>),
        C::Pinsrw_mm_r32m16_imm8 | C::Pinsrw_mm_r64m16_imm8 => to(op, to_mm::<H, General<u64>, InsertWord>),
        _ => false,
    }
}

fn from_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Movd_mm_rm32 => to(op, to_mm::<H, Memory<u32>, Whole>),
        C::Movq_mm_rm64 | C::Movq_mm_mmm64 => to(op, to_mm::<H, Memory<u64>, Whole>),
        C::Pinsrw_mm_r32m16_imm8 | C::Pinsrw_mm_r64m16_imm8 => to(op, to_mm::<H, Memory<u16>, InsertWord>),
        _ => false,
    }
}

fn from_mm<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Movd_rm32_mm => to(op, to_general::<H, Low32>),
        C::Movq_rm64_mm => to(op, to_general::<H, Whole>),
        C::Pextrw_r32_mm_imm8 | C::Pextrw_r64_mm_imm8 => to(op, to_general::<H, ExtractWord>),
        C::Pmovmskb_r32_mm | C::Pmovmskb_r64_mm => to(op, to_general::<H, SignsOfBytes>),
        C::Movq2dq_xmm_mm => to(op, to_xmm::<H>),
        _ => false,
    }
}

fn to_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        C::Movd_rm32_mm => to(op, store::<H, u32>),
        C::Movq_rm64_mm | C::Movq_mmm64_mm | C::Movntq_m64_mm => to(op, store::<H, u64>),
        C::Maskmovq_rDI_mm_mm => {
            let Operand::Mm(mask) = insn.ops[2] else { return false };
            op.aux = mask;
            to(op, store_masked::<H>)
        }
        _ => false,
    }
}

/// To a general register, zero-extended to 64 bits.
fn to_general<H: HardwareModel, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let src = u128::from(st.fpu.mm(op.src));
    st.fpu.enter_mmx();
    st.set_reg(op.dst, O::apply(0, src, op.imm) as u64);
    Flow::Next
}

/// MOVQ2DQ: zero-extended to 128 bits.
fn to_xmm<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    st.xmm[usize::from(op.dst & 15)] = u128::from(st.fpu.mm(op.src));
    st.fpu.enter_mmx();
    Flow::Next
}

/// The low bits of a register that are stored as a `Self`.
trait Low: Primitive + 'static {
    fn of(x: u64) -> Self;
}

impl Low for u32 {
    fn of(x: u64) -> Self {
        x as Self
    }
}

impl Low for u64 {
    fn of(x: u64) -> Self {
        x
    }
}

fn store<H: HardwareModel, T: Low>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let value = T::of(st.fpu.mm(op.src));
    st.fpu.begin_mmx_store();
    tri!(st.store(op, value));
    st.fpu.enter_mmx();
    st.after_store()
}

/// MASKMOVQ: the bytes whose mask has bit 7 set. All must be writable, whatever the mask (some processors look
/// at the mask first).
fn store_masked<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    wait!(st);
    let value = st.fpu.mm(op.src).to_le_bytes();
    let mask = bytes::signs(st.fpu.mm(op.aux));
    let la = op.ea(st);
    st.fpu.enter_mmx();
    tri!(st.mmu.check_write(la, 8));
    for (at, byte) in (0..).zip(value).filter(|(at, _)| mask >> at & 1 != 0) {
        tri!(st.mmu.store(la.wrapping_add(at), byte));
    }
    st.after_store()
}

/// EMMS.
fn emms<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    wait!(st);
    st.fpu.leave_mmx();
    Flow::Next
}
