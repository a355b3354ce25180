//! Why a cycle was spent.

use crate::memory::Supplier;
use arch::{Level, Service};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What causes amount to, where reports add them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// The instruction itself.
    Execution,
    /// The core could not go on, for a reason of its own.
    Stall,
    /// Its bytes.
    Fetch,
    /// Its data.
    Data,
    /// A miss of the first-level TLB that the second level served: one each.
    SecondLevelHit,
    /// The beginning of a walk: one each.
    WalkStart,
    /// The rest of a walk.
    Walk,
    /// Translation otherwise.
    Translation,
    /// The kernel layer, and the way there.
    Kernel,
}

impl CauseKind {
    /// True if a processor with perfect translation would not have spent it.
    #[must_use]
    pub const fn is_translation(self) -> bool {
        match self {
            Self::SecondLevelHit | Self::WalkStart | Self::Walk | Self::Translation => true,
            Self::Execution | Self::Stall | Self::Fetch | Self::Data | Self::Kernel => false,
        }
    }

    /// True for the parts of a walk.
    #[must_use]
    pub const fn is_walk(self) -> bool {
        matches!(self, Self::WalkStart | Self::Walk)
    }
}

/// A reason to charge a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The instruction itself.
    Execution,
    /// The core had gone the wrong way at a branch.
    Misprediction,
    /// Stores that have retired were still on their way to the first level, and there was no room for one more.
    StoreQueue,
    /// The instruction's bytes came from beyond the first level.
    Fetch(Supplier),
    /// The data.
    Data(Supplier),
    /// The second-level TLB had the translation.
    SecondLevelHit,
    /// The paging-structure caches were asked.
    TableLookUp,
    /// A walk began.
    WalkStart,
    /// A walk loaded an entry of this level.
    WalkStep(Level, Supplier),
    /// A walk set A or D.
    AccessedDirty,
    /// All walkers were busy.
    WalkQueue,
    /// The walk of an earlier access to the page was not done yet.
    WalkMerged,
    /// The access crossed a page.
    PageCrossing,
    /// Translations were dropped.
    Invalidation,
    /// The processor entered the kernel for a page fault, and came back.
    Exception,
    /// What the kernel layer did.
    Service(Service),
}

impl Cause {
    /// What it is a part of.
    #[must_use]
    pub const fn kind(self) -> CauseKind {
        match self {
            Self::Execution => CauseKind::Execution,
            Self::Misprediction | Self::StoreQueue => CauseKind::Stall,
            Self::Fetch(_) => CauseKind::Fetch,
            Self::Data(_) => CauseKind::Data,
            Self::SecondLevelHit => CauseKind::SecondLevelHit,
            Self::WalkStart => CauseKind::WalkStart,
            Self::TableLookUp | Self::WalkStep(..) | Self::AccessedDirty | Self::WalkQueue | Self::WalkMerged => {
                CauseKind::Walk
            }
            Self::PageCrossing | Self::Invalidation => CauseKind::Translation,
            Self::Exception | Self::Service(_) => CauseKind::Kernel,
        }
    }

    /// True if a processor with perfect translation would not have spent it.
    #[must_use]
    pub const fn is_translation(self) -> bool {
        self.kind().is_translation()
    }

    /// True if the processor did nothing but wait for a device.
    #[must_use]
    pub const fn is_device(self) -> bool {
        matches!(self, Self::Service(service) if service.is_device())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execution => f.write_str("execution"),
            Self::Misprediction => f.write_str("misprediction"),
            Self::StoreQueue => f.write_str("store-queue"),
            Self::Fetch(supplier) => write!(f, "fetch.{}", supplier.name()),
            Self::Data(supplier) => write!(f, "data.{}", supplier.name()),
            Self::SecondLevelHit => f.write_str("stlb-hit"),
            Self::TableLookUp => f.write_str("table-look-up"),
            Self::WalkStart => f.write_str("walk.start"),
            Self::WalkStep(level, supplier) => write!(f, "walk.{}.{}", entry(*level), supplier.name()),
            Self::AccessedDirty => f.write_str("accessed-dirty"),
            Self::WalkQueue => f.write_str("walk.queue"),
            Self::WalkMerged => f.write_str("walk.merged"),
            Self::PageCrossing => f.write_str("page-crossing"),
            Self::Invalidation => f.write_str("invalidation"),
            Self::Exception => f.write_str("exception"),
            Self::Service(service) => write!(f, "kernel.{}", service.key()),
        }
    }
}

const fn entry(level: Level) -> &'static str {
    match level {
        Level::Pml5 => "pml5e",
        Level::Pml4 => "pml4e",
        Level::Pdpt => "pdpte",
        Level::Pd => "pde",
        Level::Pt => "pte",
    }
}
