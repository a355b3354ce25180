//! Instructions that work on each half of a vector alone, as the SSE instruction of the same name works on an XMM register.
//!
//! What they compute is not written again: a row of the table names the SSE operation ([`Pure`]), and [`both_halves`] applies
//! it. The first operand is `op.aux`; where there is none, the operation does not look at it.

use super::operand::{Source, by_scalar, by_vector};
use crate::exec::sse::operand::{Source as Scalar, get};
use crate::exec::sse::pure::Pure;
use crate::exec::sse::{approximate, packed_int, shuffle};
use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Mnemonic as M};
use paging::HardwareModel;

/// Applies an operation to the halves. Of the immediate, the high half takes the bits from `IMM_SHIFT` on.
pub(super) fn both_halves<H: HardwareModel, S: Source, O: Pure, const IMM_SHIFT: u32>(
    st: &mut State<H>,
    op: &Op<H>,
) -> Flow {
    let b = get!(S::read(st, op));
    let a = st.ymm(op.aux);
    let low = O::apply(a[0], b[0], op.imm);
    let high = if S::WIDE { O::apply(a[1], b[1], op.imm >> IMM_SHIFT) } else { 0 };
    st.set_ymm(op.dst, [low, high]);
    Flow::Next
}

/// Applies an operation to XMM registers.
pub(super) fn low_half<H: HardwareModel, S: Scalar, O: Pure>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let b = get!(S::read(st, op));
    let result = O::apply(st.xmm[usize::from(op.aux & 15)], b, op.imm);
    st.set_vex_xmm(op.dst, result);
    Flow::Next
}

/// Binds an operation on both halves that take the same immediate.
pub(super) fn same<H: HardwareModel, O: Pure>(insn: &Insn, op: &mut Op<H>) -> bool {
    by_vector!(insn, op, |S| both_halves::<H, S, O, 0>)
}

/// Binds an operation whose high half takes the upper bits of the immediate.
pub(super) fn split<H: HardwareModel, O: Pure, const IMM_SHIFT: u32>(insn: &Insn, op: &mut Op<H>) -> bool {
    by_vector!(insn, op, |S| both_halves::<H, S, O, IMM_SHIFT>)
}

/// Rows: mnemonic, operation.
macro_rules! in_lane_table {
    ($($mnemonic:ident, $module:ident::$operation:ident;)*) => {
        fn by_table<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
            match insn.mnemonic {
                $(M::$mnemonic => same::<H, $module::operations::$operation>(insn, op),)*
                _ => false,
            }
        }
    };
}

in_lane_table! {
    Vpaddb, packed_int::Paddb;
    Vpaddw, packed_int::Paddw;
    Vpaddd, packed_int::Paddd;
    Vpaddq, packed_int::Paddq;
    Vpsubb, packed_int::Psubb;
    Vpsubw, packed_int::Psubw;
    Vpsubd, packed_int::Psubd;
    Vpsubq, packed_int::Psubq;
    Vpaddsb, packed_int::Paddsb;
    Vpaddsw, packed_int::Paddsw;
    Vpaddusb, packed_int::Paddusb;
    Vpaddusw, packed_int::Paddusw;
    Vpsubsb, packed_int::Psubsb;
    Vpsubsw, packed_int::Psubsw;
    Vpsubusb, packed_int::Psubusb;
    Vpsubusw, packed_int::Psubusw;
    Vpmullw, packed_int::Pmullw;
    Vpmulhw, packed_int::Pmulhw;
    Vpmulhuw, packed_int::Pmulhuw;
    Vpmuludq, packed_int::Pmuludq;
    Vpmaddwd, packed_int::Pmaddwd;
    Vpsadbw, packed_int::Psadbw;
    Vpavgb, packed_int::Pavgb;
    Vpavgw, packed_int::Pavgw;
    Vpminub, packed_int::Pminub;
    Vpmaxub, packed_int::Pmaxub;
    Vpminsw, packed_int::Pminsw;
    Vpmaxsw, packed_int::Pmaxsw;
    Vpcmpeqb, packed_int::Pcmpeqb;
    Vpcmpeqw, packed_int::Pcmpeqw;
    Vpcmpeqd, packed_int::Pcmpeqd;
    Vpcmpgtb, packed_int::Pcmpgtb;
    Vpcmpgtw, packed_int::Pcmpgtw;
    Vpcmpgtd, packed_int::Pcmpgtd;
    Vpand, packed_int::Pand;
    Vpandn, packed_int::Pandn;
    Vpor, packed_int::Por;
    Vpxor, packed_int::Pxor;
    Vandps, packed_int::Andps;
    Vandnps, packed_int::Andnps;
    Vorps, packed_int::Orps;
    Vxorps, packed_int::Xorps;
    Vandpd, packed_int::Andpd;
    Vandnpd, packed_int::Andnpd;
    Vorpd, packed_int::Orpd;
    Vxorpd, packed_int::Xorpd;
    Vshufps, shuffle::Shufps;
    Vpshufd, shuffle::Pshufd;
    Vpshuflw, shuffle::Pshuflw;
    Vpshufhw, shuffle::Pshufhw;
    Vunpcklps, shuffle::Unpcklps;
    Vunpckhps, shuffle::Unpckhps;
    Vunpcklpd, shuffle::Unpcklpd;
    Vunpckhpd, shuffle::Unpckhpd;
    Vpunpcklbw, shuffle::Punpcklbw;
    Vpunpckhbw, shuffle::Punpckhbw;
    Vpunpcklwd, shuffle::Punpcklwd;
    Vpunpckhwd, shuffle::Punpckhwd;
    Vpunpckldq, shuffle::Punpckldq;
    Vpunpckhdq, shuffle::Punpckhdq;
    Vpunpcklqdq, shuffle::Punpcklqdq;
    Vpunpckhqdq, shuffle::Punpckhqdq;
    Vpacksswb, shuffle::Packsswb;
    Vpackuswb, shuffle::Packuswb;
    Vpackssdw, shuffle::Packssdw;
    Vrcpps, approximate::Rcpps;
    Vrsqrtps, approximate::Rsqrtps;
}

/// Binds one of these instructions. False if it is none.
pub(super) fn bind<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    match insn.mnemonic {
        M::Vshufpd => split::<H, shuffle::operations::Shufpd, 2>(insn, op),
        M::Vrcpss => by_scalar!(insn, op, u32, |S| low_half::<H, S, approximate::operations::Rcpss>),
        M::Vrsqrtss => by_scalar!(insn, op, u32, |S| low_half::<H, S, approximate::operations::Rsqrtss>),
        _ => by_table(insn, op),
    }
}
