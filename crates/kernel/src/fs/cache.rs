//! The page cache, and reading and writing regular files through it.
//!
//! Invariant: the cache holds one reference to each of its frames; a mapping takes another. The descriptor of a frame says
//! which page of which file it is. Bytes of the last page beyond
//! the end of the file are 0. A page of a host file is filled by one `pread` when it is first needed; a page of a layered
//! file that was never written and that the host does not have is a hole and takes no frame until it is mapped. In a
//! writable mount a write goes to the host at once and to the page if there is one. `read` and `mmap` see the same frames.

use arch::{FRAME_SHIFT, FRAME_SIZE, Pfn};
use rustix::fs::OFlags;

use super::inode::{Body, InodeId, PageOfFile, Truth};
use super::{FsCx, Kind, May, Vfs};
use crate::Errno;
use crate::costs::Io;
use crate::mm::frames::{Contents as FrameContents, FrameUse, OnLru, Owner};
use crate::mm::reclaim::page_out::{self, Kept};
use crate::mm::reclaim::policy::{Arrival, Departure, Shadow};
use crate::mm::reclaim::{self, Reclaimer};
use crate::mm::swap::{SwapEntry, SwapOwner};
use arch::Service;

/// Where a page came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSource {
    /// It was in memory, or is a hole: a minor fault.
    Cache,
    /// It was read from the host's file: a major fault.
    Disk,
}

/// A page of a file in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedPage {
    /// Its frame. The caller takes a reference of its own before the next call.
    pub pfn: Pfn,
    /// Where it came from.
    pub source: PageSource,
}

/// Why a page of a file cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// It lies wholly beyond the end of the file: SIGBUS.
    BeyondEof,
    /// No frame is left.
    OutOfMemory,
    /// The host could not read the file: SIGBUS.
    Io,
}

impl From<PageError> for Errno {
    fn from(e: PageError) -> Self {
        match e {
            PageError::BeyondEof => Self::EINVAL,
            PageError::OutOfMemory => Self::ENOMEM,
            PageError::Io => Self::EIO,
        }
    }
}

/// The largest size of a file (Linux's MAX_LFS_FILESIZE).
pub(crate) const MAX_FILE_BYTES: u64 = i64::MAX as u64;

/// Pages that are read at once from a file (`read_ahead_kb` of 128).
const READAHEAD_PAGES: u64 = 32;

/// Whether a page that is not in memory must get its contents.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fill {
    Contents,
    /// The caller overwrites all of it.
    Nothing,
}

/// The part of a file's page that a transfer touches.
#[derive(Clone, Copy)]
struct Piece {
    index: u64,
    /// Offset in the page.
    at: u64,
    len: usize,
}

/// Cuts a range of a file at page boundaries.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let pos = offset + done as u64;
        let at = pos % FRAME_SIZE;
        let piece = Piece { index: pos >> FRAME_SHIFT, at, len: (len - done).min((FRAME_SIZE - at) as usize) };
        done += piece.len;
        (piece.len > 0).then_some(piece)
    })
}

impl Vfs {
    /// The frame of page `index` of a regular file, for a mapping.
    ///
    /// # Errors
    /// See [`PageError`].
    pub fn page(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64) -> Result<CachedPage, PageError> {
        if index >= self.inodes.get(inode).meta.size.div_ceil(FRAME_SIZE) {
            return Err(PageError::BeyondEof);
        }
        self.frame_and_around(cx, inode, index)
    }

    /// The frame of a page. If it had to be read, its neighbours are read too, up to `--readahead` pages in all, as far as there is
    /// memory to spare (`do_sync_mmap_readahead`, which reads around the page).
    fn frame_and_around(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64) -> Result<CachedPage, PageError> {
        let page = self.frame(cx, inode, index, Fill::Contents)?;
        let window = cx.frames.readahead;
        if page.source == PageSource::Disk && window > 1 {
            let Some(contents) = self.inodes.get_mut(inode).contents() else { return Ok(page) };
            let first = index - index % window;
            let end = (first + window).min(contents.host_len.div_ceil(FRAME_SIZE));
            let missing: Vec<u64> = (first..end).filter(|at| !contents.pages.contains_key(at)).collect();
            for neighbour in missing {
                let plenty = cx.frames.free_frames() > cx.frames.watermarks().low;
                if !plenty || self.frame(cx, inode, neighbour, Fill::Contents).is_err() {
                    break;
                }
            }
        }
        Ok(page)
    }

