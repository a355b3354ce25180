//! The paging-structure caches (SDM "Caching Paging-Structure Entries").
//!
//! Invariants: an entry references a table, had P=1, PS=0, no reserved bit and A=1 when it was read (MMU-196), and carries
//! the rights of the whole path from the root down to it (MMU-195).

use super::array::SetAssociative;
use super::{Flush, Geometry, GeometryError, TableCacheConfig};
use crate::{EntryUse, PagingContext, Table};
use arch::{AccessedDirty, Level, LinearAddr, Pcid, PhysAddr};

const RW: u64 = 1 << 1;
const US: u64 = 1 << 2;
const A: u64 = AccessedDirty::A.bits() as u64;
const XD: u64 = 1 << 63;

/// Which of the caches: named after the entries that it holds, from the root down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableCache {
    /// PML5 entries, each of which leads to a PML4.
    Pml5e,
    /// PML4 entries, each of which leads to a page-directory-pointer table.
    Pml4e,
    /// PDPT entries, each of which leads to a page directory.
    Pdpte,
    /// Page-directory entries, each of which leads to a page table.
    Pde,
}

/// A table that a walk may begin at, and what the path to it gives (MMU-195).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableRef {
    /// The cache that holds the entry which leads there.
    pub cache: TableCache,
    /// That entry's value when it was read; its PWT and PCD type the loads from the table (MMU-221).
    pub entry: u64,
    /// The table, and the rights of the path from the root down.
    pub table: Table,
}

/// The caches of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PagingStructureCaches {
    /// In the order of [`TableCache`].
    caches: [Option<SetAssociative<Entry>>; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pcid: Pcid,
    prefix: u64,
    reference: TableRef,
}

impl TableCache {
    /// From the root down.
    pub const ALL: [Self; 4] = [Self::Pml5e, Self::Pml4e, Self::Pdpte, Self::Pde];

    /// The linear-address bits from this one up select an entry.
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Pml5e => 48,
            Self::Pml4e => 39,
            Self::Pdpte => 30,
            Self::Pde => 21,
        }
    }

    /// The cache for the entries of a level, which lead to a table of the level below; `None` for PTEs.
    const fn of(level: Level) -> Option<Self> {
        match level {
            Level::Pml5 => Some(Self::Pml5e),
            Level::Pml4 => Some(Self::Pml4e),
            Level::Pdpt => Some(Self::Pdpte),
            Level::Pd => Some(Self::Pde),
            Level::Pt => None,
        }
    }

    const fn prefix(self, la: LinearAddr) -> u64 {
        la.0 >> self.shift()
    }
}

impl TableRef {
    /// What one more entry of a path leads to (MMU-081); without one above, of a path that begins at the root.
    fn below(above: Option<&Table>, used: &EntryUse, ctx: &PagingContext) -> Option<Self> {
        let all_above = |right: fn(&Table) -> bool| above.is_none_or(right);
        let table = Table {
            level: used.level.below()?,
            base: PhysAddr(used.seen & ctx.width.frame_mask()),
            writable: all_above(|t| t.writable) && used.seen & RW != 0,
            user: all_above(|t| t.user) && used.seen & US != 0,
            no_execute: above.is_some_and(|t| t.no_execute) || used.seen & XD != 0,
        };
        Some(Self { cache: TableCache::of(used.level)?, entry: used.seen, table })
    }
}

impl PagingStructureCaches {
    /// Empty caches.
    ///
    /// # Errors
    /// What makes a geometry impossible.
    pub fn new(config: &TableCacheConfig) -> Result<Self, GeometryError> {
        let new = |geometry: Option<Geometry>| geometry.map(SetAssociative::new).transpose();
        let caches = [new(config.pml5e)?, new(config.pml4e)?, new(config.pdpte)?, new(config.pde)?];
        Ok(Self { caches })
    }

    /// The deepest table on the way to `la` (MMU-198).
    pub fn deepest(&mut self, pcid: Pcid, la: LinearAddr) -> Option<TableRef> {
        TableCache::ALL.into_iter().rev().find_map(|cache| {
            let held = self.caches[cache as usize].as_mut()?;
            let prefix = cache.prefix(la);
            let (place, entry) = held.find(prefix, |e| e.pcid == pcid && e.prefix == prefix)?;
            held.used(place, &mut |_| {});
            Some(entry.reference)
        })
    }

    /// Takes the entries of a walk for `la` from `start` or the root that lead to tables: all but the last, which is the
    /// leaf or what ended the walk. An entry without A, which a faulting walk may leave, ends the matter (MMU-196).
    pub fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        let mut above = start.map(|s| s.table);
        for used in &walked[..walked.len().saturating_sub(1)] {
            let Some(reference) = TableRef::below(above.as_ref(), used, ctx) else { return };
            if (used.seen | u64::from(used.set.bits())) & A == 0 {
                return;
            }
            self.insert(ctx.pcid(), la, reference);
            above = Some(reference.table);
        }
    }

    fn insert(&mut self, pcid: Pcid, la: LinearAddr, reference: TableRef) {
        let prefix = reference.cache.prefix(la);
        if let Some(held) = &mut self.caches[reference.cache as usize] {
            held.insert(
                prefix,
                Entry { pcid, prefix, reference },
                |e| e.pcid == pcid && e.prefix == prefix,
                &mut |_| {},
            );
        }
    }

    /// Drops what a flush covers: a fault drops what leads to its address (MMU-204), all else whatever the address
    /// (MMU-202).
    pub fn flush(&mut self, what: Flush) {
        for (cache, held) in TableCache::ALL.into_iter().zip(&mut self.caches) {
            let Some(held) = held else { continue };
            match what {
                Flush::Fault { la, .. } => {
                    let prefix = cache.prefix(la);
                    held.drop_in_set(prefix, |e| e.prefix == prefix && what.covers_table(e.pcid));
                }
                _ => held.drop_all(|e| what.covers_table(e.pcid)),
            }
        }
    }

    /// What is held: the first address that each reference serves, and the reference, cache by cache from the root's, set by set and
    /// way by way.
    pub fn entries(&self) -> impl Iterator<Item = (LinearAddr, TableRef)> {
        let held = self.caches.iter().flatten().flat_map(|c| c.entries());
        held.map(|e| (LinearAddr(e.prefix << e.reference.cache.shift()), e.reference))
    }
}
