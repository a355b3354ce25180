//! The options of a machine as a trace keeps them: those that were given, as words, to be read again when the trace is checked.
//!
//! A trace comes from elsewhere, so none may make pagewalk write to the host's files: such options are refused when it is made and when it is
//! read.

use crate::cli::{Cli, GuestArgs};
use crate::error::Error;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use pagewalk::{MountMode, SwapConfig};
use std::ffi::OsString;

/// The options of the machine on this process's command line, which has a program at its end.
pub(super) fn given(program: &[OsString]) -> Result<Vec<String>, Error> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let words = &words[..words.len() - program.len()];
    let name = &program[..1]; // what follows it could be taken for options
    let matches = Cli::command().try_get_matches_from(words.iter().chain(name));
    let matches = matches.expect("it was read before");
    let mut innermost = &matches;
    while let Some((_, matches)) = innermost.subcommand() {
        innermost = matches;
    }
    let options = words_of(innermost);
    read(&options).map(|_| options)
}

fn words_of(matches: &ArgMatches) -> Vec<String> {
    let known = GuestArgs::augment_args(Command::new("machine"));
    let mut words = Vec::new();
    for arg in known.get_arguments() {
        let (id, Some(long)) = (arg.get_id().as_str(), arg.get_long()) else { continue };
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let values = matches.get_raw(id).filter(|_| arg.get_action().takes_values());
        match values {
            None => words.push(format!("--{long}")),
            Some(values) => words.extend(values.map(|value| format!("--{long}={}", value.to_string_lossy()))),
        }
    }
    words
}

/// The machine that a trace was made on.
pub(super) fn read(options: &[String]) -> Result<GuestArgs, Error> {
    let command = GuestArgs::augment_args(Command::new("machine")).no_binary_name(true).disable_help_flag(true);
    let matches = command.try_get_matches_from(options).and_then(|matches| GuestArgs::from_arg_matches(&matches));
    let guest = matches.map_err(|cause| Error::TraceOptions { cause: first_line(&cause.to_string()) })?;
    let writes = guest.mount.iter().any(|mount| mount.mode == MountMode::Writable);
    if writes || matches!(guest.swap, Some(SwapConfig::File(_))) {
        return Err(Error::TraceWrites);
    }
    Ok(guest)
}

/// What is wrong, without the usage of a command that nobody has called.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
