//! Moves between vector registers, memory and general registers.
//!
//! VMOVAPS, VMOVAPD, VMOVDQA and the streaming moves want memory aligned to the vector's length; no other VEX-encoded
//! instruction does. A streaming move is a move.

use super::in_lane::{low_half, same};
use super::operand::{Source, aligned, by_scalar, number, place};
use crate::bind::to;
use crate::exec::sse::moves::{
    HighToLow, Low32, Low64, LowToHigh, MergeLow32, MergeLow64, Whole, store_high64, store_low32, store_low64,
    store_masked,
};
use crate::exec::sse::operand::{General, Memory, Register, get};
use crate::exec::sse::pure::to_general;
use crate::op::{Flow, Op, tri};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// Loads a vector from memory that must be aligned; `S` says how long it is.
fn load_aligned<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let size = if S::WIDE { 32 } else { 16 };
    get!(aligned(st, op, size));
    let value = get!(S::read(st, op));
    st.set_ymm(op.dst, value);
    Flow::Next
}

fn store_xmm<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.xmm[usize::from(op.src & 15)]));
    st.after_store()
}

fn store_ymm<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.ymm(op.src)));
    st.after_store()
}

fn store_xmm_aligned<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    get!(aligned(st, op, 16));
    store_xmm(st, op)
}

fn store_ymm_aligned<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    get!(aligned(st, op, 32));
    store_ymm(st, op)
}

/// Binds a move. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vmovups | M::Vmovupd | M::Vmovdqu | M::Vlddqu => whole(insn, op),
        M::Vmovaps | M::Vmovapd | M::Vmovdqa | M::Vmovntps | M::Vmovntpd | M::Vmovntdq | M::Vmovntdqa => {
            whole_aligned(insn, op)
        }
        M::Vmaskmovdqu => {
            let Operand::Xmm(mask) = insn.ops[2] else { return false };
            (op.src, op.aux) = (number(&insn.ops[1]), mask);
            to(op, store_masked::<H>)
        }
        _ => match insn.ops[0] {
            Operand::Mem(_) => to_memory(insn, op),
            Operand::Reg32(_) | Operand::Reg64(_) => into_general(insn, op),
            _ => part(insn, op),
        },
    }
}

fn whole<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Mem(_), Operand::Xmm(_)) => to(op, store_xmm::<H>),
        (Operand::Mem(_), Operand::Ymm(_)) => to(op, store_ymm::<H>),
        _ => same::<H, Whole>(insn, op),
    }
}

fn whole_aligned<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    place(insn, op);
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Mem(_), Operand::Xmm(_)) => to(op, store_xmm_aligned::<H>),
        (Operand::Mem(_), Operand::Ymm(_)) => to(op, store_ymm_aligned::<H>),
        (Operand::Xmm(_), Operand::Mem(_)) => to(op, load_aligned::<H, super::operand::Mem128>),
        (Operand::Ymm(_), Operand::Mem(_)) => to(op, load_aligned::<H, super::operand::Mem256>),
        _ => same::<H, Whole>(insn, op),
    }
}

/// Moves to a part of an XMM register, or from a narrower place to a whole one.
fn part<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vmovss if insn.op_count == 3 => by_scalar!(insn, op, u32, |S| low_half::<H, S, MergeLow32>),
        M::Vmovsd if insn.op_count == 3 => by_scalar!(insn, op, u64, |S| low_half::<H, S, MergeLow64>),
        M::Vmovss => by_scalar!(insn, op, u32, |S| low_half::<H, S, Whole>),
        M::Vmovsd => by_scalar!(insn, op, u64, |S| low_half::<H, S, Whole>),
        M::Vmovlps | M::Vmovlpd => by_scalar!(insn, op, u64, |S| low_half::<H, S, MergeLow64>),
        M::Vmovhps | M::Vmovhpd | M::Vmovlhps => by_scalar!(insn, op, u64, |S| low_half::<H, S, LowToHigh>),
        M::Vmovhlps => by_scalar!(insn, op, u64, |S| low_half::<H, S, HighToLow>),
        M::Vmovd | M::Vmovq => {
            place(insn, op);
            match insn.ops[1] {
                Operand::Reg32(_) => to(op, low_half::<H, General<u32>, Whole>),
                Operand::Reg64(_) => to(op, low_half::<H, General<u64>, Whole>),
                Operand::Mem(mem) if mem.size == 4 => to(op, low_half::<H, Memory<u32>, Whole>),
                Operand::Mem(_) => to(op, low_half::<H, Memory<u64>, Whole>),
                Operand::Xmm(_) => to(op, low_half::<H, Register, Low64>),
                _ => false,
            }
        }
        _ => false,
    }
}

fn to_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    op.src = number(&insn.ops[1]);
    match (insn.mnemonic, insn.ops[0]) {
        (M::Vmovss, _) => to(op, store_low32::<H>),
        (M::Vmovd, Operand::Mem(mem)) if mem.size == 4 => to(op, store_low32::<H>),
        (M::Vmovsd | M::Vmovd | M::Vmovq | M::Vmovlps | M::Vmovlpd, _) => to(op, store_low64::<H>),
        (M::Vmovhps | M::Vmovhpd, _) => to(op, store_high64::<H>),
        _ => false,
    }
}

fn into_general<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    (op.dst, op.src) = (number(&insn.ops[0]), number(&insn.ops[1]));
    match (insn.mnemonic, insn.ops[0]) {
        (M::Vmovd | M::Vmovq, Operand::Reg32(_)) => to(op, to_general::<H, Low32>),
        (M::Vmovd | M::Vmovq, _) => to(op, to_general::<H, Low64>),
        _ => false,
    }
}
