//! Which removed line and which added line are one event that has changed.
//!
//! Only lines of one hunk are paired, the first with the first that is like it. Lines that are alike in more columns come before others, and
//! lines that are equal are not paired here: they have moved. A process that one trace alone has is new or gone with all its lines.

use super::processes::OneSided;
use super::tokens::hash;
use super::words::class;
use crate::line::{Column, Line};
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// An event of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its number in its trace, from 1.
    pub number: u64,
    /// What it is.
    pub line: Line,
}

/// What two lines have to have in common to be one event, first what is most.
const LIKENESS: [&[Column]; 3] = [
    &[Column::Process, Column::Address, Column::Place],
    &[Column::Process, Column::Address],
    &[Column::Address, Column::Place],
];

/// Pairs removed with added lines: their numbers in the slices.
pub(super) fn pairs(removed: &[Event], added: &[Event], one_sided: &OneSided) -> Vec<(u32, u32)> {
    let mut free = Free::of(removed, added, one_sided);
    free.take(removed, added, |line| hash(line.compared()));
    let mut pairs = Vec::new();
    for columns in LIKENESS {
        pairs.extend(free.take(removed, added, |line| likeness(line, columns)));
    }
    pairs.sort_unstable();
    pairs
}

/// The hash of what has to be the same.
fn likeness(line: &Line, columns: &[Column]) -> u64 {
    let mut key = [class(line), "", "", ""];
    for (part, &column) in key[1..].iter_mut().zip(columns) {
        *part = line.column(column);
    }
    hash(&key)
}

/// The lines without a partner.
struct Free {
    removed: Vec<bool>,
    added: Vec<bool>,
}

impl Free {
    /// Those that can have one: all likeness is of the address at least, and most lines of traces that have little in common end here.
    fn of(removed: &[Event], added: &[Event], one_sided: &OneSided) -> Self {
        let keys = |events: &[Event]| -> Vec<u64> {
            events.iter().map(|event| likeness(&event.line, &[Column::Address])).collect()
        };
        let (in_old, in_new) = (keys(removed), keys(added));
        let are_in = |events: &[Event], keys: &[u64], other: &[u64]| -> Vec<bool> {
            let other: HashSet<u64, FixedState> = other.iter().copied().collect();
            let can = |(event, key): (&Event, &u64)| other.contains(key) && !one_sided.has(&event.line);
            events.iter().zip(keys).map(can).collect()
        };
        Self { removed: are_in(removed, &in_old, &in_new), added: are_in(added, &in_new, &in_old) }
    }

    /// Pairs the free lines that have the same key, and takes them away.
    fn take(&mut self, removed: &[Event], added: &[Event], key: impl Fn(&Line) -> u64) -> Vec<(u32, u32)> {
        let keys = |events: &[Event], free: &[bool]| {
            let keyed = (0..).zip(events.iter().zip(free)).filter(|(_, (_, free))| **free);
            keyed.map(|(at, (event, _))| (key(&event.line), at)).collect::<Vec<(u64, u32)>>()
        };
        let mut pairs = Vec::new();
        join(&mut keys(removed, &self.removed), &mut keys(added, &self.added), |old, new| pairs.push((old, new)));
        for &(old, new) in &pairs {
            self.removed[old as usize] = false;
            self.added[new as usize] = false;
        }
        pairs
    }
}

/// Tells of the places that have the same key on both sides: the first of a key with the first, and so on.
pub(super) fn join<K: Ord>(old: &mut [(K, u32)], new: &mut [(K, u32)], mut each: impl FnMut(u32, u32)) {
    old.sort_unstable();
    new.sort_unstable();
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    while let (Some((a, at_old)), Some((b, at_new))) = (old.peek(), new.peek()) {
        let order = a.cmp(b);
        if order.is_eq() {
            each(*at_old, *at_new);
        }
        if order.is_le() {
            old.next();
        }
        if order.is_ge() {
            new.next();
        }
    }
}
