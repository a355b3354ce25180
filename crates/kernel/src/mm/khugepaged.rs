//! Making large pages of small ones: `MADV_COLLAPSE`, and what the daemon does of itself (Linux's `khugepaged.c`).
//!
//! The pages of an aligned 2 MiB are copied into a free block, those that are not there become zeros, and a PDE takes the place
//! of the page table, which waits for the next split.

use super::buddy::{Gfp, Order};
use super::frames::{Contents, FrameUse};
use super::huge_memory::{HPAGE_PMD_NR, pmd_ranges};
use super::pgtable::Entry;
use super::pte::{self, PteState};
use super::vma::Vma;
use super::{Mm, MmCx};
use crate::Errno;
use arch::Service;
use arch::{AccessKind, FRAME_SIZE, LinearAddr, PageSize, Pfn, Pte};
use paging::Shootdown;

/// What the daemon's look at some memory came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looked {
    /// Aligned 2 MiB that it has looked at.
    pub(crate) ranges: usize,
    /// Where to go on; `None` at the end.
    pub(crate) next: Option<LinearAddr>,
    /// Whether there was no block for a large page.
    pub(crate) lacked_block: bool,
}

/// What a look at 2 MiB came to (`enum scan_result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    /// They are a large page now.
    Succeed,
    /// They were one already.
    PmdMapped,
    /// No page of them is there, nor was.
    PmdNull,
    /// A page is in use by the kernel layer, or does not come.
    Busy,
    /// There is no block.
    AllocFailed,
}

impl Scan {
    /// What `MADV_COLLAPSE` says (`madvise_collapse_errno`).
    const fn outcome(self) -> Result<(), Errno> {
        match self {
            Self::Succeed | Self::PmdMapped => Ok(()),
            Self::AllocFailed => Err(Errno::ENOMEM),
            Self::Busy => Err(Errno::EAGAIN),
            Self::PmdNull => Err(Errno::EINVAL),
        }
    }
}

