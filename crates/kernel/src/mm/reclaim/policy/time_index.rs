//! Pages in the order of a time that is known for each.

use super::{ByKind, Candidates, PageKind, RefTime};
use crate::mm::reclaim::side_array::SideArray;
use arch::Pfn;
use std::collections::BTreeSet;

/// Pages of both kinds, ordered by time; pages of one time by frame number.
#[derive(Debug, Default)]
pub(super) struct TimeIndex {
    order: ByKind<BTreeSet<(RefTime, Pfn)>>,
    places: SideArray<Option<(PageKind, RefTime)>>,
}

impl TimeIndex {
    /// Puts a page at a time, wherever it was before.
    pub(super) fn insert(&mut self, page: Pfn, kind: PageKind, time: RefTime) {
        self.remove(page);
        *self.places.get_mut(page) = Some((kind, time));
        self.order[kind].insert((time, page));
    }

    /// Takes a page out; its kind, if it was there.
    pub(super) fn remove(&mut self, page: Pfn) -> Option<PageKind> {
        let (kind, time) = self.places.take(page)?;
        self.order[kind].remove(&(time, page));
        Some(kind)
    }

    /// The candidate with the earliest time.
    pub(super) fn first(&self, from: Candidates) -> Option<(RefTime, Pfn, PageKind)> {
        let firsts = from.kinds().iter().filter_map(|&kind| self.order[kind].first().map(|&(t, page)| (t, page, kind)));
        firsts.min()
    }

    /// The candidate with the latest time.
    pub(super) fn last(&self, from: Candidates) -> Option<(RefTime, Pfn, PageKind)> {
        let lasts = from.kinds().iter().filter_map(|&kind| self.order[kind].last().map(|&(t, page)| (t, page, kind)));
        lasts.max()
    }

    /// Pages of each kind.
    pub(super) fn len(&self) -> ByKind {
        ByKind { anon: self.order.anon.len() as u64, file: self.order.file.len() as u64 }
    }
}
