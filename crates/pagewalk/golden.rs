//! Golden traces in the tests of a Rust project: a program is run, and its fault trace compared with one that the project keeps.

use crate::golden_options::options;
use crate::replacement::replace;
use crate::trace::{
    CompareError, Difference, EventKind, Form, Header, ReadError, Recording, TraceFile, compare, configure, write_text,
};
use crate::{BufferConsole, ExecError, Interrupt, Machine, MachineConfig, MachineError, PolicyName};
use paging::HardwareModel;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use thiserror::Error;
use timing::config::{DEFAULT_PRESET, SettingError};
use timing::{HardwareConfig, HardwareFile};

/// If this variable of the environment is set, a golden trace is written instead of compared.
pub const BLESS: &str = "PAGEWALK_BLESS";

/// If this variable of the environment is `translations`, programs are run with the sanitizer of translations, as far as nothing else has its place.
pub const SANITIZE: &str = "PAGEWALK_SANITIZE";

/// True if [`SANITIZE`] asks for it.
#[must_use]
pub fn is_sanitized() -> bool {
    std::env::var_os(SANITIZE).is_some_and(|what| what == "translations")
}

/// What a program finds in its environment unless told otherwise: the same everywhere, so that runs can be compared.
pub const ENVIRONMENT: [&str; 4] =
    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "LANG=C", "TERM=dumb"];

/// Where a machine is set that the header cannot describe.
const IN_A_TEST: &str = "set in a test";

/// A trace of a run, in memory.
type Made = TraceFile<Cursor<Vec<u8>>>;

/// Why a run cannot be compared with a golden trace.
#[derive(Debug, Error)]
pub enum GoldenError {
    /// There is none yet.
    #[error("there is no `{}`; set {BLESS}=1 to write it", .0.display())]
    Missing(PathBuf),
    /// It is no trace.
    #[error("`{}` cannot be used: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: ReadError,
    },
    /// It cannot be written.
    #[error("`{}` cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The host's reason.
        #[source]
        cause: std::io::Error,
    },
    /// There is no machine.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The program cannot be loaded.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// The processor of the header cannot be had.
    #[error("{0}")]
    Hardware(String),
    /// The sanitizer has found so many stale translations, of which the golden trace says nothing.
    #[error("{0} stale translations; a trace with the kind `stale` names them")]
    Stale(usize),
    /// The traces are too long to be compared.
    #[error("{0}")]
    Compare(String),
}

/// Runs a program, the first of `argv`, on a machine that is made so, and compares its trace with a golden one, by the golden's events and rules.
/// With [`BLESS`] in the environment, the golden is written, with the rules that it had, and with the options by which `pagewalk trace check` makes the
/// same machine. The program has no input, and [`ENVIRONMENT`].
///
/// # Errors
/// [`GoldenError`].
pub fn check(path: &Path, config: MachineConfig, argv: &[&str]) -> Result<Difference, GoldenError> {
    let golden = match TraceFile::open(path) {
        Ok(golden) => Some(golden),
        Err(ReadError::Io(cause)) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(GoldenError::Unreadable { path: path.into(), cause }),
    };
    let usual = Header { events: vec![EventKind::Fault], ..Header::default() };
    let header = golden.as_ref().map_or(usual, |golden| golden.header().clone());
    let options = options(&config);
    let machine = options.is_none().then(|| IN_A_TEST.to_owned());
    let program = argv.iter().map(|word| (*word).to_owned()).collect();
    let header = Header { program, machine, options: options.unwrap_or_default(), ..header };
    let mut made = run(config, argv, &header)?;
    if std::env::var_os(BLESS).is_some() {
        let failed = |cause| GoldenError::Unwritable { path: path.into(), cause };
        let kept = golden.as_ref().and_then(TraceFile::kept_header);
        replace(path, |to| write_text(&mut made, kept, to)).map_err(failed)?;
        return Ok(Difference::default());
    }
    let mut golden = golden.ok_or_else(|| GoldenError::Missing(path.into()))?;
    compare(&mut golden, &mut made).map_err(|error| match error {
        CompareError::Old(cause) => GoldenError::Unreadable { path: path.into(), cause },
        error => GoldenError::Compare(error.to_string()),
    })
}

