//! Every program of `elf-samples`, through the facade: its output as recorded, its end, and natively the same.

mod common;

use common::{config, describe, golden, repository, run, samples, status};
use pagewalk::{AccessKind, Cause, Death, Ending, ExitStatus, FaultReport, Neighbourhood, PageFaultCode, Signal};
use std::collections::BTreeSet;

/// What a run must be like.
struct Case {
    command: &'static str,
    /// As a shell reports it.
    status: u8,
    host: Host,
}

/// Whether the host's own run gives the same output.
#[derive(PartialEq)]
enum Host {
    Same,
    /// Its addresses or its stack limit are its own.
    Differs,
}

const SIGSEGV: u8 = 128 + 11;

const CASES: &[Case] = &[
    Case { command: "hello", status: 0, host: Host::Same },
    Case { command: "hello-pie", status: 0, host: Host::Same },
    Case { command: "hello-pie addresses", status: 0, host: Host::Differs },
    Case { command: "regions", status: 0, host: Host::Differs },
    Case { command: "oob", status: SIGSEGV, host: Host::Same },
    Case { command: "stack-recursion", status: 0, host: Host::Same },
    Case { command: "stack-recursion 20000", status: 0, host: Host::Same },
    Case { command: "stack-recursion overflow", status: SIGSEGV, host: Host::Differs },
    Case { command: "stack-recursion nonsense", status: 2, host: Host::Same },
    Case { command: "stack-alloca", status: 0, host: Host::Same },
    Case { command: "stack-alloca overflow", status: SIGSEGV, host: Host::Differs },
    Case { command: "malloc", status: 0, host: Host::Same },
    Case { command: "mmap-file", status: 0, host: Host::Same },
    Case { command: "mmap-file LICENSE-MIT", status: 0, host: Host::Same },
    Case { command: "mmap-file missing", status: 1, host: Host::Same },
    Case { command: "mprotect-repair", status: 0, host: Host::Same },
    Case { command: "smc", status: 0, host: Host::Same },
    Case { command: "smc 7", status: 0, host: Host::Same },
    Case { command: "getpagesize", status: 0, host: Host::Same },
    Case { command: "altstack", status: 0, host: Host::Differs },
    Case { command: "fp", status: 0, host: Host::Same },
    Case { command: "sieve 100000", status: 0, host: Host::Same },
    Case { command: "crc", status: 0, host: Host::Same },
    Case { command: "matrix", status: 0, host: Host::Same },
    Case { command: "touch", status: 0, host: Host::Same },
    Case { command: "touch 1 2 3 4 1 2 5 1 2 3 4 5", status: 0, host: Host::Same },
    Case { command: "fork-cow", status: 0, host: Host::Same },
    Case { command: "pipe", status: 0, host: Host::Same },
    Case { command: "same-address", status: 0, host: Host::Same },
    Case { command: "exec", status: 0, host: Host::Same },
    Case { command: "invalidate", status: 0, host: Host::Same },
];

fn command_line(case: &Case) -> String {
    format!("elf-samples/{}", case.command)
}

#[test]
fn output_and_end_are_as_recorded() {
    for case in CASES {
        let outcome = run(config(), &command_line(case));
        assert_eq!(status(&outcome.ending), case.status, "{}: {}", case.command, describe(&outcome.ending));
        let out = String::from_utf8(outcome.output.out).expect("samples write text");
        let err = String::from_utf8(outcome.output.err).expect("samples write text");
        let text = format!("{out}-- standard error\n{err}-- end\n{}\n", describe(&outcome.ending));
        golden(&case.command.replace(' ', "-"), &text);
    }
}

#[test]
fn every_sample_has_a_case() {
    let files = std::fs::read_dir(samples()).expect("the samples are there");
    let is_elf = |path: &std::path::Path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
    let names: BTreeSet<String> = files
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| is_elf(path))
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let cases = CASES.iter().filter_map(|case| case.command.split(' ').next()).map(str::to_owned).collect();
    assert_eq!(names, cases);
}

#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn the_host_gives_the_same() {
    use std::os::unix::process::ExitStatusExt;
    for case in CASES.iter().filter(|case| case.host == Host::Same) {
        let line = command_line(case);
        let mut words = line.split(' ');
        let mut native = std::process::Command::new(words.next().expect("a program"));
        let native = native.args(words).current_dir(repository()).env_clear().env("LANG", "C");
        let native = native.output().expect("the sample starts");
        let outcome = run(config(), &line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(&outcome.output.out), text(&native.stdout), "standard output of {line}");
        assert_eq!(text(&outcome.output.err), text(&native.stderr), "standard error of {line}");
        let code = native.status.code().unwrap_or_else(|| 128 + native.status.signal().expect("a signal"));
        assert_eq!(i32::from(status(&outcome.ending)), code, "exit status of {line}");
    }
}

/// The death of a program that touched what it may not.
fn death(command: &str) -> (Death, FaultReport) {
    match run(config(), command).ending {
        Ending::Exit(ExitStatus::Killed(death)) => match death.cause.clone() {
            Some(Cause::Fault(fault)) => (*death, fault),
            other => panic!("{command} died of {other:?}"),
        },
        other => panic!("{command} did not die: {other:?}"),
    }
}

/// `SEGV_MAPERR` of siginfo.
const SEGV_MAPERR: i32 = 1;

#[test]
fn a_write_past_the_end_names_the_mapping_it_missed() {
    let (death, fault) = death("elf-samples/oob");
    assert_eq!(death.signal(), Signal::SEGV);
    assert_eq!(death.info.code(), SEGV_MAPERR);
    assert_eq!(fault.kind, AccessKind::Write);
    assert_eq!(fault.code, PageFaultCode::WR | PageFaultCode::US);
    let Neighbourhood::Between { below: Some(below), above: Some(above) } = fault.at else {
        panic!("nothing is mapped at {}", fault.addr)
    };
    assert_eq!(below.end, fault.addr, "it is the first byte past the end");
    assert_eq!((below.end.0 - below.start.0, below.name.as_str()), (4 * 4096, "anonymous"));
    assert_eq!(above.name, "[stack]");
}

#[test]
fn a_stack_overflow_ends_below_the_stack() {
    for command in ["elf-samples/stack-recursion overflow", "elf-samples/stack-alloca overflow"] {
        let (death, fault) = death(command);
        assert_eq!((death.signal(), death.info.code()), (Signal::SEGV, SEGV_MAPERR), "{command}");
        let Neighbourhood::Between { above: Some(above), .. } = fault.at else {
            panic!("{command}: {} is mapped", fault.addr)
        };
        assert_eq!(above.name, "[stack]", "{command}");
        assert_eq!(above.end.0 - above.start.0, 8 << 20, "{command}: the stack is at its limit");
    }
}
