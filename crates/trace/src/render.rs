//! From a record to the line that is compared, and the note for people behind it.

use crate::line::Line;
use crate::record::{Fact, Leaf, PlaceEntry, Record, Spot, Tables};
use arch::Pte;
use std::fmt::Write;

/// The level of a PTE in [`Leaf`].
const PTE: u8 = 3;

impl Tables {
    /// The line of a record, whose numbers are in the tables.
    #[must_use]
    pub fn line(&self, record: &Record) -> Line {
        let address = record.spot.map(|spot| self.address(spot, record.pages)).unwrap_or_default();
        let entries = record.leaf().map(|leaf| entries(leaf, record.fact(Fact::Slot).is_some())).unwrap_or_default();
        Line::new([
            &self.processes[record.process.0 as usize].name,
            record.what.name(),
            &address,
            &self.names[record.outcome.0 as usize],
            &entries,
            &place(&self.places[record.place.0 as usize]),
        ])
    }

    /// What a line does not say, for people: the event's number among all, from 1, when it was, and what else is known.
    #[must_use]
    pub fn note(&self, number: u64, record: &Record) -> String {
        let mut note = format!("n={number} instructions={} ns={}", record.instructions, record.ns);
        for (fact, value) in &record.facts {
            // Writing to a String does not fail.
            let _ = match fact.is_address() {
                true => write!(note, " {}={value:#x}", fact.name()),
                false => write!(note, " {}={value}", fact.name()),
            };
        }
        note
    }

    fn address(&self, spot: Spot, pages: u64) -> String {
        let label = &self.regions[spot.region.0 as usize].label;
        let sign = if spot.offset < 0 { '-' } else { '+' };
        let range = if pages > 1 { format!(",{pages}p") } else { String::new() };
        // What belongs to no mapping has its address alone.
        let sign = if label.is_empty() { String::new() } else { sign.to_string() };
        format!("{label}{sign}{:#x}{range}", spot.offset.unsigned_abs())
    }
}

fn place(place: &PlaceEntry) -> String {
    match place.offset {
        Some(offset) => format!("{}+{offset:#x}", place.name),
        None => place.name.clone(),
    }
}

/// An entry before and behind, by its flags.
fn entries(leaf: Leaf, was_on_swap: bool) -> String {
    let after = flags(leaf.after);
    match leaf.before {
        before if before == leaf.after => format!("={after}"),
        (_, before) if was_on_swap && !before.present() => format!("swap->{after}"),
        before => format!("{}->{after}", flags(before)),
    }
}

fn flags((level, pte): (u8, Pte)) -> String {
    if !pte.present() {
        return if pte.0 == 0 { "none" } else { "absent" }.into();
    }
    let size = match level {
        PTE => None,
        2 => Some("2M"),
        _ => Some("1G"),
    };
    let flags = [
        ("P", true),
        ("RW", pte.writable()),
        ("US", pte.user()),
        ("PWT", pte.pwt()),
        ("PCD", pte.pcd()),
        ("A", pte.accessed()),
        ("D", pte.dirty()),
        ("G", pte.global()),
        ("XD", pte.no_execute()),
    ];
    let set = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name);
    set.chain(size).collect::<Vec<_>>().join("+")
}
