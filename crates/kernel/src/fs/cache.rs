//! The page cache, and reading and writing regular files through it.
//!
//! Invariant: the cache holds one reference to each of its frames; a mapping takes another. Bytes of the last page beyond
//! the end of the file are 0. A page of a host file is filled by one `pread` when it is first needed; a page of a layered
//! file that was never written and that the host does not have is a hole and takes no frame until it is mapped. In a
//! writable mount a write goes to the host at once and to the page if there is one. `read` and `mmap` see the same frames.

use arch::{FRAME_SHIFT, FRAME_SIZE, Pfn};
use rustix::fs::OFlags;

use super::inode::{Body, InodeId, Truth};
use super::{FsCx, Kind, May, Vfs};
use crate::Errno;
use crate::mm::frames::{Contents as FrameContents, FrameUse};

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
const MAX_FILE_BYTES: u64 = i64::MAX as u64;

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
        self.frame(cx, inode, index, Fill::Contents)
    }

    /// Reads from a regular file; fewer bytes than asked for only at its end.
    ///
    /// # Errors
    /// `EISDIR`, `EINVAL` for other kinds, `EIO`, `ENOMEM`.
    pub fn read_at(&mut self, cx: &mut FsCx<'_>, inode: InodeId, offset: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        let file = self.inodes.get_mut(inode);
        let size = file.meta.size;
        let host_len = file.contents().ok_or(Errno::EINVAL)?.host_len;
        let len = buf.len().min(usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut done = 0;
        for piece in pieces(offset, len) {
            let out = &mut buf[done..done + piece.len];
            let is_hole = piece.index << FRAME_SHIFT >= host_len && self.cached(inode, piece.index).is_none();
            if is_hole {
                out.fill(0);
            } else {
                match self.frame(cx, inode, piece.index, Fill::Contents) {
                    Ok(page) => cx.mem.read(page.pfn.base().wrapping_add(piece.at), out),
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
        self.touch(inode)?;
        self.drop_set_id(inode);
        let mut done = 0;
        for piece in pieces(offset, bytes.len()) {
            let fill = if piece.len == FRAME_SIZE as usize { Fill::Nothing } else { Fill::Contents };
            match self.frame(cx, inode, piece.index, fill) {
                Ok(page) => {
                    cx.mem.write(page.pfn.base().wrapping_add(piece.at), &bytes[done..done + piece.len]);
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
        let (Some(pfn), Some(_)) = (self.cached(inode, index), self.writable_place(inode)) else { return Ok(()) };
        let file = self.inodes.get_mut(inode);
        let len = file.meta.size.saturating_sub(index << FRAME_SHIFT).min(FRAME_SIZE) as usize;
        let mut page = [0; FRAME_SIZE as usize];
        cx.mem.read(pfn.base(), &mut page[..len]);
        let contents = file.contents().ok_or(Errno::EINVAL)?;
        let writer = contents.writer.as_ref().ok_or(Errno::EBADF)?;
        rustix::io::pwrite(writer, &page[..len], index << FRAME_SHIFT)?;
        Ok(())
    }

    /// Sets the length of a regular file.
    pub(crate) fn set_size(&mut self, cx: &mut FsCx<'_>, inode: InodeId, size: u64) -> Result<(), Errno> {
        if size > MAX_FILE_BYTES {
            return Err(Errno::EFBIG);
        }
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
        self.inodes.get_mut(inode).meta.size = size;
        self.drop_pages(cx, inode, size.div_ceil(FRAME_SIZE));
        self.zero_tail(cx, inode, size);
        Ok(())
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
            Kind::Regular if matches!(self.inodes.get(inode).body, Body::Regular(_)) => {}
            Kind::Directory => return Err(Errno::EISDIR),
            _ => return Err(Errno::EINVAL),
        }
        self.may(inode, May::WRITE)?;
        self.may_be_written(inode)
    }

    /// `fsync`: the host's file, if writes go to one.
    pub(crate) fn sync_host_file(&mut self, inode: InodeId) -> Result<(), Errno> {
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
        let (first, last) = (offset >> FRAME_SHIFT, end.div_ceil(FRAME_SIZE));
        if last - first > cx.frames.total() - cx.frames.in_use() {
            return Err(Errno::ENOSPC);
        }
        self.touch(inode)?;
        for index in first..last {
            self.frame(cx, inode, index, Fill::Contents).map_err(|e| match e {
                PageError::OutOfMemory => Errno::ENOSPC,
                other => other.into(),
            })?;
        }
        Ok(())
    }

    /// The frame of a page, if it is in memory.
    fn cached(&self, inode: InodeId, index: u64) -> Option<Pfn> {
        match &self.inodes.get(inode).body {
            Body::Regular(contents) => contents.pages.get(&index).copied(),
            _ => None,
        }
    }

    /// The frame of a page, brought in if need be.
    fn frame(&mut self, cx: &mut FsCx<'_>, inode: InodeId, index: u64, fill: Fill) -> Result<CachedPage, PageError> {
        if let Some(pfn) = self.cached(inode, index) {
            return Ok(CachedPage { pfn, source: PageSource::Cache });
        }
        let start = index << FRAME_SHIFT;
        let host_len = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?.host_len;
        let from_host = fill == Fill::Contents && start < host_len;
        let mut page = [0; FRAME_SIZE as usize];
        if from_host {
            let len = (host_len - start).min(FRAME_SIZE) as usize;
            self.read_from_host(inode, start, &mut page[..len]).map_err(|_| PageError::Io)?;
        }
        let (pfn, frame) = self.new_frame(cx).ok_or(PageError::OutOfMemory)?;
        if from_host {
            cx.mem.write(pfn.base(), &page);
        } else if fill == Fill::Contents && frame == FrameContents::Stale {
            cx.mem.zero_frame(pfn);
        }
        self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?.pages.insert(index, pfn);
        Ok(CachedPage { pfn, source: if from_host { PageSource::Disk } else { PageSource::Cache } })
    }

    /// A frame for the page cache; if none is free, clean pages that nobody maps give theirs.
    fn new_frame(&mut self, cx: &mut FsCx<'_>) -> Option<(Pfn, FrameContents)> {
        if let Some(frame) = cx.frames.alloc(FrameUse::File) {
            return Some(frame);
        }
        self.drop_clean_pages(cx);
        cx.frames.alloc(FrameUse::File)
    }

    /// Frees the frames of all pages that can be read from the host again and that nobody maps. Returns how many.
    pub fn drop_clean_pages(&mut self, cx: &mut FsCx<'_>) -> u64 {
        let mut dropped = 0;
        for inode in self.inodes.iter_mut().filter(|i| i.truth == Truth::Host) {
            let Some(contents) = inode.contents() else { continue };
            contents.pages.retain(|_, &mut pfn| {
                let is_used = cx.frames.get(pfn).refs > 1;
                if !is_used {
                    cx.frames.put(pfn);
                    dropped += 1;
                }
                is_used
            });
        }
        dropped
    }

    /// Takes the pages from `first` on out of the cache.
    pub(super) fn drop_pages(&mut self, cx: &mut FsCx<'_>, inode: InodeId, first: u64) {
        if let Some(contents) = self.inodes.get_mut(inode).contents() {
            for (_, pfn) in contents.pages.split_off(&first) {
                cx.frames.put(pfn);
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
