//! munmap: taking mappings and their pages out (Linux's `do_vmi_munmap`, `zap_page_range`, `free_pgtables`).

use super::layout::{self, MAX_MAP_COUNT, TASK_SIZE_MAX};
use super::vma::Vma;
use super::{Mm, MmCx, ZERO_PAGE, pte};
use crate::Errno;
use arch::{LinearAddr, Pfn, Pte};

/// The end of the lower half of the address space, where the user's page tables end.
const USER_PGTABLES_CEILING: LinearAddr = LinearAddr(1 << 47);

impl Mm {
    /// Unmaps every page that `addr..addr+len` touches; that nothing is mapped there is no error.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page, a length of 0, a range beyond user space; `ENOMEM` if a mapping would be cut
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
        if cut_in_two && self.vmas.len() >= MAX_MAP_COUNT {
            return Err(Errno::ENOMEM);
        }
        self.unmap_region(cx, start, end);
        Ok(())
    }

    /// Takes out all mappings within `start..end`, their pages, and the tables that served them alone.
    pub(super) fn unmap_region(&mut self, cx: &mut MmCx<'_, '_>, start: LinearAddr, end: LinearAddr) {
        self.split_vma_uncounted(cx, start);
        self.split_vma_uncounted(cx, end);
        let mut freed: Option<(LinearAddr, LinearAddr)> = None;
        while let Some(vma) = self.vmas.intersection(start, end).copied() {
            self.vmas.remove(vma.start);
            self.zap_page_range(cx, &vma, (vma.start, vma.end));
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

    /// Takes the pages of a part of a mapping out of the page table; the mapping stays.
    pub(super) fn zap_page_range(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, (start, end): (LinearAddr, LinearAddr)) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            cx.write_back_if_dirty(vma, entry);
            let shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            cx.flush(shootdown);
            self.put_page(cx, pte::pfn(entry.pte));
        }
    }

    /// One entry fewer maps a frame. The zero page is not counted.
    pub(super) fn put_page(&mut self, cx: &mut MmCx<'_, '_>, pfn: Pfn) {
        if pfn != ZERO_PAGE {
            cx.frames.unmap(pfn);
            self.resident -= 1;
        }
    }
}
