//! System instructions as a user program sees them: identification, time, random numbers, bases of FS and GS, software
//! interrupts, cache lines; and what Linux emulates because UMIP keeps it from programs.

use crate::op::{Flow, Op, tri};
use crate::state::{FS, GS, RAX, RBX, RCX, RDX, State};
use crate::width::Width;
use arch::{Exception, LinearAddr, Rflags};
use paging::{HardwareModel, is_canonical};

/// An instruction that only CPL 0 may execute.
pub(crate) fn privileged<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.general_protection()
}

pub(crate) fn cpuid<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let r = st.model.cpuid(st.regs[RAX] as u32, st.regs[RCX] as u32);
    st.regs[RAX] = u64::from(r.eax);
    st.regs[RBX] = u64::from(r.ebx);
    st.regs[RCX] = u64::from(r.ecx);
    st.regs[RDX] = u64::from(r.edx);
    Flow::Next
}

/// RDTSC: virtual time in nanoseconds. It ends a block, so that the count of instructions is exact.
pub(crate) fn rdtsc<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    let now = st.retired.wrapping_add(st.tsc_offset);
    st.regs[RAX] = now & 0xffff_ffff;
    st.regs[RDX] = now >> 32;
    Flow::NotTaken
}

/// RDTSCP: the time, and IA32_TSC_AUX in ECX, which Linux sets to the processor's number.
pub(crate) fn rdtscp<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.regs[RCX] = PROCESSOR;
    rdtsc(st, op)
}

/// RDPID: IA32_TSC_AUX.
pub(crate) fn rdpid<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    st.set_reg(op.dst, PROCESSOR);
    Flow::Next
}

/// The number of the only processor, on the only node.
const PROCESSOR: u64 = 0;

/// RDRAND and RDSEED: the next number of the run's sequence; there is always one.
pub(crate) fn random<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let number = st.random.next_u64();
    W::set(st, op.dst, number & W::MASK);
    st.flags.set(Rflags::CF);
    Flow::Next
}

/// RDFSBASE and RDGSBASE: the segment is `op.aux`.
pub(crate) fn read_base<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    W::set(st, op.dst, st.reg(op.aux) & W::MASK);
    Flow::Next
}

/// WRFSBASE and WRGSBASE: #GP(0) if the base is not canonical.
pub(crate) fn write_base<H: HardwareModel, W: Width>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let base = W::get(st, op.src);
    if !is_canonical(LinearAddr(base), 1) {
        return st.general_protection();
    }
    st.set_reg(op.aux, base);
    Flow::Next
}

/// The registers that hold the bases.
pub(crate) const BASES: [u8; 2] = [FS, GS];

/// CLFLUSHOPT and CLWB: caches hold no data here, but the access is checked as a load (MMU-099).
pub(crate) fn cache_line<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.load::<u8>(op));
    Flow::Next
}

/// INT1.
pub(crate) fn int1<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    st.exception = Exception::Int1;
    Flow::TrapAfter
}

/// INT n at CPL 3: Linux lets programs use the gates of #BP and #OF; for any other, #GP with the gate as a selector.
pub(crate) fn int_n<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let trap = match op.imm as u8 {
        3 => Exception::Breakpoint,
        4 => Exception::Overflow,
        vector => return st.raise(Exception::GeneralProtection { code: u32::from(vector) * 8 + 2 }),
    };
    st.exception = trap;
    Flow::TrapAfter
}

/// RDPKRU: #GP(0) unless ECX is 0.
pub(crate) fn rdpkru<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    if st.regs[RCX] as u32 != 0 {
        return st.general_protection();
    }
    st.regs[RAX] = u64::from(st.pkru);
    st.regs[RDX] = 0;
    Flow::Next
}

/// WRPKRU: #GP(0) unless ECX and EDX are 0.
pub(crate) fn wrpkru<H: HardwareModel>(st: &mut State<H>, _: &Op<H>) -> Flow {
    if (st.regs[RCX] | st.regs[RDX]) as u32 != 0 {
        return st.general_protection();
    }
    st.set_pkru(st.regs[RAX] as u32);
    Flow::Next
}

/// What Linux shows of the descriptor tables, the task register, the LDT and CR0 (`emulate_umip_insn`).
pub(crate) const GDT_BASE: u64 = 0xffff_ffff_fffe_0000;
pub(crate) const IDT_BASE: u64 = 0xffff_ffff_ffff_0000;
pub(crate) const CR0: u64 = 0x8005_0033;
pub(crate) const TASK: u64 = 0x40;
pub(crate) const LDT: u64 = 0;

/// SGDT and SIDT: a limit of 0, and the base in `op.imm`.
pub(crate) fn store_table<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let mut bytes = [0; 10];
    bytes[2..].copy_from_slice(&op.imm.to_le_bytes());
    let la = op.ea(st);
    tri!(st.mmu.store_bytes(la, &bytes));
    st.after_store()
}

/// SLDT, STR and SMSW to a register: so many low bytes as Linux writes, the others stay.
pub(crate) fn umip_to_register<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let kept = u64::MAX.checked_shl(u32::from(op.aux) * 8).unwrap_or(0);
    st.set_reg(op.dst, st.reg(op.dst) & kept | op.imm & !kept);
    Flow::Next
}

/// SLDT, STR and SMSW to memory: a word.
pub(crate) fn umip_to_memory<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    tri!(st.store(op, op.imm as u16));
    st.after_store()
}
