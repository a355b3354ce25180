//! Which slots of the swap device are free, and which is handed out next (Linux's `mm/swapfile.c`).
//!
//! Slots come in clusters of 256. A free cluster is filled from its first slot to its last, so that pages that go out
//! together lie together and come back in one request; after it comes the next free cluster, and behind the last one
//! the first again. When no cluster is wholly free, the holes of the others are filled in the same order.
//!
//! Invariant: a cluster is in `free` if none of its slots is in use, in `partial` if some are and some are not, in neither
//! if it is full.

use paging::SwapSlot;
use std::collections::BTreeSet;

/// Slots in a cluster (`SWAPFILE_CLUSTER`).
const CLUSTER: u32 = 256;
const WORDS: usize = (CLUSTER / 64) as usize;

/// The slots in use of one cluster, a bit each.
type Bits = [u64; WORDS];

/// The free slots of a device.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    slots: u32,
    used: u32,
    /// One for each cluster from the first to the last that was ever used.
    clusters: Vec<Bits>,
    free: BTreeSet<u32>,
    partial: BTreeSet<u32>,
    /// The cluster that was last handed out from, and the slot in it to look at next.
    current: u32,
    next: u32,
}

impl Slots {
    /// All slots free but slot 0, the header.
    pub(super) fn new(slots: u32) -> Self {
        let free = (0..slots.div_ceil(CLUSTER)).collect();
        let (clusters, partial) = (Vec::new(), BTreeSet::new());
        let mut table = Self { slots, used: 0, clusters, free, partial, current: 0, next: 0 };
        if slots > 0 {
            table.take(0);
            table.next = 1;
            table.used = 0; // nobody uses the header
        }
        table
    }

    /// Slots in use, without the header.
    pub(super) const fn used(&self) -> u32 {
        self.used
    }

    /// Slots that can be in use at once.
    pub(super) const fn total(&self) -> u32 {
        self.slots.saturating_sub(1)
    }

    pub(super) fn is_used(&self, slot: SwapSlot) -> bool {
        let (word, bit) = place(slot.0);
        self.clusters.get((slot.0 / CLUSTER) as usize).is_some_and(|bits| bits[word] & bit != 0)
    }

    /// Hands out a slot; `None` if none is free.
    pub(super) fn alloc(&mut self) -> Option<SwapSlot> {
        let slot = self.free_in(self.current, self.next).or_else(|| {
            let cluster = next_fit(&self.free, self.current).or_else(|| next_fit(&self.partial, self.current))?;
            self.free_in(cluster, 0)
        })?;
        self.take(slot);
        (self.current, self.next) = (slot / CLUSTER, slot % CLUSTER + 1);
        Some(SwapSlot(slot))
    }

    /// Gives a slot back.
    pub(super) fn free(&mut self, slot: SwapSlot) {
        debug_assert!(self.is_used(slot) && slot.0 != 0, "{slot} is free");
        let (cluster, (word, bit)) = (slot.0 / CLUSTER, place(slot.0));
        self.clusters[cluster as usize][word] &= !bit;
        self.used -= 1;
        self.file(cluster);
    }

    fn take(&mut self, slot: u32) {
        let (cluster, (word, bit)) = (slot / CLUSTER, place(slot));
        if self.clusters.len() <= cluster as usize {
            self.clusters.resize(cluster as usize + 1, [0; WORDS]);
        }
        self.clusters[cluster as usize][word] |= bit;
        self.used += 1;
        self.file(cluster);
    }

    /// Puts a cluster where it belongs.
    fn file(&mut self, cluster: u32) {
        let used = self.clusters[cluster as usize].iter().map(|word| word.count_ones()).sum::<u32>();
        let is_partial = used > 0 && used < self.len(cluster);
        put(&mut self.free, cluster, used == 0);
        put(&mut self.partial, cluster, is_partial);
    }

    /// Slots of a cluster; the last may be shorter than the others.
    fn len(&self, cluster: u32) -> u32 {
        CLUSTER.min(self.slots - cluster * CLUSTER)
    }

    /// The first free slot of a cluster, from its slot `from` on.
    fn free_in(&self, cluster: u32, from: u32) -> Option<u32> {
        let base = cluster * CLUSTER;
        let mut offsets = from..self.len(cluster);
        offsets.find(|offset| !self.is_used(SwapSlot(base + offset))).map(|offset| base + offset)
    }
}

/// The word of a slot in its cluster, and its bit.
const fn place(slot: u32) -> (usize, u64) {
    let offset = slot % CLUSTER;
    ((offset / 64) as usize, 1 << (offset % 64))
}

/// The next of a set after `at`, or else the first.
fn next_fit(set: &BTreeSet<u32>, at: u32) -> Option<u32> {
    set.range(at + 1..).next().or_else(|| set.first()).copied()
}

/// Lets the set hold the value, or not.
fn put(set: &mut BTreeSet<u32>, value: u32, member: bool) {
    if member {
        set.insert(value)
    } else {
        set.remove(&value)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slots: &mut Slots, count: usize) -> Vec<u32> {
        (0..count).map_while(|_| slots.alloc()).map(|slot| slot.0).collect()
    }

    #[test]
    fn a_fresh_device_is_filled_from_its_start() {
        let mut slots = Slots::new(600);
        assert_eq!(take(&mut slots, 1000), (1..600).collect::<Vec<_>>());
        assert_eq!((slots.used(), slots.total(), slots.alloc()), (599, 599, None));
        assert!(slots.free.is_empty() && slots.partial.is_empty());
    }

    #[test]
    fn a_free_cluster_comes_before_holes_and_what_is_behind_before_what_is_ahead() {
        let mut slots = Slots::new(4 * 256);
        take(&mut slots, 300);
        slots.free(SwapSlot(7));
        assert_eq!(take(&mut slots, 1), [301], "the cluster in use is filled first");
        take(&mut slots, 511 - 301);
        assert_eq!(take(&mut slots, 1), [512], "a free cluster before the hole");
        take(&mut slots, 1023 - 512);
        (256..512).for_each(|slot| slots.free(SwapSlot(slot)));
        assert_eq!(take(&mut slots, 1), [256], "round to the start, where a cluster is free");
        take(&mut slots, 255);
        slots.free(SwapSlot(600));
        assert_eq!(take(&mut slots, 3), [600, 7], "holes behind the last slot, then from the start");
    }

    #[test]
    fn tiny_devices_work() {
        assert_eq!(take(&mut Slots::new(2), 9), [1]);
        assert_eq!(Slots::new(0).alloc(), None);
        assert_eq!(Slots::new(1).alloc(), None);
    }

    /// A device of 1 TiB costs no more than the list of its clusters before it is used.
    #[test]
    fn what_was_never_used_takes_no_room() {
        let slots = Slots::new(1 << 28);
        assert_eq!((slots.clusters.len(), slots.free.len()), (1, (1 << 20) - 1));
    }
}
