//! Translations that outlived what they came from.

use arch::{AccessKind, Level, LinearAddr, Pfn, PhysAddr, Pte, Site, SpaceId};

/// What is wrong with a translation that a processor may still hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// The page is not mapped any more.
    NotMapped,
    /// The access is not allowed any more.
    Forbidden,
    /// The page is in another frame.
    OtherFrame,
    /// It is part of a page of another size.
    OtherSize,
    /// It has another memory type.
    OtherType,
    /// D was cleared in its entry, and this write would not set it again.
    NotDirty,
    /// A table on the way to it is another one.
    OtherTable,
}

impl Wrong {
    /// The name in a trace.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotMapped => "not-mapped",
            Self::Forbidden => "forbidden",
            Self::OtherFrame => "other-frame",
            Self::OtherSize => "other-size",
            Self::OtherType => "other-type",
            Self::NotDirty => "not-dirty",
            Self::OtherTable => "other-table",
        }
    }

    /// What the tables say, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NotMapped => "the page is not mapped any more",
            Self::Forbidden => "this access is not allowed any more",
            Self::OtherFrame => "the page is in another frame",
            Self::OtherSize => "the page is part of one of another size",
            Self::OtherType => "the page has another memory type",
            Self::NotDirty => "its entry has D=0, which this write would have left so",
            Self::OtherTable => "another table leads to the page",
        }
    }
}

/// An access that a processor may have made by a translation which the tables do not give any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaleTranslation {
    /// In which address space.
    pub space: SpaceId,
    /// The instruction.
    pub rip: LinearAddr,
    /// What it accesses.
    pub la: LinearAddr,
    /// How.
    pub access: AccessKind,
    /// Why that is wrong.
    pub wrong: Wrong,
    /// The frame that the access goes to by the old translation; none where an old table would have been asked.
    pub frame: Option<Pfn>,
    /// The first entry on the way that says something else than it said: of which level it is.
    pub level: Level,
    /// Where it is.
    pub entry: PhysAddr,
    /// What it said.
    pub held: Pte,
    /// The store that changed it and lacked an invalidation, if it is known still: not if very many others came after it.
    pub store: Option<EntryStore>,
}

/// A store of the kernel layer to a paging entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryStore {
    /// What the entry held.
    pub before: Pte,
    /// What it held then.
    pub after: Pte,
    /// Where in the kernel layer's source that is done.
    pub site: Site,
    /// Instructions retired before.
    pub instructions: u64,
}
