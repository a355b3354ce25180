//! A trace in a file, of whatever form.

use crate::error::ReadError;
use crate::header::Header;
use crate::line::Line;
use crate::packed::{self, Go, PackedTrace};
use crate::text::{self, TextTrace};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

/// A trace.
#[derive(Debug)]
pub enum TraceFile<R = BufReader<File>> {
    /// In the compact form.
    Packed(Box<PackedTrace<R>>),
    /// As text.
    Text(TextTrace<R>),
}

impl TraceFile {
    /// Opens a trace.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::read(BufReader::new(File::open(path)?))
    }
}

impl<R: BufRead + Seek> TraceFile<R> {
    /// Begins to read a trace.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(mut from: R) -> Result<Self, ReadError> {
        let first = text::next_line(&mut from).map_err(|error| match error {
            ReadError::Io(cause) => ReadError::Io(cause),
            _ => ReadError::Foreign,
        })?;
        let first = first.ok_or(ReadError::Foreign)?;
        let length = first.len() as u64;
        let rest =
            first.strip_prefix(crate::MAGIC).and_then(|rest| rest.strip_suffix('\n')).ok_or(ReadError::Foreign)?;
        let (version, is_packed) = match rest.strip_suffix(packed::FORM) {
            Some(version) => (version, true),
            None => (rest, false),
        };
        match version.parse().map_err(|_| ReadError::Foreign)? {
            crate::VERSION => {}
            version => return Err(ReadError::Version { version }),
        }
        from.seek(SeekFrom::Start(length))?;
        if is_packed {
            return PackedTrace::open(from, length).map(|trace| Self::Packed(Box::new(trace)));
        }
        TextTrace::open(from, length).map(Self::Text)
    }

    /// What the trace says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        match self {
            Self::Packed(trace) => trace.header(),
            Self::Text(trace) => trace.header(),
        }
    }

    /// Gives each event as a line, with its number, from 1, until `each` says that it has enough.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn visit(&mut self, each: &mut dyn FnMut(u64, &Line) -> Go) -> Result<(), ReadError> {
        match self {
            Self::Text(trace) => {
                let mut number = 0;
                trace.visit(&mut |_, line| {
                    number += 1;
                    each(number, line)
                })
            }
            Self::Packed(trace) => {
                let tables = trace.tables().clone();
                trace.visit_from(0, &mut |number, record| each(number + 1, &tables.line(record)))
            }
        }
    }
}
