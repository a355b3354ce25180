//! The compact form: for millions of events, and with all that is known of each.
//!
//! ```text
//! pagewalk trace 1 packed\n
//! frame of zstd: records, one behind the other      about a MiB before it is packed
//! ...
//! frame of zstd: the tail                            header, tables, where each frame begins and with which record
//! offset of the tail, 8 bytes, little-endian; then `pwtrace\n`
//! ```
//!
//! Records and tail are as postcard writes them. A record's instructions and time are counted from the record before, the first of a frame's from
//! 0. A reader trusts nothing: whatever the file is, there are records whose numbers are in the tables, or a [`ReadError`]; the memory that
//! this takes is bounded.

use crate::error::{ReadError, damaged};
use crate::header::Header;
use crate::record::{Record, Tables};
use crate::recorder::RecordSink;
use packing::Unpackable;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Seek, SeekFrom, Write};

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

/// Writes records as they come. The same records give the same bytes.
#[derive(Debug)]
pub struct PackedWriter<W> {
    to: W,
    chunk: Vec<u8>,
    /// Instructions and time of the last record of the chunk.
    last: (u64, u64),
    frames: Vec<FrameAt>,
    records: u64,
    /// The number of the first record of the chunk.
    first: u64,
    written: u64,
    /// The first error; nothing is written behind it.
    failed: Option<io::Error>,
}

impl<W: Write> PackedWriter<W> {
    /// Writes the first line.
    pub fn new(to: W) -> Self {
        let mut writer = Self {
            to,
            chunk: Vec::with_capacity(CHUNK + 256),
            last: (0, 0),
            frames: Vec::new(),
            records: 0,
            first: 0,
            written: 0,
            failed: None,
        };
        writer.put(format!("{}{}{FORM}\n", crate::MAGIC, crate::VERSION).as_bytes());
        writer
    }

    /// Writes what is left. Gives where it was written to, and how many bytes there are.
    ///
    /// # Errors
    /// The first of the host's.
    pub fn finish(mut self, header: &Header, tables: Tables) -> io::Result<(W, u64)> {
        self.put_chunk();
        let tail = self.written;
        let header = toml::to_string(header).map_err(io::Error::other)?;
        let value = Tail { header, tables, frames: std::mem::take(&mut self.frames), records: self.records };
        self.chunk = postcard::to_extend(&value, std::mem::take(&mut self.chunk)).expect("a vector has room");
        self.put_packed();
        self.put(&tail.to_le_bytes());
        self.put(END);
        match self.failed {
            Some(error) => Err(error),
            None => self.to.flush().map(|()| (self.to, self.written)),
        }
    }

    fn put_chunk(&mut self) {
        if !self.chunk.is_empty() {
            self.frames.push(FrameAt { offset: self.written, first: self.first });
            self.put_packed();
            (self.first, self.last) = (self.records, (0, 0));
        }
    }

    fn put_packed(&mut self) {
        let packed = packing::pack(&self.chunk);
        self.chunk.clear();
        self.put(&packed);
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.to.write_all(bytes).err();
            self.written += bytes.len() as u64;
        }
    }
}

impl<W: Write> RecordSink for PackedWriter<W> {
    fn push(&mut self, mut record: Record) {
        let Record { instructions, ns, .. } = record;
        record.instructions -= self.last.0;
        record.ns -= self.last.1;
        self.last = (instructions, ns);
        self.chunk = postcard::to_extend(&record, std::mem::take(&mut self.chunk)).expect("a vector has room");
        self.records += 1;
        if self.chunk.len() >= CHUNK {
            self.put_chunk();
        }
    }
}

/// A file of this form, and how far it was read.
#[derive(Debug)]
pub struct PackedTrace<R> {
    from: R,
    header: Header,
    tail: Tail,
    /// Where the tail begins.
    end: u64,
    cursor: Cursor,
}

/// How far a file was read.
#[derive(Debug, Default)]
struct Cursor {
    /// The frame whose records are at hand is the one before this.
    next_frame: usize,
    chunk: Vec<u8>,
    /// How far the chunk was read.
    at: usize,
    /// The number of the next record, and of the first that the chunk does not have.
    number: u64,
    end: u64,
    /// Instructions and time of the last record of the chunk.
    last: (u64, u64),
}

