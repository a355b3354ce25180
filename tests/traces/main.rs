//! Fault traces: every sample has one that is kept, and each run gives it again, whatever the machine under it is.

#[path = "../common/mod.rs"]
mod common;

mod commands;
mod cut;
mod everywhere;
mod files;

use common::repository;
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `pagewalk trace` where the samples are.
pub(crate) fn trace(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.arg("trace").args(args).current_dir(repository()).output().expect("pagewalk starts")
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// The traces that are kept.
pub(crate) fn goldens() -> Vec<PathBuf> {
    let files = std::fs::read_dir(repository().join("tests/faults")).expect("the traces are there");
    let mut all: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    all.sort();
    all
}

/// Checks each trace with some options.
pub(crate) fn check_all(goldens: &[PathBuf], options: &[&str]) {
    goldens.par_iter().for_each(|golden| {
        let output = trace(&[&["check", text(golden)], options].concat());
        assert_eq!(output.status.code(), Some(0), "{} {options:?}:\n{}", golden.display(), said(&output));
        assert!(said(&output).contains("the same: "), "{}", said(&output));
    });
}

pub(crate) const FORK_COW: &str = "tests/faults/fork-cow.faults";
