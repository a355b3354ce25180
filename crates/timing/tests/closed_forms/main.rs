//! Microkernels whose cost can be worked out by hand cost exactly that. The derivations are in `docs/timing-model.md`.
//!
//! All on `classroom`: dTLB of 4 entries in 2 sets, STLB of 16 entries in 4 sets, a hit there 5 cycles more; PDE cache of 2
//! entries and PDPTE cache of 1; L1D of 1 KiB in 8 sets of 2 lines, 2 cycles; L2 of 8 KiB in 32 sets of 4 lines, 10 cycles;
//! memory 100 cycles; a walk 1 for the look-up of the paging-structure caches and 10 to start; A or D assist 100; an instruction 1 cycle.

mod knobs;
mod rig;

use arch::{Level, Service, SpaceId};
use pagewalk_timing::ledger::{Cause, CauseKind};
use pagewalk_timing::{Clocked, Cycles, Supplier};
use paging::HardwareModel;
use rig::Rig;

/// An instruction, and the first level for data.
const EXECUTE: u64 = 1;
const L1: u64 = 2;
const L2: u64 = 10;
const DRAM: u64 = 100;
const STLB: u64 = 5;
/// The start of a walk, and a walk without its loads.
const START: u64 = 10;
const WALK: u64 = 1 + START;

const PAGE: u64 = 4096;
/// A place whose entries lie in lines of different sets, from the root down: 0, 1, 2 and 3.
const BASE: u64 = 0x80 << 39 | 8 << 30 | 16 << 21 | 24 << 12;
/// The page of 2 MiB that it lies in.
const LARGE: u64 = BASE & !0x1f_ffff;

/// The n-th page, each with a line that falls into another set of the data cache.
fn page(n: u64) -> u64 {
    BASE + n * PAGE + n % 16 * 64
}

fn mapped(pages: u64, set: &[&str]) -> Rig {
    let mut rig = Rig::new(set);
    (0..pages).for_each(|n| rig.map(page(n), 0x1000 + n));
    rig
}

/// The cost of one round over pages in turn, once the caches are warm.
fn round(rig: &mut Rig, pages: &[u64]) -> Cycles {
    for _ in 0..4 {
        pages.iter().for_each(|&n| {
            rig.load(page(n));
        });
    }
    pages.iter().map(|&n| rig.load(page(n))).sum()
}

#[test]
fn the_same_word_again_costs_the_first_level_alone() {
    let mut rig = mapped(1, &[]);
    rig.load(page(0));
    assert_eq!(rig.load(page(0)), Cycles(EXECUTE + L1));
    assert_eq!(rig.store(page(0)), Cycles(EXECUTE), "a store does not wait for the first level");
}

#[test]
fn a_chase_over_as_many_pages_as_the_dtlb_holds() {
    let mut rig = mapped(4, &[]);
    assert_eq!(round(&mut rig, &[0, 1, 2, 3]), Cycles(4 * (EXECUTE + L1)));
}

#[test]
fn a_chase_over_more_pages_pays_the_second_level_for_each() {
    let mut rig = mapped(16, &["dtlb.4k.replacement=lru"]);
    let all: Vec<_> = (0..16).collect();
    assert_eq!(round(&mut rig, &all), Cycles(16 * (EXECUTE + STLB + L1)));
}

#[test]
fn aliases_of_one_set_displace_each_other_while_others_stay() {
    let mut rig = mapped(8, &["dtlb.4k.replacement=lru"]);
    assert_eq!(round(&mut rig, &[0, 2, 4]), Cycles(3 * (EXECUTE + STLB + L1)), "three pages in a set of two");
    assert_eq!(round(&mut rig, &[0, 2, 1, 3]), Cycles(4 * (EXECUTE + L1)), "two in each");
}

#[test]
fn a_cold_walk_loads_an_entry_at_each_level() {
    let mut rig = mapped(1, &[]);
    // Four entries, each in a line of its own, and the data.
    assert_eq!(rig.load(page(0)), Cycles(EXECUTE + WALK + 4 * DRAM + DRAM));
    for level in [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt] {
        assert_eq!(rig.spent_on(Cause::WalkStep(level, Supplier::Dram)), Cycles(DRAM), "{level:?}");
    }
}

