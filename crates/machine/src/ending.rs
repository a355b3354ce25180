//! How a run ends.

use cpu::Unsupported;
use kernel::{ExitStatus, UnsupportedSyscall};

pub use kernel::ExecError;

/// Why the machine stopped for good.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The program ended, by itself or by a signal.
    Exit(ExitStatus),
    /// The program needs an instruction that the core does not execute.
    UnsupportedInstruction(Unsupported),
    /// The program needs a system call that the kernel layer lacks.
    UnsupportedSyscall(UnsupportedSyscall),
    /// The program waits for something that nothing can bring about.
    Deadlock {
        /// The call it waits in.
        call: &'static str,
    },
    /// The program was stopped by a signal and nobody is there to continue it.
    Stopped {
        /// The signal.
        signal: kernel::Signal,
    },
    /// As many instructions as were allowed have retired.
    InstructionLimit(u64),
}
