//! How events, and what is different about them, are called.
//!
//! Every text here is short, whatever the lines hold.

use super::pair::Event;
use crate::line::{Column, Line, NOTHING};
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// As many characters of a column are shown.
const SHOWN: usize = 160;

/// The first process, which is not named.
const FIRST_PROCESS: &str = "1";

/// What kind of event a line is: all accesses are faults.
pub(super) fn class(line: &Line) -> &str {
    match line.column(Column::Event) {
        "read" | "write" | "fetch" => "fault",
        other => other,
    }
}

/// An address' mapping, and the distance of its page from the mapping's beginning, or (as a stack's) from its end.
pub(super) fn mapping(address: &str) -> (&str, Option<i64>) {
    let split = |separator: &str, sign: i64| {
        let (name, digits) = address.rsplit_once(separator)?;
        Some((name, Some(sign * i64::from_str_radix(digits, 16).ok().filter(|&distance| distance >= 0)?)))
    };
    split("+0x", 1).or_else(|| split("-0x", -1)).unwrap_or((address, None))
}

/// A distance as in an address.
pub(super) fn distance(distance: i64) -> String {
    format!("{}{:#x}", if distance < 0 { '-' } else { '+' }, distance.unsigned_abs())
}

/// A line to show: of what is long only the beginning.
pub(super) fn shown(line: &Line) -> Line {
    let columns = line.columns().map(shown_text);
    Line::of_words(columns.each_ref().map(|column| &**column))
}

