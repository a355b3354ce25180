//! `pagewalk trace show`.

use super::args::{ShowArgs, ShowFormat};
use super::{open, unusable};
use crate::error::Error;
use pagewalk::trace::record::{Record, Tables};
use pagewalk::trace::{Column, Line, NOTHING};
use serde_json::{Map, Value};
use std::io::{BufWriter, Write, stdout};
use std::process::ExitCode;

/// Prints the events that are asked for.
pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, Error> {
    let mut trace = open(&args.trace)?;
    let tables = trace.tables().cloned();
    let filter = args.filters.rule();
    let mut left = args.count.unwrap_or(u64::MAX);
    let mut out = BufWriter::new(stdout().lock());
    let mut number = 0;
    while left > 0
        && let Some((line, record)) = trace.next_event().map_err(|cause| unusable(&args.trace, cause))?
    {
        number += 1;
        if number < args.from || !filter.matches(line) {
            continue;
        }
        left -= 1;
        let known = tables.as_ref().zip(record.as_ref());
        let written = match (args.format, known) {
            (ShowFormat::Jsonl, _) => writeln!(out, "{}", json(number, line, known)),
            (ShowFormat::Text, Some((tables, record))) if args.full => {
                writeln!(out, "{}", line.with_note(&tables.note(number, record)))
            }
            (ShowFormat::Text, _) => writeln!(out, "{line}"),
        };
        written.map_err(Error::Output)?;
    }
    out.flush().map_err(Error::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// An event as an object: its number, its columns, and what else is known.
fn json(number: u64, line: &Line, known: Option<(&Tables, &Record)>) -> Value {
    let mut object = Map::new();
    object.insert("n".into(), number.into());
    for column in Column::ALL {
        let text = line.column(column);
        object.insert(column.name().into(), if text == NOTHING { Value::Null } else { text.into() });
    }
    if let Some((_, record)) = known {
        object.insert("instructions".into(), record.instructions.into());
        object.insert("ns".into(), record.ns.into());
        for (fact, value) in &record.facts {
            object.insert(fact.name().into(), (*value).into());
        }
    }
    Value::Object(object)
}
