//! The plug for a model of the translation hardware.
//!
//! A host (our core, or another emulator) reports what happens; a model keeps caches, counters and clocks. A model never
//! changes what the program computes: all it can do to a translation is to remember one for as long as the processor may.
//!
//! A host reports no more than [`HardwareModel::DETAIL`] asks for, so that the empty model costs nothing.

use crate::tlb::{Prefetch, SpuriousFaults, TableRef};
use crate::{EntryEdit, EntryUse, Invalidation, PagingContext, Translation};
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};

/// How much a model needs to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing: a functional run.
    Functional,
    /// Translations that its first-level TLB might not hold settled: in such a way that a use changes nothing.
    FilteredTlb,
    /// Every access, and translations as above.
    EveryAccess,
    /// Every access with its translation, also where that changes nothing: to show that filtered runs give the same.
    EveryTranslation,
}

/// A decoded block, as the host numbers them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(pub u32);

/// The first level that stores go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreLevel {
    /// The loads'.
    Shared,
    /// One of their own.
    Own,
}

/// Cached translations, as the architecture allows them (SDM "Caching Translation Information").
pub trait TranslationCache {
    /// A cached translation that decides `access` at `la`, if one is held: the access goes through it, or faults if its
    /// rights deny it (MMU-185). One with D=0 does not decide a write (MMU-183).
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation>;

    /// The deepest cached table on the way to `la`, where a walk may begin (MMU-198).
    fn table(&mut self, _ctx: &PagingContext, _la: LinearAddr) -> Option<TableRef> {
        None
    }

    /// Takes what a walk for `la` has just read, from `start` or the root down, once its A and D are set: the entries above
    /// the last, which is the leaf or what ended the walk, may be cached (MMU-196, MMU-197).
    fn fill_tables(&mut self, _ctx: &PagingContext, _la: LinearAddr, _start: Option<&TableRef>, _walked: &[EntryUse]) {}

    /// Takes a translation that a walk has just made.
    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation);

    /// Whether the processor looks at the entry behind the one that a walk has just used, unasked.
    fn prefetch(&self) -> Prefetch {
        Prefetch::None
    }

    /// Takes what that entry, which is at `entry`, gives: a translation of the page at `la` for which nothing had to be set.
    fn prefetched(&mut self, _ctx: &PagingContext, _la: LinearAddr, _entry: PhysAddr, _translation: &Translation) {}

    /// An access to `la` faulted: drops what is held of its page, and the tables on the way to it (MMU-204).
    fn page_fault(&mut self, _ctx: &PagingContext, _la: LinearAddr) {}

    /// Whether what is cached may make an access fault that the tables by now allow (MMU-185).
    fn spurious_faults(&self) -> SpuriousFaults {
        SpuriousFaults::Never
    }

    /// Whether stores have a first level of their own: then a faster table in front may answer a store only for what a store
    /// has brought, and a load for what a load has.
    fn store_level(&self) -> StoreLevel {
        StoreLevel::Shared
    }

    /// A page whose first-level entry was displaced by a lookup, a fill or a fault, or is no longer settled, or for which the first level
    /// has no room at all, and that was not yet told of. A faster table in front holds nothing but settled entries of the first
    /// level, whose use changes nothing, so its slots for that page must go too, and the access that led to this gives it none.
    fn displaced(&mut self) -> Option<LinearAddr>;

    /// Drops what an invalidation covers.
    fn invalidate(&mut self, what: Invalidation);
}

/// What a host reports to a model of the hardware. The default of each report does nothing.
pub trait HardwareModel: TranslationCache {
    /// What the host has to report.
    const DETAIL: Detail;

    /// Instructions are fetched from the page of `la`, which is at `pa`, until the next such report. It may come again for the
    /// same page.
    fn fetch(&mut self, _la: LinearAddr, _pa: PhysAddr) {}
    /// `size` bytes were read; pieces of a page-crossing access come one by one.
    fn load(&mut self, _la: LinearAddr, _pa: PhysAddr, _size: u32) {}
    /// `size` bytes were written.
    fn store(&mut self, _la: LinearAddr, _pa: PhysAddr, _size: u32) {}
    /// The access that is about to be made crosses a page; this is its first byte.
    fn page_crossing(&mut self, _la: LinearAddr) {}
    /// A walk read the paging entry at `entry`, which is of this level, for an access to `la`, and found `value`; an entry of 4
    /// bytes is zero-extended.
    fn walk_load(&mut self, _la: LinearAddr, _level: Level, _entry: PhysAddr, _value: Pte) {}
    /// A walk set A or D in the paging entry at `entry`, which holds `value` now.
    fn walk_update(&mut self, _la: LinearAddr, _entry: PhysAddr, _value: Pte) {}
    /// The entry behind the one that a walk has used was looked at, because of [`TranslationCache::prefetch`], and found to hold
    /// `value`; told of before [`TranslationCache::prefetched`], and also where the entry gives no translation.
    fn looked_ahead(&mut self, _entry: PhysAddr, _value: Pte) {}
    /// A translation failed.
    fn fault(&mut self, _fault: PageFault) {}
    /// Instructions run in this address space from now on. Told of before CR3 is loaded, which may hold a root that an earlier
    /// address space has had. A host with one address space says nothing.
    fn space(&mut self, _space: SpaceId) {}
    /// CR3 was loaded.
    fn context_switch(&mut self, _root: PhysAddr) {}
    /// A block was decoded from the frame at `frame`. Its number stood for another until now, or for none.
    fn block(&mut self, _block: BlockId, _frame: PhysAddr, _instructions: &[InstrInfo]) {}
    /// A block begins to execute; its first instruction is at `la`. All instructions of the block before have retired, unless
    /// [`Self::left`] has said otherwise. From [`Detail::EveryAccess`] on, as the next two.
    fn enter(&mut self, _block: BlockId, _la: LinearAddr) {}
    /// Instruction `n` of the block begins, from 0: the accesses from now on are its, or those of the next ones, which are not
    /// told of where they make none.
    fn instruction(&mut self, _n: u16) {}
    /// The block was left after so many instructions.
    fn left(&mut self, _completed: u16) {}
    /// The kernel layer has spent so many nanoseconds on a service, for the instruction that entered it last.
    fn service(&mut self, _service: Service, _ns: u64) {}
    /// The kernel layer has changed a paging entry since instructions ran last. Told of before the invalidations that follow from
    /// it, and only by a host whose memory watches entries.
    fn edited(&mut self, _edit: &EntryEdit) {}
    /// The kernel layer has done what it was entered for, and instructions run again. Told of after its services.
    fn resumed(&mut self) {}
    /// So many instructions have retired since the last report.
    fn retired(&mut self, _instructions: u64) {}
}

/// The empty model: no caches beyond the host's own, no counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModel;

impl TranslationCache for NoModel {
    fn lookup(&mut self, _: &PagingContext, _: LinearAddr, _: Access) -> Option<Translation> {
        None
    }

    fn fill(&mut self, _: &PagingContext, _: LinearAddr, _: AccessKind, _: &Translation) {}

    fn displaced(&mut self) -> Option<LinearAddr> {
        None
    }

    fn invalidate(&mut self, _: Invalidation) {}
}

impl HardwareModel for NoModel {
    const DETAIL: Detail = Detail::Functional;
}
