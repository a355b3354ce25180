//! The registers and operands of VEX-encoded instructions.
//!
//! A vector of 256 bits travels as two halves, the low one first. Where an operand comes from also says how long the vector
//! is ([`Source::WIDE`]), so that a generic handler is compiled once for each form: XMM or YMM, register or memory.
//!
//! Invariant: every write to a vector register is of all 256 bits ([`State::set_ymm`]); an operation on 128 bits gives 0 for
//! the high half (SDM "YMM State Management").

use crate::op::{Flow, Op};
use crate::state::State;
use decode::{Insn, Operand};
use paging::HardwareModel;

/// Bits 127:0 and 255:128 of a register.
pub(super) type Halves = [u128; 2];

impl<H> State<H> {
    /// Register YMM`n`.
    #[inline(always)]
    pub(super) fn ymm(&self, n: u8) -> Halves {
        [self.xmm[usize::from(n & 15)], self.ymm_high[usize::from(n & 15)]]
    }

    /// Writes register YMM`n`.
    #[inline(always)]
    pub(super) fn set_ymm(&mut self, n: u8, value: Halves) {
        self.xmm[usize::from(n & 15)] = value[0];
        self.ymm_high[usize::from(n & 15)] = value[1];
    }

    /// Writes register XMM`n` as VEX-encoded instructions do.
    #[inline(always)]
    pub(super) fn set_vex_xmm(&mut self, n: u8, value: u128) {
        self.set_ymm(n, [value, 0]);
    }
}

/// The last operand of an instruction on whole vectors. An error is how the handler has to end.
pub(super) trait Source: 'static {
    /// The vector has 256 bits, else 128.
    const WIDE: bool;

    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow>;
}

/// Register `op.src`, 128 bits.
pub(super) struct Xmm;
/// Register `op.src`, 256 bits.
pub(super) struct Ymm;
/// 8 bytes of memory, anywhere, zero-extended to 128 bits.
pub(super) struct Mem64;
/// 16 bytes of memory, anywhere.
pub(super) struct Mem128;
/// 32 bytes of memory, anywhere.
pub(super) struct Mem256;

impl Source for Xmm {
    const WIDE: bool = false;

    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow> {
        Ok([st.xmm[usize::from(op.src & 15)], 0])
    }
}

impl Source for Ymm {
    const WIDE: bool = true;

    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow> {
        Ok(st.ymm(op.src))
    }
}

impl Source for Mem64 {
    const WIDE: bool = false;

    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow> {
        st.load::<u64>(op).map(|low| [low.into(), 0]).map_err(|mmu::Fault| Flow::Fault)
    }
}

impl Source for Mem128 {
    const WIDE: bool = false;

    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow> {
        st.load::<u128>(op).map(|low| [low, 0]).map_err(|mmu::Fault| Flow::Fault)
    }
}

impl Source for Mem256 {
    const WIDE: bool = true;

    #[inline(always)]
    fn read<H: HardwareModel>(st: &mut State<H>, op: &Op<H>) -> Result<Halves, Flow> {
        st.load::<Halves>(op).map_err(|mmu::Fault| Flow::Fault)
    }
}

/// Checks that the memory operand, of `size` bytes, is aligned to its size.
///
/// # Errors
/// How the handler has to end.
#[inline(always)]
pub(super) fn aligned<H: HardwareModel>(st: &mut State<H>, op: &Op<H>, size: u64) -> Result<(), Flow> {
    // #GP(0) before anything else is looked at, as on silicon: also where an address that is not canonical would give #SS.
    if op.ea(st).0 & (size - 1) == 0 { Ok(()) } else { Err(st.general_protection()) }
}

/// Sets the registers of an instruction: destination, the last vector operand (`op.src`), and the one before it (`op.aux`,
/// which is the destination's old value where there is none). The immediate, if any, too.
pub(super) fn place<H>(insn: &Insn, op: &mut Op<H>) {
    if let Some(imm) = immediate(insn) {
        op.imm = imm;
    }
    op.dst = number(&insn.ops[0]);
    let last = last_source(insn);
    op.src = number(&insn.ops[last]);
    op.aux = number(&insn.ops[last - 1]);
}

/// The immediate, which is the last operand.
fn immediate(insn: &Insn) -> Option<u64> {
    insn.ops.iter().find_map(|operand| if let Operand::Imm(imm) = operand { Some(imm & 0xff) } else { None })
}

/// Which operand is the last vector that is read: of four it is the third, before an immediate or a register that selects.
pub(super) fn last_source(insn: &Insn) -> usize {
    match insn.op_count {
        4 => 2,
        3 if !matches!(insn.ops[2], Operand::Imm(_)) => 2,
        _ => 1,
    }
}

/// The number of a register operand, 0 for another.
pub(super) fn number(operand: &Operand) -> u8 {
    match *operand {
        Operand::Xmm(n) | Operand::Ymm(n) | Operand::Reg32(n) | Operand::Reg64(n) => n,
        _ => 0,
    }
}

/// Chooses a handler by the last operand, a whole vector: `$s` names the source within the handler's path.
macro_rules! by_vector {
    ($insn:expr, $op:expr, |$s:ident| $handler:expr) => {{
        crate::exec::avx::operand::place($insn, $op);
        match $insn.ops[crate::exec::avx::operand::last_source($insn)] {
            decode::Operand::Xmm(_) => {
                type $s = crate::exec::avx::operand::Xmm;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Ymm(_) => {
                type $s = crate::exec::avx::operand::Ymm;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Mem(mem) if mem.size == 32 => {
                type $s = crate::exec::avx::operand::Mem256;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Mem(_) => {
                type $s = crate::exec::avx::operand::Mem128;
                crate::bind::to($op, $handler)
            }
            _ => false,
        }
    }};
}
pub(super) use by_vector;

/// Chooses a handler by the last operand, an XMM register or memory of type `$memory`, which gives 128 bits
/// ([`crate::exec::sse::operand::Source`]).
macro_rules! by_scalar {
    ($insn:expr, $op:expr, $memory:ty, |$s:ident| $handler:expr) => {{
        crate::exec::avx::operand::place($insn, $op);
        match $insn.ops[crate::exec::avx::operand::last_source($insn)] {
            decode::Operand::Xmm(_) => {
                type $s = crate::exec::sse::operand::Register;
                crate::bind::to($op, $handler)
            }
            decode::Operand::Mem(_) => {
                type $s = crate::exec::sse::operand::Memory<$memory>;
                crate::bind::to($op, $handler)
            }
            _ => false,
        }
    }};
}
pub(super) use by_scalar;
