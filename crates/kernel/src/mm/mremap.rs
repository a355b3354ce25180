//! mremap: a mapping that shrinks, grows or moves (Linux's `do_mremap`, `move_vma`, `move_page_tables`).
//!
//! A move takes page-table entries along, not bytes: the frames stay where they are.

use super::flags::{MapFlags, MremapFlags};
use super::layout::{self, TASK_SIZE_MAX};
use super::pgtable::OutOfFrames;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, ZERO_PAGE, pte};
use crate::Errno;
use arch::{LinearAddr, Pte};
use event::Event;

/// What is asked for, checked and in whole pages.
#[derive(Clone, Copy)]
struct Remap {
    addr: LinearAddr,
    old_len: u64,
    new_len: u64,
    flags: MremapFlags,
    new_addr: LinearAddr,
}

impl Remap {
    fn check(
        addr: LinearAddr,
        old_len: u64,
        new_len: u64,
        flags: MremapFlags,
        new_addr: LinearAddr,
    ) -> Result<Self, Errno> {
        if !MremapFlags::all().contains(flags) || addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        let old_len = layout::page_align_len(old_len).ok_or(Errno::EINVAL)?;
        let new_len = layout::page_align_len(new_len).ok_or(Errno::EINVAL)?;
        if new_len == 0 || new_len > TASK_SIZE_MAX {
            return Err(Errno::EINVAL);
        }
        let remap = Self { addr, old_len, new_len, flags, new_addr };
        if remap.must_move() { remap.check_move() } else { Ok(remap) }
    }

    /// The rules for a move to an address, or one that leaves the old mapping.
    fn check_move(self) -> Result<Self, Errno> {
        let beyond = self.new_addr.0 > TASK_SIZE_MAX - self.new_len;
        let resizes = self.flags.contains(MremapFlags::DONTUNMAP) && self.old_len != self.new_len;
        if beyond || self.new_addr.page_offset() != 0 || resizes || !self.may_move() || self.overlaps() {
            return Err(Errno::EINVAL);
        }
        Ok(self)
    }

    /// The same in pages of a mapping of large ones, which does not grow (Linux's function of the same name).
    fn align_hugetlb(self, vma: &Vma) -> Result<Self, Errno> {
        if !vma.is_hugetlb() {
            return Ok(self);
        }
        let size = vma.page_size();
        let round = |len: u64| len.checked_next_multiple_of(size.bytes()).ok_or(Errno::EINVAL);
        let (old_len, new_len) = (round(self.old_len)?, round(self.new_len)?);
        let to = if self.must_move() { self.new_addr } else { self.addr };
        let stays = self.flags.contains(MremapFlags::DONTUNMAP);
        if (self.addr.0 | to.0) & size.offset_mask() != 0 || new_len > old_len || stays {
            return Err(Errno::EINVAL);
        }
        Ok(Self { old_len, new_len, ..self })
    }

    /// To a given address and no larger or smaller: so that it may be more than one mapping (`vrm_move_only`).
    const fn moves_only(&self) -> bool {
        self.flags.contains(MremapFlags::FIXED) && self.old_len == self.new_len && self.old_len > 0
    }

    const fn must_move(&self) -> bool {
        self.flags.intersects(MremapFlags::FIXED.union(MremapFlags::DONTUNMAP))
    }

    const fn may_move(&self) -> bool {
        self.flags.contains(MremapFlags::MAYMOVE)
    }

    fn overlaps(&self) -> bool {
        let old_end = self.addr.0.saturating_add(self.old_len);
        old_end > self.new_addr.0 && self.new_addr.0 + self.new_len > self.addr.0
    }

    const fn old_end(&self) -> LinearAddr {
        self.addr.wrapping_add(self.old_len)
    }

    const fn new_end(&self) -> LinearAddr {
        self.addr.wrapping_add(self.new_len)
    }
}

impl Mm {
    /// Makes the mapping of `old_len` bytes at `addr` one of `new_len` bytes, and gives where it is.
    ///
    /// # Errors
    /// As mremap(2): `EINVAL`, `EFAULT`, `ENOMEM`.
    pub fn mremap(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        addr: LinearAddr,
        old_len: u64,
        new_len: u64,
        flags: MremapFlags,
        new_addr: LinearAddr,
    ) -> Result<LinearAddr, Errno> {
        let remap = Remap::check(addr, old_len, new_len, flags, new_addr)?;
        if remap.must_move() {
            self.map_count_allows(cx, 5)?; // a move needs a few borders
        }
        if remap.moves_only() {
            let place = self.remap_move(cx, remap);
            self.settle_commit(cx);
            return place;
        }
        let vma = *self.vmas.containing(addr).ok_or(Errno::EFAULT)?;
        let remap = remap.align_hugetlb(&vma)?;
        if remap.old_len == 0 && !vma.is_shared() {
            return Err(Errno::EINVAL);
        }
        if remap.must_move() {
            let place = self.mremap_to(cx, remap, &vma);
            self.settle_commit(cx);
            return place;
        }
        if remap.new_len <= remap.old_len {
            if remap.new_len < remap.old_len {
                self.munmap(cx, remap.new_end(), remap.old_len - remap.new_len)?;
            }
            return Ok(addr);
        }
        self.may_resize(&remap, &vma)?;
        let place = self.expand_vma(cx, remap, &vma);
        self.settle_commit(cx);
        place
    }

