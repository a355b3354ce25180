//! Who listens to the kernel layer: the figures, and whoever asks for a list of the faults, or for everything.

use crate::Stats;
use arch::PageFault;
use event::{Event, EventSink, FileId, Moment, Resolution, StaleTranslation};

/// Takes all events.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) stats: Stats,
    pub(crate) faults: Option<FaultLog>,
    pub(crate) stale: Vec<(Moment, StaleTranslation)>,
    pub(crate) sink: Option<Box<dyn EventSink>>,
}

/// So many stale translations are kept: one mistake can lead to any number.
const MOST_STALE: usize = 10_000;

/// A page fault, and what came of it.
pub type FaultOutcome = (PageFault, Resolution);

/// The first faults of a run, as many as there is room for.
#[derive(Clone, Debug)]
pub(crate) struct FaultLog {
    pub(crate) faults: Vec<FaultOutcome>,
    pub(crate) room: usize,
}

impl EventSink for Listener {
    fn record(&mut self, at: Moment, event: &Event) {
        self.stats.record(at, event);
        if let (Some(log), Event::Fault(fault)) = (&mut self.faults, event)
            && log.faults.len() < log.room
        {
            log.faults.push((fault.fault, fault.resolution));
        }
        if let Event::Stale(stale) = event
            && self.stale.len() < MOST_STALE
        {
            self.stale.push((at, *stale));
        }
        if let Some(sink) = &mut self.sink {
            sink.record(at, event);
        }
    }

    fn file(&mut self, file: FileId, name: &[u8]) {
        if let Some(sink) = &mut self.sink {
            sink.file(file, name);
        }
    }
}
