//! Pages whose next access changes nothing: a fast table in front of a model that need not hear of every access.
//!
//! Invariant: for each kind of access that a slot grants, the model's first level holds the page in an entry that is settled,
//! for stores with D set, so that looking it up again would change nothing but a number of hits. The model says which pages
//! to drop ([`paging::TranslationCache::displaced`]).

use arch::{AccessKind, LinearAddr};
use paging::{StoreLevel, Translation};

/// A power of two.
const SLOTS: usize = 1024;

/// No page has this number.
const NONE: u64 = u64::MAX;

/// The pages, each where its number falls, by the kind of access that is granted.
#[derive(Debug)]
pub(crate) struct Settled {
    kinds: [Box<[u64; SLOTS]>; 3],
}

impl Settled {
    /// No page.
    pub(crate) fn new() -> Self {
        Self { kinds: std::array::from_fn(|_| Box::new([NONE; SLOTS])) }
    }

    /// True if an access of this kind to the page of `la` is none of the model's business.
    #[inline]
    pub(crate) fn has(&self, la: LinearAddr, kind: AccessKind) -> bool {
        self.kinds[kind as usize][slot(la)] == la.page_number()
    }

    /// Takes a page that was just accessed. Loads and stores of one first level share what the access has shown of both.
    pub(crate) fn take(&mut self, la: LinearAddr, kind: AccessKind, level: StoreLevel, translation: &Translation) {
        self.grant(la, kind);
        match (kind, level) {
            (AccessKind::Read, StoreLevel::Shared) if translation.dirty => self.grant(la, AccessKind::Write),
            (AccessKind::Write, StoreLevel::Shared) => self.grant(la, AccessKind::Read),
            _ => {}
        }
    }

    /// The model no longer answers for the page.
    pub(crate) fn drop_page(&mut self, la: LinearAddr) {
        for pages in &mut self.kinds {
            let page = &mut pages[slot(la)];
            if *page == la.page_number() {
                *page = NONE;
            }
        }
    }

    fn grant(&mut self, la: LinearAddr, kind: AccessKind) {
        self.kinds[kind as usize][slot(la)] = la.page_number();
    }
}

const fn slot(la: LinearAddr) -> usize {
    la.page_number() as usize % SLOTS
}