    /// Moves all mappings of a range to where they are to be, as far from each other as they were (`remap_move`).
    fn remap_move(&mut self, cx: &mut MmCx<'_, '_>, remap: Remap) -> Result<LinearAddr, Errno> {
        let (mut at, end, mut target) = (remap.addr, remap.old_end(), remap.new_addr);
        let mut first = None;
        while at < end
            && let Some(vma) = self.vmas.intersection(at, end).copied()
        {
            if first.is_none() && at < vma.start {
                break;
            }
            let start = at.max(vma.start);
            let len = vma.end.min(end).0 - start.0;
            let new_addr = target.wrapping_add(start.0 - at.0);
            let part = Remap { addr: start, old_len: len, new_len: len, new_addr, ..remap }.align_hugetlb(&vma)?;
            let place = self.mremap_to(cx, part, &vma)?;
            first = first.or(Some(place));
            (at, target) = (start.wrapping_add(len), place.wrapping_add(len));
        }
        first.ok_or(Errno::EFAULT)
    }

    /// To the address that is given, or with `MREMAP_DONTUNMAP` near it.
    fn mremap_to(&mut self, cx: &mut MmCx<'_, '_>, mut remap: Remap, vma: &Vma) -> Result<LinearAddr, Errno> {
        self.may_resize(&remap, vma)?;
        let fixed = remap.flags.contains(MremapFlags::FIXED);
        if fixed {
            self.munmap(cx, remap.new_addr, remap.new_len)?;
        }
        if remap.old_len > remap.new_len {
            self.munmap(cx, remap.new_end(), remap.old_len - remap.new_len)?;
            remap.old_len = remap.new_len;
        }
        let stays = remap.flags.contains(MremapFlags::DONTUNMAP);
        if stays && !self.may_expand_vm(vma.flags, remap.new_len >> arch::FRAME_SHIFT) {
            return Err(Errno::ENOMEM);
        }
        let mut flags = map_flags(vma);
        flags.set(MapFlags::FIXED, fixed);
        let place = self.get_unmapped_area(remap.new_addr, remap.new_len, flags)?;
        self.move_vma(cx, remap, place)
    }

    /// Grows in place where there is room behind the mapping, else moves.
    fn expand_vma(&mut self, cx: &mut MmCx<'_, '_>, remap: Remap, vma: &Vma) -> Result<LinearAddr, Errno> {
        if vma.flags.contains(super::VmFlags::ACCOUNT) {
            self.vm_enough_memory(cx, (remap.new_len - remap.old_len) >> arch::FRAME_SHIFT)?;
        }
        let new_end = remap.new_end();
        let at_the_end = remap.old_end() == vma.end;
        if at_the_end && new_end.0 <= TASK_SIZE_MAX && self.vmas.intersection(vma.end, new_end).is_none() {
            self.vmas.change(vma.start, |vma| vma.end = new_end);
            self.merge_vmas_at(cx, new_end);
            self.tell_remapped(cx, &remap, remap.addr);
            self.populate_if_locked(cx, vma, (vma.end, new_end));
            return Ok(remap.addr);
        }
        if !remap.may_move() {
            return Err(Errno::ENOMEM);
        }
        let place = self.get_unmapped_area(LinearAddr(0), remap.new_len, map_flags(vma))?;
        self.move_vma(cx, remap, place)
    }

