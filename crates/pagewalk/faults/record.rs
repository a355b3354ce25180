//! `pagewalk trace record` and `bless`: a run's trace becomes a file.

use super::args::{BlessArgs, RecordArgs};
use super::console::Output;
use super::execute::{Execution, Made};
use super::options;
use crate::error::Error;
use crate::report::say;
use pagewalk::trace::{Header, write_header};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

/// Runs a program and writes its trace.
pub(super) fn record(args: &RecordArgs) -> Result<ExitCode, Error> {
    let header = Header {
        program: args.program.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        options: options::given(&args.program)?,
        input: args.input.as_ref().map(|path| path.to_string_lossy().into_owned()),
        events: args.recorded.events.clone(),
        ignore: Vec::new(),
    };
    let execution = Execution { header, guest: &args.guest, model: &args.model, output: Output::Shown };
    let (made, status) = execution.run()?;
    let events = write(made, &args.output, args.packed)?;
    if !args.quiet {
        say(&format!("pagewalk: wrote {}: {events} events\n", args.output.display()));
    }
    Ok(status)
}

/// Runs the program of a trace again, and puts what it does now in its place.
pub(super) fn bless(args: &BlessArgs) -> Result<ExitCode, Error> {
    let trace = super::open(&args.trace)?;
    let (header, is_packed) = (trace.header().clone(), trace.tables().is_some());
    let header = Header { program: super::program(&header, &args.program), ..header };
    let guest = options::read(&header.options)?;
    let execution = Execution { header, guest: &guest, model: &args.model, output: Output::Dropped };
    let (made, _) = execution.run()?;
    let events = write(made, &args.trace, is_packed)?;
    say(&format!("pagewalk: wrote {}: {events} events\n", args.trace.display()));
    Ok(ExitCode::SUCCESS)
}

/// Writes a trace. Gives how many events there are.
fn write(made: Made, path: &Path, is_packed: bool) -> Result<u64, Error> {
    let written = File::create(path).and_then(|to| {
        let mut to = BufWriter::new(to);
        let events = if is_packed { write_packed(made, &mut to) } else { write_text(made, &mut to) }?;
        to.flush().map(|()| events)
    });
    written.map_err(|cause| Error::WriteFile { path: path.display().to_string(), cause })
}

fn write_packed(made: Made, to: &mut impl Write) -> io::Result<u64> {
    let trace = made.into_packed().expect("traces are made in this form");
    let events = trace.records();
    to.write_all(trace.into_inner().get_ref())?;
    Ok(events)
}

fn write_text(mut made: Made, to: &mut impl Write) -> io::Result<u64> {
    write_header(made.header(), to)?;
    let mut events = 0;
    while let Some(line) = made.next_line().expect("it was just written") {
        events += 1;
        writeln!(to, "{line}")?;
    }
    Ok(events)
}
