//! `pagewalk trace show`.

use super::args::ShowArgs;
use super::{open, unusable};
use crate::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

/// Prints the events that are asked for.
pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, Error> {
    let mut trace = open(&args.trace)?;
    let tables = args.full.then(|| trace.tables().cloned()).flatten();
    let filter = args.filters.rule();
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut out = BufWriter::new(stdout().lock());
    let mut number = 0;
    while let Some((line, record)) = trace.next_event().map_err(|cause| unusable(&args.trace, cause))? {
        number += 1;
        if left == 0 {
            break;
        }
        if number < args.from || !filter.matches(line) {
            continue;
        }
        left -= 1;
        let written = match (&tables, record) {
            (Some(tables), Some(record)) => writeln!(out, "{}", line.with_note(&tables.note(number, &record))),
            _ => writeln!(out, "{line}"),
        };
        written.map_err(Error::Output)?;
    }
    out.flush().map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}