fn run(config: MachineConfig, argv: &[&str], header: &Header) -> Result<Made, GoldenError> {
    let policy = config.reclaim.policy;
    let config = configure(config, &header.events);
    let console = Box::new(BufferConsole::new(""));
    let is_stale = header.events.contains(&EventKind::Stale);
    if header.events.iter().any(|kind| kind.is_of_hardware()) {
        if is_stale {
            return Err(GoldenError::Hardware("walks and stale translations are recorded one at a time".into()));
        }
        let hardware = hardware(header)?;
        return run_on(Machine::walking(config, console, Interrupt::new(), &hardware)?, policy, argv, header);
    }
    if is_stale || (is_sanitized() && !policy.wants_clock()) {
        return run_on(Machine::sanitizing(config, console, Interrupt::new())?, policy, argv, header);
    }
    run_on(Machine::new(config, console, Interrupt::new())?, policy, argv, header)
}

/// The processor that the header names, or the usual one.
fn hardware(header: &Header) -> Result<HardwareConfig, GoldenError> {
    let failed = |cause: &dyn std::fmt::Display| GoldenError::Hardware(cause.to_string());
    let mut file =
        HardwareFile::open(header.hw.as_deref().unwrap_or(DEFAULT_PRESET)).map_err(|cause| failed(&cause))?;
    for setting in &header.hw_set {
        let setting = setting.parse().map_err(|cause: SettingError| failed(&cause))?;
        file.set(&setting).map_err(|cause| failed(&cause))?;
    }
    file.config().map_err(|cause| failed(&cause))
}

fn run_on<H: HardwareModel>(
    mut machine: Machine<H>,
    policy: PolicyName,
    argv: &[&str],
    header: &Header,
) -> Result<Made, GoldenError> {
    let recording = Recording::start(&mut machine, &header.events, Form::Text, policy, Vec::new());
    let words: Vec<Vec<u8>> = argv.iter().map(|word| word.as_bytes().to_vec()).collect();
    let environment = ENVIRONMENT.map(|variable| variable.as_bytes().to_vec());
    machine.exec(argv.first().unwrap_or(&"").as_bytes(), &words, &environment)?;
    machine.run();
    let stale = machine.stale_translations().len();
    if stale > 0 && !header.events.contains(&EventKind::Stale) {
        return Err(GoldenError::Stale(stale));
    }
    let (packed, _) =
        recording.finish(&mut machine, header).map_err(|cause| GoldenError::Compare(cause.to_string()))?;
    Ok(TraceFile::read(Cursor::new(packed)).expect("it was just written"))
}

/// Runs a program on a machine, and panics with what has changed if its fault trace is not the golden one that the project keeps.
///
/// ```
/// use pagewalk::{MachineConfig, ViewConfig};
///
/// let view = ViewConfig { cwd: env!("CARGO_MANIFEST_DIR").into(), ..ViewConfig::default() };
/// pagewalk::trace::assert_golden!("tests/faults/hello.faults", MachineConfig::new(view), ["elf-samples/hello"]);
/// ```
///
/// With `PAGEWALK_BLESS=1` in the environment, the golden trace is written instead; what has changed then shows in the project's version control.
#[macro_export]
macro_rules! assert_golden {
    ($path:expr, $config:expr, $argv:expr $(,)?) => {{
        let path = ::std::path::Path::new($path);
        match $crate::trace::golden::check(path, $config, &$argv) {
            Ok(difference) if difference.is_empty() => {}
            Ok(difference) => panic!(
                "{} is not what it was; if that is right, set {}=1\n{}",
                path.display(),
                $crate::trace::golden::BLESS,
                difference.text()
            ),
            Err(error) => panic!("{error}"),
        }
    }};
}
