//! Every knob of the window changes cycles in the direction that theory says.

use super::rig::{FREE, Rig, Step, page};
use arch::InstrClass;

const CLASSES: [InstrClass; 5] =
    [InstrClass::Alu, InstrClass::Mul, InstrClass::Div, InstrClass::Vector, InstrClass::X87];

/// Arithmetic of each kind, loads and stores over more pages than the TLBs hold, chases among them, and branches that follow a pattern.
fn cycles(set: &[&str]) -> u64 {
    let mut rig = Rig::new(set);
    for round in 0_u64..160 {
        let at = |n: u64| page((round * 7 + n * 13) % 96) + round % 8 * 64;
        let mut steps: Vec<_> = (0..3).map(|n| Step::Load(at(n), FREE, n as u8)).collect();
        steps.extend(CLASSES.iter().enumerate().map(|(n, &class)| Step::Compute(class, FREE, 4 + n as u8)));
        steps.extend((0..8).map(|n| Step::Compute(InstrClass::Alu, FREE, n)));
        steps.extend([Step::Load(at(3), 0, 3), Step::Store(at(4), 3), Step::Store(at(5), FREE)]);
        steps.push(Step::Branch(1));
        // The branch leads to its own block again, or falls through to a copy of it.
        rig.execute_at(if round % 4 == 3 { 2 * steps.len() as u16 } else { 0 }, &steps);
    }
    rig.now()
}

/// What many operations of one kind cost, with so many units.
fn bound_by(unit: &str, class: InstrClass) -> [f64; 2] {
    [1, 2].map(|units| {
        let mut rig = Rig::new(&[&format!("units.{unit}={units}"), "window.width=8", "units.alu=8"]);
        let set = format!("units.{unit}={units}");
        let mut alu = Rig::new(&["window.width=8", &set]);
        let steps: Vec<_> = (0..8).map(|n| Step::Compute(class, FREE, n)).collect();
        if unit == "alu" { alu.steady(&steps).0 } else { rig.steady(&steps).0 }
    })
}

#[test]
fn more_of_a_part_makes_the_run_faster() {
    let usual = cycles(&[]);
    for knob in
        ["window.width=4", "window.reorder-buffer=64", "walk.walkers=4", "l1d.miss-registers=8", "l2.miss-registers=1"]
    {
        let changed = cycles(&[knob]);
        match knob {
            "l2.miss-registers=1" => assert!(changed > usual, "{knob}: {changed}, not more than {usual}"),
            _ => assert!(changed < usual, "{knob}: {changed}, not less than {usual}"),
        }
    }
}

#[test]
fn less_of_a_part_makes_the_run_slower() {
    let wide = &["window.reorder-buffer=64", "window.width=8", "units.div=8", "walk.walkers=8"][..];
    let usual = cycles(wide);
    for knob in ["window.load-queue=1", "window.store-queue=1"] {
        let changed = cycles(&[wide, &[knob]].concat());
        assert!(changed > usual, "{knob}: {changed}, not more than {usual}");
    }
}

#[test]
fn a_queue_in_front_of_the_walkers_lets_hits_pass() {
    // Three walks, and then loads of a page that is known, which others wait for.
    let cost = |set: &[&str]| {
        let mut rig = Rig::new(
            &[
                &[
                    "window.load-queue=256",
                    "window.reorder-buffer=256",
                    "l1d.miss-registers=16",
                    "dtlb.4k.entries=8",
                    "dtlb.4k.ways=8",
                ],
                set,
            ]
            .concat(),
        );
        rig.execute(&[Step::Load(page(0), FREE, 0), Step::Fence]);
        let before = rig.now();
        let mut steps: Vec<_> = (1..4).map(|n| Step::Load(page(0) + n * 4096, FREE, 1)).collect();
        steps.extend([Step::Load(page(0), 0, 0); 100]);
        rig.execute(&steps);
        rig.now() - before
    };
    let costs = ["walk.queue=0", "walk.queue=1", "walk.queue=4"].map(|queue| cost(&[queue]));
    assert!(costs.is_sorted_by(|a, b| a > b), "{costs:?}");
}

#[test]
fn each_kind_of_unit_bounds_its_operations() {
    for (unit, class) in [
        ("alu", InstrClass::Alu),
        ("mul", InstrClass::Mul),
        ("div", InstrClass::Div),
        ("vector", InstrClass::Vector),
        ("x87", InstrClass::X87),
        ("branch", InstrClass::Branch),
    ] {
        let [one, two] = bound_by(unit, class);
        assert_eq!(one, 2.0 * two, "{unit}");
    }
}

#[test]
fn units_for_loads_and_stores_bound_them() {
    let cost = |set: &str, step: Step| {
        let wide = ["window.width=8", "window.load-queue=64", "window.store-queue=64", set];
        Rig::new(&wide).steady(&[step; 8]).0
    };
    let load = Step::Load(page(0), FREE, 0);
    assert_eq!((cost("units.load=1", load), cost("units.load=2", load)), (8.0, 4.0));
    let store = Step::Store(page(0), FREE);
    assert!(cost("units.store=1", store) >= 8.0);
}

/// A loop of four rounds, many times: a branch goes back three times, and once it falls through.
fn loops(set: &[&str]) -> u64 {
    let mut rig = Rig::new(set);
    for round in 0..400 {
        rig.execute_at(if round % 4 == 0 { 2 } else { 0 }, &[Step::Branch(FREE)]);
    }
    rig.now()
}

#[test]
fn what_a_predictor_does_not_know_costs_the_penalty() {
    let [perfect, gshare, bimodal, not_taken] =
        ["perfect", "gshare", "bimodal", "not-taken"].map(|kind| loops(&[&format!("predictor.kind={kind}")]));
    assert!(perfect < gshare && gshare < bimodal && bimodal < not_taken, "{perfect} {gshare} {bimodal} {not_taken}");
    assert!(loops(&["window.mispredict=40"]) > loops(&[]));
    assert_eq!(loops(&["window.mispredict=40", "predictor.kind=perfect"]), perfect);
}

#[test]
fn larger_tables_tell_more_branches_apart() {
    let wrong = |entries: u32| {
        let mut rig = Rig::new(&[&format!("predictor.entries={entries}")]);
        for _ in 0..64 {
            // Two branches, the one always taken, the other never: they share the entry of a small table.
            rig.execute_at(0, &[Step::Branch(FREE)]);
            rig.execute_at(34, &[Step::Branch(FREE)]);
            rig.execute_at(36, &[Step::Compute(InstrClass::Alu, FREE, 0)]);
        }
        rig.now()
    };
    assert!(wrong(1) > wrong(64));
}

#[test]
fn a_prefetched_page_is_there_when_its_walk_is_done() {
    let cost = |set: &[&str]| {
        let mut rig = Rig::new(set);
        rig.execute(&[Step::Load(page(0), FREE, 0), Step::Fence]);
        let before = rig.exposed();
        rig.execute(&(8..16).map(|n| Step::Load(page(n), 0, 0)).collect::<Vec<_>>());
        rig.exposed() - before
    };
    assert!(cost(&["walk.prefetch=next-page"]) < cost(&[]));
}
