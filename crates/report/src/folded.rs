//! Folded stacks: a line for each stack with its cycles, for flame graphs and speedscope.
//!
//! The ledger has no call stacks. A stack is: process; mapping; function; inlined functions; cause.

use crate::profile::{Place, Profile, Row};
use std::collections::BTreeMap;
use std::fmt::Write;

/// All stacks, in order. Those that have cost nothing are left out.
#[must_use]
pub fn folded(profile: &Profile) -> String {
    let mut stacks: BTreeMap<String, u64> = BTreeMap::new();
    for row in &profile.rows {
        let code = code(profile, row);
        for charge in row.charges.iter().filter(|charge| charge.cycles.0 > 0) {
            let cause = frame(&profile.cause(charge.cause).name);
            *stacks.entry(format!("{code};{cause}")).or_default() += charge.cycles.0;
        }
    }
    let mut text = String::new();
    for (stack, cycles) in stacks {
        let _ = writeln!(text, "{stack} {cycles}");
    }
    text
}

/// The frames above the cause.
fn code(profile: &Profile, row: &Row) -> String {
    let space = profile.space(row.space);
    let place = profile.place(row.place);
    let function = profile.function(place.function);
    let mapping = space.mapping_at(row.la).map_or_else(|| function.file_label().to_owned(), |m| m.label().to_owned());
    let program = space.program.rsplit('/').next().unwrap_or_default();
    let mut frames = vec![format!("{program} ({})", space.pid), mapping, function.label()];
    frames.extend(inlined(place));
    frames.iter().map(|text| frame(text)).collect::<Vec<_>>().join(";")
}

/// The functions that are inlined at a place, the outermost first. The last frame is the function itself.
fn inlined(place: &Place) -> impl Iterator<Item = String> {
    let within = place.frames.len().saturating_sub(1);
    place.frames[..within].iter().rev().filter_map(|frame| frame.function.clone())
}

/// A name without what separates frames and lines.
fn frame(name: &str) -> String {
    let plain = |c: char| if c == ';' || c.is_control() { '_' } else { c };
    let name: String = name.chars().map(plain).collect();
    if name.is_empty() { "[unknown]".into() } else { name }
}
