//! The programs of `tests/programs/memory`: what Linux says of memory (maps, smaps, mincore, status) for layouts that they set
//! up, and what each call of memory management returns for what should and should not work.

use crate::compare::{HOST_PATH, Invocation, Lines, find_program};
use crate::compiled::compile;
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: &[&str] = &[
    "layouts",
    "merges",
    "sharing",
    "mlock",
    "maps",
    "madvise",
    "memfd",
    "shm",
    "process_vm",
    "pagemap",
    "hugetlb",
    "truncate",
    "sysfs",
];

pub(crate) fn trials() -> Vec<Trial> {
    let compiler = find_program("gcc");
    let mut trials: Vec<Trial> = PROGRAMS.iter().map(|program| trial(compiler.clone(), program, &[], &[])).collect();
    let pages = trial(compiler.clone(), "hugetlb", &["pages"], &["--hugepages", "8"]);
    trials.push(pages.with_ignored_flag(free_hugepages() < 8));
    let transparent = trial(compiler.clone(), "thp", &[], &[]);
    let has_some = compiler.is_some_and(|compiler| has_transparent_hugepages(&compiler).unwrap_or(false));
    trials.push(transparent.with_ignored_flag(!has_some));
    trials
}

/// Whether this Linux gives transparent huge pages: its memory may be in too many pieces.
fn has_transparent_hugepages(compiler: &Path) -> Result<bool, Failed> {
    let scratch = tempfile::tempdir()?;
    let binary = scratch.path().join("thp");
    compile(compiler, "memory/thp.c", &binary, &[])?;
    Ok(Command::new(&binary).arg("probe").status()?.success())
}

/// Large pages of the host that nobody uses and that are promised to nobody.
fn free_hugepages() -> i64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field =
        |name| meminfo.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<i64>().ok()).unwrap_or(0);
    field("HugePages_Free:") - field("HugePages_Rsvd:")
}

fn trial(
    compiler: Option<PathBuf>,
    program: &'static str,
    args: &'static [&'static str],
    options: &'static [&'static str],
) -> Trial {
    let missing = compiler.is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no gcc here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join(program);
        compile(compiler, &format!("memory/{program}.c"), &binary, &[])?;
        let path = HOST_PATH.as_ref();
        Invocation { program: &binary, args, cwd: scratch.path(), stdin: None, lines: Lines::Ordered, path }
            .check_with(options, || Ok(()))
    };
    Trial::test(format!("memory {program} {}", args.join(" ")).trim_end(), run).with_ignored_flag(missing)
}
