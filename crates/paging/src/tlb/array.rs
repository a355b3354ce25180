//! A set-associative array of entries: finds, replaces, drops.
//!
//! It knows nothing of pages: an entry belongs to the set of a number, and the caller says which entry of a set it means.
//!
//! Invariant: a use of a settled entry changes nothing, and what was used or filled last is settled. So a faster table in front
//! may answer for settled entries by itself, as long as it is told which are no longer.

use super::replacement::ReplacementState;
use super::{Geometry, GeometryError};

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    set: usize,
    way: usize,
}

/// A set-associative array of entries. A timing model keeps its caches in one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAssociative<E> {
    geometry: Geometry,
    entries: Vec<Option<E>>,
    replacement: ReplacementState,
}

impl<E: Copy> SetAssociative<E> {
    /// An empty array.
    ///
    /// # Errors
    /// What makes the geometry impossible.
    pub fn new(geometry: Geometry) -> Result<Self, GeometryError> {
        geometry.check()?;
        let sets = geometry.sets as usize;
        Ok(Self {
            geometry,
            entries: vec![None; sets * geometry.ways as usize],
            replacement: ReplacementState::new(&geometry),
        })
    }

    /// The set of a number.
    #[inline]
    #[must_use]
    pub fn set_of(&self, number: u64) -> usize {
        self.geometry.set_of(number)
    }

    /// The first entry in the set of `number` that is meant.
    pub fn find(&self, number: u64, meant: impl Fn(&E) -> bool) -> Option<(Place, E)> {
        let set = self.geometry.set_of(number);
        self.set(set)
            .iter()
            .enumerate()
            .find_map(|(way, entry)| entry.as_ref().filter(|e| meant(e)).map(|&e| (Place { set, way }, e)))
    }

    /// Notes a use. Tells which entries are no longer settled.
    pub fn used(&mut self, place: Place, unsettled: &mut impl FnMut(E)) {
        if !self.replacement.is_settled(place.set, place.way) {
            let before = self.replacement.settled(place.set);
            self.replacement.used(place.set, place.way);
            self.tell(place, before, unsettled);
        }
    }

    /// Puts an entry in place of the one that is meant, or of none, or of the one that the policy gives up. Gives what it
    /// stood on, and tells which others are no longer settled.
    pub fn insert(
        &mut self,
        number: u64,
        entry: E,
        meant: impl Fn(&E) -> bool,
        unsettled: &mut impl FnMut(E),
    ) -> Option<E> {
        let set = self.geometry.set_of(number);
        let same = self.find(number, meant).map(|(place, _)| place.way);
        let way = same.or_else(|| self.set(set).iter().position(Option::is_none));
        let place = Place { set, way: way.unwrap_or_else(|| self.replacement.victim(set)) };
        let before = self.replacement.settled(set);
        match same {
            Some(way) => self.replacement.used(set, way),
            None => self.replacement.filled(set, place.way),
        }
        self.tell(place, before, unsettled);
        let index = self.index(place);
        self.entries[index].replace(entry)
    }

    /// Changes an entry that [`Self::find`] has just found. This is no use of it.
    pub fn replace(&mut self, place: Place, entry: E) {
        let index = self.index(place);
        self.entries[index] = Some(entry);
    }

    /// Drops every entry that is meant, wherever it is.
    pub fn drop_all(&mut self, meant: impl Fn(&E) -> bool) {
        self.entries.iter_mut().filter(|e| e.as_ref().is_some_and(&meant)).for_each(|e| *e = None);
    }

    /// Drops every entry that is meant in the set of `number`.
    pub fn drop_in_set(&mut self, number: u64, meant: impl Fn(&E) -> bool) {
        let (set, ways) = (self.geometry.set_of(number), self.geometry.ways as usize);
        let entries = &mut self.entries[set * ways..][..ways];
        entries.iter_mut().filter(|e| e.as_ref().is_some_and(&meant)).for_each(|e| *e = None);
    }

    /// Every entry, by set and way.
    pub fn entries(&self) -> impl Iterator<Item = &E> {
        self.entries.iter().flatten()
    }

    /// Tells of the entries that were settled, and are not after a use or fill of `place`.
    fn tell(&self, place: Place, before: u128, unsettled: &mut impl FnMut(E)) {
        let mut gone = before & !self.replacement.settled(place.set) & !(1 << place.way);
        while gone != 0 {
            let way = gone.trailing_zeros() as usize;
            self.entries[self.index(Place { set: place.set, way })].map(&mut *unsettled);
            gone &= gone - 1;
        }
    }

    fn set(&self, set: usize) -> &[Option<E>] {
        let ways = self.geometry.ways as usize;
        &self.entries[set * ways..][..ways]
    }

    const fn index(&self, place: Place) -> usize {
        place.set * self.geometry.ways as usize + place.way
    }
}
