//! What is recorded, compared and shown.

use crate::cli::{Core, GuestArgs, SanitizeArgs, TimeoutArgs};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use pagewalk::trace::{Codec, EventKind, Rule};
use std::ffi::OsString;
use std::path::PathBuf;
use timing::Setting;

/// Where a trace is, unless another file is named.
const DEFAULT: &str = "pagewalk.faults";

#[derive(Subcommand)]
pub(crate) enum TraceCommand {
    /// Run a program and write down its page faults
    Record(Box<RecordArgs>),
    /// Run the program of a trace again, and say what has changed
    Check(CheckArgs),
    /// Say what is different about two traces
    Diff(DiffArgs),
    /// Run the program of a trace again, and keep what it does now as what is to be
    Bless(BlessArgs),
    /// Print the events of a trace
    Show(ShowArgs),
    /// Count the events of a trace
    Stat(StatArgs),
    /// Tell the life of a page: when it was mapped, touched, copied, taken out of memory
    Why(WhyArgs),
    /// Run the program of a trace up to one of its faults, and show the machine there: registers, mappings, the walk
    At(AtArgs),
}

/// What is recorded, and where it is written.
#[derive(Args)]
pub(crate) struct RecordArgs {
    /// Write to this file
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT)]
    pub(crate) output: PathBuf,

    /// Write the compact form, for millions of events, with counts, times and frames; else text, for a project to keep
    #[arg(long, value_name = "CODEC", num_args = 0..=1, require_equals = true, default_missing_value = "lz4")]
    pub(crate) packed: Option<PackedBy>,

    #[command(flatten)]
    pub(crate) recorded: RecordedArgs,

    #[command(flatten)]
    pub(crate) sanitize: SanitizeArgs,

    /// Give the program this file as its standard input, which is empty otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,

    /// Do not say what was written
    #[arg(long, short)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) guest: GuestArgs,

    /// The program, an ELF file or a script, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

/// How the compact form is packed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PackedBy {
    /// Quick
    Lz4,
    /// Smaller by an eighth, and slower to write and read
    Zstd,
}

impl From<PackedBy> for Codec {
    fn from(codec: PackedBy) -> Self {
        match codec {
            PackedBy::Lz4 => Self::Lz4,
            PackedBy::Zstd => Self::Zstd,
        }
    }
}

/// What is checked.
#[derive(Args)]
pub(crate) struct CheckArgs {
    /// The trace that is to be
    #[arg(value_name = "GOLDEN", default_value = DEFAULT)]
    pub(crate) golden: PathBuf,

    /// How it is said what has changed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DiffFormat,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,

    /// Another program than the trace names, and its arguments
    #[arg(last = true, value_name = "PROGRAM [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

/// What is compared.
#[derive(Args)]
pub(crate) struct DiffArgs {
    /// The trace as it was, whose `ignore` holds
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,

    /// The trace as it is
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,

    /// How it is said what is different
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: DiffFormat,
}

/// How a difference is said.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    /// In words
    Text,
    /// One object
    Json,
    /// A test case, for CI systems
    Junit,
    /// Annotations of a GitHub workflow, and the words
    Github,
}

/// Which trace is made again.
#[derive(Args)]
pub(crate) struct BlessArgs {
    /// The trace
    #[arg(value_name = "FILE", default_value = DEFAULT)]
    pub(crate) trace: PathBuf,

    #[command(flatten)]
    pub(crate) model: ModelArgs,

    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,

    /// Another program than the trace names, and its arguments
    #[arg(last = true, value_name = "PROGRAM [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

/// The processor, which changes no trace.
#[derive(Args)]
pub(crate) struct ModelArgs {
    /// Run on a model of this processor, a preset (`pagewalk hw list`) or a TOML file; the trace is the same on all
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) hw: Option<String>,

    /// Set one of its keys, such as dtlb.4k.ways=8; `none` takes a table out
    #[arg(long, value_name = "KEY=VALUE", requires = "hw")]
    pub(crate) hw_set: Vec<Setting>,

