//! A trace in a file, of whatever form.

use crate::diff::Lines;
use crate::error::ReadError;
use crate::form::Form;
use crate::header::Header;
use crate::line::Line;
use crate::packed::{self, PackedTrace};
use crate::record::{Record, Tables};
use crate::render::Renderer;
use crate::text::{self, KeptHeader, TextTrace};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

/// As many bytes are read at once: long traces are read three times to be compared.
const BUFFER: usize = 1 << 16;

/// A trace, and how far it was read.
#[derive(Debug)]
pub struct TraceFile<R = BufReader<File>>(Inner<R>);

#[derive(Debug)]
enum Inner<R> {
    Packed(Box<PackedTrace<R>>, Renderer),
    Text(TextTrace<R>),
}

impl TraceFile {
    /// Opens a trace.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        Self::read(BufReader::with_capacity(BUFFER, File::open(path)?))
    }
}

impl<R: BufRead + Seek> TraceFile<R> {
    /// Begins to read a trace.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(mut from: R) -> Result<Self, ReadError> {
        let mut buffer = Vec::new();
        let first = text::next_line(&mut from, &mut buffer, text::MOST_LINE).map_err(|error| match error {
            ReadError::Io(cause) => ReadError::Io(cause),
            _ => ReadError::Foreign,
        })?;
        let first = first.ok_or(ReadError::Foreign)?;
        let length = first.len() as u64;
        let rest =
            first.strip_prefix(crate::MAGIC).and_then(|rest| rest.strip_suffix('\n')).ok_or(ReadError::Foreign)?;
        let rest = rest.strip_suffix('\r').unwrap_or(rest); // as version control may have it
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
            let trace = PackedTrace::open(from, length)?;
            let renderer = Renderer::new(trace.tables());
            return Ok(Self(Inner::Packed(Box::new(trace), renderer)));
        }
        TextTrace::open(from, length).map(|trace| Self(Inner::Text(trace)))
    }

    /// Its form.
    #[must_use]
    pub fn form(&self) -> Form {
        match &self.0 {
            Inner::Packed(trace, _) => Form::Packed(trace.codec()),
            Inner::Text(_) => Form::Text,
        }
    }

    /// What the trace says of itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        match &self.0 {
            Inner::Packed(trace, _) => trace.header(),
            Inner::Text(trace) => trace.header(),
        }
    }

    /// The same as it stands in the file, if that is text.
    #[must_use]
    pub const fn kept_header(&self) -> Option<&KeptHeader> {
        match &self.0 {
            Inner::Packed(..) => None,
            Inner::Text(trace) => Some(trace.kept_header()),
        }
    }

    /// What the numbers of its records stand for, if it is in the compact form.
    #[must_use]
    pub fn tables(&self) -> Option<&Tables> {
        match &self.0 {
            Inner::Packed(trace, _) => Some(trace.tables()),
            Inner::Text(_) => None,
        }
    }

    /// The trace in the compact form, if it is in that.
    #[must_use]
    pub fn into_packed(self) -> Option<PackedTrace<R>> {
        match self.0 {
            Inner::Packed(trace, _) => Some(*trace),
            Inner::Text(_) => None,
        }
    }

    /// The number of the file's line that has the first event, from 1; of the compact form, which has none, 1.
    #[must_use]
    pub const fn first_line(&self) -> u64 {
        match &self.0 {
            Inner::Packed(..) => 1,
            Inner::Text(trace) => trace.header_lines() + 1,
        }
    }

    /// Goes back to before the first event.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn rewind(&mut self) -> Result<(), ReadError> {
        match &mut self.0 {
            Inner::Packed(trace, _) => trace.go_to(0),
            Inner::Text(trace) => trace.rewind().map_err(ReadError::Io),
        }
    }

    /// The next event; none behind the last.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next_line(&mut self) -> Result<Option<&Line>, ReadError> {
        self.next_event().map(|event| event.map(|(line, _)| line))
    }

    /// The same, with all that is known of the event if that is more.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next_event(&mut self) -> Result<Option<(&Line, Option<Record>)>, ReadError> {
        match &mut self.0 {
            Inner::Text(trace) => Ok(trace.next()?.map(|line| (line, None))),
            Inner::Packed(trace, renderer) => {
                let Some((_, record)) = trace.next()? else { return Ok(None) };
                Ok(Some((renderer.line(&record), Some(record))))
            }
        }
    }
}

impl<R: BufRead + Seek> Lines for TraceFile<R> {
    type Error = ReadError;

    fn header(&self) -> &Header {
        Self::header(self)
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        Self::rewind(self)
    }

    fn next_line(&mut self) -> Result<Option<&Line>, ReadError> {
        Self::next_line(self)
    }

    fn skip(&mut self, lines: usize) -> Result<(), ReadError> {
        match &mut self.0 {
            Inner::Packed(trace, _) => trace.skip(lines),
            Inner::Text(trace) => trace.skip(lines),
        }
    }
}
