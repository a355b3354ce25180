//! What goes wrong outside the guest, said so that a person can act on it.

use crate::cli::FAILED;
use miette::Diagnostic;
use pagewalk::{ExecError, MachineError};
use std::process::ExitCode;
use thiserror::Error;

/// Why `pagewalk` itself could not do what was asked.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum Error {
    /// There is no machine.
    #[error("the machine cannot be set up")]
    #[diagnostic(code(pagewalk::machine))]
    Machine {
        /// Why.
        #[source]
        cause: MachineError,
        /// What to do.
        #[help]
        help: &'static str,
    },
    /// The program cannot be loaded.
    #[error("cannot run `{program}`")]
    #[diagnostic(code(pagewalk::exec))]
    Exec {
        /// The program as it was named.
        program: String,
        /// What the kernel layer says.
        #[source]
        cause: ExecError,
        /// What to do.
        #[help]
        help: String,
    },
    /// Ctrl-C cannot be caught.
    #[error("cannot catch Ctrl-C")]
    #[diagnostic(code(pagewalk::signal))]
    Signal(#[source] std::io::Error),
}

impl Error {
    const fn status(&self) -> u8 {
        match self {
            Self::Machine { .. } | Self::Signal(_) => FAILED,
            Self::Exec { cause, .. } => cause.exit_code(),
        }
    }
}

impl From<MachineError> for Error {
    fn from(cause: MachineError) -> Self {
        let help = match cause {
            MachineError::Ram(_) => "--ram sets the size of the simulated RAM",
            MachineError::Boot(_) => "check --root, --mount and --cwd, which say what files the program sees",
        };
        Self::Machine { cause, help }
    }
}

/// Prints an error to standard error and gives the exit status that stands for it.
pub(crate) fn print(error: Error) -> ExitCode {
    let status = error.status();
    eprint!("{:?}", miette::Report::new(error));
    ExitCode::from(status)
}
