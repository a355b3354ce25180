//! The swap table by hand, and against a model that is a map.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn slot(number: u32) -> SwapEntry {
    SwapEntry::new(SwapSlot(number))
}

fn worth_reading(swap: &SwapTable, number: u32, page_cluster: u32) -> Vec<u32> {
    swap.swapin_readahead(slot(number), page_cluster).map(|entry| entry.slot().0).collect()
}

#[test]
fn a_slot_lives_as_long_as_somebody_counts_on_it_or_the_cache_has_it() {
    let mut swap = SwapTable::new(8);
    let entry = swap.alloc(Pfn(77), SwapOwner::Anon).unwrap();
    assert_eq!((entry, swap.used(), swap.cached()), (slot(1), 1, 1));
    swap.swap_duplicate(entry).unwrap();
    swap.swap_duplicate(entry).unwrap();
    assert_eq!(swap.delete_from_swap_cache(entry, Some(123)), SlotState::InUse);
    assert_eq!((swap.swap_cache(entry), swap.shadow(entry), swap.cached()), (None, Some(123), 0));
    assert_eq!(swap.swap_free(entry), SlotState::InUse);
    assert_eq!(swap.add_to_swap_cache(entry, Pfn(9)), Some(123));
    assert_eq!(swap.shadow(entry), None);
    assert_eq!(swap.swap_free(entry), SlotState::CacheOnly(Pfn(9)));
    assert_eq!((swap.used(), swap.swap_count(entry)), (1, 0));
    assert_eq!(swap.delete_from_swap_cache(entry, None), SlotState::Free);
    assert_eq!((swap.used(), swap.free()), (0, 7));
}

#[test]
fn a_failed_write_gives_the_slot_back() {
    let mut swap = SwapTable::new(8);
    let entry = swap.alloc(Pfn(77), SwapOwner::Shmem).unwrap();
    assert_eq!(swap.owner(entry), SwapOwner::Shmem);
    assert_eq!(swap.delete_from_swap_cache(entry, None), SlotState::Free);
    assert_eq!(swap.in_use().count(), 0);
}

#[test]
fn a_full_device_says_so_and_recovers() {
    let mut swap = SwapTable::new(3);
    let first = swap.alloc(Pfn(1), SwapOwner::Anon).unwrap();
    swap.alloc(Pfn(2), SwapOwner::Anon).unwrap();
    assert_eq!(swap.alloc(Pfn(3), SwapOwner::Anon), Err(Errno::ENOSPC));
    assert_eq!(swap.delete_from_swap_cache(first, None), SlotState::Free);
    assert_eq!(swap.alloc(Pfn(3), SwapOwner::Anon), Ok(first));
    assert_eq!(SwapTable::new(0).alloc(Pfn(3), SwapOwner::Anon), Err(Errno::ENOSPC));
}

#[test]
fn a_count_never_wraps() {
    let mut swap = SwapTable::new(3);
    let entry = swap.alloc(Pfn(1), SwapOwner::Anon).unwrap();
    swap.slots[1].count = u32::MAX - 1;
    assert_eq!(swap.swap_duplicate(entry), Ok(()));
    assert_eq!(swap.swap_duplicate(entry), Err(Errno::ENOMEM));
    assert_eq!(swap.swap_count(entry), u32::MAX);
}

#[test]
fn readahead_is_the_aligned_window_of_what_is_only_on_the_device() {
    let mut swap = SwapTable::new(40);
    for number in 1..=20 {
        let entry = swap.alloc(Pfn(number), SwapOwner::Anon).unwrap();
        swap.swap_duplicate(entry).unwrap();
        if number != 12 {
            assert_eq!(swap.delete_from_swap_cache(entry, None), SlotState::InUse);
        }
    }
    assert_eq!(swap.swap_free(slot(14)), SlotState::Free);
    assert_eq!(worth_reading(&swap, 10, 3), [8, 9, 11, 13, 15]);
    assert_eq!(worth_reading(&swap, 1, 3), [2, 3, 4, 5, 6, 7], "slot 0 is the header");
    assert_eq!(worth_reading(&swap, 18, 3), [16, 17, 19, 20], "nothing beyond was ever used");
    assert_eq!(worth_reading(&swap, 10, 0), []);
    assert_eq!(worth_reading(&swap, 10, 40).len(), 17, "any window is possible");
}

/// What the table must say of a slot in use.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    count: u32,
    cached: Option<Pfn>,
    shadow: Option<u64>,
}

impl Known {
    fn state(&self) -> SlotState {
        match (self.count, self.cached) {
            (1.., _) => SlotState::InUse,
            (0, Some(pfn)) => SlotState::CacheOnly(pfn),
            (0, None) => SlotState::Free,
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Alloc(SwapOwner),
    Duplicate(usize),
    Free(usize),
    Add(usize),
    Delete(usize, Option<u64>),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => any::<bool>().prop_map(|shmem| Op::Alloc(if shmem { SwapOwner::Shmem } else { SwapOwner::Anon })),
        4 => any::<usize>().prop_map(Op::Duplicate),
        3 => any::<usize>().prop_map(Op::Free),
        2 => any::<usize>().prop_map(Op::Add),
        4 => (any::<usize>(), any::<Option<u64>>()).prop_map(|(which, shadow)| Op::Delete(which, shadow)),
    ]
}

/// The table, the model, and the frame that comes next.
struct Pair {
    swap: SwapTable,
    model: BTreeMap<SwapEntry, Known>,
    slots: u32,
    next_pfn: u64,
}

impl Pair {
    fn new(slots: u32) -> Self {
        Self { swap: SwapTable::new(slots), model: BTreeMap::new(), slots, next_pfn: 1 }
    }

