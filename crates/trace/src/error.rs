//! Why a file gives no trace, or not all of one.

use crate::line::LineError;
use std::io;
use thiserror::Error;

/// Why a file gives no trace, or not all of one.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The host cannot read it.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It does not begin as traces do.
    #[error("it is no fault trace")]
    Foreign,
    /// A later version has written it.
    #[error("it is a fault trace of version {version}, and this pagewalk knows version {}", crate::VERSION)]
    Version {
        /// The version that it says.
        version: u32,
    },
    /// It ends too early.
    #[error("it is cut off")]
    Truncated,
    /// Its bytes are not what was written.
    #[error("it is damaged: {what}")]
    Damaged {
        /// What was found.
        what: &'static str,
    },
    /// Its bytes are not what was packed.
    #[error("it is damaged: {0}")]
    Packed(packing::Unpackable),
    /// It says something of itself that makes no sense.
    #[error("its header makes no sense{}: {}", in_line(*line), shown(what))]
    Header {
        /// Where, from 1, if it is in one place.
        line: Option<usize>,
        /// What TOML says.
        what: String,
    },
    /// A line is none.
    #[error("line {number} is no event: {cause}")]
    Line {
        /// Which, from 1, the header's counted.
        number: u64,
        /// Why.
        cause: LineError,
    },
    /// It would take too much memory.
    #[error("a part of it is larger than {} KiB", .0 >> 10)]
    TooLarge(
        /// As many bytes it may have.
        u64,
    ),
}

fn in_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", in line {line}"))
}

/// What is said of a header may quote it: no control characters, and not much.
fn shown(message: &str) -> String {
    const SHOWN: usize = 400;
    message.chars().take(SHOWN).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// An error of damaged bytes.
pub(crate) const fn damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { what }
}