    /// Reads from a regular file; fewer bytes than asked for only at its end.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for other kinds, `EIO`, `ENOMEM`.
    pub fn read_at(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        if self.huge_page_size(inode).is_some() {
            return Ok(self.read_huge_file(cx, inode, offset, buf));
        }
        let file = self.inodes.get_mut(inode);
        let size = file.meta.size;
        let host_len = file.contents().ok_or(Errno::EINVAL)?.host_len;
        let len = buf.len().min(usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut done = 0;
        for piece in pieces(offset, len) {
            let out = &mut buf[done..done + piece.len];
            let is_hole = piece.index << FRAME_SHIFT >= host_len && !self.has_page(inode, piece.index);
            if is_hole {
                out.fill(0);
            } else {
                match self.frame_and_around(cx, inode, piece.index) {
                    Ok(page) => {
                        cx.mem.read(page.pfn.base().wrapping_add(piece.at), out);
                        cx.frames.touch_file_page(page.pfn);
                    }
                    Err(_) if done > 0 => break,
                    Err(e) => return Err(e.into()),
                }
            }
            done += piece.len;
        }
        Ok(done)
    }

    /// Writes to a regular file, which grows as needed; fewer bytes than asked for if space runs out.
    ///
    /// # Errors
    /// `EFBIG`, `ENOSPC`, `EIO`, and what the host says in a writable mount.
    pub(crate) fn write_at(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        offset: u64,
        bytes: &[u8],
    ) -> Result<usize, Errno> {
        if self.huge_page_size(inode).is_some() {
            return Err(Errno::EINVAL); // such a file is written through mappings only
        }
        let room = MAX_FILE_BYTES.checked_sub(offset).filter(|&room| room > 0 || bytes.is_empty());
        let room = usize::try_from(room.ok_or(Errno::EFBIG)?).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(room)];
        let done = match self.writable_place(inode) {
            Some(_) => self.write_on_host(cx, inode, offset, bytes)?,
            None if bytes.is_empty() => 0,
            None => self.write_in_layer(cx, inode, offset, bytes)?,
        };
        let meta = &mut self.inodes.get_mut(inode).meta;
        if done > 0 {
            meta.size = meta.size.max(offset + done as u64);
        }
        Ok(done)
    }

