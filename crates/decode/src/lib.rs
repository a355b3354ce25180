//! Bytes to instructions: what an instruction is, apart from how it is executed.
//!
//! Decoding is iced-x86's. This crate turns its answer into [`Insn`], which says operands in the terms of the core
//! (register numbers, an address as a sum, immediates widened to their operand) and what a hardware model wants to know
//! ([`arch::InstrInfo`]). Nothing in an `Insn` depends on the linear address: branch targets and RIP-relative addresses are
//! relative to the page that holds the first byte, so one decoded block serves every mapping of its frame.
#![forbid(unsafe_code)]

mod disasm;
mod features;
mod info;
mod insn;
mod operand;

pub use disasm::disassemble;
pub use iced_x86::{Code, Mnemonic};
pub use insn::{DecodeError, Insn, Rep, decode};
pub use operand::{MemOperand, Operand, Segment};

/// The longest instruction, in bytes.
pub const MAX_INSN_BYTES: usize = 15;
