//! One event in the form that is compared, and that people read: six columns.
//!
//! ```text
//! process  event  address          outcome      entries               place
//! 1        write  [heap]+0x3000    demand-zero  none->P+RW+US+A+D+XD  main+0x1c
//! ```
//!
//! Nothing stands in a line that moves when something unrelated changes: no number of the event, no count, no time, no frame, and no address
//! that is not relative to something. Columns are parted by blanks and so hold none; a column that says nothing is `-`. What follows
//! ` | ` is for people, and is not compared.

use std::fmt;
use thiserror::Error;

/// The columns, from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Which process, by descent: the first is 1, its second child 1.2.
    Process,
    /// What happened: `read`, `write` or `fetch` for a fault, or another event's name.
    Event,
    /// The page, relative to its mapping: `[heap]+0x3000`, `/bin/true+0x1000`.
    Address,
    /// What came of it.
    Outcome,
    /// The entry that maps the page, before and behind: `none->P+US+A+XD`.
    Entries,
    /// The code: a function and the distance from its first byte.
    Place,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Process, Self::Event, Self::Address, Self::Outcome, Self::Entries, Self::Place];

    /// Its name in rules and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Event => "event",
            Self::Address => "address",
            Self::Outcome => "outcome",
            Self::Entries => "entries",
            Self::Place => "place",
        }
    }

    /// The column of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// As wide as it is padded to.
    const fn width(self) -> usize {
        match self {
            Self::Process => 5,
            Self::Event => 8,
            Self::Address => 28,
            Self::Outcome => 16,
            Self::Entries => 34,
            Self::Place => 0,
        }
    }
}

/// What a column holds that says nothing.
pub const NOTHING: &str = "-";

/// What parts a line from what is not compared.
const NOTE: &str = " | ";

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// The columns, in order; none is empty or holds a blank.
    columns: [Box<str>; 6],
}

/// Why a text is no line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// It has fewer columns than there are.
    #[error("it has {found} columns instead of 6")]
    Columns {
        /// As many it has.
        found: usize,
    },
}

impl Line {
    /// A line of these columns; what is empty says nothing, and blanks are written `\x20`.
    #[must_use]
    pub fn new(columns: [&str; 6]) -> Self {
        Self { columns: columns.map(escaped) }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let text = text.split_once(NOTE).map_or(text, |(line, _)| line);
        let found = text.split_ascii_whitespace().count();
        let mut words = text.split_ascii_whitespace();
        let columns = std::array::from_fn(|_| words.next().unwrap_or_default().into());
        if found == Column::ALL.len() { Ok(Self { columns }) } else { Err(LineError::Columns { found }) }
    }

    /// What a column holds.
    #[must_use]
    pub fn column(&self, column: Column) -> &str {
        &self.columns[column as usize]
    }

    /// The same line, with nothing in a column.
    #[must_use]
    pub fn without(mut self, column: Column) -> Self {
        self.columns[column as usize] = NOTHING.into();
        self
    }

    /// The line with a note behind it.
    #[must_use]
    pub fn with_note(&self, note: &str) -> String {
        format!("{self}{NOTE}{note}")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for column in Column::ALL {
            let text = self.column(column);
            if column == Column::Place {
                f.write_str(text)?;
            } else {
                write!(f, "{text:<width$} ", width = column.width())?;
            }
        }
        Ok(())
    }
}

/// A text that is one word: blanks, controls and backslashes are written as escapes.
fn escaped(text: &str) -> Box<str> {
    if text.is_empty() {
        return NOTHING.into();
    }
    if !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\' || c == '|') {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '|' => out.push_str("\\x7c"),
            c if c.is_whitespace() || c.is_control() => {
                for byte in c.to_string().bytes() {
                    out.push_str(&format!("\\x{byte:02x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_has_six_columns() {
        let line = Line::new(["1", "write", "[heap]+0x3000", "demand-zero", "none->P+RW+US+A+D+XD", "main+0x1c"]);
        let text = line.to_string();
        assert_eq!(
            text,
            "1     write    [heap]+0x3000                demand-zero      none->P+RW+US+A+D+XD               main+0x1c"
        );
        assert_eq!(Line::parse(&text), Ok(line.clone()));
        assert_eq!(Line::parse(&line.with_note("ns=12 frame=0x40")), Ok(line), "a note is not compared");
        assert_eq!(Line::parse("1 write"), Err(LineError::Columns { found: 2 }));
        assert_eq!(Line::parse("1 2 3 4 5 6 7"), Err(LineError::Columns { found: 7 }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(columns in prop::array::uniform6(".{0,12}")) {
            let line = Line::new(std::array::from_fn(|n| columns[n].as_str()));
            prop_assert_eq!(Line::parse(&line.to_string()), Ok(line));
        }
    }
}
