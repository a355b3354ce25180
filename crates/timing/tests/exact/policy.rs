//! Which way of a full set gives room: every policy from its definition, out of what has happened to the ways of a set.
//!
//! A set remembers when each way was used and filled last, whatever its policy; most policies are a question about these
//! moments. What belongs to a way stays when the entry in it is dropped.

use crate::random::SplitMix;
use paging::tlb::Replacement;

/// What has happened to one way.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    /// When it was hit or filled last.
    used: u64,
    /// When it got the entry that it has.
    filled: u64,
    /// NRU's reference bit.
    referenced: bool,
    /// SRRIP's prediction: 0 for at once, 3 for in a distant future.
    distance: u32,
}

/// What has happened to a set.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    ways: Vec<Way>,
    now: u64,
}

impl Past {
    pub(crate) fn new(ways: usize) -> Self {
        Self { ways: vec![Way::default(); ways], now: 0 }
    }

    /// An access was served by a way.
    pub(crate) fn hit(&mut self, way: usize) {
        let most_recent = self.ways.iter().all(|other| other.used <= self.ways[way].used);
        if !most_recent {
            self.refilled(way);
        }
    }

    /// The entry of a way was replaced by a newer one for the same page, or was used again after others of its set.
    pub(crate) fn refilled(&mut self, way: usize) {
        self.ways[way].distance = 0;
        self.touch(way);
    }

    /// A way got an entry for another page than it had.
    pub(crate) fn filled(&mut self, way: usize) {
        self.ways[way].distance = 2;
        self.touch(way);
        self.ways[way].filled = self.now;
    }

    fn touch(&mut self, way: usize) {
        self.now += 1;
        self.ways[way].used = self.now;
        self.ways[way].referenced = true;
        if self.ways.iter().all(|w| w.referenced) {
            self.ways.iter_mut().for_each(|w| w.referenced = false);
            self.ways[way].referenced = true;
        }
    }

    /// The way of a full set that gives room.
    pub(crate) fn victim(&mut self, policy: Replacement, random: &mut SplitMix) -> usize {
        let ways = self.ways.len();
        match policy {
            Replacement::Lru => self.first_by(|w| w.used),
            Replacement::Fifo => self.first_by(|w| w.filled),
            Replacement::Nru => self.first_by(|w| u64::from(w.referenced)),
            Replacement::TreePlru => self.colder(0, ways.next_power_of_two()),
            Replacement::Srrip => self.most_distant(),
            Replacement::Random { .. } => random.below(ways as u64) as usize,
        }
    }

    /// The first way of which that is least.
    fn first_by(&self, least: impl Fn(&Way) -> u64) -> usize {
        (0..self.ways.len()).min_by_key(|&way| least(&self.ways[way])).expect("a set has ways")
    }

    /// Below each node of the tree lie two halves, and the one that was used last is spared. A half without ways is none.
    fn colder(&self, first: usize, width: usize) -> usize {
        if width == 1 {
            return first;
        }
        let middle = first + width / 2;
        let end = self.ways.len().min(first + width);
        if middle >= end {
            return self.colder(first, width / 2);
        }
        let last_use = |half: &[Way]| half.iter().map(|w| w.used).max();
        let spare_lower = last_use(&self.ways[first..middle]) > last_use(&self.ways[middle..end]);
        self.colder(if spare_lower { middle } else { first }, width / 2)
    }

    /// All predictions grow until one is distant; the first such way goes.
    fn most_distant(&mut self) -> usize {
        loop {
            if let Some(way) = self.ways.iter().position(|w| w.distance == 3) {
                return way;
            }
            self.ways.iter_mut().for_each(|w| w.distance += 1);
        }
    }
}
