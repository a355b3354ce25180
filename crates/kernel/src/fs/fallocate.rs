//! Space for a file before it is written, and holes in it (`fallocate`).
//!
//! Invariant: a page that has a frame for later writes only is in `unwritten` until somebody uses it, so that `mincore` can tell.

use super::cache::{Fill, PageError};
use super::inode::{Body, Contents, InodeId};
use super::truncate::MAX_FILE_BYTES;
use super::{FsCx, Vfs};
use crate::Errno;
use arch::{FRAME_SHIFT, FRAME_SIZE};
use std::ops::Range;

/// Pages that are read at once from a file (`read_ahead_kb` of 128).
const READAHEAD_PAGES: u64 = 32;

impl Vfs {
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

    /// Takes the bytes of a range away: they read as 0 (`fallocate` with `FALLOC_FL_PUNCH_HOLE`). Whole pages that nobody
    /// maps give their frames back.
    ///
    /// # Errors
    /// `EOPNOTSUPP` for what is no file in memory or of the layer; `ENOSPC` if no frame is left.
    pub(crate) fn punch_hole(&mut self, cx: &mut FsCx<'_>, id: InodeId, offset: u64, len: u64) -> Result<(), Errno> {
        if self.huge_page_size(id).is_some() {
            return self.punch_huge_hole(cx, id, offset, len);
        }
        if !self.is_layered(id) || !matches!(self.inodes.get(id).body, Body::Regular(_)) {
            return Err(Errno::EOPNOTSUPP);
        }
        if self.seals(id).forbid_writes() {
            return Err(Errno::EPERM);
        }
        self.touch(id)?;
        let end = offset.saturating_add(len).min(self.inodes.get(id).meta.size.next_multiple_of(FRAME_SIZE));
        for index in self.pages_with_contents(id, offset >> FRAME_SHIFT..end.div_ceil(FRAME_SIZE)) {
            let start = (index << FRAME_SHIFT).max(offset);
            self.clear_part(cx, id, start, ((index + 1) << FRAME_SHIFT).min(end) - start)?;
        }
        Ok(())
    }

    /// The pages of a range that are in memory or on the host; the rest are holes already, however many.
    fn pages_with_contents(&mut self, id: InodeId, range: Range<u64>) -> Vec<u64> {
        let Some(contents) = self.inodes.get_mut(id).contents() else { return Vec::new() };
        let on_host = range.start..range.end.min(contents.host_len.div_ceil(FRAME_SIZE));
        let not_cached = on_host.filter(|index| !contents.pages.contains_key(index));
        contents
            .pages
            .range(range.start..range.end.max(range.start))
            .map(|(index, _)| *index)
            .chain(not_cached)
            .collect()
    }

    /// Clears a part of one page.
    fn clear_part(&mut self, cx: &mut FsCx<'_>, id: InodeId, at: u64, len: u64) -> Result<(), Errno> {
        let index = at >> FRAME_SHIFT;
        let is_hole = |contents: &Contents| index << FRAME_SHIFT >= contents.host_len;
        let contents = self.inodes.get_mut(id).contents().ok_or(Errno::EOPNOTSUPP)?;
        let (hole, cached) = (is_hole(contents), contents.pages.get(&index).copied());
        match cached {
            None if hole => Ok(()),
            Some(page) if hole && len == FRAME_SIZE => {
                contents.remove_page(index);
                Self::drop_page(cx, page);
                Ok(())
            }
            _ => {
                let size = self.inodes.get(id).meta.size;
                let len = len.min(size.saturating_sub(at)) as usize;
                self.write_at(cx, id, at, &[0; FRAME_SIZE as usize][..len]).map(|_| ())
            }
        }
    }

    /// A page is used that fallocate took a frame for. A file that is not of memory alone is read ahead from there.
    pub(super) fn mark_up_to_date(&mut self, inode: InodeId, index: u64) {
        let ahead = if self.is_shmem(inode) { 1 } else { READAHEAD_PAGES };
        let Some(contents) = self.inodes.get_mut(inode).contents() else { return };
        if contents.unwritten.remove(&index) {
            (index..index + ahead).for_each(|read| _ = contents.unwritten.remove(&read));
        }
    }
}
