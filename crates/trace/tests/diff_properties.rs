//! What is true of every difference.

use pagewalk_trace::{CompareError, Counts, Difference, FindingKind, Header, InMemory, Line, Lines, compare};
use proptest::prelude::*;
use std::convert::Infallible;

fn difference(old: &[Line], new: &[Line]) -> Difference {
    let trace = |lines: &[Line]| InMemory::new(Header::default(), lines.to_vec());
    compare(&mut trace(old), &mut trace(new)).expect("a comparison")
}

/// Lines of which many are alike.
fn line() -> impl Strategy<Value = Line> {
    let process = prop::sample::select(vec!["1", "1.1"]);
    let event = prop::sample::select(vec!["read", "write", "fetch", "page-out", "exit"]);
    let address = prop_oneof![
        (0u32..6).prop_map(|page| format!("[heap]+{:#x}", page << 12)),
        (1u32..4).prop_map(|page| format!("[stack]-{:#x}", page << 12)),
        Just("-".to_owned()),
    ];
    let outcome = prop::sample::select(vec!["zero-page", "demand-zero", "demand-zero+stack-grew", "-"]);
    let entries = prop::sample::select(vec!["-", "none->P+A", "none->P+RW+D", "P->P+A", "none->none"]);
    let place = prop::sample::select(vec!["main+0x1", "main+0x2", "read()", "-"]);
    (process, event, address, outcome, entries, place).prop_map(|(process, event, address, outcome, entries, place)| {
        Line::new([process, event, &address, outcome, entries, place])
    })
}

/// Lines of whatever, characters that XML does not have and long texts too.
fn hostile() -> impl Strategy<Value = Line> {
    let word = prop_oneof![
        4 => "\\PC{0,3}",
        2 => "[+x0-9a-f>%<&:,-]{1,24}",
        1 => "[a-z\u{a0}\u{fffe}\u{200f}]{1,6}",
        1 => (1usize..100_000).prop_map(|length| "ÿ".repeat(length)),
    ];
    prop::array::uniform6(word).prop_map(|words| {
        // Not escaped, as a file may have them.
        let words = words.map(|word| word.replace(['|', ' '], "_") + "_");
        Line::parse(&words.join(" ")).expect("a line")
    })
}

/// An edit at a place: another line there, none, one more, or the line of another place.
fn edited(lines: &[Line], edits: Vec<(prop::sample::Index, u8, Line)>) -> Vec<Line> {
    let mut lines = lines.to_vec();
    for (at, kind, line) in edits {
        let at = at.index(lines.len() + 1);
        match kind {
            0 if at < lines.len() => lines[at] = line,
            1 if at < lines.len() => drop(lines.remove(at)),
            2 => lines.rotate_left(at),
            3 => lines.truncate(at),
            _ => lines.insert(at, line),
        }
    }
    lines
}

/// Checks what has to be true of a difference of two traces.
fn check(old: &[Line], new: &[Line]) {
    let difference = difference(old, new);
    let Counts { same, changed, moved, removed, added, .. } = difference.counts;
    assert_eq!((difference.counts.old, difference.counts.new), (old.len() as u64, new.len() as u64));
    assert_eq!(same + changed + moved + removed, old.len() as u64);
    assert_eq!(same + changed + moved + added, new.len() as u64);
    assert_eq!(difference.is_empty(), old == new);
    assert_eq!(difference.is_empty(), difference.findings.is_empty());
    let count = |kinds: &[FindingKind]| -> u64 {
        difference.findings.iter().filter(|finding| kinds.contains(&finding.kind)).map(|finding| finding.count).sum()
    };
    assert_eq!(count(&[FindingKind::Changed]), changed);
    assert_eq!(count(&[FindingKind::Moved]), moved);
    assert_eq!(count(&[FindingKind::Removed, FindingKind::EndsEarly]), removed);
    assert_eq!(count(&[FindingKind::Added, FindingKind::GoesOn]), added);
    outputs(&difference);
}

