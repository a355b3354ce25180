//! An event as it is kept: numbers, and where they stand for text, places in tables. Addresses, counts, times and frames are all there; the line
//! that is compared is made of it.

use arch::Pte;
use serde::{Deserialize, Serialize};

pub use crate::tables::{PlaceEntry, ProcessEntry, RegionEntry, Tables};

/// Numbers of entries in [`Tables`].
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);
    )*};
}

numbers! {
    /// A text.
    NameNo,
    /// A process.
    ProcessNo,
    /// A place in code.
    PlaceNo,
    /// A mapping.
    RegionNo
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum What {
    /// A page fault of a load.
    Read,
    /// A page fault of a store.
    Write,
    /// A page fault of a fetch.
    Fetch,
    /// A range was mapped.
    Map,
    /// A range was unmapped.
    Unmap,
    /// A mapping grew or moved.
    Remap,
    /// A range got other rights.
    Protect,
    /// The program said how it will use a range.
    Advise,
    /// A process was made.
    Fork,
    /// A process executed a program.
    Exec,
    /// A process ended.
    Exit,
    /// A signal went to its handler.
    Signal,
    /// A page was taken out of memory.
    PageOut,
    /// A page went to the swap device.
    SwapWrite,
    /// A page came from the swap device.
    SwapRead,
    /// Translations were dropped.
    Flush,
    /// CR3 was loaded.
    LoadCr3,
    /// A load by a stale translation.
    StaleRead,
    /// A store by one.
    StaleWrite,
    /// A fetch by one.
    StaleFetch,
    /// A walk for a load.
    WalkRead,
    /// A walk for a store.
    WalkWrite,
    /// A walk for a fetch.
    WalkFetch,
    /// A walk has set A.
    SetAccessed,
    /// A walk has set D, and A if that was not set.
    SetDirty,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::Read,
        Self::Write,
        Self::Fetch,
        Self::Map,
        Self::Unmap,
        Self::Remap,
        Self::Protect,
        Self::Advise,
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Signal,
        Self::PageOut,
        Self::SwapWrite,
        Self::SwapRead,
        Self::Flush,
        Self::LoadCr3,
        Self::StaleRead,
        Self::StaleWrite,
        Self::StaleFetch,
        Self::WalkRead,
        Self::WalkWrite,
        Self::WalkFetch,
        Self::SetAccessed,
        Self::SetDirty,
    ];

    /// Its name in a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Fetch => "fetch",
            Self::Map => "map",
            Self::Unmap => "unmap",
            Self::Remap => "remap",
            Self::Protect => "protect",
            Self::Advise => "advise",
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::PageOut => "page-out",
            Self::SwapWrite => "swap-write",
            Self::SwapRead => "swap-read",
            Self::Flush => "flush",
            Self::LoadCr3 => "load-cr3",
            Self::StaleRead => "stale-read",
            Self::StaleWrite => "stale-write",
            Self::StaleFetch => "stale-fetch",
            Self::WalkRead => "walk-read",
            Self::WalkWrite => "walk-write",
            Self::WalkFetch => "walk-fetch",
            Self::SetAccessed => "set-accessed",
            Self::SetDirty => "set-dirty",
        }
    }
}

/// A number that a line does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Fact {
    /// The linear address, to the byte.
    Address,
    /// The error code of a page fault.
    ErrorCode,
    /// The instruction's address.
    Rip,
    /// The frame that was mapped before.
    FrameBefore,
    /// The frame that is mapped behind.
    Frame,
    /// The slot of the swap device.
    Slot,
    /// Paging structures that were made for it.
    Tables,
    /// The number of the mapping: the first that the process has made is 1.
    Mapping,
    /// The process id.
    Pid,
    /// CR3.
    Cr3,
    /// Instructions since the page's last fault.
    Age,
    /// The physical address of a paging entry.
    Entry,
    /// Instructions before a store to it.
    StoredAt,
    /// A line of the kernel layer's source.
    Line,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Address,
        Self::ErrorCode,
        Self::Rip,
        Self::FrameBefore,
        Self::Frame,
        Self::Slot,
        Self::Tables,
        Self::Mapping,
        Self::Pid,
        Self::Cr3,
        Self::Age,
        Self::Entry,
        Self::StoredAt,
        Self::Line,
    ];

    /// Its name in a note.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "la",
            Self::ErrorCode => "code",
            Self::Rip => "rip",
            Self::FrameBefore => "frame-before",
            Self::Frame => "frame",
            Self::Slot => "slot",
            Self::Tables => "tables",
            Self::Mapping => "mapping",
            Self::Pid => "pid",
            Self::Cr3 => "cr3",
            Self::Age => "age",
            Self::Entry => "entry",
            Self::StoredAt => "stored-at",
            Self::Line => "line",
        }
    }

    /// True for those that are written in hexadecimal.
    #[must_use]
    pub const fn is_address(self) -> bool {
        matches!(
            self,
            Self::Address | Self::ErrorCode | Self::Rip | Self::FrameBefore | Self::Frame | Self::Cr3 | Self::Entry
        )
    }
}

/// A page, relative to its mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spot {
    /// The mapping.
    pub region: RegionNo,
    /// Bytes from its base to the page; of a stack, to its end.
    pub offset: i64,
}

/// The entry that maps a page, as it was and as it is; its level is 3 for a PTE, 2 for a PDE, 1 for a PDPTE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Before, and of which level.
    pub before: (u8, Pte),
    /// Behind, and of which level.
    pub after: (u8, Pte),
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Instructions retired before it.
    pub instructions: u64,
    /// Virtual time in nanoseconds.
    pub ns: u64,
    /// The process.
    pub process: ProcessNo,
    /// What happened.
    pub what: What,
    /// The page, or the first one of a range.
    pub spot: Option<Spot>,
    /// How many pages; 1 for a page.
    pub pages: u64,
    /// What came of it.
    pub outcome: NameNo,
    /// The entry that maps the page: level and value before, level and value behind.
    pub leaf: Option<(u8, u64, u8, u64)>,
    /// The code.
    pub place: PlaceNo,
    /// What else is known.
    pub facts: Vec<(Fact, u64)>,
}

impl Record {
    /// What is known, if it is.
    #[must_use]
    pub fn fact(&self, fact: Fact) -> Option<u64> {
        self.facts.iter().find(|(name, _)| *name == fact).map(|(_, value)| *value)
    }

    /// The entry that maps the page.
    #[must_use]
    pub fn leaf(&self) -> Option<Leaf> {
        self.leaf.map(|(from, before, to, after)| Leaf { before: (from, Pte(before)), after: (to, Pte(after)) })
    }
}
