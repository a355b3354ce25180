//! Wiring: a core, its MMU and memory, and the kernel layer become a machine that runs a program.
//!
//! Protocol of the run loop: the core runs until something stops it; the kernel layer serves that; the invalidations that
//! the kernel layer's edits call for reach the MMU before the next guest instruction; the registers go back. Nothing else
//! passes between the two.
#![forbid(unsafe_code)]

mod attached;
mod build;
mod config;
mod ending;
mod interrupt;
mod listener;
mod progress;
mod reference_clock;
mod run;
mod stats;
mod stop;
mod telling;

pub use attached::Attached;
pub use config::{MachineConfig, MachineError, SwapConfig};
pub use ending::{Ending, ExecError};
pub use interrupt::Interrupt;
pub use listener::FaultOutcome;
pub use progress::Progress;
pub use reference_clock::ReferenceClock;
pub use run::Machine;
pub use stats::Stats;
pub use stop::{Stop, Stopped};