/// Checks that every output is well-formed and short.
fn outputs(difference: &Difference) {
    let json: serde_json::Value = serde_json::from_str(&difference.json()).expect("JSON");
    assert_eq!(json["same"], difference.is_empty());
    let xml = difference.junit("a \u{1}name\u{ffff}");
    let mut reader = quick_xml::Reader::from_str(&xml);
    reader.config_mut().check_end_names = true;
    let mut failures = 0;
    loop {
        match reader.read_event().expect("XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Start(tag) => failures += usize::from(tag.name().as_ref() == "failure"),
            _ => {}
        }
    }
    assert_eq!(failures, usize::from(!difference.is_empty()));
    assert!(xml.chars().all(|c| matches!(c, '\n' | ' '..='\u{FFFD}' | '\u{10000}'..)), "XML has no such characters");
    let github = difference.github("a\nfile", 3);
    assert!(github.lines().count() <= 10 && github.lines().all(|line| line.starts_with("::error file=a%0Afile,line=")));
    let text = difference.text();
    assert!(text.len() < 1 << 20 && !text.contains(|c: char| c.is_control() && c != '\n'));
}

proptest! {
    #[test]
    fn a_trace_is_the_same_as_itself(lines in prop::collection::vec(line(), 0..60)) {
        prop_assert!(difference(&lines, &lines).is_empty());
    }

    #[test]
    fn edits_add_up(
        lines in prop::collection::vec(line(), 0..60),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..8, line()), 0..12),
    ) {
        check(&lines, &edited(&lines, edits));
    }

    #[test]
    fn unrelated_traces_add_up(old in prop::collection::vec(line(), 0..60), new in prop::collection::vec(line(), 0..60)) {
        check(&old, &new);
    }

    #[test]
    fn hostile_traces_do_no_harm(
        old in prop::collection::vec(hostile(), 0..8), new in prop::collection::vec(hostile(), 0..8),
    ) {
        check(&old, &new);
        check(&old, &[old.clone(), new].concat());
    }

    #[test]
    fn the_same_comparison_has_the_same_result(
        old in prop::collection::vec(line(), 0..60), new in prop::collection::vec(line(), 0..60),
    ) {
        prop_assert_eq!(difference(&old, &new), difference(&old, &new));
    }
}

#[test]
fn however_many_kinds_there_are_the_result_is_bounded() {
    let line =
        |at: u32, outcome: &str| Line::new(["1", "read", &format!("m{at}+0x0"), outcome, "-", &format!("f{at}")]);
    let old: Vec<Line> = (0..20_000).map(|at| line(at, "zero-page")).collect();
    let changed: Vec<Line> = (0..20_000).map(|at| line(at, "demand-zero")).collect();
    check(&old, &changed);
    let difference = difference(&old, &changed);
    assert_eq!(difference.counts.changed, 20_000);
    assert!(difference.findings.len() <= 1025);
    assert_eq!(difference.findings.last().expect("findings").text, "18976 other events are changed");
    let other: Vec<Line> = (20_000..50_000).map(|at| line(at, "zero-page")).collect();
    check(&old, &other);
    let mut reversed = old.clone();
    reversed.reverse();
    check(&old, &reversed);
}

/// A trace that is shorter each time it is read.
struct Fading {
    header: Header,
    line: Line,
    length: usize,
    left: usize,
}

impl Lines for Fading {
    type Error = Infallible;

    fn header(&self) -> &Header {
        &self.header
    }

    fn rewind(&mut self) -> Result<(), Infallible> {
        self.length /= 2;
        self.left = self.length;
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<&Line>, Infallible> {
        let line = (self.left > 0).then_some(&self.line);
        self.left = self.left.saturating_sub(1);
        Ok(line)
    }
}

#[test]
fn a_trace_that_changes_meanwhile_is_told() {
    let mut old = Fading { header: Header::default(), line: Line::default(), length: 100, left: 0 };
    let mut new = InMemory::new(Header::default(), vec![Line::new(["1", "exit", "-", "0", "-", "-"])]);
    assert_eq!(compare(&mut old, &mut new), Err(CompareError::Unsteady));
}
