//! `pagewalk trace check` and `diff`: what has changed, in words, and an exit status that says whether anything has, or that it cannot be said.

use super::args::{CheckArgs, DiffArgs, DiffFormat};
use super::console::Output;
use super::execute::Execution;
use super::{open, options, processor, program};
use crate::cli::NOT_COMPARED;
use crate::error::{self, Error};
use crate::report;
use pagewalk::trace::{CompareError, Difference, EventKind, Form, Header, Lines, NotCompared, ReadError, compare};
use std::error::Error as _;
use std::path::Path;
use std::process::ExitCode;

/// The traces differ.
const DIFFERS: u8 = 1;

/// Runs the program of a trace again, and compares.
pub(super) fn check(args: &CheckArgs) -> ExitCode {
    run_and_compare(args).unwrap_or_else(|error| not_compared(error, args.format, &args.golden))
}

/// Compares two traces.
pub(super) fn diff(args: &DiffArgs) -> ExitCode {
    open_and_compare(args).unwrap_or_else(|error| not_compared(error, args.format, &args.old))
}

fn run_and_compare(args: &CheckArgs) -> Result<ExitCode, Error> {
    let mut golden = open(&args.golden)?;
    let header = Header { program: program(golden.header(), &args.program)?, ..golden.header().clone() };
    let header = processor::named(header, &args.model);
    let guest = options::read(&header.options)?;
    let run = |header| {
        let to = &std::env::temp_dir().join("trace");
        let (model, form, output, timeout) = (&args.model, Form::Text, Output::Dropped, args.timeout.timeout);
        Execution { header, guest: &guest, model, form, output, timeout, to }.run_whole()
    };
    let mut ran = run(header.clone())?;
    if ran.stale > 0 && !header.events.contains(&EventKind::Stale) {
        // The environment asks for the sanitizer, and what it finds is to be told like all else that is new.
        let events = [&header.events[..], &[EventKind::Stale]].concat();
        ran = run(Header { events, ..header })?;
    }
    let first_line = golden.first_line();
    let difference = difference(&mut golden, &args.golden, &mut ran.made, &args.golden)?;
    tell(&difference, args.format, &args.golden, first_line)
}

fn open_and_compare(args: &DiffArgs) -> Result<ExitCode, Error> {
    let (mut old, mut new) = (open(&args.old)?, open(&args.new)?);
    let first_line = old.first_line();
    let difference = difference(&mut old, &args.old, &mut new, &args.new)?;
    tell(&difference, args.format, &args.old, first_line)
}

fn difference<A, B>(old: &mut A, old_path: &Path, new: &mut B, new_path: &Path) -> Result<Difference, Error>
where
    A: Lines<Error = ReadError> + Send,
    B: Lines<Error = ReadError>,
{
    compare(old, new).map_err(|error| match error {
        CompareError::Old(cause) => super::unusable(old_path, cause),
        CompareError::New(cause) => super::unusable(new_path, cause),
        error => Error::Compare { cause: error.to_string() },
    })
}

fn tell(difference: &Difference, format: DiffFormat, golden: &Path, first_line: u64) -> Result<ExitCode, Error> {
    let name = golden.display().to_string();
    let text = match format {
        DiffFormat::Text => difference.text(),
        DiffFormat::Json => difference.json() + "\n",
        DiffFormat::Junit => difference.junit(&name),
        DiffFormat::Github => difference.github(&name, first_line) + &difference.text(),
    };
    report::print(&text)?;
    Ok(if difference.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

/// Says what went wrong: on standard error, and to who reads standard output in the form that it expects.
fn not_compared(error: Error, format: DiffFormat, golden: &Path) -> ExitCode {
    let told = NotCompared { file: golden.display().to_string(), error: with_causes(&error) };
    let text = match format {
        DiffFormat::Text => String::new(),
        DiffFormat::Json => told.json() + "\n",
        DiffFormat::Junit => told.junit(),
        DiffFormat::Github => told.github(),
    };
    // If it cannot be written, that is the error itself or no more than is said anyway.
    let _ = report::print(&text);
    error::print(error);
    ExitCode::from(NOT_COMPARED)
}

/// An error and what has caused it.
fn with_causes(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
