//! Belady's optimum: the page whose next use is farthest off goes (Belady, "A study of replacement algorithms for a
//! virtual-storage computer").
//!
//! The references to come are those of a recording. A next use that was noted stays true until the clock has passed it, so
//! only the pages at the early end of the index are asked for anew. A mapping that came since may bring an earlier use:
//! the page at the far end is asked once more before it goes.

use super::time_index::TimeIndex;
use super::{
    Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, RefTime, Shadow,
};
use arch::Pfn;

/// The time of a next use that never comes.
const NEVER: RefTime = RefTime(u64::MAX);

/// The policy `opt`.
#[derive(Debug, Default)]
pub(super) struct Opt {
    /// By next use. A page that was not asked for yet is at time 0, which has always passed.
    index: TimeIndex,
    events: Events,
}

impl Opt {
    /// Asks for the next use of each candidate whose noted one has passed.
    fn catch_up(&mut self, pages: &dyn Pages, from: Candidates) {
        let now = pages.now();
        while let Some((noted, page, kind)) = self.index.first(from) {
            if noted > now {
                break;
            }
            let next = next_use(pages, page);
            debug_assert!(next >= now, "a next use lies ahead");
            // What is to be used right now has not passed, but must not be asked for again.
            self.index.insert(page, kind, next.max(RefTime(now.0 + 1)));
        }
    }
}

fn next_use(pages: &dyn Pages, page: Pfn) -> RefTime {
    pages.next_use(page).unwrap_or(NEVER)
}

impl Policy for Opt {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.index.insert(page, kind, RefTime::default());
        self.events.arrived(kind, shadow)
    }

    fn remove(&mut self, page: Pfn) {
        self.index.remove(page);
    }

    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        self.catch_up(pages, from);
        loop {
            let (noted, page, kind) = self.index.last(from)?;
            self.events.scanned[kind] += 1;
            let next = next_use(pages, page).max(RefTime(pages.now().0 + 1));
            if next >= noted {
                self.index.remove(page);
                return Some(page);
            }
            self.index.insert(page, kind, next);
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
