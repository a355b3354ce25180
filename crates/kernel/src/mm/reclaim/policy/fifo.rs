//! First in, first out: the page that has been here longest goes, used or not.

use super::queue::Queue;
use super::{Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, Shadow};
use arch::Pfn;

/// The policy `fifo`.
#[derive(Debug, Default)]
pub(super) struct Fifo {
    queue: Queue,
    events: Events,
}

impl Policy for Fifo {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.queue.push(page, kind);
        self.events.arrived(kind, shadow)
    }

    fn remove(&mut self, page: Pfn) {
        self.queue.remove(page);
    }

    fn select(&mut self, _: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        let (page, kind) = self.queue.oldest(from)?;
        self.queue.remove(page);
        self.events.scanned[kind] += 1;
        Some(page)
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        self.queue.push(page, kind);
    }

    fn evicted(&mut self, _: Pfn, _: PageKind, _: Departure) -> Shadow {
        Shadow(0)
    }

    fn counts(&self) -> PolicyCounts {
        let inactive = ByKind { anon: self.queue.len_of(PageKind::Anon), file: self.queue.len_of(PageKind::File) };
        PolicyCounts { inactive, active: ByKind::default(), events: self.events }
    }
}
