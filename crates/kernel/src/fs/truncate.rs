//! How long a file is, and what goes when it becomes shorter (Linux's `mm/truncate.c`).
//!
//! Invariant: what a file gains when a greater length is set reads as 0, whatever a mapping wrote beyond its end; what it
//! loses is in no cache and no shared mapping any more, and is noted for those that have private copies.

use super::inode::{Body, InodeId, PageOfFile};
use super::{FsCx, Kind, May, Vfs};
use crate::Errno;
use crate::mm::frames::Owner;
use crate::mm::reclaim;
use arch::{FRAME_SHIFT, FRAME_SIZE};

/// The largest size of a file (Linux's MAX_LFS_FILESIZE).
pub(crate) const MAX_FILE_BYTES: u64 = i64::MAX as u64;

impl Vfs {
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

    /// Keeps the bytes beyond the end of the file in its last page 0.
    fn zero_tail(&mut self, cx: &mut FsCx<'_>, inode: InodeId, size: u64) {
        let at = size % FRAME_SIZE;
        if let (true, Some(pfn)) = (at > 0, self.cached(inode, size >> FRAME_SHIFT)) {
            let zeros = [0; FRAME_SIZE as usize];
            cx.mem.write(pfn.base().wrapping_add(at), &zeros[at as usize..]);
            cx.frames.set_dirty(pfn);
        }
    }

    /// Takes the pages from `first` on out of the cache, and out of every mapping (`truncate_pagecache`).
    pub(super) fn drop_pages(&mut self, cx: &mut FsCx<'_>, inode: InodeId, first: u64) {
        let Some(contents) = self.inodes.get_mut(inode).contents() else { return };
        contents.unwritten.split_off(&first);
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
}
