//! All translation caches of one core, behind [`TranslationCache`].
//!
//! A walk fills the first level that asked and the second; a second-level hit fills the first level. Neither level drops
//! anything because the other does, so each holds what it has room for.

use super::level::{Held, Passed};
use super::{
    ConfigError, Flush, HierarchyConfig, PagingStructureCaches, Prefetch, SecondLevel, SpuriousFaults, TableRef, Tlb,
};
use crate::{Detail, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation, TranslationCache};
use arch::{Access, AccessKind, LinearAddr, PhysAddr};

/// What served a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServedBy {
    /// The first level for this kind of access.
    FirstLevel,
    /// The second level.
    SecondLevel,
}

/// What a look-up gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A translation that allows the access.
    Hit(ServedBy, Translation),
    /// Only translations that deny the access; only with [`SpuriousFaults::Allowed`].
    Denied(ServedBy, Translation),
    /// Nothing that can be used.
    Miss,
}

/// The TLBs and paging-structure caches of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlbHierarchy {
    instruction: Tlb,
    data: Tlb,
    store: Option<Tlb>,
    second: Second,
    tables: PagingStructureCaches,
    spurious_faults: SpuriousFaults,
    prefetch: Prefetch,
    /// Pages to be told of by [`TranslationCache::displaced`].
    displaced: Passed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Second {
    Absent,
    Shared(Tlb),
    Split { instruction: Tlb, data: Tlb },
}

impl TlbHierarchy {
    /// Empty caches.
    ///
    /// # Errors
    /// What makes the configuration impossible.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            instruction: Tlb::new(&config.instruction)?,
            data: Tlb::new(&config.data)?,
            store: config.store.as_ref().map(Tlb::new).transpose()?,
            second: match &config.second {
                SecondLevel::Absent => Second::Absent,
                SecondLevel::Shared(tlb) => Second::Shared(Tlb::new(tlb)?),
                SecondLevel::Split { instruction, data } => {
                    Second::Split { instruction: Tlb::new(instruction)?, data: Tlb::new(data)? }
                }
            },
            tables: PagingStructureCaches::new(&config.tables)?,
            spurious_faults: config.spurious_faults,
            prefetch: config.prefetch,
            displaced: Passed::new(),
        })
    }

    /// Looks for a translation of `la` that serves `access`: first level, then second.
    pub fn look_up(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Lookup {
        let clean_enough = |t: &Translation| t.dirty || !access.is_write(); // MMU-183
        if let Some((by, t)) = self.find(ctx, la, access.kind, |t| t.rights.allow(ctx, access) && clean_enough(t)) {
            return Lookup::Hit(by, t);
        }
        if self.spurious_faults == SpuriousFaults::Allowed
            && let Some((by, t)) = self.find(ctx, la, access.kind, |t| !t.rights.allow(ctx, access))
        {
            return Lookup::Denied(by, t);
        }
        Lookup::Miss
    }

    /// Drops what a flush covers, from every level and every cache.
    pub fn flush(&mut self, what: Flush) {
        let second = match &mut self.second {
            Second::Absent => [None, None],
            Second::Shared(tlb) => [Some(tlb), None],
            Second::Split { instruction, data } => [Some(instruction), Some(data)],
        };
        let first = [&mut self.instruction, &mut self.data];
        first.into_iter().chain(&mut self.store).chain(second.into_iter().flatten()).for_each(|tlb| tlb.flush(what));
        self.tables.flush(what);
    }

    /// The paging-structure caches.
    #[must_use]
    pub const fn tables(&self) -> &PagingStructureCaches {
        &self.tables
    }

    /// The first-level TLB for one kind of access.
    #[must_use]
    pub fn first_level(&self, kind: AccessKind) -> &Tlb {
        match kind {
            AccessKind::Fetch => &self.instruction,
            AccessKind::Read => &self.data,
            AccessKind::Write => self.store.as_ref().unwrap_or(&self.data),
        }
    }

    /// The second-level TLB for one kind of access, if there is one.
    #[must_use]
    pub const fn second_level(&self, kind: AccessKind) -> Option<&Tlb> {
        match (&self.second, kind) {
            (Second::Absent, _) => None,
            (Second::Shared(tlb), _) => Some(tlb),
            (Second::Split { instruction, .. }, AccessKind::Fetch) => Some(instruction),
            (Second::Split { data, .. }, AccessKind::Read | AccessKind::Write) => Some(data),
        }
    }

    /// A translation that is `usable`; one from the second level moves up.
    fn find(
        &mut self,
        ctx: &PagingContext,
        la: LinearAddr,
        kind: AccessKind,
        usable: impl Fn(&Translation) -> bool,
    ) -> Option<(ServedBy, Translation)> {
        let pcid = ctx.pcid();
        let Levels { first, second, passed } = self.levels(kind);
        if let Some(held) = first.find(pcid, la, &usable, passed) {
            return Some((ServedBy::FirstLevel, held.translation));
        }
        let Held { translation, piece } = second?.find(pcid, la, &usable, &mut Passed::new())?;
        first.fill(pcid, la, &translation, piece, passed);
        Some((ServedBy::SecondLevel, translation))
    }

    fn levels(&mut self, kind: AccessKind) -> Levels<'_> {
        let first = match kind {
            AccessKind::Fetch => &mut self.instruction,
            AccessKind::Read => &mut self.data,
            AccessKind::Write => self.store.as_mut().unwrap_or(&mut self.data),
        };
        let second = match (&mut self.second, kind) {
            (Second::Absent, _) => None,
            (Second::Shared(tlb), _) => Some(tlb),
            (Second::Split { instruction, .. }, AccessKind::Fetch) => Some(instruction),
            (Second::Split { data, .. }, AccessKind::Read | AccessKind::Write) => Some(data),
        };
        Levels { first, second, passed: &mut self.displaced }
    }
}

