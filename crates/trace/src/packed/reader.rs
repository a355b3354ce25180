//! Reads the compact form, record by record, from any one on.

use super::{END, FrameAt, MOST_CHUNK, MOST_TAIL, Tail};
use crate::error::{ReadError, damaged};
use crate::header::Header;
use crate::record::{Record, Tables};
use packing::{Codec, Unpackable};
use std::io::{Read, Seek, SeekFrom};

/// A file of this form, and how far it was read.
#[derive(Debug)]
pub struct PackedTrace<R> {
    from: R,
    header: Header,
    codec: Codec,
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
        let codec = codec_of(&mut from)?;
        from.seek(SeekFrom::Start(at))?;
        let bytes = expand((&mut from).take(trailer - at), MOST_TAIL)?;
        let (tail, rest): (Tail, _) =
            postcard::take_from_bytes(&bytes).map_err(|_| damaged("its tail makes no sense"))?;
        check(rest.is_empty(), "there is more behind its tail")?;
        tail.check_frames(body, at)?;
        let header = Header::parse(&tail.header)?;
        Ok(Self { from, header, codec, tail, end: at, cursor: Cursor::default() })
    }

    /// What it is read from.
    pub fn into_inner(self) -> R {
        self.from
    }

    /// How it is packed.
    pub const fn codec(&self) -> Codec {
        self.codec
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

    /// Passes over so many records, or to the end.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn skip(&mut self, records: usize) -> Result<(), ReadError> {
        let to = self.cursor.number.saturating_add(records as u64);
        if to >= self.cursor.end {
            return self.go_to(to);
        }
        while self.cursor.number < to && self.next()?.is_some() {}
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

/// How the frame is packed that begins here.
fn codec_of(from: &mut impl Read) -> Result<Codec, ReadError> {
    let mut magic = [0; 4];
    from.read_exact(&mut magic)?;
    Ok(Codec::of(magic))
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
