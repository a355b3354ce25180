//! Translations: their time, for the fetch or the access that they are made for, and the walkers that make them.
//!
//! One is under way at a time, as the host reports them one after the other: that of the front end, or that of the last access that is
//! pending. Each step moves on the moment that its target has come to, and leaves its cause on the target's path.

use super::OutOfOrder;
use super::place::note;
use crate::counting::without_time;
use crate::ledger::Cause;
use crate::{Cycles, Telling, Walks};
use arch::{Access, AccessKind, LinearAddr, PhysAddr};
use paging::tlb::{ServedBy, TableRef};
use paging::{Invalidation, PagingContext, Translation, TranslationCache};

/// Whose translation is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Front,
    Access,
}

impl<T: Telling> OutOfOrder<T> {
    /// When the translation under way has come as far as it has.
    pub(super) fn at(&self) -> Cycles {
        match (self.target, self.pending.last()) {
            (Target::Access, Some(pending)) => pending.at,
            _ => self.core.front(),
        }
    }

    /// The translation under way goes on at this moment.
    pub(super) fn translate_until(&mut self, until: Cycles, cause: Cause, la: LinearAddr) {
        match (self.target, self.pending.last_mut()) {
            (Target::Access, Some(pending)) => {
                pending.at = until;
                pending.path.translating(until, cause, la);
            }
            _ => {
                self.core.stall_front(until);
                self.front.translating(until, cause, la);
            }
        }
    }

    pub(super) fn translate(&mut self, cycles: Cycles, cause: Cause, la: LinearAddr) {
        self.translate_until(self.at() + cycles, cause, la);
    }

    /// The access, or the fetch, whose translation is under way ends in a fault: what is older retires, all else is thrown away.
    pub(super) fn give_up(&mut self) {
        let (at, in_twin) = match self.target {
            Target::Access => (self.at(), self.twin.done()),
            Target::Front => (self.core.front(), self.twin.front()),
        };
        if let Some(pending) = self.pending.pop() {
            note(&mut self.ledger, self.row, self.space, &pending.path);
            self.longest.clear();
            self.longest.append(&pending.path);
            self.spare.push(pending.path);
        }
        self.abandon(at, in_twin);
    }
}

impl<T: Telling> TranslationCache for OutOfOrder<T> {
    without_time!();

    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        if access.kind == AccessKind::Fetch {
            self.translate_fetch(la);
        } else if self.open().is_some() {
            let pending = self.access_at(la, access.kind);
            self.pending.push(pending);
            self.target = Target::Access;
        }
        let (by, translation) = self.translations.look_up(ctx, la, access)?;
        if by == ServedBy::SecondLevel {
            self.translate(self.config.translation.second_level, Cause::SecondLevelHit, la);
        }
        Some(translation)
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        if self.has_table_caches {
            self.translate(self.config.walk.table_look_up, Cause::TableLookUp, la);
        }
        // No walk to come begins before the instruction under way was dispatched.
        self.walkers.pass(self.core.dispatched());
        let start = self.walkers.begin(self.at(), Walks::Of(self.translations.side()));
        self.is_walking = true;
        self.note_at(start, |timeline, at, space| timeline.walk_begins(at, space, la));
        if start > self.at() {
            self.translate_until(start, Cause::WalkQueue, la);
        }
        self.translate(self.config.walk.start, Cause::WalkStart, la);
        self.translations.table(ctx, la)
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.is_walking = false;
        self.walkers.filled(la, translation.size, self.at());
        self.note_at(self.at(), |timeline, at, _| timeline.walk_ends(at));
        if let (Target::Access, Some(pending)) = (self.target, self.pending.last_mut()) {
            pending.walked = true;
        }
        self.translations.fill(ctx, la, kind, translation);
    }

    /// The walker goes on with it, and who wants the page by then waits for that.
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        let start = self.walkers.begin(self.at(), Walks::All);
        let done = self.core.walk_load(entry, start).ready;
        self.walkers.filled(la, translation.size, done);
        self.translations.prefetched(ctx, la, entry, translation);
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.close();
        let cycles = self.config.translation.invalidation;
        self.core.pass(cycles);
        self.ledger.charge(self.row, Cause::Invalidation, cycles, Cycles(0));
        self.translations.invalidate(what);
    }
}
