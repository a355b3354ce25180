//! What programs read of a difference: JSON, JUnit's XML and GitHub's commands.

use pagewalk_trace::{Difference, EventKind, Header, InMemory, Line, NotCompared, compare};

fn difference(old: &[&str], new: &[&str]) -> Difference {
    let trace = |lines: &[&str]| {
        let lines = lines.iter().map(|line| Line::parse(line).expect("a line")).collect();
        InMemory::new(Header::default(), lines)
    };
    compare(&mut trace(old), &mut trace(new)).expect("a comparison")
}

const OLD: [&str; 2] = ["1 write <&>+0x1000 demand-zero - 100%:a,b", "1 exit - 0 - -"];
const NEW: [&str; 2] = ["1 write <&>+0x1000 copied-on-write - 100%:a,b", "1 exit - 0 - -"];

#[test]
fn junit_has_one_test_that_fails() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" failures="1" errors="0">
  <testsuite name="pagewalk.trace" tests="1" failures="1" errors="0">
    <testcase classname="pagewalk.trace" name="a &quot;golden&quot; &lt;">
      <failure type="difference" message="differs: 1 changed, 0 added, 0 removed of 2 events">differs: 1 changed, 0 added, 0 removed of 2 events
  fault 1 (100%:a,b, &lt;&amp;&gt;+0x1000): was demand-zero, now copied-on-write

@@ event 1 @@
-     1  1     write    &lt;&amp;&gt;+0x1000                   demand-zero      -                                  100%:a,b
+     1  1     write    &lt;&amp;&gt;+0x1000                   copied-on-write  -                                  100%:a,b
      2  1     exit     -                            0                -                                  -
</failure>
    </testcase>
  </testsuite>
</testsuites>
"#;
    assert_eq!(difference(&OLD, &NEW).junit("a \"golden\" <"), expected);
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" failures="0" errors="0">
  <testsuite name="pagewalk.trace" tests="1" failures="0" errors="0">
    <testcase classname="pagewalk.trace" name="golden"/>
  </testsuite>
</testsuites>
"#;
    assert_eq!(difference(&OLD, &OLD).junit("golden"), expected);
}

#[test]
fn github_annotates_the_goldens_lines() {
    let expected = "::error file=tests/a%2Cb.trace,line=7,title=differs%3A 1 changed%2C 0 added%2C 0 removed of 2 events::\
                    fault 1 (100%25:a,b, <&>+0x1000): was demand-zero, now copied-on-write\n";
    assert_eq!(difference(&OLD, &NEW).github("tests/a,b.trace", 7), expected);
    assert_eq!(difference(&OLD, &OLD).github("x", 1), "");
}

#[test]
fn github_is_told_no_more_than_it_shows() {
    let line = |at: usize, outcome: &str| format!("1 read m{at}+0x0 {outcome} - f{at}");
    let (old, new): (Vec<_>, Vec<_>) = (0..30).map(|at| (line(at, "zero-page"), line(at, "demand-zero"))).unzip();
    let texts = |lines: &[String]| lines.iter().map(|line| Line::parse(line).expect("a line")).collect::<Vec<_>>();
    let (mut old, mut new) =
        (InMemory::new(Header::default(), texts(&old)), InMemory::new(Header::default(), texts(&new)));
    let difference = compare(&mut old, &mut new).expect("a comparison");
    assert_eq!(difference.findings.len(), 30);
    let github = difference.github("x", 100);
    let commands: Vec<&str> = github.lines().collect();
    assert_eq!(commands.len(), 10);
    assert!(
        commands[0].contains(",line=100,") && commands[8].contains(",line=108,") && commands[9].contains(",line=109,")
    );
    assert!(commands[9].contains("and 21 more findings, the first: fault 10 (f9, m9+0x0)"), "{}", commands[9]);
}

#[test]
fn json_has_the_verdict_the_counts_and_the_events() {
    let json: serde_json::Value = serde_json::from_str(&difference(&OLD, &NEW).json()).expect("JSON");
    assert_eq!(json["same"], false);
    assert_eq!(json["counts"]["changed"], 1);
    let finding = &json["findings"][0];
    assert_eq!((&finding["kind"], &finding["count"]), (&"changed".into(), &1.into()));
    assert_eq!(finding["examples"][0]["new"]["outcome"], "copied-on-write");
    assert_eq!(finding["examples"][0]["old"]["number"], 1);
    assert_eq!(json["excerpts"][0]["lines"][0]["side"], "old");
}

/// An error that holds what each form has to escape.
fn not_compared() -> NotCompared {
    NotCompared { file: "tests/a,b.trace".into(), error: "no \"<a>\": 100%\nat all\u{1b}".into() }
}

#[test]
fn junit_has_an_error_for_what_cannot_be_compared() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="1" failures="0" errors="1">
  <testsuite name="pagewalk.trace" tests="1" failures="0" errors="1">
    <testcase classname="pagewalk.trace" name="tests/a,b.trace">
      <error type="not-compared" message="no &quot;&lt;a&gt;&quot;: 100%&#10;at all?">no &quot;&lt;a&gt;&quot;: 100%
at all?</error>
    </testcase>
  </testsuite>
</testsuites>
"#;
    assert_eq!(not_compared().junit().replace('\u{fffd}', "?"), expected);
}

#[test]
fn json_and_github_have_the_error() {
    let json: serde_json::Value = serde_json::from_str(&not_compared().json()).expect("JSON");
    assert_eq!(json, serde_json::json!({ "same": null, "error": not_compared().error }));
    let expected = "::error file=tests/a%2Cb.trace::no \"<a>\": 100%25%0Aat all\u{1b}\n";
    assert_eq!(not_compared().github(), expected);
}

#[test]
fn headers_that_explain_a_difference_are_noted() {
    let trace = |events: &[EventKind]| {
        let header = Header { events: events.to_vec(), ..Header::default() };
        InMemory::new(header, vec![Line::parse(OLD[0]).expect("a line")])
    };
    let mut more = trace(&[EventKind::Fault, EventKind::Walk]);
    let difference = compare(&mut more, &mut trace(&[EventKind::Fault])).expect("a comparison");
    let note = "the first records walk, the second does not: only the first can have such events";
    assert_eq!(difference.text(), format!("the same: 1 event\n  note: {note}\n"));
    let json: serde_json::Value = serde_json::from_str(&difference.json()).expect("JSON");
    assert_eq!(json["notes"], serde_json::json!([note]));
}
