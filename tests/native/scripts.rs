//! The scripts of `tests/scripts`: each folder is for one shell, each file in it a trial.

use crate::compare::find_program;
use crate::workshop::Workshop;
use libtest_mimic::{Failed, Trial};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of scripts, the program that runs them, and its arguments before the script's name.
const SHELLS: &[(&str, &str, &[&str])] =
    &[("busybox", "busybox", &["sh"]), ("bash", "bash-static", &["--norc"]), ("zsh", "zsh-static", &["-f"])];

/// What is on each script's standard input.
const STDIN: &str = "keys";

pub(crate) fn trials(workshop: &Arc<Workshop>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (folder, shell, args) in SHELLS {
        let shell = find_program(shell).filter(|_| workshop.busybox().is_some());
        for script in scripts(folder) {
            trials.push(trial(Arc::clone(workshop), folder, shell.clone(), args, script));
        }
    }
    trials
}

fn trial(
    workshop: Arc<Workshop>,
    folder: &str,
    shell: Option<PathBuf>,
    args: &'static [&'static str],
    script: PathBuf,
) -> Trial {
    let name = format!("script {folder}/{}", script.file_stem().unwrap_or_default().to_string_lossy());
    let missing = shell.is_none();
    let run = move || -> Result<(), Failed> {
        let shell = shell.as_deref().ok_or("the shell or a static busybox is not here")?;
        let script = script.to_str().ok_or("the repository's path is not UTF-8")?;
        workshop.check(shell, &[args, &[script]].concat(), Some(STDIN))
    };
    Trial::test(name, run).with_ignored_flag(missing)
}

/// A shell's scripts, sorted.
fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(folder);
    let entries = fs::read_dir(folder).expect("the folder of scripts is there");
    let mut scripts: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    scripts.sort();
    scripts
}
