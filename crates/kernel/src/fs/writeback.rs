//! Pages of files leave memory, and come back: written to the host's file or to the swap device, or dropped.
//!
//! Invariant: a page goes only when no entry maps it, and what memory alone has is written first: to the host's file in a
//! writable mount, else to a slot, which then stands for the page in the cache.

use super::cache::{CachedPage, PageError, PageSource};
use super::inode::{Body, InodeId, PageOfFile, Truth};
use super::{FsCx, Vfs};
use crate::Errno;
use crate::mm::frames::{OnLru, Owner};
use crate::mm::reclaim::page_out::{self, Kept};
use crate::mm::reclaim::policy::{Departure, Shadow};
use crate::mm::swap::{SwapEntry, SwapOwner};
use arch::{FRAME_SHIFT, FRAME_SIZE, Pfn};
use event::Event;

impl Vfs {
    /// Writes a cached page that a shared mapping has changed to the host's file, if its mount is writable.
    ///
    /// # Errors
    /// What the host says.
    pub fn write_back(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64) -> Result<(), Errno> {
        let Some(pfn) = self.cached(inode, index) else { return Ok(()) };
        if self.writable_place(inode).is_none() {
            cx.frames.set_dirty(pfn);
            return Ok(());
        }
        let file = self.inodes.get_mut(inode);
        let len = file.meta.size.saturating_sub(index << FRAME_SHIFT).min(FRAME_SIZE) as usize;
        let mut page = [0; FRAME_SIZE as usize];
        cx.mem.read(pfn.base(), &mut page[..len]);
        let contents = file.contents().ok_or(Errno::EINVAL)?;
        let writer = contents.writer.as_ref().ok_or(Errno::EBADF)?;
        rustix::io::pwrite(writer, &page[..len], index << FRAME_SHIFT)?;
        cx.frames.clear_dirty(pfn);
        cx.frames.stat.pgpgout += 4;
        Ok(())
    }

    /// `fsync`: the host's file, if writes go to one.
    pub(crate) fn sync_host_file(&mut self, cx: &mut FsCx<'_>, inode: InodeId) -> Result<(), Errno> {
        self.mark_clean(cx, inode);
        if let Some(writer) = self.inodes.get_mut(inode).contents().and_then(|c| c.writer.as_ref()) {
            rustix::fs::fsync(writer)?;
        }
        Ok(())
    }

    /// The pages of a file are as its disk has them; what is of memory alone has none.
    fn mark_clean(&mut self, cx: &mut FsCx<'_>, id: InodeId) {
        if self.is_shmem(id) {
            return;
        }
        if let Body::Regular(contents) = &self.inodes.get(id).body {
            contents.pages.values().filter_map(|page| page.frame()).for_each(|pfn| cx.frames.set_synced(pfn));
        }
    }

    /// Takes a page that no entry maps any more out of the cache, for reclaim: what only memory has is written first.
    pub(crate) fn page_out(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        index: u64,
        lists: OnLru,
    ) -> Result<Departure, Kept> {
        let pfn = self.cached(inode, index).expect("the frame says that it is this page");
        let mut departure = Departure::Dropped;
        let mut place = None;
        if cx.frames.get(pfn).dirty {
            departure = Departure::Written;
            match self.writable_place(inode) {
                Some(_) => self.write_back(cx, inode, index).map_err(|_| Kept::Failed)?,
                None => place = Some(self.swap_out(cx, pfn)?),
            }
        }
        let shadow = cx.frames.evicted(pfn, lists, departure);
        let Some(contents) = self.inodes.get_mut(inode).contents() else { return Err(Kept::Failed) };
        match place {
            Some(swapped) => {
                contents.pages.insert(index, PageOfFile::Swapped(swapped));
                let _slot = cx.frames.swap.table.delete_from_swap_cache(swapped, shadow.map(|shadow| shadow.0));
            }
            None => {
                contents.remove_page(index);
                contents.shadows.extend(shadow.map(|shadow| (index, shadow)));
            }
        }
        cx.frames.set_owner(pfn, Owner::None);
        cx.frames.put(pfn);
        Ok(departure)
    }

    /// Writes a page to a slot, which counts the page cache from now on.
    fn swap_out(&mut self, cx: &mut FsCx<'_>, pfn: Pfn) -> Result<SwapEntry, Kept> {
        let swapped = cx.frames.swap.table.alloc(pfn, SwapOwner::Shmem).map_err(|_| Kept::NoSwap)?;
        if page_out::write_to_swap(cx, pfn, swapped).is_err() {
            let _slot = cx.frames.swap.table.delete_from_swap_cache(swapped, None);
            return Err(Kept::Failed);
        }
        cx.frames.swap.table.swap_duplicate(swapped).expect("a new slot counts nobody");
        Ok(swapped)
    }

    /// A page of the write layer or of shared memory comes back from the swap device (`shmem_swapin_folio`).
    pub(super) fn swap_in(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        index: u64,
        swapped: SwapEntry,
    ) -> Result<CachedPage, PageError> {
        let (pfn, _) = self.new_frame(cx, inode).ok_or(PageError::OutOfMemory)?;
        let frames = &mut *cx.frames;
        if frames.swap.read_page(&mut frames.meter, swapped, cx.mem, pfn).is_err() {
            frames.put(pfn);
            return Err(PageError::Io);
        }
        cx.frames.stat.pswpin += 1;
        cx.frames.tell_of_swap(Event::SwapRead, swapped);
        let shadow = cx.frames.swap.table.shadow(swapped).map(Shadow);
        let _slot = cx.frames.swap.table.swap_free(swapped);
        cx.frames.set_dirty(pfn);
        let contents = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?;
        contents.shadows.extend(shadow.map(|shadow| (index, shadow)));
        self.add_to_page_cache(cx, inode, index, pfn)?;
        Ok(CachedPage { pfn, source: PageSource::Disk })
    }

    /// Frees the frames of all pages that can be read from the host again and that nobody maps (`drop_caches`). Returns how
    /// many.
    pub fn drop_clean_pages(&mut self, cx: &mut FsCx<'_>) -> u64 {
        let mut dropped = 0;
        for inode in self.inodes.iter_mut().filter(|i| i.truth == Truth::Host) {
            let Some(contents) = inode.contents() else { continue };
            contents.pages.retain(|_, page| {
                let Some(pfn) = page.frame() else { return true };
                let frame = cx.frames.get(pfn);
                let is_used = frame.refs > 1 || frame.dirty;
                if !is_used {
                    cx.frames.set_owner(pfn, Owner::None);
                    cx.frames.put(pfn);
                    dropped += 1;
                }
                is_used
            });
        }
        dropped
    }
}
