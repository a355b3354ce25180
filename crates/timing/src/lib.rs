//! What translation costs: models of the translation hardware, with and without a clock.
//!
//! A model is a [`paging::HardwareModel`]: a host (our core, or another emulator) tells it what happens, and it counts. It holds
//! the TLBs and paging-structure caches of `paging` and adds to them what that structure leaves out: counters, latencies,
//! data caches and the ledger. It never changes what the program computes.
#![forbid(unsafe_code)]

mod code;
pub mod config;
mod counters;
mod counting;
mod cycles;
mod in_order;
pub mod ledger;
mod memory;
mod out_of_order;
mod timeline;

pub use config::{HardwareConfig, HardwareError, HardwareFile, Setting};
pub use counters::{Counters, Side, WalkCounters};
pub use counting::{Counting, EveryLookup, Filtered, Telling};
pub use cycles::Cycles;
pub use in_order::{EveryAccess, InOrder};
pub use ledger::{Clocked, WalkTime, Walks};
pub use memory::{Caches, Port, Supplier, Use};
pub use out_of_order::OutOfOrder;
pub use timeline::{FaultSpan, Span, Timeline, WalkSpan};