#[test]
fn each_paging_structure_cache_saves_the_steps_above_it() {
    let second_walk = |set: &[&str]| {
        let mut rig = mapped(2, set);
        rig.load(page(0));
        rig.load(page(1))
    };
    let (none_pde, none_pdpte) = ("paging-structure.pde=none", "paging-structure.pdpte=none");
    // The entries are neighbours of those of the first walk: in the data cache, as the sets of the lines differ.
    assert_eq!(second_walk(&[]), Cycles(EXECUTE + WALK + L1 + DRAM), "a PDE: the PTE alone");
    assert_eq!(second_walk(&[none_pde]), Cycles(EXECUTE + WALK + 2 * L1 + DRAM), "a PDPTE: the PDE and the PTE");
    assert_eq!(second_walk(&[none_pde, none_pdpte]), Cycles(EXECUTE + WALK - 1 + 4 * L1 + DRAM), "none: all four");
}

#[test]
fn a_large_page_is_walked_in_three_steps_and_then_covers_all_its_4k() {
    let mut rig = Rig::new(&[]);
    rig.map_large(LARGE, 0x1000);
    assert_eq!(rig.load(BASE), Cycles(EXECUTE + WALK + 3 * DRAM + DRAM));
    for n in 1..8 {
        assert_eq!(rig.load(page(n)), Cycles(EXECUTE + DRAM), "no translation, but the data");
    }
}

#[test]
fn a_load_across_two_pages_pays_for_both_and_for_crossing() {
    let mut rig = mapped(2, &[]);
    let across = BASE + PAGE - 4;
    rig.map(BASE, 0x1000);
    rig.map(BASE + PAGE, 0x1001);
    let cold = rig.load(across);
    // Two walks: of the second the PTE alone, next to the first's; two lines of data.
    assert_eq!(cold, Cycles(EXECUTE + 2 * WALK + 4 * DRAM + 5 + L1 + 2 * DRAM));
    assert_eq!(rig.load(across), Cycles(EXECUTE + 5 + 2 * L1));
}

#[test]
fn setting_accessed_and_dirty_costs_an_assist_for_each_entry() {
    let mut rig = mapped(1, &[]);
    rig.clear_accessed_dirty(page(0));
    assert_eq!(rig.load(page(0)), Cycles(EXECUTE + WALK + 4 * DRAM + 100 + DRAM));
    // The entry has D=0, so a store walks once more: from the cached PDE, and sets D.
    assert_eq!(rig.store(page(0)), Cycles(EXECUTE + WALK + L1 + 100));
    assert_eq!(rig.store(page(0)), Cycles(EXECUTE));
}

#[test]
fn the_walker_is_busy_for_each_walk_without_its_look_up() {
    let mut rig = mapped(3, &[]);
    let mut busy = 0;
    let mut walks = |rig: &mut Rig, cycles: u64| {
        busy += cycles;
        assert_eq!(rig.walker_busy(), [Cycles(busy); 2]);
    };
    walks(&mut rig, 0);
    rig.load(page(0));
    walks(&mut rig, START + 4 * DRAM);
    rig.load(page(1));
    walks(&mut rig, START + L1);
    rig.load(page(1));
    walks(&mut rig, 0);
    rig.clear_accessed_dirty(page(2));
    rig.load(page(2));
    walks(&mut rig, START + L1 + 100);
    // From the cached PDE to the PTE, which is not present, and then the same from the root.
    rig.fault(page(3));
    walks(&mut rig, START + L1 + 4 * L1);
}

#[test]
fn lines_that_leave_the_first_level_come_from_the_second() {
    let mut rig = Rig::new(&[]);
    rig.map(BASE, 0x1000);
    // Eight sets: every 512 bytes the same one, of two lines.
    let aliases = [0, 512, 1024];
    for _ in 0..3 {
        for at in aliases {
            rig.load(BASE + at);
        }
    }
    let round: Cycles = aliases.iter().map(|at| rig.load(BASE + at)).sum();
    assert_eq!(round, Cycles(3 * (EXECUTE + L2)));
}

