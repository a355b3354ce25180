//! Exceptions as signals: `traps/traps.c`, compiled here, prints under pagewalk what it printed on a native Linux.

mod common;

use common::{config, describe, run};
use pagewalk::{CpuModel, Mount, MountMode};
use std::process::Command;

/// The baseline, and what the program tries beside. A C library keeps to it.
const PROCESSOR: &str = "x86-64-v1,+xsave,+xsaveopt,+xsavec,+xgetbv1,+xsaves,+fsgsbase";

#[test]
fn each_exception_is_the_signal_that_linux_delivers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = common::repository().join("tests/traps/traps.c");
    let compiled = Command::new("cc")
        .args(["-O1", "-w", "-static", "-no-pie", "-mfsgsbase", "-mxsave", "-mxsavec", "-o"])
        .arg(folder.path().join("traps"))
        .arg(source)
        .status();
    if !compiled.is_ok_and(|status| status.success()) {
        return eprintln!("not tested: no C compiler that makes static x86-64 programs");
    }
    let mut config = config();
    config.view.mounts.push(Mount { host: folder.path().into(), guest: "/traps".into(), mode: MountMode::Layered });
    config.cpu = CpuModel { features: PROCESSOR.parse().expect("a processor"), ..CpuModel::default() };
    let outcome = run(config, "/traps/traps");
    assert_eq!(describe(&outcome.ending), "exit status 0");
    let (got, want) = (String::from_utf8_lossy(&outcome.output.out), include_str!("traps/traps.txt"));
    for (got, want) in got.lines().zip(want.lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(got.lines().count(), want.lines().count());
}
