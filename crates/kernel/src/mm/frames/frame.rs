//! The descriptor of one page frame (Linux's `struct page`): what it is used for, who counts on it, and in what state it is.
//!
//! Invariant: `refs` counts every reference and `maps` those of entries, so `maps` is never the larger; a frame whose `refs` is 0
//! is as [`Frame::default`] makes it.

use crate::fs::InodeId;
use crate::mm::rss::{RssId, RssKind};
use crate::mm::swap::SwapEntry;
use arch::{Level, LinearAddr};

/// What a frame is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameUse {
    /// Nothing: it is free.
    #[default]
    Free,
    /// Set aside at boot: the shared zero page, frame 0.
    Reserved,
    /// A paging structure.
    PageTable,
    /// Anonymous memory of a process.
    Anon,
    /// A page of a file in the page cache.
    File,
    /// A page of shared memory (shared anonymous mappings, memfd), which has no file but its cache.
    Shmem,
    /// Small objects of the kernel layer (`mm/slab.rs`).
    Slab,
    /// The contents of a pipe.
    Pipe,
    /// The kernel stack of a process.
    KernelStack,
    /// Part of a large page of a pool (`mm/hugetlb`).
    Hugetlb,
}

impl FrameUse {
    pub(super) const COUNT: usize = Self::Hugetlb as usize + 1;
}

/// The descriptor of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// What it is used for.
    pub usage: FrameUse,
    /// References from anywhere; 0 when free.
    pub refs: u32,
    /// References from entries of user page tables.
    pub maps: u32,
    /// Anonymous, and no fork has shared it since it was last known to have one owner (`PageAnonExclusive`).
    pub anon_exclusive: bool,
    /// It holds what its file, or its slot on the swap device, does not (`PG_dirty`). What entries with D=1 have written may
    /// not be told here yet.
    pub dirty: bool,
    /// It was written since its file was last synchronised, which is what `/proc/<pid>/smaps` calls dirty. In the write layer,
    /// which has no disk, a page may be synchronised and dirty.
    pub unsynced: bool,
    /// Anonymous, and its process said that its contents may go (`MADV_FREE`, a page without `PG_swapbacked`).
    pub lazyfree: bool,
    /// Whether it is part of a page of 2 MiB, see `mm/huge_memory.rs`.
    pub huge: Huge,
    /// Where reclaim has it.
    pub lru: OnLru,
    /// What it belongs to, but for the entries that map it.
    pub owner: Owner,
}

/// Whether a frame is part of a page of 2 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Huge {
    /// No entry maps it together with its neighbours.
    #[default]
    No,
    /// It is the first of a block of 512 frames that a PDE maps as one page.
    Head,
    /// It is another of such a block.
    Tail,
}

/// Where reclaim has a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLru {
    /// Nowhere: it is of no use to reclaim, or not yet.
    #[default]
    No,
    /// In the lists of the machine.
    Node,
    /// In the lists of the mapping under `--resident-limit`.
    Limited,
    /// It was found locked in memory (`PG_unevictable`).
    Unevictable,
}

/// What a frame belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nothing more than its use says.
    #[default]
    None,
    /// A table of user pages.
    Table {
        /// Whose.
        mm: RssId,
        /// Which entries it has.
        level: Level,
        /// The first address that it serves.
        base: LinearAddr,
    },
    /// A file's page cache, which holds a reference.
    File {
        /// The file.
        inode: InodeId,
        /// Which page of it.
        index: u64,
    },
    /// The swap cache, which holds a reference.
    SwapCache(SwapEntry),
}

impl Frame {
    /// References that are neither entries' nor a cache's: somebody is working on the frame.
    #[must_use]
    pub const fn pins(&self) -> u32 {
        self.refs - self.maps - matches!(self.owner, Owner::File { .. } | Owner::SwapCache(_)) as u32
    }

    /// How an entry that maps it is counted.
    #[must_use]
    pub const fn rss_kind(&self) -> RssKind {
        match self.usage {
            FrameUse::Anon => RssKind::Anon,
            FrameUse::Shmem => RssKind::Shmem,
            _ => RssKind::File,
        }
    }
}

/// Whether an anonymous page is one process's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mm) enum Exclusive {
    Yes,
    No,
}

/// Whether the contents of an anonymous page may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mm) enum LazyFree {
    Yes,
    No,
}
