//! Fault traces: what a run's memory did, event by event, in a form that is compared, kept and read.
#![forbid(unsafe_code)]

mod diff;
mod header;
mod kinds;
mod line;

pub use diff::{
    CompareError, Compared, Counts, Difference, Event, Example, Excerpt, ExcerptLine, ExcerptSide, Finding,
    FindingKind, InMemory, Lines, compare,
};
pub use header::{ColumnName, Header, Rule, is_like};
pub use kinds::EventKind;
pub use line::{Column, Line, LineError, NOTHING};
