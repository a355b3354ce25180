//! What the numbers of records stand for.

use crate::bounded::MOST_ENTRIES;
use crate::record::Record;
use serde::{Deserialize, Serialize};

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEntry {
    /// By descent: `1`, `1.2`.
    pub name: String,
    /// Its id.
    pub pid: u32,
}

/// A mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionEntry {
    /// What it is called: a file's name, `[heap]`.
    pub label: String,
    /// The file's whole path, if it has one.
    pub path: Option<String>,
    /// Its number among those of the run.
    pub number: u32,
}

/// A place in code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlaceEntry {
    /// A function, a file, a mapping, or a system call.
    pub name: String,
    /// Bytes from its first one; none where that would say nothing.
    pub offset: Option<u64>,
}

/// What the numbers stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// Texts.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub names: Vec<String>,
    /// Processes.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub processes: Vec<ProcessEntry>,
    /// Mappings.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub regions: Vec<RegionEntry>,
    /// Places in code.
    #[serde(deserialize_with = "crate::bounded::entries")]
    pub places: Vec<PlaceEntry>,
}

impl Tables {
    /// True if none is longer than may be read.
    pub(crate) fn are_bounded(&self) -> bool {
        let lengths = [self.names.len(), self.processes.len(), self.regions.len(), self.places.len()];
        lengths.into_iter().all(|length| length <= MOST_ENTRIES)
    }

    /// True if a record's numbers are all there.
    #[must_use]
    pub fn hold(&self, record: &Record) -> bool {
        let there = |number: u32, table: usize| (number as usize) < table;
        there(record.process.0, self.processes.len())
            && there(record.outcome.0, self.names.len())
            && there(record.place.0, self.places.len())
            && record.spot.is_none_or(|spot| there(spot.region.0, self.regions.len()))
            && record.leaf.is_none_or(|(from, _, to, _)| from <= 3 && to <= 3)
    }
}
