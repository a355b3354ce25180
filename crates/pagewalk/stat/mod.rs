//! `pagewalk stat`: a program's run, and what it cost on a processor.

mod table;

use crate::cli::{Core, CounterArgs, StatArgs};
use crate::error::Error;
use crate::{output, progress, report, run};
use indicatif::ProgressBar;
use pagewalk::{Attached, Machine};
use paging::HardwareModel;
use std::process::ExitCode;
use timing::ledger::{Cause, Charges};
use timing::{Clocked, Counters, Cycles, HardwareConfig, Side, WalkTime, Walks};

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
    /// Of all walks, and of those of each side.
    walkers: [(Walks, WalkTime); 4],
}

/// Runs a program and prints the counters of the modelled processor, to standard error or a file.
pub(crate) fn stat(args: &StatArgs) -> Result<ExitCode, Error> {
    let hardware = args.modelled.hardware()?;
    output::spare_program(&args.modelled.guest, &args.modelled.program, args.counters.output.as_deref())?;
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
        let [load, store, fetch] = Side::ALL.map(Walks::Of);
        let walkers = [Walks::All, load, store, fetch].map(|of| (of, core.walk_time(of)));
        Self { all, perfect, causes, walkers }
    }

    /// The causes that have cost anything.
    fn by_cause(&self) -> impl Iterator<Item = (Cause, Cycles)> {
        let all = self.causes.sorted().into_iter();
        all.map(|(cause, charge)| (cause, charge.cycles)).filter(|(_, cycles)| *cycles > Cycles(0))
    }

    /// Cycles in which the processor waited for a device: no work of its own.
    fn waited(&self) -> Cycles {
        self.causes.sum_of(Cause::is_device)
    }

    /// How long walkers were busy, by perf's names.
    fn walk_times(&self) -> impl Iterator<Item = (String, Cycles)> + '_ {
        self.walkers.iter().flat_map(|(of, time)| {
            let group = match of {
                Walks::All => "page_walker",
                Walks::Of(side) => side.group(),
            };
            [("walk_pending", time.pending), ("walk_active", time.active)]
                .map(|(name, cycles)| (format!("{group}.{name}"), cycles))
        })
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
