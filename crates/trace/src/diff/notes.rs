//! What two traces say of themselves that explains why they differ.

use super::words;
use crate::header::Header;
use crate::kinds::EventKind;
use crate::line::word;

/// What the first trace's header has that the second's has not, and the other way round, in words.
pub(super) fn notes(first: &Header, second: &Header) -> Vec<String> {
    let events = [more("first", first, "second", second), more("second", second, "first", first)];
    events.into_iter().flatten().chain(processors(first, second)).collect()
}

/// Kinds of events that are recorded in one of them alone.
fn more(one: &str, of: &Header, other: &str, than: &Header) -> Option<String> {
    let is_more = |kind: &EventKind| of.events.contains(kind) && !than.events.contains(kind);
    let kinds: Vec<&str> = EventKind::ALL.iter().filter(|kind| is_more(kind)).map(|kind| kind.name()).collect();
    let text = format!("the {one} records {}, the {other} does not: only the {one} can have such events", list(&kinds));
    (!kinds.is_empty()).then_some(text)
}

/// Other processors, if both record what these do.
fn processors(first: &Header, second: &Header) -> Option<String> {
    let (of_first, of_second) = (processor(first)?, processor(second)?);
    let text = format!("the first has the walks of {of_first}, the second those of {of_second}");
    (of_first != of_second).then_some(text)
}

/// A header's processor, with what is set otherwise.
fn processor(header: &Header) -> Option<String> {
    let name = word(header.hw.as_ref()?);
    let settings: Vec<String> = header.hw_set.iter().map(|setting| word(setting)).collect();
    let with = if settings.is_empty() { String::new() } else { format!(" with {}", settings.join(", ")) };
    Some(words::shown_text(&format!("{name}{with}")).into_owned())
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [name] => (*name).into(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(events: &[EventKind], hw: Option<&str>, hw_set: &[&str]) -> Header {
        let hw_set = hw_set.iter().map(ToString::to_string).collect();
        Header { events: events.to_vec(), hw: hw.map(Into::into), hw_set, ..Header::default() }
    }

    #[test]
    fn kinds_of_events_are_named_that_one_side_lacks() {
        let fault = header(&[EventKind::Fault], None, &[]);
        let more = header(&[EventKind::Swap, EventKind::Fault, EventKind::Map, EventKind::Tlb], None, &[]);
        let note = |one: &str, other: &str| {
            format!("the {one} records map, swap and tlb, the {other} does not: only the {one} can have such events")
        };
        assert_eq!(notes(&fault, &more), [note("second", "first")]);
        assert_eq!(notes(&more, &fault), [note("first", "second")]);
        assert_eq!(notes(&more, &more), [""; 0]);
        let other = header(&[EventKind::Stale], None, &[]);
        assert_eq!(notes(&fault, &other).len(), 2);
    }

    #[test]
    fn processors_are_named_if_they_are_others() {
        let walk = |hw, hw_set: &[&str]| header(&[EventKind::Walk], Some(hw), hw_set);
        let (usual, small) = (walk("golden-cove", &[]), walk("golden-cove", &["stlb.ways=8", "\u{1b}=1"]));
        let note = "the first has the walks of golden-cove, the second those of golden-cove with stlb.ways=8, \\x1b=1";
        assert_eq!(notes(&usual, &small), [note]);
        assert_eq!(notes(&usual, &usual), [""; 0]);
        let long = "x".repeat(1 << 20);
        assert!(notes(&usual, &walk(&long, &[]))[0].len() < 400);
    }
}
