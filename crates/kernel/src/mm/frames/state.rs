//! What is said of a frame in use: to whom it belongs, whether it is dirty, who else may have it.
//!
//! Invariant: nothing here changes a count; the words of a descriptor are set by whoever knows them, and go with the last
//! reference.

use super::{Exclusive, FrameTable, FrameUse, Huge, LazyFree, OnLru, Owner};
use arch::Pfn;

impl FrameTable {
    /// Marks an anonymous frame as the only owner's again (`SetPageAnonExclusive`).
    pub fn set_anon_exclusive(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.usage == FrameUse::Anon && frame.maps == 1, "{pfn} has no single owner: {frame:?}");
        frame.anon_exclusive = true;
    }

    /// The same where it is known that it never was shared, or that it is (`pte_swp_exclusive`).
    pub(in crate::mm) fn restore_anon_exclusive(&mut self, pfn: Pfn, exclusive: Exclusive) {
        self.at(pfn).anon_exclusive = exclusive == Exclusive::Yes;
    }

    /// True for the frames of the pools of large pages.
    pub(in crate::mm) fn is_hugetlb(&self, pfn: Pfn) -> bool {
        self.get(pfn).usage == FrameUse::Hugetlb
    }

    /// True for the frames that hold zeros for all, and are not counted.
    pub(in crate::mm) fn is_zero_page(&self, pfn: Pfn) -> bool {
        self.get(pfn).usage == FrameUse::Reserved
    }

    /// Tells whether a frame is part of a page of 2 MiB.
    pub(in crate::mm) fn set_huge(&mut self, pfn: Pfn, huge: Huge) {
        self.at(pfn).huge = huge;
    }

    /// Says what a frame belongs to.
    pub(crate) fn set_owner(&mut self, pfn: Pfn, owner: Owner) {
        self.at(pfn).owner = owner;
    }

    /// The frame holds something that its file or slot does not.
    pub(crate) fn set_dirty(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        (frame.dirty, frame.unsynced) = (true, true);
    }

    /// The file or slot has it too.
    pub(crate) fn clear_dirty(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        (frame.dirty, frame.unsynced) = (false, false);
    }

    /// The file was synchronised.
    pub(crate) fn set_synced(&mut self, pfn: Pfn) {
        self.at(pfn).unsynced = false;
    }

    /// Tells whether the contents of an anonymous frame may go.
    pub(in crate::mm) fn set_lazyfree(&mut self, pfn: Pfn, lazyfree: LazyFree) {
        self.at(pfn).lazyfree = lazyfree == LazyFree::Yes;
    }

    /// Tells where reclaim has a frame.
    pub(in crate::mm) fn set_lru(&mut self, pfn: Pfn, lru: OnLru) {
        self.at(pfn).lru = lru;
    }
}
