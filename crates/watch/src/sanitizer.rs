//! The sanitizer of translations: it tells of each access that a processor may have made by a translation which the tables do not give any
//! more.
//!
//! Protocol: the model never answers a look-up, so every access that is asked for is walked from the root, and that walk is the shadow: what
//! it gives is what the tables give. Beside it the [`ReferenceTlb`] holds what a processor may hold. If it holds what decides the access, both
//! must agree on what the access does: its frame, whether it is allowed, and whether the write is noted in D. A processor that has lost
//! that walks, and may begin at any table that is held, so those must be on the way. What was found stale is dropped, so one mistake is told once.
//!
//! An access that the host answers without asking was asked for since the last store to an entry ([`HardwareModel::edited`] is followed by the
//! loss of all that is answered so), so it could not be told of.

use crate::edits::Edits;
use crate::path::{Dirty, Path, Seen};
use crate::progress::Progress;
use crate::reference::{Held, ReferenceTlb};
use crate::told::Told;
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PhysAddr, Privilege, Pte, SpaceId};
use event::{EntryStore, Event, StaleTranslation, Wrong};
use paging::tlb::Flush;
use paging::{BlockId, Detail, EntryEdit, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};

/// The model.
#[derive(Debug)]
pub struct Sanitizer {
    told: Told,
    held: ReferenceTlb,
    edits: Edits,
    progress: Progress,
    /// The access whose walk is under way, and the entries that it has read.
    access: Access,
    path: Path,
}

/// What is stale: since so many stores, along this path, and by what.
struct Stale {
    path: Path,
    since: u64,
    frame: Option<arch::Pfn>,
    wrong: Wrong,
}

impl Sanitizer {
    /// A sanitizer that tells what it finds there.
    #[must_use]
    pub fn new(told: Told) -> Self {
        Self {
            told,
            held: ReferenceTlb::default(),
            edits: Edits::default(),
            progress: Progress::default(),
            access: Access::new(AccessKind::Read, Privilege::User),
            path: Path::default(),
        }
    }

    /// Holds the walk that was just made against what a processor may hold. `given` is its translation, if the access is allowed.
    fn judge(&mut self, ctx: &PagingContext, la: LinearAddr, given: Option<&Translation>) {
        let held = self.held.page(ctx, la, self.access);
        let stale_page = held.and_then(|held| {
            let wrong = self.wrong_with(&held, la, given)?;
            Some(Stale { path: held.path, since: held.since, frame: Some(held.frame(la)), wrong })
        });
        let stale = stale_page.or_else(|| self.stale_table(ctx, la));
        match &stale {
            Some(stale) => {
                self.tell(la, stale);
                self.held.flush(Flush::Fault { pcid: ctx.pcid(), la });
            }
            None if held.is_some() => return self.held_again(ctx, la),
            None => {}
        }
        if let Some(translation) = given {
            let path = self.path.after(translation);
            let held = Held { translation: *translation, path, since: self.edits.count() };
            self.held.fill(ctx.pcid(), la, held);
            self.edits.watch(&self.path);
            self.edits.begin_with(&self.path);
        }
    }

    /// A processor that has lost the translation has walked, and may hold the tables on the way.
    fn held_again(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.held.fill_tables(ctx.pcid(), la, &self.path, self.edits.count());
        self.edits.watch(&self.path);
    }

    /// What an access by a held translation does otherwise than the tables say.
    fn wrong_with(&self, held: &Held, la: LinearAddr, given: Option<&Translation>) -> Option<Wrong> {
        let is_present = self.path.last().is_some_and(|last| last.value.present());
        let Some(given) = given else {
            return Some(if is_present { Wrong::Forbidden } else { Wrong::NotMapped });
        };
        let was_clean = self.path.last().is_some_and(|leaf| !leaf.value.dirty());
        let new = Held { translation: *given, ..*held };
        let kinds = [
            (new.frame(la) != held.frame(la), Wrong::OtherFrame),
            (given.size != held.translation.size, Wrong::OtherSize),
            (given.memory_type != held.translation.memory_type, Wrong::OtherType),
            (self.access.is_write() && was_clean, Wrong::NotDirty),
        ];
        kinds.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, wrong)| wrong)
    }

    /// A table that a walk for `la` may begin at, and that is not on the way any more.
    fn stale_table(&self, ctx: &PagingContext, la: LinearAddr) -> Option<Stale> {
        let is_stale = |path: &Path| path.first_changed(&self.path, Dirty::IsBeside).is_some();
        let held = self.held.tables(ctx.pcid(), la).find(|held| is_stale(&held.path))?;
        Some(Stale { path: held.path, since: held.since, frame: None, wrong: Wrong::OtherTable })
    }

    fn tell(&self, la: LinearAddr, stale: &Stale) {
        let dirty = if stale.wrong == Wrong::NotDirty { Dirty::Counts } else { Dirty::IsBeside };
        let changed = stale.path.first_changed(&self.path, dirty);
        let entry = changed.or(stale.path.last()).unwrap_or_default();
        let edit = self.edits.culprit(entry, stale.since, dirty);
        let store = edit.map(|found| EntryStore {
            before: found.edit.before,
            after: found.edit.after,
            site: found.edit.site,
            instructions: found.instructions,
        });
        let (rip, instructions) = self.progress.place(self.access.kind, la);
        let Seen { level, at, value } = entry;
        let event = StaleTranslation {
            space: self.progress.space(),
            rip,
            la,
            access: self.access.kind,
            wrong: stale.wrong,
            frame: stale.frame,
            level,
            entry: at,
            held: value,
            store,
        };
        self.told.push(instructions, Event::Stale(event));
    }

    fn flush(&mut self, what: Flush) {
        self.held.flush(what);
        if self.held.is_empty() {
            self.edits.forget();
        }
    }
}

impl TranslationCache for Sanitizer {
    fn lookup(&mut self, _: &PagingContext, _: LinearAddr, access: Access) -> Option<Translation> {
        (self.access, self.path) = (access, Path::default());
        None
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, _: AccessKind, translation: &Translation) {
        self.judge(ctx, la, Some(translation));
    }

    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.judge(ctx, la, None);
        self.flush(Flush::Fault { pcid: ctx.pcid(), la });
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.flush(what.into());
    }
}

impl HardwareModel for Sanitizer {
    const DETAIL: Detail = Detail::EveryAccess;

    crate::progress::follow!();

    fn walk_load(&mut self, _: LinearAddr, level: Level, at: PhysAddr, value: Pte) {
        self.path.push(Seen { level, at, value });
    }

    fn edited(&mut self, edit: &EntryEdit) {
        self.edits.add(self.progress.before_fetch(), edit);
    }
}
