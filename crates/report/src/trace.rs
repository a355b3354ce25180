//! Walks and page faults in the trace-event format of Chrome, which Perfetto opens: one object, an event a line.
//!
//! Times are virtual, in microseconds of the modelled core's clock. A process has a lane for its faults, and as many for its walks as
//! there are at once: of events in one lane that overlap, Perfetto takes one for a part of the other.

use crate::RunSpace;
use arch::{PageFault, PageFaultCode, SpaceId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use timing::{Cycles, Span, Timeline, WalkSpan};

/// The lane of faults.
const FAULTS: u32 = 1;
/// The first lane of walks. The others are behind it.
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
        let mut walk_lanes = WalkLanes::default();
        let mut drawn: Vec<_> = self.timeline.walks().iter().collect();
        drawn.sort_by_key(|walk| walk.span.start);
        let drawn: Vec<(Lane, &WalkSpan)> =
            drawn.into_iter().map(|walk| (walk_lanes.take(lanes.pid(walk.space), walk.span), walk)).collect();
        let [walks, faults] = self.timeline.left_out();
        let left_out = json!({ "walks left out": walks, "faults left out": faults, "clock in MHz": self.clock_mhz });
        write!(to, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{left_out},\"traceEvents\":[")?;
        let mut outcomes = self.outcomes.iter();
        let faults = self.timeline.faults().iter().map(|fault| {
            let outcome = outcomes.find(|(told, _)| *told == fault.fault).map_or("page fault", |(_, name)| *name);
            let arguments =
                json!({ "address": format!("{:#x}", fault.fault.cr2.0), "access": access(fault.fault.code) });
            lanes.event(outcome, fault.span, (lanes.pid(fault.space), FAULTS), &arguments)
        });
        let walks = drawn.iter().map(|(lane, walk)| {
            let arguments = json!({ "address": format!("{:#x}", walk.la.0) });
            lanes.event("walk", walk.span, *lane, &arguments)
        });
        let mut separator = "\n";
        for event in lanes.names(&walk_lanes).chain(faults).chain(walks) {
            write!(to, "{separator}{event}")?;
            separator = ",\n";
        }
        writeln!(to, "\n]}}")?;
        to.flush()
    }
}

/// A lane: its process, and its number there.
type Lane = (u32, u32);

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

    fn pid(&self, space: SpaceId) -> u32 {
        self.processes.get(&space).map_or(0, |(pid, _)| *pid)
    }

    /// The names of processes and their lanes.
    fn names(&self, walks: &WalkLanes) -> impl Iterator<Item = Value> {
        let last: BTreeMap<u32, &str> =
            self.processes.values().map(|(pid, program)| (*pid, program.as_str())).collect();
        last.into_iter().flat_map(|(pid, program)| {
            let lane = move |tid: u32, name: String| {
                json!({ "ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": { "name": name } })
            };
            let process = json!({ "ph": "M", "name": "process_name", "pid": pid, "args": { "name": program } });
            let more = (1..walks.count(pid)).map(move |n| lane(WALKS + n, format!("walks {}", n + 1)));
            [process, lane(FAULTS, "page faults".into()), lane(WALKS, "walks".into())].into_iter().chain(more)
        })
    }

    fn event(&self, name: &str, span: Span, (pid, tid): Lane, arguments: &Value) -> Value {
        let microseconds = |cycles: u64| cycles as f64 / f64::from(self.clock_mhz.max(1));
        let (start, length) = (microseconds(span.start.0), microseconds(span.length().0));
        json!({ "ph": "X", "name": name, "ts": start, "dur": length, "pid": pid, "tid": tid, "args": arguments })
    }
}

/// When each lane of walks is free, by process.
#[derive(Default)]
struct WalkLanes(BTreeMap<u32, Vec<Cycles>>);

impl WalkLanes {
    /// Takes the first lane that is free for a walk. Walks come in the order of their beginnings.
    fn take(&mut self, pid: u32, walk: Span) -> Lane {
        let lanes = self.0.entry(pid).or_default();
        let n = lanes.iter().position(|free| *free <= walk.start).unwrap_or(lanes.len());
        match lanes.get_mut(n) {
            Some(free) => *free = walk.end,
            None => lanes.push(walk.end),
        }
        (pid, WALKS + n as u32)
    }

    /// How many lanes a process has.
    fn count(&self, pid: u32) -> u32 {
        self.0.get(&pid).map_or(1, |lanes| lanes.len() as u32)
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
