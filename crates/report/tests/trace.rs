//! A trace of walks and faults is one JSON object, whatever is in it.

use arch::{LinearAddr, PageFault, PageFaultCode, SpaceId};
use pagewalk_report::{RunSpace, Space, Trace};
use serde_json::Value;
use timing::Timeline;

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
