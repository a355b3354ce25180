//! The command line.

use crate::error::Error;
use crate::faults::TraceCommand;
use crate::hw::{self, HardwareArgs, HwCommand};
use crate::profile::{AnnotateArgs, RecordArgs, ReportArgs};
use crate::size::Bytes;
use crate::walk::WalkArgs;
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use pagewalk::{
    AgingFlush, Costs, DEFAULT_MAX_PROCESSES, DEFAULT_PAGE_CLUSTER, DEFAULT_QUANTUM, Features, FeaturesError,
    Injection, InjectionError, Mount, PolicyName, ResidentLimit, SwapConfig, ThpMode, UnknownPolicy,
};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use timing::{HardwareConfig, Setting};

/// Exit status when the command line makes no sense, or pagewalk itself cannot go on.
pub(crate) const FAILED: u8 = 125;
/// Exit status of a comparison that could not be made.
pub(crate) const NOT_COMPARED: u8 = 2;

/// Where the accesses of a run are, unless another file is named.
pub(crate) const ACCESSES: &str = "pagewalk.accesses";

/// Run x86-64 Linux programs on page tables that live in simulated memory.
///
/// A program sees the host's files; what it changes is gone when it ends, unless `run --mount` says otherwise.
#[derive(Parser)]
#[command(name = "pagewalk", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a program; its exit status becomes pagewalk's
    #[command(after_long_help = EXIT_STATUS)]
    Run(Box<RunArgs>),
    /// Run a program and count what its translations came to on a modelled processor, as perf does
    #[command(after_long_help = EXIT_STATUS)]
    Stat(Box<StatArgs>),
    /// Run a program and write down where its cycles went, for `report` and `annotate`
    #[command(after_long_help = EXIT_STATUS)]
    Record(Box<RecordArgs>),
    /// Tell the model of a processor of a run that `record --accesses` has written down, and count as `stat` does
    Replay(ReplayArgs),
    /// Show a profile: by function, line, page, mapping, cause or process, or for another tool
    Report(ReportArgs),
    /// Show a function of a profile: its instructions, and what each has cost
    Annotate(AnnotateArgs),
    /// Name, show and compare the processors that can be modelled
    #[command(subcommand)]
    Hw(HwCommand),
    /// Write down what became of each page fault, and compare it with what is to come of it
    #[command(subcommand, after_long_help = TRACE_HELP)]
    Trace(Box<TraceCommand>),
    /// Draw a page walk: stop a program midway and follow an address through its tables, or check recorded cases
    #[command(after_long_help = WALK_HELP)]
    Walk(Box<WalkArgs>),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const EXIT_STATUS: &str = "\
Exit status:
  N        the program exited with N
  128+N    signal N ended the program
  124      the limit of instructions or time was reached
  125      pagewalk could not go on: an unknown option, instruction or system call, a deadlock; or --sanitize has found something
  126      the file is there but cannot be executed
  127      there is no such file";

const TRACE_HELP: &str = "\
Examples:
  pagewalk trace record -o tests/server.faults ./server --once   write what is to be kept
  pagewalk trace check tests/server.faults                       run it again, and compare
  pagewalk trace diff old.faults new.faults                      what has changed, in words
  pagewalk trace show tests/server.faults --outcome 'copied*'    the copies on write

Exit status of check and diff:
  0        the same
  1        they differ
  2        there is nothing to compare: no such file, no trace, or the program could not be run";

const WALK_HELP: &str = "\
Examples:
  pagewalk walk PROGRAM                            the fetch of the first instruction
  pagewalk walk --fault 3 PROGRAM                  the third page fault, before it is served
  pagewalk walk --after 1000 --la 0x404000 PROGRAM   a read of 0x404000, after 1000 instructions
  pagewalk walk --cases FILE.jsonl.gz              all cases of a file, against the MMU

Exit status:
  0        drawn; with --cases: none disagrees
  1        a case disagrees
  125      the program ended before the place to stop at, or the case file cannot be used
  126      the file is there but cannot be executed
  127      there is no such file";

/// How a program is run.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// Print what the run amounted to, to standard error: the guest's figures, the same on each run, or the host's too
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "guest")]
    pub(crate) stat: Option<Stat>,

    /// Stop after so many instructions, exactly
    #[arg(long, value_name = "N")]
    pub(crate) max_instructions: Option<u64>,

    /// Check every N instructions, and at the end, that all memory is accounted for; slow
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "100000",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) check_invariants: Option<u64>,

    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,

    #[command(flatten)]
    pub(crate) sanitize: SanitizeArgs,

    /// Translate through the TLBs of this processor, a preset (`pagewalk hw list`) or a TOML file; --stat prints their counts too
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "sanitize")]
    pub(crate) hw: Option<String>,

    /// Set one of its keys, such as dtlb.4k.ways=8; `none` takes a table out
    #[arg(long, value_name = "KEY=VALUE", requires = "hw")]
    pub(crate) hw_set: Vec<Setting>,

    /// Write to a file which pages are used, in order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hw", "sanitize"])]
    pub(crate) record_references: Option<PathBuf>,

    /// With `--reclaim opt`: the file that `--record-references` wrote in an earlier run of the same program
    #[arg(long, value_name = "FILE")]
    pub(crate) references: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) guest: GuestArgs,

    /// The program, an ELF file or a script, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

