//! The form that a project checks in: a line that says what this is, a header in TOML up to a line `---`, then a line an event.

use crate::error::{ReadError, damaged};
use crate::file::TraceFile;
use crate::header::{Header, MOST_HEADER};
use crate::line::Line;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

/// What ends the header.
const RULER: &str = "---";
/// No line of an event is longer.
pub(crate) const MOST_LINE: u64 = 1 << 16;

/// Writes what stands before the events.
///
/// # Errors
/// The host's.
pub fn write_header(header: &Header, to: &mut impl Write) -> io::Result<()> {
    let text = header.text()?;
    write!(to, "{}{}\n{text}{RULER}\n", crate::MAGIC, crate::VERSION)
}

/// A header as it stands in a file, where people may have put comments in it.
#[derive(Clone, Debug)]
pub struct KeptHeader {
    header: Header,
    text: String,
}

/// Writes a trace in this form. Gives how many events there are. If its header says what one says that was kept, that stays as it stands.
///
/// # Errors
/// The host's, and what is wrong with the trace.
pub fn write_text<R: BufRead + Seek>(
    trace: &mut TraceFile<R>,
    kept: Option<&KeptHeader>,
    to: &mut impl Write,
) -> io::Result<u64> {
    match kept.filter(|kept| kept.header == *trace.header()) {
        Some(kept) => write!(to, "{}{}\n{}{RULER}\n", crate::MAGIC, crate::VERSION, kept.text)?,
        None => write_header(trace.header(), to)?,
    }
    trace.rewind().map_err(io::Error::other)?;
    let (mut events, mut text) = (0, String::new());
    while let Some(line) = trace.next_line().map_err(io::Error::other)? {
        events += 1;
        text.clear();
        line.write(&mut text).expect("a string has room");
        text.push('\n');
        to.write_all(text.as_bytes())?;
    }
    Ok(events)
}

/// A file of this form, and how far it was read.
#[derive(Debug)]
pub struct TextTrace<R> {
    from: R,
    header: KeptHeader,
    /// Where the events begin, and behind which line.
    body: (u64, u64),
    /// The number of the line that was read last, from 1.
    number: u64,
    text: Vec<u8>,
    line: Line,
}

impl<R: BufRead + Seek> TextTrace<R> {
    /// Reads the header. The first line, of so many bytes, was read already.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn open(mut from: R, first: u64) -> Result<Self, ReadError> {
        let (mut text, mut line) = (String::new(), Vec::new());
        let (mut at, mut number) = (first, 1);
        loop {
            let line = next_line(&mut from, &mut line, MOST_HEADER as u64)?.ok_or(ReadError::Truncated)?;
            at += line.len() as u64;
            number += 1;
            if line.trim_end() == RULER {
                break;
            }
            text.push_str(line);
            if text.len() > MOST_HEADER {
                break; // it is refused for its length
            }
        }
        // Behind the first line, so that what is said of a line names that of the file.
        let header = Header::parse(&format!("\n{text}"))?;
        let header = KeptHeader { header, text: text.replace("\r\n", "\n") };
        Ok(Self { from, header, body: (at, number), number, text: line, line: Line::default() })
    }

    /// What the trace says of itself.
    pub const fn header(&self) -> &Header {
        &self.header.header
    }

    /// The same, as it stands in the file.
    pub const fn kept_header(&self) -> &KeptHeader {
        &self.header
    }

    /// The number of the line of the file behind which the events begin.
    pub const fn header_lines(&self) -> u64 {
        self.body.1
    }

    /// Goes back to before the first event.
    ///
    /// # Errors
    /// The host's.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.number = self.body.1;
        self.from.seek(SeekFrom::Start(self.body.0)).map(drop)
    }

    /// The next event; none behind the last.
    ///
    /// # Errors
    /// [`ReadError`].
    #[allow(clippy::should_implement_trait, reason = "it may fail, and gives what it keeps")]
    pub fn next(&mut self) -> Result<Option<&Line>, ReadError> {
        while let Some(text) = next_line(&mut self.from, &mut self.text, MOST_LINE)? {
            self.number += 1;
            if is_blank(text.as_bytes()) {
                continue;
            }
            let number = self.number;
            self.line.read(text).map_err(|cause| ReadError::Line { number, cause })?;
            return Ok(Some(&self.line));
        }
        Ok(None)
    }

    /// Passes over so many events, or to the end.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn skip(&mut self, events: usize) -> Result<(), ReadError> {
        let mut left = events;
        while left > 0 && !next_bytes(&mut self.from, &mut self.text, MOST_LINE)?.is_empty() {
            self.number += 1;
            left -= usize::from(!is_blank(&self.text));
        }
        Ok(())
    }
}

/// The next line with its end, in a buffer; none behind the last. It has fewer bytes than `most`.
pub(crate) fn next_line<'a>(
    from: &mut impl BufRead,
    buffer: &'a mut Vec<u8>,
    most: u64,
) -> Result<Option<&'a str>, ReadError> {
    let bytes = next_bytes(from, buffer, most)?;
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("a line is not UTF-8"))?;
    Ok((!text.is_empty()).then_some(text))
}

/// The same, whatever its bytes are; it is empty behind the last.
fn next_bytes<'a>(from: &mut impl BufRead, buffer: &'a mut Vec<u8>, most: u64) -> Result<&'a [u8], ReadError> {
    buffer.clear();
    from.take(most).read_until(b'\n', buffer)?;
    if buffer.len() as u64 == most {
        return Err(ReadError::TooLarge(most));
    }
    Ok(buffer)
}

/// True of a line that is no event.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}