impl<R: Read + Seek> PackedTrace<R> {
    /// Reads the tail. The first line was read already.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn open(mut from: R, body: u64) -> Result<Self, ReadError> {
        let length = from.seek(SeekFrom::End(0))?;
        let trailer = length.checked_sub(16).filter(|at| *at >= body).ok_or(ReadError::Truncated)?;
        from.seek(SeekFrom::Start(trailer))?;
        let mut bytes = [0; 16];
        from.read_exact(&mut bytes)?;
        let (at, end) = bytes.split_at(8);
        if end != END {
            return Err(ReadError::Truncated);
        }
        let at = u64::from_le_bytes(at.try_into().expect("8 bytes"));
        if at < body || at >= trailer {
            return Err(damaged("its tail is not in it"));
        }
        from.seek(SeekFrom::Start(at))?;
        let bytes = expand((&mut from).take(trailer - at), MOST_TAIL)?;
        let (tail, rest): (Tail, _) =
            postcard::take_from_bytes(&bytes).map_err(|_| damaged("its tail makes no sense"))?;
        check(rest.is_empty(), "there is more behind its tail")?;
        tail.check_frames(body, at)?;
        let header = toml::from_str(&tail.header)?;
        Ok(Self { from, header, tail, end: at, cursor: Cursor::default() })
    }

    /// What it is read from.
    pub fn into_inner(self) -> R {
        self.from
    }

    /// What the trace says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// What the numbers of its records stand for.
    pub const fn tables(&self) -> &Tables {
        &self.tail.tables
    }

    /// How many records there are.
    pub const fn records(&self) -> u64 {
        self.tail.records
    }

    /// Goes to the record with this number, from 0, or to the end if there are fewer.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn go_to(&mut self, number: u64) -> Result<(), ReadError> {
        let frame = self.tail.frames.partition_point(|frame| frame.first <= number).saturating_sub(1);
        let first = self.tail.frames.get(frame).map_or(0, |frame| frame.first);
        self.cursor = Cursor { next_frame: frame, number: first, end: first, ..Cursor::default() };
        while self.cursor.number < number && self.next()?.is_some() {}
        Ok(())
    }

    /// The next record, with its number, from 0; none behind the last.
    ///
    /// # Errors
    /// [`ReadError`].
    #[allow(clippy::should_implement_trait, reason = "it may fail")]
    pub fn next(&mut self) -> Result<Option<(u64, Record)>, ReadError> {
        if self.cursor.number == self.cursor.end && !self.next_chunk()? {
            return Ok(None);
        }
        let cursor = &mut self.cursor;
        let (mut record, rest): (Record, _) =
            postcard::take_from_bytes(&cursor.chunk[cursor.at..]).map_err(|_| damaged("a record makes no sense"))?;
        cursor.at = cursor.chunk.len() - rest.len();
        let (instructions, ns) = cursor.last;
        cursor.last = (instructions.wrapping_add(record.instructions), ns.wrapping_add(record.ns));
        (record.instructions, record.ns) = cursor.last;
        let number = cursor.number;
        cursor.number += 1;
        let is_complete = cursor.number < cursor.end || cursor.at == cursor.chunk.len();
        check(is_complete, "a frame has more records than its tail says")?;
        check(self.tail.tables.hold(&record), "a record names what is not in the tables")?;
        Ok(Some((number, record)))
    }

    /// Reads the next frame; false behind the last.
    fn next_chunk(&mut self) -> Result<bool, ReadError> {
        let frames = &self.tail.frames;
        let next_frame = self.cursor.next_frame + 1;
        let Some(&FrameAt { offset, first }) = frames.get(next_frame - 1) else { return Ok(false) };
        let behind = frames.get(next_frame).copied();
        let behind = behind.unwrap_or(FrameAt { offset: self.end, first: self.tail.records });
        self.from.seek(SeekFrom::Start(offset))?;
        let chunk = expand((&mut self.from).take(behind.offset - offset), MOST_CHUNK)?;
        self.cursor = Cursor { next_frame, chunk, at: 0, number: first, end: behind.first, last: (0, 0) };
        Ok(true)
    }
}

impl Tail {
    fn check_frames(&self, body: u64, end: u64) -> Result<(), ReadError> {
        let Self { frames, records, .. } = self;
        let begins = frames.first().is_none_or(|frame| frame.offset == body && frame.first == 0);
        let in_order = frames.windows(2).all(|pair| pair[0].offset < pair[1].offset && pair[0].first < pair[1].first);
        let ends = frames.last().map_or(*records == 0, |frame| frame.offset < end && frame.first < *records);
        check(begins && in_order && ends, "its frames are not where its tail says")
    }
}

fn check(is_so: bool, otherwise: &'static str) -> Result<(), ReadError> {
    if is_so { Ok(()) } else { Err(damaged(otherwise)) }
}

/// What a frame holds, behind which there is nothing.
fn expand(mut from: impl Read, most: u64) -> Result<Vec<u8>, ReadError> {
    let bytes = packing::unpack(&mut from, most).map_err(|error| match error {
        Unpackable::TooLong => ReadError::TooLarge(most),
        error => ReadError::Packed(error),
    })?;
    check(from.read(&mut [0])? == 0, "there is more behind a frame")?;
    Ok(bytes)
}
