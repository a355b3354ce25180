//! Linux's multi-generational LRU (mm/vmscan.c, CONFIG_LRU_GEN): pages are sorted into generations, and the oldest goes.
//!
//! Generations are numbered; the youngest number is common to both kinds of pages, the oldest is each kind's own. There are two to
//! four of them. A page that a fault brings in is of the youngest. When a kind has but two left, ageing makes
//! a new one: a walk over all pages puts those that were used since the last walk into the youngest generation, and then a younger one
//! opens (`try_to_inc_max_seq`). Eviction takes the oldest generation of the kind that is chosen; a page of it that
//! was used meanwhile becomes youngest.
//!
//! Pages of files that are read and written through descriptors have no accessed bits. Their accesses are counted and sort them into
//! tiers, which are protected as far as pages like them have been missed ([`tiers`]).
//!
//! Simplified: the walk goes over the pages rather than the page tables, and has no Bloom filter, as it finds the same
//! pages; the youngest generation opens as soon as eviction needs it, whatever the sizes of the others are.

mod tiers;

use super::page_list::{ListId, PageLists};
use super::{
    Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyConfig, PolicyCounts,
    Shadow, Swappiness,
};
use crate::mm::reclaim::side_array::SideArray;
use arch::Pfn;
use tiers::{Tier, Tiers};

/// Generations that there can be at once.
const MAX_NR_GENS: u64 = 4;

/// Generations that a kind keeps.
const MIN_NR_GENS: u64 = 2;

/// Bits of a shadow that hold the tier.
const TIER_BITS: u32 = 2;

/// The policy `mglru`.
#[derive(Debug)]
pub(super) struct Mglru {
    /// A list for each kind and each generation; with each page, its accesses through descriptors.
    lists: PageLists<u8>,
    /// The tiers of pages that were selected, until it is known whether they go.
    isolated: SideArray<Tier>,
    max_seq: u64,
    min_seq: ByKind,
    tiers: Tiers,
    swappiness: Swappiness,
    events: Events,
}

impl Mglru {
    pub(super) fn new(config: PolicyConfig) -> Self {
        Self {
            lists: PageLists::new((PageKind::ALL.len() as u64 * MAX_NR_GENS) as u8),
            isolated: SideArray::default(),
            max_seq: MIN_NR_GENS + 1,
            min_seq: ByKind::default(),
            tiers: Tiers::default(),
            swappiness: config.swappiness,
            events: Events::default(),
        }
    }

    fn pages_of(&self, kind: PageKind) -> u64 {
        (0..MAX_NR_GENS).map(|seq| self.lists.len(list(kind, seq))).sum()
    }

    /// The number of the generation that a page of this list is of.
    fn seq_of(&self, id: ListId) -> u64 {
        let generation = u64::from(id.0) % MAX_NR_GENS;
        self.max_seq - (self.max_seq - generation) % MAX_NR_GENS
    }

    /// Moves a page to another generation of its kind; its accesses stay.
    fn move_to(&mut self, page: Pfn, kind: PageKind, seq: u64) {
        if let Some((_, accesses)) = self.lists.remove(page) {
            self.lists.push_head(list(kind, seq), page, accesses);
        }
    }

    /// Closes generations that are empty (`try_to_inc_min_seq`).
    fn drop_empty(&mut self, kind: PageKind) {
        while self.min_seq[kind] + MIN_NR_GENS <= self.max_seq && self.lists.len(list(kind, self.min_seq[kind])) == 0 {
            self.close_oldest(kind);
        }
    }

    fn close_oldest(&mut self, kind: PageKind) {
        self.min_seq[kind] += 1;
        self.tiers.next_period(kind);
    }

    /// `inc_max_seq`: what was used since the last walk becomes youngest, and a younger generation opens.
    fn age(&mut self, pages: &mut dyn Pages) {
        for kind in PageKind::ALL {
            for seq in self.min_seq[kind]..=self.max_seq {
                self.walk(pages, kind, seq);
            }
        }
        self.max_seq += 1;
        for kind in PageKind::ALL {
            self.make_room(kind);
        }
    }

    /// Asks the pages of a generation whether they were used.
    fn walk(&mut self, pages: &mut dyn Pages, kind: PageKind, seq: u64) {
        let mut next = self.lists.tail(list(kind, seq));
        while let Some(page) = next {
            next = self.lists.newer(page);
            self.events.refilled += 1;
            if pages.referenced(page) > 0 && seq < self.max_seq {
                self.move_to(page, kind, self.max_seq);
                self.events.activated += 1;
            }
        }
    }

    /// The new generation takes the list of the oldest, if there are four: its pages join the next.
    fn make_room(&mut self, kind: PageKind) {
        let oldest = self.min_seq[kind];
        if oldest + MAX_NR_GENS > self.max_seq {
            return;
        }
        // The youngest of the old pages come to the tail first, so that the oldest end there.
        let mut joining = Vec::new();
        while let Some(page) = self.lists.tail(list(kind, oldest)) {
            joining.extend(self.lists.remove(page).map(|(_, accesses)| (page, accesses)));
        }
        for (page, accesses) in joining.into_iter().rev() {
            self.lists.push_tail(list(kind, oldest + 1), page, accesses);
        }
        self.close_oldest(kind);
    }

