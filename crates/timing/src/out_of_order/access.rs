//! Accesses: from the address, which goes to the TLB, to the data.
//!
//! An access is pending from the first report of its translation to its own. One that the host translates by itself meets a
//! first-level hit and, if nothing is under way that it would have to wait for, is *plain*: it goes to its data at once.

use super::OutOfOrder;
use super::fills::Arrival;
use super::path::Path;
use super::place::{Open, note};
use super::units::Unit;
use crate::ledger::{Cause, Charge};
use crate::{Cycles, Telling};
use arch::{AccessKind, LinearAddr, PhysAddr};

/// An access whose translation was asked for and whose data was not.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending {
    pub(super) la: LinearAddr,
    /// When its address went to the TLB, and how far it has come.
    pub(super) issued: Cycles,
    pub(super) at: Cycles,
    pub(super) path: Path,
    /// It has walked, so it need not wait for another's walk.
    pub(super) walked: bool,
}

impl<T: Telling> OutOfOrder<T> {
    /// The unit that the next access of the instruction goes by.
    const fn unit(&self, kind: AccessKind) -> Unit {
        match kind {
            AccessKind::Write => self.core.store_unit(),
            AccessKind::Read | AccessKind::Fetch => Unit::Load,
        }
    }

    /// An access begins. The second half of one that crosses a page begins with the first.
    fn issue(&mut self, la: LinearAddr, unit: Unit) -> Pending {
        let mut path = self.spare.pop().unwrap_or_default();
        path.clear();
        let crossing = self.crossing.take();
        let issued = crossing.unwrap_or_else(|| self.core.issue(unit));
        path.until(issued, Cause::Execution);
        let mut at = issued;
        if crossing.is_some() {
            at += self.config.translation.page_crossing;
            path.translating(at, Cause::PageCrossing, la);
        }
        let open = self.walkers.open(at);
        if open > at {
            path.translating(open, Cause::WalkQueue, la);
        }
        Pending { la, issued, at: open, path, walked: false }
    }

    /// The access at `la`, which may have begun: its translation may be asked for more than once.
    pub(super) fn access_at(&mut self, la: LinearAddr, kind: AccessKind) -> Pending {
        match self.pending.iter().position(|pending| pending.la.page_number() == la.page_number()) {
            Some(place) => self.pending.remove(place),
            None => self.issue(la, self.unit(kind)),
        }
    }

    /// The access at `la`, translated: when it goes on to the data.
    pub(super) fn translated(&mut self, la: LinearAddr, kind: AccessKind) -> Pending {
        let mut access = self.access_at(la, kind);
        if !access.walked
            && let Some(done) = self.walkers.under_way(la, access.at)
        {
            access.path.translating(done, Cause::WalkMerged, la);
            access.at = done;
        }
        access
    }

    /// True if the next access was not translated by a report, and no walk is under way that it might have to wait for.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        self.pending.is_empty() && self.crossing.is_none() && self.walkers.are_quiet(self.core.ready())
    }

    /// A load that meets nothing but the data caches: most do.
    #[inline]
    pub(super) fn plain_load(&mut self, pa: PhysAddr, size: u32) {
        let at = self.core.issue(Unit::Load);
        let Arrival { supplier, ready, .. } = self.core.load(at, pa, size);
        let in_twin = self.twin.issue(Unit::Load);
        self.twin.load(in_twin, pa, size);
        let cause = Cause::Data(supplier);
        self.ledger.charge_times(self.row, cause, Charge::once(Cycles(0)), Cycles(0));
        if ready > self.core.now() && ready >= self.longest.end() {
            self.longest.clear();
            self.longest.until(at, Cause::Execution);
            self.longest.until(ready, cause);
        }
    }

    /// A store of that kind: nothing waits for its data.
    #[inline]
    pub(super) fn plain_store(&mut self, open: &Open, pa: PhysAddr, size: u32) {
        let at = self.core.issue(self.core.store_unit());
        self.core.store(&open.decoded, at, pa, size);
        let at = self.twin.issue(self.twin.store_unit());
        self.twin.store(&open.decoded, at, pa, size);
    }

    /// The data of an access has arrived.
    pub(super) fn arrived(&mut self, mut access: Pending, arrival: Option<Arrival>) {
        if let Some(Arrival { supplier, ready, .. }) = arrival {
            access.path.until(ready, Cause::Data(supplier));
        }
        note(&mut self.ledger, self.row, self.space, &access.path);
        // Nothing waits for a store whose translation was at hand: it is as if it had been plain.
        let has_waited = access.path.causes().next().is_some();
        if has_waited && access.path.end() >= self.longest.end() {
            std::mem::swap(&mut self.longest, &mut access.path);
        }
        self.spare.push(access.path);
    }
}
