//! One operation of a block: a function and its operands.

use crate::state::{SCRATCH, State, ZERO};
use arch::LinearAddr;

/// What an operation tells the dispatch loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Flow {
    /// Go on with the next operation of the block.
    Next,
    /// The block ends; control goes on at the operation's branch target.
    Taken,
    /// The block ends; control goes on after the instruction.
    NotTaken,
    /// The block ends; control goes on at [`State::target`].
    Indirect,
    /// The instruction is complete, but it changed code: control goes on after it, in newly looked-up blocks.
    Leave,
    /// As `Leave`, but control goes on at [`State::target`].
    LeaveTo,
    /// SYSCALL: complete, control goes on after it once the kernel layer has served it.
    Syscall,
    /// A memory access faulted; the MMU knows why.
    Fault,
    /// The instruction raised [`State::exception`] instead of completing (fault class).
    Exception,
    /// The instruction completed and raised [`State::exception`] (trap class: INT3).
    TrapAfter,
    /// The core does not execute this instruction.
    Unsupported,
}

/// What an operation does. It finds its operands in the [`Op`].
pub(crate) type Handler<H> = fn(&mut State<H>, &Op<H>) -> Flow;

/// What an operation does with the status flags, as far as [`crate::block`] may leave work out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FlagUse {
    /// It reads them, may fault, or ends the block: they must be right before it.
    #[default]
    Needs,
    /// It neither reads nor writes them, and cannot fault.
    Ignores,
    /// It writes some of them, reads none, and cannot fault.
    WritesSome,
    /// It writes all of them, reads none, and cannot fault.
    WritesAll,
}

/// What binding says of an operation beside the operation itself.
pub(crate) struct Binding<H> {
    pub(crate) flags: FlagUse,
    /// A function that does the same but leaves the status flags as they are.
    pub(crate) quiet: Option<Handler<H>>,
}

impl<H> Default for Binding<H> {
    fn default() -> Self {
        Self { flags: FlagUse::Needs, quiet: None }
    }
}

/// One operation. Register numbers index [`State::regs`], where absent ones point to a register that is always 0.
pub(crate) struct Op<H> {
    pub(crate) run: Handler<H>,
    /// Immediate, or branch target relative to the page.
    pub(crate) imm: u64,
    /// Displacement of the memory operand.
    pub(crate) disp: u64,
    pub(crate) dst: u8,
    pub(crate) src: u8,
    pub(crate) base: u8,
    pub(crate) index: u8,
    pub(crate) scale: u8,
    pub(crate) segment: u8,
    /// What a handler needs beside; its meaning is the handler's.
    pub(crate) aux: u8,
    /// Bytes of the instruction.
    pub(crate) len: u8,
    /// Offset of the instruction in its page.
    pub(crate) offset: u16,
    /// Instructions of the block that are complete before this one.
    pub(crate) before: u16,
    /// The memory operand, or the only access, is a stack address: #SS if it is not canonical.
    pub(crate) stack: bool,
}

impl<H> Op<H> {
    /// An operation without operands, for an instruction of `len` bytes at `offset` in its page, `before` of whose block
    /// come first.
    pub(crate) const fn new(run: Handler<H>, offset: u16, len: u8, before: u16) -> Self {
        Self {
            run,
            imm: 0,
            disp: 0,
            dst: ZERO,
            src: ZERO,
            base: ZERO,
            index: ZERO,
            scale: 0,
            segment: ZERO,
            aux: 0,
            len,
            offset,
            before,
            stack: false,
        }
    }

    /// The linear address of the memory operand.
    #[inline(always)]
    pub(crate) fn ea(&self, st: &State<H>) -> LinearAddr {
        LinearAddr(self.offset_in_segment(st).wrapping_add(st.regs[usize::from(self.segment & 31)]))
    }

    /// The address of the memory operand without the segment's base: what LEA gives.
    #[inline(always)]
    pub(crate) fn offset_in_segment(&self, st: &State<H>) -> u64 {
        let base = st.regs[usize::from(self.base & 31)];
        let index = st.regs[usize::from(self.index & 31)] << (self.scale & 3);
        base.wrapping_add(index).wrapping_add(self.disp)
    }

    /// The linear address so many bytes beyond the memory operand's, where that is part of the address: a 32-bit address is
    /// cut after the addition.
    pub(crate) fn ea_plus(&self, st: &State<H>, bytes: u64) -> LinearAddr {
        let mask = if self.base == SCRATCH { 0xffff_ffff } else { u64::MAX };
        let offset = self.offset_in_segment(st).wrapping_add(bytes) & mask;
        LinearAddr(offset.wrapping_add(st.regs[usize::from(self.segment & 31)]))
    }

    /// True if the memory operand has no index and a flat segment.
    pub(crate) fn base_only(&self) -> bool {
        self.index == ZERO && self.segment == ZERO
    }

    /// Offset of the next instruction from the start of this one's page.
    #[inline(always)]
    pub(crate) fn next_offset(&self) -> u64 {
        u64::from(self.offset) + u64::from(self.len)
    }
}

/// Ends a handler with [`Flow::Fault`] if an access faulted.
macro_rules! tri {
    ($access:expr) => {
        match $access {
            Ok(value) => value,
            Err(mmu::Fault) => return crate::op::Flow::Fault,
        }
    };
}
pub(crate) use tri;