    /// The `which`-th slot in use, going round, of those that the operation is allowed on.
    fn pick(&self, which: usize, allowed: impl Fn(&Known) -> bool) -> Option<SwapEntry> {
        let entries: Vec<_> = self.model.iter().filter(|(_, known)| allowed(known)).map(|(entry, _)| *entry).collect();
        entries.get(which % entries.len().max(1)).copied()
    }

    fn pfn(&mut self) -> Pfn {
        self.next_pfn += 1;
        Pfn(self.next_pfn)
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Alloc(owner) => self.alloc(owner),
            Op::Duplicate(which) => {
                let Some(entry) = self.pick(which, |_| true) else { return };
                self.swap.swap_duplicate(entry).unwrap();
                self.model.get_mut(&entry).unwrap().count += 1;
            }
            Op::Free(which) => {
                let Some(entry) = self.pick(which, |known| known.count > 0) else { return };
                self.model.get_mut(&entry).unwrap().count -= 1;
                let state = self.swap.swap_free(entry);
                self.settle(entry, state);
            }
            Op::Add(which) => {
                let Some(entry) = self.pick(which, |known| known.cached.is_none()) else { return };
                let pfn = self.pfn();
                let known = self.model.get_mut(&entry).unwrap();
                known.cached = Some(pfn);
                assert_eq!(self.swap.add_to_swap_cache(entry, pfn), known.shadow.take());
            }
            Op::Delete(which, shadow) => {
                let Some(entry) = self.pick(which, |known| known.cached.is_some()) else { return };
                let known = self.model.get_mut(&entry).unwrap();
                (known.cached, known.shadow) = (None, shadow);
                let state = self.swap.delete_from_swap_cache(entry, shadow);
                self.settle(entry, state);
            }
        }
    }

    fn alloc(&mut self, owner: SwapOwner) {
        let pfn = self.pfn();
        let outcome = self.swap.alloc(pfn, owner);
        if self.model.len() as u32 == self.slots - 1 {
            return assert_eq!(outcome, Err(Errno::ENOSPC));
        }
        let entry = outcome.unwrap();
        assert!(entry.slot().0 < self.slots);
        assert_eq!(self.swap.owner(entry), owner);
        let old = self.model.insert(entry, Known { cached: Some(pfn), ..Known::default() });
        assert_eq!(old, None, "{entry:?} was in use");
    }

    fn settle(&mut self, entry: SwapEntry, state: SlotState) {
        assert_eq!(state, self.model[&entry].state());
        if state == SlotState::Free {
            self.model.remove(&entry);
        }
    }

    fn check(&self) {
        let found: Vec<_> = self.swap.in_use().map(|info| (info.entry, info.count, info.cached)).collect();
        let known: Vec<_> = self.model.iter().map(|(entry, known)| (*entry, known.count, known.cached)).collect();
        assert_eq!(found, known);
        let cached = known.iter().filter(|(.., cached)| cached.is_some()).count() as u32;
        let used = known.len() as u32;
        assert_eq!((self.swap.used(), self.swap.free()), (used, self.slots - 1 - used));
        assert_eq!(self.swap.cached(), cached);
        for (entry, known) in &self.model {
            assert_eq!(self.swap.shadow(*entry), known.shadow);
            let window: Vec<_> = self.swap.swapin_readahead(*entry, 2).collect();
            let group = entry.slot().0 / 4;
            let near = |other: &SwapEntry| other != entry && other.slot().0 / 4 == group;
            let wanted = self.model.iter().filter(|(other, k)| near(other) && k.count > 0 && k.cached.is_none());
            assert_eq!(window, wanted.map(|(other, _)| *other).collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_table_does_what_a_map_would(slots in 2_u32..20, ops in prop::collection::vec(op(), 0..120)) {
        let mut pair = Pair::new(slots);
        for op in &ops {
            pair.apply(op);
            pair.check();
        }
    }

    /// The same over several clusters, where free ones, partial ones and the short last one matter.
    #[test]
    fn clusters_never_lose_a_slot(
        slots in 200_u32..900,
        steps in prop::collection::vec((1_usize..400, prop::collection::vec(any::<usize>(), 0..300)), 1..8),
    ) {
        let mut pair = Pair::new(slots);
        for (allocs, frees) in steps {
            (0..allocs).for_each(|_| pair.alloc(SwapOwner::Anon));
            frees.into_iter().for_each(|which| pair.apply(&Op::Delete(which, None)));
            prop_assert_eq!(pair.swap.in_use().count(), pair.model.len());
            prop_assert_eq!(pair.swap.used() as usize, pair.model.len());
        }
    }
}
