//! Moves: between XMM registers, memory and general registers.
//!
//! A scalar move between registers keeps the upper part of the destination; the same move from memory clears it.

use super::bytes;
use super::lanes::{high, pair, split_i8, split_u16, with_low32, with_low64};
use super::operand::{Aligned, General, Memory, Register, aligned, get};
use super::pure::{pure_operations, to_general, to_xmm};
use crate::bind::to;
use crate::exec::operand::{Base, store};
use crate::op::{Flow, Op, tri};
use crate::state::State;
use crate::width::{W32, W64, Width};
use decode::{Code, Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

pure_operations! {
    Whole, |_, b, _| b;
    Low64, |_, b, _| u128::from(b as u64);
    MergeLow32, |a, b, _| with_low32(a, b as u32);
    MergeLow64, |a, b, _| with_low64(a, b as u64);
    LowToHigh, |a, b, _| pair(a as u64, b as u64);
    HighToLow, |a, b, _| pair(high(b), high(a));
    InsertWord, |a, b, imm| insert_word(a, b as u16, imm);
    ExtractWord, |_, b, imm| u128::from(split_u16(b)[(imm & 7) as usize]);
    Low32, |_, b, _| u128::from(b as u32);
    SignsOfSingles, |_, b, _| b >> 31 & 1 | b >> 62 & 2 | b >> 93 & 4 | b >> 124 & 8;
    SignsOfDoubles, |_, b, _| b >> 63 & 1 | b >> 126 & 2;
    SignsOfBytes, |_, b, _| signs_of_bytes(b);
}

fn insert_word(x: u128, word: u16, imm: u64) -> u128 {
    let shift = 16 * (imm & 7);
    x & !(0xffff << shift) | u128::from(word) << shift
}

fn signs_of_bytes(x: u128) -> u128 {
    u128::from(bytes::signs(x as u64) | bytes::signs(high(x)) << 8)
}

/// Binds a move. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match (insn.ops[0], insn.ops[1]) {
        (Operand::Xmm(dst), Operand::Xmm(src)) => {
            (op.dst, op.src) = (dst, src);
            from_xmm(insn, op)
        }
        (Operand::Xmm(dst), Operand::Mem(_)) => {
            op.dst = dst;
            from_memory(insn, op)
        }
        (Operand::Xmm(dst), Operand::Reg32(src) | Operand::Reg64(src)) => {
            (op.dst, op.src) = (dst, src);
            from_general(insn, op)
        }
        (Operand::Mem(_), Operand::Xmm(src)) => {
            op.src = src;
            to_memory(insn, op)
        }
        (Operand::Reg32(dst) | Operand::Reg64(dst), Operand::Xmm(src)) => {
            (op.dst, op.src) = (dst, src);
            into_general(insn, op)
        }
        (Operand::Mem(_), Operand::Reg32(src) | Operand::Reg64(src)) => {
            op.src = src;
            streamed_general(insn, op)
        }
        _ => false,
    }
}

fn from_xmm<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Movaps | M::Movapd | M::Movups | M::Movupd | M::Movdqa | M::Movdqu => to(op, to_xmm::<H, Register, Whole>),
        M::Movss => to(op, to_xmm::<H, Register, MergeLow32>),
        M::Movsd => to(op, to_xmm::<H, Register, MergeLow64>),
        M::Movq => to(op, to_xmm::<H, Register, Low64>),
        M::Movlhps => to(op, to_xmm::<H, Register, LowToHigh>),
        M::Movhlps => to(op, to_xmm::<H, Register, HighToLow>),
        _ => false,
    }
}

fn from_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Movaps | M::Movapd | M::Movdqa => to(op, to_xmm::<H, Aligned, Whole>),
        M::Movups | M::Movupd | M::Movdqu => to(op, to_xmm::<H, Memory<u128>, Whole>),
        M::Movss | M::Movd => to(op, to_xmm::<H, Memory<u32>, Whole>),
        M::Movsd | M::Movq if op.base_only() => to(op, to_xmm::<H, Memory<u64, Base>, Whole>),
        M::Movsd | M::Movq => to(op, to_xmm::<H, Memory<u64>, Whole>),
        M::Movlps | M::Movlpd => to(op, to_xmm::<H, Memory<u64>, MergeLow64>),
        M::Movhps | M::Movhpd => to(op, to_xmm::<H, Memory<u64>, LowToHigh>),
        M::Pinsrw => {
            op.imm = immediate(insn);
            to(op, to_xmm::<H, Memory<u16>, InsertWord>)
        }
        _ => false,
    }
}

