//! The VEX-encoded forms of SSE3 to SSE4.2, AES and PCLMULQDQ.
//!
//! What the legacy forms compute is taken over; what rounds is done for both halves with one environment.

use super::dot;
use super::in_lane::{low_half, same, split};
use super::operand::{Halves, Source, by_scalar, by_vector, number, place};
use crate::bind::to;
use crate::exec::sse::blend::{BlendBytes, BlendDoubles, BlendSingles, Ternary};
use crate::exec::sse::dot::DotProduct;
use crate::exec::sse::fpenv::Env;
use crate::exec::sse::insert::{
    ExtractByte, ExtractDoubleword, ExtractQuadword, ExtractWord, InsertByte, InsertDoubleword, InsertQuadword,
    InsertSingle, store,
};
use crate::exec::sse::moves::InsertWord;
use crate::exec::sse::operand::{General, Memory, Source as Scalar, get};
use crate::exec::sse::pure::to_general;
use crate::exec::sse::round::RoundLanes;
use crate::exec::sse::sse3::{AddAcross, AddSub, SubAcross, moves};
use crate::exec::sse::strings::{Explicit, Implicit, to_index, to_mask};
use crate::exec::sse::vector::Vector;
use crate::exec::sse::{aes, sse41, ssse3};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M, Operand};
use paging::HardwareModel;

/// An operation that rounds, on both halves.
fn rounding<H: HardwareModel, S: Source, O: Vector>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    let low = O::host(st.mxcsr, a[0], b[0], op.imm);
    let high = if S::WIDE { O::host(st.mxcsr, a[1], b[1], op.imm) } else { Some(0) };
    let result = match (low, high) {
        (Some(low), Some(high)) => [low, high],
        _ => get!(in_software::<H, O>(st, a, b, op.imm, if S::WIDE { 2 } else { 1 })),
    };
    st.set_ymm(op.dst, result);
    Flow::Next
}

/// An operation that rounds, on XMM registers; the source may be narrower.
fn rounding_low<H: HardwareModel, S: Scalar, O: Vector>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.xmm[usize::from(op.aux & 15)];
    let result = match O::host(st.mxcsr, a, b, op.imm) {
        Some(result) => result,
        None => get!(in_software::<H, O>(st, [a, 0], [b, 0], op.imm, 1))[0],
    };
    st.set_vex_xmm(op.dst, result);
    Flow::Next
}

#[cold]
fn in_software<H: HardwareModel, O: Vector>(
    st: &mut State<H>,
    a: Halves,
    b: Halves,
    imm: u64,
    halves: usize,
) -> Result<Halves, Flow> {
    let mut env = Env::new(st.mxcsr);
    let mut result = [0; 2];
    for n in 0..halves {
        result[n] = O::soft(&mut env, a[n], b[n], imm);
    }
    env.commit(st)?;
    Ok(result)
}

/// VBLENDVPS, VBLENDVPD, VPBLENDVB: `op.imm` is the number of the mask's register.
fn blend<H: HardwareModel, S: Source, O: Ternary>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let (a, mask) = (st.ymm(op.aux), st.ymm(op.imm as u8));
    let high = if S::WIDE { O::apply(a[1], b[1], mask[1]) } else { 0 };
    st.set_ymm(op.dst, [O::apply(a[0], b[0], mask[0]), high]);
    Flow::Next
}

fn with_mask<H: HardwareModel, O: Ternary>(insn: &Insn, op: &mut Op<H>) -> bool {
    let bound = by_vector!(insn, op, |S| blend::<H, S, O>);
    op.imm = number(&insn.ops[3]).into();
    bound
}

/// PCMPESTRM and PCMPISTRM write XMM0, and so all of YMM0.
fn to_whole_mask<H: HardwareModel, S: Scalar, L: crate::exec::sse::strings::Lengths>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let flow = to_mask::<H, S, L>(st, op);
    if flow == Flow::Next {
        st.ymm_high[0] = 0;
    }
    flow
}

