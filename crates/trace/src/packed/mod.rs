//! The compact form: for millions of events, and with all that is known of each.
//!
//! ```text
//! pagewalk trace 1 packed\n
//! frame: records, one behind the other              about a MiB before it is packed, of LZ4 or Zstandard
//! ...
//! frame: the tail                                    header, tables, where each frame begins and with which record
//! offset of the tail, 8 bytes, little-endian; then `pwtrace\n`
//! ```
//!
//! Records and tail are as postcard writes them. A record's instructions and time are counted from the record before, the first of a frame's from
//! 0. A reader trusts nothing: whatever the file is, there are records whose numbers are in the tables, or a [`ReadError`](crate::ReadError); the memory that
//! this takes is bounded.

mod reader;
mod writer;

pub use reader::PackedTrace;
pub use writer::PackedWriter;

use crate::record::Tables;
use serde::{Deserialize, Serialize};

/// What the first line of this form says behind the version.
pub(crate) const FORM: &str = " packed";
/// How each file of this form ends.
const END: &[u8; 8] = b"pwtrace\n";
/// A frame is complete when its records have so many bytes.
const CHUNK: usize = 1 << 20;
/// No frame of records is longer when it is expanded, whatever its last record is.
const MOST_CHUNK: u64 = 8 << 20;
/// Nor is the tail.
const MOST_TAIL: u64 = 512 << 20;

/// What stands at the end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tail {
    /// In TOML, as in the other form.
    header: String,
    tables: Tables,
    #[serde(deserialize_with = "crate::bounded::entries")]
    frames: Vec<FrameAt>,
    records: u64,
}

/// Where a frame of records is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct FrameAt {
    /// Its first byte in the file.
    offset: u64,
    /// The number of its first record, from 0.
    first: u64,
}