/// The TLBs that one kind of access goes through, and who is told of what leaves the first.
struct Levels<'a> {
    first: &'a mut Tlb,
    second: Option<&'a mut Tlb>,
    passed: &'a mut Passed,
}

impl TranslationCache for TlbHierarchy {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        match self.look_up(ctx, la, access) {
            Lookup::Hit(_, t) | Lookup::Denied(_, t) => Some(t),
            Lookup::Miss => None,
        }
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        self.tables.deepest(ctx.pcid(), la)
    }

    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.tables.fill(ctx, la, start, walked);
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        let pcid = ctx.pcid();
        let Levels { first, second, passed } = self.levels(kind);
        if let Some(second) = second {
            second.fill(pcid, la, translation, translation.size, &mut Passed::new());
        }
        first.fill(pcid, la, translation, translation.size, passed);
    }

    fn prefetch(&self) -> Prefetch {
        self.prefetch
    }

    /// The translation goes into the second level, so it displaces nothing that a faster table may rely on.
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, _: PhysAddr, translation: &Translation) {
        if let Some(second) = self.levels(AccessKind::Read).second {
            second.fill(ctx.pcid(), la, translation, translation.size, &mut Passed::new());
        }
    }

    /// The page is told of as displaced, since the access may yet succeed by a walk from the root, and then nobody else tells that
    /// the first levels for other kinds of access have lost it.
    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.flush(Flush::Fault { pcid: ctx.pcid(), la });
        self.displaced.push_back(la);
    }

    fn spurious_faults(&self) -> SpuriousFaults {
        self.spurious_faults
    }

    fn store_level(&self) -> StoreLevel {
        if self.store.is_some() { StoreLevel::Own } else { StoreLevel::Shared }
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        self.displaced.pop_front()
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.flush(what.into());
    }
}

/// By itself a model without counters or a clock, which shows how a processor with these caches behaves.
impl HardwareModel for TlbHierarchy {
    const DETAIL: Detail = Detail::FilteredTlb;
}