macro_rules! table {
    ($($mnemonic:ident, $module:ident::$operation:ident;)*) => {
        fn by_table<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
            match insn.mnemonic {
                $(M::$mnemonic => same::<H, $module::operations::$operation>(insn, op),)*
                _ => false,
            }
        }
    };
}

table! {
    Vmovsldup, moves::Movsldup;
    Vmovshdup, moves::Movshdup;
    Vpshufb, ssse3::Pshufb;
    Vpalignr, ssse3::Palignr;
    Vphaddw, ssse3::Phaddw;
    Vphaddd, ssse3::Phaddd;
    Vphaddsw, ssse3::Phaddsw;
    Vphsubw, ssse3::Phsubw;
    Vphsubd, ssse3::Phsubd;
    Vphsubsw, ssse3::Phsubsw;
    Vpmaddubsw, ssse3::Pmaddubsw;
    Vpmulhrsw, ssse3::Pmulhrsw;
    Vpsignb, ssse3::Psignb;
    Vpsignw, ssse3::Psignw;
    Vpsignd, ssse3::Psignd;
    Vpabsb, ssse3::Pabsb;
    Vpabsw, ssse3::Pabsw;
    Vpabsd, ssse3::Pabsd;
    Vpblendw, sse41::Pblendw;
    Vpminsb, sse41::Pminsb;
    Vpmaxsb, sse41::Pmaxsb;
    Vpminuw, sse41::Pminuw;
    Vpmaxuw, sse41::Pmaxuw;
    Vpminsd, sse41::Pminsd;
    Vpmaxsd, sse41::Pmaxsd;
    Vpminud, sse41::Pminud;
    Vpmaxud, sse41::Pmaxud;
    Vpmulld, sse41::Pmulld;
    Vpmuldq, sse41::Pmuldq;
    Vpcmpeqq, sse41::Pcmpeqq;
    Vpcmpgtq, sse41::Pcmpgtq;
    Vpackusdw, sse41::Packusdw;
    Vphminposuw, sse41::Phminposuw;
    Vaesenc, aes::Aesenc;
    Vaesenclast, aes::Aesenclast;
    Vaesdec, aes::Aesdec;
    Vaesdeclast, aes::Aesdeclast;
    Vaesimc, aes::Aesimc;
    Vaeskeygenassist, aes::Aeskeygenassist;
    Vpclmulqdq, aes::Pclmulqdq;
}

