//! What is counted, under the names that perf has for it on Intel's processors.

use arch::{AccessKind, PageSize};
use paging::tlb::TableCache;
use std::fmt::Write;
use std::ops::{AddAssign, Index, IndexMut};

/// Whose translation it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// A load's.
    #[default]
    Load,
    /// A store's, or that of an instruction that reads and writes one place.
    Store,
    /// An instruction fetch's.
    Fetch,
}

impl Side {
    /// In the order in which they are reported.
    pub const ALL: [Self; 3] = [Self::Load, Self::Store, Self::Fetch];

    /// The group of perf's events.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Load => "dtlb_load_misses",
            Self::Store => "dtlb_store_misses",
            Self::Fetch => "itlb_misses",
        }
    }
}

impl From<AccessKind> for Side {
    fn from(kind: AccessKind) -> Self {
        match kind {
            AccessKind::Read => Self::Load,
            AccessKind::Write => Self::Store,
            AccessKind::Fetch => Self::Fetch,
        }
    }
}

/// What misses of the first level came to, on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkCounters {
    /// The second level had it.
    pub stlb_hit: u64,
    /// Walks that ended in a translation, by the size of the page: 4 KiB, 2 or 4 MiB, 1 GiB.
    pub completed: [u64; 3],
    /// Walks that ended in a fault.
    pub faulted: u64,
    /// Entries that walks loaded.
    pub loads: u64,
    /// Entries in which walks set A or D.
    pub updates: u64,
}

impl WalkCounters {
    /// Walks, however they ended.
    #[must_use]
    pub fn walks(&self) -> u64 {
        self.completed.iter().sum::<u64>() + self.faulted
    }

    /// Misses of the first level.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.stlb_hit + self.walks()
    }

    pub(crate) const fn count_size(&mut self, size: PageSize) {
        let at = match size {
            PageSize::Size4K => 0,
            PageSize::Size2M | PageSize::Size4M => 1,
            PageSize::Size1G => 2,
        };
        self.completed[at] += 1;
    }
}

/// All that a model counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Instructions retired.
    pub instructions: u64,
    /// Misses and walks, by side.
    pub sides: [WalkCounters; 3],
    /// Walks that began at a cached table, by the cache that had it.
    pub table_hits: [u64; 4],
    /// Translations that were brought unasked.
    pub prefetched: u64,
    /// Invalidations of one page.
    pub page_invalidations: u64,
    /// Invalidations of more, with CR3 writes.
    pub flushes: u64,
}

impl Counters {
    /// Walks that began at a table which this cache gave.
    #[must_use]
    pub const fn table_hits(&self, cache: TableCache) -> u64 {
        self.table_hits[cache as usize]
    }

    /// Every event and its count, in the order in which they are reported.
    pub fn events(&self) -> impl Iterator<Item = (String, u64)> + '_ {
        let of_side = |side: Side| {
            let counters = &self[side];
            let rows = [
                ("stlb_hit", counters.stlb_hit),
                ("walk_completed", counters.walks()),
                ("walk_completed_4k", counters.completed[0]),
                ("walk_completed_2m_4m", counters.completed[1]),
                ("walk_completed_1g", counters.completed[2]),
                ("walk_faulted", counters.faulted),
                ("walk_loads", counters.loads),
                ("walk_updates", counters.updates),
            ];
            rows.map(|(event, count)| (format!("{}.{event}", side.group()), count))
        };
        let tables = TableCache::ALL.map(|cache| {
            let name = format!("{cache:?}").to_lowercase();
            (format!("paging_structure.{name}_hit"), self.table_hits(cache))
        });
        let others = [
            ("walk_prefetch.next_page", self.prefetched),
            ("tlb_flush.page", self.page_invalidations),
            ("tlb_flush.any", self.flushes),
        ];
        Side::ALL
            .into_iter()
            .flat_map(of_side)
            .chain(tables)
            .chain(others.map(|(event, count)| (event.to_owned(), count)))
    }

    /// The instructions and every event as CSV: a line for each, under a line that names the columns.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut text = format!("event,count\ninstructions,{}\n", self.instructions);
        for (name, count) in self.events() {
            let _ = writeln!(text, "{name},{count}");
        }
        text
    }
}

/// The sum of what several cores counted.
impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        // Taken apart, so that a counter which is new cannot be forgotten.
        let Self { instructions, sides, table_hits, prefetched, page_invalidations, flushes } = other;
        self.instructions += instructions;
        for (sum, side) in self.sides.iter_mut().zip(sides) {
            *sum += side;
        }
        add_each(&mut self.table_hits, table_hits);
        self.prefetched += prefetched;
        self.page_invalidations += page_invalidations;
        self.flushes += flushes;
    }
}

impl AddAssign<&Self> for WalkCounters {
    fn add_assign(&mut self, other: &Self) {
        let Self { stlb_hit, completed, faulted, loads, updates } = other;
        self.stlb_hit += stlb_hit;
        add_each(&mut self.completed, completed);
        self.faulted += faulted;
        self.loads += loads;
        self.updates += updates;
    }
}

fn add_each<const N: usize>(sums: &mut [u64; N], counts: &[u64; N]) {
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

impl Index<Side> for Counters {
    type Output = WalkCounters;

    fn index(&self, side: Side) -> &WalkCounters {
        &self.sides[side as usize]
    }
}

impl IndexMut<Side> for Counters {
    fn index_mut(&mut self, side: Side) -> &mut WalkCounters {
        &mut self.sides[side as usize]
    }
}
