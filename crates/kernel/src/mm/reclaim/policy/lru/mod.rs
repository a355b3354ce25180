//! Linux's lists: pages in use are active, the others inactive, and the inactive ones go, oldest first, with a second chance for
//! those that were used meanwhile (mm/vmscan.c).
//!
//! - A page comes inactive. If it is found used once more while it is inactive, it becomes active (`folio_check_references`). So what is
//!   used only once does not push out what is used often.
//! - When too few pages are inactive, the oldest of the active ones become so, used or not; pages of programs in use stay
//!   (`shrink_active_list`).
//! - How many pages of each kind are looked at depends on swappiness and on what the reclaim of each kind has cost
//!   ([`balance`], `get_scan_count`).
//! - A page that comes again sooner than the active pages are used becomes active at once ([`workingset`]).
//!
//! The policy does not see which pages are dirty: Linux spares a dirty page of a file that was used through read() once.

mod balance;
mod workingset;

use super::page_list::{ListId, PageLists};
use super::{
    Arrival, ByKind, Candidates, Departure, Events, Inserted, PageKind, Pages, Policy, PolicyConfig, PolicyCounts,
    Shadow, Swappiness,
};
use crate::mm::reclaim::side_array::SideArray;
use arch::Pfn;
use balance::{Balance, Effort, Sizes};
use workingset::{Refault, Workingset};

/// Pages that one step looks at (`SWAP_CLUSTER_MAX`).
const SWAP_CLUSTER_MAX: u64 = 32;

/// Linux's `enum lru_list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LruList {
    InactiveAnon = 0,
    ActiveAnon = 1,
    InactiveFile = 2,
    ActiveFile = 3,
}

impl LruList {
    const COUNT: u8 = 4;

    const fn inactive(kind: PageKind) -> Self {
        match kind {
            PageKind::Anon => Self::InactiveAnon,
            PageKind::File => Self::InactiveFile,
        }
    }

    const fn active(kind: PageKind) -> Self {
        match kind {
            PageKind::Anon => Self::ActiveAnon,
            PageKind::File => Self::ActiveFile,
        }
    }

    const fn id(self) -> ListId {
        ListId(self as u8)
    }

    const fn of(id: ListId) -> (PageKind, bool) {
        let kind = if id.0 < 2 { PageKind::Anon } else { PageKind::File };
        (kind, id.0 % 2 == 1)
    }
}

/// The page flags of Linux that reclaim goes by.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// PG_referenced: it was found used, or was read or written, once.
    referenced: bool,
    /// PG_workingset: it was active, and ceased to be.
    workingset: bool,
}

/// What becomes of an inactive page that is looked at (`enum folio_references`).
enum Verdict {
    Reclaim,
    Keep,
    Activate,
}

/// The policy `lru`.
#[derive(Debug)]
pub(super) struct Lru {
    lists: PageLists<Flags>,
    /// The flags of pages that were selected, until it is known whether they go.
    isolated: SideArray<Flags>,
    balance: Balance,
    workingset: Workingset,
    events: Events,
}

impl Lru {
    pub(super) fn new(config: PolicyConfig) -> Self {
        Self {
            lists: PageLists::new(LruList::COUNT),
            isolated: SideArray::default(),
            balance: Balance::new(config.swappiness),
            workingset: Workingset::default(),
            events: Events::default(),
        }
    }

    fn sizes(&self) -> Sizes {
        let len = |list: LruList| self.lists.len(list.id());
        Sizes {
            inactive: ByKind { anon: len(LruList::InactiveAnon), file: len(LruList::InactiveFile) },
            active: ByKind { anon: len(LruList::ActiveAnon), file: len(LruList::ActiveFile) },
        }
    }

    fn activate(&mut self, page: Pfn, kind: PageKind, flags: Flags) {
        self.lists.push_head(LruList::active(kind).id(), page, flags);
        self.events.activated += 1;
        self.workingset.age();
    }

    /// Makes some of the oldest active pages inactive (`shrink_active_list`).
    fn shrink_active(&mut self, pages: &mut dyn Pages, kind: PageKind) {
        let active = LruList::active(kind).id();
        for _ in 0..SWAP_CLUSTER_MAX {
            let Some(page) = self.lists.tail(active) else { return };
            let flags = self.lists.data(page);
            self.lists.remove(page);
            self.events.refilled += 1;
            let used = pages.referenced(page) > 0;
            if used && kind == PageKind::File && pages.is_executable(page) {
                self.lists.push_head(active, page, flags);
                self.balance.note_rotated(kind, self.sizes());
            } else {
                self.lists.push_head(LruList::inactive(kind).id(), page, Flags { workingset: true, ..flags });
                self.events.deactivated += 1;
            }
        }
    }

    /// Looks at the oldest inactive page of a kind; gives it if it can go, in no list any more.
    fn shrink_inactive(&mut self, pages: &mut dyn Pages, kind: PageKind) -> Option<Pfn> {
        let inactive = LruList::inactive(kind).id();
        let page = self.lists.tail(inactive)?;
        let (_, mut flags) = self.lists.remove(page)?;
        self.events.scanned[kind] += 1;
        match check_references(pages, page, kind, &mut flags) {
            Verdict::Reclaim => {
                *self.isolated.get_mut(page) = flags;
                return Some(page);
            }
            Verdict::Keep => self.lists.push_head(inactive, page, flags),
            Verdict::Activate => self.activate(page, kind, flags),
        }
        self.balance.note_rotated(kind, self.sizes());
        None
    }

