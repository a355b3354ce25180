//! `pagewalk trace show`.

use super::args::ShowArgs;
use super::{open, unusable};
use crate::error::Error;
use pagewalk::trace::{Go, TraceFile};
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

/// Prints the events that are asked for.
pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, Error> {
    let mut trace = open(&args.trace)?;
    let filter = args.filters.rule();
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut out = BufWriter::new(stdout().lock());
    let mut outcome = Ok(());
    let mut print = |number: u64, text: &dyn Fn() -> String, is_wanted: bool| {
        if number < args.from || !is_wanted {
            return Go::On;
        }
        if left == 0 {
            return Go::Stop;
        }
        left -= 1;
        outcome = writeln!(out, "{}", text());
        if outcome.is_ok() { Go::On } else { Go::Stop }
    };
    match &mut trace {
        TraceFile::Packed(trace) if args.full => {
            let tables = trace.tables().clone();
            let each = &mut |n: u64, record: &_| {
                let line = tables.line(record);
                let text = || line.with_note(&tables.note(n + 1, record));
                print(n + 1, &text, filter.matches(&line))
            };
            trace.visit_from(args.from - 1, each)
        }
        trace => trace.visit(&mut |n, line| print(n, &|| line.to_string(), filter.matches(line))),
    }
    .map_err(|cause| unusable(&args.trace, cause))?;
    outcome.and_then(|()| out.flush()).map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}
