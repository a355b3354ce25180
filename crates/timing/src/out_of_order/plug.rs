//! What the host reports, and what the core makes of it.
//!
//! Order of reports: as for the core that does one thing at a time.

use super::OutOfOrder;
use super::fills::Arrival;
use super::units::Unit;
use crate::ledger::Cause;
use crate::{Cycles, Telling};
use arch::{AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};
use paging::{BlockId, Detail, HardwareModel};

impl<T: Telling> HardwareModel for OutOfOrder<T> {
    const DETAIL: Detail = T::DETAIL;

    fn fetch(&mut self, la: LinearAddr, pa: PhysAddr) {
        self.fetch_from(la);
        self.instructions.go_on_at(pa);
    }

    fn load(&mut self, la: LinearAddr, pa: PhysAddr, size: u32) {
        if self.open().is_none() {
            return;
        }
        if self.is_plain() {
            return self.plain_load(pa, size);
        }
        let access = self.translated(la, AccessKind::Read);
        let arrival = self.core.load(access.at, pa, size);
        let at = self.twin.issue(Unit::Load);
        self.twin.load(at, pa, size);
        self.arrived(access, Some(arrival));
    }

    fn store(&mut self, la: LinearAddr, pa: PhysAddr, size: u32) {
        let Some(open) = self.open() else { return };
        if self.is_plain() {
            return self.plain_store(&open, pa, size);
        }
        let access = self.translated(la, AccessKind::Write);
        let unit = self.twin.store_unit();
        self.core.store(&open.decoded, access.at, pa, size);
        let at = self.twin.issue(unit);
        self.twin.store(&open.decoded, at, pa, size);
        self.arrived(access, None);
    }

    fn page_crossing(&mut self, _: LinearAddr) {
        // The first half was translated by now.
        self.crossing = self.pending.last().map(|first| first.issued);
        self.twin.cross();
    }

    fn walk_load(&mut self, la: LinearAddr, level: Level, entry: PhysAddr, value: Pte) {
        self.translations.walk_load(la, level, entry, value);
        let Arrival { supplier, asked, ready } = self.core.walk_load(entry, self.at());
        if asked > self.at() {
            self.translate_until(asked, Cause::WalkQueue, la);
        }
        self.translate_until(ready, Cause::WalkStep(level, supplier), la);
    }

    fn walk_update(&mut self, la: LinearAddr, entry: PhysAddr, value: Pte) {
        self.translations.walk_update(la, entry, value);
        self.core.walk_store(entry);
        self.translate(self.config.walk.accessed_dirty_assist, Cause::AccessedDirty, la);
    }

    fn fault(&mut self, fault: PageFault) {
        self.translations.fault(fault);
        if std::mem::take(&mut self.is_walking) {
            self.walkers.ended(self.at());
        }
        self.note_at(self.at(), |timeline, at, _| timeline.walk_ends(at));
        self.give_up();
        self.note_at(self.core.now(), |timeline, at, space| timeline.fault_begins(at, space, fault));
        self.spend(Cause::Exception, self.config.core.exception);
    }

    fn space(&mut self, space: SpaceId) {
        if self.space != space {
            self.close();
            (self.space, self.fetching) = (space, None);
        }
    }

    fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        self.close();
        self.code.define(block, frame, instructions);
    }

    fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.close();
        self.decide(la);
        self.code.enter(&mut self.ledger, block, (self.space, la));
        (self.block, self.next, self.fetching) = (Some(block), 0, None);
        self.fetch_lines(block);
    }

    fn instruction(&mut self, n: u16) {
        if let Some(block) = self.block {
            self.place_until(block, usize::from(n));
        }
    }

    fn left(&mut self, completed: u16) {
        let Some(block) = self.block.take() else { return };
        let end = usize::from(completed);
        if self.open.is_some_and(|open| open.n >= end) {
            // It raised an exception that is no page fault.
            self.abandon(self.core.done(), self.twin.done());
        }
        self.place_until(block, end);
    }

    fn service(&mut self, service: Service, ns: u64) {
        self.close();
        self.spend(Cause::Service(service), Cycles::of(ns, self.config.clock_mhz));
    }

    fn resumed(&mut self) {
        self.fetching = None;
        self.note_at(self.core.now(), |timeline, at, _| timeline.resumes(at));
    }

    fn retired(&mut self, instructions: u64) {
        self.translations.retired(instructions);
    }
}
