//! What a policy may ask of the pages, answered from the entries that map them.

use super::AgingFlush;
use super::policy::{Pages, RefTime};
use super::references::SharedReferences;
use crate::mm::frames::FrameTable;
use arch::{Pfn, Pte, Service, Site};
use paging::{PhysMem, Shootdown};

/// The pages, as a policy sees them.
pub(super) struct View<'a> {
    pub(super) mem: &'a mut dyn PhysMem,
    pub(super) frames: &'a mut FrameTable,
}

impl Pages for View<'_> {
    fn referenced(&mut self, page: Pfn) -> u32 {
        test_and_clear_accessed(self.mem, self.frames, page)
    }

    fn is_executable(&self, page: Pfn) -> bool {
        self.frames.rmap.slots(page).any(|slot| !Pte(self.mem.load_entry(slot)).no_execute())
    }

    fn now(&self) -> RefTime {
        self.frames.references.as_ref().map(SharedReferences::now).unwrap_or_default()
    }

    fn last_use(&self, page: Pfn) -> RefTime {
        self.frames.references.as_ref().map(|clock| clock.last_use(page)).unwrap_or_default()
    }

    fn next_use(&self, page: Pfn) -> Option<RefTime> {
        self.frames.references.as_ref()?.next_use(self.frames.page_keys(page))
    }
}

/// In how many entries A was set; clears it there (`folio_referenced`). With eager ageing the translations that hold A
/// go too, so that the next use sets it again whatever the processor had cached; with lazy ageing they stay, as on Linux.
pub(super) fn test_and_clear_accessed(mem: &mut dyn PhysMem, frames: &mut FrameTable, page: Pfn) -> u32 {
    let mut referenced = 0;
    let mut stale = Shootdown::none();
    for slot in frames.rmap.slots(page).collect::<Vec<_>>() {
        frames.meter.charge(Service::ScanEntry);
        let mut pte = Pte(mem.load_entry(slot));
        if pte.present() && pte.accessed() {
            pte.set_accessed(false);
            mem.edit_entry(slot, pte.0, Site::caller());
            referenced += 1;
            stale.merge(Shootdown::page(frames.entry_place(slot).1));
        }
    }
    if frames.aging == AgingFlush::Eager {
        frames.pending.merge(stale);
    }
    referenced
}
