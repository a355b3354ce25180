//! One command, natively and under pagewalk: what both say must be the same.

use libtest_mimic::Failed;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// Whether the order of the lines on standard output means anything. Folders are listed in the file system's order
/// natively and sorted by pagewalk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    Ordered,
    Unordered,
}

/// A command to compare.
#[derive(Clone, Debug)]
pub(crate) struct Invocation<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [&'a str],
    pub(crate) cwd: &'a Path,
    /// A file in `cwd`.
    pub(crate) stdin: Option<&'a str>,
    pub(crate) lines: Lines,
    /// Both see this PATH.
    pub(crate) path: &'a OsStr,
}

/// A PATH with the host's programs.
pub(crate) const HOST_PATH: &str = "/usr/bin:/bin";

/// If set to a number, each command runs so often natively and never under pagewalk, with the same checks: this finds
/// cases that cannot be compared because they are not the same each time.
const NATIVE_RUNS: &str = "PAGEWALK_NATIVE_RUNS";

/// A command that is still running then is ended, so that one that hangs is a failure and not the end of the tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// What both see, beside PATH. The tunable keeps glibc from code paths for instructions that pagewalk's CPUID does not have: its
/// mathematical functions round differently with fused multiply-add.
const ENVIRONMENT: [(&str, &str); 4] =
    [("HOME", "/"), ("LANG", "C"), ("TERM", "dumb"), ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4")];

impl Invocation<'_> {
    /// Fails with both answers if they differ.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        self.check_after(|| Ok(()))
    }

    /// The same, for a command that changes files: `prepare` puts them in order before each run.
    pub(crate) fn check_after(&self, prepare: impl Fn() -> std::io::Result<()>) -> Result<(), Failed> {
        self.check_with(&[], prepare)
    }

    /// The same, where pagewalk needs options to be as the host is.
    pub(crate) fn check_with(&self, options: &[&str], prepare: impl Fn() -> std::io::Result<()>) -> Result<(), Failed> {
        let run = |command| -> Result<Output, Failed> {
            prepare()?;
            self.run(command)
        };
        let native = run(Command::new(self.program))?;
        if let Some(runs) = native_runs() {
            return (1..runs).try_for_each(|_| self.compare(&native, &run(Command::new(self.program))?));
        }
        let mut pagewalk = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        pagewalk.args(["run", "--env-host"]).args(options).arg("--").arg(self.program);
        self.compare(&native, &run(pagewalk)?)
    }

    fn run(&self, mut command: Command) -> Result<Output, Failed> {
        let stdin = match self.stdin {
            Some(file) => std::fs::File::open(self.cwd.join(file))?.into(),
            None => Stdio::null(),
        };
        command.args(self.args).current_dir(self.cwd).env_clear().envs(ENVIRONMENT).env("PATH", self.path);
        finish(command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    fn compare(&self, native: &Output, simulated: &Output) -> Result<(), Failed> {
        let mut differences = String::new();
        let mut differ = |what: &str, native: &[u8], simulated: &[u8]| {
            if native != simulated {
                differences += &format!("{what} differs\n{}", first_difference(native, simulated));
            }
        };
        differ("standard output", &self.in_order(&native.stdout), &self.in_order(&simulated.stdout));
        differ("standard error", &native.stderr, &without_report(&simulated.stderr, native));
        differ("exit status", status(native).to_string().as_bytes(), status(simulated).to_string().as_bytes());
        if differences.is_empty() { Ok(()) } else { Err(differences.into()) }
    }

    fn in_order(&self, text: &[u8]) -> Vec<u8> {
        if self.lines == Lines::Ordered {
            return text.to_vec();
        }
        let mut lines: Vec<&[u8]> = text.split_inclusive(|&b| b == b'\n').collect();
        lines.sort_unstable();
        lines.concat()
    }
}

fn native_runs() -> Option<u32> {
    std::env::var(NATIVE_RUNS).ok()?.parse().ok()
}

/// Waits for the end of a program and of what it says.
fn finish(mut child: Child) -> Result<Output, Failed> {
    let (send, ended) = mpsc::channel();
    let stdout = collect(child.stdout.take().expect("it is a pipe"), send.clone());
    let stderr = collect(child.stderr.take().expect("it is a pipe"), send);
    let in_time = (0..2).all(|_| ended.recv_timeout(PATIENCE).is_ok());
    if !in_time {
        child.kill()?;
        child.wait()?;
        return Err(format!("it has not ended after {} seconds", PATIENCE.as_secs()).into());
    }
    let text = |reader: JoinHandle<Vec<u8>>| reader.join().map_err(|_| "the reader of a pipe panicked");
    Ok(Output { status: child.wait()?, stdout: text(stdout)?, stderr: text(stderr)? })
}

/// Reads a pipe to its end, which it then reports.
fn collect(mut pipe: impl Read + Send + 'static, ended: Sender<()>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What was read before an error is compared as well.
        let _ = pipe.read_to_end(&mut text);
        // Nobody listens any more after the time is over.
        let _ = ended.send(());
        text
    })
}

/// The status as a shell has it: 128 more than the signal's number for a program that was killed.
fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or_default())
}

/// pagewalk adds a line about a death by signal; natively the shell says it.
fn without_report(stderr: &[u8], native: &Output) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = stderr.split_inclusive(|&b| b == b'\n').collect();
    if native.status.signal().is_some() {
        lines.retain(|line| !line.starts_with(b"pagewalk: SIG"));
    }
    lines.concat()
}

fn first_difference(native: &[u8], simulated: &[u8]) -> String {
    let at = native.iter().zip(simulated).take_while(|(a, b)| a == b).count();
    let around = |text: &[u8]| text[at.saturating_sub(60)..text.len().min(at + 300)].escape_ascii().to_string();
    format!("  at byte {at}\n  native:   {}\n  pagewalk: {}\n", around(native), around(simulated))
}

/// Where a program is, by the host's PATH.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(OsStr::new(name))).find(|file| file.is_file())
}
