//! What memory a mapping takes, page by page (Linux's `smap_gather_stats`, `smaps_account`).
//!
//! A page counts in every mapping that shows it; its share (`pss`) is its size by the number of entries that map it, in units of
//! 2^-12 bytes, so that the shares of small parts add up. The shared zero page counts nowhere.

use super::frames::{Frame, FrameTable, FrameUse, Owner};
use super::layout::TASK_SIZE_MAX;
use super::pgtable::Entry;
use super::pte::{self, PteState};
use super::vma::Vma;
use super::{Mm, MmCx, VmFlags};
use crate::fs::Vfs;
use arch::{FRAME_SHIFT, FRAME_SIZE, LinearAddr, PageSize, Pte};
use paging::PhysMem;
use std::ops::AddAssign;

/// Binary places of a share (`PSS_SHIFT`).
const PSS_SHIFT: u32 = 12;

/// A sum of shares of pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pss(u64);

impl Pss {
    fn of_page(maps: u32) -> Self {
        Self((FRAME_SIZE << PSS_SHIFT) / u64::from(maps.max(1)))
    }

    /// In bytes, rounded down.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0 >> PSS_SHIFT
    }
}

impl AddAssign for Pss {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

/// The memory of one mapping, or of several, in bytes (`struct mem_size_stats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemSizeStats {
    /// Pages that are mapped.
    pub resident: u64,
    /// Those that others map too, and were not written.
    pub shared_clean: u64,
    /// Those that others map too, and were written.
    pub shared_dirty: u64,
    /// Those that nobody else maps, not written.
    pub private_clean: u64,
    /// Those that nobody else maps, written.
    pub private_dirty: u64,
    /// Those that were used.
    pub referenced: u64,
    /// Anonymous pages.
    pub anonymous: u64,
    /// `AnonHugePages`: of large pages.
    pub anon_huge: u64,
    /// Anonymous pages that may be dropped (`MADV_FREE`).
    pub lazyfree: u64,
    /// Large pages of a pool that others map too; they count nowhere else.
    pub shared_hugetlb: u64,
    /// Those that nobody else maps.
    pub private_hugetlb: u64,
    /// Pages in swap.
    pub swap: u64,
    /// Shares of all pages.
    pub pss: Pss,
    /// Shares of anonymous pages.
    pub pss_anon: Pss,
    /// Shares of pages of files.
    pub pss_file: Pss,
    /// Shares of shared memory.
    pub pss_shmem: Pss,
    /// Shares of pages that were written.
    pub pss_dirty: Pss,
    /// Shares of locked pages.
    pub pss_locked: Pss,
    /// Shares of pages in swap.
    pub swap_pss: Pss,
}

impl AddAssign<&Self> for MemSizeStats {
    fn add_assign(&mut self, other: &Self) {
        self.resident += other.resident;
        self.shared_clean += other.shared_clean;
        self.shared_dirty += other.shared_dirty;
        self.private_clean += other.private_clean;
        self.private_dirty += other.private_dirty;
        self.referenced += other.referenced;
        self.anonymous += other.anonymous;
        self.anon_huge += other.anon_huge;
        self.lazyfree += other.lazyfree;
        self.shared_hugetlb += other.shared_hugetlb;
        self.private_hugetlb += other.private_hugetlb;
        self.swap += other.swap;
        self.pss += other.pss;
        self.pss_anon += other.pss_anon;
        self.pss_file += other.pss_file;
        self.pss_shmem += other.pss_shmem;
        self.pss_dirty += other.pss_dirty;
        self.pss_locked += other.pss_locked;
        self.swap_pss += other.swap_pss;
    }
}

/// What a look at an address space needs; nothing changes.
#[derive(Clone, Copy)]
pub struct MmView<'a> {
    /// Physical memory, with the page tables.
    pub mem: &'a dyn PhysMem,
    /// Its frames.
    pub frames: &'a FrameTable,
    /// The files behind mappings.
    pub vfs: &'a Vfs,
}

/// Whether pagemap tells frame numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameNumbers {
    /// It does.
    Shown,
    /// They are 0.
    Hidden,
}

/// A page that an entry maps.
struct Seen {
    entry: Entry,
    /// The page that the entry maps, of which this is 4 KiB.
    size: PageSize,
    frame: Frame,
    kind: PageKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PageKind {
    Anon,
    File,
    Shmem,
}

/// Bytes of memory of a file that are on the swap device: nobody's share of them can be told (`shmem_swap_usage`).
fn shmem_swap(view: &MmView<'_>, vma: &Vma) -> u64 {
    let Some((inode, offset)) = vma.file().filter(|(inode, _)| view.vfs.is_shmem(*inode)) else { return 0 };
    let first = offset >> FRAME_SHIFT;
    view.vfs.swapped_pages(inode, first..first + vma.pages()).len() as u64 * FRAME_SIZE
}

impl Mm {
    /// What the pages of a mapping take (`smap_gather_stats`).
    #[must_use]
    pub fn smap_gather_stats(&self, view: &MmView<'_>, vma: &Vma) -> MemSizeStats {
        let mut stats = MemSizeStats::default();
        if vma.is_hugetlb() {
            self.smaps_hugetlb_range(view, vma, &mut stats);
            return stats;
        }
        let locked = vma.flags.contains(VmFlags::LOCKED);
        self.each_page(view, vma, (vma.start, vma.end), |page| stats.account(&page, locked));
        let mut entries = self.table.entries(vma.start, vma.end);
        while let Some(entry) = entries.next(view.mem) {
            if let PteState::Swap(swapped) = pte::state(entry.pte) {
                stats.swap += FRAME_SIZE;
                stats.swap_pss += Pss::of_page(view.frames.swap.table.swap_count(swapped));
            }
        }
        stats.swap += shmem_swap(view, vma);
        stats
    }

