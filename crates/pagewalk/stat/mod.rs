//! `pagewalk stat`: a program's run, and what it cost on a processor.

mod table;

use crate::cli::{Core, StatArgs};
use crate::error::Error;
use crate::{report, run};
use pagewalk::{Attached, Machine};
use paging::HardwareModel;
use std::process::ExitCode;
use timing::ledger::{Cause, Charges};
use timing::{Counters, Cycles, HardwareConfig};

/// What a run came to.
struct Outcome {
    counters: Counters,
    /// With a clock: all cycles, those of the twin, and what they were spent on.
    cycles: Option<Spent>,
}

/// Cycles and their causes.
struct Spent {
    all: Cycles,
    perfect: Cycles,
    causes: Charges,
}

/// Runs a program and prints the counters of the modelled processor, to standard error or a file.
pub(crate) fn stat(args: &StatArgs) -> Result<ExitCode, Error> {
    let hardware = args.modelled.hardware()?;
    let (console, interrupt) = run::console()?;
    let config = run::config(&args.modelled.guest);
    let (status, outcome) = match args.modelled.core {
        Core::None => {
            let mut machine = Machine::counting(config, console, interrupt, &hardware)?;
            let status = execute(args, &mut machine)?;
            (status, Outcome { counters: *machine.cpu().mmu().model.counters(), cycles: None })
        }
        Core::InOrder => clocked(args, Machine::in_order(config, console, interrupt, &hardware)?)?,
        Core::OutOfOrder => clocked(args, Machine::out_of_order(config, console, interrupt, &hardware)?)?,
    };
    print(args, &hardware, &outcome)?;
    Ok(status)
}

impl Spent {
    /// The causes that have cost anything.
    fn by_cause(&self) -> impl Iterator<Item = (Cause, Cycles)> {
        let all = self.causes.sorted().into_iter();
        all.map(|(cause, charge)| (cause, charge.cycles)).filter(|(_, cycles)| *cycles > Cycles(0))
    }
}

/// Runs a program on a core with a clock.
fn clocked(args: &StatArgs, mut machine: Machine<Attached>) -> Result<(ExitCode, Outcome), Error> {
    let status = execute(args, &mut machine)?;
    let core = machine.clocked().expect("the machine was made with one");
    let (all, ledger) = core.finish();
    let spent = Spent { all, perfect: ledger.perfect(), causes: ledger.total() };
    let counters = *core.counters();
    Ok((status, Outcome { counters, cycles: Some(spent) }))
}

fn execute<H: HardwareModel>(args: &StatArgs, machine: &mut Machine<H>) -> Result<ExitCode, Error> {
    run::exec(machine, &args.modelled.guest, &args.modelled.program)?;
    let ending = run::run_to_the_end(machine);
    report::ending(machine, &ending);
    report::limits(machine);
    Ok(report::status(&ending))
}

fn print(args: &StatArgs, hardware: &HardwareConfig, outcome: &Outcome) -> Result<(), Error> {
    let program = args.modelled.program[0].to_string_lossy();
    let text = args.format.render(&program, hardware, outcome);
    match &args.output {
        None if args.quiet => Ok(()),
        None => {
            report::say(&text);
            Ok(())
        }
        Some(path) => {
            std::fs::write(path, text).map_err(|cause| Error::WriteFile { path: path.display().to_string(), cause })
        }
    }
}
