//! The counters as text for people, as JSON and as CSV.

use super::{Outcome, Spent};
use crate::cli::StatFormat;
use ::report::printable;
use serde_json::json;
use std::fmt::Write;
use timing::ledger::Cause;
use timing::{Counters, Cycles, HardwareConfig, Side};

/// What cycles that devices took are called.
const WAITED: &str = "device.wait_cycles";

impl StatFormat {
    /// All counters of a run.
    pub(crate) fn render(self, program: &str, hardware: &HardwareConfig, outcome: &Outcome) -> String {
        match self {
            Self::Text => text(program, hardware, outcome),
            Self::Json => json(program, hardware, outcome),
            Self::Csv => csv(outcome),
        }
    }
}

/// As `perf stat` prints it: the counts that are not 0, and what they amount to.
fn text(program: &str, hardware: &HardwareConfig, outcome: &Outcome) -> String {
    let counters = &outcome.counters;
    let mut text = format!("\n Counters of `{}` on {}:\n\n", printable(program), hardware.name);
    let _ = writeln!(text, "{:>20}  instructions", grouped(counters.instructions));
    for (name, count) in counters.events().filter(|(_, count)| *count > 0) {
        let per_thousand = remark(&name, count, counters).unwrap_or_default();
        let line = format!("{:>20}  {name:<40}{per_thousand}", grouped(count));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if let Some(spent) = &outcome.cycles {
        text.push_str(&cycles(spent, counters));
    }
    text
}

/// The cycles, what of them is translation, and a CPI stack: where they went, by cause.
fn cycles(spent: &Spent, counters: &Counters) -> String {
    let per_instruction = |cycles: Cycles| cycles.0 as f64 / counters.instructions.max(1) as f64;
    let share = |cycles: Cycles| cycles.0 as f64 * 100.0 / spent.all.0.max(1) as f64;
    let translation = spent.causes.sum_of(Cause::is_translation);
    let exposed = i128::from(spent.all.0) - i128::from(spent.perfect.0);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:>20}  {:<40}# {:>8.3} an instruction",
        grouped(spent.all.0),
        "cycles",
        per_instruction(spent.all)
    );
    let waited = spent.waited();
    let _ = writeln!(text, "{:>20}  {:<40}# {:>8.2} %", grouped(waited.0), WAITED, share(waited));
    let _ =
        writeln!(text, "{:>20}  {:<40}# {:>8.2} %", grouped(translation.0), "translation.cycles", share(translation));
    let percent = exposed as f64 * 100.0 / spent.all.0.max(1) as f64;
    let _ = writeln!(text, "{exposed:>20}  {:<40}# {percent:>8.2} %", "translation.exposed_cycles");
    for (name, cycles) in spent.walk_times().filter(|(_, cycles)| *cycles > Cycles(0)) {
        let _ = writeln!(text, "{:>20}  {name:<40}# {:>8.2} %", grouped(cycles.0), share(cycles));
    }
    let _ = writeln!(text, "\n Cycles by cause, an instruction:\n");
    for (cause, cycles) in spent.by_cause() {
        let line = format!("{:>20.4}  {:<40}# {:>8.2} %", per_instruction(cycles), cause.to_string(), share(cycles));
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What a count means beside another.
fn remark(name: &str, count: u64, counters: &Counters) -> Option<String> {
    let side = Side::ALL.into_iter().find(|side| name.starts_with(side.group()))?;
    if name.ends_with("walk_loads") {
        let walks = counters[side].walks().max(1);
        return Some(format!("# {:>8.2} a walk", count as f64 / walks as f64));
    }
    if name.ends_with("stlb_hit") || name.ends_with("walk_completed") {
        let per_thousand = count as f64 * 1000.0 / counters.instructions.max(1) as f64;
        return Some(format!("# {per_thousand:>8.3} per 1,000 instructions"));
    }
    None
}

fn json(program: &str, hardware: &HardwareConfig, outcome: &Outcome) -> String {
    let counters = &outcome.counters;
    let events: serde_json::Map<String, serde_json::Value> =
        counters.events().map(|(name, count)| (name, count.into())).collect();
    let cycles = outcome.cycles.as_ref().map(|spent| {
        let causes: serde_json::Map<String, serde_json::Value> =
            spent.by_cause().map(|(cause, cycles)| (cause.to_string(), cycles.0.into())).collect();
        let mut cycles = json!({ "all": spent.all.0, "perfect": spent.perfect.0, "causes": causes });
        cycles[WAITED] = spent.waited().0.into();
        spent.walk_times().for_each(|(name, busy)| cycles[name] = busy.0.into());
        cycles
    });
    let all = json!({
        "program": program,
        "hardware": hardware.name,
        "instructions": counters.instructions,
        "events": events,
        "cycles": cycles,
    });
    format!("{all:#}\n")
}

fn csv(outcome: &Outcome) -> String {
    let mut text = outcome.counters.csv();
    if let Some(spent) = &outcome.cycles {
        let _ = writeln!(text, "cycles,{}\ncycles.perfect,{}", spent.all, spent.perfect);
        let _ = writeln!(text, "{WAITED},{}", spent.waited());
        for (name, cycles) in spent.walk_times() {
            let _ = writeln!(text, "{name},{cycles}");
        }
        for (cause, cycles) in spent.by_cause() {
            let _ = writeln!(text, "cycles.{cause},{cycles}");
        }
    }
    text
}

/// With a comma between thousands, as perf prints it.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
