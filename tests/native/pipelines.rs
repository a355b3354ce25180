//! The lines of `tests/scripts/pipelines.txt`: each is a script for busybox's shell, and a trial.

use crate::workshop::Workshop;
use libtest_mimic::{Failed, Trial};
use std::sync::Arc;

/// Empty lines and those that begin with `#` are none.
const PIPELINES: &str = include_str!("../scripts/pipelines.txt");

/// What is on each one's standard input.
const STDIN: &str = "keys";

pub(crate) fn trials(workshop: &Arc<Workshop>) -> Vec<Trial> {
    let lines = PIPELINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| trial(Arc::clone(workshop), line)).collect()
}

fn trial(workshop: Arc<Workshop>, line: &'static str) -> Trial {
    let missing = workshop.busybox().is_none();
    let run = move || -> Result<(), Failed> {
        let busybox = workshop.busybox().ok_or("there is no static busybox here")?;
        workshop.check(busybox, &["sh", "-c", line], Some(STDIN))
    };
    Trial::test(format!("busybox sh -c {line}"), run).with_ignored_flag(missing)
}
