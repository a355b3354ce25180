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
];

pub(crate) fn trials() -> Vec<Trial> {
    let compiler = find_program("gcc");
    let mut trials: Vec<Trial> = PROGRAMS.iter().map(|program| trial(compiler.clone(), program, &[], &[])).collect();
    let pages = trial(compiler.clone(), "hugetlb", &["pages"], &["--hugepages", "8"]);
    trials.push(pages.with_ignored_flag(free_hugepages() < 8));
    trials.push(trial(compiler.clone(), "sysfs", &[], &[]).with_ignored_flag(!shows_memory()));
    let transparent = trial(compiler.clone(), "thp", &[], &[]);
    let has_some = compiler.is_some_and(|compiler| has_transparent_hugepages(&compiler).unwrap_or(false));
    trials.push(transparent.with_ignored_flag(!has_some));
    trials
}

/// Whether this Linux shows in /sys and /proc/sys what a kernel with large pages does, and lets it be changed: a container may not.
fn shows_memory() -> bool {
    let files = [
        "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared",
        "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages",
        "/proc/sys/vm/overcommit_kbytes",
    ];
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let kinds = ["sysfs", "proc"];
    let is_fixed = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        words.len() > 3 && kinds.contains(&words[2]) && words[3].split(',').any(|option| option == "ro")
    };
    files.iter().all(|file| Path::new(file).exists()) && !mounts.lines().any(is_fixed)
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
        let compare = || {
            Invocation { program: &binary, args, cwd: scratch.path(), stdin: None, lines: Lines::Ordered, path }
                .check_with(options, || Ok(()))
        };
        // The host's khugepaged may come by at any moment and fill a large page; pagewalk's outcome is always the same.
        let again = if program == "thp" { 2 } else { 0 };
        (0..again).fold(compare(), |outcome, _| outcome.or_else(|_| compare()))
    };
    Trial::test(format!("memory {program} {}", args.join(" ")).trim_end(), run).with_ignored_flag(missing)
}
