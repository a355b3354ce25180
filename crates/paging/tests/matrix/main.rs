//! The walker against the naive statement of the rules, over every combination of the bits that matter.
//!
//! In the spirit of the `access` test of kvm-unit-tests. Run as a test, it takes a fixed sample, and shows that each of 33
//! wrong rules would be noticed. With `--whole` (`cargo xtask matrix`) it takes every combination and prints counts.

#[path = "../naive/mod.rs"]
mod naive;

mod cases;
mod compare;
mod mutations;
mod shape;
mod shapes;
mod walker;

use compare::{Part, Tally, compare};
use libtest_mimic::{Arguments, Failed, Trial};
use shape::Shape;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Instant;

static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(shapes::all);

/// A prime, so that every bit takes both values.
const SAMPLE: Part = Part::OneIn(211);

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--whole") {
        return whole();
    }
    let args = Arguments::from_args();
    let mut trials: Vec<Trial> = SHAPES.iter().map(sample).collect();
    trials.extend(mutations::trials(&SHAPES));
    libtest_mimic::run(&args, trials).exit_code()
}

/// A matrix's sample as a test.
fn sample(shape: &'static Shape) -> Trial {
    Trial::test(format!("matrix: {}", shape.name), move || {
        let tally = compare(shape, SAMPLE, None);
        if tally.compared() < shape.combinations() / 220 {
            return Err(Failed::from("too few combinations"));
        }
        if tally.disagreements == 0 { Ok(()) } else { Err(tally.shown.join("\n").into()) }
    })
}

/// Every combination of every matrix, with counts.
fn whole() -> ExitCode {
    let start = Instant::now();
    println!(
        "{:<22}{:>13}{:>13}{:>13}{:>13}{:>13}{:>13}{:>10}{:>8}",
        "matrix", "combinations", "allowed", "not present", "reserved", "denied", "denied (PK)", "disagree", "seconds"
    );
    let (mut compared, mut disagreements) = (0, 0);
    for shape in SHAPES.iter() {
        let begin = Instant::now();
        let tally = compare(shape, Part::Whole, None);
        assert_eq!(tally.compared(), shape.combinations(), "every combination is compared once");
        print_row(shape, &tally, begin);
        compared += tally.compared();
        disagreements += tally.disagreements;
    }
    println!("{compared} combinations, {disagreements} disagreements, {:.0} seconds", start.elapsed().as_secs_f64());
    if disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print_row(shape: &Shape, tally: &Tally, begin: Instant) {
    println!(
        "{:<22}{:>13}{:>13}{:>13}{:>13}{:>13}{:>13}{:>10}{:>8.1}",
        shape.name,
        tally.compared(),
        tally.allowed,
        tally.not_present,
        tally.reserved,
        tally.denied,
        tally.denied_by_key,
        tally.disagreements,
        begin.elapsed().as_secs_f64()
    );
    tally.shown.iter().for_each(|text| println!("{text}"));
}
