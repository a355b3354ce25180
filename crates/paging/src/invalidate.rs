//! What must leave the translation caches, and the token that carries it there.
//!
//! Protocol: whoever edits a present paging entry gets a [`Shootdown`] and may not drop it. It travels up to the machine,
//! which applies it to the MMU before the next guest instruction. So no flush is forgotten, and the editor need not know
//! the MMU.

use arch::{LinearAddr, Pcid};

/// One invalidation of the translation caches (SDM "Operations that Invalidate TLBs and Paging-Structure Caches"). It
/// says the least that must go: more may (MMU-203).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidation {
    /// INVLPG, and a page fault: this page under this PCID, globals of it under any, and every paging-structure cache entry
    /// of the PCID (MMU-202, MMU-204).
    Page {
        /// Any address in the page, canonical.
        la: LinearAddr,
        /// The current PCID.
        pcid: Pcid,
    },
    /// INVPCID type 0: as [`Self::Page`], but globals may stay (MMU-212).
    Address {
        /// Any address in the page, canonical.
        la: LinearAddr,
        /// Any PCID.
        pcid: Pcid,
    },
    /// INVPCID type 1, a write to CR3: all of a PCID but globals (MMU-207, MMU-208).
    Context(Pcid),
    /// INVPCID type 3: all of every PCID but globals.
    NonGlobal,
    /// INVPCID type 2, changes of CR0 and CR4: everything (MMU-209, MMU-210).
    All,
}

/// Above so many single pages one flush of everything costs less, as in Linux's `tlb_single_page_flush_ceiling`.
const SINGLE_PAGE_FLUSH_CEILING: usize = 33;

/// The invalidations that an edit of the paging structures calls for.
#[must_use = "a stale translation stays in use until the shootdown reaches the MMU"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shootdown {
    /// The first page has a place of its own, so that a fault, which changes one entry, allocates nothing.
    first: Option<LinearAddr>,
    more: Vec<LinearAddr>,
    everything: bool,
}

impl Shootdown {
    /// Nothing to invalidate: the edit only raised rights from not-present (MMU-205).
    pub const fn none() -> Self {
        Self { first: None, more: Vec::new(), everything: false }
    }

    /// One page.
    pub const fn page(la: LinearAddr) -> Self {
        Self { first: Some(la.page_base()), more: Vec::new(), everything: false }
    }

    /// Every translation that is not global.
    pub const fn all() -> Self {
        Self { first: None, more: Vec::new(), everything: true }
    }

    /// Adds what `other` calls for.
    pub fn merge(&mut self, other: Self) {
        self.everything |= other.everything;
        for page in other.first.into_iter().chain(other.more) {
            match self.first {
                Some(_) => self.more.push(page),
                None => self.first = Some(page),
            }
        }
        if self.more.len() >= SINGLE_PAGE_FLUSH_CEILING {
            self.everything = true;
        }
        if self.everything {
            self.first = None;
            self.more.clear();
        }
    }

    /// How many pages it names; `None` for every translation that is not global.
    #[must_use]
    pub fn pages(&self) -> Option<usize> {
        (!self.everything).then(|| usize::from(self.first.is_some()) + self.more.len())
    }

    /// True if there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everything && self.first.is_none()
    }

    /// The pages that it names, or `None` for everything that is not global.
    pub fn named(&self) -> impl Iterator<Item = Option<LinearAddr>> {
        let pages = self.first.iter().chain(&self.more).map(|page| Some(*page));
        self.everything.then_some(None).into_iter().chain(pages)
    }

    /// The invalidations to apply under the current PCID, in order; the token is empty afterwards.
    pub fn drain(&mut self, pcid: Pcid) -> impl Iterator<Item = Invalidation> {
        let whole = std::mem::take(&mut self.everything).then_some(Invalidation::Context(pcid));
        let pages = self.first.take().into_iter().chain(self.more.drain(..));
        whole.into_iter().chain(pages.map(move |la| Invalidation::Page { la, pcid }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pages_become_one_flush() {
        let mut s = Shootdown::none();
        for i in 0..40 {
            s.merge(Shootdown::page(LinearAddr(i << 12)));
        }
        assert_eq!(s.drain(Pcid::default()).collect::<Vec<_>>(), [Invalidation::Context(Pcid::default())]);
        assert!(s.is_empty());
    }

    #[test]
    fn few_pages_stay_single() {
        let mut s = Shootdown::page(LinearAddr(0x1234));
        s.merge(Shootdown::page(LinearAddr(0x5000)));
        let pages = [0x1000, 0x5000].map(|a| Invalidation::Page { la: LinearAddr(a), pcid: Pcid::default() });
        assert_eq!(s.drain(Pcid::default()).collect::<Vec<_>>(), pages);
    }
}
