//! `pagewalk hw`: the processors that there are, what they are made of, and where two differ.

mod args;

pub(crate) use args::{DEFAULT, HardwareArgs, HwCommand, file};

use crate::error::Error;
use crate::report;
use std::fmt::Write;
use std::process::ExitCode;
use timing::config::PRESETS;
use timing::{HardwareError, HardwareFile};

/// Answers a question about processors.
pub(crate) fn hw(command: &HwCommand) -> Result<ExitCode, Error> {
    let text = match command {
        HwCommand::List => list()?,
        HwCommand::Show { name, hw_set } => args::file(name, hw_set)?.text(),
        HwCommand::Diff { a, b } => diff(&HardwareFile::open(a)?, &HardwareFile::open(b)?),
    };
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<String, HardwareError> {
    let mut text = String::new();
    for preset in PRESETS {
        let config = HardwareFile::open(preset.name)?.config()?;
        let _ = writeln!(text, "{:<16} {}", preset.name, config.description);
    }
    Ok(text)
}

/// A line for each key that differs.
fn diff(a: &HardwareFile, b: &HardwareFile) -> String {
    let (left, right) = (a.values(), b.values());
    let value = |values: &[(String, String)], key: &str| {
        values.iter().find(|(name, _)| name == key).map_or("-", |(_, value)| value).to_owned()
    };
    let mut keys: Vec<&String> = left.iter().chain(&right).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut rows = vec![["key".to_owned(), a.name().to_owned(), b.name().to_owned()]];
    for key in keys {
        let row = [key.clone(), value(&left, key), value(&right, key)];
        if row[1] != row[2] && key != "description" {
            rows.push(row);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    let line = |[key, a, b]: &[String; 3]| format!("{key:<first$}  {a:<second$}  {b}\n");
    rows.iter().map(line).collect()
}
