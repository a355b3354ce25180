//! Mappings of large pages: how they begin and end, and what calls do with them (Linux's `hugetlb_reserve_pages`,
//! `__unmap_hugepage_range`, `copy_hugetlb_page_range`, `move_hugetlb_page_tables`, `hugetlb_change_protection`).

use super::pool::{OutOfPool, Promise};
use super::{level_of, map_entry, unmap_entry};
use crate::Errno;
use crate::fs::InodeId;
use crate::mm::frames::{FrameTable, Owner};
use crate::mm::pgtable::{Entry, OutOfFrames};
use crate::mm::pte;
use crate::mm::vma::Vma;
use crate::mm::{FileMode, MapFlags, MapSource, Mm, MmCx, Prot, VmFlags};
use arch::Service;
use arch::{Level, LinearAddr, PageSize, PhysAddr, Pte};
use paging::Shootdown;

/// Where the size is in the flags of mmap, memfd_create and shmget, as its logarithm (`MAP_HUGE_SHIFT`).
const HUGE_SHIFT: u32 = 26;
/// That many bits.
const HUGE_MASK: u64 = 0x3f;

/// The size that the flags of a call ask for (`hstate_sizelog`); `None` if there are no such pages.
pub(crate) const fn huge_page_size(flags: u64) -> Option<PageSize> {
    match flags >> HUGE_SHIFT & HUGE_MASK {
        0 | 21 => Some(PageSize::Size2M),
        30 => Some(PageSize::Size1G),
        _ => None,
    }
}

impl MapFlags {
    /// The flags with the size of large pages that a file has.
    pub(in crate::mm) const fn with_huge_size(self, size: PageSize) -> Self {
        let rest = self.difference(Self::from_bits_retain(HUGE_MASK << HUGE_SHIFT));
        rest.union(Self::HUGETLB).union(Self::from_bits_retain((size.shift() as u64) << HUGE_SHIFT))
    }

    /// The multiple at which a mapping with these flags begins.
    pub(in crate::mm) fn alignment(self) -> u64 {
        let size = if self.contains(Self::HUGETLB) { huge_page_size(self.bits()) } else { None };
        size.unwrap_or(PageSize::Size4K).bytes()
    }
}

impl VmFlags {
    /// What a mapping of large pages has beside its rights (`hugetlbfs_file_mmap`).
    pub(in crate::mm) const fn of_huge_size(size: PageSize) -> Self {
        let huge = Self::HUGETLB.union(Self::DONTEXPAND);
        if matches!(size, PageSize::Size1G) { huge.union(Self::HUGETLB_1G) } else { huge }
    }
}

impl FrameTable {
    /// The size of the page that the entry at `slot` may map.
    pub(in crate::mm) fn size_of_entry(&self, slot: PhysAddr) -> PageSize {
        match self.get(slot.pfn()).owner {
            Owner::Table { level: Level::Pdpt, .. } => PageSize::Size1G,
            Owner::Table { level: Level::Pd, .. } => PageSize::Size2M,
            _ => PageSize::Size4K,
        }
    }
}

