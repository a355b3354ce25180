//! The programs of `tests/programs` that start other processes: C with glibc and with musl, C++, and Rust. They find
//! busybox's applets in their PATH.

use crate::compare::find_program;
use crate::compiled::{COMPILERS, compile, compile_rust};
use crate::workshop::Workshop;
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Each is compiled by each C compiler.
const PROGRAMS: &[&str] =
    &["processes", "copies", "pipes", "delivery", "groups", "events", "execs", "locks", "semaphores"];

/// What is on each one's standard input.
const STDIN: &str = "keys";

pub(crate) fn trials(workshop: &Arc<Workshop>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (library, compiler) in COMPILERS {
        let compiler = find_program(compiler);
        for program in PROGRAMS {
            let build = move |compiler: &Path, binary: &Path| compile(compiler, &format!("{program}.c"), binary, &[]);
            trials.push(trial(format!("{library} {program}"), workshop, compiler.clone(), program, build));
        }
    }
    let build = |compiler: &Path, binary: &Path| compile(compiler, "exceptions.cpp", binary, &["-std=c++17"]);
    trials.push(trial("c++ exceptions".into(), workshop, find_program("g++"), "exceptions", build));
    let rustc = find_program("rustc").filter(|_| find_program("gcc").is_some());
    let build = |compiler: &Path, binary: &Path| compile_rust(compiler, "commands.rs", binary);
    trials.push(trial("rust commands".into(), workshop, rustc, "commands", build));
    trials
}

fn trial(
    name: String,
    workshop: &Arc<Workshop>,
    compiler: Option<PathBuf>,
    program: &'static str,
    build: impl Fn(&Path, &Path) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let workshop = Arc::clone(workshop);
    let missing = compiler.is_none() || workshop.busybox().is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no such compiler here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join(program);
        build(compiler, &binary)?;
        workshop.check(&binary, &[], Some(STDIN))
    };
    Trial::test(name, run).with_ignored_flag(missing)
}
