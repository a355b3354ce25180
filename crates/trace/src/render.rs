//! From a record to the line that is compared, and the note for people behind it.

use crate::line::{Line, NOTHING, word};
use crate::record::{Fact, Leaf, PlaceEntry, Record, Spot, Tables};
use arch::{Level, Pte};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::fmt::Write;

/// The level of a PTE in [`Leaf`].
const PTE: u8 = 3;
/// In an entry above that: it maps a page, not a table.
const PS: u64 = 1 << 7;
/// The bits of an entry that a line tells of.
const FLAGS: u64 = 1 << 63 | 0x1ff;

/// Makes lines of records. What many of them share is made once.
#[derive(Debug)]
pub(crate) struct Renderer {
    names: Vec<String>,
    processes: Vec<String>,
    labels: Vec<String>,
    places: Vec<String>,
    /// By the levels and flags of the leaf, and whether the page was on the swap device.
    entries: HashMap<(u8, u64, u8, u64, bool), String, FixedState>,
    address: String,
    line: Line,
}

impl Renderer {
    /// A maker of lines of records whose numbers are in these tables.
    pub(crate) fn new(tables: &Tables) -> Self {
        Self {
            names: tables.names.iter().map(|name| word(name)).collect(),
            processes: tables.processes.iter().map(|process| word(&process.name)).collect(),
            labels: tables.regions.iter().map(|region| label(&region.label)).collect(),
            places: tables.places.iter().map(|entry| word(&place(entry))).collect(),
            entries: HashMap::default(),
            address: String::new(),
            line: Line::default(),
        }
    }

    /// The line of a record, whose numbers are in the tables that this was made for.
    pub(crate) fn line(&mut self, record: &Record) -> &Line {
        self.address.clear();
        match record.spot {
            None => self.address.push_str(NOTHING),
            Some(spot) => push_address(&mut self.address, &self.labels[spot.region.0 as usize], spot, record.pages),
        }
        let entries = match record.leaf() {
            None => NOTHING,
            Some(leaf) => {
                let was_on_swap = record.fact(Fact::Slot).is_some();
                self.entries.entry(key(leaf, was_on_swap)).or_insert_with(|| entries(leaf, was_on_swap))
            }
        };
        self.line.set_words([
            &self.processes[record.process.0 as usize],
            record.what.name(),
            &self.address,
            &self.names[record.outcome.0 as usize],
            entries,
            &self.places[record.place.0 as usize],
        ]);
        &self.line
    }
}

impl Tables {
    /// The line of a record, whose numbers are in the tables.
    #[must_use]
    pub fn line(&self, record: &Record) -> Line {
        Renderer::new(self).line(record).clone()
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
}

/// The label of a mapping, as it stands in an address; of what belongs to no mapping there is none.
fn label(label: &str) -> String {
    if label.is_empty() { String::new() } else { word(label) }
}

/// Writes a page by its mapping.
fn push_address(to: &mut String, label: &str, spot: Spot, pages: u64) {
    let (sign, offset) = match spot.offset {
        address if label.is_empty() => ("0x", address.cast_unsigned()),
        below @ ..0 => ("-0x", below.unsigned_abs()),
        above => ("+0x", above.cast_unsigned()),
    };
    to.push_str(label);
    to.push_str(sign);
    push_hex(to, offset);
    if pages > 1 {
        let _ = write!(to, ",{pages}p");
    }
}

/// Writes digits, which takes `write!` longer than all else that a line does.
fn push_hex(to: &mut String, number: u64) {
    let digits = number.max(1).ilog2() / 4;
    to.extend((0..=digits).rev().map(|digit| char::from(b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15])));
}

fn place(place: &PlaceEntry) -> String {
    match place.offset {
        Some(offset) => format!("{}+{offset:#x}", place.name),
        None => place.name.clone(),
    }
}

/// What tells one text of entries from another.
const fn key(leaf: Leaf, was_on_swap: bool) -> (u8, u64, u8, u64, bool) {
    // Of an entry that is not present it matters whether it is empty.
    const fn flags(pte: Pte) -> u64 {
        if pte.0 & 1 == 0 && pte.0 != 0 { 2 } else { pte.0 & FLAGS }
    }
    // And whether it has changed, in whatever bit.
    let stays = leaf.before.0 == leaf.after.0 && leaf.before.1.0 == leaf.after.1.0;
    let before = flags(leaf.before.1) | if stays { 1 << 62 } else { 0 };
    (leaf.before.0, before, leaf.after.0, flags(leaf.after.1), was_on_swap)
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

/// An entry of a level, by its flags, as a line has it.
#[must_use]
pub fn entry_flags(level: Level, entry: Pte) -> String {
    flags((level_number(level), entry))
}

/// The number of a level in a record.
pub(crate) const fn level_number(level: Level) -> u8 {
    PTE.saturating_sub(level.height() as u8)
}

fn flags((level, pte): (u8, Pte)) -> String {
    if !pte.present() {
        return if pte.0 == 0 { "none" } else { "absent" }.into();
    }
    let size = match level {
        PTE => None,
        _ if pte.0 & PS == 0 => None,
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
