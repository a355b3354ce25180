//! What is compared: a trace that can be gone through again and again, and its lines with what the golden's rules overlook taken out.
//!
//! A trace may be longer than memory is large, so nothing here keeps a line: one buffer a side holds the line that was read last.

use crate::header::Header;
use crate::line::Line;
use std::convert::Infallible;

/// A trace that can be gone through more than once, with the same lines each time.
pub trait Lines {
    /// Why it cannot be read.
    type Error;

    /// What it says of itself.
    fn header(&self) -> &Header;

    /// Goes back to before the first line.
    ///
    /// # Errors
    /// The trace cannot be read.
    fn rewind(&mut self) -> Result<(), Self::Error>;

    /// The next line; none behind the last.
    ///
    /// # Errors
    /// The trace cannot be read.
    fn next_line(&mut self) -> Result<Option<&Line>, Self::Error>;

    /// Passes over so many lines, or to the end if there are fewer. All were read before.
    ///
    /// # Errors
    /// The trace cannot be read.
    fn skip(&mut self, lines: usize) -> Result<(), Self::Error> {
        let mut left = lines;
        while left > 0 && self.next_line()?.is_some() {
            left -= 1;
        }
        Ok(())
    }
}

/// A trace in memory.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    header: Header,
    lines: Vec<Line>,
    at: usize,
}

impl InMemory {
    /// A trace of these lines.
    #[must_use]
    pub const fn new(header: Header, lines: Vec<Line>) -> Self {
        Self { header, lines, at: 0 }
    }
}

impl Lines for InMemory {
    type Error = Infallible;

    fn header(&self) -> &Header {
        &self.header
    }

    fn rewind(&mut self) -> Result<(), Infallible> {
        self.at = 0;
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<&Line>, Infallible> {
        let line = self.lines.get(self.at);
        self.at += usize::from(line.is_some());
        Ok(line)
    }
}

/// One side of a comparison: the lines that are compared, as they are compared.
pub(super) struct Side<'a, L> {
    lines: &'a mut L,
    rules: &'a Header,
    line: Line,
    /// As many lines of the trace were read; so the number, from 1, of the event that was read last.
    number: u64,
    /// As many lines were read that are compared.
    position: usize,
}

impl<'a, L: Lines> Side<'a, L> {
    /// A trace seen through these rules; it is to be rewound before it is read.
    pub(super) fn new(lines: &'a mut L, rules: &'a Header) -> Self {
        Self { lines, rules, line: Line::default(), number: 0, position: 0 }
    }

    /// Goes back to the start.
    pub(super) fn rewind(&mut self) -> Result<(), L::Error> {
        (self.number, self.position) = (0, 0);
        self.lines.rewind()
    }

    /// The next compared line and its event's number; none behind the last.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &Line)>, L::Error> {
        while let Some(line) = self.lines.next_line()? {
            self.number += 1;
            self.line.clone_from(line);
            if !self.rules.ignore.is_empty() {
                match self.rules.compared(std::mem::take(&mut self.line)) {
                    Some(line) => self.line = line,
                    None => continue,
                }
            }
            self.position += 1;
            return Ok(Some((self.number, &self.line)));
        }
        Ok(None)
    }

    /// Goes forward to the compared line at a position, from 0, and reads it.
    pub(super) fn at(&mut self, position: usize) -> Result<(u64, &Line), Lost<L::Error>> {
        if self.rules.ignore.is_empty() && self.position < position {
            let lines = position - self.position; // each line is compared, so none has to be looked at
            self.lines.skip(lines).map_err(Lost::Unreadable)?;
            (self.number, self.position) = (self.number + lines as u64, position);
        }
        while self.position <= position {
            if self.next().map_err(Lost::Unreadable)?.is_none() {
                return Err(Lost::AtEnd);
            }
        }
        Ok((self.number, &self.line))
    }
}

/// Why a line that was there before is not there.
pub(super) enum Lost<E> {
    /// The trace cannot be read.
    Unreadable(E),
    /// It has fewer lines than before.
    AtEnd,
}
