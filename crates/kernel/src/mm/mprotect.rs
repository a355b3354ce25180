//! mprotect: new rights for pages that are mapped (Linux's `do_mprotect_pkey`, `mprotect_fixup`, `change_pte_range`).

use super::flags::{Prot, VmFlags};
use super::frames::FrameTable;
use super::layout;
use super::pgtable::Entry;
use super::tell::rights_of;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, hugetlb, pte};
use crate::Errno;
use arch::LinearAddr;
use event::Event;

impl Mm {
    /// Gives the pages of `addr..addr+len` these rights. What comes before a hole is changed even so.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page or unknown rights, `ENOMEM` over a hole, `EACCES` for rights that the file
    /// does not allow.
    pub fn mprotect(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64, prot: Prot) -> Result<(), Errno> {
        self.pkey_mprotect(cx, addr, len, prot, -1)
    }

    /// The same, and the pages get a protection key; -1 for none in particular.
    ///
    /// # Errors
    /// As [`Self::mprotect`], and `EINVAL` for a key that was not handed out.
    pub fn pkey_mprotect(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        addr: LinearAddr,
        len: u64,
        prot: Prot,
        key: i32,
    ) -> Result<(), Errno> {
        let grows = prot & (Prot::GROWSDOWN | Prot::GROWSUP);
        if grows == Prot::GROWSDOWN | Prot::GROWSUP || addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        if len == 0 {
            return Ok(());
        }
        let end = layout::page_align_len(len).and_then(|len| addr.0.checked_add(len)).filter(|end| *end > addr.0);
        let end = LinearAddr(end.ok_or(Errno::ENOMEM)?);
        if !Prot::all().contains(prot) {
            return Err(Errno::EINVAL);
        }
        let key = self.checked_pkey(key)?;
        let start = self.mprotect_start(addr, end, grows)?;
        self.change_protection(cx, (start, end), prot, key)?;
        let rights = rights_of(prot);
        self.tell_of_mapping(cx.frames, |space| Event::Protect { space, start, end, rights });
        Ok(())
    }

    /// Where the change begins: at `addr`, or with `PROT_GROWSDOWN` at the start of the stack that is there.
    fn mprotect_start(&self, addr: LinearAddr, end: LinearAddr, grows: Prot) -> Result<LinearAddr, Errno> {
        let vma = self.vmas.intersection(addr, end).ok_or(Errno::ENOMEM)?;
        if grows == Prot::GROWSDOWN {
            return if vma.flags.contains(VmFlags::GROWSDOWN) { Ok(vma.start) } else { Err(Errno::EINVAL) };
        }
        if vma.start > addr {
            return Err(Errno::ENOMEM);
        }
        if grows == Prot::GROWSUP { Err(Errno::EINVAL) } else { Ok(addr) }
    }

    /// Mapping by mapping, up to the first hole.
    fn change_protection(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): (LinearAddr, LinearAddr),
        prot: Prot,
        key: Option<u8>,
    ) -> Result<(), Errno> {
        let access = VmFlags::of_prot(prot);
        let mut at = start;
        while at < end {
            let vma = *self.vmas.containing(at).ok_or(Errno::ENOMEM)?;
            if !vma.flags.may().contains(access) {
                return Err(Errno::EACCES);
            }
            let next = vma.end.min(end);
            let flags = ((vma.flags - VmFlags::ACCESS) | access).with_pkey(self.key_for(vma.flags, prot, key));
            if self.prctl.denies(vma.flags, flags) {
                return Err(Errno::EACCES);
            }
            self.mprotect_fixup(cx, &vma, (at, next), flags)?;
            at = next;
        }
        Ok(())
    }

    /// Changes a part of one mapping, and the entries of its pages.
    fn mprotect_fixup(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vma: &Vma,
        (start, end): (LinearAddr, LinearAddr),
        mut flags: VmFlags,
    ) -> Result<(), Errno> {
        if flags == vma.flags {
            return Ok(());
        }
        if flags.contains(VmFlags::WRITE) {
            let pages = end.page_number() - start.page_number();
            if !self.may_expand_vm(flags, pages) && self.may_expand_vm(vma.flags, pages) {
                return Err(Errno::ENOMEM);
            }
            let uncounted = VmFlags::ACCOUNT | VmFlags::WRITE | VmFlags::SHARED | VmFlags::NORESERVE | VmFlags::HUGETLB;
            if !vma.flags.intersects(uncounted) {
                self.vm_enough_memory(cx, pages)?;
                flags |= VmFlags::ACCOUNT;
            }
        } else if vma.backing == Backing::Anonymous && vma.anon_vma.is_none() {
            flags -= VmFlags::ACCOUNT; // it has no page that would need space, and gets none
        }
        self.set_vma_flags(cx, (start, end), flags)?;
        self.settle_commit(cx);
        self.change_pte_range(cx, (start, end), flags);
        let opens = flags.contains(VmFlags::WRITE) && !vma.flags.contains(VmFlags::WRITE);
        let locked = flags & (VmFlags::LOCKED_MASK | VmFlags::SHARED) == VmFlags::LOCKED;
        if opens && locked {
            self.mm_populate(cx, start, end); // what a write would copy is copied now
        }
        Ok(())
    }

    /// Makes `start..end`, part of one mapping, a mapping with these flags, joined with its neighbours where alike
    /// (`vma_modify_flags`).
    pub(super) fn set_vma_flags(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): (LinearAddr, LinearAddr),
        flags: VmFlags,
    ) -> Result<(), Errno> {
        self.split_vma(cx, start)?;
        let split_end = self.split_vma(cx, end);
        if split_end.is_err() {
            self.merge_vmas_at(cx, start);
            return split_end;
        }
        self.vmas.change(start, |vma| vma.flags = flags);
        self.merge_vmas_at(cx, start);
        self.merge_vmas_at(cx, end);
        Ok(())
    }

    /// Gives the pages that are there the rights of the mapping.
    fn change_pte_range(&mut self, cx: &mut MmCx<'_, '_>, (start, end): (LinearAddr, LinearAddr), flags: VmFlags) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if !pte::state(entry.pte).has_frame() {
                continue; // what is on the swap device gets its rights when it comes back
            }
            if flags.contains(VmFlags::HUGETLB) {
                let shootdown = self.table.set_pte(cx.hw.mem, entry, hugetlb::modify(&entry, flags));
                cx.flush(shootdown);
                continue;
            }
            let mut new = pte::modify(entry.pte, flags);
            if flags.contains(VmFlags::WRITE) && can_change_pte_writable(cx.frames, &entry, flags) {
                new.set_writable(true);
            }
            if new != entry.pte {
                let shootdown = self.table.set_pte(cx.hw.mem, entry, new);
                cx.flush(shootdown);
            }
        }
    }
}

/// True if a write to this page would need no fault but for the rights: the frame is the process's own and was not shared
/// by a fork since its last write, or was already written through a shared mapping (`can_change_pte_writable`).
fn can_change_pte_writable(frames: &FrameTable, old: &Entry, flags: VmFlags) -> bool {
    if flags.contains(VmFlags::SHARED) {
        return old.pte.dirty();
    }
    old.pages().all(|page| frames.get(pte::pfn(page.pte)).anon_exclusive)
}
