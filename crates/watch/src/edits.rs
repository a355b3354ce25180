//! The stores to paging entries that something cached has come from.
//!
//! Invariant: of each entry that a walk has used since everything was dropped, the stores since are here; where there are too many, the first ones
//! are not, and it is known which. Those of a leaf begin with its last use by a walk whose translation was cached.

use crate::path::{Dirty, Path, Seen, meaning};
use arch::PhysAddr;
use foldhash::fast::FixedState;
use paging::EntryEdit;
use std::collections::{HashMap, VecDeque};

/// So many stores are remembered of an entry. Leaves need one; an entry above changes when a table comes or goes.
const MOST: usize = 64;

/// A store, when it was made, and its number among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    number: u64,
    pub(crate) instructions: u64,
    pub(crate) edit: EntryEdit,
}

/// The stores to one entry.
#[derive(Debug, Default)]
struct OfEntry {
    known: VecDeque<Edit>,
    /// The number of the last one that is not known any more.
    forgotten: u64,
}

/// The stores.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    watched: HashMap<PhysAddr, OfEntry, FixedState>,
    /// How many stores there were.
    count: u64,
}

impl Edits {
    /// How many there were so far. What is cached now comes from entries as they are after so many.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The entries of this path are cached from now on.
    pub(crate) fn watch(&mut self, path: &Path) {
        for seen in path.entries() {
            self.watched.entry(seen.at).or_default();
        }
    }

    /// What was cached of the last entry of this path is so anew.
    pub(crate) fn begin_with(&mut self, path: &Path) {
        if let Some(leaf) = path.last().and_then(|leaf| self.watched.get_mut(&leaf.at)) {
            *leaf = OfEntry::default();
        }
    }

    /// An entry was changed.
    pub(crate) fn add(&mut self, instructions: u64, edit: &EntryEdit) {
        self.count += 1;
        let Some(OfEntry { known, forgotten }) = self.watched.get_mut(&edit.entry) else { return };
        if known.len() == MOST {
            *forgotten = known.pop_front().map_or(0, |first| first.number);
        }
        known.push_back(Edit { number: self.count, instructions, edit: *edit });
    }

    /// The first store since `count` that made an entry say something else than it did; none if that may be one that is not known any more.
    pub(crate) fn culprit(&self, old: Seen, count: u64, dirty: Dirty) -> Option<Edit> {
        let differs =
            |edit: &&Edit| edit.number > count && meaning(edit.edit.after, dirty) != meaning(old.value, dirty);
        let OfEntry { known, forgotten } = self.watched.get(&old.at)?;
        if *forgotten > count { None } else { known.iter().find(differs).copied() }
    }

    /// Nothing is cached any more.
    pub(crate) fn forget(&mut self) {
        self.watched.clear();
    }
}
