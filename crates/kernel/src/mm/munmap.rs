//! munmap: taking mappings and their pages out (Linux's `do_vmi_munmap`, `zap_page_range`, `free_pgtables`).

use super::frames::{FrameUse, Owner};
use super::layout::{self, TASK_SIZE_MAX};
use super::pgtable::Entry;
use super::pte::PteState;
use super::reclaim::page_out;
use super::swap::{SlotState, SwapEntry};
use super::vma::Vma;
use super::{Mm, MmCx, RssKind, ZERO_PAGE, pte};
use crate::Errno;
use crate::fs::InodeId;
use arch::{LinearAddr, Pte};
use event::Event;

/// The end of the lower half of the address space, where the user's page tables end.
const USER_PGTABLES_CEILING: LinearAddr = LinearAddr(1 << 47);

impl Mm {
    /// Unmaps every page that `addr..addr+len` touches; that nothing is mapped there is no error.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page, a length of 0, a range beyond user space or that ends within a large page of a
    /// pool; `ENOMEM` if a mapping would be cut
    /// in two and there are too many.
    pub fn munmap(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64) -> Result<(), Errno> {
        if addr.page_offset() != 0 || addr.0 > TASK_SIZE_MAX || len > TASK_SIZE_MAX - addr.0 || len == 0 {
            return Err(Errno::EINVAL);
        }
        let len = layout::page_align_len(len).expect("it was compared with the size of user space");
        self.munmap_range(cx, addr, addr.wrapping_add(len))
    }

    /// The same for a range that is known to be good.
    pub(super) fn munmap_range(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        start: LinearAddr,
        end: LinearAddr,
    ) -> Result<(), Errno> {
        let cut_in_two = self.vmas.containing(start).is_some_and(|vma| vma.start < start && end < vma.end);
        if cut_in_two && self.vmas.len() >= cx.frames.sysctl.max_map_count {
            return Err(Errno::ENOMEM);
        }
        self.can_split_at(start)?;
        self.can_split_at(end)?;
        self.unmap_region(cx, start, end);
        self.settle_commit(cx);
        Ok(())
    }

    /// Takes out all mappings within `start..end`, their pages, and the tables that served them alone.
    pub(super) fn unmap_region(&mut self, cx: &mut MmCx<'_, '_>, start: LinearAddr, end: LinearAddr) {
        if self.vmas.intersection(start, end).is_none() {
            return;
        }
        self.peak_vm = self.peak_vm_pages();
        self.split_vma_uncounted(cx, start);
        self.split_vma_uncounted(cx, end);
        let mut freed: Option<(LinearAddr, LinearAddr)> = None;
        while let Some(vma) = self.vmas.intersection(start, end).copied() {
            if let Some(history) = &mut cx.frames.history {
                history.unmapped(self.space(), self.mapping_record(&vma, cx.vfs));
            }
            let Vma { start, end, .. } = vma;
            self.tell_of_mapping(cx.frames, |space| Event::Unmap { space, start, end });
            self.vmas.remove(start);
            self.zap_page_range(cx, &vma, (vma.start, vma.end));
            if vma.is_hugetlb() {
                self.hugetlb_close(cx, &vma);
            }
            cx.vma_put_file(&vma);
            freed = Some((freed.map_or(vma.start, |(first, _)| first), vma.end));
        }
        if let Some(range) = freed {
            self.free_pgtables(cx, range);
        }
    }

    /// Frees the tables of a range that has no mapping any more.
    fn free_pgtables(&mut self, cx: &mut MmCx<'_, '_>, (start, end): (LinearAddr, LinearAddr)) {
        let floor = self.vmas.starting_below(start).map_or(LinearAddr(0), |vma| vma.end);
        let ceiling = self.vmas.find(end).map_or(USER_PGTABLES_CEILING, |vma| vma.start);
        let shootdown = self.table.free_pgtables(cx.hw.mem, cx.frames, (start, end), (floor, ceiling));
        cx.flush(shootdown);
    }

    /// Takes all private anonymous pages of a process that is killed (`__oom_reap_task_mm`). It will not run again.
    pub(crate) fn oom_reap(&mut self, cx: &mut MmCx<'_, '_>) {
        let all: Vec<Vma> = self.vmas.iter().filter(|vma| !vma.is_shared() && !vma.is_hugetlb()).copied().collect();
        for vma in all {
            self.zap_page_range(cx, &vma, (vma.start, vma.end));
        }
    }

    /// A file has become shorter: what mappings have beyond its new length goes, private copies too
    /// (`unmap_mapping_range` with `even_cows`).
    pub(crate) fn unmap_beyond(&mut self, cx: &mut MmCx<'_, '_>, inode: InodeId, size: u64) {
        let beyond = |vma: &Vma| {
            let (of, offset) = vma.file()?;
            let first = size.next_multiple_of(vma.page_size().bytes()).saturating_sub(offset);
            (of == inode && first < vma.len()).then(|| (*vma, vma.start.wrapping_add(first)))
        };
        let ranges: Vec<(Vma, LinearAddr)> = self.vmas.iter().filter_map(beyond).collect();
        for (vma, start) in ranges {
            self.zap_page_range(cx, &vma, (start, vma.end));
        }
    }

    /// Takes the pages of a part of a mapping out of the page table; the mapping stays.
    pub(super) fn zap_page_range(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, (start, end): (LinearAddr, LinearAddr)) {
        if let Some(references) = &cx.frames.references {
            references.unmapped(self.space(), start.page_number()..end.page_number());
        }
        if vma.is_hugetlb() {
            return self.unmap_hugepage_range(cx, vma, (start, end));
        }
        self.split_huge_at(cx, start);
        self.split_huge_at(cx, end);
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            cx.write_back_if_dirty(vma, entry);
            let shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            cx.flush(shootdown);
            match pte::state(entry.pte) {
                PteState::Swap(swapped) => {
                    self.rss.dec(RssKind::Swap);
                    cx.free_swap(swapped);
                }
                _ => cx.put_page(entry),
            }
        }
    }
}

impl MmCx<'_, '_> {
    /// An entry does not map its frame any more. The zero page is not counted.
    pub(super) fn put_page(&mut self, entry: Entry) {
        if entry.is_huge() {
            return self.put_huge_page(entry);
        }
        let pfn = pte::pfn(entry.pte);
        if pfn == ZERO_PAGE {
            return;
        }
        if entry.pte.dirty() && self.frames.get(pfn).usage == FrameUse::Anon {
            self.frames.set_dirty(pfn); // others may have it, and have read it only
        }
        self.frames.unmap(pfn, entry.slot);
        // A page that others still look for on the swap device stays; one that nobody looks for goes (`free_swap_cache`).
        if let Owner::SwapCache(swapped) = self.frames.get(pfn).owner
            && self.frames.get(pfn).maps == 0
            && self.frames.swap.table.swap_count(swapped) == 0
        {
            page_out::leave_swap_cache(&mut self.fs().0, pfn, swapped, None);
        }
    }

    /// One entry less counts on a slot (`free_swap_and_cache`).
    pub(super) fn free_swap(&mut self, swapped: SwapEntry) {
        if let SlotState::CacheOnly(pfn) = self.frames.swap.table.swap_free(swapped)
            && self.frames.get(pfn).maps == 0
        {
            page_out::leave_swap_cache(&mut self.fs().0, pfn, swapped, None);
        }
    }
}
