//! Differences of small traces, as people read them.

use pagewalk_trace::{Difference, Header, InMemory, Line, compare};

/// A trace that each test changes: a start, faults in the heap, and an end.
const BASE: [&str; 10] = [
    "1 exec /bin/x - - -",
    "1 fetch /bin/x+0x1000 file-read none->P+US+A _start+0x0",
    "1 write [stack]-0x1000 demand-zero none->P+RW+US+A+D+XD main+0x4",
    "1 read /bin/x+0x4000 file-cached none->P+US+A+XD main+0x10",
    "1 write [heap]+0x1000 demand-zero none->P+RW+US+A+D+XD main+0x1c",
    "1 write [heap]+0x2000 demand-zero none->P+RW+US+A+D+XD main+0x1c",
    "1 read [heap]+0x3000 zero-page none->P+US+A+XD main+0x20",
    "1 write [heap]+0x3000 copied-on-write P+US+A+XD->P+RW+US+A+D+XD main+0x30",
    "1 page-out [heap]+0x1000 inactive-anon/written - -",
    "1 exit - 0 - -",
];

fn trace<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Line> {
    lines.into_iter().map(|line| Line::parse(line).expect("a line")).collect()
}

/// What is different, by a golden's rules.
fn difference_by(header: Header, old: &[&str], new: &[&str]) -> Difference {
    let mut old = InMemory::new(header, trace(old.iter().copied()));
    let mut new = InMemory::new(Header::default(), trace(new.iter().copied()));
    compare(&mut old, &mut new).expect("a comparison")
}

fn difference(old: &[&str], new: &[&str]) -> Difference {
    difference_by(Header::default(), old, new)
}

/// Checks the findings, a line each, of a difference of so many events changed, moved, added and removed.
#[track_caller]
fn check(old: &[&str], new: &[&str], counts: [u64; 4], findings: &[&str]) {
    let difference = difference(old, new);
    let found = difference.counts;
    assert_eq!([found.changed, found.moved, found.added, found.removed], counts);
    let texts: Vec<&str> = difference.findings.iter().map(|finding| finding.text.as_str()).collect();
    assert_eq!(texts, findings);
}

/// The base with one line in another's place.
fn with(at: usize, line: &'static str) -> [&'static str; 10] {
    let mut lines = BASE;
    lines[at] = line;
    lines
}

/// The base without some lines.
fn without(at: std::ops::Range<usize>) -> Vec<&'static str> {
    let mut lines = BASE.to_vec();
    lines.drain(at);
    lines
}

/// The base with more lines.
fn plus<T: AsRef<str>>(at: usize, more: &[T]) -> Vec<&str> {
    let mut lines = BASE.to_vec();
    lines.splice(at..at, more.iter().map(AsRef::as_ref));
    lines
}

#[test]
fn a_trace_is_the_same_as_itself() {
    let difference = difference(&BASE, &BASE);
    assert!(difference.is_empty() && difference.findings.is_empty() && difference.excerpts.is_empty());
    assert_eq!(difference.text(), "the same: 10 events\n");
    check(&[], &[], [0; 4], &[]);
}

#[test]
fn one_event_that_has_changed_is_one_finding() {
    let table = [
        (
            with(7, "1 write [heap]+0x3000 demand-zero none->P+RW+US+A+D+XD main+0x30"),
            "fault 8 (main+0x30, [heap]+0x3000): was copied-on-write, now demand-zero",
        ),
        (
            with(4, "1 write [heap]+0x1000 demand-zero none->P+RW+US+D+XD main+0x1c"),
            "fault 5 (main+0x1c, [heap]+0x1000): entry was none->P+RW+US+A+D+XD, now none->P+RW+US+D+XD (A is not set any more)",
        ),
        (
            with(7, "1 write [heap]+0x3000 copied-on-write P+US+XD->P+RW+US+A+D+XD+G main+0x30"),
            "fault 8 (main+0x30, [heap]+0x3000): entry was P+US+A+XD->P+RW+US+A+D+XD, now P+US+XD->P+RW+US+A+D+XD+G \
             (before: A is not set any more; G is set now)",
        ),
        (
            with(6, "1 write [heap]+0x3000 zero-page none->P+US+A+XD main+0x20"),
            "fault 7 (main+0x20, [heap]+0x3000): was a read, now a write",
        ),
        (
            with(6, "1 read [heap]+0x3000 zero-page none->P+US+A+XD main+0x24"),
            "fault 7 (main+0x20, [heap]+0x3000): was in main+0x20, now in main+0x24",
        ),
        (
            with(2, "1 write [stack]-0x1000 demand-zero+stack-grew none->P+RW+US+A+D+XD main+0x8"),
            "fault 3 (main+0x4, [stack]-0x1000): was in main+0x4, now in main+0x8; was demand-zero, now demand-zero+stack-grew",
        ),
        (with(9, "1 exit - 1 - -"), "exit 10: was 0, now 1"),
    ];
    for (new, finding) in table {
        check(&BASE, &new, [1, 0, 0, 0], &[finding]);
    }
}

