//! What a core with a window costs, worked out by hand. The derivations are in `docs/timing-model.md`.
//!
//! All on `classroom`: two instructions a cycle, 16 in the reorder buffer, 4 loads, 4 stores; one load, one store and two operations of
//! arithmetic a cycle; one walker; two lines at once on their way to the first level, which takes 2 cycles, the second 10, memory 100;
//! a second-level hit 5, a look-up of the paging-structure caches 1, the start of a walk 10.

mod knobs;
mod rig;
mod walkers;

use arch::InstrClass;
use pagewalk_timing::Cycles;
use pagewalk_timing::ledger::Cause;
use rig::{FREE, Rig, Step, page};

const L1: u64 = 2;
const STLB: u64 = 5;
const DRAM: u64 = 100;
/// A walker is busy so long with a walk that finds its PDE cached and its PTE in the first level.
const WALK: u64 = 10 + L1;
const LOOK_UP: u64 = 1;

const fn add(from: u8, to: u8) -> Step {
    Step::Compute(InstrClass::Alu, from, to)
}

fn whole(cost: (f64, f64)) -> (u64, u64) {
    assert!(cost.0.fract() == 0.0 && cost.1.fract() == 0.0, "{cost:?}");
    (cost.0 as u64, cost.1 as u64)
}

#[test]
fn independent_arithmetic_is_as_wide_as_the_core() {
    let steps: Vec<_> = (0..8).map(|n| add(FREE, n)).collect();
    assert_eq!(whole(Rig::new(&[]).steady(&steps)), (4, 0));
}

#[test]
fn dependent_arithmetic_takes_its_latency() {
    assert_eq!(whole(Rig::new(&[]).steady(&[add(0, 0); 8])), (8, 0));
    let multiply = Step::Compute(InstrClass::Mul, 0, 0);
    assert_eq!(whole(Rig::new(&[]).steady(&[multiply; 8])), (8 * 3, 0));
}

#[test]
fn a_divider_takes_no_other_division_until_it_is_done() {
    let divide = |n| Step::Compute(InstrClass::Div, FREE, n);
    assert_eq!(whole(Rig::new(&[]).steady(&[divide(0), divide(1)])), (2 * 20, 0));
}

#[test]
fn a_chase_in_the_first_level_takes_its_latency_and_independent_loads_one_unit() {
    let chase = Step::Load(page(0), 0, 0);
    assert_eq!(whole(Rig::new(&[]).steady(&[chase; 8])), (8 * L1, 0));
    let load = Step::Load(page(0), FREE, 0);
    assert_eq!(whole(Rig::new(&["window.load-queue=16"]).steady(&[load; 8])), (8, 0));
}

#[test]
fn a_chase_over_pages_pays_for_each_second_level_hit_and_all_of_it_is_exposed() {
    let steps: Vec<_> = (0..16).map(|n| Step::Load(page(n), 0, 0)).collect();
    assert_eq!(whole(Rig::new(&["dtlb.4k.replacement=lru"]).steady(&steps)), (16 * (STLB + L1), 16 * STLB));
}

#[test]
fn independent_loads_hide_their_second_level_hits() {
    let steps: Vec<_> = (0..16).map(|n| Step::Load(page(n), FREE, 0)).collect();
    let mut rig = Rig::new(&["dtlb.4k.replacement=lru", "window.load-queue=16", "window.reorder-buffer=64"]);
    assert_eq!(whole(rig.steady(&steps)), (16, 0));
    let hits = rig.total().times_of(|cause| cause == Cause::SecondLevelHit);
    assert!(hits >= 16 * 64, "they are counted all the same: {hits}");
}

/// Walks of so many pages at once, behind what warms the way there: cycles of the last of them, and what is exposed.
fn parallel_walks(pages: u64, set: &[&str]) -> (u64, u64) {
    let mut rig = Rig::new(
        &[&["window.load-queue=32", "window.reorder-buffer=64", "units.load=16", "window.width=16"], set].concat(),
    );
    // A line of PTEs holds those of eight pages.
    rig.execute(&[Step::Load(page(0), FREE, 0), Step::Fence]);
    let before = (rig.now(), rig.exposed());
    let walks: Vec<_> = (1..=pages).map(|n| Step::Load(page(0) + n * 4096, FREE, 0)).collect();
    rig.execute(&walks);
    (rig.now() - before.0, rig.exposed() - before.1)
}

