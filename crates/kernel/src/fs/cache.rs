//! The page cache: the frames of regular files, and how their pages come into memory.
//!
//! Invariant: the cache holds one reference to each of its frames; a mapping takes another. The descriptor of a frame says
//! which page of which file it is. A page of a host file is filled by one `pread` when it is first needed; a page of a layered
//! file that was never written and that the host does not have is a hole and takes no frame until it is mapped.
//!
//! Transfers are in `read_write`, the end of a file in `truncate`, pages that leave memory in `writeback`.

use arch::{FRAME_SHIFT, FRAME_SIZE, Pfn, Service};
use rustix::fs::OFlags;

use super::inode::{Body, InodeId, PageOfFile};
use super::{FsCx, Vfs};
use crate::Errno;
use crate::costs::Io;
use crate::mm::frames::{Contents as FrameContents, FrameUse, OnLru, Owner};
use crate::mm::reclaim::policy::Arrival;
use crate::mm::reclaim::{self, Reclaimer};

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

/// Whether a page that is not in memory must get its contents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Contents,
    /// The caller overwrites all of it.
    Nothing,
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
    pub(super) fn frame_and_around(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        index: u64,
    ) -> Result<CachedPage, PageError> {
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

    /// The frame of a page, if it is in memory.
    pub(super) fn cached(&self, inode: InodeId, index: u64) -> Option<Pfn> {
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
    pub(super) fn has_page(&self, inode: InodeId, index: u64) -> bool {
        matches!(&self.inodes.get(inode).body, Body::Regular(contents) if contents.pages.contains_key(&index))
    }

    /// The frame of a page, brought in if need be.
    pub(super) fn frame(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        index: u64,
        fill: Fill,
    ) -> Result<CachedPage, PageError> {
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
    pub(super) fn add_to_page_cache(
        &mut self,
        cx: &mut FsCx<'_>,
        inode: InodeId,
        index: u64,
        pfn: Pfn,
    ) -> Result<(), PageError> {
        let contents = self.inodes.get_mut(inode).contents().ok_or(PageError::Io)?;
        contents.pages.insert(index, PageOfFile::Frame(pfn));
        contents.unwritten.remove(&index);
        let shadow = contents.shadows.remove(&index);
        cx.frames.set_owner(pfn, Owner::File { inode, index });
        cx.frames.lru_add(pfn, OnLru::Node, Arrival::Cache, shadow);
        Ok(())
    }

    /// A frame for the page cache; if none is free, pages that are not needed give theirs.
    pub(super) fn new_frame(&mut self, cx: &mut FsCx<'_>, inode: InodeId) -> Option<(Pfn, FrameContents)> {
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
