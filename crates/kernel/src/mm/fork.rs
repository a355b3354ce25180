//! fork: another address space with the same contents (Linux's `dup_mmap`, `copy_page_range`, `copy_present_pte`).
//!
//! Mappings are copied, bytes are not. Where every page can be had again by a fault, because the mapping is shared or was
//! only read, the child starts without entries. A mapping with anonymous pages is copied entry by entry: each frame gets
//! one more map, and R/W goes from both entries, so that whoever writes first gets a copy (`do_wp_page`) and the last
//! one who is left writes the frame itself.
//!
//! Without frames for the child's tables it is given back whole. The parent keeps its read-only entries; its next writes
//! find their frames alone.

use super::frames::FrameTable;
use super::pgtable::{Entry, OutOfFrames};
use super::vma::Vma;
use super::{KernelHalf, Mm, MmCx, VmFlags, ZERO_PAGE, pte};
use crate::Errno;
use arch::Pte;
use paging::Shootdown;

impl Mm {
    /// A copy of this address space for a child process.
    ///
    /// # Errors
    /// `ENOMEM` if there are not enough frames for its paging structures, even without the clean pages of the page cache.
    pub fn fork(&mut self, cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf) -> Result<Self, Errno> {
        match self.dup_mm(cx, kernel_half) {
            Err(Errno::ENOMEM) if cx.drop_clean_pages() > 0 => self.dup_mm(cx, kernel_half),
            outcome => outcome,
        }
    }

    fn dup_mm(&mut self, cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf) -> Result<Self, Errno> {
        let mut child = Self {
            mmap_base: self.mmap_base,
            start_brk: self.start_brk,
            brk: self.brk,
            start_stack: self.start_stack,
            ..Self::new(cx, kernel_half, self.limits)?
        };
        match self.dup_mmap(cx, &mut child) {
            Ok(()) => {
                if let Some(exe) = self.exe {
                    child.set_exe(cx, exe);
                }
                Ok(child)
            }
            Err(OutOfFrames) => {
                child.drop_all(cx);
                Err(Errno::ENOMEM)
            }
        }
    }

    /// Copies the mappings and what only a copy can give. The flush is `flush_tlb_mm` of the parent: any of its pages may
    /// have become read-only.
    fn dup_mmap(&mut self, cx: &mut MmCx<'_, '_>, child: &mut Self) -> Result<(), OutOfFrames> {
        let mut changed = Shootdown::none();
        let mut inherited = self.vmas.iter().filter(|vma| !vma.flags.contains(VmFlags::DONTCOPY));
        let outcome = inherited.try_for_each(|vma| {
            let copy = vm_area_dup(vma);
            cx.vma_get_file(&copy);
            child.vmas.insert(copy);
            if copy.anon_vma { self.copy_page_range(cx, child, &copy, &mut changed) } else { Ok(()) }
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
            let target = child.table.entry_alloc_after(cx.hw.mem, cx.frames, last, source.la)?;
            let shared = wrprotect(source.pte);
            if shared != source.pte {
                changed.merge(self.table.set_pte(cx.hw.mem, source, shared));
            }
            changed.merge(child.table.set_pte(cx.hw.mem, target, mkold(shared)));
            child.resident += dup_rmap(cx.frames, shared);
            last = Some(target);
        }
        child.peak_resident = child.resident;
        Ok(())
    }
}

/// The child's mapping (`vm_area_dup` and what `dup_mmap` changes): it is not locked, and has no pages of its own where
/// `MADV_WIPEONFORK` says so.
fn vm_area_dup(vma: &Vma) -> Vma {
    let wiped = vma.flags.contains(VmFlags::WIPEONFORK);
    Vma { flags: vma.flags - VmFlags::LOCKED, anon_vma: vma.anon_vma && !wiped, ..*vma }
}

/// True if a page of the mapping may have to be copied on a write: it is private, and mprotect could open it.
fn is_cow_mapping(flags: VmFlags) -> bool {
    flags & (VmFlags::SHARED | VmFlags::MAYWRITE) == VmFlags::MAYWRITE
}

/// The frame of an entry has one entry more; gives by how many pages the child grows. The zero page is not counted.
fn dup_rmap(frames: &mut FrameTable, pte: Pte) -> u64 {
    match pte::pfn(pte) {
        ZERO_PAGE => 0,
        pfn => {
            frames.map(pfn);
            1
        }
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