/// How long a run may take.
#[derive(Args)]
pub(crate) struct TimeoutArgs {
    /// Stop after so long on the host's clock, in seconds or with a unit: 500ms, 10s, 2m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

/// What each access is held against.
#[derive(Args)]
pub(crate) struct SanitizeArgs {
    /// Look at each access for what should not be. translations: a processor may still hold one that the tables do not give any more,
    /// because an invalidation is missing
    #[arg(long, value_name = "WHAT")]
    pub(crate) sanitize: Option<Sanitize>,
}

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sanitize {
    /// Stale translations
    Translations,
}

impl RunArgs {
    /// The processor whose TLBs are used, if one is named.
    pub(crate) fn hardware(&self) -> Result<Option<HardwareConfig>, Error> {
        let Some(name) = &self.hw else { return Ok(None) };
        self.guest.check_clock()?;
        Ok(Some(hw::file(name, &self.hw_set)?.config()?))
    }
}

/// What is counted, and where it is written.
#[derive(Args)]
pub(crate) struct StatArgs {
    #[command(flatten)]
    pub(crate) counters: CounterArgs,

    #[command(flatten)]
    pub(crate) modelled: ModelledArgs,
}

/// What is replayed, on which processor.
#[derive(Args)]
pub(crate) struct ReplayArgs {
    /// What `pagewalk record --accesses` has written
    #[arg(value_name = "FILE", default_value = ACCESSES)]
    pub(crate) accesses: PathBuf,

    #[command(flatten)]
    pub(crate) counters: CounterArgs,

    #[command(flatten)]
    pub(crate) processor: ProcessorArgs,
}

/// Where counters go.
#[derive(Args)]
pub(crate) struct CounterArgs {
    /// Write the counters to a file instead of standard error
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Print no counters; a file of --output has them still
    #[arg(long, short)]
    pub(crate) quiet: bool,

    /// As text for people, as JSON, or as CSV
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: StatFormat,
}

/// A processor and its core.
#[derive(Args)]
pub(crate) struct ProcessorArgs {
    #[command(flatten)]
    pub(crate) hardware: HardwareArgs,

    /// The core: none, for exact counts without a clock; in-order, which does one thing at a time, or out-of-order, with a window
    #[arg(long, value_name = "CORE", default_value = "in-order")]
    pub(crate) core: Core,
}

/// A program, and the processor that its run is modelled on.
#[derive(Args)]
pub(crate) struct ModelledArgs {
    #[command(flatten)]
    pub(crate) processor: ProcessorArgs,

    #[command(flatten)]
    pub(crate) guest: GuestArgs,

    /// The program, an ELF file or a script, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

impl ModelledArgs {
    /// The processor, if the run can be modelled.
    pub(crate) fn hardware(&self) -> Result<HardwareConfig, Error> {
        let hardware = self.processor.hardware.config()?;
        self.guest.check_clock()?;
        Ok(hardware)
    }
}

/// Which core is modelled.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Core {
    /// Counts without cycles
    None,
    /// One thing at a time
    InOrder,
    /// A window of instructions, which execute when they are ready
    OutOfOrder,
}

impl Core {
    /// Its name, as it is chosen.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::InOrder => "in-order",
            Self::OutOfOrder => "out-of-order",
        }
    }
}

/// How counters are written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatFormat {
    /// For people
    Text,
    /// One object
    Json,
    /// A line for each event
    Csv,
}

/// The machine, and what the program sees of the world.
#[derive(Args)]
pub(crate) struct GuestArgs {
    /// Size of the simulated RAM, such as 64M or 2GiB
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub(crate) ram: Bytes,

    /// Swap: a size, for a temporary file of the host's, or a file, which is overwritten [default: none]
    #[arg(long, value_name = "SIZE|FILE", value_parser = OsStringValueParser::new().map(swap))]
    pub(crate) swap: Option<SwapConfig>,

    /// Who chooses the pages that leave memory: lru (Linux's two lists), lru-exact, clock, fifo, random, 2q, mglru, or opt
    #[arg(long, value_name = "POLICY", default_value_t, value_parser = policy)]
    pub(crate) reclaim: PolicyName,

    /// Use pages of 2 MiB for anonymous memory: always, where the program asks for them (madvise), or never
    #[arg(long, value_name = "always|madvise|never", default_value_t)]
    pub(crate) thp: ThpMode,

