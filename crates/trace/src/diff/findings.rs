//! Differences that are alike, gathered while both traces are read.
//!
//! However many there are, the kinds of them that are told apart are bounded, and so are the examples of each.

use super::difference::{Example, Finding, FindingKind};
use super::fronts::Front;
use super::pair::Event;
use super::tokens::hash;
use super::words;
use crate::line::{Column, Line, NOTHING};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// From this many on, what is alike is one finding.
pub(super) const ALIKE: u64 = 3;
/// As many examples each kind has. Fewer than [`ALIKE`] are told singly, so it is at least that.
const EXAMPLES: usize = ALIKE as usize;
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

/// Differences that are alike.
struct Group {
    kind: FindingKind,
    /// True if it holds what was not told apart.
    is_rest: bool,
    /// What the events are, from the first of them.
    class: String,
    outcome: String,
    mapping: String,
    change: String,
    count: u64,
    /// The first page and the last.
    pages: Option<(i64, i64)>,
    at: usize,
    examples: Vec<(Example, u64)>,
}

/// All differences so far.
#[derive(Default)]
pub(super) struct Findings {
    groups: Vec<Group>,
    /// By the hash of what they have in common, which may be long.
    index: HashMap<u64, usize, FixedState>,
    /// Used again and again.
    key: String,
}

impl Findings {
    /// Adds one.
    pub(super) fn add(&mut self, different: &Different<'_>) {
        let Some((_, line)) = different.old.or(different.new) else { return };
        let (mapping, page) = words::mapping(line.column(Column::Address));
        self.write_key(different, line, mapping);
        let number = match self.index.get(&hash(&self.key)) {
            Some(&known) => known,
            None => self.open(different, line, mapping),
        };
        let group = &mut self.groups[number];
        group.count += 1;
        if let Some(page) = page {
            let (first, last) = group.pages.unwrap_or((page, page));
            group.pages = Some((first.min(page), last.max(page)));
        }
        if group.examples.len() < EXAMPLES {
            group.examples.push((example(different), different.old_event));
        }
    }

    /// The findings in order, with what stands where the order has changed, and the numbers of both sides' last events.
    pub(super) fn finish(mut self, fronts: &[Front], ends: (u64, u64)) -> Vec<Finding> {
        self.groups.sort_by_key(|group| group.at);
        self.groups.into_iter().flat_map(|group| group.findings(fronts, ends)).collect()
    }

    /// Writes what differences have in common that are alike.
    fn write_key(&mut self, different: &Different<'_>, line: &Line, mapping: &str) {
        let (class, outcome) = (words::class(line), line.column(Column::Outcome));
        let parts: &[&str] = match different.kind {
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
    fn open(&mut self, different: &Different<'_>, line: &Line, mapping: &str) -> usize {
        let is_rest = self.groups.len() >= GROUPS;
        if is_rest {
            self.key = format!("{}, rest", different.kind.name());
        }
        match self.index.entry(hash(&self.key)) {
            Entry::Occupied(rest) => return *rest.get(),
            Entry::Vacant(new) => new.insert(self.groups.len()),
        };
        let shown = words::shown(line);
        let mut change = String::new();
        if let (Some((_, old)), Some((_, new))) = (different.old, different.new) {
            words::changes(&words::shown(old), &words::shown(new), &mut change);
        }
        self.groups.push(Group {
            kind: different.kind,
            is_rest,
            class: words::class(&shown).into(),
            outcome: shown.column(Column::Outcome).into(),
            mapping: words::shown_text(mapping).into_owned(),
            change,
            count: 0,
            pages: None,
            at: different.at,
            examples: Vec::new(),
        });
        self.groups.len() - 1
    }
}

/// A different event to show.
fn example(different: &Different<'_>) -> Example {
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

impl Group {
    /// It as one finding, or if it is of few events as one for each.
    fn findings(self, fronts: &[Front], ends: (u64, u64)) -> Vec<Finding> {
        if self.count >= ALIKE {
            let text = self.text(fronts, ends);
            let old_event = self.examples.first().map_or(0, |&(_, event)| event);
            let examples = self.examples.into_iter().map(|(example, _)| example).collect();
            return vec![Finding { kind: self.kind, text, count: self.count, old_event, examples }];
        }
        let single = |(example, old_event): (Example, u64)| Finding {
            kind: self.kind,
            text: example.text.clone(),
            count: 1,
            old_event,
            examples: vec![example],
        };
        self.examples.into_iter().map(single).collect()
    }

    fn text(&self, fronts: &[Front], (last_old, last_new): (u64, u64)) -> String {
        let count = self.count;
        let first = self.examples.first().and_then(|(example, _)| example.old.as_ref().or(example.new.as_ref()));
        let number = first.map_or(0, |event| event.number);
        let mapping = if self.mapping == NOTHING { String::new() } else { format!(" in {}", self.mapping) };
        let alike = || format!("{}{mapping}{}", words::plural(&self.class, &self.outcome), self.page_range());
        match self.kind {
            _ if self.is_rest => format!("{count} other events are {}", self.kind.name()),
            FindingKind::Changed => {
                let first = first.map(words::short_name).unwrap_or_default();
                let events = words::plural(&self.class, NOTHING);
                format!("{count} {events}{mapping}: {} (first: {first})", self.change)
            }
            FindingKind::Moved => self.order(number, fronts),
            FindingKind::Removed => format!("{count} fewer {}, first was event {number}", alike()),
            FindingKind::Added => format!("{count} more {}, first is event {number}", alike()),
            FindingKind::EndsEarly if last_new == 0 => format!("the trace is empty; {count} events are missing"),
            FindingKind::EndsEarly => format!("the trace ends after event {last_new}; {count} events are missing"),
            FindingKind::GoesOn if last_old == 0 => format!("the trace was empty; {count} events are new"),
            FindingKind::GoesOn => format!("the trace goes on after event {last_old}; {count} events are new"),
        }
    }

    fn page_range(&self) -> String {
        match self.pages {
            None => String::new(),
            Some((first, last)) if first == last => format!(" ({})", words::distance(first)),
            Some((first, last)) => format!(" ({} to {})", words::distance(first), words::distance(last)),
        }
    }

    fn order(&self, first: u64, fronts: &[Front]) -> String {
        let front = fronts.iter().find(|front| front.class == self.class);
        let event = front.map_or(first, |front| front.event);
        let instead = front.and_then(|front| front.instead.as_ref()).map(|words| format!(": {words}"));
        format!(
            "{} order changed from event {event} on{} ({} events moved)",
            self.class,
            instead.unwrap_or_default(),
            self.count
        )
    }
}
