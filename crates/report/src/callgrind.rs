//! The format of callgrind, for `KCachegrind` and `callgrind_annotate`: a line of costs for each instruction, with its source line.
//!
//! Its numbers have no sign, and exposed cycles may be negative; so there are the cycles and the twin's, and the format's own formula for their
//! difference, which `KCachegrind` shows. There are no calls, as the ledger knows none.

use crate::measures::Measures;
use crate::profile::{Function, FunctionNo, PlaceNo, Profile};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What callgrind calls a file that is not known.
const UNKNOWN: &str = "???";

const EVENTS: [(&str, &str); 7] = [
    ("Cycles", "Cycles"),
    ("Perfect", "Cycles with perfect translation"),
    ("Translation", "Cycles charged to translation"),
    ("WalkCycles", "Cycles of page walks"),
    ("Walks", "Page walks"),
    ("StlbHits", "Translations that the second-level TLB had"),
    ("Executions", "Instructions retired"),
];

const fn costs(measures: &Measures) -> [u64; EVENTS.len()] {
    let Measures { cycles, perfect, translation, walk_cycles, walks, stlb_hits, executions, .. } = *measures;
    [cycles, perfect, translation, walk_cycles, walks, stlb_hits, executions]
}

/// The profile in callgrind's format.
#[must_use]
pub fn callgrind(profile: &Profile) -> String {
    let mut text = head(profile);
    let mut places: BTreeMap<(FunctionNo, PlaceNo), Measures> = BTreeMap::new();
    for row in &profile.rows {
        *places.entry((profile.place(row.place).function, row.place)).or_default() += Measures::of_row(profile, row);
    }
    let sources = sources(profile);
    let mut last = None;
    let mut file = String::new();
    for ((number, place), measures) in places {
        let function = profile.function(number);
        if last != Some(number) {
            last = Some(number);
            file = sources.get(&number).cloned().unwrap_or_else(|| UNKNOWN.to_owned());
            text += &function_lines(function, &file);
        }
        let place = profile.place(place);
        let (source, line) = match place.frames.first() {
            Some(frame) => (name(&frame.file), frame.line),
            None => (UNKNOWN.to_owned(), 0),
        };
        if source != file {
            let _ = writeln!(text, "fi={source}");
            file = source;
        }
        let _ = writeln!(text, "{:#x} {line} {}", place.address.0, numbers(&measures));
    }
    let _ = writeln!(text, "\ntotals: {}", numbers(&Measures::of_run(profile)));
    text
}

fn head(profile: &Profile) -> String {
    let mut text = String::from("# callgrind format\nversion: 1\ncreator: pagewalk\n");
    let _ = writeln!(text, "cmd: {}", name(&profile.command_line()));
    let _ = writeln!(text, "desc: Processor: {}, core {}", name(&profile.hardware.name), name(&profile.hardware.core));
    text += "positions: instr line\n";
    for (event, meaning) in EVENTS {
        let _ = writeln!(text, "event: {event} : {meaning}");
    }
    text += "event: Exposed = Cycles - Perfect : Cycles beyond perfect translation\n";
    let _ = writeln!(text, "events: {}", EVENTS.map(|(event, _)| event).join(" "));
    let _ = writeln!(text, "summary: {}", numbers(&Measures::of_run(profile)));
    text
}

/// The source file of each function: that of the outermost frame of its first instruction of which one is known.
fn sources(profile: &Profile) -> BTreeMap<FunctionNo, String> {
    let mut sources = BTreeMap::new();
    for place in &profile.places {
        if let Some(frame) = place.frames.last() {
            sources.entry(place.function).or_insert_with(|| name(&frame.file));
        }
    }
    sources
}

fn function_lines(function: &Function, file: &str) -> String {
    let object = if function.file.is_empty() { UNKNOWN.to_owned() } else { name(&function.file) };
    format!("\nob={object}\nfl={file}\nfn={}\n", name(&function.label()))
}

fn numbers(measures: &Measures) -> String {
    costs(measures).map(|cost| cost.to_string()).join(" ")
}

/// A name in one line, that is not taken for an abbreviation such as `(1)`.
fn name(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
    match text.strip_prefix('(') {
        Some(rest) => format!("_({rest}"),
        None => text,
    }
}
