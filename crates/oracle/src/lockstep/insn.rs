//! What is to be known of an instruction before it is stepped over.

use super::tracee::Tracee;
use crate::isa::run::architectural;
use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use std::collections::HashMap;

/// How an instruction is stepped over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// By one step.
    Plain,
    /// Step by step until RIP moves, since each iteration is a step.
    Repeated,
    /// By one step; then the trap flag, which the step itself sets, is cleared in what was pushed.
    PushesFlags,
    /// On the machine alone: what it gives is no function of the registers.
    ByMachine,
    /// By the machine's kernel layer.
    Syscall,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How to step over it.
    pub treatment: Treatment,
    /// The flags that it writes.
    pub modified: u64,
    /// The flags among them that the architecture leaves undefined.
    pub undefined: u64,
}

/// Instructions by address. Code that a program writes over is not looked at again.
#[derive(Debug, Default)]
pub struct Known64 {
    by_address: HashMap<u64, Known>,
}

impl Known64 {
    /// The instruction at `rip`.
    pub fn at(&mut self, tracee: &Tracee, rip: u64) -> Known {
        *self.by_address.entry(rip).or_insert_with(|| describe(&decode(tracee, rip)))
    }
}

/// Decodes the instruction at `rip`; an invalid one where nothing is mapped.
#[must_use]
pub fn decode(tracee: &Tracee, rip: u64) -> Instruction {
    let mut bytes = [0; 15];
    let whole = tracee.read(rip, &mut bytes).is_ok();
    let in_page = (0x1000 - rip as usize % 0x1000).min(15);
    if !whole && tracee.read(rip, &mut bytes[..in_page]).is_err() {
        return Instruction::default();
    }
    Decoder::with_ip(64, &bytes, rip, DecoderOptions::FORCE_RESERVED_NOP).decode()
}

fn describe(insn: &Instruction) -> Known {
    use Mnemonic as M;
    let treatment = match insn.mnemonic() {
        M::Syscall => Treatment::Syscall,
        M::Cpuid | M::Rdtsc | M::Rdtscp | M::Xgetbv | M::Rdrand | M::Rdseed | M::Rdpid => Treatment::ByMachine,
        M::Pushf | M::Pushfq => Treatment::PushesFlags,
        _ if insn.is_string_instruction() && (insn.has_rep_prefix() || insn.has_repne_prefix()) => Treatment::Repeated,
        _ => Treatment::Plain,
    };
    let undefined = architectural(insn.rflags_undefined());
    Known { treatment, modified: architectural(insn.rflags_modified()), undefined }
}
