//! All mappings of an address space, by address.
//!
//! Invariants: mappings do not overlap and are not empty. The tree does not merge by itself: whoever changes mappings
//! calls [`VmaTree::merge_before`] at the borders of what it changed. The tree knows nothing of frames or inodes: a
//! function that makes a mapping of a file one more or one less says so, and the caller keeps the inode's count.

use super::flags::VmFlags;
use super::vma::Vma;
use arch::LinearAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

/// Mappings, keyed by their start.
#[derive(Clone, Debug, Default)]
pub(super) struct VmaTree {
    map: BTreeMap<LinearAddr, Vma>,
    /// The starts of mappings with free addresses right below them. Neighbours that touch are the rule, so these are few, and a
    /// place is found without a look at each mapping.
    above_gaps: BTreeSet<LinearAddr>,
    pages: VmPages,
}

/// Pages of the mappings of some kinds, there or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct VmPages {
    /// All (`total_vm`).
    pub(super) total: u64,
    /// Private writable memory that is no stack (`data_vm`).
    pub(super) data: u64,
    /// Locked memory (`locked_vm`).
    pub(super) locked: u64,
    /// What counts as committed.
    pub(super) accounted: u64,
}

impl VmPages {
    fn add(&mut self, vma: &Vma) {
        self.each_of(vma, |sum| *sum += vma.pages());
    }

    fn take(&mut self, vma: &Vma) {
        self.each_of(vma, |sum| *sum -= vma.pages());
    }

    /// Visits the sums that a mapping belongs to.
    fn each_of(&mut self, vma: &Vma, mut visit: impl FnMut(&mut u64)) {
        visit(&mut self.total);
        if is_data_mapping(vma.flags) {
            visit(&mut self.data);
        }
        if vma.flags.contains(VmFlags::LOCKED) {
            visit(&mut self.locked);
        }
        if vma.flags.contains(VmFlags::ACCOUNT) {
            visit(&mut self.accounted);
        }
    }
}

/// Private writable memory that is no stack (`is_data_mapping`).
pub(super) const fn is_data_mapping(flags: VmFlags) -> bool {
    flags.contains(VmFlags::WRITE) && !flags.intersects(VmFlags::SHARED.union(VmFlags::GROWSDOWN))
}

impl VmaTree {
    /// How many mappings there are.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Sums over all mappings.
    pub(super) const fn pages(&self) -> &VmPages {
        &self.pages
    }

