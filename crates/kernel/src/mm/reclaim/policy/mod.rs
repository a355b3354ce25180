//! Which page goes next: the policies of `--reclaim`, apart from the mechanism that takes a page out.
//!
//! Protocol. The mechanism tells a policy of each evictable page that comes ([`Policy::insert`]) and of each that is
//! freed or becomes unevictable ([`Policy::remove`]). When frames run short it asks for victims, one after the other
//! ([`Policy::select`]). A victim is in no list any more; for each of them exactly one of these follows: it has gone
//! ([`Policy::evicted`]), it could not go ([`Policy::put_back`]), or it was freed meanwhile (nothing). Pages are put back after
//! the batch that they were selected in, as a policy that is sure of its choice would choose them again at once.
//!
//! A policy keeps pages by frame number and knows nothing of entries, files or slots. What it wants to know of a page it
//! asks the mechanism ([`Pages`]). So each policy can be tested without a machine.

mod clock;
mod fifo;
mod lru;
mod lru_exact;
mod mglru;
mod name;
mod opt;
mod page_list;
mod queue;
mod random;

mod time_index;
mod two_q;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use name::{PolicyName, UnknownPolicy};

use arch::Pfn;
use std::fmt::Debug;

/// Where the content of a page goes when it is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageKind {
    /// To the swap device: anonymous and shared memory, and pages of the write layer.
    Anon,
    /// To its file, or nowhere if it is clean there. Lazily freed memory (`MADV_FREE`) is of this kind too.
    File,
}

impl PageKind {
    /// Both, in the order in which arrays are indexed by them.
    pub const ALL: [Self; 2] = [Self::Anon, Self::File];
}

/// What brought a page in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A page fault that is about to use it.
    Fault,
    /// read(), write() or readahead: no entry maps it yet.
    Cache,
}

/// How a victim went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It was clean, and is forgotten.
    Dropped,
    /// It had to be written first.
    Written,
}

/// What is remembered of an evicted page, in its swap slot's or its file's place in the page cache. Only the policy that made it
/// knows what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow(pub(crate) u64);

/// Which pages may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// Pages of both kinds.
    All,
    /// Pages of files only: no swap is left.
    FileOnly,
}

impl Candidates {
    /// The kinds of pages among them.
    pub(crate) const fn kinds(self) -> &'static [PageKind] {
        match self {
            Self::All => &PageKind::ALL,
            Self::FileOnly => &[PageKind::File],
        }
    }

    /// Whether pages of this kind may be chosen.
    pub(crate) const fn include(self, kind: PageKind) -> bool {
        matches!((self, kind), (Self::All, _) | (Self::FileOnly, PageKind::File))
    }
}

/// A point in time, counted in references: the number of those that were before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RefTime(pub u64);

/// The mechanism's side: what a policy may ask of a page.
pub trait Pages {
    /// In how many entries the accessed bit was set since this was last asked. Clears them (`folio_referenced`).
    fn referenced(&mut self, page: Pfn) -> u32;

    /// Whether a mapping that allows execution has the page (VM_EXEC).
    fn is_executable(&self, page: Pfn) -> bool;

    /// The present, on the reference clock. Asked only by policies for which [`PolicyName::wants_clock`] holds.
    fn now(&self) -> RefTime;

    /// When the page was last used, or came if it was not used since. Asked only by `lru-exact`.
    fn last_use(&self, page: Pfn) -> RefTime;

    /// When it will be used next, in the recorded references; `None` for never again. Asked only by `opt`.
    fn next_use(&self, page: Pfn) -> Option<RefTime>;
}

/// What a page is to the policy when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was not there before, or nothing is remembered of it.
    Fresh,
    /// It was evicted before (`workingset_refault`).
    Refault,
    /// It was evicted before, and so shortly that it is now treated as one in use (`workingset_activate`).
    Activated,
}

/// Which page goes next.
pub trait Policy: Debug {
    /// A page became evictable. `shadow` is what [`Self::evicted`] gave for this content, if it was here before. A page that is
    /// in a list already is moved as if it came anew.
    fn insert(&mut self, page: Pfn, kind: PageKind, arrival: Arrival, shadow: Option<Shadow>) -> Inserted;

    /// A page is freed or became unevictable. Nothing happens if it is in no list.
    fn remove(&mut self, page: Pfn);

    /// Takes the next victim out of the lists. `None` if there is none among the candidates, or a bounded scan met only pages in
    /// use.
    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn>;

    /// A selected page could not go: it was busy, or the device failed.
    fn put_back(&mut self, page: Pfn, kind: PageKind);

