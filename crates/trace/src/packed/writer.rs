//! Writes the compact form while records come: what waits in memory is no more than a chunk.

use super::{CHUNK, END, FORM, FrameAt, Tail};
use crate::header::Header;
use crate::record::{Record, Tables};
use crate::recorder::RecordSink;
use packing::Codec;
use std::io::{self, Write};

/// Writes records as they come. The same records give the same bytes.
#[derive(Debug)]
pub struct PackedWriter<W> {
    to: W,
    codec: Codec,
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
    /// Writes the first line. Frames are packed so.
    pub fn new(to: W, codec: Codec) -> Self {
        let mut writer = Self {
            to,
            codec,
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
    /// The first of the host's, whenever it was.
    pub fn finish(mut self, header: &Header, tables: Tables) -> io::Result<(W, u64)> {
        self.put_chunk();
        if !tables.are_bounded() {
            return Err(io::Error::other("the run has had more mappings, processes or places than a trace may name"));
        }
        let tail = self.written;
        let header = header.text()?;
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
        let packed = packing::pack(&self.chunk, self.codec);
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
    fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

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
