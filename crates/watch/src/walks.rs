//! The walks of a processor with certain TLBs and paging-structure caches, and what they set.
//!
//! Protocol of a miss: a look-up that gives nothing, loads of entries, updates of A and D, then a fill or a fault. A walk is told of with its
//! end, and behind it what it has set. One that began at a cached table, ended in a fault and is made again from the root is two.

use crate::path::{Path, Seen};
use crate::progress::Progress;
use crate::told::Told;
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageSize, Pfn, PhysAddr, Privilege, Pte, SpaceId};
use event::{Event, MarkEvent, WalkEvent};
use paging::tlb::{Prefetch, SpuriousFaults, TableRef, TlbHierarchy};
use paging::{
    BlockId, Detail, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation, TranslationCache,
};

/// The model.
#[derive(Debug)]
pub struct Walks {
    told: Told,
    caches: TlbHierarchy,
    progress: Progress,
    /// The access whose walk is under way, the entries that it has read, and those that it has changed.
    access: Access,
    path: Path,
    set: Vec<(Seen, Pte)>,
}

impl Walks {
    /// The walks that these caches leave to be made; they are told there.
    #[must_use]
    pub fn new(caches: TlbHierarchy, told: Told) -> Self {
        Self {
            told,
            caches,
            progress: Progress::default(),
            access: Access::new(AccessKind::Read, Privilege::User),
            path: Path::default(),
            set: Vec::new(),
        }
    }

    /// A walk for `la` has ended, if there was one.
    fn end(&mut self, la: LinearAddr, page: Option<(PageSize, Pfn)>) {
        let Some(Seen { level, at: entry, value: before }) = self.path.last() else { return };
        let loads = self.path.entries().len() as u32;
        self.path = Path::default();
        let (rip, instructions) = self.progress.place(self.access.kind, la);
        let space = self.progress.space();
        let access = self.access.kind;
        let after = self.set.iter().find(|(seen, _)| seen.at == entry).map_or(before, |(_, after)| *after);
        let walk = WalkEvent { space, rip, la, access, loads, level, entry, before, after, page };
        self.told.push(instructions, Event::Walk(walk));
        for (Seen { level, at: entry, value: before }, after) in self.set.drain(..) {
            let mark = MarkEvent { space, rip, la, access, level, entry, before, after };
            self.told.push(instructions, Event::Mark(mark));
        }
    }
}

impl TranslationCache for Walks {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        (self.access, self.path) = (access, Path::default());
        self.caches.lookup(ctx, la, access)
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        self.caches.table(ctx, la)
    }

    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.caches.fill_tables(ctx, la, start, walked);
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.caches.fill(ctx, la, kind, translation);
        self.end(la, Some((translation.size, translation.frame)));
    }

    fn prefetch(&self) -> Prefetch {
        self.caches.prefetch()
    }

    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        self.caches.prefetched(ctx, la, entry, translation);
    }

    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.caches.page_fault(ctx, la);
        self.end(la, None);
    }

    fn spurious_faults(&self) -> SpuriousFaults {
        self.caches.spurious_faults()
    }

    fn store_level(&self) -> StoreLevel {
        self.caches.store_level()
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        self.caches.displaced()
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.caches.invalidate(what);
    }
}

impl HardwareModel for Walks {
    const DETAIL: Detail = Detail::EveryAccess;

    crate::progress::follow!();

    fn walk_load(&mut self, _: LinearAddr, level: Level, at: PhysAddr, value: Pte) {
        self.path.push(Seen { level, at, value });
    }

    fn walk_update(&mut self, _: LinearAddr, entry: PhysAddr, value: Pte) {
        if let Some(seen) = self.path.entries().iter().find(|seen| seen.at == entry) {
            self.set.push((*seen, value));
        }
    }
}
