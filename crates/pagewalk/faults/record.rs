//! `pagewalk trace record` and `bless`: a run's trace becomes a file.

use super::args::{BlessArgs, RecordArgs};
use super::console::Output;
use super::execute::{Execution, Ran};
use super::{options, processor};
use crate::cli::FAILED;
use crate::error::Error;
use crate::output;
use crate::report::say;
use pagewalk::trace::{EventKind, Form, Header, KeptHeader, TraceFile, replace, write_text};
use std::io::{self, Seek, Write};
use std::path::Path;
use std::process::ExitCode;

/// Runs a program and writes its trace.
pub(super) fn record(args: &RecordArgs) -> Result<ExitCode, Error> {
    output::spare_program(&args.guest, &args.program, [args.output.as_path()])?;
    output::is_no_folder(&args.output)?;
    let mut events = args.recorded.events.clone();
    if args.sanitize.sanitize.is_some() && !events.contains(&EventKind::Stale) {
        events.push(EventKind::Stale);
    }
    let header = Header {
        program: args.program.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        options: options::given(&args.program)?,
        input: args.input.as_ref().map(|path| path.to_string_lossy().into_owned()),
        events,
        ignore: Vec::new(),
        ..Header::default()
    };
    let header = processor::named(header, &args.model);
    let form = args.packed.map_or(Form::Text, |codec| Form::Packed(codec.into()));
    let (guest, model, output) = (&args.guest, &args.model, Output::Shown);
    let (timeout, to) = (args.timeout.timeout, &args.output);
    let Ran { made, status, .. } = Execution { header, guest, model, form, output, timeout, to }.run()?;
    let events = replace(&args.output, |to| write(made, None, to, form));
    let events = events.map_err(|cause| unwritable(&args.output, cause))?;
    if !args.quiet {
        say(&format!("pagewalk: wrote {}: {events} events\n", args.output.display()));
    }
    Ok(status)
}

/// Runs the program of a trace again, and puts what it does now in its place.
pub(super) fn bless(args: &BlessArgs) -> Result<ExitCode, Error> {
    let trace = super::open(&args.trace)?;
    let (header, form) = (trace.header().clone(), trace.form());
    let header = Header { program: super::program(&header, &args.program)?, ..header };
    let header = processor::named(header, &args.model);
    let guest = options::read(&header.options)?;
    let (guest, model, output) = (&guest, &args.model, Output::Dropped);
    let (timeout, to) = (args.timeout.timeout, &args.trace);
    let Ran { made, stale, .. } = Execution { header, guest, model, form, output, timeout, to }.run_whole()?;
    let events = replace(&args.trace, |to| write(made, trace.kept_header(), to, form));
    let events = events.map_err(|cause| unwritable(&args.trace, cause))?;
    say(&format!("pagewalk: wrote {}: {events} events\n", args.trace.display()));
    Ok(if stale == 0 { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn unwritable(path: &Path, cause: io::Error) -> Error {
    Error::WriteFile { path: path.display().to_string(), cause }
}

/// Writes a trace. Gives how many events there are.
fn write(mut made: TraceFile, kept: Option<&KeptHeader>, to: &mut impl Write, form: Form) -> io::Result<u64> {
    if form == Form::Text {
        return write_text(&mut made, kept, to);
    }
    let trace = made.into_packed().expect("traces are made in this form");
    let events = trace.records();
    let mut from = trace.into_inner();
    from.rewind()?;
    io::copy(&mut from, to)?;
    Ok(events)
}
