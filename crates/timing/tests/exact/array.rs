//! A set-associative array as a list of sets, each of which is a list of ways.

use crate::policy::Past;
use crate::random::SplitMix;
use paging::tlb::{Geometry, Indexing, Replacement};

/// A set: what is in each way, and what has happened to it.
#[derive(Clone, Debug)]
struct Set<E> {
    ways: Vec<Option<E>>,
    past: Past,
}

/// All sets.
#[derive(Clone, Debug)]
pub(crate) struct Array<E> {
    sets: Vec<Set<E>>,
    policy: Replacement,
    random: SplitMix,
    /// For each bit of a set's number: which bits of a page's number it is the parity of.
    parities: Vec<u64>,
    /// Entries that had to go because their set was full.
    pub(crate) evicted: u64,
}

impl<E: Copy> Array<E> {
    pub(crate) fn new(shape: Geometry) -> Self {
        let set = Set { ways: vec![None; shape.ways as usize], past: Past::new(shape.ways as usize) };
        let seed = if let Replacement::Random { seed } = shape.replacement { seed } else { 0 };
        Self {
            sets: vec![set; shape.sets as usize],
            policy: shape.replacement,
            random: SplitMix(seed),
            parities: parities(shape.index, shape.sets),
            evicted: 0,
        }
    }

    /// The set of a page: its number in binary, a bit from each parity.
    fn set_of(&self, number: u64) -> usize {
        let bits = self.parities.iter().enumerate();
        bits.map(|(bit, mask)| ((number & mask).count_ones() as usize % 2) << bit).sum()
    }

    /// The first entry in the set of `number` that is wanted, and the use of it.
    pub(crate) fn hit(&mut self, number: u64, wanted: impl Fn(&E) -> bool) -> Option<E> {
        let index = self.set_of(number);
        let set = &mut self.sets[index];
        let way = set.way_of(wanted)?;
        set.past.hit(way);
        set.ways[way]
    }

    /// The first entry in the set of `number` that is wanted, without using it.
    pub(crate) fn peek(&self, number: u64, wanted: impl Fn(&E) -> bool) -> Option<E> {
        let set = &self.sets[self.set_of(number)];
        set.ways[set.way_of(wanted)?]
    }

    /// Changes the entries of the set of `number` that are wanted, without using them.
    pub(crate) fn change(&mut self, number: u64, wanted: impl Fn(&E) -> bool, change: impl Fn(&mut E)) {
        let index = self.set_of(number);
        self.sets[index].ways.iter_mut().flatten().filter(|entry| wanted(entry)).for_each(change);
    }

    /// An entry goes where the same is already, else to the first free way, else to the victim's. Gives what was there.
    pub(crate) fn put(&mut self, number: u64, entry: E, same: impl Fn(&E) -> bool) -> Option<E> {
        let index = self.set_of(number);
        let set = &mut self.sets[index];
        let way = if let Some(way) = set.way_of(same) {
            set.past.refilled(way);
            way
        } else if let Some(way) = set.ways.iter().position(Option::is_none) {
            set.past.filled(way);
            way
        } else {
            self.evicted += 1;
            let way = set.past.victim(self.policy, &mut self.random);
            set.past.filled(way);
            way
        };
        set.ways[way].replace(entry)
    }

    /// Drops what is covered, wherever it is.
    pub(crate) fn drop_if(&mut self, covered: impl Fn(&E) -> bool) {
        for way in self.sets.iter_mut().flat_map(|set| &mut set.ways) {
            if way.as_ref().is_some_and(&covered) {
                *way = None;
            }
        }
    }

    /// All entries, set by set and way by way.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &E> {
        self.sets.iter().flat_map(|set| set.ways.iter().flatten())
    }
}

impl<E> Set<E> {
    fn way_of(&self, wanted: impl Fn(&E) -> bool) -> Option<usize> {
        self.ways.iter().position(|entry| entry.as_ref().is_some_and(&wanted))
    }
}

/// Plain: bit i of the set's number is bit i of the page's. Hashed: with n bits in a set's number, its bit i is the parity of
/// bits i, i+n, i+2n and so on.
fn parities(index: Indexing, sets: u32) -> Vec<u64> {
    let bits = sets.ilog2() as usize;
    let mask = |bit: usize| match index {
        Indexing::Plain => 1 << bit,
        Indexing::Hashed => (bit..64).step_by(bits).map(|b| 1_u64 << b).sum(),
    };
    (0..bits).map(mask).collect()
}
