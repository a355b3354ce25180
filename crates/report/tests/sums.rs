//! The rows of each output sum to the run's cycles, whatever the profile.

mod common;

use pagewalk_report::{By, Column, Measures, Profile, Table, annotate, annotations_csv, callgrind, folded};
use proptest::prelude::*;

/// The sum of a column of a table, of its rows.
fn sum(table: &Table, column: Column) -> i64 {
    table.rows().map(|row| column.of(&row.measures)).sum()
}

fn check_tables(profile: &Profile) {
    let run = Measures::of_run(profile);
    for by in By::ALL {
        for top in [None, Some(0), Some(1), Some(3)] {
            let mut table = Table::new(profile, by);
            table.sort(Column::Walks);
            top.into_iter().for_each(|top| table.keep(top));
            assert_eq!(sum(&table, Column::Cycles), run.cycles as i64, "{by:?}, {top:?}");
            assert_eq!(*table.total(), run);
        }
    }
    for by in [By::Function, By::Line, By::Process] {
        for column in Column::ALL {
            assert_eq!(sum(&Table::new(profile, by), column), column.of(&run), "{by:?}, {column:?}");
        }
    }
}

/// The numbers of each line of costs, summed.
fn callgrind_sums(text: &str) -> Vec<u64> {
    let mut sums = vec![0; 7];
    for line in text.lines().filter(|line| line.starts_with("0x")) {
        let costs = line.split(' ').skip(2).map(|cost| cost.parse::<u64>().expect("a number without a sign"));
        sums.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += cost);
    }
    sums
}

fn check_callgrind(profile: &Profile) {
    let text = callgrind(profile);
    let run = Measures::of_run(profile);
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("there is a line of totals");
    let totals: Vec<u64> = totals.split(' ').map(|total| total.parse().expect("a number")).collect();
    assert_eq!(callgrind_sums(&text), totals);
    let Measures { cycles, perfect, translation, walk_cycles, walks, stlb_hits, executions, .. } = run;
    assert_eq!(totals, [cycles, perfect, translation, walk_cycles, walks, stlb_hits, executions]);
}

fn check_folded(profile: &Profile) {
    let cycles = |line: &str| line.rsplit(' ').next().expect("a number").parse::<u64>().expect("a number");
    assert_eq!(folded(profile).lines().map(cycles).sum::<u64>(), profile.totals.cycles.0);
}

/// Every function once, so all instructions.
fn check_annotations(profile: &Profile) {
    let names = ["sum", "exit", "[adder+0x402000]"];
    let all = names.iter().filter_map(|name| annotate(profile, Some(name)).ok()).flatten();
    let cycles = all.flat_map(|function| function.instructions).filter_map(|instruction| instruction.measures);
    assert_eq!(cycles.map(|measures| measures.cycles).sum::<u64>(), profile.totals.cycles.0);
}

#[test]
fn a_profile_made_by_hand_sums_up() {
    let profile = common::profile();
    check_tables(&profile);
    check_callgrind(&profile);
    check_folded(&profile);
    check_annotations(&profile);
    assert_eq!(annotations_csv(&annotate(&profile, Some("sum")).unwrap()).lines().count(), 1 + 4);
}

proptest! {
    #[test]
    fn random_profiles_sum_up(profile in common::random()) {
        check_tables(&profile);
        check_callgrind(&profile);
        check_folded(&profile);
        check_annotations(&profile);
    }
}
