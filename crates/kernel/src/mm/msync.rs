//! msync: what shared mappings changed reaches the file (Linux's `msync` system call, `vfs_fsync_range`).
//!
//! A shared mapping shows the page cache's own frames, so that read, write and every mapping agree at all times. A file of
//! a writable mount is also the host's: a page is written there when an entry with D=1 goes, or at msync, which makes
//! the entry read-only and clean again, so that the next write is noticed (`page_mkclean`).

use super::flags::{MsyncFlags, VmFlags};
use super::pgtable::Entry;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, layout, pte};
use crate::Errno;
use arch::{FRAME_SHIFT, LinearAddr};

impl Mm {
    /// Writes changed pages of shared file mappings back.
    ///
    /// # Errors
    /// `EINVAL` for unknown or contradictory flags or an address within a page; `ENOMEM` over a hole; `EBUSY` for
    /// `MS_INVALIDATE` of locked pages.
    pub fn msync(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64, flags: MsyncFlags) -> Result<(), Errno> {
        let both = MsyncFlags::ASYNC | MsyncFlags::SYNC;
        if !MsyncFlags::all().contains(flags) || addr.page_offset() != 0 || flags.contains(both) {
            return Err(Errno::EINVAL);
        }
        let len = layout::page_align_len(len).unwrap_or(0); // wraps, as Linux's does
        let end = addr.0.checked_add(len).ok_or(Errno::ENOMEM)?;
        let (mut at, end) = (addr, LinearAddr(end));
        let mut outcome = Ok(());
        while at < end {
            let vma = *self.vmas.intersection(at, end).ok_or(Errno::ENOMEM)?;
            if vma.start > at {
                outcome = Err(Errno::ENOMEM);
            }
            if flags.contains(MsyncFlags::INVALIDATE) && vma.flags.contains(VmFlags::LOCKED) {
                return Err(Errno::EBUSY);
            }
            if flags.contains(MsyncFlags::SYNC) {
                self.write_back_range(cx, &vma, (at.max(vma.start), end.min(vma.end)));
            }
            at = vma.end;
        }
        outcome
    }

    fn write_back_range(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, (start, end): (LinearAddr, LinearAddr)) {
        if !vma.flags.contains(VmFlags::SHARED) || vma.is_hugetlb() {
            return;
        }
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if !entry.pte.dirty() || !entry.pte.present() {
                continue;
            }
            cx.write_back_if_dirty(vma, entry);
            let mut clean = entry.pte;
            clean.set_dirty(false);
            clean.set_writable(false);
            let shootdown = self.table.set_pte(cx.hw.mem, entry, clean);
            cx.flush(shootdown);
            if vma.inode().is_some_and(|inode| !cx.vfs.is_shmem(inode)) {
                cx.frames.set_synced(pte::pfn(clean));
            }
        }
    }
}

impl MmCx<'_, '_> {
    /// A file changes by a store to its mapping. Memory without a name to be found by has no times that anybody sees.
    pub(super) fn file_update_time(&mut self, vma: &Vma) {
        if let Some(inode) = vma.inode() {
            self.vfs.update_time(inode);
        }
    }

    /// Writes the page of an entry with D=1 in a shared file mapping to the file. That the host refuses is not the
    /// program's error: the page cache still has what it wrote.
    pub(super) fn write_back_if_dirty(&mut self, vma: &Vma, entry: Entry) {
        if let Backing::File { offset, inode } = vma.backing_at(entry.la)
            && vma.flags.contains(VmFlags::SHARED)
            && entry.pte.dirty()
        {
            let (mut fs, vfs) = self.fs();
            let _refused = vfs.write_back(&mut fs, inode, offset >> FRAME_SHIFT);
        }
    }
}
