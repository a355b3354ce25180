//! The counters as text for people, as JSON and as CSV.

use crate::cli::StatFormat;
use serde_json::json;
use std::fmt::Write;
use timing::{Counters, HardwareConfig, Side};

impl StatFormat {
    /// All counters of a run.
    pub(crate) fn render(self, program: &str, hardware: &HardwareConfig, counters: &Counters) -> String {
        match self {
            Self::Text => text(program, hardware, counters),
            Self::Json => json(program, hardware, counters),
            Self::Csv => csv(counters),
        }
    }
}

/// As `perf stat` prints it: the counts that are not 0, and what they amount to.
fn text(program: &str, hardware: &HardwareConfig, counters: &Counters) -> String {
    let mut text = format!("\n Counters of `{program}` on {}:\n\n", hardware.name);
    let _ = writeln!(text, "{:>20}  instructions", grouped(counters.instructions));
    for (name, count) in counters.events().filter(|(_, count)| *count > 0) {
        let per_thousand = remark(&name, count, counters).unwrap_or_default();
        let _ = writeln!(text, "{:>20}  {name:<40}{per_thousand}", grouped(count));
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

fn json(program: &str, hardware: &HardwareConfig, counters: &Counters) -> String {
    let events: serde_json::Map<String, serde_json::Value> =
        counters.events().map(|(name, count)| (name, count.into())).collect();
    let all = json!({
        "program": program,
        "hardware": hardware.name,
        "instructions": counters.instructions,
        "events": events,
    });
    format!("{all:#}\n")
}

fn csv(counters: &Counters) -> String {
    let mut text = format!("event,count\ninstructions,{}\n", counters.instructions);
    for (name, count) in counters.events() {
        let _ = writeln!(text, "{name},{count}");
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
