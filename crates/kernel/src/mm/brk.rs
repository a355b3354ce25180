//! brk: the end of the heap (Linux's `brk` system call and `vm_brk_flags`).

use super::flags::VmFlags;
use super::layout::{self, TASK_SIZE_MAX};
use super::vma::{Backing, Vma};
use super::{Mm, MmCx};
use crate::Errno;
use crate::fs::InodeId;
use arch::{FRAME_SIZE, LinearAddr};
use event::{Event, Mapping, MappingKind};

impl Mm {
    /// Moves the end of the heap to `addr` and gives where it is then: on any error, where it was.
    pub fn brk(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr) -> LinearAddr {
        if addr >= self.start_brk && self.move_brk(cx, addr).is_some() {
            self.brk = addr;
        }
        self.brk
    }

    /// Where the heap starts and ends (exec: behind the program's bss).
    pub fn set_brk_start(&mut self, start: LinearAddr) {
        self.start_brk = start;
        self.brk = start;
    }

    /// Where the heap starts.
    #[must_use]
    pub const fn start_brk(&self) -> LinearAddr {
        self.start_brk
    }

    /// Where the heap ends, to the byte.
    #[must_use]
    pub const fn end_brk(&self) -> LinearAddr {
        self.brk
    }

    fn move_brk(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr) -> Option<()> {
        if addr.0.checked_sub(self.start_brk.0)? > self.limits.data {
            return None;
        }
        let old = self.brk.page_align_up()?;
        let new = addr.page_align_up()?;
        if new == old {
            return Some(());
        }
        if new < old {
            return self.munmap_range(cx, new, old).ok();
        }
        if new.0 > TASK_SIZE_MAX {
            return None;
        }
        let above = self.vmas.find(old);
        if above.is_some_and(|next| new.0 + FRAME_SIZE > next.start_gap().0) {
            return None;
        }
        self.do_brk_flags(cx, old, new)
    }

    /// Adds anonymous memory at the end of the heap. It joins the heap before it, but never the bss below the heap.
    fn do_brk_flags(&mut self, cx: &mut MmCx<'_, '_>, start: LinearAddr, end: LinearAddr) -> Option<()> {
        let flags = VmFlags::DATA_DEFAULT | self.def_flags;
        let pages = (end.0 - start.0) / FRAME_SIZE;
        if !self.may_expand_vm(flags, pages) || !self.mlock_future_ok(flags, pages) {
            return None;
        }
        self.map_count_allows(cx, 0).ok()?;
        self.vm_enough_memory(cx, pages).ok()?;
        let vma = Vma::new(start, end, flags, Backing::Anonymous);
        self.vmas.insert(vma);
        let heap = Mapping { kind: MappingKind::Heap(self.start_brk), ..self.told_mapping(&vma) };
        self.tell_of_mapping(cx.frames, |space| Event::Map { space, mapping: heap });
        self.settle_commit(cx);
        if start > self.start_brk {
            self.merge_vmas_at(cx, start);
        }
        if flags.contains(VmFlags::LOCKED) {
            self.mm_populate(cx, start, end);
        }
        Some(())
    }

    /// Anonymous memory of a program's bss, in place of what is there (`vm_brk_flags`).
    pub(super) fn vm_brk_flags(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        start: LinearAddr,
        len: u64,
        (flags, program): (VmFlags, InodeId),
    ) -> Result<(), Errno> {
        let Some(len) = layout::page_align_len(len).filter(|len| *len != 0) else { return Ok(()) };
        let end = start.0.checked_add(len).filter(|end| *end <= TASK_SIZE_MAX).ok_or(Errno::ENOMEM)?;
        let end = LinearAddr(end);
        if !self.may_expand_vm(flags, len / FRAME_SIZE) {
            return Err(Errno::ENOMEM);
        }
        self.munmap_range(cx, start, end)?;
        self.map_count_allows(cx, 0)?;
        let vma = Vma::new(start, end, flags | VmFlags::DATA_DEFAULT, Backing::Anonymous);
        self.tell_bss(cx, &vma, program);
        self.insert_vma(cx, vma);
        Ok(())
    }
}
