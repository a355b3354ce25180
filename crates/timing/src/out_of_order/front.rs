//! The front end: where instructions come from, and what they have to wait for before they are dispatched.

use super::OutOfOrder;
use super::predictor::Outcome;
use super::translation::Target;
use crate::Telling;
use crate::ledger::Cause;
use arch::LinearAddr;
use paging::BlockId;

impl<T: Telling> OutOfOrder<T> {
    /// The next block, or another page of it, is fetched from `la`. Gives where that fetch began.
    #[inline]
    pub(super) fn fetch_from(&mut self, la: LinearAddr) -> LinearAddr {
        if let Some(begin) = self.fetching {
            return begin;
        }
        self.fetching = Some(la);
        self.close();
        self.decide(la);
        la
    }

    /// The translation of a fetch from `la` begins.
    pub(super) fn translate_fetch(&mut self, la: LinearAddr) {
        let begin = self.fetch_from(la);
        self.row = self.ledger.row(self.space, begin);
        self.target = Target::Front;
        self.front.until(self.core.front(), Cause::Execution);
    }

    /// Control has gone to `la`: where the core did not expect that, the front end begins anew.
    pub(super) fn decide(&mut self, la: LinearAddr) {
        let Some((branch, decided, perfect)) = self.branch.take() else { return };
        if self.predictor.resolve(branch.kind, branch.rip, branch.behind, la) == Outcome::Wrong {
            let penalty = self.config.window.mispredict;
            self.front.until(decided.max(self.core.front()), Cause::Execution);
            self.core.stall_front(decided + penalty);
            self.front.until(self.core.front(), Cause::Misprediction);
            self.twin.stall_front(perfect + penalty);
        }
    }

    pub(super) fn fetch_lines(&mut self, block: BlockId) {
        for pa in self.code.lines(block, &mut self.instructions) {
            let before = self.core.front();
            let (supplier, ready) = self.core.fetch(pa);
            if ready > before {
                self.front.until(before, Cause::Execution);
                self.front.until(ready, Cause::Fetch(supplier));
            }
            self.twin.fetch(pa);
        }
    }
}
