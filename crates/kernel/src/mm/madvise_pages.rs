//! The advice that does something to pages that are there (Linux's `madvise_free_single_vma`, `madvise_cold`,
//! `madvise_pageout`, `madvise_remove`, `madvise_willneed`).
//!
//! Large pages are split first, so that the advice holds for the bytes that it names.
//! Pages that others map too are left alone, as one process's advice is not the others'.

use super::frames::FrameUse;
use super::pgtable::Entry;
use super::pte::{self, PteState};
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, RssKind, ZERO_PAGE, reclaim};
use crate::Errno;
use arch::{FRAME_SHIFT, LinearAddr, Pte};

/// A part of a mapping.
type Range = (LinearAddr, LinearAddr);

impl Mm {
    /// Gives pages of anonymous memory up: their contents may go as long as nobody writes to them (`MADV_FREE`).
    pub(super) fn madvise_free(&mut self, cx: &mut MmCx<'_, '_>, range: Range) {
        self.free_swapped(cx, range);
        self.each_own_page(cx, range, |mm, cx, entry| {
            let pfn = pte::pfn(entry.pte);
            if cx.frames.get(pfn).usage == FrameUse::Anon {
                let shootdown = mm.table.set_pte(cx.hw.mem, entry, pte::mark_lazyfree(entry.pte));
                cx.flush(shootdown);
                cx.take_out_of_swap_cache(pfn);
                cx.frames.mark_lazyfree(pfn);
            }
        });
    }

    /// What is on the swap device alone goes at once.
    fn free_swapped(&mut self, cx: &mut MmCx<'_, '_>, (start, end): Range) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if let PteState::Swap(swapped) = pte::state(entry.pte) {
                let shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
                cx.flush(shootdown);
                self.rss.dec(RssKind::Swap);
                cx.free_swap(swapped);
            }
        }
    }

    /// Says that pages will not be needed soon: they are as if they had not been used (`MADV_COLD`).
    pub(super) fn madvise_cold(&mut self, cx: &mut MmCx<'_, '_>, range: Range) {
        self.each_own_page(cx, range, |mm, cx, entry| {
            let mut old = entry.pte;
            old.set_accessed(false);
            if old != entry.pte {
                let shootdown = mm.table.set_pte(cx.hw.mem, entry, old);
                cx.flush(shootdown);
            }
            cx.frames.deactivate(pte::pfn(entry.pte));
        });
    }

    /// Takes pages out of memory, as far as reclaim can (`MADV_PAGEOUT`).
    pub(super) fn reclaim_range(&mut self, cx: &mut MmCx<'_, '_>, range: Range) {
        let mut pages = Vec::new();
        self.each_own_page(cx, range, |_, _, entry| pages.push(pte::pfn(entry.pte)));
        let (mut fs, vfs) = cx.fs();
        reclaim::reclaim_pages(&mut fs, vfs, &pages);
    }

    /// Reads the pages of a file that is mapped into the page cache, or of memory from the swap device (`MADV_WILLNEED`); as it
    /// is a hint, no error.
    pub(super) fn madvise_willneed(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, (start, end): Range) {
        let Backing::File { inode, offset } = vma.backing_at(start) else {
            return self.swapin_walk(cx, (start, end));
        };
        let (first, count) = (offset >> FRAME_SHIFT, (end.0 - start.0) >> FRAME_SHIFT);
        let (mut fs, vfs) = cx.fs();
        let only_swapped = vfs.is_shmem(inode); // it has no file to be read from
        let swapped = if only_swapped { vfs.swapped_pages(inode, first..first + count) } else { Vec::new() };
        let read = |index| vfs.page(&mut fs, inode, index).map(|_| ());
        let _read = match only_swapped {
            true => swapped.into_iter().try_for_each(read),
            false => (first..first + count).try_for_each(read),
        };
    }

    /// Reads what is only on the swap device into the swap cache, as long as memory is plenty.
    fn swapin_walk(&self, cx: &mut MmCx<'_, '_>, (start, end): Range) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if let PteState::Swap(swapped) = pte::state(entry.pte)
                && cx.frames.swap.table.swap_cache(swapped).is_none()
                && !cx.read_ahead_of_swap(swapped)
            {
                return;
            }
        }
    }

    /// Makes a hole in the file that is mapped (`MADV_REMOVE`).
    pub(super) fn madvise_remove(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): Range,
    ) -> Result<(), Errno> {
        let Backing::File { inode, offset } = vma.backing_at(start) else { return Err(Errno::EINVAL) };
        if !vma.is_hugetlb() {
            self.zap_page_range(cx, vma, (start, end));
        }
        let (mut fs, vfs) = cx.fs();
        vfs.punch_hole(&mut fs, inode, offset, end.0 - start.0)
    }

    /// Visits the pages of a range that no other entry maps.
    fn each_own_page(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): Range,
        mut visit: impl FnMut(&Self, &mut MmCx<'_, '_>, Entry),
    ) {
        self.split_huge_range(cx, (start, end));
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            let mapped = pte::state(entry.pte) == PteState::Present && pte::pfn(entry.pte) != ZERO_PAGE;
            if mapped && cx.frames.get(pte::pfn(entry.pte)).maps == 1 {
                visit(self, cx, entry);
            }
        }
    }
}
