//! What holds of each policy: the textbooks' counts, and properties of random strings.

use super::page_list::{ListId, PageLists};
use super::testing::{Memory, Name, Simulator, faults, kind_of};
use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

/// Silberschatz, Galvin and Gagne, "Operating System Concepts".
const SILBERSCHATZ: [Name; 20] = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];

/// Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain programs running in a paging machine".
const BELADY: [Name; 12] = [1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];

const fn anon(_: Name) -> PageKind {
    PageKind::Anon
}

const fn file(_: Name) -> PageKind {
    PageKind::File
}

#[test]
fn the_textbook_string_gives_the_textbook_counts() {
    for (name, expected) in [(PolicyName::Fifo, 15), (PolicyName::LruExact, 12), (PolicyName::Opt, 9)] {
        for kind in [anon, file, kind_of] {
            assert_eq!(faults(name, 3, &SILBERSCHATZ, kind), expected, "{name}");
        }
    }
}

#[test]
fn more_frames_can_mean_more_faults() {
    let faults = |name, frames| faults(name, frames, &BELADY, anon);
    assert_eq!([3, 4].map(|frames| faults(PolicyName::Fifo, frames)), [9, 10]);
    assert_eq!([3, 4].map(|frames| faults(PolicyName::LruExact, frames)), [10, 8]);
    assert_eq!([3, 4].map(|frames| faults(PolicyName::Opt, frames)), [7, 6]);
}

/// Tanenbaum's example of the clock is one step: the hand passes pages that were used.
#[test]
fn the_clock_passes_what_was_used_since_it_came_by() {
    let string = [1, 2, 3, 4, 2, 5];
    let mut simulator = Simulator::new(PolicyName::Clock, 3, &string, anon);
    let evicted: Vec<Name> = string.iter().filter_map(|_| simulator.step()).collect();
    // All were used when 4 came: the hand goes once round. When 5 came, 2 had been used once more.
    assert_eq!(evicted, [1, 3]);
}

#[test]
fn the_seed_decides_what_random_chooses() {
    let evictions = |seed| {
        let config = PolicyConfig { frames: 64, seed, swappiness: Swappiness::default() };
        let mut policy = build(PolicyName::Random, config);
        (1..=64).for_each(|n| {
            policy.insert(Pfn(n), PageKind::Anon, Arrival::Fault, None);
        });
        let mut memory = Memory::default();
        std::iter::from_fn(|| policy.select(&mut memory, Candidates::All)).collect::<Vec<Pfn>>()
    };
    assert_eq!(evictions(1), evictions(1));
    assert_ne!(evictions(1), evictions(2));
    assert_eq!(evictions(1).len(), 64);
}

/// What is read once, however much, does not push out what is used again and again.
#[test]
fn a_scan_leaves_the_working_set_alone() {
    // Eight hot pages, used between any eight pages that are used once; after a while these have to be known.
    let hot = 0..8;
    let mut string: Vec<Name> = Vec::new();
    for round in 0..200 {
        string.extend(hot.clone());
        string.extend((0..8).map(|i| 1000 + 8 * round + i));
    }
    for name in [PolicyName::Lru, PolicyName::TwoQ, PolicyName::Mglru] {
        let mut simulator = Simulator::new(name, 32, &string, anon);
        let mut refaults = 0;
        for &used in &string {
            let before = simulator.faults;
            simulator.step();
            refaults += usize::from(hot.contains(&used) && simulator.faults > before);
        }
        // A hot page comes once or twice, not in each round.
        assert!(refaults <= 8 * 3, "{name}: {refaults}");
    }
}

#[test]
fn a_policy_that_may_choose_only_files_spares_the_rest() {
    for name in PolicyName::ALL {
        let string: Vec<Name> = (0..16).collect();
        let mut simulator = Simulator::new(name, 16, &string, kind_of);
        string.iter().for_each(|_| {
            simulator.step();
        });
        let gone = std::iter::from_fn(|| simulator.evict(Candidates::FileOnly)).count();
        assert_eq!(gone, 8, "{name}");
        assert_eq!(simulator.resident(), [0, 2, 4, 6, 8, 10, 12, 14], "{name}");
        let gone = std::iter::from_fn(|| simulator.evict(Candidates::All)).count();
        assert_eq!(gone, 8, "{name}");
    }
}

#[test]
fn a_page_that_could_not_go_can_be_chosen_later() {
    for name in PolicyName::ALL {
        let string = [2, 4, 6];
        let mut simulator = Simulator::new(name, 3, &string, anon);
        string.iter().for_each(|_| {
            simulator.step();
        });
        let victim = simulator.policy.select(&mut simulator.memory, Candidates::All).unwrap();
        simulator.policy.put_back(victim, PageKind::Anon);
        let total = |c: PolicyCounts| c.inactive.anon + c.active.anon;
        assert_eq!(total(simulator.policy.counts()), 3, "{name}");
        assert_eq!(std::iter::from_fn(|| simulator.evict(Candidates::All)).count(), 3, "{name}");
        assert_eq!(total(simulator.policy.counts()), 0, "{name}");
    }
}

/// What a random test does.
#[derive(Clone, Copy, Debug)]
enum Action {
    Use,
    Free(Name),
    Mark(Name),
    Deactivate(Name),
    Evict,
    EvictFile,
    BusyVictim,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => Just(Action::Use),
        1 => (0u32..24).prop_map(Action::Free),
        1 => (0u32..24).prop_map(Action::Mark),
        1 => (0u32..24).prop_map(Action::Deactivate),
        1 => Just(Action::Evict),
        1 => Just(Action::EvictFile),
        1 => Just(Action::BusyVictim),
    ]
}

