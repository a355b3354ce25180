//! The models that hear of every access, as one: the core is compiled for it once, and which of them it is, is looked up at each report.

use crate::ReferenceClock;
use accesses::Recorder;
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};
use paging::tlb::{Prefetch, SpuriousFaults, TableRef};
use paging::{
    BlockId, Detail, EntryEdit, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation,
    TranslationCache,
};
use timing::{Clocked, InOrder, OutOfOrder, Timeline};
use watch::{Sanitizer, Walks};

/// A model that hears of every access.
#[derive(Debug)]
pub enum Attached {
    /// It tells the kernel layer of the pages that are used.
    References(ReferenceClock),
    /// It writes down what happens, for other models to be told.
    Recorder(Box<Recorder>),
    /// It looks for stale translations.
    Sanitizer(Box<Sanitizer>),
    /// It tells of the walks of a processor.
    Walks(Box<Walks>),
    /// A core that does one thing at a time.
    InOrder(Box<InOrder>),
    /// A core with a window.
    OutOfOrder(Box<OutOfOrder>),
}

impl Attached {
    /// The core with a clock, if it is one.
    pub fn clocked(&mut self) -> Option<&mut dyn Clocked> {
        match self {
            Self::References(_) | Self::Recorder(_) | Self::Sanitizer(_) | Self::Walks(_) => None,
            Self::InOrder(core) => Some(&mut **core),
            Self::OutOfOrder(core) => Some(&mut **core),
        }
    }

    /// What writes down what happens, if it is that.
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        match self {
            Self::Recorder(recorder) => Some(recorder),
            _ => None,
        }
    }

    /// When walks and faults were, if that was to be kept.
    #[must_use]
    pub fn timeline(&self) -> Option<&Timeline> {
        match self {
            Self::References(_) | Self::Recorder(_) | Self::Sanitizer(_) | Self::Walks(_) => None,
            Self::InOrder(core) => core.timeline(),
            Self::OutOfOrder(core) => core.timeline(),
        }
    }
}

/// Methods that ask whichever model it is.
macro_rules! forward {
    ($($(#[$inline:meta])? fn $name:ident(&mut self $(, $arg:ident: $ty:ty)*) $(-> $out:ty)?;)*) => {
        $($(#[$inline])? fn $name(&mut self $(, $arg: $ty)*) $(-> $out)? {
            match self {
                Self::References(model) => model.$name($($arg),*),
                Self::Recorder(model) => model.$name($($arg),*),
                Self::Sanitizer(model) => model.$name($($arg),*),
                Self::Walks(model) => model.$name($($arg),*),
                Self::InOrder(model) => model.$name($($arg),*),
                Self::OutOfOrder(model) => model.$name($($arg),*),
            }
        })*
    };
}

/// The same for what changes nothing.
macro_rules! forward_shared {
    ($(fn $name:ident(&self) -> $out:ty;)*) => {
        $(fn $name(&self) -> $out {
            match self {
                Self::References(model) => model.$name(),
                Self::Recorder(model) => model.$name(),
                Self::Sanitizer(model) => model.$name(),
                Self::Walks(model) => model.$name(),
                Self::InOrder(model) => model.$name(),
                Self::OutOfOrder(model) => model.$name(),
            }
        })*
    };
}

impl TranslationCache for Attached {
    forward! {
        fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation>;
        fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef>;
        fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]);
        fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation);
        fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation);
        fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr);
        fn displaced(&mut self) -> Option<LinearAddr>;
        fn invalidate(&mut self, what: Invalidation);
    }

    forward_shared! {
        fn prefetch(&self) -> Prefetch;
        fn spurious_faults(&self) -> SpuriousFaults;
        fn store_level(&self) -> StoreLevel;
    }
}

impl HardwareModel for Attached {
    const DETAIL: Detail = Detail::EveryAccess;

    forward! {
        #[inline] fn fetch(&mut self, la: LinearAddr, pa: PhysAddr);
        #[inline] fn load(&mut self, la: LinearAddr, pa: PhysAddr, size: u32);
        #[inline] fn store(&mut self, la: LinearAddr, pa: PhysAddr, size: u32);
        fn page_crossing(&mut self, la: LinearAddr);
        fn walk_load(&mut self, la: LinearAddr, level: Level, entry: PhysAddr, value: Pte);
        fn walk_update(&mut self, la: LinearAddr, entry: PhysAddr, value: Pte);
        fn looked_ahead(&mut self, entry: PhysAddr, value: Pte);
        fn fault(&mut self, fault: PageFault);
        fn context_switch(&mut self, root: PhysAddr);
        fn space(&mut self, space: SpaceId);
        fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]);
        #[inline] fn enter(&mut self, block: BlockId, la: LinearAddr);
        #[inline] fn instruction(&mut self, n: u16);
        fn left(&mut self, completed: u16);
        fn service(&mut self, service: Service, ns: u64);
        fn edited(&mut self, edit: &EntryEdit);
        fn resumed(&mut self);
        fn retired(&mut self, instructions: u64);
    }
}
