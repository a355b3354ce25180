//! Records of what became of translations.

use super::{RecordSink, Recorder};
use crate::kinds::EventKind;
use crate::places::Precision;
use crate::record::{Fact, PlaceNo, Record, Spot, What};
use crate::render::level_number;
use arch::{AccessKind, LinearAddr, PageSize, SpaceId};
use event::{MarkEvent, Moment, StaleTranslation, WalkEvent};

impl<S: RecordSink> Recorder<S> {
    /// The outcome says what is wrong, and in which file the kernel layer has stored what changed it, whose line is in the note; the entries are
    /// those of this store.
    pub(super) fn stale(&mut self, at: Moment, stale: &StaleTranslation) {
        if !self.wants(EventKind::Stale) {
            return;
        }
        let what = by_access(stale.access, [What::StaleRead, What::StaleWrite, What::StaleFetch]);
        let (spot, place) = self.whereabouts(stale.space, stale.la, (stale.rip, stale.access));
        let mut facts = vec![(Fact::Address, stale.la.0), (Fact::Rip, stale.rip.0), (Fact::Entry, stale.entry.0)];
        facts.extend(stale.frame.map(|frame| (Fact::FrameBefore, frame.0)));
        let mut outcome = stale.wrong.name().to_owned();
        let mut leaf = None;
        if let Some(store) = &stale.store {
            outcome = format!("{outcome}@{}", store.site.file());
            let level = level_number(stale.level);
            leaf = Some((level, store.before.0, level, store.after.0));
            facts.extend([(Fact::StoredAt, store.instructions), (Fact::Line, store.site.line().into())]);
        }
        let outcome = self.name(&outcome);
        let record = Record { spot, outcome, place, leaf, facts, ..self.blank(at, what) };
        self.sink.push(record);
    }

    /// The outcome says how many entries were read and what size of a page they led to; the entries are the last one's.
    pub(super) fn walk(&mut self, at: Moment, walk: &WalkEvent) {
        if !self.wants(EventKind::Walk) {
            return;
        }
        let what = by_access(walk.access, [What::WalkRead, What::WalkWrite, What::WalkFetch]);
        let (spot, place) = self.whereabouts(walk.space, walk.la, (walk.rip, walk.access));
        let page = walk.page.map_or("fault", |(size, _)| size_name(size));
        let outcome = self.name(&format!("{}-loads/{page}", walk.loads).replace("1-loads", "1-load"));
        let level = level_number(walk.level);
        let leaf = Some((level, walk.before.0, level, walk.after.0));
        let mut facts = vec![(Fact::Address, walk.la.0), (Fact::Rip, walk.rip.0), (Fact::Entry, walk.entry.0)];
        facts.extend(walk.page.map(|(_, frame)| (Fact::Frame, frame.0)));
        let record = Record { spot, outcome, place, leaf, facts, ..self.blank(at, what) };
        self.sink.push(record);
    }

    /// The outcome says of which level the entry is.
    pub(super) fn mark(&mut self, at: Moment, mark: &MarkEvent) {
        if !self.wants(EventKind::AccessedDirty) {
            return;
        }
        let what = if mark.before.dirty() == mark.after.dirty() { What::SetAccessed } else { What::SetDirty };
        let (spot, place) = self.whereabouts(mark.space, mark.la, (mark.rip, mark.access));
        let outcome = self.name(&mark.level.entry_name().to_lowercase());
        let level = level_number(mark.level);
        let leaf = Some((level, mark.before.0, level, mark.after.0));
        let facts = vec![(Fact::Address, mark.la.0), (Fact::Rip, mark.rip.0), (Fact::Entry, mark.entry.0)];
        let record = Record { spot, outcome, place, leaf, facts, ..self.blank(at, what) };
        self.sink.push(record);
    }

    /// The page, and the instruction, which of a fetch is where chance has it.
    fn whereabouts(&mut self, space: SpaceId, la: LinearAddr, by: (LinearAddr, AccessKind)) -> (Option<Spot>, PlaceNo) {
        let (rip, access) = by;
        let precision = if access == AccessKind::Fetch { Precision::Function } else { Precision::Byte };
        let page = la.page_base();
        let spot = self.regions.near(space, page).unwrap_or_else(|| self.nowhere(page));
        (Some(spot), self.code(self.running, rip, precision))
    }
}

/// One of the kinds for a read, a write and a fetch.
const fn by_access(access: AccessKind, [read, write, fetch]: [What; 3]) -> What {
    match access {
        AccessKind::Read => read,
        AccessKind::Write => write,
        AccessKind::Fetch => fetch,
    }
}

const fn size_name(size: PageSize) -> &'static str {
    match size {
        PageSize::Size4K => "4K",
        PageSize::Size2M => "2M",
        PageSize::Size4M => "4M",
        PageSize::Size1G => "1G",
    }
}
