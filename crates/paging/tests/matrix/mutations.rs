//! Each wrong rule is noticed: by the sample of a matrix, by a recorded case, or by both.

use crate::cases::{self, Case};
use crate::compare::{Part, compare};
use crate::naive::cpu::Cpu;
use crate::naive::wrong::{ALL, Wrong};
use crate::shape::Shape;
use libtest_mimic::{Failed, Trial};
use rayon::prelude::*;
use std::sync::LazyLock;

static CASES: LazyLock<Vec<Case>> =
    LazyLock::new(|| ["kvm-cases.jsonl.gz", "qemu-cases.jsonl.gz"].into_iter().flat_map(cases::read).collect());

/// Wrong rules that no matrix can notice, because they are about more than one page or about none.
const BY_CASES_ALONE: [Wrong; 2] = [Wrong::SecondPageFirst, Wrong::NoCanonicalCheck];

/// Every this many combinations are enough to notice a wrong rule.
const SAMPLE: Part = Part::OneIn(4999);

/// A trial for each wrong rule, and one for none.
pub(crate) fn trials(shapes: &'static [Shape]) -> Vec<Trial> {
    let wrong = ALL.map(|(wrong, name)| Trial::test(format!("mutation: {name}"), move || is_noticed(shapes, wrong)));
    wrong.into_iter().chain([Trial::test("the statement agrees with all recorded cases", none_is_wrong)]).collect()
}

fn is_noticed(shapes: &[Shape], wrong: Wrong) -> Result<(), Failed> {
    let by_cases = CASES.par_iter().any(|case| !case.agrees(&Cpu { wrong: Some(wrong), ..case.cpu }));
    let by_matrix = shapes.iter().any(|shape| compare(shape, SAMPLE, Some(wrong)).disagreements > 0);
    if by_cases && (by_matrix || BY_CASES_ALONE.contains(&wrong)) {
        return Ok(());
    }
    Err(format!("noticed by the cases: {by_cases}, by the matrix: {by_matrix}").into())
}

fn none_is_wrong() -> Result<(), Failed> {
    let differ: Vec<u64> = CASES.par_iter().filter(|case| !case.agrees(&case.cpu)).map(|case| case.id).collect();
    if differ.is_empty() { Ok(()) } else { Err(format!("cases {differ:?}").into()) }
}
