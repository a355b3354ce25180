//! The programs of `tests/programs/memory`: what Linux says of memory (maps, smaps, mincore, status) for layouts that they set
//! up, and what each call of memory management returns for what should and should not work.

use crate::compare::{HOST_PATH, Invocation, Lines, find_program};
use crate::compiled::compile;
use libtest_mimic::Trial;
use std::path::PathBuf;

const PROGRAMS: &[&str] = &["layouts", "sharing", "mlock", "maps", "madvise", "memfd", "shm", "process_vm", "pagemap"];

pub(crate) fn trials() -> Vec<Trial> {
    let compiler = find_program("gcc");
    PROGRAMS.iter().map(|program| trial(compiler.clone(), program)).collect()
}

fn trial(compiler: Option<PathBuf>, program: &'static str) -> Trial {
    let missing = compiler.is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no gcc here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join(program);
        compile(compiler, &format!("memory/{program}.c"), &binary, &[])?;
        let path = HOST_PATH.as_ref();
        Invocation { program: &binary, args: &[], cwd: scratch.path(), stdin: None, lines: Lines::Ordered, path }
            .check()
    };
    Trial::test(format!("memory {program}"), run).with_ignored_flag(missing)
}
