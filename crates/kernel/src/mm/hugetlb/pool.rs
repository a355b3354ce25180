//! The pools of large pages, one for each size (Linux's `struct hstate`): what is free, what is promised, what may be had
//! beyond the size of the pool.
//!
//! Invariants: the pool holds one reference to each frame of each of its pages, free or not; a page in use has a mapping
//! or a file beside. Of what is free, `reserved` pages are promised: whoever has a promise finds a page, and whoever has
//! none takes only what is left. Surplus pages are those that came because a promise or a fault found the pool too small;
//! they go back to the buddy when nobody needs them.

use super::{HUGE_SIZES, HugePages, frames_of};
use crate::Errno;
use crate::mm::buddy::{Gfp, Order};
use crate::mm::frames::{Contents, FrameTable, FrameUse};
use crate::mm::rss::RssId;
use arch::{LinearAddr, PageSize, Pfn};
use std::collections::BTreeSet;

/// The pool can promise no more pages, or has none for who has no promise (`ENOSPC` within Linux).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutOfPool;

/// Whether a page is taken on a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// It is, and the promise is kept with it.
    Kept,
    /// It is taken beside all promises.
    None,
}

/// A file of /sys/kernel/mm/hugepages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PoolSetting {
    Total,
    Free,
    Reserved,
    Surplus,
    Overcommit,
}

impl PoolSetting {
    /// Whether it only tells.
    pub(crate) const fn is_shown_only(self) -> bool {
        matches!(self, Self::Free | Self::Reserved | Self::Surplus)
    }
}

/// One pool.
#[derive(Debug, Default)]
struct Pool {
    /// The free pages by their first frames, and what is in them; the last one goes first.
    free: Vec<(Pfn, Contents)>,
    /// All pages (`nr_huge_pages`).
    total: u64,
    /// Those promised and not yet taken (`resv_huge_pages`).
    reserved: u64,
    /// Those beyond the size of the pool (`surplus_huge_pages`).
    surplus: u64,
    /// As many may be (`nr_overcommit_huge_pages`).
    overcommit: u64,
}

/// The pools of all sizes.
#[derive(Debug, Default)]
pub(crate) struct HugetlbPools {
    pools: [Pool; HUGE_SIZES.len()],
    /// Private pages that their process lost to the one with the promise (`HPAGE_RESV_UNMAPPED`): what is touched in such a
    /// mapping from then on is no zero page, but an error.
    pub(super) lost: BTreeSet<(RssId, LinearAddr)>,
}

/// What /proc shows of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounts {
    /// All pages.
    pub total: u64,
    /// Those that nobody uses.
    pub free: u64,
    /// Those promised, of the free ones.
    pub reserved: u64,
    /// Those beyond the size of the pool.
    pub surplus: u64,
    /// As many may be.
    pub overcommit: u64,
}

impl HugetlbPools {
    const fn pool(&mut self, size: PageSize) -> &mut Pool {
        &mut self.pools[Self::index(size)]
    }

    const fn index(size: PageSize) -> usize {
        if matches!(size, PageSize::Size1G) { 1 } else { 0 }
    }

    /// How many pages there are.
    pub(crate) const fn counts(&self, size: PageSize) -> PoolCounts {
        let Pool { free, total, reserved, surplus, overcommit } = &self.pools[Self::index(size)];
        PoolCounts {
            total: *total,
            free: free.len() as u64,
            reserved: *reserved,
            surplus: *surplus,
            overcommit: *overcommit,
        }
    }

    /// What a file shows.
    pub(crate) const fn show(&self, size: PageSize, setting: PoolSetting) -> u64 {
        let counts = self.counts(size);
        match setting {
            PoolSetting::Total => counts.total,
            PoolSetting::Free => counts.free,
            PoolSetting::Reserved => counts.reserved,
            PoolSetting::Surplus => counts.surplus,
            PoolSetting::Overcommit => counts.overcommit,
        }
    }

    /// Allows so many surplus pages.
    pub(crate) const fn set_overcommit(&mut self, size: PageSize, pages: u64) {
        self.pool(size).overcommit = pages;
    }

    /// The free pages, for whoever checks.
    pub(crate) fn free_pages(&self, size: PageSize) -> impl Iterator<Item = Pfn> {
        self.pools[Self::index(size)].free.iter().map(|(head, _)| *head)
    }

    /// The pages that were lost, for whoever checks.
    pub(crate) fn lost(&self) -> impl Iterator<Item = (RssId, LinearAddr)> {
        self.lost.iter().copied()
    }
}

impl FrameTable {
    /// Fills the pools at boot, while RAM is in one piece.
    ///
    /// # Errors
    /// The size of the pages for which there is no room.
    pub(crate) fn boot_hugetlb(&mut self, wanted: HugePages) -> Result<(), PageSize> {
        for size in [PageSize::Size1G, PageSize::Size2M] {
            for _ in 0..wanted.of(size) {
                let page = self.alloc_fresh(size).ok_or(size)?;
                let pool = self.hugetlb.pool(size);
                pool.free.push(page);
                pool.total += 1;
            }
        }
        Ok(())
    }

