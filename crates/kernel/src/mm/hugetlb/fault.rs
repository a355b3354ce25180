//! Faults in mappings of large pages (Linux's `hugetlb_fault`, `hugetlb_no_page`, `hugetlb_wp`).
//!
//! ```text
//! entry empty:               the file's page, or a zeroed one: the file's if the mapping is shared, else the process's
//! write, entry read-only:    shared, or nobody else's: made writable; else copied, all of it
//! no page for the copy:      who has the promise takes the page from the others, who get SIGBUS when they come back for it
//! no page otherwise:         SIGBUS
//! ```

use super::pool::{OutOfPool, Promise};
use super::{frames_of, level_of, map_entry, unmap_entry, unmap_huge_page, zero_huge_page};
use crate::mm::fault::{Resolved, VmFault, VmFaultError};
use crate::mm::frames::{FrameTable, Owner};
use crate::mm::pgtable::Entry;
use crate::mm::pte::{self, PteState};
use crate::mm::vma::{Backing, Vma};
use crate::mm::{Mm, MmCx, VmFlags};
use arch::Service;
use arch::{LinearAddr, PageSize, Pfn, Pte};
use event::Resolution;
use paging::Shootdown;

impl From<OutOfPool> for VmFaultError {
    fn from(OutOfPool: OutOfPool) -> Self {
        Self::Bus
    }
}

impl Mm {
    /// Serves a fault that the mapping allows.
    pub(in crate::mm) fn hugetlb_fault(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault) -> Resolved {
        let size = vmf.vma.page_size();
        let la = LinearAddr(vmf.page.0 & !size.offset_mask());
        let entry = self.table.huge_pte_alloc(cx.hw.mem, cx.frames, la, level_of(size))?;
        match pte::state(entry.pte) {
            PteState::None => self.hugetlb_no_page(cx, vmf, entry),
            _ if vmf.is_write() && !entry.pte.writable() => self.hugetlb_wp(cx, vmf, entry),
            _ => {
                cx.flush(Shootdown::page(la));
                Ok((Resolution::Spurious, pte::pfn(entry.pte)))
            }
        }
    }

    fn hugetlb_no_page(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        let (vma, size) = (vmf.vma, entry.size);
        let Backing::File { inode, offset } = vma.backing_at(entry.la) else {
            unreachable!("large pages of a pool are mapped from a file")
        };
        let index = offset >> size.shift();
        if self.has_lost_pages(cx.frames, &vma) || index >= cx.vfs.inode_size(inode) >> size.shift() {
            return Err(VmFaultError::Bus);
        }
        let (head, resolution) = match cx.vfs.huge_page(inode, index) {
            Some(head) => (head, Resolution::FileCached),
            None => (self.new_huge_page(cx, &vma, entry.la, (inode, index))?, Resolution::DemandZeroHuge),
        };
        let mut pte = pte::with_ps(pte::mk_pte(head, vma.flags));
        if vma.flags.contains(VmFlags::SHARED | VmFlags::WRITE) {
            pte = pte::mkdirty_mkwrite(pte, vma.flags);
        }
        let entry = self.set_huge_pte(cx, &vma, entry, (head, pte));
        if vmf.is_write() && !pte.writable() {
            let (done, head) = self.hugetlb_wp(cx, vmf, entry)?;
            return Ok((if done == Resolution::ReusedOnWrite { resolution } else { done }, head));
        }
        Ok((resolution, head))
    }

    /// A page of zeros, the file's if the mapping is shared.
    fn new_huge_page(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        la: LinearAddr,
        (inode, index): (crate::fs::InodeId, u64),
    ) -> Result<Pfn, OutOfPool> {
        if vma.is_shared() {
            let (mut fs, vfs) = cx.fs();
            return vfs.new_huge_page(&mut fs, inode, index);
        }
        let size = vma.page_size();
        let page = cx.frames.alloc_hugetlb(size, self.promise_of(la))?;
        self.promised.remove(&la);
        zero_huge_page(cx.hw.mem, cx.frames, size, page);
        Ok(page.0)
    }

