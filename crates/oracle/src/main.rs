//! Judges of the core on this machine: `isa` compares instruction forms with the processor, `lockstep` whole programs, `code`
//! executes random bytes.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    allow(dead_code, reason = "options are only read where there is something to compare with")
)]

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares the core with this machine's processor.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Instruction forms, from random states
    Isa(Isa),
    /// A static program, instruction by instruction
    Lockstep(Lockstep),
    /// Random bytes as code
    Code(Code),
}

#[derive(clap::Args)]
struct Code {
    /// Byte strings
    #[arg(long, default_value_t = 100_000)]
    strings: u64,
    /// Where the random sequence begins
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(clap::Args)]
struct Lockstep {
    /// Instructions at most
    #[arg(long, default_value_t = 2_000_000)]
    limit: u64,
    /// Instructions between two comparisons; with more than one, the core runs whole blocks
    #[arg(long, default_value_t = 1)]
    stride: u64,
    /// The program: static, and not position-independent
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

#[derive(clap::Args)]
struct Isa {
    /// Only forms whose name contains this (iced's `Code`, any case)
    #[arg(long)]
    form: Vec<String>,
    /// States for each form
    #[arg(long, default_value_t = 50)]
    states: u64,
    /// Where the random sequences begin
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Let some states have RFLAGS.AC set
    #[arg(long)]
    alignment_check: bool,
    /// This case alone
    #[arg(long)]
    case: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Write the page of all instructions to this file
    #[arg(long)]
    write_docs: Option<PathBuf>,
    /// Fail unless the forms that the core does not execute are exactly those that this file lists
    #[arg(long)]
    missing: Option<PathBuf>,
    /// Write the forms that the core does not execute to this file
    #[arg(long)]
    write_missing: Option<PathBuf>,
    /// Print a line for each form
    #[arg(long)]
    verbose: bool,
}

fn main() -> ExitCode {
    let answer = match Cli::parse().command {
        Command::Isa(isa) => run::isa(&isa),
        Command::Lockstep(lockstep) => run::lockstep(&lockstep),
        Command::Code(code) => run::code(&code),
    };
    match answer {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod run {
    use super::{Code, Isa, Lockstep};
    use pagewalk_oracle::isa::run::{FormResult, Options, run};
    use pagewalk_oracle::isa::state::Alignment;
    use pagewalk_oracle::isa::{forms, report};
    use pagewalk_oracle::lockstep::run::{self as lockstep, Limits, Verdict};
    use std::process::ExitCode;

    pub(crate) fn isa(args: &Isa) -> Result<ExitCode, String> {
        let wanted: Vec<String> = args.form.iter().map(|name| name.to_lowercase()).collect();
        let is_wanted = |form: &forms::Form| {
            let name = format!("{:?}", form.code).to_lowercase();
            wanted.is_empty() || wanted.iter().any(|part| name.contains(part))
        };
        let chosen: Vec<forms::Form> = forms::all().filter(is_wanted).collect();
        if chosen.is_empty() {
            return Err("there is no such form".to_string());
        }
        let alignment = if args.alignment_check { Alignment::Sometimes } else { Alignment::Unchecked };
        let options = Options { states: args.states, seed: args.seed, jobs: args.jobs, alignment, only: args.case };
        let results = run(&chosen, &options).map_err(|error| error.to_string())?;
        show(args, &results);
        let mut failed = results.iter().any(|result| result.is_wrong() || result.states == 0);
        if let Some(path) = &args.write_docs {
            let text = report::document(&results, args.states, args.seed);
            std::fs::write(path, text).map_err(|error| error.to_string())?;
        }
        if let Some(path) = &args.write_missing {
            std::fs::write(path, report::missing(&results)).map_err(|error| error.to_string())?;
        }
        if let Some(path) = &args.missing {
            failed |= !agrees(path, &results)?;
        } else {
            failed |= args.write_missing.is_none() && results.iter().any(FormResult::is_missing);
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    pub(crate) fn lockstep(args: &Lockstep) -> Result<ExitCode, String> {
        let limits = Limits { instructions: args.limit, stride: args.stride.max(1) };
        let report = lockstep::run(&args.program, &args.args, limits)?;
        println!("{} instructions equal", report.instructions);
        match report.verdict {
            Verdict::Limit => println!("the limit is reached"),
            Verdict::Ended(ending) => println!("the program has ended: {ending:?}"),
            Verdict::Beyond(what) => println!("it cannot be compared further: {what}"),
            Verdict::Diverged(what) => {
                println!("{what}");
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    pub(crate) fn code(args: &Code) -> Result<ExitCode, String> {
        let report = pagewalk_oracle::code::run(args.strings, args.seed).map_err(|error| error.to_string())?;
        for (ending, count) in &report.endings {
            println!("{ending:<26} {count:>8}");
        }
        println!("{} first instructions compared with the processor", report.compared);
        for failure in report.failures.iter().take(40) {
            println!("{failure}");
        }
        println!("{} failures", report.failures.len());
        Ok(if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn show(args: &Isa, results: &[FormResult]) {
        if args.verbose {
            for r in results {
                let (code, states, equal) = (r.form.code, r.states, r.equal);
                println!(
                    "{code:?}: {states} states, {equal} equal, {} exceptions, {} missing",
                    r.faults, r.unsupported
                );
            }
        }
        print!("{}", report::details(results));
        print!("{}", report::summary(results));
        if args.missing.is_none() && args.write_missing.is_none() {
            let names = report::missing(results);
            if !names.is_empty() {
                println!("missing: {}", names.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        }
    }

    /// True if the forms that are missing are those of the list.
    fn agrees(path: &std::path::Path, results: &[FormResult]) -> Result<bool, String> {
        let listed = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let found = report::missing(results);
        let has = |text: &str, name: &str| text.lines().any(|line| line == name);
        for name in found.lines().filter(|name| !has(&listed, name)) {
            println!("{name} is missing and not in the list");
        }
        for name in listed.lines().filter(|name| !has(&found, name)) {
            println!("{name} is in the list and not missing");
        }
        Ok(listed == found)
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod run {
    use std::process::ExitCode;

    pub(crate) fn isa(_: &super::Isa) -> Result<ExitCode, String> {
        Err("the comparison needs Linux on an x86-64 processor".to_string())
    }

    pub(crate) fn lockstep(_: &super::Lockstep) -> Result<ExitCode, String> {
        Err("the comparison needs Linux on an x86-64 processor".to_string())
    }

    pub(crate) fn code(_: &super::Code) -> Result<ExitCode, String> {
        Err("the comparison needs Linux on an x86-64 processor".to_string())
    }
}
