//! MXCSR: rounding, masks and sticky flags (SDM "MXCSR Control and Status Register").
//!
//! ```text
//!  15  14 13  12 11 10  9  8  7   6   5  4  3  2  1  0
//! +---+------+--+--+--+--+--+--+---+--+--+--+--+--+--+
//! |FTZ|  RC  |PM|UM|OM|ZM|DM|IM|DAZ|PE|UE|OE|ZE|DE|IE|
//! +---+------+--+--+--+--+--+--+---+--+--+--+--+--+--+
//! ```
//! Protocol of an instruction on the soft path: make an [`Env`], compute all lanes with it, [`Env::commit`], and only then
//! write the destination, because an unmasked exception leaves it as it was.

use super::float::Float;
use crate::op::Flow;
use crate::state::State;
use arch::Exception;
use paging::HardwareModel;
use rustc_apfloat::Round;

/// Invalid operation.
pub(in crate::exec) const IE: u32 = 1 << 0;
/// Denormal operand.
pub(in crate::exec) const DE: u32 = 1 << 1;
/// Division by zero.
pub(in crate::exec) const ZE: u32 = 1 << 2;
/// Overflow.
pub(in crate::exec) const OE: u32 = 1 << 3;
/// Underflow.
pub(in crate::exec) const UE: u32 = 1 << 4;
/// Precision: the result is inexact.
pub(in crate::exec) const PE: u32 = 1 << 5;
/// Denormal operands are zeros.
pub(in crate::exec) const DAZ: u32 = 1 << 6;
const MASK_SHIFT: u32 = 7;
/// All exceptions masked.
pub(in crate::exec) const MASKS: u32 = 0x3f << MASK_SHIFT;
/// Where the rounding mode starts.
pub(in crate::exec) const ROUNDING_SHIFT: u32 = 13;
const ROUNDING: u32 = 3 << ROUNDING_SHIFT;
/// Denormal results become zeros.
pub(in crate::exec) const FTZ: u32 = 1 << 15;
/// The exceptions that are found before there is a result.
const BEFORE_RESULT: u32 = IE | DE | ZE;

/// Rounding to nearest, all exceptions masked: what the host's arithmetic does as long as no value is denormal.
#[inline(always)]
pub(in crate::exec) fn is_plain(mxcsr: u32) -> bool {
    mxcsr & (MASKS | ROUNDING) == MASKS
}

/// As [`is_plain`], and PE is set already, so that it does not matter whether a result is exact.
#[inline(always)]
pub(in crate::exec) fn is_settled(mxcsr: u32) -> bool {
    mxcsr & (MASKS | ROUNDING | PE) == MASKS | PE
}

/// The floating-point environment of one instruction on the soft path.
pub(in crate::exec) struct Env {
    control: u32,
    raised: u32,
    /// What earlier steps of the instruction raised, all masked.
    earlier: u32,
}

impl Env {
    pub(in crate::exec) const fn new(mxcsr: u32) -> Self {
        Self { control: mxcsr, raised: 0, earlier: 0 }
    }

    /// Notes exceptions of one lane.
    pub(in crate::exec) const fn raise(&mut self, exceptions: u32) {
        self.raised |= exceptions;
    }

    /// The exceptions noted so far.
    #[cfg(test)]
    pub(in crate::exec) const fn raised(&self) -> u32 {
        self.raised
    }

    /// True if all these exceptions are masked.
    pub(in crate::exec) const fn masked(&self, exceptions: u32) -> bool {
        self.control >> MASK_SHIFT & exceptions == exceptions
    }

    /// Ends a step of an instruction that rounds several times. False if one of its exceptions is not masked: then the
    /// instruction goes no further.
    pub(in crate::exec) const fn next_step(&mut self) -> bool {
        if !self.masked(self.raised) {
            return false;
        }
        self.earlier |= self.raised;
        self.raised = 0;
        true
    }

    /// True if denormal results become zero: FTZ counts only while underflow is masked.
    pub(in crate::exec) const fn flushes_results(&self) -> bool {
        self.control & FTZ != 0 && self.masked(UE)
    }

    /// An operand as the instruction sees it: with DAZ a denormal is a zero of its sign.
    pub(in crate::exec) fn operand<F: Float>(&self, bits: u64) -> u64 {
        if self.control & DAZ != 0 && F::is_denormal(bits) { bits & F::SIGN } else { bits }
    }

    pub(in crate::exec) const fn rounding(&self) -> Round {
        match (self.control & ROUNDING) >> ROUNDING_SHIFT {
            0 => Round::NearestTiesToEven,
            1 => Round::TowardNegative,
            2 => Round::TowardPositive,
            _ => Round::TowardZero,
        }
    }

    /// Makes the flags sticky; #XM if one of them is not masked. An exception of an operand in any lane keeps those of
    /// the results from being found.
    ///
    /// # Errors
    /// How the handler has to end, the destination untouched.
    pub(in crate::exec) fn commit<H: HardwareModel>(self, st: &mut State<H>) -> Result<(), Flow> {
        st.mxcsr |= self.earlier;
        let early = self.raised & BEFORE_RESULT;
        if !self.masked(early) {
            st.mxcsr |= early;
            return Err(st.raise(Exception::Simd));
        }
        st.mxcsr |= self.raised;
        if self.masked(self.raised) { Ok(()) } else { Err(st.raise(Exception::Simd)) }
    }
}
