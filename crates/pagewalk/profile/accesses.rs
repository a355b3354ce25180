//! `pagewalk record --accesses`: a program's run, access by access.

use super::RecordArgs;
use crate::error::Error;
use crate::report::{self, say};
use crate::{progress, run};
use ::accesses::{Header, Recorder};
use pagewalk::{Attached, Machine};
use std::fs::File;
use std::process::ExitCode;

/// Runs a program and writes down what a model of the hardware would be told.
pub(super) fn record(args: &RecordArgs) -> Result<ExitCode, Error> {
    let modelled = &args.modelled;
    modelled.guest.check_clock()?;
    let program = modelled.program.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let model = Recorder::new(&Header { program });
    let (console, interrupt, line) = progress::console()?;
    let stop = interrupt.clone();
    let mut machine = Machine::recording(run::config(&modelled.guest), console, interrupt, model)?;
    run::exec(&mut machine, &modelled.guest, &modelled.program)?;
    let path = args.output().display().to_string();
    let failed = |cause| Error::WriteFile { path: path.clone(), cause };
    let file = File::create(args.output()).map_err(failed)?;
    recorder(&mut machine).write_to(Box::new(file), Box::new(move || stop.stop()));
    let ending = progress::run_to_the_end(&mut machine, &line);
    let bytes = recorder(&mut machine).finish().map_err(failed)?;
    report::ending(&machine, &ending);
    report::limits(&machine);
    if !args.quiet {
        say(&format!("pagewalk: wrote {path}: {bytes} bytes for {} instructions\n", machine.stats().instructions));
    }
    Ok(report::status(&ending))
}

fn recorder(machine: &mut Machine<Attached>) -> &mut Recorder {
    machine.model_mut().recorder().expect("the machine was made with one")
}