    /// The limits of growth (the second half of `check_prep_vma`).
    fn may_resize(&self, remap: &Remap, vma: &Vma) -> Result<(), Errno> {
        if remap.old_len > vma.end.0 - remap.addr.0 {
            return Err(Errno::EFAULT);
        }
        let grows = remap.new_len.saturating_sub(remap.old_len);
        if let Backing::File { offset, .. } = vma.backing_at(remap.addr)
            && offset.checked_add(remap.new_len).is_none()
        {
            return Err(Errno::EINVAL);
        }
        if !self.mlock_future_ok(vma.flags, grows >> arch::FRAME_SHIFT) {
            return Err(Errno::EAGAIN);
        }
        if grows > 0 && !self.may_expand_vm(vma.flags, grows >> arch::FRAME_SHIFT) {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// A copy of the mapping at `place`, to which the pages go.
    fn move_vma(&mut self, cx: &mut MmCx<'_, '_>, remap: Remap, place: LinearAddr) -> Result<LinearAddr, Errno> {
        if self.vmas.len() + 3 >= cx.frames.sysctl.max_map_count {
            return Err(Errno::ENOMEM);
        }
        let old = *self.vmas.containing(remap.addr).ok_or(Errno::EFAULT)?;
        let end = place.wrapping_add(remap.new_len);
        let moved_by = if old.anon_vma.is_some() && old.backing == Backing::Anonymous {
            old.moved_by.wrapping_add(place.0.wrapping_sub(remap.addr.0))
        } else {
            0 // pages that are not there yet begin where they are
        };
        let new = Vma { start: place, end, backing: old.backing_at(remap.addr), moved_by, ..old };
        cx.vma_get_file(&new);
        self.insert_vma(cx, new);
        self.tell_remapped(cx, &remap, place);
        if cx.with_reclaim(|cx| self.move_page_tables(cx, remap.addr, place, remap.old_len)).is_err() {
            self.move_page_tables(cx, place, remap.addr, remap.old_len).expect("the tables are still there");
            self.unmap_region(cx, place, end);
            return Err(Errno::ENOMEM);
        }
        if !remap.flags.contains(MremapFlags::DONTUNMAP) && remap.old_len > 0 {
            self.unmap_region(cx, remap.addr, remap.old_end());
        } else if remap.old_len > 0 {
            self.leave_empty(cx, &remap, &old)?;
        }
        self.populate_if_locked(cx, &old, (place.wrapping_add(remap.old_len), end));
        Ok(place)
    }

    fn tell_remapped(&self, cx: &mut MmCx<'_, '_>, remap: &Remap, to: LinearAddr) {
        let (from, length) = (remap.addr, remap.new_len);
        self.tell_of_mapping(cx.frames, |space| Event::Remap { space, from, to, length });
    }

    /// What stays behind without its pages (`dontunmap_complete`).
    fn leave_empty(&mut self, cx: &mut MmCx<'_, '_>, remap: &Remap, old: &Vma) -> Result<(), Errno> {
        let whole = (remap.addr, remap.old_end());
        let left = self.vmas.containing(remap.addr).filter(|vma| (vma.start, vma.end) == whole);
        if let Some(start) = left.map(|vma| vma.start) {
            self.vmas.change(start, |vma| vma.anon_vma = None);
        }
        if old.flags.contains(super::VmFlags::LOCKED) {
            self.set_vma_flags(cx, (remap.addr, remap.old_end()), old.flags - super::VmFlags::LOCKED_MASK)?;
        }
        Ok(())
    }

    /// Brings in what a locked mapping has grown by.
    fn populate_if_locked(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, (start, end): (LinearAddr, LinearAddr)) {
        if vma.flags.contains(super::VmFlags::LOCKED) {
            self.mm_populate(cx, start, end);
        }
    }

    /// Moves the entries of `len` bytes from one place to another, which is empty.
    fn move_page_tables(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        from: LinearAddr,
        to: LinearAddr,
        len: u64,
    ) -> Result<(), OutOfFrames> {
        if self.vmas.containing(to).is_some_and(Vma::is_hugetlb) {
            return self.move_hugetlb_page_tables(cx, (from, to), len);
        }
        let end = from.wrapping_add(len);
        self.split_for_move(cx, (from, end), to);
        let mut entries = self.table.entries(from, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            let place = to.wrapping_add(entry.la.0 - from.0);
            if entry.is_huge() {
                let shootdown = self.move_huge_pmd(cx, entry, place)?;
                cx.flush(shootdown);
                continue;
            }
            let target = self.table.entry_alloc(cx.hw.mem, cx.frames, place)?;
            let mut shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
            shootdown.merge(self.table.set_pte(cx.hw.mem, target, entry.pte));
            cx.flush(shootdown);
            if pte::state(entry.pte).has_frame() && pte::pfn(entry.pte) != ZERO_PAGE {
                cx.frames.move_mapping(pte::pfn(entry.pte), entry.slot, target.slot);
            }
        }
        Ok(())
    }
}

/// How a place for a copy of this mapping is searched.
fn map_flags(vma: &Vma) -> MapFlags {
    let mut flags = MapFlags::empty();
    flags.set(MapFlags::SHARED, vma.is_shared());
    flags.set(MapFlags::ANONYMOUS, vma.backing == Backing::Anonymous);
    if vma.is_hugetlb() { flags.with_huge_size(vma.page_size()) } else { flags }
}
