//! What goes wrong outside the guest, said so that a person can act on it.

use crate::command_line::status_of_failure;
use ::report::file::ReadError;
use ::report::{FlamegraphError, NoFunction};
use cases::CaseError;
use miette::Diagnostic;
use pagewalk::{BootError, ExecError, MachineError, PolicyName, ReferencesError, SwapFileError};
use std::process::ExitCode;
use thiserror::Error;
use timing::HardwareError;

/// Why `pagewalk` itself could not do what was asked.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum Error {
    /// There is no machine.
    #[error("the machine cannot be set up")]
    #[diagnostic(code(pagewalk::machine))]
    Machine {
        /// Why.
        #[source]
        cause: MachineError,
        /// What to do.
        #[help]
        help: &'static str,
    },
    /// The program cannot be loaded.
    #[error("cannot run `{program}`")]
    #[diagnostic(code(pagewalk::exec))]
    Exec {
        /// The program as it was named.
        program: String,
        /// What the kernel layer says.
        #[source]
        cause: ExecError,
        /// What to do.
        #[help]
        help: String,
    },
    /// Ctrl-C, or another signal, cannot be caught.
    #[error("cannot catch signals")]
    #[diagnostic(code(pagewalk::signal))]
    Signal(#[source] std::io::Error),
    /// Standard output takes no more.
    #[error("cannot write to standard output")]
    #[diagnostic(code(pagewalk::output))]
    Output(#[source] std::io::Error),
    /// A file takes no more.
    #[error("cannot write `{path}`")]
    #[diagnostic(code(pagewalk::output))]
    WriteFile {
        /// The file.
        path: String,
        /// The host's reason.
        #[source]
        cause: std::io::Error,
    },
    /// The file is the one that is to run.
    #[error("cannot write `{path}`: it is the program that is to run")]
    #[diagnostic(code(pagewalk::output), help("name another file"))]
    OverProgram {
        /// The file.
        path: String,
    },
    /// There is no such processor.
    #[error(transparent)]
    #[diagnostic(
        code(pagewalk::hw),
        help("`pagewalk hw list` names the presets, `pagewalk hw show NAME` prints one as a file to start from")
    )]
    Hardware(#[from] HardwareError),
    /// A profile is asked for of a run without a clock.
    #[error("there are no cycles to record with `--core none`")]
    #[diagnostic(code(pagewalk::record), help("choose another --core, or count with `pagewalk stat --core none`"))]
    NoCycles,
    /// A profile cannot be used.
    #[error("cannot use the profile `{path}`")]
    #[diagnostic(code(pagewalk::profile), help("a profile is written by `pagewalk record -o FILE PROGRAM`"))]
    Profile {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: ReadError,
    },
    /// The accesses of a run cannot be replayed.
    #[error("cannot replay `{path}`")]
    #[diagnostic(code(pagewalk::replay), help("accesses are written by `pagewalk record --accesses -o FILE PROGRAM`"))]
    Replay {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: accesses::ReadError,
    },
    /// A fault trace cannot be used.
    #[error("cannot use the fault trace `{path}`")]
    #[diagnostic(code(pagewalk::trace))]
    Trace {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        cause: pagewalk::trace::ReadError,
        /// What to do.
        #[help]
        help: Option<&'static str>,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`")]
    #[diagnostic(code(pagewalk::input))]
    ReadFile {
        /// The file.
        path: String,
        /// The host's reason.
        #[source]
        cause: std::io::Error,
    },
    /// Two traces cannot be compared.
    #[error("the traces cannot be compared: {cause}")]
    #[diagnostic(code(pagewalk::trace))]
    Compare {
        /// Why not.
        cause: String,
    },
    /// An event cannot be run to.
    #[error("there is no running to event {number}: {why}")]
    #[diagnostic(code(pagewalk::trace), help("`pagewalk trace show FILE` prints the events, the first is 1"))]
    NoEvent {
        /// The event's number.
        number: u64,
        /// Why not.
        why: &'static str,
    },
    /// An address is none.
    #[error("`{text}` is no page of a mapping")]
    #[diagnostic(code(pagewalk::trace), help("a page is named as in the trace: '[heap]+0x3000'"))]
    NoPage {
        /// What was given.
        text: String,
    },
    /// A trace would write to the host.
    #[error("a fault trace is of a run that writes nothing to the host")]
    #[diagnostic(
        code(pagewalk::trace),
        help(
            "give --mount without `:rw`, and --swap a size; what is checked again and again must find what it has found"
        )
    )]
    TraceWrites,
    /// This program was built without what is asked for.
    #[error("this pagewalk writes no Parquet files")]
    #[diagnostic(code(pagewalk::trace), help("build it with `cargo build --release --features parquet`"))]
    #[cfg_attr(feature = "parquet", allow(dead_code, reason = "this one does"))]
    NoParquet,
    /// What is not text would go to a terminal.
    #[error("a Parquet file is not for a terminal")]
    #[diagnostic(code(pagewalk::trace), help("name a file: -o FILE"))]
    #[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "there is none"))]
    BinaryToTerminal,
    /// What was cut short is no run to compare with, or to keep.
    #[error("the program was not run to its end: {why}")]
    #[diagnostic(code(pagewalk::trace), help("nothing was compared or kept"))]
    CutShort {
        /// What cut it.
        why: &'static str,
    },
    /// The machine of a trace is not described by options.
    #[error("the machine of the fault trace is `{place}`")]
    #[diagnostic(code(pagewalk::trace), help("it can be made there alone: it is not what options of pagewalk can say"))]
    MachineElsewhere {
        /// Where.
        place: String,
    },
    /// A trace does not say what is run.
    #[error("the fault trace names no program")]
    #[diagnostic(code(pagewalk::trace), help("name one behind `--`"))]
    NoProgram,
    /// The machine that a trace was made on cannot be.
    #[error("the `options` of the fault trace make no sense: {cause}")]
    #[diagnostic(code(pagewalk::trace))]
    TraceOptions {
        /// Why not.
        cause: String,
    },
    /// A table's options are given for what is none.
    #[error("--by, --sort and --top are for tables")]
    #[diagnostic(code(pagewalk::profile), help("tables have --format text, json or csv"))]
    NoTable,
    /// There is nothing to annotate.
    #[error("{cause}")]
    #[diagnostic(code(pagewalk::profile))]
    Annotate {
        /// Why not.
        cause: NoFunction,
        /// What could be.
        #[help]
        help: String,
    },
    /// There is no flame graph.
    #[error(transparent)]
    #[diagnostic(code(pagewalk::profile))]
    Flamegraph(#[from] FlamegraphError),
    /// `opt` is to run without knowing the future.
    #[error("`--reclaim opt` needs to know which pages will be used")]
    #[diagnostic(
        code(pagewalk::references),
        help(
            "record them first, then run the same program again: pagewalk run --record-references FILE PROGRAM, and \
             pagewalk run --reclaim opt --references FILE PROGRAM"
        )
    )]
    NoReferences,
    /// A policy that goes by exact references, in a command that does not report them.
    #[error("`{policy}` goes by exact references, which only `pagewalk run` without --hw reports")]
    #[diagnostic(code(pagewalk::references), help("choose another --reclaim"))]
    NoClock {
        /// The policy.
        policy: PolicyName,
    },
    /// The sanitizer is a model itself.
    #[error("the sanitizer of translations has the place of another model of the processor, and of exact references")]
    #[diagnostic(code(pagewalk::sanitize), help("leave out --hw, and choose another --reclaim than lru-exact or opt"))]
    SanitizerAlone,
    /// What is written would go over what is read.
    #[error("cannot write `{path}`: it is the file that is read")]
    #[diagnostic(code(pagewalk::output), help("give another file"))]
    OverInput {
        /// The file.
        path: String,
    },
    /// The variable of the environment says something else than it may.
    #[error("the environment has PAGEWALK_SANITIZE={value}")]
    #[diagnostic(
        code(pagewalk::sanitize),
        help("PAGEWALK_SANITIZE=translations looks for stale translations in every run")
    )]
    SanitizeVariable {
        /// What it says.
        value: String,
    },
    /// Walks are those of one processor's TLBs.
    #[error("walks are recorded on the TLBs of a processor alone: without --core, and without the sanitizer")]
    #[diagnostic(code(pagewalk::walks), help("record twice"))]
    WalksAlone,
    /// A recording is given that nothing would use.
    #[error("`--references` says which pages will be used, which `{policy}` does not ask")]
    #[diagnostic(code(pagewalk::references), help("it goes with --reclaim opt"))]
    UselessReferences {
        /// The policy.
        policy: PolicyName,
    },
    /// References cannot be recorded or read.
    #[error(transparent)]
    #[diagnostic(
        code(pagewalk::references),
        help("a recording is made by `pagewalk run --record-references FILE PROGRAM`")
    )]
    References(#[from] ReferencesError),
    /// A program was to be stopped, and ended first.
    #[error("the program ended after {instructions} instructions, before the place to stop at")]
    #[diagnostic(code(pagewalk::walk), help("`pagewalk run --stat` tells how many instructions and faults there are"))]
    EndedBefore {
        /// How many it executed.
        instructions: u64,
    },
    /// A case file cannot be used.
    #[error("cannot use the cases of `{file}`")]
    #[diagnostic(code(pagewalk::cases), help("a case is a line of JSON; the file may be compressed with gzip"))]
    Cases {
        /// The file.
        file: String,
        /// Why not.
        #[source]
        cause: CaseError,
    },
    /// A case is asked for that is not there.
    #[error("the file has no case in line {line}")]
    #[diagnostic(code(pagewalk::cases))]
    NoSuchCase {
        /// The line.
        line: usize,
    },
    /// A case says nothing about the MMU.
    #[error("the case in line {line} cannot be walked: {why}")]
    #[diagnostic(code(pagewalk::cases))]
    CaseNotUsable {
        /// The line.
        line: usize,
        /// Why.
        why: &'static str,
    },
}

