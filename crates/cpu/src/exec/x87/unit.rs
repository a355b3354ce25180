//! The x87 unit: eight registers seen as a stack, control word, status word.
//!
//! Registers are kept in their physical places; ST(i) is register (TOP + i) mod 8. Of the tag word only "empty or not" is
//! state, the rest follows from the values. TOP is kept outside the status word, ES and B follow from flags and masks.

use super::f80::F80;
use super::round::{Outcome, Rounding};

/// Control word after FNINIT: all exceptions masked, extended precision, nearest.
pub(super) const FNINIT_CONTROL: u16 = 0x037f;

/// The six exception flags of the status word, which are the masks of the control word too.
pub(super) const IE: u16 = 1 << 0;
pub(super) const DE: u16 = 1 << 1;
pub(super) const ZE: u16 = 1 << 2;
pub(super) const OE: u16 = 1 << 3;
pub(super) const UE: u16 = 1 << 4;
pub(super) const PE: u16 = 1 << 5;
pub(super) const EXCEPTIONS: u16 = 0x3f;
/// Stack fault: the invalid operation was an overflow (C1 = 1) or underflow (C1 = 0) of the register stack.
pub(super) const SF: u16 = 1 << 6;
/// Error summary.
pub(super) const ES: u16 = 1 << 7;
pub(super) const C0: u16 = 1 << 8;
pub(super) const C1: u16 = 1 << 9;
pub(super) const C2: u16 = 1 << 10;
pub(super) const C3: u16 = 1 << 14;
/// All four condition codes.
pub(super) const CONDITIONS: u16 = C0 | C1 | C2 | C3;
/// Busy: a copy of ES.
pub(super) const BUSY: u16 = 1 << 15;

/// The x87 unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fpu {
    /// Registers by physical number.
    pub(super) regs: [F80; 8],
    /// Bit n: physical register n holds a value.
    pub(super) valid: u8,
    /// Physical number of ST(0).
    pub(super) top: u8,
    pub(super) control: u16,
    /// Exception flags, SF and condition codes; TOP, ES and B are derived.
    pub(super) status: u16,
    pub(super) last: LastInstruction,
}

/// What is known of the last instruction that was not one of control (SDM "x87 FPU Instruction and Data (Operand)
/// Pointers"). As on processors with FDP_EXCPTN_ONLY, which have no selectors either, data pointer and opcode are those
/// of the last that left an unmasked exception.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LastInstruction {
    pub(super) ip: u64,
    /// Offset of the memory operand in its segment.
    pub(super) data: u64,
    /// Eleven bits of the opcode.
    pub(super) opcode: u16,
}

impl LastInstruction {
    /// From an image. The instruction pointer is a linear address of 57 bits.
    pub(super) const fn new(ip: u64, data: u64, opcode: u16) -> Self {
        Self { ip: ((ip << 7) as i64 >> 7) as u64, data, opcode: opcode & 0x7ff }
    }
}

impl Default for Fpu {
    /// As after FNINIT, registers 0.
    fn default() -> Self {
        Self {
            regs: [F80::ZERO; 8],
            valid: 0,
            top: 0,
            control: FNINIT_CONTROL,
            status: 0,
            last: LastInstruction::default(),
        }
    }
}

impl Fpu {
    /// The control word as FNSTCW shows it: bit 6 reads 1, other reserved bits 0.
    pub(super) fn set_control(&mut self, word: u16) {
        self.control = word & 0x1f3f | 0x40;
    }

    /// True if a flagged exception is not masked: the next waiting instruction raises #MF.
    #[inline(always)]
    pub(in crate::exec) const fn pending(&self) -> bool {
        self.status & !self.control & EXCEPTIONS != 0
    }

    /// The status word, with TOP, ES and B.
    pub(super) const fn status_word(&self) -> u16 {
        let summary = if self.pending() { ES | BUSY } else { 0 };
        self.status | (self.top as u16) << 11 | summary
    }

    /// Takes a status word; its ES and B are derived anew.
    pub(super) fn set_status_word(&mut self, word: u16) {
        self.top = (word >> 11 & 7) as u8;
        self.status = word & (EXCEPTIONS | SF | C0 | C1 | C2 | C3);
    }

    #[inline(always)]
    pub(super) const fn physical(&self, i: u8) -> u8 {
        self.top.wrapping_add(i) & 7
    }

    /// ST(i), `None` if it is empty.
    #[inline(always)]
    pub(super) const fn st(&self, i: u8) -> Option<F80> {
        let n = self.physical(i);
        if self.valid >> n & 1 != 0 { Some(self.regs[n as usize]) } else { None }
    }

    #[inline(always)]
    pub(super) fn set_st(&mut self, i: u8, value: F80) {
        let n = self.physical(i);
        self.valid |= 1 << n;
        self.regs[usize::from(n)] = value;
    }

    /// Marks ST(i) as empty.
    pub(super) fn free(&mut self, i: u8) {
        self.valid &= !(1 << self.physical(i));
    }

    /// Pops `n` registers.
    #[inline(always)]
    pub(super) fn pop(&mut self, n: u8) {
        for _ in 0..n {
            self.free(0);
            self.top = self.physical(1);
        }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, value: F80) {
        self.top = self.physical(7);
        self.set_st(0, value);
    }

    pub(super) fn rounding(&self) -> Rounding {
        Rounding::of(self.control)
    }

    /// Takes the flags of an operation (C1 is cleared if not among them). True if its result may be stored: an unmasked
    /// exception that is found before the result prevents that.
    #[inline(always)]
    pub(super) fn settle(&mut self, flags: u16) -> bool {
        self.status = self.status & !C1 | flags;
        flags & !self.control & (IE | DE | ZE) == 0
    }

    /// Stores the result of an operation in ST(i), then pops.
    #[inline(always)]
    pub(super) fn finish(&mut self, i: u8, outcome: Outcome, pops: u8) {
        if self.settle(outcome.flags) {
            self.set_st(i, outcome.value);
            self.pop(pops);
        }
    }

    /// Pushes the result of an operation. The register below the top must be empty.
    #[inline(always)]
    pub(super) fn finish_push(&mut self, outcome: Outcome) {
        let outcome = if self.st(7).is_some() { Outcome::STACK_OVERFLOW } else { outcome };
        if self.settle(outcome.flags) {
            self.push(outcome.value);
        }
    }

    /// Sets the four condition codes.
    pub(super) fn set_conditions(&mut self, codes: u16) {
        self.status = self.status & !CONDITIONS | codes;
    }
}
