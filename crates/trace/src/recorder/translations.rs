//! Records of what became of translations.

use super::{RecordSink, Recorder};
use crate::places::Precision;
use crate::record::{Fact, Record, What};
use crate::render::level_number;
use arch::AccessKind;
use event::{Moment, StaleTranslation};

impl<S: RecordSink> Recorder<S> {
    /// The outcome says what is wrong, and in which file the kernel layer has stored what changed it, whose line is in the note; the entries are
    /// those of this store.
    pub(super) fn stale(&mut self, at: Moment, stale: &StaleTranslation) {
        let (what, precision) = match stale.access {
            AccessKind::Read => (What::StaleRead, Precision::Byte),
            AccessKind::Write => (What::StaleWrite, Precision::Byte),
            AccessKind::Fetch => (What::StaleFetch, Precision::Function),
        };
        let page = stale.la.page_base();
        let spot = Some(self.regions.near(stale.space, page).unwrap_or_else(|| self.nowhere(page)));
        let place = self.code(self.running, stale.rip, precision);
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
}
