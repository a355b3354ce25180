//! The `pagewalk` command.
#![forbid(unsafe_code)]

mod cli;
mod error;
mod report;
mod run;
mod size;
mod walk;

use clap::CommandFactory;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(e) => return cli::usage(&e),
    };
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Walk(args) => walk::walk(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "pagewalk", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(error::print)
}
