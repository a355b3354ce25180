//! Swap: which pages are on the device, who counts on them, and which of them are in memory too.
//!
//! [`SwapTable`] is bookkeeping alone (`Swap`, in `area.rs`, has the device beside it). It reads and writes no page, maps none and frees no frame; who moves pages does that
//! around its calls, in this order:
//!
//! ```text
//! out   alloc(pfn)            a slot, and the frame is in the swap cache under it
//!       write the page        if that fails: delete_from_swap_cache, and the page stays as it was
//!       swap_duplicate        once for each page-table entry that now holds the swap entry
//!       delete_from_swap_cache(shadow)   the frame is free to go; the slot lives on by its count
//! in    swap_cache            somebody brought the page in already: that frame it is
//!       read the page         if that fails: SIGBUS; the entry and its count stay
//!       add_to_swap_cache     gives back the shadow, for the distance of the refault
//!       swap_free             for each page-table entry that maps the frame again
//! fork  swap_duplicate        for the child's copy of the entry
//! exit  swap_free             for each entry that goes
//! ```
//!
//! Invariant: a slot is in use as long as its count is above 0 or a frame is in the swap cache under it; the last of both
//! that goes frees it, and its shadow with it. A frame is in the swap cache under one slot at most, which is the caller's to
//! see to. The swap cache holds a reference to each of its frames, which is the caller's to take and give back.

mod area;
mod entry;
mod procfs;
mod slots;

#[cfg(test)]
mod tests;

pub use area::{DEFAULT_PAGE_CLUSTER, Swap};
pub use entry::{SwapEntry, pte_swp_clear_exclusive, pte_swp_exclusive, pte_swp_mkexclusive};

use crate::Errno;
use arch::Pfn;
use paging::SwapSlot;
use slots::Slots;

/// What a page on the device is a page of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SwapOwner {
    /// Anonymous memory; the counts are page-table entries.
    #[default]
    Anon,
    /// A file in memory (shared anonymous memory, memfd, the write layer); the count is its page cache's entry.
    Shmem,
}

/// What is left of a slot after a count was given back.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Others count on it.
    InUse,
    /// Nobody counts on it; this frame in the swap cache alone keeps it, and should leave the cache if it can be had
    /// (`__try_to_reclaim_swap`).
    CacheOnly(Pfn),
    /// It is free.
    Free,
}

/// What the swap cache holds under a slot (`swap_address_space`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cache {
    #[default]
    Nothing,
    /// The page, as it is on the device, or newer and dirty.
    Page(Pfn),
    /// What reclaim left when the page went: the time, in a form of its own (`workingset_eviction`).
    Shadow(u64),
}

/// One slot in use.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    count: u32,
    owner: SwapOwner,
    cache: Cache,
}

/// A slot in use, for whoever checks or reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// The slot.
    pub entry: SwapEntry,
    /// Page-table entries, or entries of a page cache, that hold the swap entry (`swap_count`).
    pub count: u32,
    /// What it is a page of.
    pub owner: SwapOwner,
    /// The frame in the swap cache.
    pub cached: Option<Pfn>,
}

/// The slots of the swap device (`swap_info_struct` and the swap cache).
#[derive(Clone, Debug)]
pub struct SwapTable {
    free: Slots,
    /// One for each slot up to the last that was ever used.
    slots: Vec<Slot>,
    cached: u32,
}

impl SwapTable {
    /// The table of a device with so many slots, all free. The first is the device's header and never handed out. Without a
    /// device there are 0.
    #[must_use]
    pub fn new(slots: u32) -> Self {
        Self { free: Slots::new(slots), slots: Vec::new(), cached: 0 }
    }

    /// Takes a slot for the page in `pfn`, which is in the swap cache under it from now on, with count 0
    /// (`folio_alloc_swap`). Slots taken one after the other mostly lie one behind the other.
    ///
    /// # Errors
    /// `ENOSPC` if no slot is free.
    pub fn alloc(&mut self, pfn: Pfn, owner: SwapOwner) -> Result<SwapEntry, Errno> {
        let slot = self.free.alloc().ok_or(Errno::ENOSPC)?;
        let index = slot.0 as usize;
        if self.slots.len() <= index {
            self.slots.resize(index + 1, Slot::default());
        }
        self.slots[index] = Slot { count: 0, owner, cache: Cache::Page(pfn) };
        self.cached += 1;
        Ok(SwapEntry::new(slot))
    }

    /// One more entry counts on the slot (`swap_duplicate`).
    ///
    /// # Errors
    /// `ENOMEM` if the count would overflow; nothing has changed then, and a fork fails.
    pub fn swap_duplicate(&mut self, entry: SwapEntry) -> Result<(), Errno> {
        let slot = self.at_mut(entry);
        slot.count = slot.count.checked_add(1).ok_or(Errno::ENOMEM)?;
        Ok(())
    }

    /// One entry less counts on the slot (`swap_free`).
    pub fn swap_free(&mut self, entry: SwapEntry) -> SlotState {
        let slot = self.at_mut(entry);
        debug_assert!(slot.count > 0, "{entry:?} counts nobody");
        slot.count -= 1;
        self.settle(entry)
    }

    /// How many entries count on a slot in use (`swap_count`).
    #[must_use]
    pub fn swap_count(&self, entry: SwapEntry) -> u32 {
        self.at(entry).count
    }

