//! A page comes back from the swap device (Linux's `do_swap_page`, `swapin_readahead`), and the bound on one mapping's pages.
//!
//! The page is looked for in the swap cache first, where another process or readahead may have brought it. After a read fault
//! it stays there, with its slot, so that it need not be written again if it goes out unchanged; a write, or a device that
//! is more than half full, frees the slot.

use super::fault::{Resolved, VmFault, VmFaultError};
use super::frames::{Exclusive, FrameUse, OnLru, Owner};
use super::pgtable::Entry;
use super::pte::{self, PteState};
use super::reclaim::page_out;
use super::reclaim::policy::{Arrival, Shadow};
use super::swap::{SwapEntry, SwapOwner, pte_swp_exclusive};
use super::vma::Vma;
use super::{Mm, MmCx, RssKind, VmFlags, ZERO_PAGE, reclaim};
use arch::Pfn;
use event::{Event, Resolution};

impl Mm {
    /// Brings the page of a swap entry back and maps it.
    pub(super) fn do_swap_page(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vmf: &VmFault,
        entry: Entry,
        swapped: SwapEntry,
    ) -> Resolved {
        let lists = cx.lists_of(&vmf.vma);
        let (pfn, resolution) = match cx.frames.swap.table.swap_cache(swapped) {
            Some(pfn) => (pfn, Resolution::SwapCached),
            None => (cx.swap_in(swapped, lists)?, Resolution::SwappedIn),
        };
        let exclusive = pte_swp_exclusive(entry.pte);
        cx.frames.map(pfn, entry.slot);
        if lists == OnLru::Limited && cx.frames.get(pfn).lru != OnLru::Limited {
            cx.frames.lru_add(pfn, lists, Arrival::Fault, None);
        }
        cx.frames.restore_anon_exclusive(pfn, if exclusive { Exclusive::Yes } else { Exclusive::No });
        self.rss.dec(RssKind::Swap);
        let _slot = cx.frames.swap.table.swap_free(swapped);
        let alone = cx.frames.get(pfn).maps == 1 && cx.frames.swap.table.swap_count(swapped) == 0;
        let flags = vmf.vma.flags;
        let mut new = pte::mk_pte(pfn, flags);
        if alone && (vmf.is_write() || cx.vm_swap_full() || flags.contains(VmFlags::LOCKED)) {
            cx.take_out_of_swap_cache(pfn);
            if vmf.is_write() {
                cx.frames.set_anon_exclusive(pfn);
                new = pte::mkdirty_mkwrite(new, flags);
            }
        }
        let shootdown = self.table.set_pte(cx.hw.mem, entry, new);
        cx.flush(shootdown);
        if vmf.is_write() && !new.writable() {
            let read_only = Entry { pte: new, ..entry };
            return self.do_wp_page(cx, vmf, read_only).map(|(_, pfn)| (resolution, pfn));
        }
        Ok((resolution, pfn))
    }

    /// Takes pages of the limited mapping out if the fault will bring one in.
    pub(super) fn make_room(&self, cx: &mut MmCx<'_, '_>, vmf: &VmFault) {
        let resident = self
            .table
            .entry(cx.hw.mem, vmf.page)
            .is_some_and(|Entry { pte, .. }| pte::state(pte) == PteState::Present && pte::pfn(pte) != ZERO_PAGE);
        if !resident {
            let (mut fs, vfs) = cx.fs();
            reclaim::shrink_limited(&mut fs, vfs);
        }
    }
}

impl MmCx<'_, '_> {
    /// Reads a page and its neighbours on the device into the swap cache (`swap_cluster_readahead`).
    fn swap_in(&mut self, swapped: SwapEntry, lists: OnLru) -> Result<Pfn, VmFaultError> {
        let pfn = self.read_swap(swapped, lists, Arrival::Fault)?;
        let cluster = self.frames.swap.page_cluster;
        let table = &self.frames.swap.table;
        let neighbours = table.swapin_readahead(swapped, cluster).filter(|at| table.owner(*at) == SwapOwner::Anon);
        for neighbour in neighbours.collect::<Vec<_>>() {
            if !self.read_ahead_of_swap(neighbour) {
                break;
            }
            self.frames.stat.swap_ra += 1;
        }
        Ok(pfn)
    }

    /// Reads a page into the swap cache that nobody has asked for yet; not if memory is short.
    pub(super) fn read_ahead_of_swap(&mut self, swapped: SwapEntry) -> bool {
        let plenty = self.frames.free_frames() > self.frames.watermarks().low;
        plenty && self.read_swap(swapped, OnLru::Node, Arrival::Cache).is_ok()
    }

    fn read_swap(&mut self, swapped: SwapEntry, lists: OnLru, arrival: Arrival) -> Result<Pfn, VmFaultError> {
        let (pfn, _) = self.frames.alloc(FrameUse::Anon).ok_or(VmFaultError::Oom)?;
        let frames = &mut *self.frames;
        if frames.swap.read_page(&mut frames.meter, swapped, self.hw.mem, pfn).is_err() {
            frames.put(pfn);
            return Err(VmFaultError::Bus);
        }
        self.frames.stat.pswpin += 1;
        self.frames.tell_of_swap(Event::SwapRead, swapped);
        let shadow = self.frames.swap.table.add_to_swap_cache(swapped, pfn);
        self.frames.set_owner(pfn, Owner::SwapCache(swapped));
        self.frames.lru_add(pfn, lists, arrival, shadow.map(Shadow));
        Ok(pfn)
    }

    /// The page is in memory alone from now on, if nobody waits for it on the device (`folio_free_swap`).
    pub(super) fn take_out_of_swap_cache(&mut self, pfn: Pfn) {
        if let Owner::SwapCache(swapped) = self.frames.get(pfn).owner
            && self.frames.swap.table.swap_count(swapped) == 0
        {
            self.frames.set_dirty(pfn);
            page_out::leave_swap_cache(&mut self.fs().0, pfn, swapped, None);
        }
    }

    /// True if the device is so full that slots are not kept for pages in memory.
    fn vm_swap_full(&self) -> bool {
        let table = &self.frames.swap.table;
        table.used() * 2 > table.total()
    }

    /// True for the mapping under `--resident-limit`.
    pub(super) fn is_limited(&self, vma: &Vma) -> bool {
        self.frames.lruvec.limit().is_some_and(|limit| vma.contains(limit.address))
    }

    /// The lists for pages of a mapping.
    pub(super) fn lists_of(&self, vma: &Vma) -> OnLru {
        if self.is_limited(vma) { OnLru::Limited } else { OnLru::Node }
    }
}
