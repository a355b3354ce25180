//! Refault distance (mm/workingset.c): whether a page that comes again would have stayed, had the active pages made room.
//!
//! A clock counts evictions and activations, each of which moves the inactive pages one place towards the end. Its
//! distance between a page's eviction and its return is how many more places the page would have needed. If the pages that it competes with
//! are at least as many, it is worth trying it against them: it comes back active.

use super::super::{Candidates, PageKind, Shadow};
use super::balance::Sizes;

/// What the shadow of a page that came again says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refault {
    /// It was away for long.
    Distant,
    /// It would have stayed, had it had the place of an active page.
    Close {
        /// It had been active once, before it was evicted.
        was_active: bool,
    },
}

/// The clock.
#[derive(Debug)]
pub(super) struct Workingset {
    /// `lruvec->nonresident_age`.
    age: u64,
    /// Refaults of files that became active.
    file_activations: u64,
    has_swap: bool,
}

impl Default for Workingset {
    fn default() -> Self {
        Self { age: 0, file_activations: 0, has_swap: true }
    }
}

impl Workingset {
    /// A page was activated (`workingset_age_nonresident`).
    pub(super) const fn age(&mut self) {
        self.age += 1;
    }

    /// A page goes; what is remembered of it (`workingset_eviction`).
    pub(super) fn evicted(&mut self, was_active: bool) -> Shadow {
        let shadow = Shadow(self.age << 1 | u64::from(was_active));
        self.age();
        shadow
    }

    /// Anonymous pages compete only as long as there is swap.
    pub(super) fn reclaims_from(&mut self, from: Candidates) {
        self.has_swap = from == Candidates::All;
    }

    /// Refaults of files that became active, so far.
    pub(super) const fn activations(&self) -> u64 {
        self.file_activations
    }

    /// A page comes again (`workingset_refault`).
    pub(super) fn refault(&mut self, shadow: Shadow, kind: PageKind, sizes: Sizes) -> Refault {
        let distance = self.age.wrapping_sub(shadow.0 >> 1);
        if distance > self.competitors(kind, sizes) {
            return Refault::Distant;
        }
        self.file_activations += u64::from(kind == PageKind::File);
        Refault::Close { was_active: shadow.0 & 1 == 1 }
    }

    /// The pages that a page of this kind could have stayed in place of.
    fn competitors(&self, kind: PageKind, sizes: Sizes) -> u64 {
        let anon = match (self.has_swap, kind) {
            (false, _) => 0,
            (true, PageKind::Anon) => sizes.active.anon,
            (true, PageKind::File) => sizes.of_kind(PageKind::Anon),
        };
        anon + match kind {
            PageKind::Anon => sizes.of_kind(PageKind::File),
            PageKind::File => sizes.active.file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ByKind;
    use super::*;

    #[test]
    fn a_page_that_comes_back_soon_enough_is_active() {
        let sizes = Sizes { inactive: ByKind { anon: 1, file: 50 }, active: ByKind { anon: 2, file: 7 } };
        // A file competes with the active files and all anonymous pages; an anonymous page with the active ones and all files.
        for (kind, competitors) in [(PageKind::File, 10), (PageKind::Anon, 59)] {
            let mut workingset = Workingset::default();
            let shadow = workingset.evicted(true);
            (1..competitors).for_each(|_| workingset.age());
            assert_eq!(workingset.refault(shadow, kind, sizes), Refault::Close { was_active: true });
            workingset.age();
            assert_eq!(workingset.refault(shadow, kind, sizes), Refault::Distant);
            workingset.reclaims_from(Candidates::FileOnly);
            let shadow = workingset.evicted(false);
            assert_eq!(workingset.refault(shadow, kind, sizes), Refault::Close { was_active: false });
        }
    }
}
