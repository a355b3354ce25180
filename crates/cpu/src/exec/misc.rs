//! Exchange-and-compare, flag instructions, system instructions.

use crate::op::{Flow, Op, tri};
use crate::state::{RAX, RBX, RCX, RDX, RSP, State};
use crate::width::{HIGH_BYTE, W8, W64, Width};
use arch::{Exception, LinearAddr, Rflags};
use paging::HardwareModel;

/// CMPXCHG reg, reg.
pub(crate) fn cmpxchg_reg<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (old, expected) = (W::get(st, op.dst), W::get(st, RAX as u8));
    st.flags.sub::<W>(expected, old, expected.wrapping_sub(old) & W::MASK);
    if old == expected {
        let new = W::get(st, op.src);
        W::set(st, op.dst, new);
    } else {
        W::set(st, RAX as u8, old);
    }
    Flow::Next
}

/// CMPXCHG \[mem\], reg: a write access in any case (MMU-095, MMU-096).
pub(crate) fn cmpxchg_mem<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let old = tri!(W::load_for_write(st, la));
    let expected = W::get(st, RAX as u8);
    let equal = old == expected;
    let new = if equal { W::get(st, op.src) } else { old };
    tri!(W::store(st, la, new));
    st.flags.sub::<W>(expected, old, expected.wrapping_sub(old) & W::MASK);
    if !equal {
        W::set(st, RAX as u8, old);
    }
    st.after_store()
}

/// CMPXCHG8B.
pub(crate) fn cmpxchg8b<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let old = tri!(W64::load_for_write(st, la));
    let half = |low: usize, high: usize, st: &State<H>| st.regs[high] << 32 | st.regs[low] & 0xffff_ffff;
    let equal = old == half(RAX, RDX, st);
    let new = if equal { half(RBX, RCX, st) } else { old };
    tri!(W64::store(st, la, new));
    st.flags.set_zf(equal);
    if !equal {
        st.regs[RAX] = old & 0xffff_ffff;
        st.regs[RDX] = old >> 32;
    }
    st.after_store()
}

/// CMPXCHG16B: #GP(0) before any translation if the operand is not aligned, with or without LOCK, also of an address that is not
/// canonical (MMU-157).
pub(crate) fn cmpxchg16b<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    if la.0 & 15 != 0 {
        return st.general_protection();
    }
    let old: u128 = tri!(st.mmu.load_for_write(la));
    let half = |low: usize, high: usize, st: &State<H>| u128::from(st.regs[high]) << 64 | u128::from(st.regs[low]);
    let equal = old == half(RAX, RDX, st);
    let new = if equal { half(RBX, RCX, st) } else { old };
    tri!(st.mmu.store(la, new));
    st.flags.set_zf(equal);
    if !equal {
        st.regs[RAX] = old as u64;
        st.regs[RDX] = (old >> 64) as u64;
    }
    st.after_store()
}

pub(crate) fn xadd_reg<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let (a, b) = (W::get(st, op.dst), W::get(st, op.src));
    let r = a.wrapping_add(b) & W::MASK;
    st.flags.add::<W>(a, b, r);
    W::set(st, op.src, a);
    W::set(st, op.dst, r);
    Flow::Next
}

pub(crate) fn xadd_mem<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea(st);
    let a = tri!(W::load_for_write(st, la));
    let b = W::get(st, op.src);
    let r = a.wrapping_add(b) & W::MASK;
    tri!(W::store(st, la, r));
    st.flags.add::<W>(a, b, r);
    W::set(st, op.src, a);
    st.after_store()
}

pub(crate) fn nop<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) -> Flow {
    Flow::Next
}

pub(crate) fn set_carry<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let cf = match op.aux {
        0 => false,
        1 => true,
        _ => !st.flags.cf(),
    };
    st.flags.set_cf(cf);
    Flow::Next
}

pub(crate) fn set_direction<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.system_flags.set(Rflags::DF, op.aux != 0);
    Flow::Next
}

pub(crate) fn lahf<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let low = (st.flags.get() | Rflags::FIXED).bits() & 0xff;
    W8::set(st, RAX as u8 | HIGH_BYTE, low);
    Flow::Next
}

pub(crate) fn sahf<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let ah = Rflags::from_bits_truncate(st.regs[RAX] >> 8 & 0xff);
    let of = st.flags.get() & Rflags::OF;
    st.flags.set(ah.intersection(Rflags::STATUS) | of);
    Flow::Next
}

/// PUSHFQ: RF reads as 0.
pub(crate) fn pushf<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let flags = (st.rflags() - Rflags::RF).bits();
    tri!(st.push(flags));
    st.after_store()
}

/// PUSHF with a 66H prefix: the low word.
pub(crate) fn pushf16<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let flags = st.rflags().bits();
    tri!(st.push16(flags as u16));
    st.after_store()
}

/// POPFQ at CPL 3: IF and IOPL stay as they are.
pub(crate) fn popf<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let rsp = st.regs[RSP];
    let popped = tri!(st.mmu.load::<u64>(LinearAddr(rsp)));
    st.regs[RSP] = rsp.wrapping_add(8);
    st.pop_flags(popped, Rflags::TF | Rflags::DF | Rflags::NT | Rflags::AC | Rflags::ID);
    // Single-stepping begins with the next instruction, so the block ends here.
    Flow::Leave
}

/// POPF with a 66H prefix: the flags of the low word.
pub(crate) fn popf16<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let rsp = st.regs[RSP];
    let popped = u64::from(tri!(st.mmu.load::<u16>(LinearAddr(rsp))));
    st.regs[RSP] = rsp.wrapping_add(2);
    st.pop_flags(popped, Rflags::TF | Rflags::DF | Rflags::NT);
    Flow::Leave
}

/// XLATB: AL = \[rBX + AL\].
pub(crate) fn xlat<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.ea_plus(st, st.regs[RAX] & 0xff);
    let v = tri!(W8::load(st, la));
    W8::set(st, RAX as u8, v);
    Flow::Next
}

/// SYSCALL: RCX and R11 take the return address and the flags. The kernel layer does the rest.
pub(crate) fn syscall<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.regs[RCX] = st.next_rip(op);
    st.regs[11] = st.rflags().bits();
    Flow::Syscall
}

pub(crate) fn int3<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.exception = Exception::Breakpoint;
    Flow::TrapAfter
}

pub(crate) fn undefined<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.raise(Exception::InvalidOpcode)
}
