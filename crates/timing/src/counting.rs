//! Exact counts without a clock.
//!
//! The model sees only what its first-level TLB might not hold settled: what the host answers by itself
//! changes nothing here but the number of hits, which is not counted. [`EveryLookup`] makes the host ask for each
//! access, to show that this is true; the counts are the same.

use crate::{Counters, Side};
use arch::{Access, AccessKind, Level, LinearAddr, PageFault, PhysAddr, Pte};
use paging::tlb::{ConfigError, HierarchyConfig, Lookup, Prefetch, ServedBy, SpuriousFaults, TableRef, TlbHierarchy};
use paging::{Detail, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation, TranslationCache};
use std::marker::PhantomData;

/// How much a model is told.
pub trait Telling: std::fmt::Debug {
    /// In the terms of the plug.
    const DETAIL: Detail;
}

/// What the first level might not hold settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filtered;

/// Each access, also those that change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EveryLookup;

impl Telling for Filtered {
    const DETAIL: Detail = Detail::FilteredTlb;
}

impl Telling for EveryLookup {
    const DETAIL: Detail = Detail::EveryTranslation;
}

/// TLBs and paging-structure caches that are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counting<T = Filtered> {
    caches: TlbHierarchy,
    counters: Counters,
    /// Of the translation under way.
    side: Side,
    /// Whether a cached translation has decided it, so that its fault, if it has one, ended no walk.
    decided: bool,
    telling: PhantomData<T>,
}

impl<T: Telling> Counting<T> {
    /// Empty caches, nothing counted.
    ///
    /// # Errors
    /// What makes the configuration impossible.
    pub fn new(config: &HierarchyConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            caches: TlbHierarchy::new(config)?,
            counters: Counters::default(),
            side: Side::Load,
            decided: false,
            telling: PhantomData,
        })
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The side of the translation under way.
    pub(crate) const fn side(&self) -> Side {
        self.side
    }

    /// What the TLBs and paging-structure caches hold.
    #[must_use]
    pub const fn caches(&self) -> &TlbHierarchy {
        &self.caches
    }

    /// As [`TranslationCache::lookup`], with the level that decided the access.
    pub(crate) fn look_up(
        &mut self,
        ctx: &PagingContext,
        la: LinearAddr,
        access: Access,
    ) -> Option<(ServedBy, Translation)> {
        self.side = access.kind.into();
        let found = self.caches.look_up(ctx, la, access);
        self.decided = found != Lookup::Miss;
        match found {
            Lookup::Hit(by, translation) | Lookup::Denied(by, translation) => {
                self.counters[self.side].stlb_hit += u64::from(by == ServedBy::SecondLevel);
                Some((by, translation))
            }
            Lookup::Miss => None,
        }
    }
}

/// What of a [`TranslationCache`] takes a core no time: the caches that it counts do it, in its field `translations`.
macro_rules! without_time {
    () => {
        fn fill_tables(
            &mut self,
            ctx: &paging::PagingContext,
            la: arch::LinearAddr,
            start: Option<&paging::tlb::TableRef>,
            walked: &[paging::EntryUse],
        ) {
            self.translations.fill_tables(ctx, la, start, walked);
        }

        fn prefetch(&self) -> paging::tlb::Prefetch {
            self.translations.prefetch()
        }

        fn page_fault(&mut self, ctx: &paging::PagingContext, la: arch::LinearAddr) {
            self.translations.page_fault(ctx, la);
        }

        fn spurious_faults(&self) -> paging::tlb::SpuriousFaults {
            self.translations.spurious_faults()
        }

        fn store_level(&self) -> paging::StoreLevel {
            self.translations.store_level()
        }

        fn displaced(&mut self) -> Option<arch::LinearAddr> {
            self.translations.displaced()
        }
    };
}
pub(crate) use without_time;

impl<T: Telling> TranslationCache for Counting<T> {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.look_up(ctx, la, access).map(|(_, translation)| translation)
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        let found = self.caches.table(ctx, la);
        if let Some(from) = &found {
            self.counters.table_hits[from.cache as usize] += 1;
        }
        found
    }

    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.caches.fill_tables(ctx, la, start, walked);
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.counters[self.side].count_size(translation.size);
        self.caches.fill(ctx, la, kind, translation);
    }

    fn prefetch(&self) -> Prefetch {
        self.caches.prefetch()
    }

    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        self.counters.prefetched += 1;
        self.caches.prefetched(ctx, la, entry, translation);
    }

    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.caches.page_fault(ctx, la);
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
        match what {
            Invalidation::Page { .. } | Invalidation::Address { .. } => self.counters.page_invalidations += 1,
            Invalidation::Context(_) | Invalidation::NonGlobal | Invalidation::All => self.counters.flushes += 1,
        }
        self.caches.invalidate(what);
    }
}

impl<T: Telling> HardwareModel for Counting<T> {
    const DETAIL: Detail = T::DETAIL;

    fn walk_load(&mut self, _: LinearAddr, _: Level, _: PhysAddr, _: Pte) {
        self.counters[self.side].loads += 1;
    }

    fn walk_update(&mut self, _: LinearAddr, _: PhysAddr, _: Pte) {
        self.counters[self.side].updates += 1;
    }

    fn fault(&mut self, _: PageFault) {
        self.counters[self.side].faulted += u64::from(!self.decided);
    }

    fn retired(&mut self, instructions: u64) {
        self.counters.instructions += instructions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HardwareFile;
    use arch::{ControlRegs, Cr3, MemoryType, PageFaultCode, PageSize, PatIndex, Pfn, Privilege, ProtectionKey};
    use paging::Rights;

    /// With spurious faults a cached translation may deny an access; no walk is made then.
    #[test]
    fn a_fault_that_a_cached_translation_raises_ends_no_walk() {
        let config = HardwareFile::open("classroom").and_then(|file| file.config()).expect("a preset is sound");
        let caches = HierarchyConfig { spurious_faults: SpuriousFaults::Allowed, ..config.tlb };
        let mut model = Counting::<Filtered>::new(&caches).expect("a preset is possible");
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(0)));
        let (la, access) = (LinearAddr(0), Access::new(AccessKind::Write, Privilege::User));
        let fault = PageFault { cr2: la, code: PageFaultCode::P };

        assert_eq!(model.lookup(&ctx, la, access), None);
        model.fault(fault);
        assert_eq!(model.counters()[Side::Store].faulted, 1, "a walk was made");

        model.fill(&ctx, la, AccessKind::Read, &READ_ONLY);
        assert_eq!(model.lookup(&ctx, la, access), Some(READ_ONLY));
        model.fault(fault);
        assert_eq!(model.counters()[Side::Store].faulted, 1, "the translation was held, and no walk made");
    }

    const READ_ONLY: Translation = Translation {
        frame: Pfn(1),
        size: PageSize::Size4K,
        rights: Rights { writable: false, user: true, no_execute: false, key: ProtectionKey::of_leaf(0) },
        dirty: false,
        global: false,
        pat: PatIndex::of_leaf(0, 7),
        memory_type: MemoryType::WriteBack,
    };
}