fn from_general<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Movd => to(op, to_xmm::<H, General<u32>, Whole>),
        M::Movq => to(op, to_xmm::<H, General<u64>, Whole>),
        M::Pinsrw => {
            op.imm = immediate(insn);
            to(op, to_xmm::<H, General<u64>, InsertWord>)
        }
        _ => false,
    }
}

fn to_memory<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Movaps | M::Movapd | M::Movdqa | M::Movntps | M::Movntpd | M::Movntdq => to(op, store_aligned::<H>),
        M::Movups | M::Movupd | M::Movdqu => to(op, store_whole::<H>),
        M::Movss | M::Movd => to(op, store_low32::<H>),
        M::Movsd | M::Movq | M::Movlps | M::Movlpd => to(op, store_low64::<H>),
        M::Movhps | M::Movhpd => to(op, store_high64::<H>),
        M::Maskmovdqu => masked(insn, op),
        _ => false,
    }
}

fn into_general<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Movd => to(op, to_general::<H, Low32>),
        M::Movq => to(op, to_general::<H, Low64>),
        M::Movmskps => to(op, to_general::<H, SignsOfSingles>),
        M::Movmskpd => to(op, to_general::<H, SignsOfDoubles>),
        M::Pmovmskb => to(op, to_general::<H, SignsOfBytes>),
        M::Pextrw if matches!(insn.code, Code::Pextrw_r32_xmm_imm8 | Code::Pextrw_r64_xmm_imm8) => {
            op.imm = immediate(insn);
            to(op, to_general::<H, ExtractWord>)
        }
        _ => false,
    }
}

/// MOVNTI.
fn streamed_general<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.code {
        Code::Movnti_m32_r32 => to(op, store_general32::<H>),
        Code::Movnti_m64_r64 => to(op, store_general64::<H>),
        _ => false,
    }
}

fn masked<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Xmm(mask) = insn.ops[2] else { return false };
    op.aux = mask;
    to(op, store_masked::<H>)
}

fn immediate(insn: &Insn) -> u64 {
    match insn.ops[2] {
        Operand::Imm(imm) => imm,
        _ => 0,
    }
}

fn store_aligned<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = get!(aligned(st, op));
    tri!(st.mmu.store(la, st.xmm[usize::from(op.src & 15)]));
    st.after_store()
}

fn store_whole<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.xmm[usize::from(op.src & 15)]));
    st.after_store()
}

pub(in crate::exec) fn store_low32<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    store::<H, W32>(st, op.ea(st), st.xmm[usize::from(op.src & 15)] as u64 & W32::MASK)
}

pub(in crate::exec) fn store_low64<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    store::<H, W64>(st, op.ea(st), st.xmm[usize::from(op.src & 15)] as u64)
}

pub(in crate::exec) fn store_high64<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    store::<H, W64>(st, op.ea(st), high(st.xmm[usize::from(op.src & 15)]))
}

fn store_general32<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    store::<H, W32>(st, op.ea(st), W32::get(st, op.src))
}

fn store_general64<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    store::<H, W64>(st, op.ea(st), st.reg(op.src))
}

/// MASKMOVDQU: the bytes whose mask has bit 7 set. All must be writable, whatever the mask, and as
/// on silicon it is the upper half that is looked at first.
pub(in crate::exec) fn store_masked<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let value = st.xmm[usize::from(op.src & 15)].to_le_bytes();
    let mask = split_i8(st.xmm[usize::from(op.aux & 15)]);
    let la = op.ea(st);
    tri!(st.mmu.check_write(la.wrapping_add(8), 8));
    tri!(st.mmu.check_write(la, 8));
    for (at, byte) in (0..).zip(value).filter(|&(at, _)| mask[at as usize] < 0) {
        tri!(st.mmu.store(la.wrapping_add(at), byte));
    }
    st.after_store()
}
