//! Differences that are alike, and how they are told: together, or if they are few one by one.

use super::difference::{Example, Finding, FindingKind};
use super::findings::{ALIKE, Different, example};
use super::fronts::Front;
use super::processes::Alone;
use super::words;
use crate::line::{Column, Line, NOTHING};

/// As many examples each group has. Fewer than [`ALIKE`] are told singly, so it is at least that.
const EXAMPLES: usize = ALIKE as usize;

/// What is not told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Common {
    /// Events that are alike.
    Likeness,
    /// All events of processes that one trace alone has.
    Process(Alone),
    /// What is beyond the kinds that are told apart.
    Rest,
}

/// Whose events are in a group.
enum Whose {
    Process(String),
    Several,
}

/// Differences that are alike.
pub(super) struct Group {
    kind: FindingKind,
    common: Common,
    /// What the events are, from the first of them.
    class: String,
    outcome: String,
    mapping: String,
    change: String,
    whose: Whose,
    count: u64,
    /// The first page and the last.
    pages: Option<(i64, i64)>,
    pub(super) at: usize,
    examples: Vec<(Example, u64)>,
}

impl Group {
    /// A group of what is like this, to which it is still to be added.
    pub(super) fn of(different: &Different<'_>, line: &Line, mapping: &str, common: Common) -> Self {
        let shown = words::shown(line);
        let mut change = String::new();
        if let (Some((_, old)), Some((_, new))) = (different.old, different.new) {
            words::changes(&words::shown(old), &words::shown(new), &mut change);
        }
        Self {
            kind: different.kind,
            common,
            class: words::class(&shown).into(),
            outcome: shown.column(Column::Outcome).into(),
            mapping: words::shown_text(mapping).into_owned(),
            change,
            whose: Whose::Process(words::shown_text(process(different, line)).into_owned()),
            count: 0,
            pages: None,
            at: different.at,
            examples: Vec::new(),
        }
    }

    /// Adds one to them.
    pub(super) fn add(&mut self, different: &Different<'_>, line: &Line, page: Option<i64>) {
        self.count += 1;
        if let Some(page) = page {
            let (first, last) = self.pages.unwrap_or((page, page));
            self.pages = Some((first.min(page), last.max(page)));
        }
        if self.examples.len() < EXAMPLES {
            self.examples.push((example(different), different.old_event));
        }
        let is_of = |known: &String, process: &str| *known == process || *known == words::shown_text(process);
        if matches!(&self.whose, Whose::Process(known) if !is_of(known, process(different, line))) {
            self.whose = Whose::Several;
        }
    }

    /// It as one finding, or if it is of few events as one for each.
    pub(super) fn findings(self, fronts: &[Front], ends: (u64, u64)) -> Vec<Finding> {
        if self.count >= ALIKE || matches!(self.common, Common::Process(_)) {
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

    fn text(&self, fronts: &[Front], ends: (u64, u64)) -> String {
        match self.common {
            Common::Likeness => self.likeness(fronts, ends),
            Common::Process(alone) => self.process(alone),
            Common::Rest => format!("{} other events are {}", self.count, self.kind.name()),
        }
    }

    fn likeness(&self, fronts: &[Front], (last_old, last_new): (u64, u64)) -> String {
        let count = self.count;
        let first = self.examples.first().and_then(|(example, _)| example.old.as_ref().or(example.new.as_ref()));
        let number = first.map_or(0, |event| event.number);
        let mapping = if self.mapping == NOTHING { String::new() } else { format!(" in {}", self.mapping) };
        let events = |outcome| format!("{}{}{mapping}", words::plural(&self.class, outcome), self.whose());
        let alike = || format!("{}{}", events(&self.outcome), self.page_range());
        match self.kind {
            FindingKind::Changed => {
                let first = first.map(words::short_name).unwrap_or_default();
                format!("{count} {}: {} (first: {first})", events(NOTHING), self.change)
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

    fn process(&self, alone: Alone) -> String {
        let who = match (alone, &self.whose) {
            (Alone::Processes(number), _) => format!("{number} processes are"),
            (Alone::Process, Whose::Process(name)) => format!("process {name} is"),
            (Alone::Process, Whose::Several) => "processes are".into(),
        };
        let fate = if self.kind == FindingKind::Removed { "gone" } else { "new" };
        let events = if self.count == 1 { "event" } else { "events" };
        format!("{who} {fate}: {} {events}", self.count)
    }

    /// Whose events they are, unless they are the first process's.
    fn whose(&self) -> String {
        match &self.whose {
            Whose::Process(name) => words::of_process(name),
            Whose::Several => " of several processes".into(),
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
            "{} order changed from event {event} on{} ({} events{} moved)",
            self.class,
            instead.unwrap_or_default(),
            self.count,
            self.whose()
        )
    }
}

/// Whose event it is; nobody's if that is what has changed, which is said anyway.
fn process<'a>(different: &Different<'a>, line: &'a Line) -> &'a str {
    let process = line.column(Column::Process);
    let has_changed = different.new.is_some_and(|(_, new)| new.column(Column::Process) != process);
    if has_changed { NOTHING } else { process }
}
