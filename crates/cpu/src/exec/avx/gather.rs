//! Gathers: lanes loaded from base + index * scale + displacement, with an index for each lane, where the mask's sign is set.
//!
//! Lanes are loaded from the lowest up. The mask of a lane that is done is cleared, so that after a fault the instruction
//! goes on where it stopped: this is the one VEX-encoded instruction that leaves a trace when it faults (SDM
//! "VGATHERDPS/VGATHERDPD"). Then the lanes of the mask are all ones or 0, as far as the vector goes, and what is beyond the
//! lanes of the destination is as it was; only bits 255:128, with vectors of 128 bits, go with the first lane that is loaded.

use super::operand::{Halves, number};
use crate::bind::to;
use crate::op::{Flow, Op};
use crate::state::{FS, GS, PAGE, State, ZERO};
use arch::LinearAddr;
use decode::{Insn, MemOperand, Mnemonic as M, Operand, Segment};
use paging::HardwareModel;

/// In `op.imm`: addresses are cut to 32 bits.
const SHORT_ADDRESS: u64 = 1;

/// Lane `n` of `bits` bits.
fn lane(x: &Halves, n: u32, bits: u32) -> u64 {
    let at = n * bits;
    (x[(at / 128) as usize & 1] >> (at % 128)) as u64 & (u64::MAX >> (64 - bits))
}

fn set_lane(x: &mut Halves, n: u32, bits: u32, value: u64) {
    let at = n * bits;
    let half = &mut x[(at / 128) as usize & 1];
    let ones = u128::MAX >> (128 - bits);
    *half = *half & !(ones << (at % 128)) | u128::from(value) << (at % 128);
}

/// The linear address of a lane.
fn address<H: HardwareModel>(st: &State<H>, op: &Op<H>, index: u64) -> LinearAddr {
    let offset = st.reg(op.base).wrapping_add(index << (op.scale & 3)).wrapping_add(op.disp);
    let offset = if op.imm & SHORT_ADDRESS != 0 { offset & 0xffff_ffff } else { offset };
    LinearAddr(offset.wrapping_add(st.reg(op.segment)))
}

/// Gathers `LANES` lanes of `BITS` bits by indices of `INDEX` bits.
fn gather<H: HardwareModel, const LANES: u32, const BITS: u32, const INDEX: u32>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let indices = st.ymm(op.index);
    let vector_bits = LANES * if BITS > INDEX { BITS } else { INDEX };
    let mut mask = signs::<BITS>(&st.ymm(op.aux), vector_bits);
    let mut result = st.ymm(op.dst);
    for n in 0..LANES {
        if lane(&mask, n, BITS) == 0 {
            continue;
        }
        let index = lane(&indices, n, INDEX);
        let index = if INDEX == 32 { index as u32 as i32 as u64 } else { index };
        let la = address(st, op, index);
        let loaded = if BITS == 32 { st.mmu.load_lane::<u32>(la).map(u64::from) } else { st.mmu.load_lane(la) };
        let Ok(value) = loaded else {
            st.set_ymm(op.dst, result);
            st.set_ymm(op.aux, mask);
            return Flow::Fault;
        };
        set_lane(&mut result, n, BITS, value);
        if vector_bits == 128 {
            result[1] = 0;
        }
        set_lane(&mut mask, n, BITS, 0);
    }
    st.set_ymm(op.dst, first::<LANES, BITS>(&result));
    st.set_ymm(op.aux, [0; 2]);
    Flow::Next
}

/// Each lane of the first `vector_bits` bits all ones or 0, by its sign; nothing beyond.
fn signs<const BITS: u32>(mask: &Halves, vector_bits: u32) -> Halves {
    let mut out = [0; 2];
    for n in (0..vector_bits / BITS).filter(|&n| lane(mask, n, BITS) >> (BITS - 1) != 0) {
        set_lane(&mut out, n, BITS, u64::MAX >> (64 - BITS));
    }
    out
}

/// The lanes alone; what is beyond them is 0.
fn first<const LANES: u32, const BITS: u32>(x: &Halves) -> Halves {
    match LANES * BITS {
        64 => [x[0] & u128::from(u64::MAX), 0],
        128 => [x[0], 0],
        _ => *x,
    }
}

/// Binds a gather. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let Operand::Mem(mem) = insn.ops[1] else { return false };
    let long = matches!(insn.ops[0], Operand::Ymm(_));
    let run = match insn.mnemonic {
        M::Vgatherdps | M::Vpgatherdd if long => gather::<H, 8, 32, 32>,
        M::Vgatherdps | M::Vpgatherdd => gather::<H, 4, 32, 32>,
        M::Vgatherdpd | M::Vpgatherdq if long => gather::<H, 4, 64, 32>,
        M::Vgatherdpd | M::Vpgatherdq => gather::<H, 2, 64, 32>,
        M::Vgatherqps | M::Vpgatherqd if has_long_index(insn) => gather::<H, 4, 32, 64>,
        M::Vgatherqps | M::Vpgatherqd => gather::<H, 2, 32, 64>,
        M::Vgatherqpd | M::Vpgatherqq if long => gather::<H, 4, 64, 64>,
        M::Vgatherqpd | M::Vpgatherqq => gather::<H, 2, 64, 64>,
        _ => return false,
    };
    (op.dst, op.aux) = (number(&insn.ops[0]), number(&insn.ops[2]));
    place_vector_address(op, &mem);
    to(op, run)
}

/// The forms whose indices are a YMM register but whose other operands are not.
fn has_long_index(insn: &Insn) -> bool {
    use decode::Code as C;
    matches!(insn.code, C::VEX_Vgatherqps_xmm_vm64y_xmm | C::VEX_Vpgatherqd_xmm_vm64y_xmm)
}

/// Places the address; `op.index` is a vector register, so the address that was placed for all instructions does not do.
fn place_vector_address<H>(op: &mut Op<H>, mem: &MemOperand) {
    op.base = mem.base.unwrap_or(if mem.rip_relative { PAGE } else { ZERO });
    op.index = mem.index.unwrap_or(0);
    op.scale = mem.scale;
    op.disp = mem.disp as u64;
    op.segment = match mem.segment {
        Segment::Flat => ZERO,
        Segment::Fs => FS,
        Segment::Gs => GS,
    };
    op.imm = if mem.addr32 { SHORT_ADDRESS } else { 0 };
}
