//! fork: another address space with the same contents (Linux's `dup_mmap`, `copy_page_range`, `copy_present_pte`).
//!
//! Mappings are copied, bytes are not. Where every page can be had again by a fault, because the mapping is shared or was
//! only read, the child starts without entries. A mapping with anonymous pages is copied entry by entry: each frame gets
//! one more map, and R/W goes from both entries, so that whoever writes first gets a copy (`do_wp_page`) and the last
//! one who is left writes the frame itself.
//!
//! Without frames for the child's tables it is given back whole. The parent keeps its read-only entries; its next writes
//! find their frames alone.

use super::anon_vma::AnonVmas;
use super::frames::FrameTable;
use super::pgtable::{Entry, OutOfFrames};
use super::pte::PteState;
use super::swap::{SwapEntry, pte_swp_clear_exclusive};
use super::vma::Vma;
use super::{KernelHalf, Mm, MmCx, RssKind, VmFlags, ZERO_PAGE, pte};
use crate::Errno;
use arch::Pte;
use arch::Service;
use event::Event;
use paging::Shootdown;

impl Mm {
    /// A copy of this address space for a child process.
    ///
    /// # Errors
    /// `ENOMEM` if there are not enough frames for its paging structures, even without the clean pages of the page cache.
    pub fn fork(&mut self, cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf) -> Result<Self, Errno> {
        cx.with_reclaim(|cx| self.dup_mm(cx, kernel_half)).map_err(|OutOfFrames| Errno::ENOMEM)
    }

    fn dup_mm(&mut self, cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf) -> Result<Self, OutOfFrames> {
        let mut child = Self {
            thp_disabled: self.thp_disabled,
            prctl: self.prctl.inherit(),
            pkeys: self.pkeys,
            coredump_filter: self.coredump_filter,
            membarrier: self.membarrier,
            mmap_base: self.mmap_base,
            start_brk: self.start_brk,
            brk: self.brk,
            start_stack: self.start_stack,
            strings: self.strings,
            ..Self::new(cx, kernel_half, self.limits).map_err(|_| OutOfFrames)?
        };
        let to = child.space();
        self.tell_of_mapping(cx.frames, |from| Event::CopySpace { from, to });
        let copied = self.copy_may_be_promised(cx).map_err(|_| OutOfFrames);
        let copied = copied.and_then(|()| self.dup_mmap(cx, &mut child));
        child.settle_commit(cx);
        match copied {
            Ok(()) => {
                if let Some(exe) = self.exe {
                    child.set_exe(cx, exe);
                }
                Ok(child)
            }
            Err(OutOfFrames) => {
                child.drop_all(cx);
                Err(OutOfFrames)
            }
        }
    }

    /// Copies the mappings and what only a copy can give. The flush is `flush_tlb_mm` of the parent: any of its pages may
    /// have become read-only.
    fn dup_mmap(&mut self, cx: &mut MmCx<'_, '_>, child: &mut Self) -> Result<(), OutOfFrames> {
        let mut changed = Shootdown::none();
        let mut inherited = self.vmas.iter().filter(|vma| !vma.flags.contains(VmFlags::DONTCOPY));
        let outcome = inherited.try_for_each(|vma| {
            let copy = vm_area_dup(vma, &mut child.anon_vmas);
            cx.vma_get_file(&copy);
            child.vmas.insert(copy);
            match copy.anon_vma.is_some() {
                true if copy.is_hugetlb() => self.copy_hugetlb_page_range(cx, child, &copy, &mut changed),
                true => self.copy_page_range(cx, child, &copy, &mut changed),
                false => Ok(()),
            }
        });
        if !changed.is_empty() {
            cx.flush(Shootdown::all());
        }
        outcome
    }

    /// Copies the entries of a mapping with anonymous pages: all of them, those of files and the zero page too.
    fn copy_page_range(
        &self,
        cx: &mut MmCx<'_, '_>,
        child: &mut Self,
        vma: &Vma,
        changed: &mut Shootdown,
    ) -> Result<(), OutOfFrames> {
        debug_assert!(is_cow_mapping(vma.flags), "no other mapping has anonymous pages: {vma:?}");
        let mut last: Option<Entry> = None;
        let mut entries = self.table.entries(vma.start, vma.end);
        while let Some(source) = entries.next(cx.hw.mem) {
            if source.is_huge() {
                let shared = wrprotect(source.pte);
                changed.merge(self.table.set_pte(cx.hw.mem, source, shared));
                let of_child = pte::mark_locked(mkold(shared), vma.flags);
                Self::copy_huge_pmd(cx, &child.table, source, (shared, of_child))?;
                cx.frames.meter.charge(Service::ForkEntry);
                continue;
            }
            let target = child.table.entry_alloc_after(cx.hw.mem, cx.frames, last, source.la)?;
            last = Some(target);
            let shared = match pte::state(source.pte) {
                PteState::Swap(entry) => copy_swap_entry(cx.frames, entry, source.pte)?,
                _ => wrprotect(source.pte),
            };
            if shared != source.pte {
                changed.merge(self.table.set_pte(cx.hw.mem, source, shared));
            }
            match pte::state(shared) {
                PteState::Swap(_) => {
                    changed.merge(child.table.set_pte(cx.hw.mem, target, shared));
                    child.rss.inc(RssKind::Swap);
                }
                _ => {
                    changed.merge(child.table.set_pte(cx.hw.mem, target, pte::mark_locked(mkold(shared), vma.flags)));
                    dup_rmap(cx.frames, shared, target);
                }
            }
            cx.frames.meter.charge(Service::ForkEntry);
        }
        Ok(())
    }
}

/// One entry more counts on the slot, and the page is nobody's alone any more (`copy_nonpresent_pte`).
fn copy_swap_entry(frames: &mut FrameTable, entry: SwapEntry, pte: Pte) -> Result<Pte, OutOfFrames> {
    frames.swap.table.swap_duplicate(entry).map_err(|_| OutOfFrames)?;
    Ok(pte_swp_clear_exclusive(pte))
}

/// The child's mapping (`vm_area_dup` and what `dup_mmap` changes): it is not locked, no pool has promised it anything, and it has no pages of its own where
/// `MADV_WIPEONFORK` says so.
fn vm_area_dup(vma: &Vma, anon_vmas: &mut AnonVmas) -> Vma {
    let wiped = vma.flags.contains(VmFlags::WIPEONFORK);
    let not_inherited = VmFlags::LOCKED_MASK | VmFlags::RESV_OWNER;
    let anon_vma = vma.anon_vma.filter(|_| !wiped).map(|_| anon_vmas.fork());
    Vma { flags: vma.flags - not_inherited, anon_vma, ..*vma }
}

/// True if a page of the mapping may have to be copied on a write: it is private, and mprotect could open it.
fn is_cow_mapping(flags: VmFlags) -> bool {
    flags & (VmFlags::SHARED | VmFlags::MAYWRITE) == VmFlags::MAYWRITE
}

/// The frame of an entry has one entry more, the child's. The zero page is not counted.
fn dup_rmap(frames: &mut FrameTable, pte: Pte, target: Entry) {
    let pfn = pte::pfn(pte);
    if pfn != ZERO_PAGE {
        frames.map(pfn, target.slot);
    }
}

fn wrprotect(mut pte: Pte) -> Pte {
    pte.set_writable(false);
    pte
}

/// The child has not used the page yet.
fn mkold(mut pte: Pte) -> Pte {
    pte.set_accessed(false);
    pte
}
