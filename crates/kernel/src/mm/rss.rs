//! What of an address space is resident, by kind (Linux's `rss_stat`: `MM_ANONPAGES`, `MM_FILEPAGES`, `MM_SHMEMPAGES`,
//! `MM_SWAPENTS`).
//!
//! The counters are shared by the address space and the frames' side: page-out takes pages from an address space that it
//! only knows by the [`RssId`] in the descriptor of a page table.

use arch::SpaceId;
use std::cell::Cell;
use std::rc::Rc;

/// The counters of one address space.
#[derive(Debug, Default)]
pub struct Rss {
    counts: [Cell<u64>; 4],
    peak: Cell<u64>,
    /// Of large pages of the pools, in frames, which are not counted as resident (`hugetlb_usage`).
    hugetlb: Cell<u64>,
}

/// What a page of an address space is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RssKind {
    /// Anonymous memory in a frame.
    Anon,
    /// A page of a file.
    File,
    /// Shared memory.
    Shmem,
    /// An entry that says where in swap the page is.
    Swap,
}

impl Rss {
    /// Pages of one kind.
    #[must_use]
    pub fn get(&self, kind: RssKind) -> u64 {
        self.counts[kind as usize].get()
    }

    /// Pages with a frame (`get_mm_rss`).
    #[must_use]
    pub fn resident(&self) -> u64 {
        self.get(RssKind::Anon) + self.get(RssKind::File) + self.get(RssKind::Shmem)
    }

    /// The most pages that were resident at once (`hiwater_rss`).
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.peak.get()
    }

    /// Forgets how many pages were resident once.
    pub(super) fn reset_peak(&self) {
        self.peak.set(self.resident());
    }

    /// Frames of large pages of the pools (`HugetlbPages`).
    #[must_use]
    pub fn hugetlb(&self) -> u64 {
        self.hugetlb.get()
    }

    /// A large page of so many frames more.
    pub(super) fn inc_hugetlb(&self, frames: u64) {
        self.hugetlb.update(|n| n + frames);
    }

    /// A large page of so many frames less.
    pub(super) fn dec_hugetlb(&self, frames: u64) {
        self.hugetlb.update(|n| n - frames);
    }

    /// One page more.
    pub(super) fn inc(&self, kind: RssKind) {
        self.counts[kind as usize].update(|n| n + 1);
        self.peak.set(self.peak.get().max(self.resident()));
    }

    /// One page less.
    pub(super) fn dec(&self, kind: RssKind) {
        let count = &self.counts[kind as usize];
        debug_assert!(count.get() > 0, "no page of this kind is left: {kind:?}");
        count.update(|n| n - 1);
    }
}

/// The number of an address space among those that have page tables. No number is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RssId(u32);

impl RssId {
    /// The number by which references name the address space.
    pub(super) const fn space(self) -> SpaceId {
        SpaceId(self.0)
    }
}

/// The counters of all address spaces. A slot stays empty when its address space is gone: these are a few bytes for each that
/// there ever was.
#[derive(Debug, Default)]
pub(super) struct RssTable {
    slots: Vec<Option<Rc<Rss>>>,
}

impl RssTable {
    /// Counters for a new address space.
    pub(super) fn add(&mut self) -> (RssId, Rc<Rss>) {
        let rss = Rc::new(Rss::default());
        self.slots.push(Some(Rc::clone(&rss)));
        (RssId(self.slots.len() as u32 - 1), rss)
    }

    /// The address space is gone.
    pub(super) fn remove(&mut self, id: RssId) {
        self.slots[id.0 as usize] = None;
    }

    pub(super) fn get(&self, id: RssId) -> &Rss {
        self.slots[id.0 as usize].as_deref().expect("an address space outlives its page tables")
    }
}
