//! Which mapping an address belongs to: a copy of what the kernel layer knows, made of what it tells.
//!
//! It differs from the kernel layer's own in one thing: a mapping keeps its identity, and the address that offsets are counted from, when it is cut,
//! joined with a neighbour, grows, or moves. So an address relative to its mapping stays the same whatever happens around it.

use crate::record::{RegionNo, Spot};
use arch::{LinearAddr, SpaceId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Bytes around a mapping in which an address that is in none is named by it.
const NEAR: u64 = 1 << 20;

/// A part of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    end: u64,
    region: RegionNo,
    /// The address that is offset 0.
    base: u64,
}

type Parts = BTreeMap<u64, Part>;

/// All address spaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions {
    spaces: BTreeMap<SpaceId, Parts>,
    /// The one that CR3 holds.
    loaded: Option<SpaceId>,
    /// What is not mapped in it any more, by where it began: its translations are dropped when the kernel layer is done.
    gone: Vec<(u64, Part)>,
}

impl Regions {
    /// A range belongs to a mapping, in place of what was there.
    pub(crate) fn map(&mut self, space: SpaceId, range: (LinearAddr, LinearAddr), region: RegionNo, base: LinearAddr) {
        self.unmap(space, range);
        let part = Part { end: range.1.0, region, base: base.0 };
        self.spaces.entry(space).or_default().insert(range.0.0, part);
    }

    /// A range belongs to nothing.
    pub(crate) fn unmap(&mut self, space: SpaceId, (start, end): (LinearAddr, LinearAddr)) {
        let Some(parts) = self.spaces.get_mut(&space) else { return };
        let (start, end) = (start.0, end.0);
        cut(parts, start);
        cut(parts, end);
        let inside: Vec<u64> = parts.range(start..end).map(|(at, _)| *at).collect();
        let removed = inside.into_iter().filter_map(|at| Some((at, parts.remove(&at)?)));
        if self.loaded == Some(space) {
            self.gone.extend(removed);
        } else {
            removed.for_each(drop);
        }
    }

    /// What is at `from` is at `to` too, or has grown there.
    pub(crate) fn remap(&mut self, space: SpaceId, from: LinearAddr, to: LinearAddr, length: u64) {
        let Some(part) = self.part(space, from) else { return };
        let range = (to, to.wrapping_add(length));
        self.map(space, range, part.region, LinearAddr(part.base.wrapping_add(to.0.wrapping_sub(from.0))));
    }

    /// An address space is a copy of another.
    pub(crate) fn copy(&mut self, from: SpaceId, to: SpaceId) {
        let parts = self.spaces.get(&from).cloned().unwrap_or_default();
        self.spaces.insert(to, parts);
    }

    /// An address space ended.
    pub(crate) fn end(&mut self, space: SpaceId) {
        let parts = self.spaces.remove(&space).unwrap_or_default();
        if self.loaded == Some(space) {
            self.gone.extend(parts);
        }
    }

    /// CR3 holds an address space.
    pub(crate) fn load(&mut self, space: SpaceId) {
        self.loaded = Some(space);
        self.gone.clear();
    }

    /// The one that it holds, if it was loaded before.
    pub(crate) const fn loaded(&self) -> Option<SpaceId> {
        self.loaded
    }

    /// No translation is left of what is gone.
    pub(crate) fn forget_gone(&mut self) {
        self.gone.clear();
    }

    /// The place of an address whose translation is dropped: in what was there last.
    pub(crate) fn flushed(&self, space: SpaceId, la: LinearAddr) -> Option<Spot> {
        let of_loaded = self.gone.iter().rev().filter(|_| self.loaded == Some(space));
        let was_there = of_loaded.into_iter().find(|(start, part)| (*start..part.end).contains(&la.0));
        was_there.map(|(_, part)| part.spot(la)).or_else(|| self.near(space, la))
    }

    /// True if something is known of an address space.
    pub(crate) fn know(&self, space: SpaceId) -> bool {
        self.spaces.contains_key(&space)
    }

    fn part(&self, space: SpaceId, la: LinearAddr) -> Option<Part> {
        let (_, part) = self.spaces.get(&space)?.range(..=la.0).next_back()?;
        (la.0 < part.end).then_some(*part)
    }

    /// The place of an address in its mapping.
    pub(crate) fn spot(&self, space: SpaceId, la: LinearAddr) -> Option<Spot> {
        self.part(space, la).map(|part| part.spot(la))
    }

