//! The `pagewalk` command.
#![forbid(unsafe_code)]

mod cli;
mod command_line;
mod error;
mod faults;
mod hw;
mod output;
mod profile;
mod progress;
mod replay;
mod report;
mod run;
mod sanitize;
mod size;
mod stat;
mod walk;

use clap::CommandFactory;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match command_line::parse() {
        Ok(cli) => cli,
        Err(e) => return command_line::usage(&e),
    };
    if let Err(e) = output::report_size_limit().and_then(|()| sanitize::check_variable()) {
        return error::print(e);
    }
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Stat(args) => stat::stat(&args),
        Command::Record(args) => profile::record(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Report(args) => profile::report(&args),
        Command::Annotate(args) => profile::annotate(&args),
        Command::Hw(command) => hw::hw(&command),
        Command::Trace(command) => faults::trace(&command),
        Command::Walk(args) => walk::walk(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "pagewalk", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(error::print)
}