    /// With this core: none, in-order or out-of-order [default: none]
    #[arg(long, value_name = "CORE", requires = "hw")]
    pub(crate) core: Option<Core>,
}

/// What is counted.
#[derive(Args)]
pub(crate) struct StatArgs {
    /// A trace that `pagewalk trace record` has written
    #[arg(value_name = "FILE", default_value = DEFAULT)]
    pub(crate) trace: PathBuf,

    #[command(flatten)]
    pub(crate) filters: FilterArgs,
}

/// Whose life is told.
#[derive(Args)]
pub(crate) struct WhyArgs {
    /// A trace that `pagewalk trace record` has written
    #[arg(value_name = "FILE")]
    pub(crate) trace: PathBuf,

    /// The page, as the trace names it: '[heap]+0x3000'
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
}

/// Which fault is shown.
#[derive(Args)]
pub(crate) struct AtArgs {
    /// A trace that `pagewalk trace record` has written
    #[arg(value_name = "FILE")]
    pub(crate) trace: PathBuf,

    /// The number of its event, from 1
    #[arg(value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) event: u64,
}

/// Which events are recorded.
#[derive(Args)]
pub(crate) struct RecordedArgs {
    /// Record these events: fault; map, for mmap and its relatives; process, for fork, exec, exit and signals; page-out; swap; tlb;
    /// stale, for what --sanitize translations finds; walk, for those of the processor of --hw; accessed-dirty, for what they set
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', default_value = "fault",
          value_parser = PossibleValuesParser::new(EventKind::ALL.map(EventKind::name)).map(|name| kind(&name)))]
    pub(crate) events: Vec<EventKind>,
}

/// What is shown of a trace.
#[derive(Args)]
pub(crate) struct ShowArgs {
    /// A trace that `pagewalk trace record` has written
    #[arg(value_name = "FILE", default_value = DEFAULT)]
    pub(crate) trace: PathBuf,

    #[command(flatten)]
    pub(crate) filters: FilterArgs,

    /// Add what is not compared: the event's number and, of the compact form, when it was, addresses, frames
    #[arg(long)]
    pub(crate) full: bool,

    /// As the lines of the trace, or with all that is known of each event: as JSON Lines, an object for each, or as a Parquet file
    #[arg(long, value_name = "FORMAT", default_value = "text", conflicts_with = "full")]
    pub(crate) format: ShowFormat,

    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Begin with this event
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) from: u64,

    /// Show so many
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) count: Option<u64>,
}

/// How events are shown.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// A line for each
    Text,
    /// An object for each
    Jsonl,
    /// A row for each
    Parquet,
}

/// Which lines are shown: those all of whose columns match.
#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Of such processes: 1 is the first, 1.2 its second child; * stands for anything
    #[arg(long, value_name = "PATTERN")]
    pub(crate) process: Option<String>,

    /// Such events: read, write, fetch, map, fork, page-out ...
    #[arg(long, value_name = "PATTERN")]
    pub(crate) event: Option<String>,

    /// Of such pages, relative to their mapping: '[heap]*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) address: Option<String>,

    /// That came to such: 'copied*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) outcome: Option<String>,

    /// That changed such entries: '*->*RW*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) entries: Option<String>,

    /// Of such code: 'main+*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) place: Option<String>,
}

impl FilterArgs {
    /// The rule that matches what is wanted.
    pub(super) fn rule(&self) -> Rule {
        Rule {
            process: self.process.clone(),
            event: self.event.clone(),
            address: self.address.clone(),
            outcome: self.outcome.clone(),
            entries: self.entries.clone(),
            place: self.place.clone(),
            columns: Vec::new(),
        }
    }
}

fn kind(name: &str) -> EventKind {
    EventKind::ALL.into_iter().find(|kind| kind.name() == name).expect("clap has compared the names")
}