    /// Sets what a file stands for (`nr_hugepages_store`, `nr_overcommit_hugepages_store`).
    ///
    /// # Errors
    /// `EINVAL` for surplus pages of 1 GiB, of which there can be none.
    pub(crate) fn store_pool(&mut self, size: PageSize, setting: PoolSetting, count: u64) -> Result<(), Errno> {
        match (setting, size) {
            (PoolSetting::Total, _) => self.set_max_huge_pages(size, count),
            (PoolSetting::Overcommit, PageSize::Size2M) => self.hugetlb.set_overcommit(size, count),
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    /// Makes the pool one of so many pages, as far as there are blocks, and as what is in use or promised allows
    /// (`set_max_huge_pages`).
    pub(crate) fn set_max_huge_pages(&mut self, size: PageSize, count: u64) {
        let persistent = |pool: &Pool| pool.total - pool.surplus;
        let pool = self.hugetlb.pool(size);
        let adopted = count.saturating_sub(persistent(pool)).min(pool.surplus);
        pool.surplus -= adopted;
        while persistent(self.hugetlb.pool(size)) < count {
            let Some(page) = self.alloc_fresh(size) else { return };
            let pool = self.hugetlb.pool(size);
            pool.free.push(page);
            pool.total += 1;
        }
        let pool = self.hugetlb.pool(size);
        let least = count.max(pool.reserved + pool.total - pool.free.len() as u64);
        while persistent(self.hugetlb.pool(size)) > least && self.shrink(size) {}
        let pool = self.hugetlb.pool(size);
        pool.surplus += persistent(pool).saturating_sub(count);
    }

    /// Promises so many pages (`hugetlb_acct_memory`).
    ///
    /// # Errors
    /// [`OutOfPool`]; then nothing is promised.
    pub(crate) fn reserve_hugetlb(&mut self, size: PageSize, pages: u64) -> Result<(), OutOfPool> {
        let pool = self.hugetlb.pool(size);
        let wanted = pool.reserved.checked_add(pages).ok_or(OutOfPool)?;
        let missing = wanted.saturating_sub(pool.free.len() as u64);
        if missing > pool.overcommit.saturating_sub(pool.surplus) {
            return Err(OutOfPool);
        }
        for gathered in 0..missing {
            if !self.alloc_surplus(size) {
                self.return_surplus(size, gathered);
                return Err(OutOfPool);
            }
        }
        self.hugetlb.pool(size).reserved = wanted;
        Ok(())
    }

    /// Takes promises back that were not kept (`return_unused_surplus_pages`).
    pub(crate) fn unreserve_hugetlb(&mut self, size: PageSize, pages: u64) {
        self.hugetlb.pool(size).reserved -= pages;
        self.return_surplus(size, pages);
    }

    /// A page, as its last user left it or of zeros (`alloc_hugetlb_folio`).
    pub(crate) fn alloc_hugetlb(&mut self, size: PageSize, promise: Promise) -> Result<(Pfn, Contents), OutOfPool> {
        let pool = self.hugetlb.pool(size);
        match promise {
            Promise::Kept => pool.reserved -= 1,
            Promise::None if pool.free.len() as u64 > pool.reserved => {}
            Promise::None => {
                let may_grow = pool.surplus < pool.overcommit;
                if !may_grow || !self.alloc_surplus(size) {
                    return Err(OutOfPool);
                }
            }
        }
        Ok(self.hugetlb.pool(size).free.pop().expect("as many pages are free as are promised, and one more"))
    }

    /// A page has no user any more (`free_huge_folio`). If its user had a promise of it, that may hold again.
    pub(crate) fn free_hugetlb(&mut self, size: PageSize, head: Pfn, promise: Promise) {
        let pool = self.hugetlb.pool(size);
        pool.reserved += u64::from(promise == Promise::Kept);
        pool.free.push((head, Contents::Stale));
        if pool.surplus > 0 {
            self.shrink_surplus(size);
        }
    }

    /// A page that is not the pool's yet. Those of 1 GiB come from RAM that was never used, for boot.
    fn alloc_fresh(&mut self, size: PageSize) -> Option<(Pfn, Contents)> {
        match size {
            PageSize::Size1G => Some((self.alloc_gigantic(FrameUse::Hugetlb, frames_of(size))?, Contents::Zero)),
            _ => self.alloc_order(FrameUse::Hugetlb, Order::PMD, Gfp::Kernel),
        }
    }

    fn alloc_surplus(&mut self, size: PageSize) -> bool {
        let Some(page) = self.alloc_fresh(size) else { return false };
        let pool = self.hugetlb.pool(size);
        pool.free.push(page);
        (pool.total, pool.surplus) = (pool.total + 1, pool.surplus + 1);
        true
    }

    fn return_surplus(&mut self, size: PageSize, pages: u64) {
        for _ in 0..pages.min(self.hugetlb.pool(size).surplus) {
            self.shrink_surplus(size);
        }
    }

    fn shrink_surplus(&mut self, size: PageSize) {
        if self.shrink(size) {
            self.hugetlb.pool(size).surplus -= 1;
        }
    }

    /// Gives a free page back to the buddy.
    fn shrink(&mut self, size: PageSize) -> bool {
        let pool = self.hugetlb.pool(size);
        let Some((head, _)) = pool.free.pop() else { return false };
        pool.total -= 1;
        match size {
            PageSize::Size1G => (head.0..head.0 + frames_of(size)).for_each(|pfn| self.put(Pfn(pfn))),
            _ => self.free_order(head, Order::PMD),
        }
        true
    }
}
