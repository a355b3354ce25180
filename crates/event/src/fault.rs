//! Page faults: what happened, and what it came to.

use crate::{Mapping, Pid};
use arch::{LinearAddr, PageFault, Pfn, Pte, SpaceId};

/// What came of a page fault (Linux's `handle_mm_fault` and below).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// `do_anonymous_page` on a read: the shared zero page was mapped.
    ZeroPage,
    /// `do_anonymous_page` on a write: a zeroed frame was mapped.
    DemandZero,
    /// `do_huge_pmd_anonymous_page` on a write: a zeroed page of 2 MiB was mapped; or one of a pool (`hugetlb_no_page`).
    DemandZeroHuge,
    /// `filemap_fault`: the page was in the page cache.
    FileCached,
    /// `filemap_fault`: the page had to be read from the file (a major fault).
    FileRead,
    /// `do_swap_page`: the page was read from the swap device (a major fault).
    SwappedIn,
    /// `do_swap_page`: the page was on the swap device, and in memory for another process or by readahead.
    SwapCached,
    /// `do_wp_page`, or a write to a private file page: the frame was copied.
    CopiedOnWrite,
    /// `do_wp_page`: the frame had no other user and was made writable.
    ReusedOnWrite,
    /// The entry already allowed the access: the fault came from a stale translation or was resolved meanwhile.
    Spurious,
    /// SIGSEGV with SEGV_MAPERR: no mapping there.
    SegvMapErr,
    /// SIGSEGV with SEGV_ACCERR: the mapping forbids the access.
    SegvAccErr,
    /// SIGBUS with BUS_ADRERR: beyond the end of the mapped file.
    Bus,
    /// No frame was left.
    OutOfMemory,
}

impl Resolution {
    /// Every kind, in the order in which they are reported.
    pub const ALL: [Self; 14] = [
        Self::ZeroPage,
        Self::DemandZero,
        Self::DemandZeroHuge,
        Self::FileCached,
        Self::FileRead,
        Self::SwappedIn,
        Self::SwapCached,
        Self::CopiedOnWrite,
        Self::ReusedOnWrite,
        Self::Spurious,
        Self::SegvMapErr,
        Self::SegvAccErr,
        Self::Bus,
        Self::OutOfMemory,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZeroPage => "zero-page",
            Self::DemandZero => "demand-zero",
            Self::DemandZeroHuge => "demand-zero-huge",
            Self::FileCached => "file-cached",
            Self::FileRead => "file-read",
            Self::SwappedIn => "swapped-in",
            Self::SwapCached => "swap-cached",
            Self::CopiedOnWrite => "copied-on-write",
            Self::ReusedOnWrite => "reused-on-write",
            Self::Spurious => "spurious",
            Self::SegvMapErr => "sigsegv-maperr",
            Self::SegvAccErr => "sigsegv-accerr",
            Self::Bus => "sigbus",
            Self::OutOfMemory => "out-of-memory",
        }
    }
}

/// A page fault and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEvent {
    /// The process that faulted.
    pub pid: Pid,
    /// Its address space.
    pub space: SpaceId,
    /// The faulting instruction; 0 if the kernel layer made the access on the process's behalf.
    pub rip: LinearAddr,
    /// CR2 and the error code.
    pub fault: PageFault,
    /// What came of it.
    pub resolution: Resolution,
    /// True if the fault made the stack's mapping grow.
    pub stack_grew: bool,
    /// The frame that the entry maps afterwards.
    pub frame: Option<Pfn>,
    /// The mapping that holds the address, after the stack grew.
    pub mapping: Option<Mapping>,
    /// The entries on the way to the page, if [`Kinds::ENTRIES`](crate::Kinds::ENTRIES) are wanted.
    pub entries: Option<EntryChanges>,
    /// The slot of the swap device that held the page.
    pub slot: Option<SwapSlot>,
}

/// A page's place on the swap device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapSlot(pub u32);

/// The entries that lead to a page: PML4E, PDPTE, PDE, PTE. Behind one that is not present, or maps a large page, they are 0.
pub type Path = [Pte; 4];

/// What a fault made of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryChanges {
    /// As they were.
    pub before: Path,
    /// As they are.
    pub after: Path,
}