/// Binds one of these. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vmovddup if matches!(insn.ops[0], Operand::Xmm(_)) => {
            by_scalar!(insn, op, u64, |S| low_half::<H, S, moves::operations::Movddup>)
        }
        M::Vmovddup => same::<H, moves::operations::Movddup>(insn, op),
        M::Vblendps => split::<H, sse41::operations::Blendps, 4>(insn, op),
        M::Vpblendd => split::<H, sse41::operations::Blendps, 4>(insn, op),
        M::Vblendpd => split::<H, sse41::operations::Blendpd, 2>(insn, op),
        M::Vmpsadbw => split::<H, sse41::operations::Mpsadbw, 3>(insn, op),
        M::Vpblendvb => with_mask::<H, BlendBytes>(insn, op),
        M::Vblendvps => with_mask::<H, BlendSingles>(insn, op),
        M::Vblendvpd => with_mask::<H, BlendDoubles>(insn, op),
        M::Vaddsubps => by_vector!(insn, op, |S| rounding::<H, S, AddSub<f32>>),
        M::Vaddsubpd => by_vector!(insn, op, |S| rounding::<H, S, AddSub<f64>>),
        M::Vhaddps => by_vector!(insn, op, |S| rounding::<H, S, AddAcross<f32>>),
        M::Vhaddpd => by_vector!(insn, op, |S| rounding::<H, S, AddAcross<f64>>),
        M::Vhsubps => by_vector!(insn, op, |S| rounding::<H, S, SubAcross<f32>>),
        M::Vhsubpd => by_vector!(insn, op, |S| rounding::<H, S, SubAcross<f64>>),
        M::Vroundps => by_vector!(insn, op, |S| rounding::<H, S, RoundLanes<f32, 4>>),
        M::Vroundpd => by_vector!(insn, op, |S| rounding::<H, S, RoundLanes<f64, 2>>),
        M::Vroundss => by_scalar!(insn, op, u32, |S| rounding_low::<H, S, RoundLanes<f32, 1>>),
        M::Vroundsd => by_scalar!(insn, op, u64, |S| rounding_low::<H, S, RoundLanes<f64, 1>>),
        M::Vdpps if matches!(insn.ops[0], Operand::Ymm(_)) => by_vector!(insn, op, |S| dot::run::<H, S>),
        M::Vdpps => by_vector!(insn, op, |S| rounding::<H, S, DotProduct<f32>>),
        M::Vdppd => by_vector!(insn, op, |S| rounding::<H, S, DotProduct<f64>>),
        M::Vpcmpistri => by_scalar!(insn, op, u128, |S| to_index::<H, S, Implicit>),
        M::Vpcmpistrm => by_scalar!(insn, op, u128, |S| to_whole_mask::<H, S, Implicit>),
        M::Vpcmpestri => by_scalar!(insn, op, u128, |S| to_index::<H, S, Explicit<false>>),
        M::Vpcmpestrm => by_scalar!(insn, op, u128, |S| to_whole_mask::<H, S, Explicit<false>>),
        M::Vpcmpestri64 => by_scalar!(insn, op, u128, |S| to_index::<H, S, Explicit<true>>),
        M::Vpcmpestrm64 => by_scalar!(insn, op, u128, |S| to_whole_mask::<H, S, Explicit<true>>),
        _ => insertions(insn, op) || extractions(insn, op) || by_table(insn, op),
    }
}

/// VPINSRB, VPINSRW, VPINSRD, VPINSRQ, VINSERTPS.
fn insertions<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let memory = insn.ops[2].mem().is_some();
    let run = match insn.mnemonic {
        M::Vpinsrb if memory => low_half::<H, Memory<u8>, InsertByte>,
        M::Vpinsrb => low_half::<H, General<u32>, InsertByte>,
        M::Vpinsrw if memory => low_half::<H, Memory<u16>, InsertWord>,
        M::Vpinsrw => low_half::<H, General<u32>, InsertWord>,
        M::Vpinsrd if memory => low_half::<H, Memory<u32>, InsertDoubleword>,
        M::Vpinsrd => low_half::<H, General<u32>, InsertDoubleword>,
        M::Vpinsrq if memory => low_half::<H, Memory<u64>, InsertQuadword>,
        M::Vpinsrq => low_half::<H, General<u64>, InsertQuadword>,
        M::Vinsertps => {
            let bound = by_scalar!(insn, op, u32, |S| low_half::<H, S, InsertSingle>);
            if memory {
                // There is one lane to choose from.
                op.imm &= 0x3f;
            }
            return bound;
        }
        _ => return false,
    };
    place(insn, op);
    to(op, run)
}

/// VPEXTRB, VPEXTRW, VPEXTRD, VPEXTRQ, VEXTRACTPS.
fn extractions<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    let memory = insn.ops[0].mem().is_some();
    let run = match insn.mnemonic {
        M::Vpextrb if memory => store::<H, ExtractByte, u8>,
        M::Vpextrb => to_general::<H, ExtractByte>,
        M::Vpextrw if memory => store::<H, ExtractWord, u16>,
        M::Vpextrw => to_general::<H, ExtractWord>,
        M::Vpextrd | M::Vextractps if memory => store::<H, ExtractDoubleword, u32>,
        M::Vpextrd | M::Vextractps => to_general::<H, ExtractDoubleword>,
        M::Vpextrq if memory => store::<H, ExtractQuadword, u64>,
        M::Vpextrq => to_general::<H, ExtractQuadword>,
        _ => return false,
    };
    place(insn, op);
    op.src = number(&insn.ops[1]);
    to(op, run)
}
