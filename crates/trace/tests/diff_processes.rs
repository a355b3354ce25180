//! Differences of traces of several processes.

use pagewalk_trace::{Counts, Difference, FindingKind, Header, InMemory, Line, compare};

fn difference(old: &[String], new: &[String]) -> Difference {
    let trace = |lines: &[String]| {
        let lines = lines.iter().map(|line| Line::parse(line).expect("a line")).collect();
        InMemory::new(Header::default(), lines)
    };
    compare(&mut trace(old), &mut trace(new)).expect("a comparison")
}

fn texts(difference: &Difference) -> Vec<&str> {
    difference.findings.iter().map(|finding| finding.text.as_str()).collect()
}

/// Lines of a process that differ in their pages.
fn faults(process: &str, mapping: &str, outcome: &str, count: u32) -> Vec<String> {
    let fault = |page: u32| format!("{process} write {mapping}+{:#x} {outcome} - main+0x4", page << 12);
    (0..count).map(fault).collect()
}

/// What a process does with pages of several kinds, at the same addresses in every process.
fn life(process: &str) -> Vec<String> {
    let fork = vec![format!("1 fork - process-{process} - main")];
    [fork, faults(process, "alloc", "file-cached", 3), faults(process, "[heap]", "copied-on-write", 2)].concat()
}

#[test]
fn a_process_that_one_trace_alone_has_is_one_finding() {
    let start = faults("1", "[heap]", "demand-zero", 4);
    let end = vec!["1 exit - status-0 - -".to_owned()];
    let one = [start.clone(), life("1.1"), end.clone()].concat();
    let two = [start, life("1.1"), life("1.2"), end].concat();
    let new = difference(&one, &two);
    assert_eq!(texts(&new), ["new: fork 11 (main): process-1.2", "process 1.2 is new: 5 events"]);
    assert_eq!(new.counts, Counts { old: 11, new: 17, same: 11, added: 6, ..Counts::default() });
    let finding = &new.findings[1];
    assert_eq!((finding.kind, finding.count, finding.old_event), (FindingKind::Added, 5, 10));
    let details = "\n\nprocess 1.2 is new: 5 events:\n  \
                   new: fault 12 of process 1.2 (main+0x4, alloc+0x0): file-cached\n  \
                   new: fault 13 of process 1.2 (main+0x4, alloc+0x1000): file-cached\n  \
                   new: fault 14 of process 1.2 (main+0x4, alloc+0x2000): file-cached\n  \
                   and 2 more\n";
    assert!(new.text().contains(details), "{}", new.text());
    let gone = difference(&two, &one);
    assert_eq!(texts(&gone), ["missing: fork 11 (main): process-1.2", "process 1.2 is gone: 5 events"]);
    assert_eq!(gone.findings[1].kind, FindingKind::Removed);
}

#[test]
fn one_event_of_a_process_has_its_details() {
    let one = faults("1", "[heap]", "demand-zero", 4);
    let two = [one.clone(), faults("1.1", "[heap]", "copied-on-write", 1)].concat();
    let text = difference(&one, &two).text();
    let details = "\n  process 1.1 is new: 1 event\n\nprocess 1.1 is new: 1 event:\n  \
                   new: fault 5 of process 1.1 (main+0x4, [heap]+0x0): copied-on-write\n\n@@";
    assert!(text.contains(details), "{text}");
}

#[test]
fn what_a_new_process_does_is_no_change_of_another() {
    let one = [faults("1", "[heap]", "demand-zero", 1), faults("1", "[heap]", "copied-on-write", 1)].concat();
    let two = [faults("1", "[heap]", "demand-zero", 1), faults("1.1", "[heap]", "reused-on-write", 1)].concat();
    let findings = ["missing: fault 2 (main+0x4, [heap]+0x0): copied-on-write", "process 1.1 is new: 1 event"];
    assert_eq!(texts(&difference(&one, &two)), findings);
}

#[test]
fn a_trace_that_ends_or_goes_on_says_so_beside() {
    let one = faults("1", "[heap]", "demand-zero", 4);
    let more = [faults("1.1", "[heap]", "copied-on-write", 3), faults("1", "[stack]", "demand-zero", 5)].concat();
    let two = [one.clone(), more].concat();
    let findings = ["process 1.1 is new: 3 events", "the trace goes on after event 4; 5 events are new"];
    assert_eq!(texts(&difference(&one, &two)), findings);
    let findings = ["process 1.1 is gone: 3 events", "the trace ends after event 4; 5 events are missing"];
    assert_eq!(texts(&difference(&two, &one)), findings);
    assert_eq!(texts(&difference(&two, &[])), ["the trace is empty; 12 events are missing"]);
}

#[test]
fn many_new_processes_are_one_finding() {
    let one = faults("1", "[heap]", "demand-zero", 4);
    let with = |count: u32| {
        let lives = (1..=count).flat_map(|number| faults(&format!("1.{number}"), "[heap]", "copied-on-write", 3));
        [one.clone(), lives.collect()].concat()
    };
    assert_eq!(texts(&difference(&one, &with(10))).len(), 10);
    assert_eq!(texts(&difference(&one, &with(11))), ["11 processes are new: 33 events"]);
    let too_many = difference(&one, &with(5000));
    assert_eq!(texts(&too_many), ["the trace goes on after event 4; 15000 events are new"]);
}

#[test]
fn findings_name_the_process_unless_it_is_the_first() {
    let both = [faults("1.1", "x", "file-read", 1), faults("1.2", "x", "file-read", 1)].concat();
    let end = faults("1", "[stack]", "demand-zero", 1);
    let with = |more: Vec<String>| [both.clone(), more, end.clone()].concat();
    let check = |old: Vec<String>, new: Vec<String>, finding: &str| {
        assert_eq!(texts(&difference(&with(old), &with(new))), [finding]);
    };
    let more = faults("1.2", "alloc", "file-cached", 3);
    let range = "in alloc (+0x0 to +0x2000)";
    check(vec![], more.clone(), &format!("3 more file-cached faults of process 1.2 {range}, first is event 3"));
    check(more.clone(), vec![], &format!("3 fewer file-cached faults of process 1.2 {range}, first was event 3"));
    let several = [more.clone(), faults("1.1", "alloc", "file-cached", 1)].concat();
    check(vec![], several, &format!("4 more file-cached faults of several processes {range}, first is event 3"));
    let first = "(first: fault 3, main+0x4, alloc+0x0)";
    let read = faults("1.2", "alloc", "file-read", 3);
    let finding = format!("3 faults of process 1.2 in alloc: were file-cached, now file-read {first}");
    check(more.clone(), read, &finding);
    let other = faults("1.1", "alloc", "file-cached", 3);
    let finding = format!("3 faults in alloc: were of process 1.2, now of process 1.1 {first}");
    check(more.clone(), other, &finding);
    let one = |process: &str| faults(process, "[heap]", "zero-page", 1);
    let finding = "fault 3 (main+0x4, [heap]+0x0): was of process 1, now of process 1.2";
    check(one("1"), one("1.2"), finding);
    let stays = faults("1", "[anon]", "demand-zero", 4);
    let (before, after) = ([more.clone(), stays.clone()].concat(), [stays, more].concat());
    let order =
        "fault order changed from event 3 on: demand-zero instead of file-cached (3 events of process 1.2 moved)";
    check(before, after, order);
}
