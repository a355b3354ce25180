//! One TLB: translations by page number and PCID (SDM "Caching Translations in TLBs").
//!
//! Invariants:
//! - an entry is a page or a piece of one; the piece's size is one that its array holds;
//! - what it holds is the translation of the piece's first 4 KiB, and still says how large the whole page is;
//! - in one array no two entries of a PCID have the same size and number, but one that is global may stand beside it.

use super::array::SetAssociative;
use super::{ConfigError, Flush, TlbConfig};
use crate::Translation;
use arch::{FRAME_SHIFT, LinearAddr, PageSize, Pcid, Pfn};
use std::collections::VecDeque;

/// A translation cache of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlb {
    arrays: Vec<Array>,
    splinter: Option<PageSize>,
    /// True once a page was cached in pieces: then an invalidation of one page must look everywhere.
    pieces: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Array {
    sizes: Vec<PageSize>,
    entries: SetAssociative<Entry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pcid: Pcid,
    number: u64,
    piece: PageSize,
    translation: Translation,
}

/// A translation as a TLB holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) translation: Translation,
    /// How much of the page the entry covers.
    pub(super) piece: PageSize,
}

/// First addresses of entries that are no longer there, or no longer settled, and addresses that found no room.
pub(super) type Passed = VecDeque<LinearAddr>;

impl Tlb {
    /// An empty TLB.
    ///
    /// # Errors
    /// What makes the configuration impossible.
    pub fn new(config: &TlbConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let mut arrays = Vec::new();
        for array in &config.arrays {
            let entries = SetAssociative::new(array.geometry)?;
            arrays.push(Array { sizes: array.sizes.clone(), entries });
        }
        Ok(Self { arrays, splinter: config.splinter, pieces: false })
    }

    /// The translation of `la` that is `usable`, if one is held for this PCID or for all. Arrays, and the sizes of one array, come
    /// in the order of the configuration, which matters where a page was made smaller ones without an invalidation (MMU-187).
    pub(super) fn find(
        &mut self,
        pcid: Pcid,
        la: LinearAddr,
        usable: impl Fn(&Translation) -> bool,
        passed: &mut Passed,
    ) -> Option<Held> {
        for array in &mut self.arrays {
            for &size in &array.sizes {
                let meant = |e: &Entry| e.is_for(pcid, la, size) && usable(&e.translation);
                if let Some((place, entry)) = array.entries.find(number(la, size), meant) {
                    array.entries.used(place, &mut |e| passed.push_back(e.base()));
                    return Some(entry.held_at(la));
                }
            }
        }
        None
    }

    /// Takes the translation of `la`, of which `whole` is known: the page, or a piece of it. A size that this TLB does not
    /// hold is not cached, and has passed at once.
    pub(super) fn fill(
        &mut self,
        pcid: Pcid,
        la: LinearAddr,
        translation: &Translation,
        whole: PageSize,
        passed: &mut Passed,
    ) {
        let piece = self.splinter.map_or(whole, |limit| whole.min(limit));
        let Some(array) = self.arrays.iter_mut().find(|a| a.sizes.contains(&piece)) else {
            passed.push_back(la);
            return;
        };
        self.pieces |= piece != translation.size;
        let entry = Entry::new(pcid, la, piece, *translation);
        let same = |e: &Entry| e.is_for(pcid, la, piece);
        let displaced = array.entries.insert(entry.number, entry, same, &mut |e| passed.push_back(e.base()));
        passed.extend(displaced.filter(|old| *old != entry).map(|e| e.base()));
    }

    /// Drops what a flush covers.
    pub(super) fn flush(&mut self, what: Flush) {
        match what.page() {
            Some(la) => self.drop_page(la, |e| what.covers_translation(e.pcid, e.translation.global)),
            None => {
                let covered = |e: &Entry| what.covers_translation(e.pcid, e.translation.global);
                self.arrays.iter_mut().for_each(|a| a.entries.drop_all(covered));
            }
        }
    }

    /// Drops the page of any size that holds `la`, and all pieces of it.
    fn drop_page(&mut self, la: LinearAddr, covered: impl Fn(&Entry) -> bool) {
        let meant = |e: &Entry| number(la, e.translation.size) == number(e.base(), e.translation.size) && covered(e);
        for array in &mut self.arrays {
            if self.pieces {
                array.entries.drop_all(meant);
            } else {
                array.sizes.iter().for_each(|&size| array.entries.drop_in_set(number(la, size), meant));
            }
        }
    }

    /// The first address of each entry, the size that it covers, and its translation: array by array, set by set and way by way.
    pub fn entries(&self) -> impl Iterator<Item = (LinearAddr, PageSize, Translation)> {
        self.arrays.iter().flat_map(|a| a.entries.entries()).map(|e| (e.base(), e.piece, e.translation))
    }
}

impl Entry {
    fn new(pcid: Pcid, la: LinearAddr, piece: PageSize, translation: Translation) -> Self {
        let first = Pfn(translation.frame.0 & !frames_within(piece));
        Self { pcid, number: number(la, piece), piece, translation: Translation { frame: first, ..translation } }
    }

    fn is_for(&self, pcid: Pcid, la: LinearAddr, size: PageSize) -> bool {
        self.piece == size && self.number == number(la, size) && (self.pcid == pcid || self.translation.global)
    }

    const fn base(&self) -> LinearAddr {
        LinearAddr(self.number << self.piece.shift())
    }

    /// The translation of the 4 KiB page at `la`, which the entry covers.
    fn held_at(&self, la: LinearAddr) -> Held {
        let frame = Pfn(self.translation.frame.0 | la.page_number() & frames_within(self.piece));
        Held { translation: Translation { frame, ..self.translation }, piece: self.piece }
    }
}

const fn number(la: LinearAddr, size: PageSize) -> u64 {
    la.0 >> size.shift()
}

/// Mask of the low bits of a frame number that differ within a page of this size.
const fn frames_within(size: PageSize) -> u64 {
    size.offset_mask() >> FRAME_SHIFT
}
