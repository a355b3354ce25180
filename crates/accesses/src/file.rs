//! Traces on disk: a line that says what this is and of which version, then the events in chunks of about a MiB, each a frame of zstd.
//!
//! `tail -n +2 FILE | zstdcat` gives the events, each as postcard writes it. A reader trusts nothing: the file may be cut off, damaged, of
//! a later version, or made so that it expands without end.

use crate::event::{Event, Header};
use crate::extent::TooLarge;
use packing::{Codec, Unpackable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, Read, Write};
use thiserror::Error;

/// How each trace begins; the version follows.
pub const MAGIC: &str = "pagewalk accesses ";
/// The version that is written and read.
pub const VERSION: u32 = 1;

/// A chunk is complete when it has so many bytes.
const CHUNK: usize = 1 << 20;
/// No chunk is longer, whatever its last event is.
const MOST_BYTES: u64 = 8 << 20;
/// The first line is no longer than this.
const MOST_MAGIC: u64 = 64;

/// Ends a run of which nothing more can be written.
pub type GiveUp = Box<dyn FnOnce()>;

/// Why a file gives no trace, or not all of one.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The host cannot read it.
    #[error("it cannot be read")]
    Io(#[source] io::Error),
    /// It does not begin as traces do.
    #[error("it is no trace of accesses")]
    Foreign,
    /// A later version has written it.
    #[error("it is a trace of version {version}, and this pagewalk knows version {VERSION}")]
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
    Packed(Unpackable),
    /// It would take too much memory.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// An error of damaged bytes.
pub(crate) const fn damaged(what: &'static str) -> ReadError {
    ReadError::Damaged { what }
}

/// Writes events. The same events give the same bytes.
pub(crate) struct Writer<W> {
    /// Nothing is written before it is known where.
    to: Option<W>,
    chunk: Vec<u8>,
    written: u64,
    /// The first error; nothing is written behind it.
    failed: Option<io::Error>,
    /// Called when there is one.
    give_up: Option<GiveUp>,
}

impl<W: Write> Writer<W> {
    /// A trace whose header is this.
    pub(crate) fn new(header: &Header) -> Self {
        let mut writer =
            Self { to: None, chunk: Vec::with_capacity(CHUNK + 64), written: 0, failed: None, give_up: None };
        writer.append(header);
        writer
    }

    /// Writes there, also what was pushed before.
    pub(crate) fn start(&mut self, to: W, give_up: GiveUp) {
        self.to = Some(to);
        self.give_up = Some(give_up);
        self.put(format!("{MAGIC}{VERSION}\n").as_bytes());
    }

    /// The next event.
    #[inline]
    pub(crate) fn push(&mut self, event: &Event) {
        self.append(event);
        if self.chunk.len() >= CHUNK && self.to.is_some() {
            self.put_chunk();
        }
    }

    /// Nothing more is written, for a reason that is none of the host's.
    pub(crate) fn fail(&mut self, reason: TooLarge) {
        self.failed.get_or_insert_with(|| io::Error::other(reason));
        self.stop();
    }

    /// Writes what is left. Gives how many bytes there are.
    pub(crate) fn finish(&mut self) -> io::Result<u64> {
        self.put_chunk();
        match self.failed.take() {
            None => self.to.as_mut().map_or(Ok(()), W::flush).map(|()| self.written),
            Some(error) => Err(error),
        }
    }

    fn append(&mut self, value: &impl Serialize) {
        self.chunk = postcard::to_extend(value, std::mem::take(&mut self.chunk)).expect("a vector has room");
    }

    fn put_chunk(&mut self) {
        let packed = packing::pack(&self.chunk, Codec::Zstd);
        self.chunk.clear();
        self.put(&packed);
    }

    fn put(&mut self, bytes: &[u8]) {
        if let (Some(to), None) = (&mut self.to, &self.failed) {
            self.failed = to.write_all(bytes).err();
            self.written += bytes.len() as u64;
        }
        self.stop();
    }

    /// Ends a run of which nothing more is written.
    fn stop(&mut self) {
        if self.failed.is_some() {
            self.give_up.take().into_iter().for_each(|give_up| give_up());
        }
    }
}

/// Reads events.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    header: Header,
    chunk: Vec<u8>,
    /// How far the chunk was read.
    at: usize,
}

impl<R: BufRead> Reader<R> {
    /// A trace's events, behind its header.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn new(mut from: R) -> Result<Self, ReadError> {
        read_magic(&mut from)?;
        let header = Header { program: Vec::new() };
        let mut reader = Self { from, header, chunk: Vec::new(), at: 0 };
        reader.header = reader.take()?;
        Ok(reader)
    }

    /// What the run was.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next event. The last is [`Event::End`], behind which nothing may come.
    pub(crate) fn next(&mut self) -> Result<Event, ReadError> {
        let event = self.take()?;
        if event == Event::End && (self.at < self.chunk.len() || !self.is_at_end()?) {
            return Err(damaged("there is more behind its end"));
        }
        Ok(event)
    }

    fn take<T: DeserializeOwned>(&mut self) -> Result<T, ReadError> {
        if self.at == self.chunk.len() {
            self.unpack()?;
        }
        let left = &self.chunk[self.at..];
        let (value, rest) = postcard::take_from_bytes(left).map_err(|_| damaged("an event makes no sense"))?;
        self.at = self.chunk.len() - rest.len();
        Ok(value)
    }

    /// Expands the next chunk.
    fn unpack(&mut self) -> Result<(), ReadError> {
        if self.is_at_end()? {
            return Err(ReadError::Truncated);
        }
        match packing::unpack(&mut self.from, MOST_BYTES) {
            Ok(chunk) if chunk.is_empty() => Err(damaged("a chunk is empty")),
            Ok(chunk) => {
                (self.chunk, self.at) = (chunk, 0);
                Ok(())
            }
            Err(error) if error != Unpackable::TooLong && self.is_at_end()? => Err(ReadError::Truncated),
            Err(error) => Err(ReadError::Packed(error)),
        }
    }

    fn is_at_end(&mut self) -> Result<bool, ReadError> {
        self.from.fill_buf().map(<[u8]>::is_empty).map_err(ReadError::Io)
    }
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
