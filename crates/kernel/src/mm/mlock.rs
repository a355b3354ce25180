//! mlock and its family: pages that stay in memory (Linux's `mm/mlock.c`).
//!
//! A mapping with [`VmFlags::LOCKED`] has its pages brought in at once, unless it has [`VmFlags::LOCKONFAULT`] too, and none
//! of them goes. Each entry of such a mapping says so itself by a bit for software ([`pte::page_prot`]), so that reclaim,
//! which comes to an entry from its frame, needs no look at the mapping.
//!
//! Counted are pages of mappings, there or not (`locked_vm`), against [`super::MmLimits::locked`].

use super::flags::{MclFlags, VmFlags};
use super::layout::{self, TASK_SIZE_MAX};
use super::pte::{self, PteState};
use super::vma::Vma;
use super::{Mm, MmCx};
use crate::Errno;
use arch::{AccessKind, FRAME_SHIFT, LinearAddr, Site};

impl Mm {
    /// Locks the pages that `addr..addr+len` touches and brings them in; with `LOCKONFAULT` in `lock` each when it is
    /// first used (`do_mlock`).
    ///
    /// # Errors
    /// `EPERM` if nothing may be locked; `ENOMEM` beyond the limit, over a hole, or for a page that cannot be had;
    /// `EINVAL` for a range that wraps; `EAGAIN` if no frame is left.
    pub(crate) fn mlock(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        addr: LinearAddr,
        len: u64,
        lock: VmFlags,
    ) -> Result<(), Errno> {
        self.can_do_mlock()?;
        let (start, len) = whole_pages(addr, len);
        let again = self.locked_pages_within(start, start.wrapping_add(len));
        let pages = (len >> FRAME_SHIFT) + self.locked_vm_pages() - again;
        if self.limits.locked != u64::MAX && pages > self.limits.locked >> FRAME_SHIFT {
            return Err(Errno::ENOMEM);
        }
        self.apply_vma_lock_flags(cx, start, len, lock)?;
        self.populate_mappings(cx, start, start.wrapping_add(len)).map_err(|errno| match errno {
            Errno::ENOMEM => Errno::EAGAIN,
            _ => Errno::ENOMEM,
        })
    }

    /// Unlocks the pages that `addr..addr+len` touches.
    ///
    /// # Errors
    /// `ENOMEM` over a hole, `EINVAL` for a range that wraps.
    pub(crate) fn munlock(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64) -> Result<(), Errno> {
        let (start, len) = whole_pages(addr, len);
        self.apply_vma_lock_flags(cx, start, len, VmFlags::empty())
    }

    /// Locks all that is mapped, or will be, or both.
    ///
    /// # Errors
    /// `EINVAL` for flags that say neither or are unknown, `EPERM`, `ENOMEM` beyond the limit.
    pub(crate) fn mlockall(&mut self, cx: &mut MmCx<'_, '_>, flags: MclFlags) -> Result<(), Errno> {
        if !MclFlags::all().contains(flags) || !flags.intersects(MclFlags::CURRENT | MclFlags::FUTURE) {
            return Err(Errno::EINVAL);
        }
        self.can_do_mlock()?;
        let current = flags.contains(MclFlags::CURRENT);
        if current && self.total_vm_pages() > self.limits.locked >> FRAME_SHIFT {
            return Err(Errno::ENOMEM);
        }
        self.apply_mlockall_flags(cx, flags);
        if current {
            self.mm_populate(cx, LinearAddr(0), LinearAddr(TASK_SIZE_MAX));
        }
        Ok(())
    }

    /// Unlocks all, and what will be mapped is not locked.
    pub(crate) fn munlockall(&mut self, cx: &mut MmCx<'_, '_>) {
        self.apply_mlockall_flags(cx, MclFlags::empty());
    }

    /// Pages of locked mappings (`locked_vm`).
    #[must_use]
    pub const fn locked_vm_pages(&self) -> u64 {
        self.vmas.pages().locked
    }

    /// # Errors
    /// `EPERM` if this process may lock nothing (`can_do_mlock`).
    pub(super) fn can_do_mlock(&self) -> Result<(), Errno> {
        if self.limits.locked == 0 { Err(Errno::EPERM) } else { Ok(()) }
    }

    /// Whether so many pages more, of a mapping with these flags, stay within the limit (`mlock_future_ok`).
    pub(super) fn mlock_future_ok(&self, flags: VmFlags, pages: u64) -> bool {
        let unlimited = !flags.contains(VmFlags::LOCKED) || self.limits.locked == u64::MAX;
        unlimited || self.locked_vm_pages() + pages <= self.limits.locked >> FRAME_SHIFT
    }