fn string() -> impl Strategy<Value = Vec<Name>> {
    // Some pages are used more often than others.
    let name = prop_oneof![0u32..6, 0u32..24];
    prop::collection::vec(name, 1..300)
}

/// Each page in a policy's lists is resident and the other way round: counts agree, victims were inserted and not removed.
fn check_lists(name: PolicyName, capacity: usize, string: &[Name], actions: &[Action]) {
    let mut simulator = Simulator::new(name, capacity, string, kind_of);
    let mut uses = 0..string.len();
    for &action in actions {
        match action {
            Action::Use if uses.next().is_some() => {
                simulator.step();
            }
            Action::Use => {}
            Action::Free(page) => simulator.free(page),
            Action::Mark(page) => {
                let frame = simulator.frame_of(page);
                frame.into_iter().for_each(|frame| simulator.policy.mark_accessed(frame));
            }
            Action::Deactivate(page) => {
                let frame = simulator.frame_of(page);
                frame.into_iter().for_each(|frame| simulator.policy.deactivate(frame));
            }
            Action::Evict => {
                let there = !simulator.resident().is_empty();
                assert_eq!(simulator.evict(Candidates::All).is_some(), there, "{name}");
            }
            Action::EvictFile => {
                let there = simulator.resident().into_iter().any(|page| kind_of(page) == PageKind::File);
                assert_eq!(simulator.evict(Candidates::FileOnly).is_some(), there, "{name}");
            }
            Action::BusyVictim => {
                if let Some(victim) = simulator.policy.select(&mut simulator.memory, Candidates::All) {
                    let page = simulator.resident().into_iter().find(|&page| simulator.frame_of(page) == Some(victim));
                    let kind = kind_of(page.expect("a victim is resident"));
                    simulator.policy.put_back(victim, kind);
                }
            }
        }
        let counts = simulator.policy.counts();
        for kind in PageKind::ALL {
            let resident = simulator.resident().into_iter().filter(|&page| kind_of(page) == kind).count() as u64;
            assert_eq!(counts.inactive[kind] + counts.active[kind], resident, "{name}, {kind:?}");
        }
    }
}

/// The least recently used page of a stack of names.
fn naive_lru_faults(capacity: usize, string: &[Name]) -> usize {
    let mut stack: VecDeque<Name> = VecDeque::new();
    let mut faults = 0;
    for &name in string {
        match stack.iter().position(|&page| page == name) {
            Some(index) => drop(stack.remove(index)),
            None => {
                faults += 1;
                if stack.len() == capacity {
                    stack.pop_back();
                }
            }
        }
        stack.push_front(name);
    }
    faults
}

proptest! {
    #[test]
    fn lists_hold_what_is_resident(
        capacity in 1usize..12,
        string in string(),
        actions in prop::collection::vec(action(), 1..400),
    ) {
        for name in PolicyName::ALL {
            check_lists(name, capacity, &string, &actions);
        }
    }

    #[test]
    fn nothing_beats_opt(capacity in 1usize..12, string in string()) {
        let best = faults(PolicyName::Opt, capacity, &string, kind_of);
        for name in PolicyName::ALL {
            prop_assert!(best <= faults(name, capacity, &string, kind_of), "{name}");
        }
    }

    #[test]
    fn exact_lru_is_a_stack(capacity in 1usize..12, string in string()) {
        prop_assert_eq!(
            faults(PolicyName::LruExact, capacity, &string, kind_of),
            naive_lru_faults(capacity, &string)
        );
    }

    /// Three lists of a [`PageLists`] against three deques, front for head.
    #[test]
    fn lists_are_deques(steps in prop::collection::vec((0u8..4, 0u8..3, 0u64..40), 1..300)) {
        let mut lists = PageLists::<u32>::new(3);
        let mut model = vec![VecDeque::new(); 3];
        for (index, (action, list, page)) in steps.into_iter().enumerate() {
            // Neighbours in number and far apart.
            let page = Pfn(page * page * 97);
            let place = model.iter().position(|deque: &VecDeque<(Pfn, u32)>| deque.iter().any(|&(p, _)| p == page));
            prop_assert_eq!(lists.list_of(page), place.map(|list| ListId(list as u8)));
            match (action, place) {
                (0 | 1, None) if action == 0 => {
                    lists.push_head(ListId(list), page, index as u32);
                    model[usize::from(list)].push_front((page, index as u32));
                }
                (0 | 1, None) => {
                    lists.push_tail(ListId(list), page, index as u32);
                    model[usize::from(list)].push_back((page, index as u32));
                }
                _ => {
                    let removed = lists.remove(page);
                    let expected = place.map(|list| {
                        let at = model[list].iter().position(|&(p, _)| p == page).unwrap();
                        (ListId(list as u8), model[list].remove(at).unwrap().1)
                    });
                    prop_assert_eq!(removed, expected);
                }
            }
            for (list, deque) in model.iter().enumerate() {
                let id = ListId(list as u8);
                prop_assert_eq!(lists.len(id), deque.len() as u64);
                let from_tail: Vec<Pfn> = std::iter::successors(lists.tail(id), |&page| lists.newer(page)).collect();
                let expected: Vec<Pfn> = deque.iter().rev().map(|&(page, _)| page).collect();
                prop_assert_eq!(from_tail, expected);
            }
        }
    }
}
