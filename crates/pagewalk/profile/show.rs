//! `pagewalk report` and `pagewalk annotate`: what a profile says.

use super::args::{AnnotateFormat, ReportFormat};
use super::{AnnotateArgs, ReportArgs};
use crate::error::Error;
use crate::report::print;
use ::report::{
    Annotation, By, Profile, Sources, Table, annotations_csv, annotations_json, callgrind, file, flamegraph, folded,
    printable,
};
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

/// Shows a profile.
pub(crate) fn report(args: &ReportArgs) -> Result<ExitCode, Error> {
    let profile = read(&args.profile)?;
    let is_table = matches!(args.format, ReportFormat::Text | ReportFormat::Json | ReportFormat::Csv);
    if !is_table && (args.by.is_some() || args.sort.is_some() || args.top.is_some()) {
        return Err(Error::NoTable);
    }
    let text = match args.format {
        ReportFormat::Text => heading(&profile) + &table(args, &profile).text(),
        ReportFormat::Json => table(args, &profile).json(),
        ReportFormat::Csv => table(args, &profile).csv(),
        ReportFormat::Callgrind => callgrind(&profile),
        ReportFormat::Folded => folded(&profile),
        ReportFormat::Flamegraph => flamegraph(&profile)?,
    };
    put(args.output.as_deref(), &text)
}

/// Shows a function.
pub(crate) fn annotate(args: &AnnotateArgs) -> Result<ExitCode, Error> {
    let profile = read(&args.profile)?;
    let functions = ::report::annotate(&profile, args.function.as_deref())?;
    let text = match args.format {
        AnnotateFormat::Text => {
            let mut sources = Sources::default();
            let each = |function: &Annotation| function.text(&mut sources);
            functions.iter().map(each).collect::<Vec<_>>().join("\n")
        }
        AnnotateFormat::Json => annotations_json(&functions),
        AnnotateFormat::Csv => annotations_csv(&functions),
    };
    put(args.output.as_deref(), &text)
}

fn table(args: &ReportArgs, profile: &Profile) -> Table {
    let mut table = Table::new(profile, args.by.unwrap_or(By::Function));
    if let Some(column) = args.sort {
        table.sort(column);
    }
    if let Some(top) = args.top {
        table.keep(top);
    }
    table
}

fn heading(profile: &Profile) -> String {
    let hardware = &profile.hardware;
    let command = profile.command_line();
    let line = format!(
        "`{command}` on {}, core {}: {} instructions",
        hardware.name, hardware.core, profile.totals.instructions
    );
    printable(&line) + "\n\n"
}

fn read(path: &Path) -> Result<Profile, Error> {
    let opened = File::open(path).map_err(file::ReadError::Io);
    opened.and_then(file::read).map_err(|cause| Error::Profile { path: path.display().to_string(), cause })
}

fn put(path: Option<&Path>, text: &str) -> Result<ExitCode, Error> {
    match path {
        None => print(text)?,
        Some(path) => {
            std::fs::write(path, text).map_err(|cause| Error::WriteFile { path: path.display().to_string(), cause })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