#[test]
fn walks_side_by_side_take_as_many_turns_as_walkers_need() {
    // Behind the walks each load waits for memory, and here for no miss register.
    let set = |walkers| vec![format!("walk.walkers={walkers}"), "walk.queue=16".into(), "l1d.miss-registers=16".into()];
    for walkers in [1, 2, 3, 4] {
        let set = set(walkers);
        let set: Vec<_> = set.iter().map(String::as_str).collect();
        let (one, _) = parallel_walks(1, &set);
        let (six, _) = parallel_walks(6, &set);
        assert_eq!(six - one, (6_u64.div_ceil(walkers) - 1) * WALK, "{walkers} walkers");
    }
}

#[test]
fn a_walk_alone_costs_its_look_up_its_start_and_its_loads() {
    let (cycles, exposed) = parallel_walks(1, &[]);
    // The twin has the same load without the walk.
    assert_eq!(exposed, LOOK_UP + WALK);
    assert!(cycles >= LOOK_UP + WALK + DRAM);
}

#[test]
fn loads_of_one_page_wait_for_one_walk() {
    let mut rig = Rig::new(&[]);
    rig.execute(&[Step::Load(page(0), FREE, 0)]);
    let before = rig.total().times_of(|cause| cause == Cause::WalkStart);
    rig.execute(&[Step::Load(page(1), FREE, 0), Step::Load(page(1) + 8, FREE, 1)]);
    assert_eq!(rig.total().times_of(|cause| cause == Cause::WalkStart) - before, 1);
    assert_eq!(rig.total().times_of(|cause| cause == Cause::WalkMerged), 1);
}

#[test]
fn lines_on_their_way_are_as_many_as_miss_registers() {
    // Every line is new: from memory, and its page is known.
    let cost = |set: &[&str]| {
        let mut rig = Rig::new(&[&["window.load-queue=16", "l2=none", "l1d.kib=16", "l1d.ways=2"], set].concat());
        let mut line = 0;
        let mut run = |rig: &mut Rig| {
            let steps: Vec<_> = (0..8).map(|n| Step::Load(page(0) + 64 * (line + n), FREE, 0)).collect();
            line += 8;
            rig.execute(&steps);
        };
        (0..3).for_each(|_| run(&mut rig));
        let before = rig.now();
        (0..4).for_each(|_| run(&mut rig));
        rig.now() - before
    };
    assert_eq!(cost(&[]), 4 * 8 * DRAM / 2);
    assert_eq!(cost(&["l1d.miss-registers=4"]), 4 * 8 * DRAM / 4);
}

#[test]
fn a_branch_that_goes_the_other_way_each_time_costs_its_decision_and_the_penalty() {
    let mut rig = Rig::new(&["predictor.kind=not-taken"]);
    // Two blocks of one branch each lead to each other; none falls through.
    let both = |rig: &mut Rig| {
        rig.execute_at(0, &[Step::Branch(FREE)]);
        rig.execute_at(32, &[Step::Branch(FREE)]);
    };
    (0..4).for_each(|_| both(&mut rig));
    let before = rig.now();
    (0..10).for_each(|_| both(&mut rig));
    // Dispatched, executed in the next cycle, decided in the one after it; then the front end begins anew.
    assert_eq!(rig.now() - before, 20 * (1 + 1 + 10));
    assert_eq!(rig.spent_on(Cause::Misprediction), Cycles(10 * 27));
}

#[test]
fn stores_wait_for_room_in_their_queue() {
    // Each store misses; two lines can be on their way, and four stores can wait.
    let mut rig = Rig::new(&["l2=none", "l1d.kib=1"]);
    let steps: Vec<_> = (0..32).map(|n| Step::Store(page(0) + 64 * n, FREE)).collect();
    let (cycles, exposed) = whole(rig.steady(&steps));
    assert_eq!((cycles, exposed), (32 * DRAM / 2, 0));
    assert!(rig.spent_on(Cause::StoreQueue) > Cycles(60 * 32 * DRAM / 2));
}

#[test]
fn a_load_takes_what_a_store_on_its_way_has() {
    // The store misses each time, as its line is displaced by others; the load behind it waits for its value alone.
    let steps = [Step::Store(page(0), 0), Step::Load(page(0), FREE, 0)];
    assert_eq!(whole(Rig::new(&["window.store-queue=64"]).steady(&steps)), (L1, 0));
}