    /// One step of a scan.
    fn step(&mut self, pages: &mut dyn Pages, from: Candidates, effort: Effort) -> Option<Pfn> {
        let sizes = self.sizes();
        let choice = self.balance.next_kind(sizes, from, effort, self.workingset.activations())?;
        // Active anonymous pages age even while only files are looked at.
        if choice.is_new && from.include(PageKind::Anon) && sizes.inactive_is_low(PageKind::Anon) {
            self.shrink_active(pages, PageKind::Anon);
        }
        if self.sizes().inactive_is_low(choice.kind) {
            self.shrink_active(pages, choice.kind);
        }
        self.shrink_inactive(pages, choice.kind)
    }
}

/// `folio_check_references`: what was used twice while it was inactive is in use; so is a program's text used once, since
/// it is shared and slow to get back.
fn check_references(pages: &mut dyn Pages, page: Pfn, kind: PageKind, flags: &mut Flags) -> Verdict {
    let entries = pages.referenced(page);
    let was_referenced = std::mem::take(&mut flags.referenced);
    if entries == 0 {
        return Verdict::Reclaim;
    }
    flags.referenced = true;
    let is_text = kind == PageKind::File && pages.is_executable(page);
    if was_referenced || entries > 1 || is_text { Verdict::Activate } else { Verdict::Keep }
}

impl Policy for Lru {
    fn insert(&mut self, page: Pfn, kind: PageKind, _: Arrival, shadow: Option<Shadow>) -> Inserted {
        self.remove(page);
        let inserted = self.events.arrived(kind, shadow);
        let refault = shadow.map(|shadow| self.workingset.refault(shadow, kind, self.sizes()));
        let Some(Refault::Close { was_active }) = refault else {
            self.lists.push_head(LruList::inactive(kind).id(), page, Flags::default());
            return inserted;
        };
        self.activate(page, kind, Flags { workingset: was_active, ..Flags::default() });
        self.events.refault_activated[kind] += 1;
        if was_active {
            self.events.restored[kind] += 1;
            self.balance.note_io(kind, self.sizes());
        }
        Inserted::Activated
    }

    fn remove(&mut self, page: Pfn) {
        self.lists.remove(page);
        self.isolated.take(page);
    }

    /// First as swappiness and costs say. If all that this comes upon is in use, both kinds alike, as Linux does at its last priority.
    fn select(&mut self, pages: &mut dyn Pages, from: Candidates) -> Option<Pfn> {
        self.workingset.reclaims_from(from);
        [Effort::Balanced, Effort::Equal].into_iter().find_map(|effort| {
            // A page that may go is at most made inactive, kept once and then taken.
            let sizes = self.sizes();
            let candidates: u64 = from.kinds().iter().map(|&kind| sizes.of_kind(kind)).sum();
            let steps = if candidates == 0 { 0 } else { 2 * candidates + SWAP_CLUSTER_MAX };
            (0..steps).find_map(|_| self.step(pages, from, effort))
        })
    }

    fn put_back(&mut self, page: Pfn, kind: PageKind) {
        let flags = self.isolated.take(page);
        self.lists.remove(page);
        self.lists.push_head(LruList::inactive(kind).id(), page, flags);
    }

    fn evicted(&mut self, page: Pfn, kind: PageKind, departure: Departure) -> Shadow {
        if departure == Departure::Written {
            self.balance.note_io(kind, self.sizes());
        }
        let flags = self.isolated.take(page);
        self.workingset.evicted(flags.workingset)
    }

    /// `folio_mark_accessed`: the first time it is noted, the second makes an inactive page active.
    fn mark_accessed(&mut self, page: Pfn) {
        let Some(flags) = self.lists.data_mut(page) else { return };
        if !std::mem::replace(&mut flags.referenced, true) {
            return;
        }
        let flags = Flags { referenced: false, ..*flags };
        if let Some((kind, false)) = self.lists.list_of(page).map(LruList::of) {
            self.lists.remove(page);
            self.activate(page, kind, flags);
        }
    }

    /// A page that is inactive stays where it is (`lru_deactivate`).
    fn deactivate(&mut self, page: Pfn) {
        let Some(flags) = self.lists.data_mut(page) else { return };
        flags.referenced = false;
        let flags = *flags;
        if let Some((kind, true)) = self.lists.list_of(page).map(LruList::of) {
            self.lists.remove(page);
            self.lists.push_head(LruList::inactive(kind).id(), page, flags);
            self.events.deactivated += 1;
        }
    }

    fn set_swappiness(&mut self, swappiness: Swappiness) {
        self.balance.swappiness = swappiness;
    }

    fn counts(&self) -> PolicyCounts {
        let Sizes { inactive, active } = self.sizes();
        PolicyCounts { inactive, active, events: self.events }
    }
}