impl Error {
    fn status(&self) -> u8 {
        match self {
            Self::Exec { cause, .. } => cause.exit_code(),
            _ => status_of_failure(),
        }
    }
}

impl From<NoFunction> for Error {
    fn from(cause: NoFunction) -> Self {
        let help = match &cause {
            NoFunction::Unknown { hottest, .. } => format!("those with the most cycles are {}", hottest.join(", ")),
            NoFunction::Empty => "record a program that runs".into(),
        };
        Self::Annotate { cause, help }
    }
}

impl From<MachineError> for Error {
    fn from(cause: MachineError) -> Self {
        let help = match cause {
            MachineError::Ram(_) => "--ram sets the size of the simulated RAM",
            MachineError::Swap(ref cause) => swap_help(cause),
            MachineError::Boot(BootError::HugePages { .. }) => {
                "a larger --ram, or fewer of --hugepages and --hugepages-1g"
            }
            MachineError::Hardware(_) => "see `pagewalk hw show`, and check --hw-set",
            MachineError::Boot(_) => "check --root, --mount and --cwd, which say what files the program sees",
        };
        Self::Machine { cause, help }
    }
}

/// What to do about a swap device that cannot be had.
const fn swap_help(cause: &SwapFileError) -> &'static str {
    match cause {
        SwapFileError::Size(_) => "--swap takes a size such as 512M, or a file at least as large",
        SwapFileError::Open(_) | SwapFileError::NotRegular => {
            "--swap takes a size such as 512M, which needs no file, or an existing file that may be overwritten"
        }
        SwapFileError::InUse => "give each run a file of its own, or a size",
        SwapFileError::Temporary(_) => "set TMPDIR to a folder that may be written to, or give --swap a file",
        SwapFileError::FileSizeLimit { .. } => "give --swap a smaller size, or raise the limit: ulimit -f",
        SwapFileError::NoSpace { .. } => "give --swap a smaller size, or set TMPDIR to a folder on a larger disk",
    }
}

/// Prints an error to standard error and gives the exit status that stands for it.
pub(crate) fn print(error: Error) -> ExitCode {
    let status = error.status();
    crate::report::say(&format!("{:?}", miette::Report::new(error)));
    ExitCode::from(status)
}
