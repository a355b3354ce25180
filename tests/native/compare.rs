//! One command, natively and under pagewalk: what both say must be the same.

use libtest_mimic::Failed;
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
}

/// What both see. The tunable keeps glibc from code paths for instructions that pagewalk's CPUID does not have: its
/// mathematical functions round differently with fused multiply-add.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("PATH", "/usr/bin:/bin"),
    ("HOME", "/"),
    ("LANG", "C"),
    ("TERM", "dumb"),
    ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4"),
];

impl Invocation<'_> {
    /// Fails with both answers if they differ.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        let native = self.run(Command::new(self.program))?;
        let mut pagewalk = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        pagewalk.args(["run", "--env-host", "--"]).arg(self.program);
        let simulated = self.run(pagewalk)?;
        self.compare(&native, &simulated)
    }

    fn run(&self, mut command: Command) -> Result<Output, Failed> {
        let stdin = match self.stdin {
            Some(file) => std::fs::File::open(self.cwd.join(file))?.into(),
            None => Stdio::null(),
        };
        Ok(command.args(self.args).current_dir(self.cwd).env_clear().envs(ENVIRONMENT).stdin(stdin).output()?)
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
