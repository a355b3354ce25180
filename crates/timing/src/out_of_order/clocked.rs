//! What is asked of the core at the end of a run, and when walks and faults were.

use super::OutOfOrder;
use crate::Cycles;
use crate::ledger::{Clocked, Ledger, WalkTime, Walks};
use crate::{Counters, Telling, Timeline};
use arch::SpaceId;

impl<T: Telling> OutOfOrder<T> {
    /// Tells the timeline, if there is one, what happens at this moment.
    pub(super) fn note_at(&mut self, at: Cycles, what: impl FnOnce(&mut Timeline, Cycles, SpaceId)) {
        if let Some(timeline) = &mut self.timeline {
            what(timeline, at, self.space);
        }
    }
}

impl<T: Telling> Clocked for OutOfOrder<T> {
    fn finish(&mut self) -> (Cycles, &Ledger) {
        self.close();
        let now = self.core.now();
        assert_eq!(self.ledger.total().sum(), now, "every cycle is charged once");
        assert_eq!(self.ledger.perfect(), self.twin.now(), "every cycle of the twin is noted once");
        (now, &self.ledger)
    }

    fn counters(&self) -> &Counters {
        self.translations.counters()
    }

    fn walk_time(&self, of: Walks) -> WalkTime {
        self.walkers.time(of)
    }

    fn keep_timeline(&mut self, timeline: Timeline) {
        self.timeline = Some(timeline);
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.timeline.as_ref()
    }
}
