//! Reclaim: how pages are taken out of memory when frames run short (Linux's `vmscan.c`).
//!
//! Which page goes is the policy's to say ([`policy`]); how it goes is said here, the same for all policies:
//!
//! ```text
//! select        the policy names victims, asking for accessed bits as it likes (`view`)
//! page out      each victim leaves every page table (`unmap`); what only memory has is written (`page_out`)
//! put back      what could not go returns to the lists
//! ```
//!
//! Reclaim runs at three places, so that no page goes in the middle of an operation: when an operation has found no frame,
//! was undone and will be tried again (direct reclaim); when the page cache needs a frame; and at the end of an entry into
//! the kernel layer that leaves fewer free frames than the low watermark (kswapd, up to the high watermark).

mod aging;
mod limit;
mod lruvec;
pub(crate) mod page_out;
pub mod policy;
pub mod references;
mod side_array;
pub(crate) mod unmap;
mod view;

pub use aging::AgingFlush;
pub use limit::{NoLimit, ResidentLimit};
pub use lruvec::{Lruvec, ReclaimConfig};

use super::frames::{FrameTable, FrameUse, LazyFree, OnLru};
use crate::fs::{FsCx, Vfs};
use arch::Pfn;
pub(crate) use event::Reclaimer;
use page_out::Kept;
use policy::{Arrival, Candidates, Departure, Inserted, PageKind, Shadow};
use view::View;

/// Victims that are selected together (`SWAP_CLUSTER_MAX`).
pub(crate) const SWAP_CLUSTER_MAX: u64 = 32;
/// Batches that may bring nothing before reclaim gives up: each of them has given pages in use their second chance.
const MAX_FRUITLESS_BATCHES: u32 = 16;

/// Takes pages out until so many have gone; gives how many went.
pub(crate) fn shrink(cx: &mut FsCx<'_>, vfs: &mut Vfs, target: u64, reclaimer: Reclaimer) -> u64 {
    let mut freed = 0;
    let mut fruitless = 0;
    while freed < target && fruitless < MAX_FRUITLESS_BATCHES {
        let batch = (target - freed).min(SWAP_CLUSTER_MAX);
        let (gone, selected) = shrink_batch(cx, vfs, (OnLru::Node, reclaimer), batch);
        count(cx.frames, reclaimer, gone, selected);
        freed += gone;
        fruitless = if gone == 0 { fruitless + 1 } else { 0 };
    }
    freed
}

/// Takes pages of the limited mapping out, until it has room for one more. That it cannot is no error: the limit is then
/// exceeded, as by pages that are locked.
pub(crate) fn shrink_limited(cx: &mut FsCx<'_>, vfs: &mut Vfs) {
    let Some(limit) = cx.frames.lruvec.limit() else { return };
    let mut fruitless = 0;
    while cx.frames.limited_pages() >= limit.pages.get() && fruitless < MAX_FRUITLESS_BATCHES {
        let (gone, selected) = shrink_batch(cx, vfs, (OnLru::Limited, Reclaimer::Limit), 1);
        count(cx.frames, Reclaimer::Limit, gone, selected);
        fruitless = if gone == 0 { fruitless + 1 } else { 0 };
    }
}

/// Takes these pages out, whatever the policy says (`reclaim_pages`, for MADV_PAGEOUT); gives how many went.
pub(crate) fn reclaim_pages(cx: &mut FsCx<'_>, vfs: &mut Vfs, pages: &[Pfn]) -> u64 {
    let mut gone = 0;
    for &page in pages {
        let lists = cx.frames.get(page).lru;
        if !matches!(lists, OnLru::Node | OnLru::Limited) {
            continue;
        }
        cx.frames.lruvec.remove(page, lists);
        cx.frames.set_lru(page, OnLru::No);
        match page_out::page_out(cx, vfs, page, (lists, Reclaimer::Advice)) {
            Ok(()) => gone += 1,
            Err(Kept::Unevictable) => cx.frames.cull_unevictable(page),
            Err(Kept::Busy | Kept::NoSwap | Kept::Failed) => cx.frames.put_back(page, lists),
        }
    }
    gone
}

/// Selects up to `batch` victims and takes them out; gives how many went, and how many were selected.
fn shrink_batch(cx: &mut FsCx<'_>, vfs: &mut Vfs, (lists, reclaimer): (OnLru, Reclaimer), batch: u64) -> (u64, u64) {
    let victims = select(cx, lists, batch);
    let mut gone = 0;
    let mut kept = Vec::new();
    for &victim in &victims {
        match page_out::page_out(cx, vfs, victim, (lists, reclaimer)) {
            Ok(()) => gone += 1,
            Err(Kept::Unevictable) => cx.frames.cull_unevictable(victim),
            Err(Kept::Busy | Kept::NoSwap | Kept::Failed) => kept.push(victim),
        }
    }
    for victim in kept {
        cx.frames.put_back(victim, lists);
    }
    (gone, victims.len() as u64)
}