    /// Set so many pages of 2 MiB aside for programs that ask for them (MAP_HUGETLB)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) hugepages: u64,

    /// Set so many pages of 1 GiB aside
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) hugepages_1g: u64,

    /// Keep at most so many pages of the mapping that holds an address in memory, such as 3@0x10000000
    #[arg(long, value_name = "PAGES@ADDRESS")]
    pub(crate) resident_limit: Option<ResidentLimit>,

    /// When reclaim clears an accessed flag, drop the cached translation too (eager), or leave it as Linux does (lazy)
    #[arg(long, value_name = "eager|lazy", default_value_t)]
    pub(crate) aging_flush: AgingFlush,

    /// Read up to 2^N neighbouring pages together from swap; 0 for one alone
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PAGE_CLUSTER, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub(crate) page_cluster: u32,

    /// Read up to N neighbouring pages of a file together, where one is needed; 0 for that one alone
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub(crate) readahead: u32,

    /// The processor: x86-64-v1, -v2 or -v3, with features more or less, such as x86-64-v3,+pku,-rdrand
    #[arg(long, value_name = "PROCESSOR", default_value = "x86-64-v3", value_parser = features)]
    pub(crate) cpu: Features,

    /// Seed of all randomness that the program sees
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// Let at most so many processes live at once; a fork beyond that fails with EAGAIN
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_PROCESSES, value_parser = count)]
    pub(crate) max_processes: usize,

    /// Instructions that a process runs for before the next has its turn
    #[arg(long, value_name = "N", default_value_t = DEFAULT_QUANTUM, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) quantum: u64,

    /// Take the costs of services in virtual time from this TOML file, as far as it names them
    #[arg(long, value_name = "FILE", value_parser = costs)]
    pub(crate) costs: Option<Costs>,

    /// Let something fail: alloc-fail, swap-read-fail or swap-write-fail, the N-th time or with a chance of N/M by the seed; or
    /// swap-slow, by a factor
    #[arg(long, value_name = "KIND=SPEC", value_parser = injection)]
    pub(crate) inject: Vec<Injection>,

    /// Set an environment variable of the program (it starts with a short fixed list)
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<OsString>,

    /// Give the program the host's environment
    #[arg(long)]
    pub(crate) env_host: bool,

    /// Show a host folder at a path of the program's; with `:rw` what the program writes there goes to the host
    #[arg(long, value_name = "HOST:GUEST[:rw]")]
    pub(crate) mount: Vec<Mount>,

    /// Show this host folder as the program's `/`, and nothing else of the host
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,

    /// The program's working directory [default: the host's, or / with --root]
    #[arg(long, value_name = "PATH")]
    pub(crate) cwd: Option<PathBuf>,

    /// Slots of the fast translation table (a power of two); never shows in any result
    #[arg(long, value_name = "SLOTS", hide = true, value_parser = slots)]
    pub(crate) soft_tlb: Option<pagewalk::SlotCount>,
}

impl GuestArgs {
    /// A model has the place of the reference clock, so no policy may ask for that.
    pub(crate) fn check_clock(&self) -> Result<(), Error> {
        if self.reclaim.wants_clock() {
            return Err(Error::NoClock { policy: self.reclaim });
        }
        Ok(())
    }
}

/// What `--stat` prints.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stat {
    /// The guest's figures
    Guest,
    /// The guest's figures, then the host's time and speed
    Host,
}

fn variable(text: &str) -> Result<OsString, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.into()),
        _ => Err("expected NAME=VALUE".into()),
    }
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&count| count > 0).ok_or_else(|| "expected a number above 0".into())
}

fn swap(text: OsString) -> SwapConfig {
    let size = text.to_str().and_then(|text| text.parse().ok());
    size.map_or_else(|| SwapConfig::File(text.into()), |Bytes(bytes)| SwapConfig::Temporary(bytes))
}

fn policy(text: &str) -> Result<PolicyName, UnknownPolicy> {
    text.parse()
}

fn costs(path: &str) -> Result<Costs, String> {
    let text = std::fs::read_to_string(path).map_err(|cause| format!("the file cannot be read: {cause}"))?;
    Costs::parse(&text).map_err(|error| error.to_string())
}

fn injection(text: &str) -> Result<Injection, InjectionError> {
    text.parse()
}

fn features(text: &str) -> Result<Features, FeaturesError> {
    text.parse()
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" => 1.0,
        "ms" => 1e-3,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a number of seconds, or one with ms, s, m or h".into()),
    };
    let number: f64 = number.parse().map_err(|_| "expected a time such as 10, 1.5s, 500ms or 2m".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "this time is too long".into())
}

fn slots(text: &str) -> Result<pagewalk::SlotCount, String> {
    let count = text.parse().ok().and_then(pagewalk::SlotCount::new);
    count.ok_or_else(|| "expected a power of two from 1 to 65536".into())
}