    /// What a private mapping was promised for this page.
    fn promise_of(&self, la: LinearAddr) -> Promise {
        if self.promised.contains(&la) { Promise::Kept } else { Promise::None }
    }

    /// A write to a page that is there to read.
    fn hugetlb_wp(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        let old = pte::pfn(entry.pte);
        if vmf.vma.is_shared() || is_alone(cx.frames, old) {
            return Ok(self.reuse_huge_page(cx, vmf, entry));
        }
        // The page that a promise was kept with is the parent's, so a copy for it is one more than was promised.
        let is_own = matches!(cx.frames.get(old).owner, Owner::None);
        let cow_from_owner = is_own && vmf.vma.flags.contains(VmFlags::RESV_OWNER);
        let promise = if cow_from_owner { Promise::None } else { self.promise_of(entry.la) };
        match cx.frames.alloc_hugetlb(entry.size, promise) {
            Ok((new, _)) => {
                if promise == Promise::Kept {
                    self.promised.remove(&entry.la);
                }
                copy_huge_page(cx, entry.size, old, new);
                unmap_entry(cx.frames, old, entry.slot);
                let pte = pte::with_ps(pte::mkdirty_mkwrite(pte::mk_pte(new, vmf.vma.flags), vmf.vma.flags));
                self.set_huge_pte(cx, &vmf.vma, entry, (new, pte));
                Ok((Resolution::CopiedOnWrite, new))
            }
            Err(OutOfPool) if cow_from_owner => {
                unmap_ref_private(cx, old, entry);
                Ok(self.reuse_huge_page(cx, vmf, entry))
            }
            Err(OutOfPool) => Err(VmFaultError::Bus),
        }
    }

    fn reuse_huge_page(&self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> (Resolution, Pfn) {
        let mut pte = pte::mkdirty_mkwrite(entry.pte, vmf.vma.flags);
        pte.set_accessed(true);
        let shootdown = self.table.set_pte(cx.hw.mem, entry, pte);
        cx.flush(shootdown);
        (Resolution::ReusedOnWrite, pte::pfn(pte))
    }

    /// Maps a page in the place of what the entry held, and gives the entry as it is now.
    fn set_huge_pte(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, entry: Entry, (head, pte): (Pfn, Pte)) -> Entry {
        map_entry(cx.frames, head, entry.slot);
        if cx.frames.get(head).owner == Owner::None {
            self.anon_vma_prepare(vma.start);
        }
        let shootdown = self.table.set_pte(cx.hw.mem, entry, pte);
        cx.flush(shootdown);
        Entry { pte, ..entry }
    }

    /// Whether a page of a mapping went to the process that it was promised to.
    fn has_lost_pages(&self, frames: &FrameTable, vma: &Vma) -> bool {
        let (first, last) = (vma.start, LinearAddr(vma.end.0 - 1));
        frames.hugetlb.lost.range((self.table.rss(), first)..=(self.table.rss(), last)).next().is_some()
    }
}

/// True for a private page that one entry maps, and that nobody is working on.
fn is_alone(frames: &FrameTable, head: Pfn) -> bool {
    let frame = frames.get(head);
    frame.owner == Owner::None && frame.maps == 1 && frame.pins() == 1 // the pool's
}

fn copy_huge_page(cx: &mut MmCx<'_, '_>, size: PageSize, from: Pfn, to: Pfn) {
    for index in 0..frames_of(size) {
        cx.hw.mem.copy_frame(Pfn(from.0 + index), Pfn(to.0 + index));
        cx.frames.meter.charge(Service::CopyPage);
    }
}

/// Takes a private page from all who have it beside the process that it was promised to.
fn unmap_ref_private(cx: &mut MmCx<'_, '_>, head: Pfn, keep: Entry) {
    let others: Vec<_> = cx.frames.rmap.slots(head).filter(|slot| *slot != keep.slot).collect();
    for slot in others {
        let place = cx.frames.entry_place(slot);
        cx.frames.hugetlb.lost.insert(place);
    }
    unmap_huge_page(cx.hw.mem, cx.frames, head, Some(keep.slot));
}