/// A text to show.
pub(super) fn shown_text(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// An event's name: `fault 412 (main+0x1c, [heap]+0x3000)`.
pub(super) fn name(event: &Event) -> String {
    let process = of_process(event.line.column(Column::Process));
    let mut name = format!("{} {}{process}", class(&event.line), event.number);
    let whereabouts = whereabouts(&event.line);
    if !whereabouts.is_empty() {
        let _ = write!(name, " ({whereabouts})");
    }
    name
}

/// Whose an event is, unless it is the first process's: ` of process 1.2`.
pub(super) fn of_process(process: &str) -> String {
    match process {
        FIRST_PROCESS | NOTHING => String::new(),
        process => format!(" of process {process}"),
    }
}

/// An event's name within a sentence's brackets: `fault 12, main+0x1c, [heap]+0x3000`.
pub(super) fn short_name(event: &Event) -> String {
    let whereabouts = whereabouts(&event.line);
    let comma = if whereabouts.is_empty() { "" } else { ", " };
    format!("{} {}{comma}{whereabouts}", class(&event.line), event.number)
}

/// The code and the page.
fn whereabouts(line: &Line) -> String {
    let columns = [line.column(Column::Place), line.column(Column::Address)];
    let said: Vec<&str> = columns.into_iter().filter(|&text| text != NOTHING).collect();
    said.join(", ")
}

/// What many events are that are alike: `file-read faults`, `page-out events (inactive-anon/written)`.
pub(super) fn plural(class: &str, outcome: &str) -> String {
    match (class, outcome) {
        ("fault", NOTHING) => "faults".into(),
        ("fault", outcome) => format!("{outcome} faults"),
        (class, NOTHING) => format!("{class} events"),
        (class, outcome) => format!("{class} events ({outcome})"),
    }
}

/// What has changed about one event.
pub(super) fn change(old: &Line, new: &Line) -> String {
    let mut parts = Vec::new();
    for column in [Column::Process, Column::Event, Column::Place, Column::Outcome] {
        let (was, is) = (old.column(column), new.column(column));
        let of = match column {
            Column::Process => "of process ",
            Column::Event => "a ",
            Column::Place => "in ",
            _ => "",
        };
        if was != is {
            parts.push(format!("was {of}{was}, now {of}{is}"));
        }
    }
    if let Some((was, is)) = other_entries(old, new) {
        let flags = entries(was, is);
        let flags = if flags.is_empty() { flags } else { format!(" ({flags})") };
        parts.push(format!("entry was {was}, now {is}{flags}"));
    }
    parts.join("; ")
}

/// What has changed about events that have changed alike. Which code it was is not said, nor all of the entries.
pub(super) fn changes(old: &Line, new: &Line, out: &mut String) {
    let start = out.len();
    // A string takes everything.
    let _ = each_change(old, new, |part| {
        let between = if out.len() == start { "" } else { "; " };
        write!(out, "{between}{part}")
    });
}

fn each_change(old: &Line, new: &Line, mut tell: impl FnMut(fmt::Arguments<'_>) -> fmt::Result) -> fmt::Result {
    let other = |column| Some((old.column(column), new.column(column))).filter(|(was, is)| was != is);
    if let Some((was, is)) = other(Column::Process) {
        tell(format_args!("were of process {was}, now of process {is}"))?;
    }
    if let Some((was, is)) = other(Column::Event) {
        tell(format_args!("were {}, now {}", accesses(was), accesses(is)))?;
    }
    if other(Column::Place).is_some() {
        tell(format_args!("come from other code"))?;
    }
    if let Some((was, is)) = other(Column::Outcome) {
        tell(format_args!("were {was}, now {is}"))?;
    }
    let Some((was, is)) = other_entries(old, new) else { return Ok(()) };
    match entries(was, is) {
        flags if flags.is_empty() => tell(format_args!("entries were {was}, now {is}")),
        flags => tell(format_args!("entries: {flags}")),
    }
}

/// The entries, if they are another though the event came to the same: otherwise that says it.
fn other_entries<'a>(old: &'a Line, new: &'a Line) -> Option<(&'a str, &'a str)> {
    let entries = (old.column(Column::Entries), new.column(Column::Entries));
    (entries.0 != entries.1 && old.column(Column::Outcome) == new.column(Column::Outcome)).then_some(entries)
}

/// Many accesses of a kind.
fn accesses(access: &str) -> &str {
    match access {
        "read" => "reads",
        "write" => "writes",
        "fetch" => "fetches",
        other => other,
    }
}

/// What has changed about the entry before and behind an event, by flag.
fn entries(old: &str, new: &str) -> String {
    let (Some(old), Some(new)) = (old.split_once("->"), new.split_once("->")) else { return String::new() };
    let before = flags(old.0, new.0);
    let after = flags(old.1, new.1);
    let before = before.into_iter().map(|change| format!("before: {change}"));
    before.chain(after).collect::<Vec<_>>().join("; ")
}

/// What has changed about one entry.
fn flags(old: &str, new: &str) -> Option<String> {
    const NO_ENTRY: &str = "none";
    if old == new {
        return None;
    }
    if old == NO_ENTRY {
        return Some("there is an entry now".into());
    }
    if new == NO_ENTRY {
        return Some("there is no entry any more".into());
    }
    let lacking = |of: &str, other: &str| {
        let flags: Vec<&str> = of.split('+').filter(|flag| !other.split('+').any(|has| has == *flag)).collect();
        (!flags.is_empty()).then(|| format!("{} {}", flags.join(" and "), if flags.len() == 1 { "is" } else { "are" }))
    };
    let gone = lacking(old, new).map(|flags| format!("{flags} not set any more"));
    let come = lacking(new, old).map(|flags| format!("{flags} set now"));
    let said: Vec<String> = gone.into_iter().chain(come).collect();
    Some(if said.is_empty() { "the flags stand in another order".into() } else { said.join(", ") })
}

/// What stands where something else stood: by the first column that tells.
pub(super) fn instead(old: &Line, new: &Line) -> Option<String> {
    let columns = [Column::Outcome, Column::Address, Column::Event, Column::Place];
    let told = |line: &Line, column: Column| line.column(column) != NOTHING;
    let differs = |&column: &Column| old.column(column) != new.column(column) && told(old, column) && told(new, column);
    let column = columns.into_iter().find(differs)?;
    Some(format!("{} instead of {}", new.column(column), old.column(column)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parted() {
        assert_eq!(mapping("[heap]+0x3000"), ("[heap]", Some(0x3000)));
        assert_eq!(mapping("[stack]-0x2000"), ("[stack]", Some(-0x2000)));
        assert_eq!(mapping("/a-0x1/b+0x2/c+0x10"), ("/a-0x1/b+0x2/c", Some(0x10)));
        assert_eq!(mapping("-"), ("-", None));
        assert_eq!(mapping("x+0x"), ("x+0x", None));
        assert_eq!(mapping("x+0xffffffffffffffffff"), ("x+0xffffffffffffffffff", None));
    }

    #[test]
    fn flags_are_named_by_side() {
        assert_eq!(entries("none->P+RW+A+D", "none->P+RW+D"), "A is not set any more");
        assert_eq!(entries("P+A->P+A+D", "P->P+A+D"), "before: A is not set any more");
        assert_eq!(
            entries("none->P+A+D", "P->P+RW"),
            "before: there is an entry now; A and D are not set any more, RW is set now"
        );
        assert_eq!(entries("P->none", "P->P"), "there is an entry now");
        assert_eq!(entries("-", "none->P"), "");
    }

    #[test]
    fn nothing_shown_is_long() {
        let line = Line::parse(&format!("1 read a+0x0 {} - main", "ä".repeat(1 << 20))).expect("a line");
        let shown = shown(&line);
        assert_eq!(shown.column(Column::Address), "a+0x0");
        assert_eq!(shown.column(Column::Outcome), format!("{}…", "ä".repeat(SHOWN)));
    }
}
