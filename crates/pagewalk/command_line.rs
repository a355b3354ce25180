//! How the command line is read, and what it means that it makes no sense.

use crate::cli::{Cli, Command, FAILED, NOT_COMPARED};
use crate::faults::TraceCommand;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// Reads the command line.
///
/// What follows the program's name is the program's, so clap takes anything there, and an unknown option before the name
/// for the name itself. Read again, strictly, such a line gives clap's own complaint.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse()?;
    let (path, program): (&[&str], _) = match &cli.command {
        Command::Run(args) => (&["run"], args.program.first()),
        Command::Walk(args) => (&["walk"], args.program.first()),
        Command::Stat(args) => (&["stat"], args.modelled.program.first()),
        Command::Record(args) => (&["record"], args.modelled.program.first()),
        Command::Trace(command) => match &**command {
            TraceCommand::Record(args) => (&["trace", "record"], args.program.first()),
            _ => return Ok(cli),
        },
        Command::Replay(_)
        | Command::Report(_)
        | Command::Annotate(_)
        | Command::Hw(_)
        | Command::Completions { .. } => return Ok(cli),
    };
    if program.is_some_and(|program| program.as_encoded_bytes().starts_with(b"-")) {
        strictly(Cli::command(), path).try_get_matches()?;
    }
    Ok(cli)
}

/// The command line in which the program of one subcommand does not begin with a hyphen.
fn strictly(command: clap::Command, path: &[&str]) -> clap::Command {
    match path {
        [] => command.mut_arg("program", |program| program.allow_hyphen_values(false)),
        [name, rest @ ..] => command.mut_subcommand(name, |command| strictly(command, rest)),
    }
}

/// Prints help, version or what is wrong with the command line.
pub(crate) fn usage(e: &clap::Error) -> ExitCode {
    // Nobody is left to tell if standard error is closed.
    let _ = e.print();
    if e.use_stderr() { ExitCode::from(status_of_failure()) } else { ExitCode::SUCCESS }
}

/// The exit status if what is asked cannot be done: of a comparison 2, as 1 says that something differs; otherwise as `env` and `timeout` have it.
pub(crate) fn status_of_failure() -> u8 {
    let words: Vec<OsString> = std::env::args_os().skip(1).take(2).collect();
    let compares = matches!(&words[..], [trace, what] if trace == "trace" && (what == "check" || what == "diff"));
    if compares { NOT_COMPARED } else { FAILED }
}
