//! `cargo xtask`: the house-keeping commands.

#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;
use xtask::mutate::Verdict;
use xtask::samples::{Comparison, SAMPLES_FOLDER};
use xtask::toolchain::Toolchain;
use xtask::{fidelity, layers, manifest, mutate, samples};

/// Exit status of a check that found something.
const FOUND: u8 = 1;
/// Exit status of a check that could not judge, because the tools differ from those of the committed files.
const NOT_JUDGED: u8 = 2;

/// House-keeping of the pagewalk workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Rebuild the programs in elf-samples from their sources.
    Samples {
        /// Write nothing; say whether a rebuild gives the committed bytes. Exit status: 0 it does, 1 it does not,
        /// 2 it does not but this compiler or linker is not the one the committed files were built with.
        #[arg(long)]
        check: bool,
        /// The gcc to use; it must build for x86-64 Linux.
        #[arg(long, default_value = "gcc")]
        cc: String,
    },
    /// Check which crate depends on which, and that unsafe code is forbidden where it should be.
    Layers,
    /// Write the table of docs/fidelity.md: which tests cover which paging rule.
    Fidelity,
    /// Compare the walker with the naive statement of the rules over every combination of the bits that matter.
    Matrix,
    /// Draw docs/chase.svg: a pointer chase on silicon, and on the model of the same processor.
    Chase,
    /// Make deliberate mistakes in a copy of the tree, and see whether fault traces tell of each as its patch foretells.
    Mutate {
        /// Only those whose names hold this.
        #[arg(default_value = "")]
        only: String,
    },
    /// Compare the walk with this machine's KVM.
    Kvm {
        /// How many random cases.
        #[arg(long, default_value_t = 20_000)]
        cases: u64,
        /// Where the random sequence begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(FOUND)
        }
    }
}

/// Finds the workspace and runs one command; the error is the message for the user.
fn run(command: &Command) -> Result<ExitCode, String> {
    let here = std::env::current_dir().map_err(|error| format!("no current folder: {error}"))?;
    let root = xtask::workspace_root(&here).ok_or("no workspace here or above: run this inside the repository")?;
    match command {
        Command::Samples { check, cc } => run_samples(&root, *check, cc),
        Command::Layers => run_layers(&root),
        Command::Fidelity => run_fidelity(&root),
        Command::Matrix => {
            run_cargo(&root, &["test", "--release", "-p", "pagewalk-paging", "--test", "matrix", "--", "--whole"])
        }
        Command::Chase => {
            let example = ["run", "--release", "-p", "pagewalk-timing", "--example", "chase", "--", "docs/chase.svg"];
            run_cargo(&root, &example)
        }
        Command::Mutate { only } => run_mutate(&root, only),
        Command::Kvm { cases, seed } => {
            let (cases, seed) = (cases.to_string(), seed.to_string());
            let example = ["run", "--release", "-p", "pagewalk-oracle", "--example", "kvm", "--"];
            run_cargo(&root, &[&example[..], &["--cases", &cases, "--seed", &seed]].concat())
        }
    }
}

/// Runs cargo, quietly but for what its program prints.
fn run_cargo(root: &Path, arguments: &[&str]) -> Result<ExitCode, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (command, rest) = arguments.split_first().expect("a cargo command");
    let status =
        std::process::Command::new(cargo).current_dir(root).args([command, "--locked", "--quiet"]).args(rest).status();
    let status = status.map_err(|error| format!("cargo cannot be run: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// `cargo xtask samples`: builds all, then installs or compares.
fn run_samples(root: &Path, check: bool, cc: &str) -> Result<ExitCode, String> {
    let folder = root.join(SAMPLES_FOLDER);
    let tools = Toolchain::detect(cc).map_err(|error| error.to_string())?;
    println!("compiler  {}\nlinker    {}", tools.compiler, tools.linker);
    let built = samples::build_all(&folder, cc).map_err(|error| error.to_string())?;
    if check {
        let recorded = samples::recorded_toolchain(&folder).map_err(|error| error.to_string())?;
        return Ok(report_comparison(&samples::compare(&folder, &built), &recorded, &tools));
    }
    samples::install(&folder, &built, &tools).map_err(|error| error.to_string())?;
    for sample in &built {
        println!("{:>8} bytes  {}", sample.bytes.len(), sample.name);
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask mutate`: says of each mistake whether it was noticed.
fn run_mutate(root: &Path, only: &str) -> Result<ExitCode, String> {
    let all = mutate::all(root).map_err(|error| error.to_string())?;
    let copy = mutate::Copy::make(root).map_err(|error| error.to_string())?;
    let mut missed = 0;
    for mutation in all.iter().filter(|mutation| mutation.name.contains(only)) {
        match copy.judge(mutation).map_err(|error| format!("{}: {error}", mutation.name))? {
            Verdict::Noticed => println!("noticed  {}", mutation.name),
            Verdict::Missed(said) => {
                missed += 1;
                println!("missed   {}\nexpected: {}\nsaid:\n{said}", mutation.name, mutation.expect);
            }
        }
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::from(FOUND) })
}

/// Prints what `--check` found and chooses the exit status.
fn report_comparison(results: &[(String, Comparison)], recorded: &Toolchain, tools: &Toolchain) -> ExitCode {
    for (name, result) in results {
        println!("{result:<9} {name}");
    }
    if results.iter().all(|(_, result)| *result == Comparison::Same) {
        println!("all {} samples are reproduced exactly", results.len());
        return ExitCode::SUCCESS;
    }
    if recorded == tools {
        eprintln!("error: the committed samples are not what their sources give; run `cargo xtask samples`");
        return ExitCode::from(FOUND);
    }
    eprintln!(
        "not judged: other versions give other bytes. The committed samples were built with\n  {}\n  {}\nand this is\n  {}\n  {}",
        recorded.compiler, recorded.linker, tools.compiler, tools.linker
    );
    ExitCode::from(NOT_JUDGED)
}

/// `cargo xtask fidelity`: writes the table, and says which rules have no test.
fn run_fidelity(root: &Path) -> Result<ExitCode, String> {
    let (document, missing) = fidelity::document(root)?;
    std::fs::write(root.join(fidelity::FIDELITY), document).map_err(|error| error.to_string())?;
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("no test, and not said to be left out: {}", missing.join(", ")))
}

/// `cargo xtask layers`: prints every violation.
fn run_layers(root: &Path) -> Result<ExitCode, String> {
    let workspace = manifest::read_workspace(root).map_err(|error| error.to_string())?;
    let violations = layers::check(&workspace);
    for violation in &violations {
        eprintln!("{violation}");
    }
    if violations.is_empty() {
        println!("{} crates keep their layers", workspace.crates.len());
        return Ok(ExitCode::SUCCESS);
    }
    Err(format!("{} violations of the layering", violations.len()))
}
