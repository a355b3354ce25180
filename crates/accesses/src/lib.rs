//! The accesses of a run on disk: all that a model of the translation hardware is told, so that any model can be told it again
//! without executing the program.
//!
//! ```text
//!  host --> Recorder --> Writer ~~ file ~~> Reader --> Player --> paging::translate --> any HardwareModel
//! ```
//! A [`Recorder`] is a model itself. It never holds a translation, so the host translates each access and the recorder sees what each walk
//! finds in the paging entries; of those it writes down what has changed. [`replay`] keeps these entries in a sparse memory of its own and
//! walks them when the model that it drives has no translation. So the model meets the accesses, entries, flushes and faults of the run, and
//! comes to the same counts and cycles as it would have beside the program.
//!
//! That holds as long as the model does not change the run. It does where the kernel layer looks at accessed bits that only a walk sets
//! (`--aging-flush lazy`), and where stale translations may fault; [`Played::differing`] counts translations that ended otherwise than
//! in the run.
#![forbid(unsafe_code)]

mod entries;
mod event;
mod extent;
mod file;
#[cfg(test)]
mod hostile;
mod instr;
mod player;
mod recorder;
mod registers;
mod sound;

pub use event::Header;
pub use extent::TooLarge;
pub use file::{GiveUp, MAGIC, ReadError, Reader, VERSION};
pub use player::{Played, replay};
pub use recorder::Recorder;
