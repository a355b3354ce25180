//! Files of large pages: behind `MAP_HUGETLB`, memfd with `MFD_HUGETLB`, SysV segments with `SHM_HUGETLB` (Linux's
//! `fs/hugetlbfs/inode.c`). None has a name: the file system is the kernel's own and mounted nowhere.
//!
//! Invariant: a page that the file has is in use in its pool, and its first frame says which page of which file it is. A
//! page that was promised to a shared mapping of the file and that it does not have yet is in `reserved`; a promise lasts
//! until the page comes or the file is cut before it.

use super::inode::{Body, InodeId};
use super::seals::Seals;
use super::{FsCx, New, OpenFileId, OpenFlags, Vfs};
use crate::Errno;
use crate::mm::frames::Owner;
use crate::mm::hugetlb::{OutOfPool, Promise, frames_of, unmap_huge_page, zero_huge_page};
use arch::{FRAME_SIZE, PageSize, Pfn};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What is in such a file.
#[derive(Debug)]
pub(super) struct HugeFile {
    /// The size of its pages.
    pub(super) size: PageSize,
    /// The pages that it has, by their first frames.
    pages: BTreeMap<u64, Pfn>,
    /// The pages that it is promised.
    reserved: BTreeSet<u64>,
    pub(super) seals: Seals,
}

impl HugeFile {
    /// An empty one.
    pub(super) fn new(size: PageSize) -> Self {
        Self { size, pages: BTreeMap::new(), reserved: BTreeSet::new(), seals: Seals::default() }
    }

    /// Pages that it has, as so many of 4 KiB.
    pub(super) fn frames(&self) -> u64 {
        self.pages.len() as u64 * frames_of(self.size)
    }
}

impl Vfs {
    /// A file of large pages without a name, of this length, with one reference (Linux's function of the same name). Nothing
    /// is promised yet.
    ///
    /// # Errors
    /// `ENOSPC` if the layer's budget is used up.
    pub(crate) fn hugetlb_file_setup(&mut self, name: &[u8], page: PageSize, len: u64) -> Result<InodeId, Errno> {
        let id = self.new_huge_file(name, page)?;
        let inode = self.inodes.get_mut(id);
        (inode.meta.size, inode.refs) = (len, 1);
        Ok(id)
    }

    /// An open file of large pages without a name (`memfd_create` with `MFD_HUGETLB`).
    pub(crate) fn open_huge_memory_file(&mut self, name: &[u8], page: PageSize) -> Result<OpenFileId, Errno> {
        let id = self.new_huge_file(&[b"memfd:", name].concat(), page)?;
        self.open_inode(id, OpenFlags::RDWR)
    }

    fn new_huge_file(&mut self, name: &[u8], page: PageSize) -> Result<InodeId, Errno> {
        let root = self.hugetlbfs_root()?;
        let id = self.new_inode(root, New::File, 0o777)?;
        let inode = self.inodes.get_mut(id);
        (inode.name, inode.body) = (name.to_vec(), Body::Huge(HugeFile::new(page)));
        Ok(id)
    }

    fn huge_file(&self, id: InodeId) -> Option<&HugeFile> {
        match &self.inodes.get(id).body {
            Body::Huge(file) => Some(file),
            _ => None,
        }
    }

    fn huge_file_mut(&mut self, id: InodeId) -> &mut HugeFile {
        match &mut self.inodes.get_mut(id).body {
            Body::Huge(file) => file,
            _ => unreachable!("the caller knows that it is a file of large pages"),
        }
    }

    /// The size of the pages of a file of large pages; `None` for any other.
    pub(crate) fn huge_page_size(&self, id: InodeId) -> Option<PageSize> {
        self.huge_file(id).map(|file| file.size)
    }

    /// A page of a file of large pages, if it has it.
    pub(crate) fn huge_page(&self, id: InodeId, index: u64) -> Option<Pfn> {
        self.huge_file(id)?.pages.get(&index).copied()
    }

