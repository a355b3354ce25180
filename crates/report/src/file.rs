//! Profiles on disk: a line that says what this is and of which version, then the profile as JSON, compressed by gzip.
//!
//! A reader trusts nothing: the file may be cut off, damaged, of a later version, or made so that it expands without end. Whatever it
//! is, there is a profile that is consistent, or a [`ReadError`]; the memory that this takes is bounded.

use crate::profile::{Inconsistency, Profile};
use crate::text::printable;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use thiserror::Error;

/// How each profile begins.
const MAGIC: &str = "pagewalk profile ";
/// The version that is written and read.
pub const VERSION: u32 = 1;
/// No profile is longer than this when it is expanded.
const MOST_BYTES: u64 = 512 << 20;
/// The first line is no longer than this.
const MOST_MAGIC: u64 = 64;

/// Why a file gives no profile.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The host cannot read it.
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    /// It does not begin as profiles do.
    #[error("it is no profile")]
    Foreign,
    /// A later version has written it.
    #[error("it is a profile of version {version}, and this pagewalk knows version {VERSION}")]
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
        what: String,
    },
    /// It would take too much memory.
    #[error("it is larger than {} MiB when it is expanded", MOST_BYTES >> 20)]
    TooLarge,
    /// It contradicts itself.
    #[error("it contradicts itself: {0}")]
    Inconsistent(#[from] Inconsistency),
}

/// Writes a profile. The same profile gives the same bytes.
///
/// # Errors
/// The host's.
pub fn write(profile: &Profile, to: impl Write) -> io::Result<()> {
    let mut to = BufWriter::new(to);
    writeln!(to, "{MAGIC}{VERSION}")?;
    let mut packed = GzEncoder::new(to, Compression::default());
    serde_json::to_writer(&mut packed, profile)?;
    packed.finish()?.flush()
}

/// Reads a profile, and holds it against itself.
///
/// # Errors
/// [`ReadError`].
pub fn read(from: impl Read) -> Result<Profile, ReadError> {
    let mut from = BufReader::new(from);
    read_magic(&mut from)?;
    let mut packed = GzDecoder::new(from);
    let mut json = Bounded { from: BufReader::new(&mut packed), left: MOST_BYTES };
    let mut parser = serde_json::Deserializer::from_reader(&mut json);
    let profile: Profile = serde::Deserialize::deserialize(&mut parser).map_err(of_json)?;
    parser.end().map_err(of_json)?;
    drop(json);
    match packed.into_inner().fill_buf() {
        Ok([]) => {}
        Ok(_) => return Err(ReadError::Damaged { what: "there is more behind its end".into() }),
        Err(e) => return Err(ReadError::Io(e)),
    }
    profile.check()?;
    Ok(profile)
}

fn read_magic(from: &mut impl BufRead) -> Result<(), ReadError> {
    let mut line = Vec::new();
    from.take(MOST_MAGIC).read_until(b'\n', &mut line).map_err(ReadError::Io)?;
    let text = String::from_utf8(line).map_err(|_| ReadError::Foreign)?;
    let version = text.strip_prefix(MAGIC).and_then(|rest| rest.strip_suffix('\n'));
    match version.and_then(|version| version.parse().ok()).ok_or(ReadError::Foreign)? {
        VERSION => Ok(()),
        version => Err(ReadError::Version { version }),
    }
}

fn of_json(error: serde_json::Error) -> ReadError {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => ReadError::Truncated,
        Category::Syntax | Category::Data => ReadError::Damaged { what: printable(&error.to_string()) },
        Category::Io => {
            let error = io::Error::from(error);
            match error.kind() {
                io::ErrorKind::UnexpectedEof => ReadError::Truncated,
                io::ErrorKind::FileTooLarge => ReadError::TooLarge,
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                    ReadError::Damaged { what: printable(&error.to_string()) }
                }
                _ => ReadError::Io(error),
            }
        }
    }
}

/// A reader that refuses to go on beyond so many bytes.
struct Bounded<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buf)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}