#[test]
fn few_events_are_told_singly() {
    check(&BASE, &without(3..4), [0, 0, 0, 1], &["missing: fault 4 (main+0x10, /bin/x+0x4000): file-cached"]);
    check(&without(3..4), &BASE, [0, 0, 1, 0], &["new: fault 4 (main+0x10, /bin/x+0x4000): file-cached"]);
    let findings = [
        "missing: fault 5 (main+0x1c, [heap]+0x1000): demand-zero",
        "missing: fault 6 (main+0x1c, [heap]+0x2000): demand-zero",
        "missing: fault 7 (main+0x20, [heap]+0x3000): zero-page",
    ];
    check(&BASE, &without(4..7), [0, 0, 0, 3], &findings);
}

#[test]
fn events_that_are_alike_are_told_together() {
    let faults = |outcome: &str| -> Vec<String> {
        let fault = |page: u32| format!("1 read [heap]+{:#x} {outcome} none->P+US+A+XD main+0x1c", page << 12);
        (0x10..0x2b).map(fault).collect()
    };
    let (zero, demand) = (faults("zero-page"), faults("demand-zero"));
    let (with_zero, with_demand) = (plus(3, &zero), plus(3, &demand));
    let first = "(first: fault 4, main+0x1c, [heap]+0x10000)";
    let changed = format!("27 faults in [heap]: were zero-page, now demand-zero {first}");
    check(&with_zero, &with_demand, [27, 0, 0, 0], &[&changed]);
    let more = "27 more zero-page faults in [heap] (+0x10000 to +0x2a000), first is event 4";
    check(&BASE, &with_zero, [0, 0, 27, 0], &[more]);
    let fewer = "27 fewer zero-page faults in [heap] (+0x10000 to +0x2a000), first was event 4";
    check(&with_zero, &BASE, [0, 0, 0, 27], &[fewer]);
    let written: Vec<String> = zero.iter().map(|line| line.replace("read", "write")).collect();
    let changed = format!("27 faults in [heap]: were reads, now writes {first}");
    check(&with_zero, &plus(3, &written), [27, 0, 0, 0], &[&changed]);
    let elsewhere: Vec<String> = zero.iter().map(|line| line.replace("main", "other")).collect();
    let changed = format!("27 faults in [heap]: come from other code {first}");
    check(&with_zero, &plus(3, &elsewhere), [27, 0, 0, 0], &[&changed]);
    let old: Vec<String> = zero.iter().map(|line| line.replace("+A+", "+")).collect();
    let changed = format!("27 faults in [heap]: entries: A is not set any more {first}");
    check(&with_zero, &plus(3, &old), [27, 0, 0, 0], &[&changed]);
}

#[test]
fn events_that_come_later_or_sooner_have_moved() {
    let mut later = BASE;
    later[2..8].rotate_left(1);
    check(&BASE, &later, [0, 1, 0, 0], &["order: fault 3 (main+0x4, [stack]-0x1000) comes 5 events later"]);
    check(&later, &BASE, [0, 1, 0, 0], &["order: fault 8 (main+0x4, [stack]-0x1000) comes 5 events sooner"]);
}

#[test]
fn another_order_of_many_events_is_one_finding() {
    let out = |class: &str, page: u32| format!("1 page-out [anon]+{:#x} {class} - -", page << 12);
    let anon: Vec<String> = (0..10).map(|page| out("inactive-anon/written", page)).collect();
    let file: Vec<String> = (0..4).map(|page| out("inactive-file/dropped", page)).collect();
    let (anon_first, file_first) = ([anon.clone(), file.clone()].concat(), [file, anon].concat());
    let finding = "page-out order changed from event 10 on: inactive-file/dropped instead of inactive-anon/written (4 events moved)";
    check(&plus(9, &anon_first), &plus(9, &file_first), [0, 4, 0, 0], &[finding]);
    let finding = "page-out order changed from event 10 on: inactive-anon/written instead of inactive-file/dropped (4 events moved)";
    check(&plus(9, &file_first), &plus(9, &anon_first), [0, 4, 0, 0], &[finding]);
}

#[test]
fn a_trace_ends_early_or_goes_on() {
    check(&BASE, &BASE[..5], [0, 0, 0, 5], &["the trace ends after event 5; 5 events are missing"]);
    check(&BASE[..5], &BASE, [0, 0, 5, 0], &["the trace goes on after event 5; 5 events are new"]);
    check(&BASE, &[], [0, 0, 0, 10], &["the trace is empty; 10 events are missing"]);
    check(&[], &BASE, [0, 0, 10, 0], &["the trace was empty; 10 events are new"]);
    check(&BASE, &BASE[..9], [0, 0, 0, 1], &["missing: exit 10: 0"]);
}

