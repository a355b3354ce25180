//! From a decoded instruction to operations: which function executes it, with which operands.
//!
//! The memory operand, if there is one, is placed here once for all families; a family's `bind` chooses the function and
//! sets registers and immediates.

mod arith;
mod extensions;
mod flags;
mod flow;
mod fuse;
mod int;
mod moves;
mod operands;
mod system;

use crate::exec;
use crate::op::{Binding, Flow, Handler, Op};
use crate::state::{FS, GS, PAGE, RSP, SCRATCH, State, ZERO};
use crate::width::HIGH_BYTE;
use decode::{Insn, MemOperand, Mnemonic, Operand, Segment};
use paging::HardwareModel;

pub(crate) use fuse::{fuse, join};

/// Appends the operations of one instruction, and says of the last what it does with the flags. `before` is the number of
/// instructions of the block that come before it.
pub(crate) fn bind<H: HardwareModel>(insn: &Insn, before: u16, ops: &mut Vec<Op<H>>) -> Binding<H> {
    let mut op = Op::new(unsupported::<H>, insn.info.page_offset, insn.info.length, before);
    if let Some(mem) = insn.ops.iter().find_map(Operand::mem) {
        place_memory(&mut op, mem, ops);
        // An address that uses ESP sees it already popped, as RSP in the operation itself (`mov::pop_mem`).
        if insn.mnemonic == Mnemonic::Pop && mem.addr32 && mem.base == Some(RSP as u8) {
            let address = ops.last_mut().expect("an address of 32 bits has an operation");
            address.disp = address.disp.wrapping_add(mem.size.into());
        }
    }
    let bound = int::bind(insn, &mut op)
        || exec::sse::bind(insn, &mut op)
        || exec::x87::bind(insn, &mut op)
        || exec::mmx::bind(insn, &mut op)
        || exec::avx::bind(insn, &mut op);
    if !bound {
        op.run = unsupported::<H>;
    }
    ops.push(op);
    flags::binding(insn)
}

/// Places the address. A 32-bit address is computed by an operation of its own, as it is rare.
fn place_memory<H: HardwareModel>(op: &mut Op<H>, mem: &MemOperand, ops: &mut Vec<Op<H>>) {
    op.base = match mem.base {
        _ if mem.rip_relative => PAGE,
        Some(n) => n,
        None => ZERO,
    };
    op.index = mem.index.unwrap_or(ZERO);
    op.scale = mem.scale;
    op.disp = mem.disp as u64;
    op.segment = match mem.segment {
        Segment::Flat => ZERO,
        Segment::Fs => FS,
        Segment::Gs => GS,
    };
    op.stack = mem.stack;
    if mem.addr32 {
        ops.push(Op { run: address32::<H>, segment: ZERO, ..*op });
        (op.base, op.index, op.disp) = (SCRATCH, ZERO, 0);
    }
}

/// Computes a 32-bit address for the operation that follows.
fn address32<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Flow {
    let la = op.offset_in_segment(st) & 0xffff_ffff;
    st.set_reg(SCRATCH, la);
    Flow::Next
}

/// Ends the run: there is no function for this instruction.
pub(crate) fn unsupported<H: HardwareModel>(_: &mut State<H>, _: &Op<H>) -> Flow {
    Flow::Unsupported
}

/// The register number of a general-register operand, with [`HIGH_BYTE`] for AH to BH.
pub(crate) fn gpr(operand: &Operand) -> Option<u8> {
    match *operand {
        Operand::Reg8(n) | Operand::Reg16(n) | Operand::Reg32(n) | Operand::Reg64(n) => Some(n),
        Operand::Reg8High(n) => Some(n | HIGH_BYTE),
        _ => None,
    }
}

/// Sets the function; the value of a family's `bind` when it knows the instruction.
pub(crate) fn to<H>(op: &mut Op<H>, run: Handler<H>) -> bool {
    op.run = run;
    true
}
