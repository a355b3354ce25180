//! `pagewalk trace`: what became of each page fault, written down and compared.

mod args;
mod at;
mod check;
mod console;
mod execute;
mod options;
#[cfg(feature = "parquet")]
mod parquet;
mod processor;
mod record;
mod show;
mod stat;
mod why;

pub(crate) use args::TraceCommand;

use crate::error::Error;
use pagewalk::trace::{Header, ReadError, TraceFile};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Does what is asked.
pub(crate) fn trace(command: &TraceCommand) -> Result<ExitCode, Error> {
    match command {
        TraceCommand::Check(args) => Ok(check::check(args)),
        TraceCommand::Diff(args) => Ok(check::diff(args)),
        TraceCommand::Record(args) => record::record(args),
        TraceCommand::Bless(args) => record::bless(args),
        TraceCommand::Show(args) => show::show(args),
        TraceCommand::Stat(args) => stat::stat(args),
        TraceCommand::Why(args) => why::why(args),
        TraceCommand::At(args) => at::at(args),
    }
}

/// Opens a trace that is in a file.
fn open(path: &Path) -> Result<TraceFile, Error> {
    TraceFile::open(path).map_err(|cause| unusable(path, cause))
}

fn unusable(path: &Path, cause: ReadError) -> Error {
    let help = match cause {
        ReadError::Foreign => Some("a fault trace is written by `pagewalk trace record -o FILE PROGRAM`"),
        ReadError::Header { .. } => Some("docs/trace-format.md says what a header may have"),
        _ => None,
    };
    Error::Trace { path: path.display().to_string(), cause, help }
}

/// What is run: the program that is given, or else the trace's own.
fn program(header: &Header, given: &[OsString]) -> Result<Vec<String>, Error> {
    if let Some(place) = &header.machine {
        return Err(Error::MachineElsewhere { place: place.clone() });
    }
    match (given, &header.program[..]) {
        ([], []) => Err(Error::NoProgram),
        ([], own) => Ok(own.to_vec()),
        (given, _) => Ok(given.iter().map(|word| word.to_string_lossy().into_owned()).collect()),
    }
}
