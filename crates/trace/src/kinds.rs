//! What can be recorded.

use event::Kinds;
use serde::{Deserialize, Serialize};

/// A kind of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Page faults.
    Fault,
    /// Mappings: `mmap` and its relatives.
    Map,
    /// Processes: fork, exec, exit, signals.
    Process,
    /// Pages that are taken out of memory.
    PageOut,
    /// Pages that go to the swap device, and come from it.
    Swap,
    /// Invalidations, and loads of CR3 with the processes that they are for.
    Tlb,
    /// Translations that a processor may still hold and the tables do not give any more.
    Stale,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 7] =
        [Self::Fault, Self::Map, Self::Process, Self::PageOut, Self::Swap, Self::Tlb, Self::Stale];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Map => "map",
            Self::Process => "process",
            Self::PageOut => "page-out",
            Self::Swap => "swap",
            Self::Tlb => "tlb",
            Self::Stale => "stale",
        }
    }

    /// What the kernel layer has to tell of for a recording of these kinds: always of mappings, by which addresses are named.
    #[must_use]
    pub fn wanted(kinds: &[Self]) -> Kinds {
        let of = |kind: &Self| match kind {
            Self::PageOut => Kinds::PAGE_OUT,
            Self::Swap => Kinds::SWAP,
            Self::Tlb => Kinds::TLB,
            Self::Fault | Self::Map | Self::Process | Self::Stale => Kinds::empty(),
        };
        kinds.iter().map(of).fold(Kinds::ENTRIES | Kinds::MAPPINGS, |all, kind| all | kind)
    }
}
