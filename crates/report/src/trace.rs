//! Walks and page faults in the trace-event format of Chrome, which Perfetto opens: one object, an event a line.
//!
//! Times are virtual, in microseconds of the modelled core's clock. A process has two lanes, one for its faults and one for its walks.

use crate::RunSpace;
use arch::{PageFault, PageFaultCode, SpaceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use timing::{Span, Timeline};

/// The lane of faults.
const FAULTS: u32 = 1;
/// The lane of walks.
const WALKS: u32 = 2;

/// What a timeline is told with.
pub struct Trace<'a> {
    /// Walks and faults.
    pub timeline: &'a Timeline,
    /// The clock that it goes by, in MHz.
    pub clock_mhz: u32,
    /// What the address spaces were.
    pub spaces: &'a [RunSpace],
    /// What came of faults, in order; those that the kernel layer made on a program's behalf may be among them.
    pub outcomes: &'a [(PageFault, &'static str)],
}

impl Trace<'_> {
    /// Writes the trace.
    ///
    /// # Errors
    /// The host's.
    pub fn write(self, mut to: impl Write) -> io::Result<()> {
        let lanes = Lanes::new(self.spaces, self.clock_mhz);
        let [walks, faults] = self.timeline.left_out();
        let left_out = json!({ "walks left out": walks, "faults left out": faults, "clock in MHz": self.clock_mhz });
        write!(to, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{left_out},\"traceEvents\":[")?;
        let mut outcomes = self.outcomes.iter();
        let faults = self.timeline.faults().iter().map(|fault| {
            let outcome = outcomes.find(|(told, _)| *told == fault.fault).map_or("page fault", |(_, name)| *name);
            let arguments =
                json!({ "address": format!("{:#x}", fault.fault.cr2.0), "access": access(fault.fault.code) });
            lanes.event(outcome, fault.span, (fault.space, FAULTS), &arguments)
        });
        let walks = self.timeline.walks().iter().map(|walk| {
            let arguments = json!({ "address": format!("{:#x}", walk.la.0) });
            lanes.event("walk", walk.span, (walk.space, WALKS), &arguments)
        });
        let mut separator = "\n";
        for event in lanes.names().chain(faults).chain(walks) {
            write!(to, "{separator}{event}")?;
            separator = ",\n";
        }
        writeln!(to, "\n]}}")?;
        to.flush()
    }
}

/// Where events are drawn.
struct Lanes {
    processes: BTreeMap<SpaceId, (u32, String)>,
    clock_mhz: u32,
}

impl Lanes {
    fn new(spaces: &[RunSpace], clock_mhz: u32) -> Self {
        let process = |known: &RunSpace| (known.id, (known.space.pid, known.space.program.clone()));
        Self { processes: spaces.iter().map(process).collect(), clock_mhz }
    }

    /// The names of processes and their lanes.
    fn names(&self) -> impl Iterator<Item = Value> {
        let last: BTreeMap<u32, &str> =
            self.processes.values().map(|(pid, program)| (*pid, program.as_str())).collect();
        last.into_iter().flat_map(|(pid, program)| {
            let lane = |tid: u32, name: &str| {
                json!({ "ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": { "name": name } })
            };
            let process = json!({ "ph": "M", "name": "process_name", "pid": pid, "args": { "name": program } });
            [process, lane(FAULTS, "page faults"), lane(WALKS, "walks")]
        })
    }

    fn event(&self, name: &str, span: Span, (space, tid): (SpaceId, u32), arguments: &Value) -> Value {
        let pid = self.processes.get(&space).map_or(0, |(pid, _)| *pid);
        let microseconds = |cycles: u64| cycles as f64 / f64::from(self.clock_mhz.max(1));
        let (start, length) = (microseconds(span.start.0), microseconds((span.end - span.start).0));
        json!({ "ph": "X", "name": name, "ts": start, "dur": length, "pid": pid, "tid": tid, "args": arguments })
    }
}

fn access(code: PageFaultCode) -> &'static str {
    if code.contains(PageFaultCode::ID) {
        "fetch"
    } else if code.contains(PageFaultCode::WR) {
        "write"
    } else {
        "read"
    }
}
