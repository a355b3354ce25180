//! How long walkers are busy: `walk_pending` all together, `walk_active` at least one of them.

use super::rig::{FREE, Rig, Step, page};
use super::{LOOK_UP, WALK};
use pagewalk_timing::{Cycles, Span};

/// A core that begins as many loads at once as there are, behind what warms the way to pages 1 to 7, whose PTEs are in one line.
fn rig(set: &[&str]) -> Rig {
    let wide =
        ["window.load-queue=32", "window.reorder-buffer=64", "units.load=16", "window.width=16", "walk.queue=16"];
    let mut rig = Rig::new(&[&wide[..], set].concat());
    rig.execute(&[Step::Load(page(0), FREE, 0), Step::Fence]);
    rig
}

/// What loads add to the time that walkers are busy: all together, and at least one.
fn busy(rig: &mut Rig, steps: &[Step]) -> (u64, u64) {
    let before = rig.walkers_busy();
    rig.execute(steps);
    let now = rig.walkers_busy();
    (now.0 - before.0, now.1 - before.1)
}

/// Loads of pages 1 to k, each of whose addresses comes from a register.
fn loads(k: u64, from: u8) -> Vec<Step> {
    (1..=k).map(|n| Step::Load(page(0) + n * 4096, from, 0)).collect()
}

#[test]
fn walks_that_begin_together_keep_walkers_busy_for_as_many_turns_as_they_need() {
    for walkers in 1_u64..=7 {
        for k in 1_u64..=7 {
            let mut rig = rig(&[&format!("walk.walkers={walkers}")]);
            let turns = k.div_ceil(walkers);
            assert_eq!(busy(&mut rig, &loads(k, FREE)), (k * WALK, turns * WALK), "{k} walks on {walkers} walkers");
        }
    }
}

#[test]
fn walks_that_begin_one_after_the_other_overlap_for_the_rest() {
    // One address a cycle: each walk begins a cycle behind the one before.
    let mut many = rig(&["units.load=1", "walk.walkers=7"]);
    assert_eq!(busy(&mut many, &loads(7, FREE)), (7 * WALK, WALK + 6));
    let mut one = rig(&["units.load=1", "walk.walkers=1"]);
    assert_eq!(busy(&mut one, &loads(7, FREE)), (7 * WALK, 7 * WALK));
}

#[test]
fn walks_of_a_chase_never_overlap() {
    let mut rig = rig(&["walk.walkers=7"]);
    assert_eq!(busy(&mut rig, &loads(7, 0)), (7 * WALK, 7 * WALK));
}

/// A and D are set, so a store's walk does what a load's does.
#[test]
fn walks_are_told_apart_by_what_has_waited_for_them() {
    let mut rig = rig(&["walk.prefetch=next-page"]);
    let before = rig.walk_times();
    rig.execute(&[Step::Load(page(2), FREE, 0), Step::Fence]);
    rig.execute(&[Step::Store(page(5), FREE), Step::Fence]);
    let [all, load, store, fetch] = std::array::from_fn(|n| rig.walk_times()[n] - before[n]);
    assert!(load > Cycles(0) && store == load, "{load} {store}");
    assert_eq!(fetch, Cycles(0));
    assert!(all > load + store, "two walks have looked ahead, for nobody: {all}");
}

#[test]
fn the_look_up_of_tables_and_the_wait_for_a_walker_keep_none_busy() {
    let before = |set: &str| {
        let mut rig = rig(&["walk.walkers=1", set]);
        let now = rig.now();
        (busy(&mut rig, &loads(2, FREE)), rig.now() - now)
    };
    let (busy, cycles) = before("walk.table-look-up=1");
    assert_eq!(before("walk.table-look-up=30"), (busy, cycles + 30 - LOOK_UP));
}

#[test]
fn a_run_of_many_walks_is_as_busy_as_its_timeline_shows() {
    for walkers in [1, 2, 3] {
        let mut rig = Rig::new(&[
            &format!("walk.walkers={walkers}"),
            "walk.queue=4",
            "window.load-queue=16",
            "window.reorder-buffer=64",
            "l1d.miss-registers=8",
        ]);
        rig.keep_timeline();
        for round in 0_u64..400 {
            let at = |n: u64| page((round * 37 + n * 53) % 300) + round % 8 * 64;
            let steps: Vec<_> = (0..8).map(|n| Step::Load(at(n), if n % 3 == 0 { n as u8 } else { FREE }, 3)).collect();
            rig.execute(&steps);
        }
        let mut spans = rig.walks();
        spans.sort_unstable_by_key(|span| span.start);
        let pending: Cycles = spans.iter().map(|span| span.length()).sum();
        let (mut active, mut until) = (Cycles(0), Cycles(0));
        for Span { start, end } in spans {
            active += end.max(until) - start.max(until);
            until = until.max(end);
        }
        assert_eq!(rig.walkers_busy(), (pending.0, active.0), "{walkers} walkers");
        assert!(walkers == 1 && active == pending || walkers > 1 && active < pending);
    }
}
