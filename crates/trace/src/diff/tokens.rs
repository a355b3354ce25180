//! Lines as numbers: what an alignment compares.
//!
//! Equal lines have equal tokens. Others have others unless their hashes of 64 bits are the same by chance, which for 20 million different
//! lines has a chance of 1 in 100 000. The hash is the same in every run, and no result depends on more of it than equality.

use super::MOST_LINES;
use super::lines::{Lines, Side};
use super::processes::Processes;
use foldhash::quality::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher, Hash};

/// The hash of a text, or of several numbers.
pub(super) fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    FixedState::with_seed(0).hash_one(of)
}

/// What is kept of a side that was read.
#[derive(Default)]
pub(super) struct Read {
    /// The hashes of its lines.
    pub(super) hashes: Vec<u64>,
    /// The number of the last event.
    pub(super) last: u64,
    pub(super) processes: Processes,
}

/// Reads a side.
pub(super) fn read<L: Lines>(side: &mut Side<'_, L>) -> Result<Read, L::Error> {
    let mut read = Read::default();
    // What is longer is not compared, but a small file may hold any number of lines.
    while read.hashes.len() <= MOST_LINES
        && let Some((number, line)) = side.next()?
    {
        read.hashes.push(hash(line.compared()));
        read.processes.add(line);
        read.last = number;
    }
    Ok(read)
}

/// For each hash where the first that is equal stands: numbers below the length, which is at most [`u32::MAX`].
pub(super) fn intern(hashes: &[u64]) -> Vec<u32> {
    let hash_at = |at: u32| hashes[at as usize];
    let mut first = HashTable::<u32>::new();
    let token = |(at, &hash): (u32, &u64)| match first.entry(hash, |&at| hash_at(at) == hash, |&at| hash_at(at)) {
        Entry::Occupied(entry) => *entry.get(),
        Entry::Vacant(entry) => {
            entry.insert(at);
            at
        }
    };
    (0..).zip(hashes).map(token).collect()
}
