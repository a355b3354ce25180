//! Stopping a run midway, to look at it: after so many instructions, at an address, or at a fault.
//!
//! A machine that has stopped can be looked at and run on; the stop leaves no trace in what follows.

use crate::{Ending, Machine};
use arch::{LinearAddr, PageFault};
use cpu::Exit;
use paging::HardwareModel;

/// Where a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// When so many instructions have retired.
    After(u64),
    /// Before the instruction at this address is executed, in whichever process that is.
    At(LinearAddr),
    /// At the page fault of the programs with this number, counted from 1, before it is served.
    Fault(u64),
}

/// How a run that was to stop went.
#[derive(Clone, Debug, PartialEq)]
pub enum Stopped {
    /// It has stopped where it was to.
    There,
    /// It has stopped at this fault, which is not served yet.
    AtFault(PageFault),
    /// It has ended before.
    Ended(Ending),
}

impl<H: HardwareModel> Machine<H> {
    /// Runs on until `stop`, or to the end if that comes first.
    pub fn run_until(&mut self, stop: Stop) -> Stopped {
        self.stop_at_fault = if let Stop::Fault(number) = stop { Some(number) } else { None };
        loop {
            let retired = self.cpu.retired();
            let fuel = match stop {
                Stop::After(count) if retired >= count => return Stopped::There,
                Stop::After(count) => count - retired,
                Stop::At(la) if !self.is_waiting && self.cpu.context().rip == la.0 => return Stopped::There,
                Stop::At(_) => 1,
                Stop::Fault(_) => u64::MAX,
            };
            if let Some(ending) = self.advance(fuel) {
                return Stopped::Ended(ending);
            }
            if let Some(Exit::PageFault(fault)) = self.pending {
                return Stopped::AtFault(fault);
            }
        }
    }
}
