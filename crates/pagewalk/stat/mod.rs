//! `pagewalk stat`: a program's run, and what it cost on a processor.

mod table;

use crate::cli::{Core, CounterArgs, StatArgs};
use crate::error::Error;
use crate::{progress, report, run};
use indicatif::ProgressBar;
use pagewalk::{Attached, Machine};
use paging::HardwareModel;
use std::process::ExitCode;
use timing::ledger::{Cause, Charges};
use timing::{Clocked, Counters, Cycles, HardwareConfig};

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) counters: Counters,
    /// With a clock: all cycles, those of the twin, and what they were spent on.
    pub(crate) cycles: Option<Spent>,
}

/// Cycles and their causes.
pub(crate) struct Spent {
    all: Cycles,
    perfect: Cycles,
    causes: Charges,
    /// Of the page walkers: all together, and at least one.
    walk_pending: Cycles,
    walk_active: Cycles,
}

/// Runs a program and prints the counters of the modelled processor, to standard error or a file.
pub(crate) fn stat(args: &StatArgs) -> Result<ExitCode, Error> {
    let hardware = args.modelled.hardware()?;
    let (console, interrupt, line) = progress::console()?;
    let config = run::config(&args.modelled.guest);
    let (status, outcome) = match args.modelled.processor.core {
        Core::None => {
            let mut machine = Machine::counting(config, console, interrupt, &hardware)?;
            let status = execute(args, &mut machine, &line)?;
            (status, Outcome { counters: *machine.cpu().mmu().model.counters(), cycles: None })
        }
        Core::InOrder => clocked(args, Machine::in_order(config, console, interrupt, &hardware)?, &line)?,
        Core::OutOfOrder => clocked(args, Machine::out_of_order(config, console, interrupt, &hardware)?, &line)?,
    };
    let program = args.modelled.program[0].to_string_lossy();
    print(&args.counters, &program, &hardware, &outcome)?;
    Ok(status)
}

impl Spent {
    /// What a core has spent.
    pub(crate) fn of(core: &mut (impl Clocked + ?Sized)) -> Self {
        let (all, ledger) = core.finish();
        let (perfect, causes) = (ledger.perfect(), ledger.total());
        Self { all, perfect, causes, walk_pending: core.walk_pending(), walk_active: core.walk_active() }
    }

    /// The causes that have cost anything.
    fn by_cause(&self) -> impl Iterator<Item = (Cause, Cycles)> {
        let all = self.causes.sorted().into_iter();
        all.map(|(cause, charge)| (cause, charge.cycles)).filter(|(_, cycles)| *cycles > Cycles(0))
    }

    /// What is told apart, by name: how long devices were waited for, which is no work of the processor, and how long walkers were busy.
    fn apart(&self) -> [(&'static str, Cycles); 3] {
        [
            ("device.wait_cycles", self.causes.sum_of(Cause::is_device)),
            ("page_walker.pending", self.walk_pending),
            ("page_walker.active", self.walk_active),
        ]
    }
}

/// Runs a program on a core with a clock.
fn clocked(args: &StatArgs, mut machine: Machine<Attached>, line: &ProgressBar) -> Result<(ExitCode, Outcome), Error> {
    let status = execute(args, &mut machine, line)?;
    let core = machine.clocked().expect("the machine was made with one");
    let spent = Spent::of(core);
    let counters = *core.counters();
    Ok((status, Outcome { counters, cycles: Some(spent) }))
}

fn execute<H: HardwareModel>(args: &StatArgs, machine: &mut Machine<H>, line: &ProgressBar) -> Result<ExitCode, Error> {
    run::exec(machine, &args.modelled.guest, &args.modelled.program)?;
    let ending = progress::run_to_the_end(machine, line);
    report::ending(machine, &ending);
    report::limits(machine);
    Ok(report::status(&ending))
}

/// Prints what a run came to, to standard error or a file.
pub(crate) fn print(
    args: &CounterArgs,
    program: &str,
    hardware: &HardwareConfig,
    outcome: &Outcome,
) -> Result<(), Error> {
    let text = args.format.render(program, hardware, outcome);
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
