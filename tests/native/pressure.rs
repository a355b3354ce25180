//! `tests/programs/pressure.c` with four times as much memory in use as there is RAM, under every policy and with large pages: the same
//! hashes as natively, and at the end every frame accounted for.
//!
//! `PAGEWALK_PRESSURE=32` uses so many MiB instead of 4.

use crate::compare::find_program;
use crate::compiled::compile;
use libtest_mimic::{Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Those that need nothing but the entries.
const POLICIES: [&str; 6] = ["lru", "clock", "fifo", "random", "2q", "mglru"];

pub(crate) fn trials() -> Vec<Trial> {
    let compiler = find_program("gcc");
    let all = POLICIES.iter().map(|policy| (*policy, "never")).chain([("lru", "always")]);
    all.map(|(policy, thp)| trial(compiler.clone(), policy, thp)).collect()
}

fn trial(compiler: Option<PathBuf>, policy: &'static str, thp: &'static str) -> Trial {
    let missing = compiler.is_none();
    let run = move || {
        let compiler = compiler.as_deref().ok_or("there is no gcc here")?;
        let mib: u64 = std::env::var("PAGEWALK_PRESSURE").map_or(Ok(4), |mib| mib.parse())?;
        let scratch = tempfile::tempdir()?;
        let binary = scratch.path().join("pressure");
        compile(compiler, "pressure.c", &binary, &[])?;
        let mut natively = Command::new(&binary);
        let mut simulated = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
        simulated.args(["run", "--check-invariants", "--reclaim", policy, "--thp", thp]);
        // A page of 2 MiB needs some room.
        let ram = if thp == "always" { mib.div_ceil(4).max(4) } else { mib.div_ceil(4) };
        simulated.args([format!("--ram={ram}M"), format!("--swap={}M", 4 * mib)]).arg(&binary);
        let size = mib.to_string();
        let [expected, got] = [&mut natively, &mut simulated].map(|command| finish(command, &size, scratch.path()));
        let (expected, got) = (expected?, got?);
        if expected.status.success() && got.status.success() && expected.stdout == got.stdout {
            return Ok(());
        }
        let [expected, stdout, stderr] =
            [&expected.stdout, &got.stdout, &got.stderr].map(|text| String::from_utf8_lossy(text));
        Err(format!("{simulated:?}: {}\n{stdout}{stderr}\nnatively:\n{expected}", got.status).into())
    };
    Trial::test(format!("pressure {policy}, large pages {thp}"), run).with_ignored_flag(missing)
}

fn finish(command: &mut Command, size: &str, cwd: &Path) -> Result<Output, Failed> {
    Ok(command.args([size, "1"]).current_dir(cwd).output()?)
}