    /// The place of an address that is in no mapping: by the next one below, or else above, if one is near.
    pub(crate) fn near(&self, space: SpaceId, la: LinearAddr) -> Option<Spot> {
        let parts = self.spaces.get(&space)?;
        let below =
            parts.range(..=la.0).next_back().map(|(_, part)| *part).filter(|part| la.0.saturating_sub(part.end) < NEAR);
        let above = parts.range(la.0..).next().filter(|(start, _)| **start - la.0 <= NEAR).map(|(_, part)| *part);
        below.or(above).map(|part| part.spot(la))
    }
}

impl Part {
    const fn spot(self, la: LinearAddr) -> Spot {
        Spot { region: self.region, offset: la.0.wrapping_sub(self.base) as i64 }
    }
}

/// Makes a border at an address.
fn cut(parts: &mut Parts, at: u64) {
    let Some((&start, part)) = parts.range_mut(..at).next_back() else { return };
    debug_assert!(start < at);
    if part.end > at {
        let behind = Part { end: part.end, ..*part };
        part.end = at;
        if let Entry::Vacant(place) = parts.entry(at) {
            place.insert(behind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: SpaceId = SpaceId(1);

    fn at(la: u64) -> LinearAddr {
        LinearAddr(la)
    }

    fn spot(region: u32, offset: i64) -> Option<Spot> {
        Some(Spot { region: RegionNo(region), offset })
    }

    #[test]
    fn a_mapping_stays_itself_when_it_is_cut_grows_and_moves() {
        let mut regions = Regions::default();
        regions.map(SPACE, (at(0x1000), at(0x5000)), RegionNo(7), at(0x1000));
        regions.map(SPACE, (at(0x2000), at(0x3000)), RegionNo(8), at(0x2000));
        assert_eq!(regions.spot(SPACE, at(0x1000)), spot(7, 0));
        assert_eq!(regions.spot(SPACE, at(0x2000)), spot(8, 0));
        assert_eq!(regions.spot(SPACE, at(0x4000)), spot(7, 0x3000));
        regions.remap(SPACE, at(0x3000), at(0x9000), 0x4000);
        regions.unmap(SPACE, (at(0x3000), at(0x5000)));
        assert_eq!(regions.spot(SPACE, at(0x4000)), None);
        assert_eq!(regions.spot(SPACE, at(0xc000)), spot(7, 0x5000));
        assert_eq!(regions.spot(SPACE, at(0xd000)), None);
    }

    #[test]
    fn an_address_in_no_mapping_is_named_by_one_that_is_near() {
        let mut regions = Regions::default();
        regions.map(SPACE, (at(0x10_0000), at(0x10_1000)), RegionNo(1), at(0x10_0000));
        regions.map(SPACE, (at(0x7000_0000), at(0x7000_1000)), RegionNo(2), at(0x7000_1000));
        assert_eq!(regions.near(SPACE, at(0x10_2000)), spot(1, 0x2000));
        assert_eq!(regions.near(SPACE, at(0x6fff_f000)), spot(2, -0x2000));
        assert_eq!(regions.near(SPACE, at(0x3000_0000)), None);
        assert_eq!(regions.near(SpaceId(2), at(0x10_2000)), None);
    }

    #[test]
    fn what_is_gone_has_names_until_its_translations_are_dropped() {
        let mut regions = Regions::default();
        let two = SpaceId(2);
        for (space, number) in [(SPACE, 1), (two, 2)] {
            regions.map(space, (at(0x1000), at(0x4000)), RegionNo(number), at(0x1000));
        }
        regions.load(SPACE);
        regions.map(SPACE, (at(0x2000), at(0x3000)), RegionNo(3), at(0x2000));
        assert_eq!(
            (regions.spot(SPACE, at(0x2000)), regions.flushed(SPACE, at(0x2000))),
            (spot(3, 0), spot(1, 0x1000))
        );
        regions.forget_gone();
        assert_eq!(regions.flushed(SPACE, at(0x2000)), spot(3, 0));
        regions.end(SPACE);
        regions.end(two);
        assert!(!regions.know(SPACE));
        assert_eq!((regions.flushed(SPACE, at(0x3000)), regions.flushed(two, at(0x3000))), (spot(1, 0x2000), None));
        regions.load(two);
        assert_eq!(regions.flushed(SPACE, at(0x3000)), None);
    }

    #[test]
    fn a_copy_goes_its_own_way() {
        let mut regions = Regions::default();
        regions.map(SPACE, (at(0x1000), at(0x2000)), RegionNo(1), at(0x1000));
        regions.copy(SPACE, SpaceId(2));
        regions.unmap(SPACE, (at(0x1000), at(0x2000)));
        assert_eq!((regions.spot(SPACE, at(0x1000)), regions.spot(SpaceId(2), at(0x1000))), (None, spot(1, 0)));
        regions.end(SpaceId(2));
        assert!(!regions.know(SpaceId(2)));
    }
}