    /// Gives a file of large pages a page that it does not have, of zeros (`hugetlb_add_to_page_cache`).
    pub(crate) fn new_huge_page(&mut self, cx: &mut FsCx<'_>, id: InodeId, index: u64) -> Result<Pfn, OutOfPool> {
        let file = self.huge_file_mut(id);
        let (size, is_promised) = (file.size, file.reserved.contains(&index));
        let promise = if is_promised { Promise::Kept } else { Promise::None };
        let page = cx.frames.alloc_hugetlb(size, promise)?;
        file.reserved.remove(&index);
        file.pages.insert(index, page.0);
        zero_huge_page(cx.mem, cx.frames, size, page);
        cx.frames.set_owner(page.0, Owner::File { inode: id, index });
        self.settle_blocks(id);
        Ok(page.0)
    }

    /// Promises a file the pages of a range that it neither has nor is promised (`hugetlb_reserve_pages`).
    pub(crate) fn reserve_huge_pages(
        &mut self,
        cx: &mut FsCx<'_>,
        id: InodeId,
        offset: u64,
        len: u64,
    ) -> Result<(), OutOfPool> {
        let file = self.huge_file_mut(id);
        let range = offset >> file.size.shift()..(offset + len) >> file.size.shift();
        let known = file.pages.range(range.clone()).count() + file.reserved.range(range.clone()).count();
        cx.frames.reserve_hugetlb(file.size, range.end - range.start - known as u64)?;
        // As many as were just promised, and those that are known: the pool bounds both.
        let missing: Vec<u64> = range.filter(|index| !file.pages.contains_key(index)).collect();
        file.reserved.extend(missing);
        Ok(())
    }

    /// What can be written through a mapping is within the file.
    pub(crate) fn extend_huge_file(&mut self, id: InodeId, end: u64) {
        let meta = &mut self.inodes.get_mut(id).meta;
        meta.size = meta.size.max(end);
    }