impl Mm {
    /// Promises the pages of a new mapping of a file of large pages, unless it is told not to, and lets the file be as long as
    /// what can be written of it. Gives the flags that the mapping has then.
    ///
    /// # Errors
    /// `EINVAL` for a place in the file that is no multiple of its pages; `ENOMEM` if the pool is too small.
    pub(in crate::mm) fn hugetlb_file_mmap(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): (LinearAddr, LinearAddr),
        flags: VmFlags,
        (inode, offset): (InodeId, u64),
    ) -> Result<VmFlags, Errno> {
        let size = cx.vfs.huge_page_size(inode).ok_or(Errno::EINVAL)?;
        let end_in_file = offset.checked_add(end.0 - start.0).filter(|end| *end <= i64::MAX as u64);
        if offset & size.offset_mask() != 0 || end_in_file.is_none() {
            return Err(Errno::EINVAL);
        }
        let (len, mut flags) = (end.0 - start.0, flags);
        let no_memory = |OutOfPool| Errno::ENOMEM;
        if flags.contains(VmFlags::NORESERVE) {
            // Each fault sees what there is.
        } else if flags.contains(VmFlags::MAYSHARE) {
            let (mut fs, vfs) = cx.fs();
            vfs.reserve_huge_pages(&mut fs, inode, offset, len).map_err(no_memory)?;
        } else {
            cx.frames.reserve_hugetlb(size, len >> size.shift()).map_err(no_memory)?;
            self.promised.extend((0..len >> size.shift()).map(|page| start.wrapping_add(page << size.shift())));
            flags |= VmFlags::RESV_OWNER;
        }
        if flags.contains(VmFlags::WRITE) {
            cx.vfs.extend_huge_file(inode, offset + len);
        }
        Ok(flags)
    }

    /// Maps large pages of no file that can be named: a file is made for the mapping (`ksys_mmap_pgoff`).
    pub(in crate::mm) fn mmap_anon_hugepage(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        addr: LinearAddr,
        len: u64,
        prot: Prot,
        flags: MapFlags,
    ) -> Result<LinearAddr, Errno> {
        let size = huge_page_size(flags.bits()).filter(|_| flags.contains(MapFlags::ANONYMOUS)).ok_or(Errno::EINVAL)?;
        let len = len.checked_next_multiple_of(size.bytes()).ok_or(Errno::EINVAL)?;
        let inode = cx.vfs.hugetlb_file_setup(b"anon_hugepage", size, len)?;
        let source = MapSource::File { inode, offset: 0, mode: FileMode::READ | FileMode::WRITE };
        let place = self.mmap(cx, addr, len, prot, flags, source);
        let (mut fs, vfs) = cx.fs();
        vfs.inode_put(&mut fs, inode);
        place
    }

    /// The length and the flags of a mapping of a file: of large pages, if the file is.
    pub(in crate::mm) fn in_pages_of_file(
        cx: &MmCx<'_, '_>,
        inode: InodeId,
        len: u64,
        flags: MapFlags,
    ) -> Result<(u64, MapFlags), Errno> {
        match cx.vfs.huge_page_size(inode) {
            Some(size) => {
                let len = len.checked_next_multiple_of(size.bytes()).ok_or(Errno::EINVAL)?;
                Ok((len, flags.with_huge_size(size)))
            }
            None if flags.contains(MapFlags::HUGETLB) => Err(Errno::EINVAL),
            None => Ok((len, flags)),
        }
    }

    /// A mapping has gone, with its pages: so do the promises that were left (`hugetlb_vm_op_close`).
    pub(in crate::mm) fn hugetlb_close(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma) {
        let promised = self.promised_in(vma.start, vma.end);
        promised.iter().for_each(|la| _ = self.promised.remove(la));
        cx.frames.unreserve_hugetlb(vma.page_size(), promised.len() as u64);
        for key in self.lost_in(cx.frames, vma.start, vma.end) {
            cx.frames.hugetlb.lost.remove(&key);
        }
    }

    fn promised_in(&self, start: LinearAddr, end: LinearAddr) -> Vec<LinearAddr> {
        self.promised.range(start..end).copied().collect()
    }

    fn lost_in(
        &self,
        frames: &FrameTable,
        start: LinearAddr,
        end: LinearAddr,
    ) -> Vec<(crate::mm::rss::RssId, LinearAddr)> {
        let space = self.table.rss();
        frames.hugetlb.lost.range((space, start)..(space, end)).copied().collect()
    }

    /// Takes the pages of a part of a mapping out of the page table. Where a private page goes for good, its promise holds
    /// again: the mapping may need a page there once more.
    pub(in crate::mm) fn unmap_hugepage_range(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
    ) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            let shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            cx.flush(shootdown);
            let head = pte::pfn(entry.pte);
            unmap_entry(cx.frames, head, entry.slot);
            let frame = cx.frames.get(head);
            if frame.maps > 0 || frame.owner != Owner::None {
                continue;
            }
            let restores = vma.flags.contains(VmFlags::RESV_OWNER) && cx.frames.hugetlb.counts(entry.size).surplus == 0;
            let restores = restores && self.promised.insert(entry.la);
            let promise = if restores { Promise::Kept } else { Promise::None };
            cx.frames.free_hugetlb(entry.size, head, promise);
        }
    }

    /// The child maps the private pages too, and neither may write them.
    pub(in crate::mm) fn copy_hugetlb_page_range(
        &self,
        cx: &mut MmCx<'_, '_>,
        child: &Self,
        vma: &Vma,
        changed: &mut Shootdown,
    ) -> Result<(), OutOfFrames> {
        let mut entries = self.table.entries(vma.start, vma.end);
        while let Some(source) = entries.next(cx.hw.mem) {
            let target = child.table.huge_pte_alloc(cx.hw.mem, cx.frames, source.la, level_of(source.size))?;
            let mut shared = source.pte;
            shared.set_writable(false);
            changed.merge(self.table.set_pte(cx.hw.mem, source, shared));
            changed.merge(child.table.set_pte(cx.hw.mem, target, shared));
            map_entry(cx.frames, pte::pfn(shared), target.slot);
            cx.frames.meter.charge(Service::ForkEntry);
        }
        Ok(())
    }

    /// Takes the pages of `len` bytes from one place to another, which is empty, and the promises with them.
    pub(in crate::mm) fn move_hugetlb_page_tables(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (from, to): (LinearAddr, LinearAddr),
        len: u64,
    ) -> Result<(), OutOfFrames> {
        let end = from.wrapping_add(len);
        let place = |la: LinearAddr| to.wrapping_add(la.0 - from.0);
        let mut entries = self.table.entries(from, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            let level = level_of(entry.size);
            let target = self.table.huge_pte_alloc(cx.hw.mem, cx.frames, place(entry.la), level)?;
            let mut shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            shootdown.merge(self.table.set_pte(cx.hw.mem, target, entry.pte));
            cx.flush(shootdown);
            cx.frames.move_mapping(pte::pfn(entry.pte), entry.slot, target.slot);
        }
        for la in self.promised_in(from, end) {
            self.promised.remove(&la);
            self.promised.insert(place(la));
        }
        for (space, la) in self.lost_in(cx.frames, from, end) {
            cx.frames.hugetlb.lost.remove(&(space, la));
            cx.frames.hugetlb.lost.insert((space, place(la)));
        }
        Ok(())
    }

    /// The promises of all private mappings, for whoever checks.
    pub(in crate::mm) fn promised(&self) -> impl Iterator<Item = LinearAddr> {
        self.promised.iter().copied()
    }
}

/// The entry of a large page with the rights of `flags`: shared ones can be written at once, private ones are looked at
/// when they are written (`huge_pte_modify`).
pub(in crate::mm) fn modify(entry: &Entry, flags: VmFlags) -> Pte {
    let mut pte = pte::modify(entry.pte, flags);
    pte.set_writable(flags.contains(VmFlags::SHARED | VmFlags::WRITE));
    pte
}
