//! One victim leaves memory (Linux's `shrink_folio_list`, `pageout`).
//!
//! ```text
//! of a large page ..................................... split; its first 4 KiB go, the rest wait in the lists
//! anonymous, lazily freed and not written since ...... dropped
//! anonymous, on the swap device and not written since . dropped; its slot has it
//! anonymous ........................................... written to a slot
//! page of a file, clean ............................... dropped; the file has it
//! page of a file in a writable mount, dirty ........... written to the file
//! page that no file has (shared memory, write layer) .. written to a slot, which takes its place in the page cache
//! ```

use super::policy::{Departure, PageKind};
use super::unmap;
use crate::fs::{FsCx, Vfs};
use crate::mm::frames::{FrameUse, Huge, LazyFree, OnLru, Owner};
use crate::mm::huge_memory;
use crate::mm::swap::{SwapEntry, SwapOwner};
use arch::Pfn;
use event::{Departed, Event, Kinds, PageClass, PageOut, Reclaimer};

/// Why a victim could not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Somebody works on it.
    Busy,
    /// It is locked in memory.
    Unevictable,
    /// It needs a slot, and there is none.
    NoSwap,
    /// The device or the host failed.
    Failed,
}

/// Takes a page, which is in no list any more, out of memory.
pub(super) fn page_out(
    cx: &mut FsCx<'_>,
    vfs: &mut Vfs,
    pfn: Pfn,
    (lists, by): (OnLru, Reclaimer),
) -> Result<(), Kept> {
    if !cx.frames.events.wants(Kinds::PAGE_OUT) {
        return unmap_and_drop(cx, vfs, pfn, lists).map(drop);
    }
    let place = cx.frames.rmap.slots(pfn).next().map(|slot| cx.frames.entry_place(slot));
    let file = match cx.frames.get(pfn).owner {
        Owner::File { inode, index } => {
            // Nobody may have mapped it, so it may have been named in no event before.
            cx.frames.events.name(inode.file_id(), vfs.inode_name(inode));
            Some((inode.file_id(), index))
        }
        _ => None,
    };
    let class = match cx.frames.page_kind(pfn) {
        PageKind::Anon => PageClass::Anon,
        PageKind::File => PageClass::File,
    };
    let departed = match unmap_and_drop(cx, vfs, pfn, lists)? {
        Departure::Dropped => Departed::Dropped,
        Departure::Written => Departed::Written,
    };
    let place = place.map(|(mm, la)| (mm.space(), la));
    cx.frames.events.push(Event::PageOut(PageOut { place, file, frame: pfn, class, by, departed }));
    Ok(())
}

fn unmap_and_drop(cx: &mut FsCx<'_>, vfs: &mut Vfs, pfn: Pfn, lists: OnLru) -> Result<Departure, Kept> {
    let frame = cx.frames.get(pfn);
    if frame.pins() > 0 {
        return Err(Kept::Busy);
    }
    if unmap::is_locked(cx.mem, cx.frames, pfn) {
        return Err(Kept::Unevictable);
    }
    if frame.huge == Huge::Head {
        huge_memory::split_huge_page(cx.mem, cx.frames, pfn);
    }
    match (frame.usage, frame.owner) {
        (FrameUse::Anon, _) => page_out_anon(cx, pfn, lists),
        (_, Owner::File { inode, index }) => {
            unmap::try_to_unmap(cx.mem, cx.frames, pfn);
            vfs.page_out(cx, inode, index, lists)
        }
        (usage, owner) => unreachable!("a frame in the lists is anonymous or a file's, not {usage:?} of {owner:?}"),
    }
}

fn page_out_anon(cx: &mut FsCx<'_>, pfn: Pfn, lists: OnLru) -> Result<Departure, Kept> {
    let written = unmap::is_dirty_in_entries(cx.mem, cx.frames, pfn);
    let frame = cx.frames.get(pfn);
    if frame.lazyfree && !written && !frame.dirty {
        return drop_lazyfree(cx, pfn, lists);
    }
    cx.frames.set_lazyfree(pfn, LazyFree::No);
    let (entry, is_new) = match frame.owner {
        Owner::SwapCache(entry) => (entry, false),
        _ => (add_to_swap(cx, pfn, SwapOwner::Anon)?, true),
    };
    let departure = if is_new || written || frame.dirty { Departure::Written } else { Departure::Dropped };
    if departure == Departure::Written {
        if write_to_swap(cx, pfn, entry).is_err() {
            cx.frames.set_dirty(pfn);
            if is_new {
                leave_swap_cache(cx, pfn, entry, None);
            }
            return Err(Kept::Failed);
        }
        cx.frames.clear_dirty(pfn);
    }
    unmap::try_to_swap(cx.mem, cx.frames, pfn, entry);
    let shadow = cx.frames.evicted(pfn, lists, departure);
    leave_swap_cache(cx, pfn, entry, shadow.map(|shadow| shadow.0));
    Ok(departure)
}

fn drop_lazyfree(cx: &mut FsCx<'_>, pfn: Pfn, lists: OnLru) -> Result<Departure, Kept> {
    cx.frames.get_ref(pfn);
    unmap::try_to_unmap(cx.mem, cx.frames, pfn);
    let _nothing_will_come_again = cx.frames.evicted(pfn, lists, Departure::Dropped);
    cx.frames.stat.pglazyfreed += 1;
    if let Owner::SwapCache(entry) = cx.frames.get(pfn).owner {
        leave_swap_cache(cx, pfn, entry, None);
    }
    cx.frames.put(pfn);
    Ok(Departure::Dropped)
}

/// Takes a slot for a page, which is in the swap cache from now on.
pub(crate) fn add_to_swap(cx: &mut FsCx<'_>, pfn: Pfn, owner: SwapOwner) -> Result<SwapEntry, Kept> {
    let entry = cx.frames.swap.table.alloc(pfn, owner).map_err(|_| Kept::NoSwap)?;
    cx.frames.get_ref(pfn);
    if owner == SwapOwner::Anon {
        cx.frames.set_owner(pfn, Owner::SwapCache(entry));
    }
    Ok(entry)
}

/// The frame leaves the swap cache, and is free if that was its last reference.
pub(crate) fn leave_swap_cache(cx: &mut FsCx<'_>, pfn: Pfn, entry: SwapEntry, shadow: Option<u64>) {
    let _slot = cx.frames.swap.table.delete_from_swap_cache(entry, shadow);
    if cx.frames.get(pfn).owner == Owner::SwapCache(entry) {
        cx.frames.set_owner(pfn, Owner::None);
    }
    cx.frames.put(pfn);
}

/// Copies a page to its slot (`swap_writepage`).
pub(crate) fn write_to_swap(cx: &mut FsCx<'_>, pfn: Pfn, entry: SwapEntry) -> Result<(), paging::SwapError> {
    let frames = &mut *cx.frames;
    frames.swap.write_page(&mut frames.meter, entry, cx.mem, pfn)?;
    frames.stat.pswpout += 1;
    frames.tell_of_swap(Event::SwapWrite, entry);
    Ok(())
}