    /// The kind whose oldest generation is looked at (`get_type_to_scan`).
    fn choose(&self, from: Candidates) -> Option<PageKind> {
        let has = |kind| from.include(kind) && self.pages_of(kind) > 0;
        match (has(PageKind::Anon), has(PageKind::File)) {
            (false, false) => None,
            (true, false) => Some(PageKind::Anon),
            (false, true) => Some(PageKind::File),
            (true, true) if self.swappiness.get() == 0 => Some(PageKind::File),
            (true, true) if self.min_seq.anon < self.min_seq.file => Some(PageKind::Anon),
            (true, true) => Some(self.tiers.cheaper_kind(self.swappiness)),
        }
    }

    /// Looks at the oldest page of a kind; gives it if it can go, in no list any more.
    fn take_oldest(&mut self, pages: &mut dyn Pages, kind: PageKind) -> Option<Pfn> {
        let oldest = self.min_seq[kind];
        let page = self.lists.tail(list(kind, oldest))?;
        self.events.scanned[kind] += 1;
        let tier = Tier::of(self.lists.data(page));
        if self.tiers.protects(kind, tier) {
            self.tiers.protected(kind, tier);
            self.move_to(page, kind, oldest + 1);
            return None;
        }
        if pages.referenced(page) > 0 {
            self.move_to(page, kind, self.max_seq);
            self.events.activated += 1;
            return None;
        }
        self.lists.remove(page);
        *self.isolated.get_mut(page) = tier;
        Some(page)
    }

    /// One step of a scan: ageing, or a page.
    fn step(&mut self, pages: &mut dyn Pages, kind: PageKind) -> Option<Pfn> {
        self.drop_empty(kind);
        if self.min_seq[kind] + MIN_NR_GENS > self.max_seq {
            self.age(pages);
            return None;
        }
        self.take_oldest(pages, kind)
    }

    /// The generation that a page comes into (`lru_gen_add_folio`).
    fn seq_for(&self, kind: PageKind, arrival: Arrival) -> u64 {
        match (arrival, kind) {
            (Arrival::Fault, _) => self.max_seq,
            // It cannot go at once, as it has no swap slot yet.
            (Arrival::Cache, PageKind::Anon) => self.min_seq.anon + 1,
            (Arrival::Cache, PageKind::File) => self.min_seq.file,
        }
    }
}

/// The list of a generation.
const fn list(kind: PageKind, seq: u64) -> ListId {
    ListId((kind as u64 * MAX_NR_GENS + seq % MAX_NR_GENS) as u8)
}

impl Policy for Mglru {
    fn insert(&mut self, page: Pfn, kind: PageKind, arrival: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.remove(page);
        let inserted = self.events.arrived(kind, shadow);
        self.lists.push_head(list(kind, self.seq_for(kind, arrival)), page, 0);
        let Some(Shadow(shadow)) = shadow else { return inserted };
        // Of those that went long ago the generations tell nothing (`lru_gen_test_recent`).
        if self.max_seq.abs_diff(shadow >> TIER_BITS) >= MAX_NR_GENS {
            return inserted;
        }
        let tier = Tier::from_bits(shadow);
        self.tiers.refaulted(kind, tier);
        if arrival == Arrival::Cache {
            return inserted;
        }
        self.events.refault_activated[kind] += 1;
        Inserted::Activated
    }

    fn remove(&mut self, page: Pfn) {
        self.lists.remove(page);
        self.isolated.take(page);
    }

    /// Ageing clears all accessed bits, so that after three generations every page that is not used right now can go. If the kind that is
    /// chosen gives nothing, the other does.
    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        let chosen = self.choose(from)?;
        let other = if chosen == PageKind::Anon { PageKind::File } else { PageKind::Anon };
        [chosen, other].into_iter().filter(|&kind| from.include(kind)).find_map(|kind| {
            let steps = MAX_NR_GENS * (self.pages_of(kind) + 1);
            (0..steps).find_map(|_| self.step(pages, kind))
        })
    }

    /// It cannot go now, so it is not among the oldest.
    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        self.remove(page);
        self.lists.push_head(list(kind, self.min_seq[kind] + 1), page, 0);
    }

    fn evicted(&mut self, page: Pfn, kind: PageKind, _: Departure) -> Shadow {
        let tier = self.isolated.take(page);
        self.tiers.evicted(kind, tier);
        Shadow(self.max_seq << TIER_BITS | tier.bits())
    }

    fn mark_accessed(&mut self, page: Pfn) {
        if let Some(accesses) = self.lists.data_mut(page) {
            *accesses = accesses.saturating_add(1);
        }
    }

    /// It joins the oldest generation (`lru_gen_del_folio`, `lru_deactivate`).
    fn deactivate(&mut self, page: Pfn) {
        let Some((id, _)) = self.lists.remove(page) else { return };
        let kind = kind_of(id);
        self.lists.push_head(list(kind, self.min_seq[kind]), page, 0);
        self.events.deactivated += 1;
    }

    fn set_swappiness(&mut self, swappiness: Swappiness) {
        self.swappiness = swappiness;
    }

    /// The two youngest generations count as active (`lru_gen_is_active`).
    fn counts(&self) -> PolicyCounts {
        let mut counts = PolicyCounts { events: self.events, ..PolicyCounts::default() };
        for id in (0..PageKind::ALL.len() as u8 * MAX_NR_GENS as u8).map(ListId) {
            let is_active = self.seq_of(id) + 1 >= self.max_seq;
            let part = if is_active { &mut counts.active } else { &mut counts.inactive };
            part[kind_of(id)] += self.lists.len(id);
        }
        counts
    }
}

/// The kind of the pages in a list.
const fn kind_of(id: ListId) -> PageKind {
    PageKind::ALL[id.0 as usize / MAX_NR_GENS as usize]
}
