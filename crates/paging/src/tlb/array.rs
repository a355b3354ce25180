//! A set-associative array of entries: finds, replaces, drops.
//!
//! It knows nothing of pages: an entry belongs to the set of a number, and the caller says which entry of a set it means.
//!
//! Invariant, for every policy: a use of the most recent entry of a set changes nothing. So a faster table in front may
//! answer for such entries by itself.

use super::replacement::ReplacementState;
use super::{Geometry, GeometryError};

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    set: usize,
    way: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetAssociative<E> {
    geometry: Geometry,
    entries: Vec<Option<E>>,
    replacement: ReplacementState,
    /// For each set the way that was used or filled last.
    recent: Vec<u8>,
}

impl<E: Copy> SetAssociative<E> {
    pub(super) fn new(geometry: Geometry) -> Result<Self, GeometryError> {
        geometry.check()?;
        let sets = geometry.sets as usize;
        Ok(Self {
            geometry,
            entries: vec![None; sets * geometry.ways as usize],
            replacement: ReplacementState::new(&geometry),
            recent: vec![0; sets],
        })
    }

    /// The first entry in the set of `number` that is meant.
    pub(super) fn find(&self, number: u64, meant: impl Fn(&E) -> bool) -> Option<(Place, E)> {
        let set = self.geometry.set_of(number);
        self.set(set)
            .iter()
            .enumerate()
            .find_map(|(way, entry)| entry.as_ref().filter(|e| meant(e)).map(|&e| (Place { set, way }, e)))
    }

    /// Notes a use. Gives the entry that was the most recent of its set until now, if that was another.
    pub(super) fn used(&mut self, place: Place) -> Option<E> {
        if usize::from(self.recent[place.set]) == place.way {
            return None;
        }
        self.replacement.used(place.set, place.way);
        self.make_recent(place)
    }

    /// Puts an entry in place of the one that is meant, or of none, or of the one that the policy gives up. Gives what it
    /// stood on, and what was the most recent of its set until now, if that was another.
    pub(super) fn insert(&mut self, number: u64, entry: E, meant: impl Fn(&E) -> bool) -> [Option<E>; 2] {
        let set = self.geometry.set_of(number);
        let same = self.find(number, meant).map(|(place, _)| place.way);
        let way = same.or_else(|| self.set(set).iter().position(Option::is_none));
        let place = Place { set, way: way.unwrap_or_else(|| self.replacement.victim(set)) };
        match same {
            Some(way) => self.replacement.used(set, way),
            None => self.replacement.filled(set, place.way),
        }
        let passed = self.make_recent(place);
        let index = self.index(place);
        [self.entries[index].replace(entry), passed]
    }

    /// Drops every entry that is meant, wherever it is.
    pub(super) fn drop_all(&mut self, meant: impl Fn(&E) -> bool) {
        self.entries.iter_mut().filter(|e| e.as_ref().is_some_and(&meant)).for_each(|e| *e = None);
    }

    /// Drops every entry that is meant in the set of `number`.
    pub(super) fn drop_in_set(&mut self, number: u64, meant: impl Fn(&E) -> bool) {
        let (set, ways) = (self.geometry.set_of(number), self.geometry.ways as usize);
        let entries = &mut self.entries[set * ways..][..ways];
        entries.iter_mut().filter(|e| e.as_ref().is_some_and(&meant)).for_each(|e| *e = None);
    }

    /// Every entry, by set and way.
    pub(super) fn entries(&self) -> impl Iterator<Item = &E> {
        self.entries.iter().flatten()
    }

    fn make_recent(&mut self, place: Place) -> Option<E> {
        let before = std::mem::replace(&mut self.recent[place.set], place.way as u8);
        let passed = Place { set: place.set, way: usize::from(before) };
        if passed == place { None } else { self.entries[self.index(passed)] }
    }

    fn set(&self, set: usize) -> &[Option<E>] {
        let ways = self.geometry.ways as usize;
        &self.entries[set * ways..][..ways]
    }

    const fn index(&self, place: Place) -> usize {
        place.set * self.geometry.ways as usize + place.way
    }
}
