//! Pages of a mapping by what they are (`gather_stats` of Linux's `task_mmu.c`), and of a frame what /proc/kpageflags says of it.

use super::frames::{Frame, FrameTable, FrameUse, Huge, OnLru, Owner};
use super::pte::{self, PteState};
use super::vma::Vma;
use super::{Mm, MmView};
use arch::{PageSize, Pfn};

/// Pages of a mapping, those of a pool in units of their size (`struct numa_maps`).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PageCounts {
    pub(crate) all: u64,
    pub(crate) anon: u64,
    pub(crate) dirty: u64,
    pub(crate) swap_cached: u64,
    /// The most entries that map one of them.
    pub(crate) most_maps: u64,
}

impl Mm {
    /// Counts the pages of a mapping.
    pub(crate) fn count_pages(&self, view: &MmView<'_>, vma: &Vma) -> PageCounts {
        let mut counts = PageCounts::default();
        let mut entries = self.table.entries(vma.start, vma.end);
        while let Some(entry) = entries.next(view.mem) {
            if pte::state(entry.pte) != PteState::Present || view.frames.is_zero_page(pte::pfn(entry.pte)) {
                continue;
            }
            let pages = if vma.is_hugetlb() { 1 } else { entry.size.bytes() / PageSize::Size4K.bytes() };
            let frame = view.frames.get(pte::pfn(entry.pte));
            let is_anon = frame.usage == FrameUse::Anon || vma.is_hugetlb() && !vma.is_shared();
            counts.all += pages;
            counts.anon += if is_anon { pages } else { 0 };
            counts.dirty += if frame.dirty || entry.pte.dirty() { pages } else { 0 };
            counts.swap_cached += if matches!(frame.owner, Owner::SwapCache(_)) { pages } else { 0 };
            counts.most_maps = counts.most_maps.max(frame.maps.into());
        }
        counts
    }
}

/// Bits of /proc/kpageflags (Linux's `include/uapi/linux/kernel-page-flags.h`).
mod kpf {
    pub(super) const UPTODATE: u64 = 1 << 3;
    pub(super) const DIRTY: u64 = 1 << 4;
    pub(super) const LRU: u64 = 1 << 5;
    pub(super) const SLAB: u64 = 1 << 7;
    pub(super) const BUDDY: u64 = 1 << 10;
    pub(super) const MMAP: u64 = 1 << 11;
    pub(super) const ANON: u64 = 1 << 12;
    pub(super) const SWAPCACHE: u64 = 1 << 13;
    pub(super) const SWAPBACKED: u64 = 1 << 14;
    pub(super) const COMPOUND_HEAD: u64 = 1 << 15;
    pub(super) const COMPOUND_TAIL: u64 = 1 << 16;
    pub(super) const HUGE: u64 = 1 << 17;
    pub(super) const UNEVICTABLE: u64 = 1 << 18;
    pub(super) const NOPAGE: u64 = 1 << 20;
    pub(super) const THP: u64 = 1 << 22;
    pub(super) const ZERO_PAGE: u64 = 1 << 24;
    pub(super) const PGTABLE: u64 = 1 << 26;
}

impl FrameTable {
    /// Entries that map a frame; 0 beyond RAM.
    pub(crate) fn kpagecount(&self, pfn: Pfn) -> u64 {
        if pfn.0 < self.total() { self.get(pfn).maps.into() } else { 0 }
    }

    /// What a frame is (`stable_page_flags`).
    pub(crate) fn kpageflags(&self, pfn: Pfn) -> u64 {
        if pfn.0 >= self.total() {
            return kpf::NOPAGE;
        }
        let frame = self.get(pfn);
        let when = |is: bool, bits: u64| if is { bits } else { 0 };
        if self.is_zero_page(pfn) {
            return kpf::ZERO_PAGE | when(pfn.0 != 0, kpf::THP);
        }
        if frame.usage == FrameUse::Free {
            return kpf::BUDDY;
        }
        let by_use = match frame.usage {
            FrameUse::Anon => kpf::UPTODATE | kpf::ANON | when(!frame.lazyfree, kpf::SWAPBACKED),
            FrameUse::Shmem => kpf::UPTODATE | kpf::SWAPBACKED,
            FrameUse::File => kpf::UPTODATE,
            FrameUse::PageTable => kpf::PGTABLE,
            FrameUse::Slab => kpf::SLAB,
            FrameUse::Hugetlb => kpf::HUGE,
            _ => 0,
        };
        let by_block = match frame.huge {
            Huge::No => 0,
            Huge::Head => kpf::THP | kpf::COMPOUND_HEAD,
            Huge::Tail => kpf::THP | kpf::COMPOUND_TAIL,
        };
        by_use | by_block | by_state(&frame)
    }
}

fn by_state(frame: &Frame) -> u64 {
    let when = |is: bool, bits: u64| if is { bits } else { 0 };
    let by_list = match frame.lru {
        OnLru::No => 0,
        OnLru::Node | OnLru::Limited => kpf::LRU,
        OnLru::Unevictable => kpf::LRU | kpf::UNEVICTABLE,
    };
    by_list
        | when(frame.maps > 0, kpf::MMAP)
        | when(frame.dirty, kpf::DIRTY)
        | when(matches!(frame.owner, Owner::SwapCache(_)), kpf::SWAPCACHE)
}
