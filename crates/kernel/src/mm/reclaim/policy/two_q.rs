//! 2Q: a page has to come twice to be kept (Johnson and Shasha, "2Q: a low overhead high performance buffer management
//! replacement algorithm").
//!
//! Newcomers wait in A1in, first in, first out, whether they are used or not: what is used once, or often within a short time, leaves by
//! this way. Of those that have left, the last few are remembered (A1out). A page that comes again while it is
//! remembered goes to Am, the pages to keep. A1out holds no pages but their numbers of departure, in the
//! shadows: a page is remembered if its number is among the last.
//!
//! The paper orders Am by last use. Accessed bits do not tell that much, so here Am is a clock.

use super::queue::Queue;
use super::{Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyCounts, Shadow};
use crate::mm::reclaim::side_array::SideArray;
use arch::Pfn;

/// The shadow of a page that left Am: it is not remembered.
const FORGOTTEN: Shadow = Shadow(u64::MAX);

/// The policy `2q`.
#[derive(Debug)]
pub(super) struct TwoQ {
    a1_in: Queue,
    am: Queue,
    /// A1in gives pages away as long as it is longer than this: a quarter of the frames, as the paper advises.
    a1_in_share: u64,
    /// How many that left A1in are remembered: as many as half the frames.
    a1_out_len: u64,
    /// Departures from A1in so far.
    departures: u64,
    /// Selected pages that were in Am, until it is known whether they go.
    from_am: SideArray<bool>,
    events: Events,
}

impl TwoQ {
    /// For so many frames.
    pub(super) fn new(frames: u64) -> Self {
        Self {
            a1_in: Queue::default(),
            am: Queue::default(),
            a1_in_share: (frames / 4).max(1),
            a1_out_len: (frames / 2).max(1),
            departures: 0,
            from_am: SideArray::default(),
            events: Events::default(),
        }
    }

    /// Whether a page that left A1in with this shadow is still remembered.
    const fn remembers(&self, shadow: Shadow) -> bool {
        shadow.0 <= self.departures && self.departures - shadow.0 < self.a1_out_len
    }

    fn take_from_am(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        for _ in 0..=self.am.len(from) {
            let (page, kind) = self.am.oldest(from)?;
            self.events.scanned[kind] += 1;
            if pages.referenced(page) == 0 && !self.am.is_marked(page) {
                self.am.remove(page);
                *self.from_am.get_mut(page) = true;
                return Some(page);
            }
            self.am.push(page, kind);
        }
        None
    }

    fn take_from_a1_in(&mut self, from: Candidates) -> Option<Pfn> {
        let (page, kind) = self.a1_in.oldest(from)?;
        self.events.scanned[kind] += 1;
        self.a1_in.remove(page);
        Some(page)
    }

    /// Whether a page that was selected came from Am; asked once.
    fn was_in_am(&mut self, page: Pfn) -> bool {
        self.from_am.take(page)
    }
}

impl Policy for TwoQ {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.remove(page);
        let inserted = self.events.arrived(kind, shadow);
        if !shadow.is_some_and(|shadow| self.remembers(shadow)) {
            self.a1_in.push(page, kind);
            return inserted;
        }
        self.am.push(page, kind);
        self.events.activated += 1;
        self.events.refault_activated[kind] += 1;
        Inserted::Activated
    }

    fn remove(&mut self, page: Pfn) {
        self.a1_in.remove(page);
        self.am.remove(page);
        self.was_in_am(page);
    }

    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        let full = self.a1_in.len(Candidates::All) > self.a1_in_share;
        if full && let Some(page) = self.take_from_a1_in(from) {
            return Some(page);
        }
        self.take_from_am(pages, from).or_else(|| self.take_from_a1_in(from))
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        if self.was_in_am(page) { self.am.push(page, kind) } else { self.a1_in.push(page, kind) }
    }

    fn evicted(&mut self, page: Pfn, _: PageKind, _: Departure) -> Shadow {
        if self.was_in_am(page) {
            return FORGOTTEN;
        }
        self.departures += 1;
        Shadow(self.departures)
    }

    fn mark_accessed(&mut self, page: Pfn) {
        self.am.mark(page);
    }

    /// A page to keep is one no longer.
    fn deactivate(&mut self, page: Pfn) {
        if let Some(kind) = self.am.remove(page) {
            self.a1_in.push(page, kind);
            self.events.deactivated += 1;
        }
    }

    fn counts(&self) -> PolicyCounts {
        let count = |queue: &Queue| ByKind { anon: queue.len_of(PageKind::Anon), file: queue.len_of(PageKind::File) };
        PolicyCounts { inactive: count(&self.a1_in), active: count(&self.am), events: self.events }
    }
}