/// The policy's choice.
fn select(cx: &mut FsCx<'_>, lists: OnLru, batch: u64) -> Vec<Pfn> {
    let Some(mut policy) = cx.frames.lruvec.lend(lists) else { return Vec::new() };
    let can_swap = cx.frames.swap.table.free() > 0 || cx.frames.swap.table.cached() > 0;
    let candidates = if can_swap { Candidates::All } else { Candidates::FileOnly };
    let counts = policy.counts();
    if candidates.kinds().iter().all(|&kind| counts.inactive[kind] + counts.active[kind] == 0) {
        cx.frames.lruvec.take_back(lists, policy);
        return Vec::new();
    }
    let mut victims = Vec::new();
    while (victims.len() as u64) < batch {
        let mut view = View { mem: &mut *cx.mem, frames: cx.frames };
        let Some(victim) = policy.select(&mut view, candidates) else { break };
        victims.push(victim);
    }
    cx.frames.lruvec.take_back(lists, policy);
    for &victim in &victims {
        cx.frames.set_lru(victim, OnLru::No);
    }
    victims
}

fn count(frames: &mut FrameTable, reclaimer: Reclaimer, gone: u64, selected: u64) {
    let stat = &mut frames.stat;
    let (scan, steal) = match reclaimer {
        Reclaimer::Kswapd => (&mut stat.pgscan_kswapd, &mut stat.pgsteal_kswapd),
        _ => (&mut stat.pgscan_direct, &mut stat.pgsteal_direct),
    };
    *scan += selected;
    *steal += gone;
}

impl FrameTable {
    /// What kind of page a frame is to reclaim.
    pub(super) fn page_kind(&self, pfn: Pfn) -> PageKind {
        let frame = self.get(pfn);
        match frame.usage {
            FrameUse::Anon if !frame.lazyfree => PageKind::Anon,
            FrameUse::Shmem => PageKind::Anon,
            _ => PageKind::File,
        }
    }

    /// A frame became evictable: it goes into the lists of the machine, or of the limited mapping (`folio_add_lru`).
    pub(crate) fn lru_add(&mut self, pfn: Pfn, lists: OnLru, arrival: Arrival, shadow: Option<Shadow>) {
        let kind = self.page_kind(pfn);
        self.lruvec.remove(pfn, self.get(pfn).lru);
        if let Some(references) = &self.references {
            references.arrived(pfn);
        }
        let Some(policy) = self.lruvec.policy(lists) else { return };
        let inserted = policy.insert(pfn, kind, arrival, shadow);
        self.set_lru(pfn, lists);
        let stat = &mut self.stat;
        let (refault, activate) = match kind {
            PageKind::Anon => (&mut stat.workingset_refault_anon, &mut stat.workingset_activate_anon),
            PageKind::File => (&mut stat.workingset_refault_file, &mut stat.workingset_activate_file),
        };
        *refault += u64::from(inserted != Inserted::Fresh);
        *activate += u64::from(inserted == Inserted::Activated);
    }

    /// Frames of the limited mapping that are in its lists.
    pub(super) fn limited_pages(&self) -> u64 {
        let counts = self.lruvec.counts()[1];
        [counts.inactive, counts.active].iter().map(|count| count.anon + count.file).sum()
    }

    /// read() or write() used a page (`mark_page_accessed`).
    pub(crate) fn mark_page_accessed(&mut self, pfn: Pfn) {
        let lists = self.get(pfn).lru;
        if let Some(policy) = self.lruvec.policy(lists) {
            policy.mark_accessed(pfn);
        }
    }

    /// The page was said to be needed no more for a while; its accessed bits are clear (`folio_deactivate`).
    pub(super) fn deactivate(&mut self, pfn: Pfn) {
        let lists = self.get(pfn).lru;
        if let Some(policy) = self.lruvec.policy(lists) {
            policy.deactivate(pfn);
        }
    }

    /// The contents of an anonymous page may go (`folio_mark_lazyfree`): it waits with the pages of files.
    pub(super) fn mark_lazyfree(&mut self, pfn: Pfn) {
        self.clear_dirty(pfn);
        self.set_lazyfree(pfn, LazyFree::Yes);
        self.stat.pglazyfree += 1;
        let lists = self.get(pfn).lru;
        if matches!(lists, OnLru::Node | OnLru::Limited) {
            self.lru_add(pfn, lists, Arrival::Cache, None);
            self.deactivate(pfn);
        }
    }

    /// A victim that could not go.
    fn put_back(&mut self, pfn: Pfn, lists: OnLru) {
        let kind = self.page_kind(pfn);
        if let Some(policy) = self.lruvec.policy(lists) {
            policy.put_back(pfn, kind);
            self.set_lru(pfn, lists);
        }
    }

    /// A victim that is locked in memory.
    fn cull_unevictable(&mut self, pfn: Pfn) {
        self.set_lru(pfn, OnLru::Unevictable);
        self.stat.unevictable_pgs_culled += 1;
        self.unevictable += 1;
    }

    /// One of those that locked a page may have gone: reclaim may look at it again (`munlock_folio`).
    pub(super) fn recheck_evictable(&mut self, pfn: Pfn) {
        if self.get(pfn).lru == OnLru::Unevictable {
            self.unevictable -= 1;
            self.lru_add(pfn, OnLru::Node, Arrival::Cache, None);
        }
    }

    /// A page has gone: its policy says what to remember of it.
    pub(crate) fn evicted(&mut self, pfn: Pfn, lists: OnLru, departure: Departure) -> Option<Shadow> {
        let kind = self.page_kind(pfn);
        self.lruvec.policy(lists).map(|policy| policy.evicted(pfn, kind, departure))
    }
}
