//! Control transfer.
//!
//! A branch to a non-canonical address raises #GP(0) on the branch itself (MMU-153). A call has stored the return address
//! by then, as on silicon, but RSP has not moved.

use super::operand::{Source, Top, with_source};
use crate::op::{Flow, Op, tri};
use crate::state::{PAGE, RCX, RSP, State};
use crate::width::W64;
use arch::LinearAddr;
use paging::{HardwareModel, is_canonical};

pub(crate) fn jmp<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) -> Flow {
    Flow::Taken
}

/// Jcc, the condition `C` in its encoding.
pub(crate) fn jcc<H: HardwareModel, const C: u8>(st: &mut State<H>, _: &Op<H>) -> Flow {
    if st.flags.condition(C) { Flow::Taken } else { Flow::NotTaken }
}

/// CALL to a target relative to the page.
pub(crate) fn call<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let target = st.reg(PAGE).wrapping_add(op.imm);
    match call_to(st, op, target) {
        Flow::Indirect => Flow::Taken,
        other => other,
    }
}

#[inline(always)]
fn call_to<H: HardwareModel>(st: &mut State<H>, op: &Op<H>, target: u64) -> Flow {
    let (rsp, next) = (st.regs[RSP].wrapping_sub(8), st.next_rip(op));
    if !is_canonical(LinearAddr(target), 1) || !st.mmu.store_hit(LinearAddr(rsp), next) {
        return call_missed(st, target, next);
    }
    st.regs[RSP] = rsp;
    st.target = target;
    Flow::Indirect
}

#[cold]
#[inline(never)]
fn call_missed<H: HardwareModel>(st: &mut State<H>, target: u64, next: u64) -> Flow {
    let rsp = st.regs[RSP];
    tri!(st.push(next));
    if !is_canonical(LinearAddr(target), 1) {
        st.regs[RSP] = rsp;
        return st.general_protection();
    }
    st.target = target;
    if st.after_store() == Flow::Leave { Flow::LeaveTo } else { Flow::Indirect }
}

pub(crate) fn jmp_indirect<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W64, S>(st, op, |st, _, target| jump_to(st, target))
}

pub(crate) fn call_indirect<H: HardwareModel, S: Source>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W64, S>(st, op, |st, op, target| call_to(st, op, target))
}

/// RET, with the bytes to drop in the immediate.
pub(crate) fn ret<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    with_source::<H, W64, Top>(st, op, |st, op, target| {
        let flow = jump_to(st, target);
        if flow == Flow::Indirect {
            st.regs[RSP] = st.regs[RSP].wrapping_add(8).wrapping_add(op.imm);
        }
        flow
    })
}

fn jump_to<H: HardwareModel>(st: &mut State<H>, target: u64) -> Flow {
    if !is_canonical(LinearAddr(target), 1) {
        return st.general_protection();
    }
    st.target = target;
    Flow::Indirect
}

/// What LOOP, LOOPE and LOOPNE look at beside the counter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoopKind {
    Any,
    WhileEqual,
    WhileNotEqual,
}

impl LoopKind {
    fn holds<H: HardwareModel>(self, st: &State<H>) -> bool {
        match self {
            Self::Any => true,
            Self::WhileEqual => st.flags.zf(),
            Self::WhileNotEqual => !st.flags.zf(),
        }
    }
}

/// LOOP and its kin. `op.aux`: 0, 1, 2 for the kind, plus 4 for a 32-bit counter.
pub(crate) fn loop_rcx<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let kind = [LoopKind::Any, LoopKind::WhileEqual, LoopKind::WhileNotEqual, LoopKind::Any][usize::from(op.aux & 3)];
    let mask = counter_mask(op.aux);
    let count = st.regs[RCX].wrapping_sub(1) & mask;
    st.regs[RCX] = count;
    if count != 0 && kind.holds(st) { Flow::Taken } else { Flow::NotTaken }
}

/// JRCXZ and JECXZ (`op.aux` 4).
pub(crate) fn jrcxz<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    if st.regs[RCX] & counter_mask(op.aux) == 0 { Flow::Taken } else { Flow::NotTaken }
}

const fn counter_mask(aux: u8) -> u64 {
    if aux & 4 != 0 { 0xffff_ffff } else { u64::MAX }
}