    /// What a slot in use holds a page of.
    #[must_use]
    pub fn owner(&self, entry: SwapEntry) -> SwapOwner {
        self.at(entry).owner
    }

    /// The frame in the swap cache under a slot in use (`swap_cache_get_folio`).
    #[must_use]
    pub fn swap_cache(&self, entry: SwapEntry) -> Option<Pfn> {
        match self.at(entry).cache {
            Cache::Page(pfn) => Some(pfn),
            Cache::Nothing | Cache::Shadow(_) => None,
        }
    }

    /// What reclaim left under a slot in use when its page went (`swap_cache_get_shadow`).
    #[must_use]
    pub fn shadow(&self, entry: SwapEntry) -> Option<u64> {
        match self.at(entry).cache {
            Cache::Shadow(shadow) => Some(shadow),
            Cache::Nothing | Cache::Page(_) => None,
        }
    }

    /// Puts the frame that the page was read into under a slot in use that has none (`swap_cache_add_folio`). Gives the
    /// shadow that was there.
    pub fn add_to_swap_cache(&mut self, entry: SwapEntry, pfn: Pfn) -> Option<u64> {
        debug_assert_eq!(self.swap_cache(entry), None, "{entry:?} is cached");
        let shadow = self.shadow(entry);
        self.at_mut(entry).cache = Cache::Page(pfn);
        self.cached += 1;
        shadow
    }

    /// Takes the frame from under a slot (`delete_from_swap_cache`), and leaves a shadow if the page is reclaimed. Gives what
    /// is left of the slot: [`SlotState::Free`] if nobody counts on it, else [`SlotState::InUse`].
    pub fn delete_from_swap_cache(&mut self, entry: SwapEntry, shadow: Option<u64>) -> SlotState {
        debug_assert!(self.swap_cache(entry).is_some(), "{entry:?} is not cached");
        self.at_mut(entry).cache = shadow.map_or(Cache::Nothing, Cache::Shadow);
        self.cached -= 1;
        self.settle(entry)
    }

    /// Puts another frame in place of the one under a slot, as when a page moves.
    pub fn replace_in_swap_cache(&mut self, entry: SwapEntry, pfn: Pfn) {
        debug_assert!(self.swap_cache(entry).is_some(), "{entry:?} is not cached");
        self.at_mut(entry).cache = Cache::Page(pfn);
    }

    /// The slots that are worth reading together with `entry`, from the lowest on (`swap_cluster_readahead`): those in the
    /// aligned window of 2^`page_cluster` slots around it that somebody counts on and that are not cached. `entry` itself is
    /// not among them.
    pub fn swapin_readahead(&self, entry: SwapEntry, page_cluster: u32) -> impl Iterator<Item = SwapEntry> {
        let slot = entry.slot().0;
        let mask = 1_u32.checked_shl(page_cluster).map_or(u32::MAX, |window| window - 1);
        let end = (slot | mask).min(self.slots.len() as u32 - 1);
        let others = ((slot & !mask).max(1)..=end).filter(move |&other| other != slot);
        others.filter(|&other| self.is_worth_reading(SwapSlot(other))).map(|other| SwapEntry::new(SwapSlot(other)))
    }

    fn is_worth_reading(&self, slot: SwapSlot) -> bool {
        let Slot { count, cache, .. } = self.slots[slot.0 as usize];
        self.free.is_used(slot) && count > 0 && !matches!(cache, Cache::Page(_))
    }

    /// Slots that can be in use at once.
    #[must_use]
    pub const fn total(&self) -> u32 {
        self.free.total()
    }

    /// Slots in use (`swap_usage_in_pages`).
    #[must_use]
    pub const fn used(&self) -> u32 {
        self.free.used()
    }

    /// Slots that are free (`get_nr_swap_pages`).
    #[must_use]
    pub const fn free(&self) -> u32 {
        self.total() - self.used()
    }

    /// Frames in the swap cache (`total_swapcache_pages`, `SwapCached`).
    #[must_use]
    pub const fn cached(&self) -> u32 {
        self.cached
    }

    /// All slots in use, from the lowest on.
    pub fn in_use(&self) -> impl Iterator<Item = SlotInfo> {
        let slots = self.slots.iter().zip(0..).skip(1);
        let used = slots.filter(|(_, number)| self.free.is_used(SwapSlot(*number)));
        used.map(|(slot, number)| {
            let cached = if let Cache::Page(pfn) = slot.cache { Some(pfn) } else { None };
            SlotInfo { entry: SwapEntry::new(SwapSlot(number)), count: slot.count, owner: slot.owner, cached }
        })
    }

    /// Frees the slot if nothing keeps it.
    fn settle(&mut self, entry: SwapEntry) -> SlotState {
        match *self.at(entry) {
            Slot { count: 1.., .. } => SlotState::InUse,
            Slot { cache: Cache::Page(pfn), .. } => SlotState::CacheOnly(pfn),
            _ => {
                *self.at_mut(entry) = Slot::default();
                self.free.free(entry.slot());
                SlotState::Free
            }
        }
    }

    fn at(&self, entry: SwapEntry) -> &Slot {
        debug_assert!(self.free.is_used(entry.slot()), "{entry:?} is free");
        &self.slots[entry.slot().0 as usize]
    }

    fn at_mut(&mut self, entry: SwapEntry) -> &mut Slot {
        debug_assert!(self.free.is_used(entry.slot()), "{entry:?} is free");
        &mut self.slots[entry.slot().0 as usize]
    }
}