    /// Brings in what a new or larger locked mapping lacks, as far as it goes (`mm_populate`).
    pub fn mm_populate(&mut self, cx: &mut MmCx<'_, '_>, start: LinearAddr, end: LinearAddr) {
        let mut at = start;
        while let Some(vma) = self.vmas.intersection(at, end).copied() {
            let _as_far_as_it_goes = self.populate_mapping(cx, &vma, (vma.start.max(at), vma.end.min(end)));
            at = vma.end;
        }
    }

    fn populate_mappings(&mut self, cx: &mut MmCx<'_, '_>, start: LinearAddr, end: LinearAddr) -> Result<(), Errno> {
        let mut at = start;
        while let Some(vma) = self.vmas.intersection(at, end).copied() {
            self.populate_mapping(cx, &vma, (vma.start.max(at), vma.end.min(end)))?;
            at = vma.end;
        }
        Ok(())
    }

    /// Touches a part of a mapping, to write where a write would copy (`populate_vma_page_range`).
    fn populate_mapping(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        range: (LinearAddr, LinearAddr),
    ) -> Result<(), Errno> {
        if vma.flags.contains(VmFlags::LOCKONFAULT) {
            return Ok(());
        }
        let copies = vma.flags & (VmFlags::WRITE | VmFlags::SHARED) == VmFlags::WRITE;
        self.populate(cx, range, if copies { AccessKind::Write } else { AccessKind::Read })
    }

    /// Gives each mapping of a range without holes this lock (Linux's function of this name). What comes before a hole is
    /// changed even so.
    fn apply_vma_lock_flags(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        start: LinearAddr,
        len: u64,
        lock: VmFlags,
    ) -> Result<(), Errno> {
        let end = LinearAddr(start.0.checked_add(len).ok_or(Errno::EINVAL)?);
        let mut at = start;
        while at < end {
            let vma = *self.vmas.containing(at).ok_or(Errno::ENOMEM)?;
            let next = vma.end.min(end);
            self.mlock_fixup(cx, &vma, (at, next), lock)?;
            at = next;
        }
        Ok(())
    }

    fn apply_mlockall_flags(&mut self, cx: &mut MmCx<'_, '_>, flags: MclFlags) {
        let lock = |which: MclFlags| match (flags.contains(which), flags.contains(MclFlags::ONFAULT)) {
            (false, _) => VmFlags::empty(),
            (true, false) => VmFlags::LOCKED,
            (true, true) => VmFlags::LOCKED_MASK,
        };
        self.def_flags = lock(MclFlags::FUTURE);
        if flags.contains(MclFlags::FUTURE) && !flags.contains(MclFlags::CURRENT) {
            return;
        }
        let all: Vec<Vma> = self.vmas.iter().copied().collect();
        for vma in all {
            // A split cannot be needed, so nothing can fail.
            let _whole = self.mlock_fixup(cx, &vma, (vma.start, vma.end), lock(MclFlags::CURRENT));
        }
    }

    /// Locks or unlocks a part of one mapping, and marks the entries of its pages.
    fn mlock_fixup(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
        lock: VmFlags,
    ) -> Result<(), Errno> {
        let flags = (vma.flags - VmFlags::LOCKED_MASK) | lock;
        if flags == vma.flags || vma.is_hugetlb() {
            return Ok(()); // large pages of a pool stay anyway
        }
        self.set_vma_flags(cx, (start, end), flags)?;
        if (flags ^ vma.flags).contains(VmFlags::LOCKED) {
            self.mark_locked(cx, (start, end), flags);
        }
        Ok(())
    }

    /// Sets or clears the bit of locked pages in all entries of a range (`mlock_vma_pages_range`). The processor ignores the
    /// bit, so nothing is flushed.
    fn mark_locked(&mut self, cx: &mut MmCx<'_, '_>, (start, end): (LinearAddr, LinearAddr), flags: VmFlags) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if matches!(pte::state(entry.pte), PteState::Present | PteState::ProtNone) {
                let pte = pte::mark_locked(entry.pte, flags);
                cx.hw.mem.edit_entry(entry.slot, pte.0, Site::caller());
                cx.frames.recheck_evictable(pte::pfn(pte));
            }
        }
    }

    /// Pages of locked mappings in a range (`count_mm_mlocked_page_nr`).
    fn locked_pages_within(&self, start: LinearAddr, end: LinearAddr) -> u64 {
        let locked = self.vmas.overlapping(start, end).filter(|vma| vma.flags.contains(VmFlags::LOCKED));
        locked.map(|vma| (vma.end.min(end).0 - vma.start.max(start).0) >> FRAME_SHIFT).sum()
    }
}

/// The pages that a range touches: where they start, and their length in bytes, which wraps as Linux's `PAGE_ALIGN` does.
fn whole_pages(addr: LinearAddr, len: u64) -> (LinearAddr, u64) {
    let len = len.wrapping_add(addr.page_offset());
    (addr.page_base(), layout::page_align_len(len).unwrap_or(0))
}
