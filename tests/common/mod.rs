//! Runs programs through the facade, with nothing of the host's but the files that a configuration shows.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod accesses;
pub(crate) mod elf;

use pagewalk::trace::golden::is_sanitized;
use pagewalk::{BufferConsole, Captured, Ending, ExitStatus, Interrupt, Machine, MachineConfig, Stats, ViewConfig};
use paging::HardwareModel;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// All that a run shows to its caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Standard output and error.
    pub(crate) output: Captured,
    /// How it ended.
    pub(crate) ending: Ending,
    /// The guest's figures.
    pub(crate) stats: Stats,
}

/// The repository's root, where the samples are run so that their argv and paths are the same everywhere.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The samples' folder.
pub(crate) fn samples() -> PathBuf {
    repository().join("elf-samples")
}

/// The default machine. The repository is the guest's `/repository`, so that no output depends on where it lies.
pub(crate) fn config() -> MachineConfig {
    let mount =
        pagewalk::Mount { host: repository().into(), guest: "/repository".into(), mode: pagewalk::MountMode::Layered };
    MachineConfig::new(ViewConfig { mounts: vec![mount], cwd: "/repository".into(), ..ViewConfig::default() })
}

/// A machine that is about to run a command line, such as `elf-samples/hello`, whose words have no blanks.
pub(crate) fn machine(config: MachineConfig, command: &str) -> (Machine, Rc<RefCell<Captured>>) {
    let console = BufferConsole::new("");
    let captured = console.captured();
    let machine = Machine::new(config, Box::new(console), Interrupt::new()).expect("there is memory for a machine");
    (load(machine, command), captured)
}

fn load<H: HardwareModel>(mut machine: Machine<H>, command: &str) -> Machine<H> {
    let argv: Vec<Vec<u8>> = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    machine.exec(&argv[0], &argv, &[b"LANG=C".to_vec()]).expect("the program can be loaded");
    machine
}

/// Runs a command line; with `PAGEWALK_SANITIZE` in the environment, on a machine that looks for stale translations and finds none.
pub(crate) fn run(config: MachineConfig, command: &str) -> Outcome {
    if !is_sanitized() {
        let (mut machine, captured) = machine(config, command);
        let ending = machine.run();
        return Outcome { output: captured.take(), ending, stats: machine.stats() };
    }
    let console = BufferConsole::new("");
    let captured = console.captured();
    let machine = Machine::sanitizing(config, Box::new(console), Interrupt::new());
    let mut machine = load(machine.expect("there is memory for a machine"), command);
    let ending = machine.run();
    assert_eq!(machine.stale_translations(), [], "{command}");
    Outcome { output: captured.take(), ending, stats: machine.stats() }
}

/// The exit status as a shell has it.
///
/// # Panics
/// If the program did not end by itself or by a signal.
pub(crate) fn status(ending: &Ending) -> u8 {
    match ending {
        Ending::Exit(status) => status.code(),
        other => panic!("the program did not end: {other:?}"),
    }
}

/// How a program ended, in a line.
pub(crate) fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Exit(ExitStatus::Exited(status)) => format!("exit status {status}"),
        Ending::Exit(ExitStatus::Killed(death)) => death.to_string(),
        other => format!("{other:?}"),
    }
}

/// Compares with `tests/golden/NAME.txt`; writes it instead if `PAGEWALK_BLESS` is set.
///
/// # Panics
/// If they differ, with both.
pub(crate) fn golden(name: &str, text: &str) {
    let path = repository().join("tests/golden").join(name).with_extension("txt");
    if std::env::var_os("PAGEWALK_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{} is not what the run gives (PAGEWALK_BLESS=1 rewrites it)\n-- expected\n{expected}\n-- got\n{text}",
        path.display()
    );
}
