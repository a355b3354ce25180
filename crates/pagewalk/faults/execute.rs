//! A run whose trace is made, on whatever machine: the trace is the same on all.

use super::args::ModelArgs;
use super::console::{Output, Pipes};
use super::processor;
use crate::cli::{Core, GuestArgs};
use crate::error::Error;
use crate::{hw, report, run, sanitize};
use machine::MachineConfig;
use pagewalk::trace::{EventKind, Header, Recording, TraceFile, configure};
use pagewalk::{Console, Interrupt, Machine, SharedReferences};
use paging::HardwareModel;
use std::ffi::OsString;
use std::io::Cursor;
use std::process::ExitCode;

/// A trace that was just made.
pub(super) type Made = TraceFile<Cursor<Vec<u8>>>;

/// What is run.
pub(super) struct Execution<'a> {
    pub(super) header: Header,
    pub(super) guest: &'a GuestArgs,
    pub(super) model: &'a ModelArgs,
    pub(super) output: Output,
}

impl Execution<'_> {
    /// Runs the program to its end. Gives its trace, and the exit status that stands for its ending.
    pub(super) fn run(self) -> Result<(Made, ExitCode), Error> {
        let config = configure(run::config(self.guest), &self.header.events);
        let interrupt = run::interrupt()?;
        let console: Box<dyn Console> = Box::new(Pipes::of(&self.header, self.output)?);
        if self.guest.reclaim.wants_future() {
            return Err(Error::NoReferences);
        }
        if processor::is_recorded(&self.header) {
            self.guest.check_clock()?;
            let hardware = processor::recorded(&self.header, self.model)?;
            return self.on(Machine::walking(config, console, interrupt, &hardware)?);
        }
        let is_alone = self.model.hw.is_none() && !self.guest.reclaim.wants_clock();
        if self.header.events.contains(&EventKind::Stale) && !is_alone {
            return Err(Error::SanitizerAlone);
        }
        let Some(name) = &self.model.hw else { return self.without_model(config, console, interrupt) };
        self.guest.check_clock()?;
        let hardware = hw::file(name, &self.model.hw_set)?.config()?;
        match self.model.core.unwrap_or(Core::None) {
            Core::None => self.on(Machine::counting(config, console, interrupt, &hardware)?),
            Core::InOrder => self.on(Machine::in_order(config, console, interrupt, &hardware)?),
            Core::OutOfOrder => self.on(Machine::out_of_order(config, console, interrupt, &hardware)?),
        }
    }

    fn without_model(
        self,
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
    ) -> Result<(Made, ExitCode), Error> {
        if self.guest.reclaim.wants_clock() {
            let clock = SharedReferences::new();
            return self.on(Machine::with_references(config, console, interrupt, clock)?);
        }
        if sanitize::is_on_for(&self.header.events) {
            return self.on(Machine::sanitizing(config, console, interrupt)?);
        }
        self.on(Machine::new(config, console, interrupt)?)
    }

    fn on<H: HardwareModel>(self, mut machine: Machine<H>) -> Result<(Made, ExitCode), Error> {
        let recording = Recording::start(&mut machine, &self.header.events, self.guest.reclaim, Vec::new());
        let program: Vec<OsString> = self.header.program.iter().map(OsString::from).collect();
        run::exec(&mut machine, self.guest, &program)?;
        let ending = run::run_to_the_end(&mut machine);
        report::ending(&machine, &ending);
        report::limits(&machine);
        let (packed, _) = recording.finish(&mut machine, &self.header).expect("memory takes all that is written");
        let made = TraceFile::read(Cursor::new(packed)).expect("it was just written");
        Ok((made, sanitize::report(&machine, report::status(&ending))))
    }
}
