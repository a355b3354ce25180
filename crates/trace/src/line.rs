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

pub use crate::column::Column;
use std::fmt;
use thiserror::Error;

/// What a column holds that says nothing.
pub const NOTHING: &str = "-";

/// What parts a line from what is not compared.
const NOTE: &str = " | ";

/// An event. One buffer holds the columns, so that a line read into another allocates nothing.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    /// The columns, parted by one blank each; none is empty or holds a blank or a control character.
    text: String,
    /// Where each of them ends but the last, which ends with the text.
    ends: [usize; 5],
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
    /// A column holds a control character, which is written as an escape and would do something to a terminal.
    #[error("it holds a control character")]
    Control,
}

impl Line {
    /// A line of these columns; what is empty says nothing, and blanks are written `\x20`.
    #[must_use]
    pub fn new(columns: [&str; 6]) -> Self {
        let mut line = Self::default();
        line.set(columns);
        line
    }

    /// Makes this line one of these columns, as [`new`](Self::new) does.
    pub fn set(&mut self, columns: [&str; 6]) {
        self.fill(columns, push_escaped);
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn parse(text: &str) -> Result<Self, LineError> {
        let mut line = Self::default();
        line.read(text)?;
        Ok(line)
    }

    /// Makes this line the one that a text says; it is left as it is if there is none.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read(&mut self, text: &str) -> Result<(), LineError> {
        let text = without_note(text);
        let mut columns = [""; 6];
        let mut found = 0;
        for word in text.split_ascii_whitespace() {
            if let Some(column) = columns.get_mut(found) {
                *column = word;
            }
            found += 1;
        }
        if found != columns.len() {
            return Err(LineError::Columns { found });
        }
        if columns.into_iter().any(has_control) {
            return Err(LineError::Control);
        }
        self.fill(columns, String::push_str);
        Ok(())
    }

    /// What a column holds.
    #[must_use]
    pub fn column(&self, column: Column) -> &str {
        let number = column as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] + 1 };
        let end = self.ends.get(number).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    /// All columns.
    #[must_use]
    pub fn columns(&self) -> [&str; 6] {
        Column::ALL.map(|column| self.column(column))
    }

    /// The columns as they are compared, one blank between them: equal lines have equal texts, and others others.
    #[must_use]
    pub fn compared(&self) -> &str {
        &self.text
    }

    /// The same line, with nothing in a column.
    #[must_use]
    pub fn without(self, column: Column) -> Self {
        let mut columns = self.columns();
        columns[column as usize] = NOTHING;
        Self::of_words(columns)
    }

    /// Writes the line, its columns below those of others.
    ///
    /// # Errors
    /// What it is written to takes no more.
    pub fn write(&self, to: &mut impl fmt::Write) -> fmt::Result {
        const BLANKS: &str = "                                   ";
        for column in Column::ALL {
            let text = self.column(column);
            to.write_str(text)?;
            if column != Column::Place {
                let blanks = column.width().saturating_sub(text.chars().count()) + 1;
                to.write_str(&BLANKS[..blanks])?;
            }
        }
        Ok(())
    }

    /// The line with a note behind it.
    #[must_use]
    pub fn with_note(&self, note: &str) -> String {
        format!("{self}{NOTE}{note}")
    }

    /// A line of columns that are words already: none is empty or holds a blank.
    pub(crate) fn of_words(columns: [&str; 6]) -> Self {
        let mut line = Self::default();
        line.set_words(columns);
        line
    }

    /// Makes this line one of such columns.
    pub(crate) fn set_words(&mut self, columns: [&str; 6]) {
        self.fill(columns, String::push_str);
    }

    /// Makes this line one of these columns, each written by a function.
    fn fill(&mut self, columns: [&str; 6], mut write: impl FnMut(&mut String, &str)) {
        self.text.clear();
        for (number, column) in columns.into_iter().enumerate() {
            if number > 0 {
                self.ends[number - 1] = self.text.len();
                self.text.push(' ');
            }
            write(&mut self.text, column);
        }
    }
}

impl Default for Line {
    /// The line that says nothing.
    fn default() -> Self {
        Self { text: "- - - - - -".into(), ends: [1, 3, 5, 7, 9] }
    }
}

impl Clone for Line {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), ends: self.ends }
    }

    // The derived one would give the buffer back.
    fn clone_from(&mut self, from: &Self) {
        self.text.clone_from(&from.text);
        self.ends = from.ends;
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// What is before the note. Most lines have none, and no `|` at all, which is quicker to see.
fn without_note(text: &str) -> &str {
    if memchr::memchr(b'|', text.as_bytes()).is_none() {
        return text;
    }
    text.split_once(NOTE).map_or(text, |(line, _)| line)
}

/// True if a column is not as [`push_escaped`] writes it. Nearly none has a byte that may begin a control character, and this is quick to see.
fn has_control(column: &str) -> bool {
    let may_begin = |byte: u8| (byte < b' ') | (byte == 0x7f) | (byte == 0xc2);
    column.bytes().fold(false, |any, byte| any | may_begin(byte)) && column.chars().any(char::is_control)
}

/// A text as one word.
pub(crate) fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len());
    push_escaped(&mut word, text);
    word
}

/// Writes a text as one word: blanks, controls and backslashes are written as escapes.
fn push_escaped(out: &mut String, text: &str) {
    if text.is_empty() {
        return out.push_str(NOTHING);
    }
    // Nearly every text is plain, and this is quick to see, without a branch for each byte.
    let is_plain = |byte: u8| byte.is_ascii_graphic() & (byte != b'\\') & (byte != b'|');
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return out.push_str(text);
    }
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
        for control in ["\x1b[2J", "\x7f", "\u{9b}2J"] {
            assert_eq!(Line::parse(&format!("1 2 3 4{control} 5 6")), Err(LineError::Control));
        }
        assert!(Line::parse("1 2 3\u{a2} 4 5 6 | \x1b\r\n").is_ok(), "a note is read by nobody");
    }

    #[test]
    fn a_line_is_used_again() {
        let mut line = Line::new(["1", "read", "a+0x0", "zero-page", "-", "main"]);
        assert_eq!(line.read("1 write"), Err(LineError::Columns { found: 2 }));
        assert_eq!(line.columns(), ["1", "read", "a+0x0", "zero-page", "-", "main"], "what is no line changes nothing");
        line.read("1  fetch b+0x1000 file-read -   f | note").expect("a line");
        assert_eq!(line, Line::new(["1", "fetch", "b+0x1000", "file-read", "", "f"]));
        assert_eq!(line.compared(), "1 fetch b+0x1000 file-read - f");
        line.set(["1", "exit", "", "a b", "", ""]);
        assert_eq!(line.columns(), ["1", "exit", "-", "a\\x20b", "-", "-"]);
        assert_eq!(line.clone().without(Column::Outcome).columns(), ["1", "exit", "-", "-", "-", "-"]);
        let mut other = Line::default();
        other.clone_from(&line);
        assert_eq!(other, line);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(columns in prop::array::uniform6(".{0,12}")) {
            let line = Line::new(std::array::from_fn(|n| columns[n].as_str()));
            prop_assert_eq!(Line::parse(&line.to_string()), Ok(line));
        }
    }
}
