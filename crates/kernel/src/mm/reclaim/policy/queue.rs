//! Pages in the order in which they came, from which the oldest of all or the oldest of a file can be taken.
//!
//! Each kind of page has a list; numbers given as pages come tell which of two tails is older. So both questions take
//! constant time.

use super::page_list::{ListId, PageLists};
use super::{Candidates, PageKind};
use arch::Pfn;

/// What is kept of a page in a queue.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    arrival: u64,
    marked: bool,
}

/// A queue of pages of both kinds.
#[derive(Debug)]
pub(super) struct Queue {
    lists: PageLists<Place>,
    /// How many pages came so far.
    arrivals: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { lists: PageLists::new(2), arrivals: 0 }
    }
}

impl Queue {
    /// Puts a page at the young end, wherever it was before.
    pub(super) fn push(&mut self, page: Pfn, kind: PageKind) {
        self.lists.remove(page);
        self.arrivals += 1;
        self.lists.push_head(ListId(kind as u8), page, Place { arrival: self.arrivals, marked: false });
    }

    /// Takes a page out; its kind, if it was there.
    pub(super) fn remove(&mut self, page: Pfn) -> Option<PageKind> {
        let (list, _) = self.lists.remove(page)?;
        Some(PageKind::ALL[usize::from(list.0)])
    }

    /// The oldest of the candidates.
    pub(super) fn oldest(&self, from: Candidates) -> Option<(Pfn, PageKind)> {
        let tails = from.kinds().iter().filter_map(|&kind| Some((self.lists.tail(ListId(kind as u8))?, kind)));
        tails.min_by_key(|&(page, _)| self.lists.data(page).arrival)
    }

    /// Notes that read() or write() used a page, if it is there.
    pub(super) fn mark(&mut self, page: Pfn) {
        if let Some(place) = self.lists.data_mut(page) {
            place.marked = true;
        }
    }

    /// Whether that was noted since the page came.
    pub(super) fn is_marked(&self, page: Pfn) -> bool {
        self.lists.data(page).marked
    }

    /// Pages of a kind.
    pub(super) fn len_of(&self, kind: PageKind) -> u64 {
        self.lists.len(ListId(kind as u8))
    }

    /// Pages of the candidates.
    pub(super) fn len(&self, from: Candidates) -> u64 {
        from.kinds().iter().map(|&kind| self.len_of(kind)).sum()
    }
}
