//! A trace of walks and faults is one JSON object, whatever is in it.

use arch::{LinearAddr, PageFault, PageFaultCode, SpaceId};
use pagewalk_report::{RunSpace, Space, Trace};
use serde_json::Value;
use timing::{Cycles, Timeline};

fn space(number: u32, pid: u32, program: &str) -> RunSpace {
    RunSpace { id: SpaceId(number), space: Space { number, pid, program: program.into(), mappings: Vec::new() } }
}

fn written(trace: Trace<'_>) -> Value {
    let mut bytes = Vec::new();
    trace.write(&mut bytes).expect("there is memory");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[test]
fn an_empty_timeline_names_the_processes_as_they_were_last() {
    let spaces = [space(1, 1000, "/bin/sh"), space(2, 1001, "/bin/sh"), space(3, 1001, "/bin/\"ls\"")];
    let trace = written(Trace { timeline: &Timeline::new(1), clock_mhz: 1000, spaces: &spaces, outcomes: &[] });
    let names: Vec<&Value> =
        trace["traceEvents"].as_array().unwrap().iter().map(|event| &event["args"]["name"]).collect();
    assert_eq!(names, ["/bin/sh", "page faults", "walks", "/bin/\"ls\"", "page faults", "walks"]);
    assert_eq!(trace["otherData"]["walks left out"], 0);
}

#[test]
fn without_processes_and_outcomes_it_is_complete() {
    let outcomes = [(PageFault { cr2: LinearAddr(1), code: PageFaultCode::US }, "demand-zero")];
    let trace = written(Trace { timeline: &Timeline::default(), clock_mhz: 0, spaces: &[], outcomes: &outcomes });
    assert_eq!(trace["traceEvents"], Value::Array(Vec::new()));
}

/// Something of a lane.
type In<T> = (u64, T);

/// The lane of each walk of a process, with its beginning, in the order of the trace; and the names of the process's lanes.
fn walks(trace: &Value, pid: u32) -> (Vec<In<f64>>, Vec<In<String>>) {
    let events = trace["traceEvents"].as_array().expect("a list");
    let of = |name: &'static str| events.iter().filter(move |event| event["pid"] == pid && event["name"] == name);
    let lane = |event: &Value| event["tid"].as_u64().expect("a lane");
    let spans = of("walk").map(|event| (lane(event), event["ts"].as_f64().expect("a time"))).collect();
    let names =
        of("thread_name").map(|event| (lane(event), event["args"]["name"].as_str().expect("a name").to_owned()));
    (spans, names.collect())
}

#[test]
fn walks_that_overlap_have_lanes_of_their_own() {
    let mut timeline = Timeline::new(16);
    // As a core with a window tells of them: the third begins before the second. The fifth is of another process.
    for (space, start, end) in [(1, 0, 10), (1, 8, 20), (1, 5, 12), (1, 10, 15), (3, 11, 13), (1, 20, 30)] {
        timeline.walk_begins(Cycles(start), SpaceId(space), LinearAddr(0x1000));
        timeline.walk_ends(Cycles(end));
    }
    let spaces = [space(1, 1000, "/bin/sh"), space(2, 1000, "/bin/ls"), space(3, 1001, "/bin/cat")];
    let trace = written(Trace { timeline: &timeline, clock_mhz: 1, spaces: &spaces, outcomes: &[] });
    let lanes = |names: &[&str]| (1..).zip(names.iter().map(|&name| name.to_owned())).collect::<Vec<In<String>>>();
    let (spans, names) = walks(&trace, 1000);
    assert_eq!(spans, [(2, 0.0), (3, 5.0), (4, 8.0), (2, 10.0), (2, 20.0)], "the first lane that is free");
    assert_eq!(names, lanes(&["page faults", "walks", "walks 2", "walks 3"]));
    let (spans, names) = walks(&trace, 1001);
    assert_eq!(spans, [(2, 11.0)]);
    assert_eq!(names, lanes(&["page faults", "walks"]));
}
