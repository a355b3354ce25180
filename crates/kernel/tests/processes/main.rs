//! Many processes: what Linux does about their births, turns, waits, signals and ends. The test acts for whichever process
//! has its turn.

#[path = "../common/mod.rs"]
mod common;

mod clone;
mod cpu_limit;
mod ends;
mod exec;
mod files;
mod history;
mod job;
mod leftovers;
mod scheduling;
mod slabs;
mod turns;
mod wait;
mod waits;
