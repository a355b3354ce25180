//! The entries of a walk, as it has read them.

use arch::{Level, PhysAddr, Pte};
use paging::Translation;

/// What the processor neither translates by nor keeps: A and D, and the bits of software.
const BESIDE: u64 = 1 << 5 | DIRTY | 0b111 << 9 | 0x7f << 52;
const DIRTY: u64 = 1 << 6;

/// An entry, and what was in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) level: Level,
    pub(crate) at: PhysAddr,
    pub(crate) value: Pte,
}

/// Entries from the root down, at most five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path {
    entries: [Seen; 5],
    length: usize,
}

impl Path {
    /// One more entry. A walk that begins again begins at the root.
    pub(crate) fn push(&mut self, seen: Seen) {
        if self.last().is_some_and(|last| last.level >= seen.level) {
            self.length = 0;
        }
        self.entries[self.length] = seen;
        self.length += 1;
    }

    /// From the root down.
    pub(crate) fn entries(&self) -> &[Seen] {
        &self.entries[..self.length]
    }

    pub(crate) fn last(&self) -> Option<Seen> {
        self.entries().last().copied()
    }

    /// The same once the walk has set D, where it does.
    pub(crate) fn after(mut self, translation: &Translation) -> Self {
        if let (true, Some(leaf)) = (translation.dirty, self.entries[..self.length].last_mut()) {
            leaf.value.0 |= DIRTY;
        }
        self
    }

    /// The same up to an entry of this level.
    pub(crate) fn down_to(&self, level: Level) -> Self {
        Self { length: self.entries().iter().filter(|seen| seen.level <= level).count(), ..*self }
    }

    /// The first entry that says something else than it said, as it was: in D too where that matters.
    pub(crate) fn first_changed(&self, now: &Self, dirty: Dirty) -> Option<Seen> {
        let same = |(old, new): (&Seen, Option<&Seen>)| {
            new.is_some_and(|new| meaning(old.value, dirty) == meaning(new.value, dirty))
        };
        let pairs = self.entries().iter().enumerate().map(|(n, old)| (old, now.entries().get(n)));
        pairs.into_iter().find(|pair| !same(*pair)).map(|(old, _)| *old)
    }
}

/// Whether D is part of what an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirty {
    Counts,
    IsBeside,
}

/// What an entry says; one that is not present says nothing.
pub(crate) fn meaning(value: Pte, dirty: Dirty) -> u64 {
    let beside = match dirty {
        Dirty::Counts => BESIDE & !DIRTY,
        Dirty::IsBeside => BESIDE,
    };
    if value.present() { value.0 & !beside } else { 0 }
}
