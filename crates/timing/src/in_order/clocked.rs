//! What is asked of the core at the end of a run, and when walks and faults were.

use super::InOrder;
use crate::ledger::{Clocked, Ledger, WalkTime, Walks};
use crate::{Counters, Cycles, Telling, Timeline};
use arch::SpaceId;

impl<T: Telling> InOrder<T> {
    /// Tells the timeline, if there is one, what happens now.
    pub(super) fn note(&mut self, what: impl FnOnce(&mut Timeline, Cycles, SpaceId)) {
        if let Some(timeline) = &mut self.timeline {
            what(timeline, self.now, self.space);
        }
    }

    /// The walk under way ends now, if there is one.
    pub(super) fn end_walk(&mut self) {
        if let Some(start) = self.walking.take() {
            self.walked[self.translations.side() as usize] += self.now - start;
            self.note(|timeline, now, _| timeline.walk_ends(now));
        }
    }
}

impl<T: Telling> Clocked for InOrder<T> {
    fn finish(&mut self) -> (Cycles, &Ledger) {
        self.close();
        self.charge_fetch();
        self.code.post_all(&mut self.ledger);
        assert_eq!(self.ledger.total().sum(), self.now, "every cycle is charged once");
        (self.now, &self.ledger)
    }

    fn counters(&self) -> &Counters {
        self.translations.counters()
    }

    /// There is one walk at a time.
    fn walk_time(&self, of: Walks) -> WalkTime {
        let walked = match of {
            Walks::All => self.walked.into_iter().sum(),
            Walks::Of(side) => self.walked[side as usize],
        };
        WalkTime { pending: walked, active: walked }
    }

    fn keep_timeline(&mut self, timeline: Timeline) {
        self.timeline = Some(timeline);
    }

    fn timeline(&self) -> Option<&Timeline> {
        self.timeline.as_ref()
    }
}
