//! `pagewalk trace show`.

use super::args::{ShowArgs, ShowFormat};
use super::{open, unusable};
use crate::error::Error;
use crate::output;
use pagewalk::trace::record::{Record, Tables};
use pagewalk::trace::{Column, Line, NOTHING, ReadError, Rule, TraceFile, replace};
use serde_json::{Map, Value};
use std::io::{self, BufWriter, IsTerminal, Write, stdout};
use std::process::ExitCode;
use thiserror::Error;

/// Prints the events that are asked for.
pub(super) fn show(args: &ShowArgs) -> Result<ExitCode, Error> {
    if let Some(path) = &args.output {
        output::spare_input(&args.trace, path)?;
    }
    let mut shown = Shown {
        trace: open(&args.trace)?,
        filter: args.filters.rule(),
        from: args.from,
        left: args.count.unwrap_or(u64::MAX),
        number: 0,
    };
    let written = match &args.output {
        Some(path) => replace(path, |to| write(&mut shown, args, to)),
        None => {
            may_print(args.format)?;
            let mut out = BufWriter::new(stdout());
            write(&mut shown, args, &mut out).and_then(|()| Ok(out.flush()?))
        }
    };
    match (written, &args.output) {
        (Ok(()), _) => Ok(ExitCode::SUCCESS),
        (Err(Failed::Unreadable(cause)), _) => Err(unusable(&args.trace, cause)),
        (Err(Failed::Unwritable(cause)), None) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        (Err(Failed::Unwritable(cause)), None) => Err(Error::Output(cause)),
        (Err(Failed::Unwritable(cause)), Some(path)) => {
            Err(Error::WriteFile { path: path.display().to_string(), cause })
        }
        #[cfg(not(feature = "parquet"))]
        (Err(Failed::NoParquet), _) => Err(Error::NoParquet),
    }
}

/// Why events cannot be shown.
#[derive(Debug, Error)]
pub(super) enum Failed {
    /// The trace cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// What is shown cannot be written.
    #[error(transparent)]
    Unwritable(#[from] io::Error),
    /// It cannot be shown so.
    #[cfg(not(feature = "parquet"))]
    #[error("there is no such format")]
    NoParquet,
}

/// The events that are shown.
pub(super) struct Shown {
    trace: TraceFile,
    filter: Rule,
    from: u64,
    left: u64,
    number: u64,
}

/// An event that is shown.
pub(super) struct Event<'a> {
    pub(super) number: u64,
    pub(super) line: &'a Line,
    /// All that is known of it, if that is more.
    pub(super) record: Option<Record>,
}

impl Shown {
    /// Tells of each in turn.
    pub(super) fn each(&mut self, mut tell: impl FnMut(&Event<'_>) -> Result<(), Failed>) -> Result<(), Failed> {
        while self.left > 0
            && let Some((line, record)) = self.trace.next_event()?
        {
            self.number += 1;
            if self.number >= self.from && self.filter.matches(line) {
                self.left -= 1;
                tell(&Event { number: self.number, line, record })?;
            }
        }
        Ok(())
    }
}

fn write(shown: &mut Shown, args: &ShowArgs, to: &mut (impl Write + Send)) -> Result<(), Failed> {
    match args.format {
        #[cfg(feature = "parquet")]
        ShowFormat::Parquet => super::parquet::write(shown, to),
        #[cfg(not(feature = "parquet"))]
        ShowFormat::Parquet => Err(Failed::NoParquet),
        ShowFormat::Jsonl => shown.each(|event| Ok(writeln!(to, "{}", json(event))?)),
        ShowFormat::Text => {
            let tables = shown.trace.tables().cloned();
            let text =
                |event: &Event<'_>| if args.full { full(event, tables.as_ref()) } else { event.line.to_string() };
            shown.each(|event| Ok(writeln!(to, "{}", text(event))?))
        }
    }
}

/// Refuses to print on a terminal what is no text.
fn may_print(format: ShowFormat) -> Result<(), Error> {
    let is_binary = cfg!(feature = "parquet") && format == ShowFormat::Parquet;
    if is_binary && stdout().is_terminal() { Err(Error::BinaryToTerminal) } else { Ok(()) }
}

/// An event as a line with a note: its number, and what else is known.
fn full(event: &Event<'_>, tables: Option<&Tables>) -> String {
    let Event { number, line, record } = event;
    match (tables, record) {
        (Some(tables), Some(record)) => line.with_note(&tables.note(*number, record)),
        _ => line.with_note(&format!("n={number}")),
    }
}

/// An event as an object: its number, its columns, and what else is known.
fn json(event: &Event<'_>) -> Value {
    let mut object = Map::new();
    object.insert("n".into(), event.number.into());
    for column in Column::ALL {
        let text = event.line.column(column);
        object.insert(column.name().into(), if text == NOTHING { Value::Null } else { text.into() });
    }
    if let Some(record) = &event.record {
        object.insert("instructions".into(), record.instructions.into());
        object.insert("ns".into(), record.ns.into());
        for (fact, value) in &record.facts {
            object.insert(fact.name().into(), (*value).into());
        }
    }
    Value::Object(object)
}
