//! A second, exact statement of the translation caches, in lists: after every event the counts are equal, and every so often the
//! caches hold the same entries in the same ways.
//!
//! `processor` and what it uses (`policy`, `array`, `tlb`, `tables`, `walk`) is written from the definitions: of the
//! architecture, as `docs/mmu-rules.md` numbers them, of the replacement policies, and of the shape that a configuration
//! describes. It shares nothing with `paging::tlb` and the counting but the configuration's plain data. `world` and `events`
//! make up what happens, `pair` lets it happen to both. `filtered` lets the same happen to an MMU whose fast table answers what it
//! can, and to one that asks for everything: nothing may tell them apart. `memory` does as much for the data caches.
//!
//! `PAGEWALK_EVENTS` sets how many events each preset and policy gets.

mod array;
mod events;
mod filtered;
mod memory;
mod pair;
mod policy;
mod processor;
mod random;
mod shapes;
mod tables;
mod tlb;
mod walk;
mod world;

use events::Source;
use paging::tlb::{HierarchyConfig, Replacement};
use pair::Pair;
use processor::{SideTally, Tally};
use random::SplitMix;
use walk::Registers;
use world::{Frames, PCIDS, Software, World};

/// Events for each preset and policy unless the environment says otherwise.
const DEFAULT_EVENTS: u64 = 12_000;
/// So many events from one comparison of the caches to the next.
const COMPARE_EVERY: u64 = 1_000;
/// With so many events every array must have become too small at least once.
const ENOUGH_TO_FILL_ALL: u64 = 1_000_000;

fn event_count() -> u64 {
    let text = std::env::var("PAGEWALK_EVENTS").ok();
    text.map_or(DEFAULT_EVENTS, |text| text.parse().expect("PAGEWALK_EVENTS is a number"))
}

/// One configuration, and what is to happen to it.
struct Run {
    name: String,
    seed: u64,
    config: HierarchyConfig,
    levels: u32,
    events: u64,
}

impl Run {
    /// Lets it happen.
    ///
    /// # Panics
    /// At the first difference, with all that is needed to see it again.
    fn check(&self) -> Pair {
        let mut random = SplitMix(self.seed);
        let world = World::new(&self.config, self.levels, Frames::OWN, Software::Careless, &mut random);
        let accessed_on_fault = random.once_in(2);
        let (root, pcid) = (world.roots[0], PCIDS[0]);
        let regs = Registers { root, pcid, levels: self.levels, wp: true, smep: true, smap: false, accessed_on_fault };
        let mut pair = Pair::new(&self.config, &world, regs);
        let mut source = Source::new(&world, random);
        for number in 1..=self.events {
            let event = source.next(&world, &pair.listed_memory, &pair.regs);
            let mut result = pair.happen(event);
            if number % COMPARE_EVERY == 0 || number == self.events {
                result = result.and_then(|()| pair.compare_caches());
            }
            if let Err(what) = result {
                panic!("{}, seed {:#x}, event {number}, {event:x?}: {what}", self.name, self.seed);
            }
        }
        pair.compare_memory().unwrap_or_else(|what| panic!("{}, seed {:#x}: {what}", self.name, self.seed));
        pair
    }
}

/// Runs every preset with the policy, or as it is.
fn check_presets(policy: Option<Replacement>, levels: u32) {
    for (i, (name, config)) in shapes::presets().into_iter().enumerate() {
        let config = policy.map_or(config.clone(), |policy| shapes::replacing(config, policy));
        let seed = i as u64 + 1000 * u64::from(levels);
        let run = Run { name: format!("{name} {policy:?}"), seed, config, levels, events: event_count() };
        let pair = run.check();
        assert_exercised(&run, &pair);
    }
}

/// That the run was not idle in any respect.
fn assert_exercised(run: &Run, pair: &Pair) {
    let Tally { loads, stores, fetches, table_hits, page_invalidations, flushes } = pair.lists.tally;
    for side in [loads, stores, fetches] {
        let SideTally { second_level_hits, completed, faulted, loads, updates } = side;
        let counts = [second_level_hits, completed[0], completed[1], completed[2], faulted, loads, updates];
        assert!(counts.iter().all(|&n| n > 0), "{}: nothing of some kind happened: {side:?}", run.name);
    }
    assert!(page_invalidations > 0 && flushes > 0, "{}: nothing was invalidated", run.name);
    let tables = &run.config.tables;
    let caches = [tables.pml5e.filter(|_| run.levels == 5), tables.pml4e, tables.pdpte, tables.pde];
    for (cache, hits) in caches.iter().zip(table_hits) {
        assert_eq!(cache.is_some(), hits > 0, "{}: {table_hits:?}", run.name);
    }
    let evicted = pair.lists.evicted();
    let idle = evicted.iter().filter(|&&n| n == 0).count();
    let unused = usize::from(tables.pml5e.is_some() && run.levels == 4);
    assert!(idle <= if run.events < ENOUGH_TO_FILL_ALL { 3 } else { unused }, "{}: {evicted:?}", run.name);
}

#[test]
fn presets_as_they_are() {
    check_presets(None, 4);
}

#[test]
fn presets_with_five_levels() {
    check_presets(None, 5);
}

#[test]
fn presets_with_lru() {
    check_presets(Some(Replacement::Lru), 4);
}

#[test]
fn presets_with_tree_plru() {
    check_presets(Some(Replacement::TreePlru), 4);
}

#[test]
fn presets_with_nru() {
    check_presets(Some(Replacement::Nru), 4);
}

#[test]
fn presets_with_fifo() {
    check_presets(Some(Replacement::Fifo), 4);
}

#[test]
fn presets_with_srrip() {
    check_presets(Some(Replacement::Srrip), 4);
}

#[test]
fn presets_with_random_replacement() {
    check_presets(Some(Replacement::Random { seed: 0 }), 4);
}

/// Small shapes of any form, with spurious faults and without.
#[test]
fn any_small_caches() {
    for seed in 1..=100 {
        let config = shapes::any(&mut SplitMix(seed));
        let levels = if seed % 4 == 0 { 5 } else { 4 };
        let name = format!("{config:?}");
        Run { name, seed, config, levels, events: event_count() / 4 }.check();
    }
}