#[test]
fn changes_to_and_fro_are_no_moves() {
    // The same page is read in twice, now the other way round each time: nothing was done later.
    let old = plus(4, &["1 read [anon]+0x0 swapped-in - main+0x50", "1 read [anon]+0x8000 swapped-in - main+0x60"]);
    let old = [old, vec!["1 read [anon]+0x0 swap-cached - main+0x50"]].concat();
    let new = plus(4, &["1 read [anon]+0x0 swap-cached - main+0x50", "1 read [anon]+0x8000 swapped-in - main+0x60"]);
    let new = [new, vec!["1 read [anon]+0x0 swapped-in - main+0x50"]].concat();
    let findings = [
        "fault 5 (main+0x50, [anon]+0x0): was swapped-in, now swap-cached",
        "fault 13 (main+0x50, [anon]+0x0): was swap-cached, now swapped-in",
    ];
    check(&old, &new, [2, 0, 0, 0], &findings);
}

#[test]
fn what_the_golden_overlooks_is_no_difference() {
    let header = r#"program = ["x"]
        events = ["fault"]
        ignore = [{ outcome = "file-*" }, { address = "[heap]*", columns = ["place"] }]"#;
    let header: Header = toml::from_str(header).expect("a header");
    let mut new = BASE.map(|line| line.replace("main+0x1c", "main+0x1d"));
    new[7] = new[7].replace("copied-on-write", "reused-on-write");
    let mut new: Vec<&str> = new.iter().map(String::as_str).collect();
    new.insert(2, "1 read /bin/x+0x8000 file-read none->P+US+A+XD main+0x3");
    let difference = difference_by(header, &BASE, &new);
    let counts = difference.counts;
    assert_eq!((counts.old, counts.new, counts.same, counts.changed), (8, 8, 7, 1), "two file faults are overlooked");
    let finding = &difference.findings[0];
    assert_eq!(finding.text, "fault 8 ([heap]+0x3000): was copied-on-write, now reused-on-write");
    let numbers = finding
        .examples
        .iter()
        .map(|example| [&example.old, &example.new].map(|event| event.as_ref().map(|event| event.number)));
    assert_eq!(numbers.collect::<Vec<_>>(), [[Some(8), Some(9)]], "numbers count all events");
}

#[test]
fn the_whole_text() {
    let more =
        ["5", "7", "6", "9"].map(|page| format!("1 read /bin/x+0x{page}000 file-read none->P+US+A+XD main+0x10"));
    let mut new = plus(4, &more);
    new[1] = "1 fetch /bin/x+0x1000 file-cached none->P+US+A _start+0x0";
    let expected = "\
differs: 1 changed, 4 added, 0 removed of 10 events
  fault 2 (_start+0x0, /bin/x+0x1000): was file-read, now file-cached
  4 more file-read faults in /bin/x (+0x5000 to +0x9000), first is event 5

4 more file-read faults in /bin/x (+0x5000 to +0x9000), first is event 5:
  new: fault 5 (main+0x10, /bin/x+0x5000): file-read
  new: fault 6 (main+0x10, /bin/x+0x7000): file-read
  new: fault 7 (main+0x10, /bin/x+0x6000): file-read
  and 1 more

@@ event 1 @@
      1  1     exec     /bin/x                       -                -                                  -
-     2  1     fetch    /bin/x+0x1000                file-read        none->P+US+A                       _start+0x0
+     2  1     fetch    /bin/x+0x1000                file-cached      none->P+US+A                       _start+0x0
      3  1     write    [stack]-0x1000               demand-zero      none->P+RW+US+A+D+XD               main+0x4
      4  1     read     /bin/x+0x4000                file-cached      none->P+US+A+XD                    main+0x10
+     5  1     read     /bin/x+0x5000                file-read        none->P+US+A+XD                    main+0x10
+     6  1     read     /bin/x+0x7000                file-read        none->P+US+A+XD                    main+0x10
+     7  1     read     /bin/x+0x6000                file-read        none->P+US+A+XD                    main+0x10
+     8  1     read     /bin/x+0x9000                file-read        none->P+US+A+XD                    main+0x10
      5  1     write    [heap]+0x1000                demand-zero      none->P+RW+US+A+D+XD               main+0x1c
      6  1     write    [heap]+0x2000                demand-zero      none->P+RW+US+A+D+XD               main+0x1c
      7  1     read     [heap]+0x3000                zero-page        none->P+US+A+XD                    main+0x20
";
    assert_eq!(difference(&BASE, &new).text(), expected);
}