    /// Reads from a file of large pages: what it does not have is 0 (`hugetlbfs_read_iter`).
    pub(super) fn read_huge_file(&mut self, cx: &mut FsCx<'_>, id: InodeId, offset: u64, buf: &mut [u8]) -> usize {
        let left = self.inodes.get(id).meta.size.saturating_sub(offset);
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let size = self.huge_file_mut(id).size;
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let within = at & size.offset_mask();
            let part = (len - done).min((FRAME_SIZE - at % FRAME_SIZE) as usize);
            let out = &mut buf[done..done + part];
            match self.huge_page(id, at >> size.shift()) {
                Some(head) => cx.mem.read(head.base().wrapping_add(within), out),
                None => out.fill(0),
            }
            done += part;
        }
        len
    }

    /// Sets the length of a file of large pages (`hugetlb_vmtruncate`).
    pub(super) fn set_huge_size(&mut self, cx: &mut FsCx<'_>, id: InodeId, size: u64) -> Result<(), Errno> {
        let file = self.huge_file_mut(id);
        if size & file.size.offset_mask() != 0 {
            return Err(Errno::EINVAL);
        }
        let first = size >> file.size.shift();
        self.seals(id).allow_size(self.inodes.get(id).meta.size, size)?;
        let old = std::mem::replace(&mut self.touch(id)?.meta.size, size);
        if size < old {
            self.truncated.push((id, size));
        }
        self.remove_huge_pages(cx, id, first..u64::MAX);
        Ok(())
    }

    /// Makes a hole: whole pages go, of others the bytes become 0 (`hugetlbfs_punch_hole`).
    pub(super) fn punch_huge_hole(
        &mut self,
        cx: &mut FsCx<'_>,
        id: InodeId,
        offset: u64,
        len: u64,
    ) -> Result<(), Errno> {
        if self.seals(id).forbid_writes() {
            return Err(Errno::EPERM);
        }
        let page = self.huge_file_mut(id).size;
        let end = offset.saturating_add(len);
        let whole = offset.div_ceil(page.bytes())..end >> page.shift();
        if whole.start <= whole.end {
            self.clear_huge_part(cx, id, offset..end.min(whole.start << page.shift()));
            self.clear_huge_part(cx, id, offset.max(whole.end << page.shift())..end);
            self.remove_huge_pages(cx, id, whole);
        } else {
            self.clear_huge_part(cx, id, offset..end);
        }
        self.touch(id)?;
        Ok(())
    }

    /// Clears a part of one page, if the file has it.
    fn clear_huge_part(&mut self, cx: &mut FsCx<'_>, id: InodeId, bytes: Range<u64>) {
        const ZEROS: [u8; FRAME_SIZE as usize] = [0; FRAME_SIZE as usize];
        let size = self.huge_file_mut(id).size;
        let end = bytes.end.min(self.inodes.get(id).meta.size);
        let Some(head) = self.huge_page(id, bytes.start >> size.shift()) else { return };
        let mut at = bytes.start;
        while at < end {
            let part = (end - at).min(FRAME_SIZE - at % FRAME_SIZE);
            cx.mem.write(head.base().wrapping_add(at & size.offset_mask()), &ZEROS[..part as usize]);
            at += part;
        }
    }

    /// Gives a file the pages of a range, and makes it as long (`hugetlbfs_fallocate`). What was had when the pool was empty
    /// stays.
    pub(crate) fn allocate_huge(
        &mut self,
        cx: &mut FsCx<'_>,
        id: InodeId,
        (offset, len): (u64, u64),
        keep_size: KeepSize,
    ) -> Result<(), Errno> {
        let end = offset.checked_add(len).filter(|end| *end <= i64::MAX as u64).ok_or(Errno::EFBIG)?;
        let (page, size) = (self.huge_file_mut(id).size, self.inodes.get(id).meta.size);
        self.seals(id).allow_size(size, size.max(end))?;
        for index in offset >> page.shift()..end.div_ceil(page.bytes()) {
            if self.huge_page(id, index).is_none() {
                self.new_huge_page(cx, id, index).map_err(|OutOfPool| Errno::ENOSPC)?;
            }
        }
        if keep_size == KeepSize::No {
            self.extend_huge_file(id, end);
        }
        self.touch_attributes(id)?;
        Ok(())
    }

    /// Takes pages from a file, and promises (`remove_inode_hugepages`, `hugetlb_unreserve_pages`).
    pub(super) fn remove_huge_pages(&mut self, cx: &mut FsCx<'_>, id: InodeId, range: Range<u64>) {
        let Body::Huge(file) = &mut self.inodes.get_mut(id).body else { return };
        let size = file.size;
        let gone: Vec<(u64, Pfn)> = file.pages.range(range.clone()).map(|(index, head)| (*index, *head)).collect();
        let reserved: Vec<u64> = file.reserved.range(range).copied().collect();
        gone.iter().for_each(|(index, _)| _ = file.pages.remove(index));
        reserved.iter().for_each(|index| _ = file.reserved.remove(index));
        for (_, head) in gone {
            unmap_huge_page(cx.mem, cx.frames, head, None);
            cx.frames.set_owner(head, Owner::None);
            cx.frames.free_hugetlb(size, head, Promise::None);
        }
        cx.frames.unreserve_hugetlb(size, reserved.len() as u64);
        self.settle_blocks(id);
    }

    /// Blocks of 512 bytes, as `stat` shows them.
    fn settle_blocks(&mut self, id: InodeId) {
        let file = self.huge_file_mut(id);
        let blocks = file.frames() * (FRAME_SIZE / 512);
        self.inodes.get_mut(id).meta.blocks = blocks;
    }

    /// The pages of all files of large pages: whose, of which size, at which index, their first frames; for whoever checks.
    pub(crate) fn all_huge_pages(&self) -> impl Iterator<Item = (InodeId, PageSize, u64, Pfn)> {
        let pages = |(id, file): (InodeId, &HugeFile)| {
            let size = file.size;
            file.pages.iter().map(move |(index, head)| (id, size, *index, *head)).collect::<Vec<_>>()
        };
        self.all_huge_files().flat_map(pages)
    }

    /// How many pages each of them is promised, for whoever checks.
    pub(crate) fn all_huge_promises(&self) -> impl Iterator<Item = (PageSize, u64)> {
        self.all_huge_files().map(|(_, file)| (file.size, file.reserved.len() as u64))
    }

    fn all_huge_files(&self) -> impl Iterator<Item = (InodeId, &HugeFile)> {
        self.inodes.iter_with_ids().filter_map(|(id, inode)| match &inode.body {
            Body::Huge(file) => Some((id, file)),
            _ => None,
        })
    }
}

/// Whether `fallocate` leaves the length of the file (`FALLOC_FL_KEEP_SIZE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeepSize {
    Yes,
    No,
}
