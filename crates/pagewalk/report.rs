//! What is said at the end of a run: on standard error, so that the program's own output stays its own.

use crate::cli::FAILED;
use crate::error::Error;
use pagewalk::{Blocked, Divergence, Ending, ExitStatus, Machine, Signal, Stats};
use paging::HardwareModel;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Exit status when the limit of instructions or time was reached, as `timeout` has it.
const LIMIT: u8 = 124;

/// The exit status that stands for an ending.
pub(crate) fn status(ending: &Ending) -> ExitCode {
    ExitCode::from(match ending {
        Ending::Exit(status) => status.code(),
        Ending::InstructionLimit(_) | Ending::TimedOut => LIMIT,
        Ending::UnsupportedInstruction(_)
        | Ending::UnsupportedSyscall(_)
        | Ending::Deadlock(_)
        | Ending::Broken(_)
        | Ending::Stopped(_) => FAILED,
    })
}

/// Says how the run ended, unless the program simply exited.
pub(crate) fn ending<H: HardwareModel>(machine: &Machine<H>, ending: &Ending) {
    let rip = machine.context().rip;
    let text = match ending {
        Ending::Exit(ExitStatus::Exited(_)) => return,
        // Nobody reads on: the everyday end of a program in front of `head`.
        Ending::Exit(ExitStatus::Killed(death)) if death.signal() == Signal::PIPE && death.cause.is_none() => return,
        Ending::Exit(ExitStatus::Killed(death)) => death.to_string(),
        Ending::UnsupportedInstruction(insn) => {
            let bytes: Vec<String> = insn.bytes.iter().map(|b| format!("{b:02x}")).collect();
            format!(
                "instruction not supported: `{}` ({}) at rip {}\n  \
                 help: it leads into 32-bit code or the 32-bit system calls, which are not there",
                insn.text,
                bytes.join(" "),
                insn.rip
            )
        }
        Ending::UnsupportedSyscall(call) => format!(
            "not supported: {call}, before rip {rip:#x}\n  \
             help: processes with one thread each are supported; what the kernel layer lacks ends the run, so that no \
             result is wrong in silence"
        ),
        Ending::Deadlock(processes) => {
            format!("deadlock: nothing can end these waits{}", list(processes))
        }
        Ending::Stopped(processes) => {
            format!("stopped: nothing that runs could continue these processes{}", list(processes))
        }
        Ending::Broken(violation) => format!("an error of pagewalk's own, found at rip {rip:#x}: {violation}"),
        Ending::TimedOut => format!("stopped: the time of --timeout is up, at rip {rip:#x}"),
        Ending::InstructionLimit(limit) => format!("stopped after {limit} instructions, at rip {rip:#x}"),
    };
    say(&format!("pagewalk: {text}\n"));
}

/// A line for each process.
fn list(processes: &[Blocked]) -> String {
    processes.iter().map(|process| format!("\n  {process}")).collect()
}

/// Says what limits the programs ran into.
pub(crate) fn limits<H: HardwareModel>(machine: &Machine<H>) {
    for kill in machine.kernel().oom_kills() {
        say(&format!("pagewalk: {kill}\n"));
    }
    let refused = machine.kernel().refused_forks();
    if refused > 0 {
        say(&format!("pagewalk: {refused} forks failed: no more processes than --max-processes allows\n"));
    }
}

/// Says that a run did not use the pages that its recording foretold.
pub(crate) fn divergence(divergence: Divergence) {
    let Divergence { at, unknown } = divergence;
    say(&format!(
        "pagewalk: from its reference {at} on, this run differs from the one in --references ({unknown} references were \
         not found there): what went was not the optimum\n"
    ));
}

/// Prints the guest's figures and, if there is a time, the host's.
pub(crate) fn stats(stats: &Stats, host: Option<Duration>) {
    say(&stats.to_string());
    if let Some(elapsed) = host {
        let seconds = elapsed.as_secs_f64();
        let mips = stats.instructions as f64 / seconds.max(f64::MIN_POSITIVE) / 1e6;
        say(&format!("{seconds:>16.3}  host-seconds\n{mips:>16.1}  million-instructions-per-host-second\n"));
    }
}

/// Writes to standard output. A reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Output(e)),
        _ => Ok(()),
    }
}

/// Writes to standard error. If that is closed, nobody is left to tell.
pub(crate) fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
