//! The form that a project checks in: a line that says what this is, a header in TOML up to a line `---`, then a line an event.

use crate::error::ReadError;
use crate::header::Header;
use crate::line::Line;
use crate::packed::Go;
use std::io::{self, BufRead, Read, Seek, SeekFrom, Write};

/// What ends the header.
const RULER: &str = "---";
/// No line is longer.
const MOST_LINE: u64 = 1 << 16;
/// Nor is the header.
const MOST_HEADER: usize = 1 << 20;

/// Writes what stands before the events.
///
/// # Errors
/// The host's.
pub fn write_header(header: &Header, to: &mut impl Write) -> io::Result<()> {
    let text = toml::to_string(header).map_err(io::Error::other)?;
    write!(to, "{}{}\n{text}{RULER}\n", crate::MAGIC, crate::VERSION)
}

/// A file of this form.
#[derive(Debug)]
pub struct TextTrace<R> {
    from: R,
    header: Header,
    /// Where the events begin, and with which line.
    body: (u64, u64),
}

impl<R: BufRead + Seek> TextTrace<R> {
    /// Reads the header. The first line, of so many bytes, was read already.
    ///
    /// # Errors
    /// [`ReadError`].
    pub(crate) fn open(mut from: R, first: u64) -> Result<Self, ReadError> {
        let mut text = String::new();
        let (mut at, mut number) = (first, 1);
        loop {
            let line = next_line(&mut from)?.ok_or(ReadError::Truncated)?;
            at += line.len() as u64;
            number += 1;
            if line.trim_end() == RULER {
                break;
            }
            if text.len() + line.len() > MOST_HEADER {
                return Err(ReadError::TooLarge(MOST_HEADER as u64));
            }
            text.push_str(&line);
        }
        let header = toml::from_str(&text)?;
        Ok(Self { from, header, body: (at, number) })
    }

    /// What the trace says of itself.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Gives each line, with the number that it has in the file, from 1, until `each` says that it has enough.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn visit(&mut self, each: &mut dyn FnMut(u64, &Line) -> Go) -> Result<(), ReadError> {
        let (body, mut number) = self.body;
        self.from.seek(SeekFrom::Start(body))?;
        while let Some(text) = next_line(&mut self.from)? {
            number += 1;
            if text.trim().is_empty() {
                continue;
            }
            let line = Line::parse(&text).map_err(|cause| ReadError::Line { number, cause })?;
            if each(number, &line) == Go::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// The next line with its end; none behind the last.
pub(crate) fn next_line(from: &mut impl BufRead) -> Result<Option<String>, ReadError> {
    let mut bytes = Vec::new();
    from.take(MOST_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 == MOST_LINE {
        return Err(ReadError::TooLarge(MOST_LINE));
    }
    let text = String::from_utf8(bytes).map_err(|_| crate::error::damaged("a line is not UTF-8"))?;
    Ok((!text.is_empty()).then_some(text))
}