#[test]
fn what_walks_displace_is_exposed_though_no_translation_is_charged_with_it() {
    // One way: the PTEs, in set 3, and the word of page 0 displace each other. The twin never loads a PTE.
    let mut rig = Rig::new(&["l1d.ways=1", "dtlb.4k.entries=1", "dtlb.4k.ways=1", "stlb=none"]);
    let (word, other) = (BASE + 3 * 64, BASE + PAGE + 5 * 64);
    rig.map(word, 0x1000);
    rig.map(other, 0x1001);
    let rounds = 10;
    for _ in 0..rounds {
        rig.load(word);
        rig.load(other);
    }
    let (all, ledger) = rig.model.finish();
    let translation = ledger.total().sum_of(Cause::is_translation);
    assert_eq!(all - ledger.perfect(), translation + Cycles((rounds - 1) * (L2 - L1)));
}

#[test]
fn charges_of_pages_are_those_of_translation() {
    let mut rig = mapped(8, &[]);
    for i in 0..64 {
        rig.load(page(i * 5 % 8));
    }
    let translation = rig.total().sum_of(Cause::is_translation);
    let pages = rig.model.finish().1.pages();
    assert_eq!(pages.len(), 8);
    assert_eq!(pages.iter().map(|(_, _, charges)| charges.sum()).sum::<Cycles>(), translation);
}

#[test]
fn charges_of_instructions_are_those_of_the_run() {
    let mut rig = mapped(8, &[]);
    for i in 0..64 {
        rig.load(page(i * 5 % 8));
    }
    let (all, ledger) = rig.model.finish();
    let instructions = ledger.instructions();
    // The load; its first execution, before the tests, has only fetched it.
    assert_eq!(instructions.iter().map(|row| row.executions).collect::<Vec<_>>(), [65]);
    assert_eq!(instructions.iter().map(|row| row.charges.sum()).sum::<Cycles>(), all);
    assert_eq!(instructions.iter().map(|row| row.perfect).sum::<Cycles>(), ledger.perfect());
}

#[test]
fn waits_for_devices_are_a_part_of_all_cycles_that_can_be_told_apart() {
    let mut rig = mapped(1, &[]);
    for service in Service::ALL {
        rig.model.service(service, 10);
    }
    let (all, ledger) = rig.model.finish();
    let total = ledger.total();
    let kernel = total.sum_of(|cause| cause.kind() == CauseKind::Kernel);
    let devices = Service::ALL.into_iter().filter(|service| service.is_device()).count() as u64;
    // At 1 GHz a nanosecond is a cycle.
    assert_eq!(total.sum_of(Cause::is_device), Cycles(10 * devices));
    assert_eq!(kernel, Cycles(10 * Service::ALL.len() as u64));
    assert_eq!(total.sum(), all);
}

#[test]
fn a_cause_is_counted_as_often_as_it_arises_also_where_it_costs_nothing() {
    let mut rig = mapped(8, &["stlb=none", "walk.start=0", "paging-structure.pde=none", "paging-structure.pdpte=none"]);
    for n in 0..8 {
        rig.load(page(n));
    }
    let total = rig.total();
    assert_eq!(total.times_of(|cause| cause == Cause::WalkStart), 8, "each page is walked for once");
    assert_eq!(total.sum_of(|cause| cause == Cause::WalkStart), Cycles(0));
    assert_eq!(total.times_of(|cause| matches!(cause, Cause::WalkStep(..))), 8 * 4);
    assert_eq!(total.times_of(|cause| cause == Cause::Execution), 8 + 1, "the loads, and one before them");
}

#[test]
fn two_address_spaces_are_told_apart_though_their_tables_have_one_root() {
    let mut rig = mapped(1, &[]);
    rig.load(page(0));
    rig.model.space(SpaceId(1));
    let second = rig.load(page(0));
    let rows = rig.model.finish().1.instructions();
    let spaces: Vec<_> = rows.iter().map(|row| (row.space, row.executions)).collect();
    assert_eq!(spaces, [(SpaceId(0), 2), (SpaceId(1), 1)]);
    assert_eq!(rows[1].charges.sum(), second);
}
