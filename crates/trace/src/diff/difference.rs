//! The result of a comparison, as plain data.
//!
//! Its size does not grow with the traces': findings that are alike are one, and of events only a few are kept.

use super::pair::Event;
use crate::line::Column;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// What is different about two traces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// As many events are there, and are the same or not.
    pub counts: Counts,
    /// What the traces say of themselves that explains differences, in words.
    pub notes: Vec<String>,
    /// What is different, in words, in the order of the traces.
    pub findings: Vec<Finding>,
    /// The first stretches that differ, line by line.
    pub excerpts: Vec<Excerpt>,
    /// As many stretches differ beyond these.
    pub more_excerpts: u64,
}

/// How many events are the same, and how many are not. What the golden's rules overlook is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Events of the old trace: `same + changed + moved + removed`.
    pub old: u64,
    /// Events of the new trace: `same + changed + moved + added`.
    pub new: u64,
    /// Events that are the same.
    pub same: u64,
    /// Events that are in their place, but not as they were.
    pub changed: u64,
    /// Events that come sooner or later than they did.
    pub moved: u64,
    /// Events that the new trace does not have.
    pub removed: u64,
    /// Events that the old trace does not have.
    pub added: u64,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Something about events is not as it was.
    Changed,
    /// Events come sooner or later.
    Moved,
    /// Events are missing.
    Removed,
    /// There are more events.
    Added,
    /// The new trace is at its end where the old one is not.
    EndsEarly,
    /// The old trace is at its end where the new one is not.
    GoesOn,
}

impl FindingKind {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::Added => "added",
            Self::EndsEarly => "ends-early",
            Self::GoesOn => "goes-on",
        }
    }
}

/// Something that is different: an event, or many that are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// What it is about.
    pub kind: FindingKind,
    /// It, in words.
    pub text: String,
    /// As many events it is about.
    pub count: u64,
    /// What was the event before the difference, or where it is, in the old trace: a number from 1; 0 is before the first event.
    pub old_event: u64,
    /// The first events that it is about.
    pub examples: Vec<Example>,
}

/// An event that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Example {
    /// What is different about it, in words.
    pub text: String,
    /// The event in the old trace.
    #[serde(serialize_with = "event")]
    pub old: Option<Event>,
    /// The event in the new trace.
    #[serde(serialize_with = "event")]
    pub new: Option<Event>,
}

/// A stretch of both traces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Excerpt {
    /// Its lines, with a few that are the same around them.
    pub lines: Vec<ExcerptLine>,
    /// As many lines of it are left out, that are removed or added.
    pub left_out: u64,
}

/// A line of both traces or one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExcerptLine {
    /// Where it is.
    pub side: ExcerptSide,
    /// The event's number: in the new trace if it is there alone, otherwise in the old one.
    pub number: u64,
    /// The line as trace files have it.
    pub line: String,
}

/// Which trace has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExcerptSide {
    /// Both.
    Both,
    /// The old one.
    Old,
    /// The new one.
    New,
}

impl Difference {
    /// True if nothing is different.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.counts.same == self.counts.old && self.counts.same == self.counts.new
    }
}

/// An event as its number and its columns by name.
fn event<S: Serializer>(event: &Option<Event>, to: S) -> Result<S::Ok, S::Error> {
    let Some(event) = event else { return to.serialize_none() };
    let mut map = to.serialize_map(Some(1 + Column::ALL.len()))?;
    map.serialize_entry("number", &event.number)?;
    for column in Column::ALL {
        map.serialize_entry(column.name(), event.line.column(column))?;
    }
    map.end()
}
