//! A run whose trace is made, on whatever machine: the trace is the same on all.

use super::args::ModelArgs;
use super::console::{Output, Pipes};
use super::processor;
use crate::cli::{Core, GuestArgs};
use crate::error::Error;
use crate::{hw, progress, report, run, sanitize};
use indicatif::ProgressBar;
use machine::MachineConfig;
use pagewalk::trace::{EventKind, Form, Header, Recording, TraceFile, configure, folder};
use pagewalk::{Console, Ending, Interrupt, Machine, SharedReferences};
use paging::HardwareModel;
use std::ffi::OsString;
use std::io::{self, BufReader, Seek};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What is run.
pub(super) struct Execution<'a> {
    pub(super) header: Header,
    pub(super) guest: &'a GuestArgs,
    pub(super) model: &'a ModelArgs,
    pub(super) form: Form,
    pub(super) output: Output,
    pub(super) timeout: Option<Duration>,
    /// Where the trace is to be. While it is made it is in the same folder, in a file without a name.
    pub(super) to: &'a Path,
}

/// What a run has come to.
pub(super) struct Ran {
    pub(super) made: TraceFile,
    /// The exit status that stands for its ending.
    pub(super) status: ExitCode,
    /// Stale translations that the sanitizer has found, and told of.
    pub(super) stale: usize,
    /// Why it is not the whole run, if it is not.
    cut: Option<&'static str>,
}

/// What the host has of a run.
struct Host {
    line: ProgressBar,
    interrupt: Interrupt,
}

impl Execution<'_> {
    /// Runs the program to an end of its own. What was cut short stands for no run, whatever its events are.
    pub(super) fn run_whole(self) -> Result<Ran, Error> {
        let ran = self.run()?;
        match ran.cut {
            Some(why) => Err(Error::CutShort { why }),
            None => Ok(ran),
        }
    }

    /// Runs the program to its end.
    pub(super) fn run(self) -> Result<Ran, Error> {
        self.header.text().map_err(|cause| self.failed(cause))?;
        let config = configure(run::config(self.guest), &self.header.events);
        let interrupt = run::interrupt()?;
        if let Some(timeout) = self.timeout {
            run::stop_after(timeout, interrupt.clone());
        }
        let host = Host { line: progress::line(), interrupt: interrupt.clone() };
        let clear = progress::clear(&host.line);
        let console: Box<dyn Console> = Box::new(Pipes::of(&self.header, self.output, clear)?);
        if self.guest.reclaim.wants_future() {
            return Err(Error::NoReferences);
        }
        if processor::is_recorded(&self.header) {
            self.guest.check_clock()?;
            let hardware = processor::recorded(&self.header, self.model)?;
            return self.on(Machine::walking(config, console, interrupt, &hardware)?, &host);
        }
        let is_alone = self.model.hw.is_none() && !self.guest.reclaim.wants_clock();
        if self.header.events.contains(&EventKind::Stale) && !is_alone {
            return Err(Error::SanitizerAlone);
        }
        let Some(name) = &self.model.hw else { return self.without_model(config, console, interrupt, &host) };
        self.guest.check_clock()?;
        let hardware = hw::file(name, &self.model.hw_set)?.config()?;
        match self.model.core.unwrap_or(Core::None) {
            Core::None => self.on(Machine::counting(config, console, interrupt, &hardware)?, &host),
            Core::InOrder => self.on(Machine::in_order(config, console, interrupt, &hardware)?, &host),
            Core::OutOfOrder => self.on(Machine::out_of_order(config, console, interrupt, &hardware)?, &host),
        }
    }

    fn without_model(
        self,
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        host: &Host,
    ) -> Result<Ran, Error> {
        if self.guest.reclaim.wants_clock() {
            let clock = SharedReferences::new();
            return self.on(Machine::with_references(config, console, interrupt, clock)?, host);
        }
        if sanitize::is_on_for(&self.header.events) {
            return self.on(Machine::sanitizing(config, console, interrupt)?, host);
        }
        self.on(Machine::new(config, console, interrupt)?, host)
    }

    fn on<H: HardwareModel>(self, mut machine: Machine<H>, host: &Host) -> Result<Ran, Error> {
        let failed = |cause| self.failed(cause);
        let to = tempfile::tempfile_in(folder(self.to)).map_err(failed)?;
        let recording = Recording::start(&mut machine, &self.header.events, self.form, self.guest.reclaim, to);
        let program: Vec<OsString> = self.header.program.iter().map(OsString::from).collect();
        run::exec(&mut machine, self.guest, &program)?;
        let ending = progress::run_to_the_end(&mut machine, &host.line);
        let (mut packed, _) = recording.finish(&mut machine, &self.header).map_err(failed)?;
        report::ending(&machine, &ending);
        report::limits(&machine);
        packed.rewind().map_err(failed)?;
        let made = TraceFile::read(BufReader::new(packed)).map_err(|cause| super::unusable(self.to, cause))?;
        let status = sanitize::report(&machine, report::status(&ending));
        let cut = host.cut(&ending);
        Ok(Ran { made, status, stale: machine.stale_translations().len(), cut })
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::WriteFile { path: self.to.display().to_string(), cause }
    }
}

impl Host {
    /// Why a run that has ended so is not whole.
    fn cut(&self, ending: &Ending) -> Option<&'static str> {
        match ending {
            _ if self.interrupt.has_interrupted() => Some("it was interrupted"),
            Ending::Exit(_) => None,
            Ending::TimedOut => Some("the time of --timeout is up"),
            _ => Some("it could not go on"),
        }
    }
}
