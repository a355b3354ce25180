//! What a trace says of itself: how it was made, and what a comparison is to overlook.

use crate::error::ReadError;
use crate::kinds::EventKind;
use crate::line::{Column, Line};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use std::io;

/// No header is longer.
pub(crate) const MOST_HEADER: usize = 1 << 20;

/// The header of a trace, in TOML where the trace is text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Header {
    /// The program and its arguments.
    pub program: Vec<String>,
    /// The options of the machine that differ from the defaults, as on the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Where else the machine is set, if options do not say all of it: the trace can be made there alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The file that its standard input comes from, which is empty without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What is recorded.
    pub events: Vec<EventKind>,
    /// The processor whose walks are recorded: a preset, or a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hw: Option<String>,
    /// Its keys that are set otherwise, as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hw_set: Vec<String>,
    /// What a comparison overlooks.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "rules")]
    pub ignore: Vec<Rule>,
}

/// What a comparison overlooks: lines all of whose columns match, or of these lines some columns. A pattern is a column's text, in which `*`
/// stands for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Lines of such processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Lines of such events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Lines of such pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Lines that came to such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Lines with such entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<String>,
    /// Lines of such code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Overlook just these columns of them; without, the lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnName>,
}

/// A column, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ColumnName(pub Column);

/// Reads rules. One that says of no column what it matches would have everything overlooked, and nothing be noticed.
fn rules<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Rule>, D::Error> {
    let rules = Vec::<Rule>::deserialize(from)?;
    let says_nothing = |rule: &Rule| Column::ALL.iter().all(|&column| rule.pattern(column).is_none());
    if rules.iter().any(says_nothing) {
        return Err(D::Error::custom("a rule has to say which lines it is about; `address = \"*\"` is all"));
    }
    Ok(rules)
}

impl TryFrom<String> for ColumnName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Column::of_name(&name).map(Self).ok_or_else(|| format!("a line has no column `{name}`"))
    }
}

impl From<ColumnName> for String {
    fn from(ColumnName(column): ColumnName) -> Self {
        column.name().into()
    }
}

impl Rule {
    const fn pattern(&self, column: Column) -> Option<&String> {
        match column {
            Column::Process => self.process.as_ref(),
            Column::Event => self.event.as_ref(),
            Column::Address => self.address.as_ref(),
            Column::Outcome => self.outcome.as_ref(),
            Column::Entries => self.entries.as_ref(),
            Column::Place => self.place.as_ref(),
        }
    }

    /// True if all patterns match.
    #[must_use]
    pub fn matches(&self, line: &Line) -> bool {
        let patterns = Column::ALL.into_iter().filter_map(|column| Some((column, self.pattern(column)?)));
        patterns.into_iter().all(|(column, pattern)| is_like(line.column(column), pattern))
    }
}

impl Header {
    /// Reads a header.
    pub(crate) fn parse(text: &str) -> Result<Self, ReadError> {
        if text.len() > MOST_HEADER {
            return Err(ReadError::TooLarge(MOST_HEADER as u64));
        }
        toml::from_str(text).map_err(|error| {
            let line_at = |at| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            let line = error.span().map(|span| line_at(span.start));
            ReadError::Header { line, what: error.message().to_owned() }
        })
    }

    /// The header in TOML.
    ///
    /// # Errors
    /// It is longer than any that is read.
    pub fn text(&self) -> io::Result<String> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let too_long = || io::Error::other("what its header has to say, with all arguments, is longer than 1 MiB");
        (text.len() <= MOST_HEADER).then_some(text).ok_or_else(too_long)
    }

    /// A line as it is compared; `None` if it is overlooked.
    #[must_use]
    pub fn compared(&self, mut line: Line) -> Option<Line> {
        for rule in &self.ignore {
            if !rule.matches(&line) {
                continue;
            }
            if rule.columns.is_empty() {
                return None;
            }
            line = rule.columns.iter().fold(line, |line, column| line.without(column.0));
        }
        Some(line)
    }
}

/// True if a text is what a pattern says: `*` stands for any text, everything else for itself.
#[must_use]
pub fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut rest = rest;
    let mut last = None;
    for part in parts {
        if let Some(skipped) = last.replace(part) {
            let Some(at) = rest.find(skipped) else { return false };
            rest = &rest[at + skipped.len()..];
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(is_like("libc.so+0x1000", "libc*"));
        assert!(is_like("main+0x1c", "*+0x1c") && is_like("main", "*") && is_like("a-b-c", "a*b*c"));
        assert!(!is_like("main+0x1c", "main") && !is_like("ab", "a*b*b") && !is_like("x", ""));
    }

    #[test]
    fn a_header_that_is_written_is_read() {
        let with = |length| Header { program: vec!["./echo".into(), "x".repeat(length)], ..Header::default() };
        let long = with(MOST_HEADER - 100);
        assert_eq!(Header::parse(&long.text().expect("a text")).expect("a header"), long);
        assert!(with(MOST_HEADER).text().is_err());
    }

    #[test]
    fn rules_take_out_lines_and_columns() {
        let text = r#"
            program = ["./server"]
            events = ["fault"]
            ignore = [{ outcome = "file-*" }, { address = "[heap]*", columns = ["place"] }]
        "#;
        let header: Header = toml::from_str(text).expect("a header");
        let line = |address, outcome| Line::new(["1", "read", address, outcome, "-", "main"]);
        assert_eq!(header.compared(line("x+0x0", "file-read")), None);
        let heap = header.compared(line("[heap]+0x0", "zero-page")).expect("a line");
        assert_eq!(heap.column(Column::Place), "-");
        assert_eq!(header.compared(line("x+0x0", "zero-page")), Some(line("x+0x0", "zero-page")));
        let wrong = text.replace("place", "pleace");
        assert!(toml::from_str::<Header>(&wrong).unwrap_err().to_string().contains("no column `pleace`"));
        for all in ["{}", "{ columns = [\"place\"] }"] {
            let header = format!("program = []\nevents = []\nignore = [{all}]");
            assert!(toml::from_str::<Header>(&header).unwrap_err().to_string().contains("which lines"), "{all}");
        }
    }
}
