//! Taking a page out of every page table that has it (Linux's `try_to_unmap`).

use crate::mm::frames::FrameTable;
use crate::mm::{pte, rss::RssKind, swap};
use arch::{Pfn, PhysAddr, Pte, Site};
use paging::{PhysMem, Shootdown};
use swap::{SwapEntry, pte_swp_mkexclusive};

/// Software's bit 9 of an entry: its mapping is locked in memory, see [`pte`].
pub(super) fn is_locked(mem: &dyn PhysMem, frames: &FrameTable, pfn: Pfn) -> bool {
    frames.rmap.slots(pfn).any(|slot| pte::is_locked(Pte(mem.load_entry(slot))))
}

/// True if an entry has written to the page and this was not told to its descriptor yet.
pub(crate) fn is_dirty_in_entries(mem: &dyn PhysMem, frames: &FrameTable, pfn: Pfn) -> bool {
    frames.rmap.slots(pfn).any(|slot| Pte(mem.load_entry(slot)).dirty())
}

/// Empties every entry that maps a page of a file; its next use faults it in again. What entries have written is
/// remembered in the descriptor.
pub(crate) fn try_to_unmap(mem: &mut dyn PhysMem, frames: &mut FrameTable, pfn: Pfn) {
    if is_dirty_in_entries(mem, frames, pfn) {
        frames.set_dirty(pfn);
    }
    for slot in slots(frames, pfn) {
        replace(mem, frames, pfn, slot, Pte(0));
    }
}

/// Puts the swap entry into every entry that maps an anonymous page. The slot counts them.
pub(super) fn try_to_swap(mem: &mut dyn PhysMem, frames: &mut FrameTable, pfn: Pfn, entry: SwapEntry) {
    let exclusive = frames.get(pfn).anon_exclusive;
    let swapped = if exclusive { pte_swp_mkexclusive(entry.to_pte()) } else { entry.to_pte() };
    for slot in slots(frames, pfn) {
        frames.swap.table.swap_duplicate(entry).expect("a frame has fewer entries than a slot can count");
        replace(mem, frames, pfn, slot, swapped);
        frames.rss_of(slot).inc(RssKind::Swap);
    }
}

fn slots(frames: &FrameTable, pfn: Pfn) -> Vec<PhysAddr> {
    frames.rmap.slots(pfn).collect()
}

/// Replaces an entry that maps the frame by one that does not.
fn replace(mem: &mut dyn PhysMem, frames: &mut FrameTable, pfn: Pfn, slot: PhysAddr, new: Pte) {
    let old = Pte(mem.load_entry(slot));
    mem.edit_entry(slot, new.0, Site::caller());
    if old.present() {
        let (_, la) = frames.entry_place(slot);
        frames.pending.merge(Shootdown::page(la));
    }
    frames.unmap(pfn, slot);
}
