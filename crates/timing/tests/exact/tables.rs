//! The paging-structure caches (MMU-195 to MMU-200): for a prefix of the address, the table that a walk would come to.

use crate::array::Array;
use crate::tlb::{Rights, start_of};
use paging::tlb::TableCacheConfig;

/// A table that a walk may be at: `level` 5 for a PML5 to 1 for a page table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) level: u32,
    pub(crate) at: u64,
    /// Of the entries that lead to it.
    pub(crate) rights: Rights,
}

/// What such a cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldTable {
    pub(crate) pcid: u16,
    /// The first address that the table serves.
    pub(crate) from: u64,
    /// The entry that leads to the table, as it was read.
    pub(crate) entry: u64,
    pub(crate) table: Table,
}

/// The caches, root first: those for the entries of level 5, 4, 3 and 2.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    caches: [(u32, Option<Array<HeldTable>>); 4],
}

/// log2 of the bytes that an entry of a table of this level serves.
pub(crate) const fn entry_bits(level: u32) -> u32 {
    12 + 9 * (level - 1)
}

impl HeldTable {
    /// True if it is on the way to `la`: then a fault there drops it (MMU-204).
    pub(crate) fn leads_to(&self, la: u64) -> bool {
        start_of(la, entry_bits(self.table.level + 1)) == self.from
    }
}

impl Tables {
    pub(crate) fn new(config: &TableCacheConfig) -> Self {
        let caches = [(5, config.pml5e), (4, config.pml4e), (3, config.pdpte), (2, config.pde)];
        Self { caches: caches.map(|(level, shape)| (level, shape.map(Array::new))) }
    }

    /// The table nearest to the page that is cached, and its place among the caches (MMU-198).
    pub(crate) fn deepest(&mut self, pcid: u16, la: u64) -> Option<(usize, Table)> {
        for (place, (level, cache)) in self.caches.iter_mut().enumerate().rev() {
            let Some(cache) = cache else { continue };
            if let Some(held) = cache.hit(la >> entry_bits(*level), |e| e.pcid == pcid && e.leads_to(la)) {
                return Some((place, held.table));
            }
        }
        None
    }

    /// Caches the entry of a table that a walk for `la` has read, and where it led.
    pub(crate) fn fill(&mut self, pcid: u16, la: u64, entry: u64, table: Table) {
        let bits = entry_bits(table.level + 1);
        let held = HeldTable { pcid, from: start_of(la, bits), entry, table };
        for (level, cache) in &mut self.caches {
            if let (true, Some(cache)) = (*level == table.level + 1, cache) {
                cache.put(la >> bits, held, |e| e.pcid == pcid && e.leads_to(la));
            }
        }
    }

    pub(crate) fn drop_if(&mut self, covered: impl Fn(&HeldTable) -> bool) {
        self.caches.iter_mut().filter_map(|(_, cache)| cache.as_mut()).for_each(|c| c.drop_if(&covered));
    }

    /// All entries, cache by cache from the root's, set by set and way by way.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &HeldTable> {
        self.caches.iter().filter_map(|(_, cache)| cache.as_ref()).flat_map(Array::entries)
    }

    /// For each cache that there is, how many entries had to go because their set was full.
    pub(crate) fn evicted(&self) -> impl Iterator<Item = u64> {
        self.caches.iter().filter_map(|(_, cache)| cache.as_ref()).map(|c| c.evicted)
    }
}
