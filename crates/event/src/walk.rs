//! Page walks of the processor, and the flags that they set.

use arch::{AccessKind, Level, LinearAddr, PageSize, Pfn, PhysAddr, Pte, SpaceId};

/// The processor has walked the paging structures for an access of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkEvent {
    /// In which address space.
    pub space: SpaceId,
    /// The instruction.
    pub rip: LinearAddr,
    /// What it accesses.
    pub la: LinearAddr,
    /// How.
    pub access: AccessKind,
    /// How many entries were read; those above were cached.
    pub loads: u32,
    /// The last of them: of which level it is.
    pub level: Level,
    /// Where it is.
    pub entry: PhysAddr,
    /// What it held.
    pub before: Pte,
    /// What it holds, as the walk may have set A and D.
    pub after: Pte,
    /// The page's size and the frame, if the walk has led there; none for a fault.
    pub page: Option<(PageSize, Pfn)>,
}

/// A walk has set A or D in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkEvent {
    /// In which address space.
    pub space: SpaceId,
    /// The instruction.
    pub rip: LinearAddr,
    /// What it accesses.
    pub la: LinearAddr,
    /// How.
    pub access: AccessKind,
    /// Of which level the entry is.
    pub level: Level,
    /// Where it is.
    pub entry: PhysAddr,
    /// What it held.
    pub before: Pte,
    /// What it holds.
    pub after: Pte,
}
