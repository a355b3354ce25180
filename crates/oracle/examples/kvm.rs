//! Compares any number of random cases with KVM: `cargo xtask kvm --cases N --seed S`.
//!
//! Prints counts, the first disagreements as lines of the case files, and exits 1 if there is one.

#![forbid(unsafe_code)]

use clap::Parser;
use std::process::ExitCode;

/// Random cases, answered by KVM and by the walk.
#[derive(Parser)]
struct Cli {
    /// How many cases.
    #[arg(long, default_value_t = 20_000)]
    cases: u64,
    /// Where the random sequence begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.cases, cli.seed) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn run(cases: u64, seed: u64) -> Result<bool, String> {
    use pagewalk_oracle::run::{Walker, compare};
    let kvm = kvm_ioctls::Kvm::new().map_err(|error| format!("/dev/kvm cannot be opened: {error}"))?;
    let report = compare(&kvm, cases, seed).map_err(|error| error.to_string())?;
    let differ = report.disagreements.len();
    println!(
        "{} cases, {} accesses made, {differ} disagree (walker: {:?})",
        report.cases,
        report.done,
        Walker::detect()
    );
    for d in report.disagreements.iter().take(10) {
        println!("{}\n  kvm  {:x?}\n  walk {:x?}", d.case.to_json(&d.kvm), d.kvm, d.walk);
    }
    Ok(differ == 0)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn run(_: u64, _: u64) -> Result<bool, String> {
    Err("KVM is part of Linux, and the guest needs an x86-64 processor".to_string())
}
