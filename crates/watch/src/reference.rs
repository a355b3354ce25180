//! The reference TLB: it holds whatever a processor may hold, without end (SDM "Caching Translation Information").
//!
//! Invariants: what a walk has given stays until an invalidation, or a fault, covers it, and an access that it serves leaves it as it is; of one
//! page of one size the newest is held. Tables are held as paths from the root. A flush of one page is taken for one of a single PCID: with more
//! than one in use, a global page would seem to stay under the others.

use crate::path::{Path, Seen};
use arch::{Access, Level, LinearAddr, PageSize, Pcid, Pfn};
use foldhash::fast::FixedState;
use paging::tlb::Flush;
use paging::{PagingContext, Translation};
use std::collections::HashMap;

const SIZES: [PageSize; 4] = [PageSize::Size4K, PageSize::Size2M, PageSize::Size4M, PageSize::Size1G];
const TABLES: [Level; 4] = [Level::Pml5, Level::Pml4, Level::Pdpt, Level::Pd];

/// A translation, and what it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) translation: Translation,
    pub(crate) path: Path,
    /// How many stores to entries had been made.
    pub(crate) since: u64,
}

impl Held {
    /// The frame of `la`, which lies in the page.
    pub(crate) fn frame(&self, la: LinearAddr) -> Pfn {
        frame_in(&self.translation, la)
    }

    /// True if it decides this access, so that no walk is made (MMU-182, MMU-183).
    pub(crate) fn serves(&self, ctx: &PagingContext, access: Access) -> bool {
        self.translation.rights.allow(ctx, access) && (self.translation.dirty || !access.is_write())
    }
}

/// The frame of `la` by a translation of its page, which names that of some address in it.
fn frame_in(translation: &Translation, la: LinearAddr) -> Pfn {
    let within = translation.size.offset_mask() >> arch::FRAME_SHIFT;
    Pfn(translation.frame.0 & !within | la.page_number() & within)
}

/// A path to a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeldTable {
    pub(crate) path: Path,
    /// How many stores to entries had been made.
    pub(crate) since: u64,
}

/// What a processor may hold.
#[derive(Debug, Default)]
pub(crate) struct ReferenceTlb {
    pages: HashMap<(Pcid, PageSize, u64), Held, FixedState>,
    tables: HashMap<(Pcid, Level, u64), HeldTable, FixedState>,
}

impl ReferenceTlb {
    /// A translation of `la` that decides an access.
    pub(crate) fn page(&self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Held> {
        let held = |size: PageSize| self.pages.get(&(ctx.pcid(), size, page_of(la, size)));
        SIZES.into_iter().filter_map(held).find(|held| held.serves(ctx, access)).copied()
    }

    /// The paths to tables that a walk for `la` may begin at, from the root down.
    pub(crate) fn tables(&self, pcid: Pcid, la: LinearAddr) -> impl Iterator<Item = HeldTable> {
        TABLES.into_iter().filter_map(move |level| self.tables.get(&(pcid, level, la.0 >> level.shift())).copied())
    }

    /// Takes what a walk has given.
    pub(crate) fn fill(&mut self, pcid: Pcid, la: LinearAddr, held: Held) {
        self.pages.insert((pcid, held.translation.size, page_of(la, held.translation.size)), held);
        self.fill_tables(pcid, la, &held.path, held.since);
    }

    /// Takes the tables that a walk has come by, as of so many stores; those that are held stay as they are.
    pub(crate) fn fill_tables(&mut self, pcid: Pcid, la: LinearAddr, path: &Path, since: u64) {
        let Some((_, tables)) = path.entries().split_last() else { return };
        for Seen { level, .. } in tables {
            let path = || HeldTable { path: path.down_to(*level), since };
            self.tables.entry((pcid, *level, la.0 >> level.shift())).or_insert_with(path);
        }
    }

    /// Drops what a flush covers.
    pub(crate) fn flush(&mut self, what: Flush) {
        match what {
            Flush::Page { pcid, la } | Flush::Address { pcid, la } | Flush::Fault { pcid, la } => {
                for size in SIZES {
                    self.pages.remove(&(pcid, size, page_of(la, size)));
                }
            }
            _ => self.pages.retain(|(owner, ..), held| !what.covers_translation(*owner, held.translation.global)),
        }
        match what {
            Flush::Fault { la, .. } => {
                let leads_there = |level: Level, prefix| prefix == la.0 >> level.shift();
                self.tables
                    .retain(|(owner, level, prefix), _| !(what.covers_table(*owner) && leads_there(*level, *prefix)));
            }
            _ => self.tables.retain(|(owner, ..), _| !what.covers_table(*owner)),
        }
    }

    /// True if nothing is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.pages.is_empty() && self.tables.is_empty()
    }
}

const fn page_of(la: LinearAddr, size: PageSize) -> u64 {
    la.0 & !size.offset_mask()
}
