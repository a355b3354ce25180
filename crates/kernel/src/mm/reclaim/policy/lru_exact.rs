//! Least recently used, by exact times: the page whose last use is longest ago goes.
//!
//! The times come from the reference clock. The index holds for each page a time that is not later than its last use; a page whose
//! time proves to be old is given the true one, so that the first page whose time is true is the victim.

use super::time_index::TimeIndex;
use super::{
    Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, RefTime, Shadow,
};
use arch::Pfn;

/// The policy `lru-exact`.
#[derive(Debug, Default)]
pub(super) struct LruExact {
    index: TimeIndex,
    events: Events,
}

impl Policy for LruExact {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.index.insert(page, kind, RefTime::default());
        self.events.arrived(kind, shadow)
    }

    fn remove(&mut self, page: Pfn) {
        self.index.remove(page);
    }

    /// Each turn of the loop corrects a page that was used since its time was noted, or ends it.
    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        loop {
            let (noted, page, kind) = self.index.first(from)?;
            self.events.scanned[kind] += 1;
            let last_use = pages.last_use(page);
            if last_use <= noted {
                self.index.remove(page);
                return Some(page);
            }
            self.index.insert(page, kind, last_use);
        }
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        self.index.insert(page, kind, RefTime::default());
    }

    fn evicted(&mut self, _: Pfn, _: PageKind, _: Departure) -> Shadow {
        Shadow(0)
    }

    fn counts(&self) -> PolicyCounts {
        PolicyCounts { inactive: self.index.len(), active: ByKind::default(), events: self.events }
    }
}