    /// All mappings, from the lowest on.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Vma> {
        self.map.values()
    }

    /// The mapping that holds `la`, or else the next above (`find_vma`).
    pub(super) fn find(&self, la: LinearAddr) -> Option<&Vma> {
        self.containing(la).or_else(|| self.starting_above(la))
    }

    /// The mapping that holds `la` (`vma_lookup`).
    pub(super) fn containing(&self, la: LinearAddr) -> Option<&Vma> {
        self.map.range(..=la).next_back().map(|(_, vma)| vma).filter(|vma| vma.contains(la))
    }

    /// The last mapping that starts below `la`.
    pub(super) fn starting_below(&self, la: LinearAddr) -> Option<&Vma> {
        self.map.range(..la).next_back().map(|(_, vma)| vma)
    }

    /// The first mapping that overlaps `start..end` (`find_vma_intersection`).
    pub(super) fn intersection(&self, start: LinearAddr, end: LinearAddr) -> Option<&Vma> {
        self.find(start).filter(|vma| vma.start < end)
    }

    /// The mappings that overlap `start..end`.
    pub(super) fn overlapping(&self, start: LinearAddr, end: LinearAddr) -> impl Iterator<Item = &Vma> {
        let first = self.containing(start).map_or(start, |vma| vma.start);
        self.map.range(first..end.max(first)).map(|(_, vma)| vma)
    }

    /// Adds a mapping where none is.
    pub(super) fn insert(&mut self, vma: Vma) {
        debug_assert!(vma.start < vma.end && self.intersection(vma.start, vma.end).is_none(), "{vma:?} overlaps");
        self.pages.add(&vma);
        self.map.insert(vma.start, vma);
        self.note_gaps_at(vma.start);
    }

    /// Takes out the mapping that starts at `start`.
    pub(super) fn remove(&mut self, start: LinearAddr) -> Option<Vma> {
        let gone = self.map.remove(&start)?;
        self.pages.take(&gone);
        self.above_gaps.remove(&start);
        self.note_gaps_at(start);
        Some(gone)
    }

    /// Changes the mapping that starts at `start`, in all but its start.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn change(&mut self, start: LinearAddr, change: impl FnOnce(&mut Vma)) {
        let vma = self.map.get_mut(&start).expect("the caller has just found the mapping");
        self.pages.take(vma);
        change(vma);
        self.pages.add(vma);
        self.note_gaps_at(start);
    }

    /// The mapping at `start` is new, gone or changed: notes whether there is a gap below it, and below the next.
    fn note_gaps_at(&mut self, start: LinearAddr) {
        let next = self.starting_above(start).map(|vma| vma.start);
        for at in std::iter::once(start).chain(next) {
            let Some(vma) = self.map.get(&at) else { continue };
            if self.end_below(at) < vma.start_gap() {
                self.above_gaps.insert(at);
            } else {
                self.above_gaps.remove(&at);
            }
        }
    }

    /// Where the last mapping ends that starts below `la`.
    fn end_below(&self, la: LinearAddr) -> LinearAddr {
        self.starting_below(la).map_or(LinearAddr(0), |vma| vma.end)
    }

    /// Moves the start of the mapping at `start` down, into free addresses.
    pub(super) fn grow_down(&mut self, start: LinearAddr, to: LinearAddr) {
        let mut vma = self.remove(start).expect("the caller has just found the mapping");
        vma.start = to;
        self.insert(vma);
    }

    /// Makes `la` a border between mappings. Gives the new upper part, if one had to be split (`split_vma`).
    pub(super) fn split(&mut self, la: LinearAddr) -> Option<Vma> {
        let whole = *self.containing(la).filter(|vma| vma.start < la)?;
        self.change(whole.start, |lower| lower.end = la);
        let upper = Vma { start: la, backing: whole.backing_at(la), ..whole };
        self.insert(upper);
        Some(upper)
    }

    /// Joins the mapping that starts at `la` with the one before it, if they are alike. Gives the one that went
    /// (`vma_merge`).
    pub(super) fn merge_before(&mut self, la: LinearAddr) -> Option<Vma> {
        let upper = *self.map.get(&la)?;
        let lower = *self.starting_below(la)?;
        if !lower.continues_in(&upper) {
            return None;
        }
        self.remove(la);
        self.change(lower.start, |lower| {
            lower.end = upper.end;
            lower.anon_vma = lower.anon_vma.or(upper.anon_vma);
        });
        Some(upper)
    }

    /// The highest place for `len` bytes within `low..high` (`unmapped_area_topdown`).
    pub(super) fn gap_topdown(&self, len: u64, low: LinearAddr, high: LinearAddr) -> Option<LinearAddr> {
        let gap_end = self.starting_at_or_above(high).map_or(high, |next| high.min(next.start_gap()));
        if let Some(place) = fit_high(len, low.max(self.end_below(high)), gap_end) {
            return Some(place);
        }
        let gaps =
            self.above_gaps.range(..high).rev().map(|above| (self.end_below(*above), self.map[above].start_gap()));
        gaps.take_while(|(_, end)| *end > low).find_map(|(start, end)| fit_high(len, low.max(start), end))
    }

    /// The lowest place for `len` bytes within `low..high` (`unmapped_area`).
    pub(super) fn gap_bottomup(&self, len: u64, low: LinearAddr, high: LinearAddr) -> Option<LinearAddr> {
        let mut gap_start = low;
        while gap_start < high {
            let next = self.find(gap_start);
            let gap_end = next.map_or(high, |vma| high.min(vma.start_gap()));
            if fit_high(len, gap_start, gap_end).is_some() {
                return Some(gap_start);
            }
            gap_start = next?.end;
        }
        None
    }

    fn starting_at_or_above(&self, la: LinearAddr) -> Option<&Vma> {
        self.map.range(la..).next().map(|(_, vma)| vma)
    }

    fn starting_above(&self, la: LinearAddr) -> Option<&Vma> {
        self.map.range((Excluded(la), Unbounded)).next().map(|(_, vma)| vma)
    }
}

/// The highest place for `len` bytes within `start..end`.
fn fit_high(len: u64, start: LinearAddr, end: LinearAddr) -> Option<LinearAddr> {
    let place = LinearAddr(end.0.checked_sub(len)?);
    (place >= start).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::super::vma::Backing;
    use super::*;
    use proptest::prelude::*;

    const PAGE: u64 = 4096;
    const PAGES: u64 = 24;

    fn vma(start: u64, end: u64) -> Vma {
        Vma::new(LinearAddr(start * PAGE), LinearAddr(end * PAGE), VmFlags::READ, Backing::Anonymous)
    }

    proptest! {
        /// The highest place is the highest of all places that are free.
        #[test]
        fn the_highest_gap_is_found(
            steps in prop::collection::vec((0..PAGES, 1..5_u64, any::<bool>()), 1..40),
            (len, low, high) in (1..6_u64, 0..PAGES, 0..=PAGES),
        ) {
            let mut tree = VmaTree::default();
            let mut taken = [false; PAGES as usize];
            for (start, pages, insert) in steps {
                let end = (start + pages).min(PAGES);
                let range = start as usize..end as usize;
                if insert && !taken[range.clone()].contains(&true) {
                    tree.insert(vma(start, end));
                    taken[range].fill(true);
                } else if !insert && let Some(gone) = tree.remove(LinearAddr(start * PAGE)) {
                    taken[(gone.start.0 / PAGE) as usize..(gone.end.0 / PAGE) as usize].fill(false);
                }
            }
            let is_free = |at: &u64| (*at..at + len).all(|page| !taken[page as usize]);
            let expected = (low..=high.saturating_sub(len)).rev().filter(|at| at + len <= high).find(is_free);
            let found = tree.gap_topdown(len * PAGE, LinearAddr(low * PAGE), LinearAddr(high * PAGE));
            prop_assert_eq!(found.map(|la| la.0 / PAGE), expected);
        }
    }
}
