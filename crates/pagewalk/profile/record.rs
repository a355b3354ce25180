//! `pagewalk record`: a program's run, and the profile of it.

use super::{RecordArgs, accesses};
use crate::cli::{Core, ModelledArgs};
use crate::error::Error;
use crate::report::{self, say};
use crate::{output, progress, run};
use ::report::{Hardware, Mapping, Profile, Run, RunSpace, Space, Trace, collect, file};
use indicatif::ProgressBar;
use kernel::mm::{HistoryMode, MappingRecord, SpaceRecord};
use pagewalk::{Attached, Machine, MachineConfig};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use timing::Timeline;
use timing::ledger::Clocked;

/// No larger file is looked at for names.
const MOST_BYTES: u64 = 256 << 20;

/// As many walks, and as many faults, are drawn.
const MOST_DRAWN: usize = 1 << 20;

/// Runs a program and writes its profile.
pub(crate) fn record(args: &RecordArgs) -> Result<ExitCode, Error> {
    let modelled = &args.modelled;
    let outputs = std::iter::once(args.output()).chain(args.timeline.as_deref());
    output::spare_program(&modelled.guest, &modelled.program, outputs)?;
    if args.accesses {
        return accesses::record(args);
    }
    let config = modelled.hardware()?;
    let machine = MachineConfig { history: HistoryMode::Keep, ..run::config(&modelled.guest) };
    let (console, interrupt, line) = progress::console()?;
    match modelled.processor.core {
        Core::None => Err(Error::NoCycles),
        Core::InOrder => execute(args, Machine::in_order(machine, console, interrupt, &config)?, &line),
        Core::OutOfOrder => execute(args, Machine::out_of_order(machine, console, interrupt, &config)?, &line),
    }
}

fn execute(args: &RecordArgs, mut machine: Machine<Attached>, line: &ProgressBar) -> Result<ExitCode, Error> {
    let modelled = &args.modelled;
    run::exec(&mut machine, &modelled.guest, &modelled.program)?;
    let failed = |cause| Error::WriteFile { path: args.output().display().to_string(), cause };
    let to = File::create(args.output()).map_err(failed)?;
    let timeline = args.timeline.as_deref().map(|path| TimelineFile::create(path, &mut machine)).transpose()?;
    let ending = progress::run_to_the_end(&mut machine, line);
    report::ending(&machine, &ending);
    report::limits(&machine);
    let profile = profile(modelled, &mut machine)?;
    file::write(&profile, &to).map_err(failed)?;
    if !args.quiet {
        say(&summary(args, &profile));
    }
    if let Some(timeline) = timeline {
        timeline.write(&machine, modelled.hardware()?.clock_mhz)?;
    }
    Ok(report::status(&ending))
}

/// Where a timeline goes.
struct TimelineFile<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> TimelineFile<'a> {
    /// Creates the file, and has the machine keep what will be in it.
    fn create(path: &'a Path, machine: &mut Machine<Attached>) -> Result<Self, Error> {
        let file = File::create(path).map_err(|cause| Error::WriteFile { path: path.display().to_string(), cause })?;
        core(machine).keep_timeline(Timeline::new(MOST_DRAWN));
        machine.keep_faults(MOST_DRAWN);
        Ok(Self { path, file })
    }

    /// Writes it, and says what there was no room for.
    fn write(self, machine: &Machine<Attached>, clock_mhz: u32) -> Result<(), Error> {
        let Some(timeline) = machine.cpu().mmu().model.timeline() else { return Ok(()) };
        let spaces: Vec<RunSpace> = machine.kernel().address_spaces().iter().map(space).collect();
        let outcomes: Vec<_> = machine.faults().iter().map(|(fault, resolution)| (*fault, resolution.name())).collect();
        let trace = Trace { timeline, clock_mhz, spaces: &spaces, outcomes: &outcomes };
        let path = self.path.display().to_string();
        trace.write(BufWriter::new(self.file)).map_err(|cause| Error::WriteFile { path: path.clone(), cause })?;
        let [walks, faults] = timeline.left_out();
        if walks + faults > 0 {
            say(&format!("pagewalk: {path} is full: {walks} walks and {faults} page faults came later\n"));
        }
        Ok(())
    }
}

/// What the run was, with the names of what the guest sees.
fn profile(args: &ModelledArgs, machine: &mut Machine<Attached>) -> Result<Profile, Error> {
    let spaces = machine.kernel().address_spaces().iter().map(space).collect();
    let (cycles, ledger) = core(machine).finish();
    let ledger = ledger.clone();
    let counters = *core(machine).counters();
    let run = Run {
        command: args.program.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        hardware: Hardware {
            name: args.hardware()?.name,
            text: args.processor.hardware.file()?.text(),
            core: args.processor.core.name().into(),
        },
        counters: &counters,
        cycles,
        ledger: &ledger,
        spaces,
    };
    Ok(collect(run, &mut |path| machine.file_contents(path.as_bytes(), MOST_BYTES).ok()))
}

fn core(machine: &mut Machine<Attached>) -> &mut dyn Clocked {
    machine.clocked().expect("the machine was made with a clock")
}

fn space(record: &SpaceRecord) -> RunSpace {
    let space = Space {
        number: record.space.0,
        pid: record.pid.0,
        program: String::from_utf8_lossy(&record.program).into_owned(),
        mappings: record.mappings.iter().map(mapping).collect(),
    };
    RunSpace { id: record.space, space }
}

fn mapping(record: &MappingRecord) -> Mapping {
    let right = |n: usize, letter| if record.rights[n] { letter } else { '-' };
    let sharing = if record.is_shared { 's' } else { 'p' };
    Mapping {
        start: record.start,
        end: record.end,
        rights: [right(0, 'r'), right(1, 'w'), right(2, 'x'), sharing].iter().collect(),
        offset: record.offset,
        name: String::from_utf8_lossy(&record.name).into_owned(),
    }
}

fn summary(args: &RecordArgs, profile: &Profile) -> String {
    format!(
        "pagewalk: wrote {}: {} cycles of {} instructions in {} functions\n",
        args.output().display(),
        profile.totals.cycles,
        profile.places.len(),
        profile.functions.len()
    )
}
