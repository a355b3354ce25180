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
    /// Walks of the processor.
    Walk,
    /// The accessed and dirty flags that these set.
    AccessedDirty,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Fault,
        Self::Map,
        Self::Process,
        Self::PageOut,
        Self::Swap,
        Self::Tlb,
        Self::Stale,
        Self::Walk,
        Self::AccessedDirty,
    ];

    /// True for what the processor does by itself, which is told on a machine that models its TLBs.
    #[must_use]
    pub const fn is_of_hardware(self) -> bool {
        matches!(self, Self::Walk | Self::AccessedDirty)
    }

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
            Self::Walk => "walk",
            Self::AccessedDirty => "accessed-dirty",
        }
    }

    /// What the kernel layer has to tell of for a recording of these kinds: always of mappings, by which addresses are named.
    #[must_use]
    pub fn wanted(kinds: &[Self]) -> Kinds {
        let of = |kind: &Self| match kind {
            Self::PageOut => Kinds::PAGE_OUT,
            Self::Swap => Kinds::SWAP,
            Self::Tlb => Kinds::TLB,
            Self::Fault | Self::Map | Self::Process | Self::Stale | Self::Walk | Self::AccessedDirty => Kinds::empty(),
        };
        kinds.iter().map(of).fold(Kinds::ENTRIES | Kinds::MAPPINGS, |all, kind| all | kind)
    }
}