    fn smaps_hugetlb_range(&self, view: &MmView<'_>, vma: &Vma, stats: &mut MemSizeStats) {
        let mut entries = self.table.entries(vma.start, vma.end);
        while let Some(entry) = entries.next(view.mem) {
            let is_shared = view.frames.get(pte::pfn(entry.pte)).maps > 1;
            *(if is_shared { &mut stats.shared_hugetlb } else { &mut stats.private_hugetlb }) += entry.size.bytes();
        }
    }

    /// What `/proc/<pid>/pagemap` says of `count` pages from `start` on (`pagemap_pmd_range`). Frame numbers are for the
    /// privileged.
    #[must_use]
    pub fn pagemap(&self, view: &MmView<'_>, start: LinearAddr, count: u64, numbers: FrameNumbers) -> Vec<u64> {
        const PRESENT: u64 = 1 << 63;
        const SWAP: u64 = 1 << 62;
        const FILE: u64 = 1 << 61;
        const MMAP_EXCLUSIVE: u64 = 1 << 56;
        let end = LinearAddr(start.0.saturating_add(count * FRAME_SIZE).min(TASK_SIZE_MAX));
        let mut answer = vec![0; count as usize];
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(view.mem) {
            if let PteState::Swap(swapped) = pte::state(entry.pte) {
                let at = (entry.la.page_number() - start.page_number()) as usize;
                answer[at] = SWAP | if numbers == FrameNumbers::Shown { u64::from(swapped.slot().0) << 5 } else { 0 };
                continue;
            }
            if !is_mapped(entry.pte) {
                continue;
            }
            let head = view.frames.get(pte::pfn(entry.pte));
            let hugetlb = head.usage == FrameUse::Hugetlb;
            for page in entry.pages().filter(|page| start <= page.la && page.la < end) {
                let pfn = pte::pfn(page.pte);
                let frame = if hugetlb { head } else { view.frames.get(pfn) };
                let mut bits = PRESENT;
                if numbers == FrameNumbers::Shown {
                    bits |= pfn.0;
                }
                if !view.frames.is_zero_page(pfn) {
                    let anon = frame.usage == FrameUse::Anon || hugetlb && frame.owner == Owner::None;
                    bits |= if anon { 0 } else { FILE };
                    bits |= if frame.maps == 1 { MMAP_EXCLUSIVE } else { 0 };
                }
                answer[(page.la.page_number() - start.page_number()) as usize] = bits;
            }
        }
        answer
    }

    /// Forgets which pages were used, of the mappings for which `which` holds (`clear_refs_write`).
    pub(crate) fn clear_refs(&mut self, cx: &mut MmCx<'_, '_>, which: impl Fn(&Vma) -> bool) {
        for vma in self.vmas.iter().filter(|vma| which(vma) && !vma.is_hugetlb()) {
            let mut entries = self.table.entries(vma.start, vma.end);
            while let Some(entry) = entries.next(cx.hw.mem) {
                if is_mapped(entry.pte) && entry.pte.accessed() {
                    let mut old = entry.pte;
                    old.set_accessed(false);
                    let shootdown = self.table.set_pte(cx.hw.mem, entry, old);
                    cx.flush(shootdown);
                }
            }
        }
    }

    fn each_page(
        &self,
        view: &MmView<'_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
        mut visit: impl FnMut(Seen),
    ) {
        let of_file = match vma.inode() {
            Some(inode) if view.vfs.is_shmem(inode) => PageKind::Shmem,
            _ => PageKind::File,
        };
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(view.mem) {
            if !is_mapped(entry.pte) || view.frames.is_zero_page(pte::pfn(entry.pte)) {
                continue;
            }
            let size = entry.size;
            for entry in entry.pages().filter(|page| start <= page.la && page.la < end) {
                let frame = view.frames.get(pte::pfn(entry.pte));
                let kind = if frame.usage == FrameUse::Anon { PageKind::Anon } else { of_file };
                visit(Seen { entry, size, frame, kind });
            }
        }
    }
}

/// Whether an entry has a page, with or without rights.
fn is_mapped(entry: Pte) -> bool {
    matches!(pte::state(entry), PteState::Present | PteState::ProtNone)
}

impl MemSizeStats {
    /// One page (`smaps_account`).
    fn account(&mut self, page: &Seen, locked: bool) {
        let (entry, frame) = (page.entry.pte, page.frame);
        let pss = Pss::of_page(frame.maps);
        let is_dirty = entry.dirty() || frame.unsynced;
        self.resident += FRAME_SIZE;
        self.pss += pss;
        *self.class(frame.maps > 1, is_dirty) += FRAME_SIZE;
        if is_dirty {
            self.pss_dirty += pss;
        }
        if locked {
            self.pss_locked += pss;
        }
        if entry.accessed() {
            self.referenced += FRAME_SIZE;
        }
        match page.kind {
            PageKind::Anon => {
                self.anonymous += FRAME_SIZE;
                self.pss_anon += pss;
                self.anon_huge += if page.size == PageSize::Size2M { FRAME_SIZE } else { 0 };
                self.lazyfree += if pte::is_lazyfree(entry) { FRAME_SIZE } else { 0 };
            }
            PageKind::Shmem => self.pss_shmem += pss,
            PageKind::File => self.pss_file += pss,
        }
    }

    const fn class(&mut self, shared: bool, dirty: bool) -> &mut u64 {
        match (shared, dirty) {
            (true, true) => &mut self.shared_dirty,
            (true, false) => &mut self.shared_clean,
            (false, true) => &mut self.private_dirty,
            (false, false) => &mut self.private_clean,
        }
    }
}
