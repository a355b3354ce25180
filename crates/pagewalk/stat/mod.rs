//! `pagewalk stat`: a program's run, and what it cost on a processor.

mod table;

use crate::cli::StatArgs;
use crate::error::Error;
use crate::{report, run};
use pagewalk::Machine;
use std::process::ExitCode;
use timing::HardwareConfig;

/// Runs a program and prints the counters of the modelled processor, to standard error or a file.
pub(crate) fn stat(args: &StatArgs) -> Result<ExitCode, Error> {
    let hardware = args.hardware.config()?;
    let console = run::console()?;
    let config = run::config(&args.guest);
    if args.guest.reclaim.wants_clock() {
        return Err(Error::NoClock { policy: args.guest.reclaim });
    }
    let (console, interrupt) = console;
    let mut machine = Machine::counting(config, console, interrupt, &hardware)?;
    run::exec(&mut machine, &args.guest, &args.program)?;
    let ending = run::run_to_the_end(&mut machine);
    report::ending(&machine, &ending);
    report::limits(&machine);
    print(args, &hardware, machine.cpu().mmu().model.counters())?;
    Ok(report::status(&ending))
}

fn print(args: &StatArgs, hardware: &HardwareConfig, counters: &timing::Counters) -> Result<(), Error> {
    let program = args.program[0].to_string_lossy();
    let text = args.format.render(&program, hardware, counters);
    match &args.output {
        None => {
            report::say(&text);
            Ok(())
        }
        Some(path) => {
            std::fs::write(path, text).map_err(|cause| Error::WriteFile { path: path.display().to_string(), cause })
        }
    }
}
