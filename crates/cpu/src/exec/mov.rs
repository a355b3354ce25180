//! Moves: MOV, MOVZX, MOVSX, LEA, CMOVcc, SETcc, XCHG, PUSH, POP, sign extensions of the accumulator.

use super::operand::{Address, Source, Top, store, with_source};
use crate::op::{Flow, Op, tri};
use crate::state::{RAX, RBP, RDX, RSP, State};
use crate::width::{W8, W16, W32, W64, Width};
use arch::LinearAddr;
use paging::HardwareModel;

/// reg = source.
pub(crate) fn to_reg<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W, S>(st, op, |st, op, v| {
        W::set(st, op.dst, v);
        Flow::Next
    })
}

/// \[mem\] = source, a register or an immediate.
pub(crate) fn to_mem<H: HardwareModel, W: Width, S: Source, A: Address>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let v = tri!(S::get::<H, W>(st, op));
    store::<H, W>(st, A::of(st, op), v)
}

/// reg = zero-extended source.
pub(crate) fn zero_extend<H: HardwareModel, D: Width, F: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, F, S>(st, op, |st, op, v| {
        D::set(st, op.dst, v);
        Flow::Next
    })
}

/// reg = sign-extended source.
pub(crate) fn sign_extend<H: HardwareModel, D: Width, F: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, F, S>(st, op, |st, op, v| {
        D::set(st, op.dst, F::sign_extend(v) & D::MASK);
        Flow::Next
    })
}

/// reg = address; no access is made (MMU-099).
pub(crate) fn lea<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let address = op.offset_in_segment(st);
    W::set(st, op.dst, address & W::MASK);
    Flow::Next
}

/// CMOVcc: the source is read in any case; a 32-bit destination is zero-extended in any case.
pub(crate) fn cmov<H: HardwareModel, W: Width, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W, S>(st, op, |st, op, v| {
        let old = W::get(st, op.dst);
        let v = if st.flags.condition(op.aux) { v } else { old };
        W::set(st, op.dst, v);
        Flow::Next
    })
}

pub(crate) fn setcc_reg<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let v = u64::from(st.flags.condition(op.aux));
    W::set(st, op.dst, v);
    Flow::Next
}

pub(crate) fn setcc_mem<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let v = u64::from(st.flags.condition(op.aux));
    store::<H, W8>(st, op.ea(st), v)
}

pub(crate) fn xchg_reg<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (a, b) = (W::get(st, op.dst), W::get(st, op.src));
    W::set(st, op.dst, b);
    W::set(st, op.src, a);
    Flow::Next
}

pub(crate) fn xchg_mem<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let old = tri!(W::load_for_write(st, la));
    let new = W::get(st, op.src);
    tri!(W::store(st, la, new));
    W::set(st, op.src, old);
    st.after_store()
}

/// PUSH of a quadword source. PUSH RSP pushes the old value; the source is read before the stack is written (MMU-161).
pub(crate) fn push<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W64, S>(st, op, |st, _, v| st.push_last(v))
}

/// PUSH with a 66H prefix.
pub(crate) fn push16<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let v = tri!(S::get::<H, W16>(st, op));
    tri!(st.push16(v as u16));
    st.after_store()
}

pub(crate) fn pop_reg<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W, Top>(st, op, |st, op, v| {
        st.regs[RSP] = st.regs[RSP].wrapping_add(W::BYTES);
        W::set(st, op.dst, v);
        Flow::Next
    })
}

/// POP to memory: an address that uses RSP sees it already incremented.
pub(crate) fn pop_mem<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let rsp = st.regs[RSP];
    let v = tri!(W::load(st, LinearAddr(rsp)).map_err(|fault| st.stack_fault(fault)));
    st.regs[RSP] = rsp.wrapping_add(W::BYTES);
    let la = op.ea(st);
    if W::store(st, la, v).is_err() {
        st.regs[RSP] = rsp;
        return Flow::Fault;
    }
    st.after_store()
}

pub(crate) fn leave<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let rbp = st.regs[RBP];
    let v = tri!(st.mmu.load::<u64>(LinearAddr(rbp)));
    st.regs[RSP] = rbp.wrapping_add(8);
    st.regs[RBP] = v;
    Flow::Next
}

/// LEAVE with a 66H prefix: all of RSP is set, and the low word of RBP.
pub(crate) fn leave16<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let rbp = st.regs[RBP];
    let v = tri!(W16::load(st, LinearAddr(rbp)));
    st.regs[RSP] = rbp.wrapping_add(2);
    W16::set(st, RBP as u8, v);
    Flow::Next
}

/// CBW, CWDE, CDQE: the accumulator from half its width `F` to `D`.
pub(crate) fn extend_rax<H: HardwareModel, D: Width, F: Width>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let v = F::sign_extend(st.regs[RAX] & F::MASK) & D::MASK;
    D::set(st, RAX as u8, v);
    Flow::Next
}

/// CWD, CDQ, CQO: the sign of the accumulator throughout rDX.
pub(crate) fn sign_to_rdx<H: HardwareModel, W: Width>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let v = if W::negative(st.regs[RAX]) { W::MASK } else { 0 };
    W::set(st, RDX as u8, v);
    Flow::Next
}

/// BSWAP r32.
pub(crate) fn bswap32<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let v = st.reg(op.dst) as u32;
    W32::set(st, op.dst, u64::from(v.swap_bytes()));
    Flow::Next
}

/// BSWAP of a word: undefined by the manual; Intel's processors give 0.
pub(crate) fn bswap16<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    W16::set(st, op.dst, 0);
    Flow::Next
}

/// BSWAP r64.
pub(crate) fn bswap64<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.set_reg(op.dst, st.reg(op.dst).swap_bytes());
    Flow::Next
}
