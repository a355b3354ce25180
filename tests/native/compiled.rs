//! The programs of `tests/programs`, compiled here: C with glibc and with musl, a Rust program, and Lua linked into a C one.

use crate::compare::{HOST_PATH, Invocation, Lines, find_program};
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each is compiled by each compiler and run with these arguments.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("printf", &[]),
    ("scan", &[]),
    ("mathlib", &[]),
    ("longmath", &[]),
    ("integers", &[]),
    ("sorting", &[]),
    ("heap", &[]),
    ("strings", &[]),
    ("stdio", &[]),
    ("jumps", &[]),
    ("signals", &[]),
    ("mapping", &[]),
    ("pressure", &["1", "7"]),
    ("nops", &[]),
    ("calls", &[]),
    ("dates", &[]),
    ("options", &["-a", "-b", "value", "--long=7", "-x", "rest", "more"]),
    ("endings", &["exit"]),
    ("endings", &["abort"]),
    ("endings", &["segv"]),
    ("endings", &["null-call"]),
    ("endings", &["divide"]),
    ("endings", &["illegal"]),
    ("endings", &["raise"]),
    ("endings", &["bus"]),
];

/// A compiler and what makes its programs static.
pub(crate) const COMPILERS: &[(&str, &str)] = &[("glibc", "gcc"), ("musl", "musl-gcc")];

const LUA_LIBRARIES: &[&str] = &["/usr/lib/x86_64-linux-gnu/liblua5.4.a", "/usr/lib/liblua5.4.a"];

pub(crate) fn trials(inputs: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (library, compiler) in COMPILERS {
        let compiler = find_program(compiler);
        for (program, args) in PROGRAMS {
            trials.push(trial(library, compiler.clone(), inputs.to_owned(), program, args));
        }
    }
    trials.push(rust(inputs.to_owned()));
    trials.push(lua(inputs.to_owned()));
    trials
}

fn trial(
    library: &'static str,
    compiler: Option<PathBuf>,
    cwd: PathBuf,
    program: &'static str,
    args: &'static [&'static str],
) -> Trial {
    let name = format!("{library} {program} {}", args.join(" "));
    let missing = compiler.is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no such compiler here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join(program);
        compile(compiler, &format!("{program}.c"), &binary, &[])?;
        Invocation {
            program: &binary,
            args,
            cwd: &cwd,
            stdin: Some("keys"),
            lines: Lines::Ordered,
            path: HOST_PATH.as_ref(),
        }
        .check()
    };
    Trial::test(name.trim_end(), run).with_ignored_flag(missing)
}

/// The C library of the target is linked by gcc.
fn rust(cwd: PathBuf) -> Trial {
    let compilers = find_program("rustc").filter(|_| find_program("gcc").is_some());
    let missing = compilers.is_none();
    let run = move || {
        let rustc = compilers.as_deref().ok_or("there is no rustc or no gcc here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join("unwind");
        compile_rust(rustc, "unwind.rs", &binary)?;
        Invocation {
            program: &binary,
            args: &[],
            cwd: &cwd,
            stdin: Some("keys"),
            lines: Lines::Ordered,
            path: HOST_PATH.as_ref(),
        }
        .check()
    };
    Trial::test("rust unwind", run).with_ignored_flag(missing)
}

fn lua(cwd: PathBuf) -> Trial {
    let compiler = find_program("gcc");
    let library = LUA_LIBRARIES.iter().find(|path| Path::new(path).exists());
    let missing = compiler.is_none() || library.is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no gcc here")?;
        let library = library.ok_or("there is no liblua5.4.a here")?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join("lua");
        compile(compiler, "lua.c", &binary, &["-I/usr/include/lua5.4", library, "-lm"])?;
        let script = source("script.lua");
        let script = script.to_str().ok_or("the repository's path is not UTF-8")?;
        Invocation {
            program: &binary,
            args: &[script, "12"],
            cwd: &cwd,
            stdin: Some("keys"),
            lines: Lines::Ordered,
            path: HOST_PATH.as_ref(),
        }
        .check()
    };
    Trial::test("lua script.lua", run).with_ignored_flag(missing)
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

/// A static program for the target with glibc.
pub(crate) fn compile_rust(rustc: &Path, name: &str, binary: &Path) -> Result<(), Failed> {
    let mut command = Command::new(rustc);
    command.args(["-O", "--edition=2024", "-C", "target-feature=+crt-static", "--target", "x86_64-unknown-linux-gnu"]);
    succeed(command.arg("-o").arg(binary).arg(source(name)))
}

/// A static C program; C++ as well, with its compiler.
pub(crate) fn compile(compiler: &Path, name: &str, binary: &Path, libraries: &[&str]) -> Result<(), Failed> {
    let mut command = Command::new(compiler);
    command.args(["-O2", "-static", "-w", "-o"]).arg(binary).arg(source(name)).args(libraries);
    succeed(command.arg("-lm"))
}

fn succeed(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned().into()) }
}
