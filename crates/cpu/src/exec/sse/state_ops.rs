//! The state as a whole, and what has to do with caches: MXCSR, FXSAVE and FXRSTOR, fences, prefetches, CLFLUSH.

use super::operand::get;
use crate::bind::to;
use crate::context::MXCSR_MASK;
use crate::exec::x87::block::{FirstLook, check_block, load_block};
use crate::op::{Flow, Op, tri};
use crate::state::State;
use arch::{LinearAddr, XsaveImage};
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// What FXSAVE writes of its 512 bytes; the rest belongs to the program.
const WRITTEN: usize = XsaveImage::XMM0 + 16 * 16;
/// Upper halves of FIP and FDP, which the forms without REX.W take for the segment registers. Those read as zero.
const SELECTORS: [std::ops::Range<usize>; 2] = [12..16, 20..24];

pub(in crate::exec) fn ldmxcsr<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let value = tri!(st.load::<u32>(op));
    if value & !MXCSR_MASK != 0 {
        return st.general_protection();
    }
    st.mxcsr = value;
    Flow::Next
}

pub(in crate::exec) fn stmxcsr<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, st.mxcsr));
    st.after_store()
}

/// The address of the 512 bytes.
fn area<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<LinearAddr, Flow> {
    let la = op.ea(st);
    if la.0 & 15 == 0 { Ok(la) } else { Err(st.misaligned(la)) }
}

/// FXSAVE64; FXSAVE if `SHORT`.
fn fxsave<H: HardwareModel, const SHORT: bool>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = get!(area(st, op));
    tri!(check_block(st, la, 512, FirstLook::LastByte));
    let mut image = [0; 512];
    st.store_fxsave(&mut image);
    if SHORT {
        SELECTORS.into_iter().for_each(|range| image[range].fill(0));
    }
    tri!(st.mmu.store_bytes(la, &image[..WRITTEN]));
    st.after_store()
}

/// FXRSTOR64; FXRSTOR if `SHORT`.
fn fxrstor<H: HardwareModel, const SHORT: bool>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = get!(area(st, op));
    let mut image = [0; 512];
    tri!(load_block(st, la, &mut image, FirstLook::LastByte));
    let mxcsr = u32::from_le_bytes(std::array::from_fn(|i| image[XsaveImage::MXCSR + i]));
    if mxcsr & !MXCSR_MASK != 0 {
        return st.general_protection();
    }
    if SHORT {
        SELECTORS.into_iter().for_each(|range| image[range].fill(0));
    }
    st.load_fxsave(&image);
    Flow::Next
}

/// CLFLUSH: caches hold no data here, but it is checked as a load (MMU-099).
fn clflush<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.load::<u8>(op));
    Flow::Next
}

/// Fences, as memory is in program order; prefetches, which never fault and set no A bit (MMU-097).
fn nothing<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) -> Flow {
    Flow::Next
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Ldmxcsr => to(op, ldmxcsr::<H>),
        M::Stmxcsr => to(op, stmxcsr::<H>),
        M::Fxsave64 => to(op, fxsave::<H, false>),
        M::Fxsave => to(op, fxsave::<H, true>),
        M::Fxrstor64 => to(op, fxrstor::<H, false>),
        M::Fxrstor => to(op, fxrstor::<H, true>),
        M::Clflush => to(op, clflush::<H>),
        M::Lfence | M::Mfence | M::Sfence => to(op, nothing::<H>),
        M::Prefetchnta | M::Prefetcht0 | M::Prefetcht1 | M::Prefetcht2 | M::Prefetchw => to(op, nothing::<H>),
        _ => false,
    }
}
