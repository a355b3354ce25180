//! What is recorded, and how it is shown.

use crate::cli::{ACCESSES, ModelledArgs};
use ::report::{By, Column};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Where a profile is, unless another file is named.
const DEFAULT: &str = "pagewalk.profile";

/// What is run, and where its profile goes.
#[derive(Args)]
pub(crate) struct RecordArgs {
    /// Write to this file [default: pagewalk.profile, or pagewalk.accesses with --accesses]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write down every access instead of a profile, for `pagewalk replay` on any processor
    #[arg(long, conflicts_with_all = ["hw", "hw_set", "core", "timeline"])]
    pub(crate) accesses: bool,

    /// Write page faults and walks, when they were in virtual time, to this file, which Perfetto and Chrome open
    #[arg(long, value_name = "FILE")]
    pub(crate) timeline: Option<PathBuf>,

    /// Do not say what was written
    #[arg(long, short)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) modelled: ModelledArgs,
}

impl RecordArgs {
    /// Where it goes.
    pub(crate) fn output(&self) -> &Path {
        let default = if self.accesses { ACCESSES } else { DEFAULT };
        self.output.as_deref().unwrap_or(Path::new(default))
    }
}

/// Which profile is shown, and how.
#[derive(Args)]
pub(crate) struct ReportArgs {
    /// A profile that `pagewalk record` has written
    #[arg(value_name = "FILE", default_value = DEFAULT)]
    pub(crate) profile: PathBuf,

    /// What the table has a row for [default: function]
    #[arg(long, value_parser = PossibleValuesParser::new(By::ALL.map(By::name)).map(|name| by(&name)))]
    pub(crate) by: Option<By>,

    /// The number that comes first where it is largest [default: cycles]
    #[arg(long, value_parser = PossibleValuesParser::new(Column::ALL.map(Column::name)).map(|name| column(&name)))]
    pub(crate) sort: Option<Column>,

    /// Show so many rows; the last one has all others
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,

    /// A table as text, JSON or CSV; or all instructions in callgrind's format, as folded stacks, or as a flame graph in SVG
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ReportFormat,

    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Which function is shown, and how.
#[derive(Args)]
pub(crate) struct AnnotateArgs {
    /// A profile that `pagewalk record` has written
    #[arg(value_name = "FILE", default_value = DEFAULT)]
    pub(crate) profile: PathBuf,

    /// The function [default: the one with the most cycles]
    pub(crate) function: Option<String>,

    /// As text for people, as JSON, or as CSV
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: AnnotateFormat,

    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How a profile is shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// A table for people
    Text,
    /// A table as one object
    Json,
    /// A table with a line for each row
    Csv,
    /// For KCachegrind and callgrind_annotate
    Callgrind,
    /// A line for each stack, for speedscope and others
    Folded,
    /// SVG, for a browser
    Flamegraph,
}

/// How a function is shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnnotateFormat {
    /// For people
    Text,
    /// A list of functions
    Json,
    /// A line for each instruction
    Csv,
}

fn by(name: &str) -> By {
    By::ALL.into_iter().find(|by| by.name() == name).expect("clap has compared the names")
}

fn column(name: &str) -> Column {
    Column::ALL.into_iter().find(|column| column.name() == name).expect("clap has compared the names")
}
