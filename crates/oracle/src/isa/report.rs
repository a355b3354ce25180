//! What came out: a summary by feature, the differences, and `docs/isa.md`.

use super::forms::{Judgement, feature};
use super::run::FormResult;
use arch::Rflags;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Counts of one feature.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    forms: u64,
    states: u64,
    equal: u64,
    faults: u64,
    missing: u64,
    wrong: u64,
}

fn rows(results: &[FormResult]) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for result in results {
        let row = rows.entry(feature(result.form.code)).or_default();
        row.forms += 1;
        row.states += result.states;
        row.equal += result.equal;
        row.faults += result.faults;
        row.missing += u64::from(result.is_missing());
        row.wrong += u64::from(result.is_wrong());
    }
    rows
}

/// The summary table.
#[must_use]
pub fn summary(results: &[FormResult]) -> String {
    let mut out = format!(
        "{:<22} {:>6} {:>9} {:>9} {:>8} {:>8} {:>6}\n",
        "feature", "forms", "states", "equal", "faults", "missing", "wrong"
    );
    let mut line = |name: &str, row: Row| {
        let Row { forms, states, equal, faults, missing, wrong } = row;
        let _ = writeln!(out, "{name:<22} {forms:>6} {states:>9} {equal:>9} {faults:>8} {missing:>8} {wrong:>6}");
    };
    let mut total = Row::default();
    for (name, row) in rows(results) {
        line(&name, row);
        total.forms += row.forms;
        total.states += row.states;
        total.equal += row.equal;
        total.faults += row.faults;
        total.missing += row.missing;
        total.wrong += row.wrong;
    }
    line("all", total);
    out
}

/// Each form that differs, with its first difference.
#[must_use]
pub fn details(results: &[FormResult]) -> String {
    let mut out = String::new();
    for result in results.iter().filter(|result| result.is_wrong()) {
        let first = result.first.as_deref().unwrap_or("");
        let _ =
            writeln!(out, "{:?}: {} of {} states differ\n{first}", result.form.code, result.mismatches, result.states);
    }
    for result in results.iter().filter(|result| result.states == 0) {
        let _ = writeln!(out, "{:?}: no encoding was found", result.form.code);
    }
    out
}

/// The names of the forms that the core does not execute, a line each.
#[must_use]
pub fn missing(results: &[FormResult]) -> String {
    let names = results.iter().filter(|result| result.is_missing());
    names.map(|result| format!("{:?}\n", result.form.code)).collect()
}

/// `docs/isa.md`.
#[must_use]
pub fn document(results: &[FormResult], states: u64, seed: u64) -> String {
    let mut out = String::from(INTRODUCTION);
    let _ = writeln!(
        out,
        "Written by `cargo run --release -p pagewalk-oracle -- isa --states {states} --seed {seed} --write-docs docs/isa.md`.\n"
    );
    out.push_str("## By feature\n\n| feature | forms | states | equal | of these, exceptions | missing | wrong |\n|---|--:|--:|--:|--:|--:|--:|\n");
    for (name, row) in rows(results) {
        let Row { forms, states, equal, faults, missing, wrong } = row;
        let _ = writeln!(out, "| {name} | {forms} | {states} | {equal} | {faults} | {missing} | {wrong} |");
    }
    out.push_str(&exemptions(results));
    out.push_str(&unstable(results));
    out.push_str("\n## Forms\n");
    let mut by_feature: BTreeMap<String, Vec<&FormResult>> = BTreeMap::new();
    for result in results {
        by_feature.entry(feature(result.form.code)).or_default().push(result);
    }
    for (name, forms) in by_feature {
        let _ = writeln!(out, "\n### {name}\n\n| form | encoding | states | result |\n|---|---|--:|---|");
        for result in forms {
            let op = result.form.code.op_code();
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} |",
                op.instruction_string(),
                op.op_code_string(),
                result.states,
                verdict(result)
            );
        }
    }
    out
}

const INTRODUCTION: &str = "\
# Instructions

Each form of each instruction, executed on the core and on an Intel processor from the same random state: registers, flags (undefined
ones too), vector registers, x87 state, MXCSR, memory, and the exception with its error code and address. A state is a new instruction each
time: other registers, another address form, other prefixes; operands that are aligned or not, cross pages, or fault.

What is not compared: IF, IOPL and RF, and what is listed as exempt.

";

fn verdict(result: &FormResult) -> String {
    match (result.form.judgement, result) {
        (_, r) if r.is_missing() => "missing".to_string(),
        (_, r) if r.mismatches > 0 => format!("{} differ", r.mismatches),
        (Judgement::Exempt(why), _) => format!("exempt: {why}"),
        (Judgement::Volatile(why), _) => format!("equal but for the result: {why}"),
        (Judgement::OneUlp, _) => "within 1 ulp".to_string(),
        (Judgement::Exact, r) if r.unstable > 0 => "equal but for undefined flags".to_string(),
        (Judgement::Exact, _) => "equal".to_string(),
    }
}

fn exemptions(results: &[FormResult]) -> String {
    let mut out = String::from("\n## Exempt\n\n| form | what is not compared |\n|---|---|\n");
    for result in results {
        let name = result.form.code.op_code().instruction_string();
        let what = match result.form.judgement {
            Judgement::Exact => continue,
            Judgement::OneUlp => "the last place of the result, C1 and the precision flag".to_string(),
            Judgement::Volatile(why) => format!("the registers that it writes: {why}"),
            Judgement::Exempt(why) => format!("all: {why}"),
        };
        let _ = writeln!(out, "| {name} | {what} |");
    }
    out
}

fn unstable(results: &[FormResult]) -> String {
    let mut out = String::from("\n## Undefined flags that are no function of the operands\n\n");
    let unstable: Vec<&FormResult> = results.iter().filter(|r| r.unstable > 0).collect();
    if unstable.is_empty() {
        out.push_str("None was seen.\n");
    }
    for result in unstable {
        let flags = Rflags::from_bits_truncate(result.unstable_flags);
        let name = result.form.code.op_code().instruction_string();
        let _ = writeln!(out, "- {name}: {flags:?} in {} of {} states", result.unstable, result.states);
    }
    out
}
