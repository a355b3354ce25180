//! Differences that are alike, gathered while both traces are read.
//!
//! However many there are, the kinds of them that are told apart are bounded, and so are the examples of each.

use super::difference::{Example, Finding, FindingKind};
use super::fronts::Front;
use super::groups::{Common, Group};
use super::pair::Event;
use super::processes::{Alone, OneSided};
use super::tokens::hash;
use super::words;
use crate::line::{Column, Line, NOTHING};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// From this many on, what is alike is one finding.
pub(super) const ALIKE: u64 = 3;
/// As many kinds are told apart.
const GROUPS: usize = 1024;

/// One event that is different.
#[derive(Clone, Copy)]
pub(super) struct Different<'a> {
    pub(super) kind: FindingKind,
    /// The event in the old trace, by number.
    pub(super) old: Option<(u64, &'a Line)>,
    /// The event in the new trace.
    pub(super) new: Option<(u64, &'a Line)>,
    /// By as much it comes later.
    pub(super) by: i32,
    /// Where it is: what orders the findings.
    pub(super) at: usize,
    /// The event of the old trace that it is, or that is before it.
    pub(super) old_event: u64,
}

/// All differences so far.
pub(super) struct Findings {
    pub(super) one_sided: OneSided,
    groups: Vec<Group>,
    /// By the hash of what they have in common, which may be long.
    index: HashMap<u64, usize, FixedState>,
    /// Used again and again.
    key: String,
}

impl Findings {
    /// None as yet, of traces of which each has some processes that the other has not.
    pub(super) fn new(one_sided: OneSided) -> Self {
        Self { one_sided, groups: Vec::new(), index: HashMap::default(), key: String::new() }
    }

    /// Adds one.
    pub(super) fn add(&mut self, different: &Different<'_>) {
        let Some((_, line)) = different.old.or(different.new) else { return };
        let (mapping, page) = words::mapping(line.column(Column::Address));
        let common = self.one_sided.alone(line).map_or(Common::Likeness, Common::Process);
        self.write_key(different, line, mapping, common);
        let number = match self.index.get(&hash(&self.key)) {
            Some(&known) => known,
            None => self.open(different, line, mapping, common),
        };
        self.groups[number].add(different, line, page);
    }

    /// The findings in order, with what stands where the order has changed, and the numbers of both sides' last events.
    pub(super) fn finish(mut self, fronts: &[Front], ends: (u64, u64)) -> Vec<Finding> {
        self.groups.sort_by_key(|group| group.at);
        self.groups.into_iter().flat_map(|group| group.findings(fronts, ends)).collect()
    }

    /// Writes what differences have in common that are alike.
    fn write_key(&mut self, different: &Different<'_>, line: &Line, mapping: &str, common: Common) {
        let (class, outcome) = (words::class(line), line.column(Column::Outcome));
        let parts: &[&str] = match different.kind {
            // No column is empty, so nothing else begins so.
            _ if common == Common::Process(Alone::Process) => &["", line.column(Column::Process)],
            _ if common != Common::Likeness => &[""],
            FindingKind::EndsEarly | FindingKind::GoesOn => &[],
            FindingKind::Moved => &[class],
            FindingKind::Removed | FindingKind::Added => &[class, outcome, mapping],
            FindingKind::Changed => &[class, mapping],
        };
        self.key.clear();
        self.key.push_str(different.kind.name());
        for part in parts {
            self.key.push(' ');
            self.key.push_str(part);
        }
        if let (Some((_, old)), Some((_, new))) = (different.old, different.new) {
            self.key.push(' ');
            words::changes(old, new, &mut self.key);
        }
    }

    /// A new kind, or, if there are too many, the rest.
    fn open(&mut self, different: &Different<'_>, line: &Line, mapping: &str, common: Common) -> usize {
        let is_rest = self.groups.len() >= GROUPS;
        if is_rest {
            self.key = format!("{}, rest", different.kind.name());
        }
        match self.index.entry(hash(&self.key)) {
            Entry::Occupied(rest) => return *rest.get(),
            Entry::Vacant(new) => new.insert(self.groups.len()),
        };
        let common = if is_rest { Common::Rest } else { common };
        self.groups.push(Group::of(different, line, mapping, common));
        self.groups.len() - 1
    }
}

/// A different event to show.
pub(super) fn example(different: &Different<'_>) -> Example {
    let shown = |event: (u64, &Line)| Event { number: event.0, line: words::shown(event.1) };
    let (old, new) = (different.old.map(shown), different.new.map(shown));
    let text = match (&old, &new) {
        (Some(old), Some(new)) => format!("{}: {}", words::name(old), words::change(&old.line, &new.line)),
        (Some(event), None) if different.kind == FindingKind::Moved => moved(event, different.by),
        (Some(event), None) => format!("missing: {}", alone(event)),
        (None, Some(event)) => format!("new: {}", alone(event)),
        (None, None) => String::new(),
    };
    Example { text, old, new }
}

fn alone(event: &Event) -> String {
    match event.line.column(Column::Outcome) {
        NOTHING => words::name(event),
        outcome => format!("{}: {outcome}", words::name(event)),
    }
}

fn moved(event: &Event, by: i32) -> String {
    let name = words::name(event);
    let events = if by.unsigned_abs() == 1 { "event" } else { "events" };
    match by {
        0 => format!("order: {name} comes at another place"),
        1.. => format!("order: {name} comes {by} {events} later"),
        ..0 => format!("order: {name} comes {} {events} sooner", by.unsigned_abs()),
    }
}
