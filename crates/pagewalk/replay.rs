//! `pagewalk replay`: what a run that was written down comes to on a processor.

use crate::cli::{Core, ReplayArgs};
use crate::error::Error;
use crate::report::say;
use crate::stat::{self, Outcome, Spent};
use accesses::{Played, ReadError, Reader};
use indicatif::{ProgressBar, ProgressStyle};
use pagewalk::MachineError;
use paging::HardwareModel;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use timing::{Clocked, Counting, EveryLookup, InOrder, OutOfOrder};

/// Replays a run and prints the counters of the modelled processor, as `stat` does.
pub(crate) fn replay(args: &ReplayArgs) -> Result<ExitCode, Error> {
    let failed = |cause| Error::Replay { path: args.accesses.display().to_string(), cause };
    let hardware = args.processor.hardware.config()?;
    let file = File::open(&args.accesses).map_err(|error| failed(ReadError::Io(error)))?;
    let bar = progress(file.metadata().map_or(0, |about| about.len()));
    let trace = Reader::new(BufReader::new(bar.wrap_read(file))).map_err(failed)?;
    let program = trace.header().program.first().cloned().unwrap_or_default();
    let replayed = match args.processor.core {
        Core::None => {
            let mut model = Counting::<EveryLookup>::new(&hardware.tlb).map_err(MachineError::from)?;
            let played = accesses::replay(trace, &mut model);
            played.map(|played| (played, Outcome { counters: *model.counters(), cycles: None }))
        }
        Core::InOrder => clocked(trace, InOrder::<EveryLookup>::new(&hardware).map_err(MachineError::from)?),
        Core::OutOfOrder => clocked(trace, OutOfOrder::<EveryLookup>::new(&hardware).map_err(MachineError::from)?),
    };
    bar.finish_and_clear();
    let (played, outcome) = replayed.map_err(failed)?;
    warn(played);
    stat::print(&args.counters, &program, &hardware, &outcome)?;
    Ok(ExitCode::SUCCESS)
}

fn clocked<C: Clocked + HardwareModel>(
    trace: Reader<impl BufRead>,
    mut core: C,
) -> Result<(Played, Outcome), ReadError> {
    let played = accesses::replay(trace, &mut core)?;
    let spent = Spent::of(&mut core);
    Ok((played, Outcome { counters: *core.counters(), cycles: Some(spent) }))
}

/// Says so if the model would have had another run.
fn warn(Played { translations, differing }: Played) {
    if differing > 0 {
        say(&format!(
            "pagewalk: {differing} of {translations} translations ended otherwise than in the recorded run: on this processor \
             the program would have run otherwise\n"
        ));
    }
}

/// How much of the file was read, on a terminal.
fn progress(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left").expect("the template is sound");
    ProgressBar::new(bytes).with_style(style)
}
