//! What each replacement policy remembers, and whom it sends away.

use super::{Geometry, Replacement};

/// Distant re-reference, as SRRIP predicts it for what is to be replaced next.
const DISTANT: u8 = 3;
/// Long re-reference: SRRIP's prediction for what has just been filled.
const LONG: u8 = 2;

/// The memory of a policy, for all sets of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplacementState {
    ways: usize,
    memory: Memory,
    /// For each set the way that was used or filled last, if that is what settles an entry.
    recent: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Memory {
    /// The ways of each set, from the most recent to the next victim; recent in use or, for FIFO, in fill.
    Order { ways: Vec<u8>, by: Recency },
    /// For each set the nodes of the tree, from bit 1 on; a set bit points to the upper half.
    Tree(Vec<u128>),
    /// For each set a reference bit a way.
    Referenced(Vec<u128>),
    /// The prediction for each way.
    Interval(Vec<u8>),
    /// The state of the generator.
    Random(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recency {
    Use,
    Fill,
}

impl ReplacementState {
    pub(super) fn new(geometry: &Geometry) -> Self {
        let (sets, ways) = (geometry.sets as usize, geometry.ways as usize);
        let order = |by| Memory::Order { ways: (0..sets * ways).map(|i| (i % ways) as u8).collect(), by };
        let memory = match geometry.replacement {
            Replacement::Lru => order(Recency::Use),
            Replacement::Fifo => order(Recency::Fill),
            Replacement::TreePlru => Memory::Tree(vec![0; sets]),
            Replacement::Nru => Memory::Referenced(vec![0; sets]),
            Replacement::Srrip => Memory::Interval(vec![DISTANT; sets * ways]),
            Replacement::Random { seed } => Memory::Random(seed),
        };
        Self { ways, memory, recent: vec![0; sets] }
    }

    /// True if a use of a way changes nothing.
    #[inline]
    pub(super) fn is_settled(&self, set: usize, way: usize) -> bool {
        match &self.memory {
            Memory::Order { by: Recency::Fill, .. } | Memory::Random(_) => true,
            Memory::Referenced(sets) => sets[set] >> way & 1 == 1,
            Memory::Order { .. } | Memory::Tree(_) | Memory::Interval(_) => usize::from(self.recent[set]) == way,
        }
    }

    /// A bit for each way whose use changes nothing.
    #[inline]
    pub(super) fn settled(&self, set: usize) -> u128 {
        match &self.memory {
            Memory::Order { by: Recency::Fill, .. } | Memory::Random(_) => u128::MAX,
            Memory::Referenced(sets) => sets[set],
            Memory::Order { .. } | Memory::Tree(_) | Memory::Interval(_) => 1 << self.recent[set],
        }
    }

    /// A way was hit.
    pub(super) fn used(&mut self, set: usize, way: usize) {
        self.recent[set] = way as u8;
        match &mut self.memory {
            Memory::Order { ways, by: Recency::Use } => to_front(&mut ways[set * self.ways..][..self.ways], way),
            Memory::Order { by: Recency::Fill, .. } | Memory::Random(_) => {}
            Memory::Tree(sets) => point_away(&mut sets[set], self.ways, way),
            Memory::Referenced(sets) => reference(&mut sets[set], self.ways, way),
            Memory::Interval(ways) => ways[set * self.ways + way] = 0,
        }
    }

    /// A way was given a new entry.
    pub(super) fn filled(&mut self, set: usize, way: usize) {
        self.recent[set] = way as u8;
        match &mut self.memory {
            Memory::Order { ways, .. } => to_front(&mut ways[set * self.ways..][..self.ways], way),
            Memory::Interval(ways) => ways[set * self.ways + way] = LONG,
            Memory::Tree(_) | Memory::Referenced(_) | Memory::Random(_) => self.used(set, way),
        }
    }

    /// The way of a full set that gives room.
    pub(super) fn victim(&mut self, set: usize) -> usize {
        match &mut self.memory {
            Memory::Order { ways, .. } => usize::from(ways[set * self.ways + self.ways - 1]),
            Memory::Tree(sets) => pointed_at(sets[set], self.ways),
            Memory::Referenced(sets) => sets[set].trailing_ones() as usize % self.ways,
            Memory::Interval(ways) => most_distant(&mut ways[set * self.ways..][..self.ways]),
            Memory::Random(state) => (next(state) % self.ways as u64) as usize,
        }
    }
}

fn to_front(order: &mut [u8], way: usize) {
    let at = order.iter().position(|&w| usize::from(w) == way).expect("every way has its place in the order");
    order[..=at].rotate_right(1);
}

/// Sets the reference bit; when it was the last to be set, all others are cleared.
fn reference(bits: &mut u128, ways: usize, way: usize) {
    *bits |= 1 << way;
    if bits.count_ones() as usize == ways && ways > 1 {
        *bits = 1 << way;
    }
}

/// Nodes are numbered as in a heap: node 1 is the root, nodes 2n and 2n+1 are below node n. A number of ways that is no power
/// of two leaves the uppermost leaves out.
fn point_away(nodes: &mut u128, ways: usize, way: usize) {
    let (mut node, mut half) = (1, ways.next_power_of_two() / 2);
    while half > 0 {
        let upper = way & half != 0;
        *nodes = *nodes & !(1 << node) | u128::from(!upper) << node;
        node = 2 * node + usize::from(upper);
        half /= 2;
    }
}

fn pointed_at(nodes: u128, ways: usize) -> usize {
    let (mut node, mut half, mut way) = (1, ways.next_power_of_two() / 2, 0);
    while half > 0 {
        let upper = nodes >> node & 1 == 1 && way + half < ways;
        way += if upper { half } else { 0 };
        node = 2 * node + usize::from(upper);
        half /= 2;
    }
    way
}

/// The first way that is predicted distant; all predictions age until there is one.
fn most_distant(predictions: &mut [u8]) -> usize {
    let oldest = *predictions.iter().max().expect("a set has ways");
    predictions.iter_mut().for_each(|p| *p += DISTANT - oldest);
    predictions.iter().position(|&p| p == DISTANT).expect("the oldest has become distant")
}

/// SplitMix64 (Steele and others, OOPSLA 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
