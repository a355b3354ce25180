//! Fault traces: what a run's memory did, event by event, in a form that is compared, kept and read.
//!
//! ```text
//! events of the machine --recorder--> records --packed--> a file for millions of events
//!                                       |
//!                                     render --> lines --text--> a file that a project checks in
//!                                                  |
//!                                                 diff --> what has changed, in words
//! ```
#![forbid(unsafe_code)]

mod bounded;
mod column;
mod diff;
mod error;
mod file;
mod form;
mod header;
mod kinds;
mod line;
mod packed;
mod places;
pub mod record;
mod recorder;
mod regions;
mod render;
mod tables;
mod text;

pub use diff::{
    CompareError, Compared, Counts, Difference, Event, Example, Excerpt, ExcerptLine, ExcerptSide, Finding,
    FindingKind, InMemory, Lines, NotCompared, compare,
};
pub use error::ReadError;
pub use file::TraceFile;
pub use form::Form;
pub use header::{ColumnName, Header, Rule, is_like};
pub use kinds::EventKind;
pub use line::{Column, Line, LineError, NOTHING};
pub use packed::{PackedTrace, PackedWriter};
pub use packing::Codec;
pub use recorder::{Notes, RecordSink, Recorder, Vocabulary};
pub use render::entry_flags;
pub use text::{KeptHeader, TextTrace, write_header, write_text};

/// How each trace begins; the version follows.
pub(crate) const MAGIC: &str = "pagewalk trace ";
/// The version that is written and read.
pub const VERSION: u32 = 1;
