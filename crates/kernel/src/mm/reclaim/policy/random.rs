//! Any page, as the seed says: what a policy has to be better than.
//!
//! The pages of each kind stand in a row without gaps; the last takes the place of one that leaves.

use super::{Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, Shadow};
use crate::mm::reclaim::side_array::SideArray;
use crate::random::Random;
use arch::Pfn;

/// The policy `random`.
#[derive(Debug)]
pub(super) struct RandomPolicy {
    rows: ByKind<Vec<Pfn>>,
    /// Where a page stands.
    places: SideArray<Option<(PageKind, usize)>>,
    random: Random,
    events: Events,
}

impl RandomPolicy {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rows: ByKind::default(),
            places: SideArray::default(),
            random: Random::new(seed),
            events: Events::default(),
        }
    }

    fn push(&mut self, page: Pfn, kind: PageKind) {
        self.remove(page);
        *self.places.get_mut(page) = Some((kind, self.rows[kind].len()));
        self.rows[kind].push(page);
    }
}

impl Policy for RandomPolicy {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.push(page, kind);
        self.events.arrived(kind, shadow)
    }

    fn remove(&mut self, page: Pfn) {
        let Some((kind, index)) = self.places.take(page) else { return };
        let row = &mut self.rows[kind];
        row.swap_remove(index);
        if let Some(&moved) = row.get(index) {
            *self.places.get_mut(moved) = Some((kind, index));
        }
    }

    fn select(&mut self, _: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        let anon = if from.include(PageKind::Anon) { self.rows.anon.len() } else { 0 };
        let total = anon + self.rows.file.len();
        // The remainder favours no page noticeably: there are far fewer than 2^64.
        let index = self.random.next_u64().checked_rem(total as u64)? as usize;
        let kind = if index < anon { PageKind::Anon } else { PageKind::File };
        let page = if index < anon { self.rows.anon[index] } else { self.rows.file[index - anon] };
        self.remove(page);
        self.events.scanned[kind] += 1;
        Some(page)
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        self.push(page, kind);
    }

    fn evicted(&mut self, _: Pfn, _: PageKind, _: Departure) -> Shadow {
        Shadow(0)
    }

    fn counts(&self) -> PolicyCounts {
        let inactive = ByKind { anon: self.rows.anon.len() as u64, file: self.rows.file.len() as u64 };
        PolicyCounts { inactive, active: ByKind::default(), events: self.events }
    }
}
