//! The clock, or second chance: pages in a ring, and a hand that passes those that were used since it came by last
//! (Corbató, "A paging experiment with the Multics system").
//!
//! The ring is a queue: to pass a page is to move it from the old end to the young one.

use super::queue::Queue;
use super::{Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, Shadow};
use arch::Pfn;

/// The policy `clock`.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ring: Queue,
    events: Events,
}

impl Policy for Clock {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.ring.push(page, kind);
        self.events.arrived(kind, shadow)
    }

    fn remove(&mut self, page: Pfn) {
        self.ring.remove(page);
    }

    /// In one turn of the hand all accessed bits are cleared, so that the first page of the next can go.
    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        for _ in 0..=self.ring.len(from) {
            let (page, kind) = self.ring.oldest(from)?;
            self.events.scanned[kind] += 1;
            if pages.referenced(page) == 0 && !self.ring.is_marked(page) {
                self.ring.remove(page);
                return Some(page);
            }
            self.ring.push(page, kind);
            self.events.activated += 1;
        }
        None
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        self.ring.push(page, kind);
    }

    fn evicted(&mut self, _: Pfn, _: PageKind, _: Departure) -> Shadow {
        Shadow(0)
    }

    fn mark_accessed(&mut self, page: Pfn) {
        self.ring.mark(page);
    }

    fn counts(&self) -> PolicyCounts {
        let inactive = ByKind { anon: self.ring.len_of(PageKind::Anon), file: self.ring.len_of(PageKind::File) };
        PolicyCounts { inactive, active: ByKind::default(), events: self.events }
    }
}