impl Mm {
    /// Makes large pages of what lies within a range, whatever the mode (`madvise_collapse`).
    ///
    /// # Errors
    /// `EINVAL` for a mapping that can have none, or where there are no pages; `ENOMEM` without a block; `EAGAIN` if a page is
    /// in use. As much as can be done is.
    pub(super) fn madvise_collapse(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
    ) -> Result<(), Errno> {
        if !self.thp_possible(cx.frames, vma) {
            return Err(Errno::EINVAL);
        }
        // Linux counts what lies whole within the range, and comes to less than nothing within one page.
        let within_one = start.0.next_multiple_of(PageSize::Size2M.bytes()) > end.0 & !PageSize::Size2M.offset_mask();
        let mut outcome = if within_one { Err(Errno::EINVAL) } else { Ok(()) };
        for base in pmd_ranges(start, end) {
            if let Err(error) = self.collapse(cx, vma, base).outcome() {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Looks at up to `ranges` aligned 2 MiB from `from` on, and makes large pages where that is worth it
    /// (`khugepaged_scan_mm_slot`).
    pub(crate) fn khugepaged_scan(&mut self, cx: &mut MmCx<'_, '_>, from: LinearAddr, ranges: usize) -> Looked {
        let allowed = self.vmas.iter().filter(|vma| vma.end > from && self.thp_allowed(cx.frames, vma));
        let places = allowed.flat_map(|vma| pmd_ranges(vma.start.max(from), vma.end).map(|base| (*vma, base)));
        let places: Vec<(Vma, LinearAddr)> = places.take(ranges).collect();
        let mut lacked_block = false;
        for (vma, base) in &places {
            if self.is_worth_it(cx, *base) {
                let outcome = self.collapse(cx, vma, *base);
                cx.frames.thp.settings.pages_collapsed += u64::from(outcome == Scan::Succeed);
                lacked_block |= outcome == Scan::AllocFailed;
            }
        }
        let next = places.last().map(|(_, base)| base.wrapping_add(PageSize::Size2M.bytes()));
        Looked { ranges: places.len(), next: next.filter(|_| places.len() == ranges), lacked_block }
    }

    /// Something of them was used of late, and most of it is here and nobody else's (`hpage_collapse_scan_pmd`).
    fn is_worth_it(&self, cx: &MmCx<'_, '_>, base: LinearAddr) -> bool {
        let (mut used, mut swapped, mut shared) = (false, 0, 0);
        let entries = self.small_entries(cx, base);
        let mut none = HPAGE_PMD_NR - entries.len() as u64;
        for entry in entries {
            match pte::state(entry.pte) {
                PteState::Swap(_) => swapped += 1,
                PteState::Present => {
                    used |= entry.pte.accessed();
                    let pfn = pte::pfn(entry.pte);
                    none += u64::from(cx.frames.is_zero_page(pfn));
                    shared += u64::from(cx.frames.get(pfn).maps > 1);
                }
                _ => return false,
            }
        }
        let most = &cx.frames.thp.settings;
        used && none <= most.max_ptes_none && swapped <= most.max_ptes_swap && shared <= most.max_ptes_shared
    }

    /// The entries of 2 MiB that are not empty.
    fn small_entries(&self, cx: &MmCx<'_, '_>, base: LinearAddr) -> Vec<Entry> {
        let mut entries = self.table.entries(base, base.wrapping_add(PageSize::Size2M.bytes()));
        std::iter::from_fn(|| entries.next(cx.hw.mem)).filter(|entry| !entry.is_huge()).collect()
    }

    fn collapse(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, base: LinearAddr) -> Scan {
        match self.table.entry(cx.hw.mem, base) {
            None => return Scan::PmdNull,
            Some(entry) if entry.is_huge() => return Scan::PmdMapped,
            Some(_) => {}
        }
        if !self.swap_in_all(cx, base) {
            return Scan::Busy;
        }
        let entries = self.small_entries(cx, base);
        if entries.iter().any(|entry| !can_be_copied(cx, entry)) {
            return Scan::Busy;
        }
        let block = cx.frames.alloc_order(FrameUse::Anon, Order::PMD, Gfp::Kernel);
        let Some((head, contents)) = block else { return Scan::AllocFailed };
        cx.frames.stat.thp_collapse_alloc += 1;
        copy_pages(cx, base, &entries, (head, contents));
        for entry in entries {
            let shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            cx.flush(shootdown);
            cx.put_page(entry);
        }
        let (slot, table) = self.table.take_out_table(cx.hw.mem, base);
        cx.frames.pgtable_deposit(slot, table);
        cx.flush(Shootdown::page(base));
        let entry = Entry { la: base, slot, pte: Pte(0), size: PageSize::Size2M };
        self.map_huge(cx, vma, entry, head);
        Scan::Succeed
    }

    /// Brings in what is on the swap device. With too little memory for all of it, what came first may have gone again.
    fn swap_in_all(&mut self, cx: &mut MmCx<'_, '_>, base: LinearAddr) -> bool {
        let is_swapped = |entry: &Entry| matches!(pte::state(entry.pte), PteState::Swap(_));
        for entry in self.small_entries(cx, base).into_iter().filter(is_swapped) {
            let page = (entry.la, entry.la.wrapping_add(FRAME_SIZE));
            if self.populate(cx, page, AccessKind::Read).is_err() {
                return false;
            }
        }
        !self.small_entries(cx, base).iter().any(is_swapped)
    }
}

/// True for a page that nobody works on.
fn can_be_copied(cx: &MmCx<'_, '_>, entry: &Entry) -> bool {
    let pfn = pte::pfn(entry.pte);
    let is_zero = cx.frames.is_zero_page(pfn);
    pte::state(entry.pte) == PteState::Present && (is_zero || cx.frames.get(pfn).pins() == 0)
}

/// Fills a block with what the entries map, and zeros (`__collapse_huge_page_copy`).
fn copy_pages(cx: &mut MmCx<'_, '_>, base: LinearAddr, entries: &[Entry], (head, contents): (Pfn, Contents)) {
    let mut sources = entries.iter().peekable();
    for index in 0..HPAGE_PMD_NR {
        let (la, to) = (base.wrapping_add(index * FRAME_SIZE), Pfn(head.0 + index));
        match sources.next_if(|entry| entry.la == la) {
            Some(entry) => {
                cx.hw.mem.copy_frame(pte::pfn(entry.pte), to);
                cx.frames.meter.charge(Service::CopyPage);
            }
            None => {
                cx.frames.meter.charge(Service::ZeroPage);
                if contents == Contents::Stale {
                    cx.hw.mem.zero_frame(to);
                }
            }
        }
    }
}
