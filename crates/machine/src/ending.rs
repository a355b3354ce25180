//! How a run ends.

use cpu::Unsupported;
use kernel::mm::invariants::Violation;
use kernel::{Blocked, ExitStatus, UnsupportedSyscall};

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
    /// Every process waits for something that no other can bring about.
    Deadlock(Vec<Blocked>),
    /// Processes are stopped, and nothing that runs could continue them.
    Stopped(Vec<Blocked>),
    /// The host's time for the run is up.
    TimedOut,
    /// Memory is not what it should be: `--check-invariants` found an error of the kernel layer.
    Broken(Violation),
    /// As many instructions as were allowed have retired.
    InstructionLimit(u64),
}