    fn write_in_layer(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let (seals, size) = (self.seals(inode), self.inodes.get(inode).meta.size);
        if seals.forbid_writes() {
            return Err(Errno::EPERM);
        }
        self.touch(inode)?;
        self.drop_set_id(inode);
        let mut done = 0;
        for piece in pieces(offset, bytes.len()) {
            if let Err(e) = seals.allow_size(size, size.max(offset + (done + piece.len) as u64)) {
                return if done > 0 { Ok(done) } else { Err(e) };
            }
            let fill = if piece.len == FRAME_SIZE as usize { Fill::Nothing } else { Fill::Contents };
            match self.frame(cx, inode, piece.index, fill) {
                Ok(page) => {
                    cx.mem.write(page.pfn.base().wrapping_add(piece.at), &bytes[done..done + piece.len]);
                    cx.frames.set_dirty(page.pfn);
                    cx.frames.touch_file_page(page.pfn);
                    done += piece.len;
                }
                Err(_) if done > 0 => break,
                Err(PageError::OutOfMemory) => return Err(Errno::ENOSPC),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(done)
    }

    fn write_on_host(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, bytes: &[u8]) -> Result<usize, Errno> {
        let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
        let writer = contents.writer.as_ref().ok_or(Errno::EBADF)?;
        let done = rustix::io::pwrite(writer, bytes, offset)?;
        contents.host_len = contents.host_len.max(offset + done as u64);
        let mut from = 0;
        for piece in pieces(offset, done) {
            if let Some(pfn) = self.cached(inode, piece.index) {
                cx.mem.write(pfn.base().wrapping_add(piece.at), &bytes[from..from + piece.len]);
            }
            from += piece.len;
        }
        Ok(done)
    }

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

    /// Sets the length of a regular file.
    pub(crate) fn set_size(&mut self, cx: &mut FsCx<'_>, inode: InodeId, size: u64) -> Result<(), Errno> {
        if size > MAX_FILE_BYTES {
            return Err(Errno::EFBIG);
        }
        if self.huge_page_size(inode).is_some() {
            return self.set_huge_size(cx, inode, size);
        }
        self.seals(inode).allow_size(self.inodes.get(inode).meta.size, size)?;
        match self.writable_place(inode) {
            Some(_) => {
                let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
                rustix::fs::ftruncate(contents.writer.as_ref().ok_or(Errno::EINVAL)?, size)?;
                contents.host_len = size;
            }
            None => {
                self.touch(inode)?;
                self.drop_set_id(inode);
                let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
                contents.host_len = contents.host_len.min(size);
            }
        }
        let old = std::mem::replace(&mut self.inodes.get_mut(inode).meta.size, size);
        self.drop_pages(cx, inode, size.div_ceil(FRAME_SIZE));
        // What a mapping wrote beyond the end is no part of the file when it grows.
        self.zero_tail(cx, inode, size.min(old));
        if size < old {
            self.truncated.push((inode, size));
        }
        Ok(())
    }

    /// The files that have become shorter since this was last asked, and how long they are: private copies of what they lost go
    /// too, which only address spaces know.
    pub(crate) fn take_truncated(&mut self) -> Vec<(InodeId, u64)> {
        std::mem::take(&mut self.truncated)
    }

    /// `truncate`: sets the length of a file that need not be open.
    pub(crate) fn truncate(&mut self, cx: &mut FsCx<'_>, inode: InodeId, size: u64) -> Result<(), Errno> {
        self.may_truncate(inode)?;
        self.inode_get(inode);
        let result = self.open_writer(inode).and_then(|()| self.set_size(cx, inode, size));
        self.inode_put(cx, inode);
        result
    }

    /// Whether it is a file whose length can be set, and this user's to set.
    pub(crate) fn may_truncate(&self, inode: InodeId) -> Result<(), Errno> {
        match self.inodes.get(inode).meta.kind {
            Kind::Regular if matches!(self.inodes.get(inode).body, Body::Regular(_) | Body::Huge(_)) => {}
            Kind::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
        self.may(inode, May::WRITE)?;
        self.may_be_written(inode)
    }

    /// `fsync`: the host's file, if writes go to one.
    pub(crate) fn sync_host_file(&mut self, cx: &mut FsCx<'_>, inode: InodeId) -> Result<(), Errno> {
        self.mark_clean(cx, inode);
        if let Some(writer) = self.inodes.get_mut(inode).contents().and_then(|c| c.writer.as_ref()) {
            rustix::fs::fsync(writer)?;
        }
        Ok(())
    }

    /// Keeps the bytes beyond the end of the file in its last page 0.
    fn zero_tail(&mut self, cx: &mut FsCx<'_>, inode: InodeId, size: u64) {
        let at = size % FRAME_SIZE;
        if let (true, Some(pfn)) = (at > 0, self.cached(inode, size >> FRAME_SHIFT)) {
            let zeros = [0; FRAME_SIZE as usize];
            cx.mem.write(pfn.base().wrapping_add(at), &zeros[at as usize..]);
            cx.frames.set_dirty(pfn);
        }
    }

    /// Takes frames for all pages of a range, so that later writes find space (`fallocate`).
    pub(crate) fn allocate(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, len: u64) -> Result<(), Errno> {
        let end = offset.checked_add(len).filter(|&end| end <= MAX_FILE_BYTES).ok_or(Errno::EFBIG)?;
        if self.writable_place(inode).is_some() {
            let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::ENODEV)?;
            let writer = contents.writer.as_ref().ok_or(Errno::EBADF)?;
            #[cfg(target_os = "linux")]
            rustix::fs::fallocate(writer, rustix::fs::FallocateFlags::KEEP_SIZE, offset, len)?;
            let _ = writer;
            return Ok(());
        }
        let size = self.inodes.get(inode).meta.size;
        self.seals(inode).allow_size(size, size.max(end))?;
        let (first, last) = (offset >> FRAME_SHIFT, end.div_ceil(FRAME_SIZE));
        if last - first > cx.frames.total() - cx.frames.in_use() {
            return Err(Errno::ENOSPC);
        }
        self.touch(inode)?;
        for index in first..last {
            let is_new = !self.has_page(inode, index);
            self.frame(cx, inode, index, Fill::Contents).map_err(|e| match e {
                PageError::OutOfMemory => Errno::ENOSPC,
                other => other.into(),
            })?;
            if let (true, Some(contents)) = (is_new, self.inodes.get_mut(inode).contents()) {
                contents.unwritten.insert(index);
            }
        }
        Ok(())
    }

    /// A page is used that fallocate took a frame for. A file that is not of memory alone is read ahead from there.
    fn mark_up_to_date(&mut self, inode: InodeId, index: u64) {
        let ahead = if self.is_shmem(inode) { 1 } else { READAHEAD_PAGES };
        let Some(contents) = self.inodes.get_mut(inode).contents() else { return };
        if contents.unwritten.remove(&index) {
            (index..index + ahead).for_each(|read| _ = contents.unwritten.remove(&read));
        }
    }

    /// The frame of a page, if it is in memory.
    fn cached(&self, inode: InodeId, index: u64) -> Option<Pfn> {
        match &self.inodes.get(inode).body {
            Body::Regular(contents) => contents.pages.get(&index).copied().and_then(PageOfFile::frame),
            _ => None,
        }
    }

    /// All pages of files that are in memory or on the swap device, for whoever checks.
    pub(crate) fn all_cached_pages(&self) -> impl Iterator<Item = (InodeId, u64, PageOfFile)> {
        self.inodes.iter_with_ids().flat_map(|(id, inode)| {
            let pages = match &inode.body {
                Body::Regular(contents) => Some(&contents.pages),
                _ => None,
            };
            pages.into_iter().flatten().map(move |(index, page)| (id, *index, *page))
        })
    }

    /// True if the page is in memory or on the swap device.
    fn has_page(&self, inode: InodeId, index: u64) -> bool {
        matches!(&self.inodes.get(inode).body, Body::Regular(contents) if contents.pages.contains_key(&index))
    }

    /// The frame of a page, brought in if need be.
    fn frame(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64, fill: Fill) -> Result<CachedPage, PageError> {
        let contents = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?;
        let host_len = contents.host_len;
        match contents.pages.get(&index) {
            Some(&PageOfFile::Frame(pfn)) => {
                self.mark_up_to_date(inode, index);
                return Ok(CachedPage { pfn, source: PageSource::Cache });
            }
            Some(&PageOfFile::Swapped(swapped)) => return self.swap_in(cx, inode, index, swapped),
            None => {}
        }
        let start = index << FRAME_SHIFT;
        let from_host = fill == Fill::Contents && start < host_len;
        let mut page = [0; FRAME_SIZE as usize];
        if from_host {
            let len = (host_len - start).min(FRAME_SIZE) as usize;
            self.read_from_host(inode, start, &mut page[..len]).map_err(|_| PageError::Io)?;
            cx.frames.stat.pgpgin += 4;
            cx.frames.meter.transfer(Io::DiskRead, inode.ino(), index);
        }
        let (pfn, frame) = self.new_frame(cx, inode).ok_or(PageError::OutOfMemory)?;
        if from_host {
            cx.mem.write(pfn.base(), &page);
        } else if fill == Fill::Contents {
            cx.frames.meter.charge(Service::ZeroPage);
            if frame == FrameContents::Stale {
                cx.mem.zero_frame(pfn);
            }
        }
        self.add_to_page_cache(cx, inode, index, pfn)?;
        Ok(CachedPage { pfn, source: if from_host { PageSource::Disk } else { PageSource::Cache } })
    }

    /// The frame is the page from now on (`filemap_add_folio`).
    fn add_to_page_cache(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64, pfn: Pfn) -> Result<(), PageError> {
        let contents = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?;
        contents.pages.insert(index, PageOfFile::Frame(pfn));
        contents.unwritten.remove(&index);
        let shadow = contents.shadows.remove(&index);
        cx.frames.set_owner(pfn, Owner::File { inode, index });
        cx.frames.lru_add(pfn, OnLru::Node, Arrival::Cache, shadow);
        Ok(())
    }

    /// A page of the write layer or of shared memory comes back from the swap device (`shmem_swapin_folio`).
    fn swap_in(
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
        let shadow = cx.frames.swap.table.shadow(swapped).map(Shadow);
        let _slot = cx.frames.swap.table.swap_free(swapped);
        cx.frames.set_dirty(pfn);
        let contents = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?;
        contents.shadows.extend(shadow.map(|shadow| (index, shadow)));
        self.add_to_page_cache(cx, inode, index, pfn)?;
        Ok(CachedPage { pfn, source: PageSource::Disk })
    }

    /// A frame for the page cache; if none is free, pages that are not needed give theirs.
    fn new_frame(&mut self, cx: &mut FsCx<'_>, inode: InodeId) -> Option<(Pfn, FrameContents)> {
        let usage = if self.is_shmem(inode) { FrameUse::Shmem } else { FrameUse::File };
        loop {
            if let Some(frame) = cx.frames.alloc(usage) {
                return Some(frame);
            }
            if reclaim::shrink(cx, self, reclaim::SWAP_CLUSTER_MAX, Reclaimer::Direct) == 0 {
                return None;
            }
        }
    }

    /// Takes a page that no entry maps any more out of the cache, for reclaim: what only memory has is written first.
    pub(crate) fn page_out(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64, lists: OnLru) -> Result<(), Kept> {
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
                contents.pages.remove(&index);
                contents.shadows.extend(shadow.map(|shadow| (index, shadow)));
            }
        }
        cx.frames.set_owner(pfn, Owner::None);
        cx.frames.put(pfn);
        Ok(())
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

    /// Takes the pages from `first` on out of the cache, and out of every mapping (`truncate_pagecache`).
    pub(super) fn drop_pages(&mut self, cx: &mut FsCx<'_>, inode: InodeId, first: u64) {
        let Some(contents) = self.inodes.get_mut(inode).contents() else { return };
        contents.shadows.split_off(&first);
        for (_, page) in contents.pages.split_off(&first) {
            Self::drop_page(cx, page);
        }
    }

    /// A page that is in the cache no more leaves every mapping and is free.
    pub(super) fn drop_page(cx: &mut FsCx<'_>, page: PageOfFile) {
        match page {
            PageOfFile::Frame(pfn) => {
                reclaim::unmap::try_to_unmap(cx.mem, cx.frames, pfn);
                cx.frames.set_owner(pfn, Owner::None);
                cx.frames.put(pfn);
            }
            PageOfFile::Swapped(swapped) => {
                let _slot = cx.frames.swap.table.swap_free(swapped);
            }
        }
    }

    /// Reads from the host's file; what the file has lost meanwhile stays as `buf` was.
    fn read_from_host(&mut self, inode: InodeId, offset: u64, buf: &mut [u8]) -> Result<(), Errno> {
        self.open_reader(inode)?;
        let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EIO)?;
        let reader = contents.reader.as_ref().ok_or(Errno::EIO)?;
        let mut done = 0;
        while done < buf.len() {
            match rustix::io::pread(reader, &mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Opens the host's file for reading, if there is one and it is not open yet.
    pub(super) fn open_reader(&mut self, inode: InodeId) -> Result<(), Errno> {
        let Some((tree, path)) = self.host_place(inode) else { return Ok(()) };
        let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
        if contents.reader.is_none() {
            contents.reader = Some(tree.open_file(&path, OFlags::RDONLY)?);
        }
        Ok(())
    }

    /// Opens the host's file for writing, if its mount is writable.
    pub(super) fn open_writer(&mut self, inode: InodeId) -> Result<(), Errno> {
        let Some((tree, path)) = self.writable_place(inode) else { return Ok(()) };
        let contents = self.inodes.get_mut(inode).contents().ok_or(Errno::EINVAL)?;
        if contents.writer.is_none() {
            contents.writer = Some(tree.open_file(&path, OFlags::WRONLY)?);
        }
        Ok(())
    }
}
