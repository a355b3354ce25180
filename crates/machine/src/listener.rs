//! Who listens to the kernel layer: the figures, and, if that is asked for, a list of the faults.

use crate::Stats;
use event::{Event, EventSink, FaultEvent};

/// Takes all events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listener {
    pub(crate) stats: Stats,
    pub(crate) faults: Option<FaultLog>,
}

/// The first faults of a run, as many as there is room for.
#[derive(Clone, Debug)]
pub(crate) struct FaultLog {
    pub(crate) faults: Vec<FaultEvent>,
    pub(crate) room: usize,
}

impl EventSink for Listener {
    fn record(&mut self, event: &Event) {
        self.stats.record(event);
        if let (Some(log), Event::Fault(fault)) = (&mut self.faults, event)
            && log.faults.len() < log.room
        {
            log.faults.push(*fault);
        }
    }
}
