//! One mapping: a range of pages with the same rights and the same backing (Linux's `vm_area_struct`).

use super::anon_vma::{self, AnonVma};
use super::flags::{Prot, VmFlags};
use super::layout::STACK_GUARD_GAP;
use crate::fs::InodeId;
use arch::{FRAME_SHIFT, LinearAddr, PageSize};

/// What fills the pages of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// Zeros.
    Anonymous,
    /// A file. Each mapping holds one reference to the inode.
    File {
        /// The file.
        inode: InodeId,
        /// Where in the file the mapping starts, in bytes; whole pages.
        offset: u64,
    },
}

/// A mapping. Not empty; both ends at page borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vma {
    /// The first address.
    pub start: LinearAddr,
    /// The first address beyond.
    pub end: LinearAddr,
    /// Rights and properties.
    pub flags: VmFlags,
    /// What fills its pages.
    pub backing: Backing,
    /// Set once a page of it was anonymous: such a mapping has pages that only fork can give to a child.
    pub(super) anon_vma: Option<AnonVma>,
    /// How far above the place of their first use its anonymous pages lie, if mremap has moved them: what Linux keeps as
    /// `vm_pgoff` of anonymous memory.
    pub(super) moved_by: u64,
}

/// What a mapping is for, as `/proc/<pid>/maps` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmaName {
    /// Part of the brk area.
    Heap,
    /// The initial stack.
    Stack,
    /// A file.
    File(InodeId),
    /// Anonymous memory of no special kind.
    Anonymous,
}

impl Vma {
    /// A mapping without a page.
    pub(super) const fn new(start: LinearAddr, end: LinearAddr, flags: VmFlags, backing: Backing) -> Self {
        Self { start, end, flags, backing, anon_vma: None, moved_by: 0 }
    }

    /// Its length in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a mapping is never empty")]
    pub const fn len(&self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Its length in pages.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.len() >> FRAME_SHIFT
    }

    /// True if `la` lies in it.
    #[must_use]
    pub fn contains(&self, la: LinearAddr) -> bool {
        self.start <= la && la < self.end
    }

    /// The size of its pages (`vma_kernel_pagesize`): more than 4 KiB only with `HUGETLB`.
    #[must_use]
    pub const fn page_size(&self) -> PageSize {
        if self.flags.contains(VmFlags::HUGETLB_1G) {
            PageSize::Size1G
        } else if self.flags.contains(VmFlags::HUGETLB) {
            PageSize::Size2M
        } else {
            PageSize::Size4K
        }
    }

    /// True if its pages come from a pool of large ones (`is_vm_hugetlb_page`).
    #[must_use]
    pub const fn is_hugetlb(&self) -> bool {
        self.flags.contains(VmFlags::HUGETLB)
    }

    /// True if a border between its pages is at `la`.
    pub(super) fn can_split_at(&self, la: LinearAddr) -> bool {
        !self.contains(la) || la.0 & self.page_size().offset_mask() == 0
    }

    /// Its rights.
    #[must_use]
    pub const fn prot(&self) -> Prot {
        self.flags.prot()
    }

    /// True if it was made with `MAP_SHARED`.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.flags.contains(VmFlags::MAYSHARE)
    }

    /// The inode it maps.
    #[must_use]
    pub const fn inode(&self) -> Option<InodeId> {
        match self.backing {
            Backing::File { inode, .. } => Some(inode),
            Backing::Anonymous => None,
        }
    }

    /// The inode it maps, and where in it the mapping starts.
    pub(crate) const fn file(&self) -> Option<(InodeId, u64)> {
        match self.backing {
            Backing::File { inode, offset } => Some((inode, offset)),
            Backing::Anonymous => None,
        }
    }

    /// The backing of the part that starts at `la`.
    pub(crate) const fn backing_at(&self, la: LinearAddr) -> Backing {
        match self.backing {
            Backing::File { inode, offset } => Backing::File { inode, offset: offset + (la.0 - self.start.0) },
            Backing::Anonymous => Backing::Anonymous,
        }
    }

    /// The first address that must stay free below it, guard gap included (`vm_start_gap`).
    pub(super) const fn start_gap(&self) -> LinearAddr {
        if self.flags.contains(VmFlags::GROWSDOWN) {
            LinearAddr(self.start.0.saturating_sub(STACK_GUARD_GAP))
        } else {
            self.start
        }
    }

    /// True if `next` continues this mapping, so that they are one (`can_vma_merge_after`).
    pub(super) fn continues_in(&self, next: &Self) -> bool {
        let alone = self.flags.contains(VmFlags::DONTEXPAND);
        let alike = self.flags == next.flags && anon_vma::are_mergeable(self.anon_vma, next.anon_vma);
        !alone && alike && self.pages_continue_in(next)
    }

    /// True if `next` is right above and its pages are the next ones of the same backing.
    pub(super) fn pages_continue_in(&self, next: &Self) -> bool {
        let backing = self.backing_at(self.end) == next.backing && self.moved_by == next.moved_by;
        self.end == next.start && backing
    }
}
