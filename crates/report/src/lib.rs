//! What a run has cost, and where: the profile that `pagewalk record` writes, and what is made of it.
//!
//! A [`Profile`] is plain data, complete in itself. [`collect`] makes it of a ledger at the end of a run and of what the kernel layer tells of
//! address spaces; [`mod@file`] keeps it on disk. Each output is a file of its own: tables, annotated functions, callgrind's format, folded stacks,
//! a flame graph. The sums of each are the cycles of the run.
#![forbid(unsafe_code)]

mod annotate;
mod callgrind;
mod collect;
pub mod file;
mod flamegraph;
mod folded;
mod measures;
mod profile;
mod source;
mod table;
mod text;
mod trace;

pub use annotate::{Annotation, Instruction, NoFunction, annotate, csv as annotations_csv, json as annotations_json};
pub use callgrind::callgrind;
pub use collect::{Run, RunSpace, collect};
pub use flamegraph::{FlamegraphError, flamegraph};
pub use folded::folded;
pub use measures::Measures;
pub use profile::{
    CauseEntry, CauseNo, Charged, EventCount, Frame, Function, FunctionNo, Hardware, Inconsistency, Mapping, PageCost,
    Place, PlaceNo, Profile, Row, Space, SpaceNo, Totals,
};
pub use source::Sources;
pub use table::{By, Column, Table, TableRow};
pub use text::printable;
pub use trace::Trace;