    /// A selected page has gone. What is returned is to be kept for when its content comes again.
    fn evicted(&mut self, page: Pfn, kind: PageKind, departure: Departure) -> Shadow;

    /// read() or write() used the page (`mark_page_accessed`). Policies that go by the order of arrival do not care, and
    /// `lru-exact` and `opt` know it from the reference clock.
    fn mark_accessed(&mut self, _page: Pfn) {}

    /// The page was said to be needed no more for a while (`MADV_COLD`, `folio_deactivate`): its accessed bits are cleared by
    /// the caller. Policies that take no hints do nothing.
    fn deactivate(&mut self, _page: Pfn) {}

    /// `/proc/sys/vm/swappiness` was set. Policies that do not tell kinds apart do nothing.
    fn set_swappiness(&mut self, _swappiness: Swappiness) {}

    /// The lengths of the lists, and what has happened so far.
    fn counts(&self) -> PolicyCounts;
}

/// How evictions are divided between the kinds: 0 spares anonymous memory, 100 treats both alike, 200 spares files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Swappiness(u8);

impl Swappiness {
    /// The largest (`vm.swappiness`).
    pub const MAX: Self = Self(200);

    /// `None` beyond 200, where Linux says EINVAL.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        if value <= Self::MAX.0 as u64 { Some(Self(value as u8)) } else { None }
    }

    /// The number, from 0 to 200.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0 as u64
    }
}

impl Default for Swappiness {
    /// Linux's.
    fn default() -> Self {
        Self(60)
    }
}

/// What a policy is told at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyConfig {
    /// How many pages there can be at once: the frames of RAM, or the limit that the policy works for.
    pub frames: u64,
    /// The seed of `random`.
    pub seed: u64,
    /// How evictions are divided between the kinds, at first.
    pub swappiness: Swappiness,
}

/// A count for each kind of page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByKind<T = u64> {
    /// Of anonymous pages.
    pub anon: T,
    /// Of pages of files.
    pub file: T,
}

impl<T> std::ops::Index<PageKind> for ByKind<T> {
    type Output = T;

    fn index(&self, kind: PageKind) -> &T {
        match kind {
            PageKind::Anon => &self.anon,
            PageKind::File => &self.file,
        }
    }
}

impl<T> std::ops::IndexMut<PageKind> for ByKind<T> {
    fn index_mut(&mut self, kind: PageKind) -> &mut T {
        match kind {
            PageKind::Anon => &mut self.anon,
            PageKind::File => &mut self.file,
        }
    }
}

/// What a policy says of itself, for `/proc/meminfo` and `/proc/vmstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounts {
    /// Pages that are candidates soon. A policy without that notion counts all pages here.
    pub inactive: ByKind,
    /// Pages that are not.
    pub active: ByKind,
    /// What has happened so far.
    pub events: Events,
}

/// What has happened in a policy's lists since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Pages that were looked at as victims (`pgscan`).
    pub scanned: ByKind,
    /// Pages that became active (`pgactivate`).
    pub activated: u64,
    /// Pages that ceased to be (`pgdeactivate`).
    pub deactivated: u64,
    /// Active pages that were looked at (`pgrefill`).
    pub refilled: u64,
    /// Pages that came again after they were evicted (`workingset_refault`).
    pub refaulted: ByKind,
    /// Those of them that became active at once (`workingset_activate`).
    pub refault_activated: ByKind,
    /// Those of these that had been active before they were evicted (`workingset_restore`).
    pub restored: ByKind,
}

impl Events {
    /// Counts a page that came, for policies to which a page that comes again is like any other.
    pub(crate) fn arrived(&mut self, kind: PageKind, shadow: Option<Shadow>) -> Inserted {
        match shadow {
            Some(_) => {
                self.refaulted[kind] += 1;
                Inserted::Refault
            }
            None => Inserted::Fresh,
        }
    }
}

/// A policy with empty lists.
#[must_use]
pub fn build(name: PolicyName, config: PolicyConfig) -> Box<dyn Policy> {
    match name {
        PolicyName::Lru => Box::new(lru::Lru::new(config)),
        PolicyName::LruExact => Box::new(lru_exact::LruExact::default()),
        PolicyName::Clock => Box::new(clock::Clock::default()),
        PolicyName::Fifo => Box::new(fifo::Fifo::default()),
        PolicyName::Random => Box::new(random::RandomPolicy::new(config.seed)),
        PolicyName::TwoQ => Box::new(two_q::TwoQ::new(config.frames)),
        PolicyName::Mglru => Box::new(mglru::Mglru::new(config)),
        PolicyName::Opt => Box::new(opt::Opt::default()),
    }
}
