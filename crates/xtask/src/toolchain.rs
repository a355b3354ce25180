//! The compiler and linker that build the samples.
//!
//! Two versions of gcc rarely give the same bytes, so the versions used are recorded beside the samples, and a rebuild
//! is judged only by the same ones.

use std::io::ErrorKind;
use std::process::{Command, Output};

/// The versions of the tools, as they name themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// Such as `gcc (Distribution 12.2.0-14) 12.2.0`.
    pub compiler: String,
    /// Such as `GNU ld (GNU Binutils) 2.40`.
    pub linker: String,
}

/// Why a compiler cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// It is not installed.
    #[error(
        "`{0}` was not found; install gcc and binutils for x86-64, or name a cross compiler with `--cc x86_64-linux-gnu-gcc`"
    )]
    Missing(String),
    /// It did not run.
    #[error("`{program}` cannot be run: {source}")]
    Run {
        /// The program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It ran and complained.
    #[error("`{program}` failed:\n{message}")]
    Failed {
        /// The program.
        program: String,
        /// What it wrote to its standard error.
        message: String,
    },
    /// It goes by the name of gcc but is another compiler, which gives other code.
    #[error("`{program}` is not gcc but `{version}`; name one with `--cc`")]
    NotGcc {
        /// The program.
        program: String,
        /// What it says it is.
        version: String,
    },
    /// It builds for another machine.
    #[error("`{program}` builds for {machine}, not for x86-64 Linux; name a cross compiler with `--cc`")]
    OtherTarget {
        /// The program.
        program: String,
        /// The machine it builds for.
        machine: String,
    },
}

impl Toolchain {
    /// Asks a gcc for its version and its linker's, and whether it builds for x86-64 Linux.
    pub fn detect(cc: &str) -> Result<Self, ToolchainError> {
        let version = text_of(cc, &["--version"])?;
        if !version.contains("Free Software Foundation") {
            return Err(ToolchainError::NotGcc { program: cc.to_string(), version: first_line(&version) });
        }
        let machine = first_line(&text_of(cc, &["-dumpmachine"])?);
        if !(machine.starts_with("x86_64") && machine.contains("linux")) {
            return Err(ToolchainError::OtherTarget { program: cc.to_string(), machine });
        }
        let linker = first_line(&text_of(cc, &["-print-prog-name=ld"])?);
        Ok(Toolchain {
            compiler: without_program_name(&first_line(&version)),
            linker: first_line(&text_of(&linker, &["--version"])?),
        })
    }

    /// The two lines that are recorded.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n", self.compiler, self.linker)
    }

    /// Reads the two lines; missing ones are empty and equal no tool's.
    pub fn from_text(text: &str) -> Self {
        let mut lines = text.lines().map(str::to_string);
        Toolchain { compiler: lines.next().unwrap_or_default(), linker: lines.next().unwrap_or_default() }
    }
}

/// Runs a program to its end; its failure is an error with all that it said.
pub fn run(command: &mut Command) -> Result<Output, ToolchainError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| match source.kind() {
        ErrorKind::NotFound => ToolchainError::Missing(program.clone()),
        _ => ToolchainError::Run { program: program.clone(), source },
    })?;
    if !output.status.success() {
        return Err(ToolchainError::Failed { program, message: String::from_utf8_lossy(&output.stderr).into_owned() });
    }
    Ok(output)
}

/// What a program prints, in English whatever the user's language: versions are compared as text.
fn text_of(program: &str, arguments: &[&str]) -> Result<String, ToolchainError> {
    let output = run(Command::new(program).args(arguments).env("LC_ALL", "C"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first line of a text.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_string()
}

/// gcc's version begins with the name it was called by, which says nothing about the bytes it gives.
fn without_program_name(version: &str) -> String {
    match version.split_once(' ') {
        Some((_, rest)) => format!("gcc {rest}"),
        None => version.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_compiler_is_told_with_what_to_do() {
        let error = Toolchain::detect("no-such-compiler").unwrap_err();
        assert!(matches!(error, ToolchainError::Missing(_)));
        assert!(error.to_string().contains("install gcc"));
    }

    #[test]
    fn the_record_is_read_as_it_was_written() {
        let tools = Toolchain { compiler: "gcc (X) 12.2.0".to_string(), linker: "GNU ld 2.40".to_string() };
        assert_eq!(Toolchain::from_text(&tools.to_text()), tools);
        assert_ne!(Toolchain::from_text(""), tools);
    }

    #[test]
    fn a_cross_compiler_of_the_same_version_is_the_same() {
        assert_eq!(without_program_name("x86_64-linux-gnu-gcc (X) 12.2.0"), without_program_name("gcc (X) 12.2.0"));
    }
}
