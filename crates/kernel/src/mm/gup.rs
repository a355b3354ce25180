//! Another way to a page than the program's own: what a debugger reads and writes, whatever the mapping allows (Linux's
//! `mm/gup.c` with `FOLL_FORCE`, `access_remote_vm`).
//!
//! What the mapping allows goes the way of the kernel layer's own copies (`uaccess.rs`). Beyond that a page may be read if
//! mprotect could make it readable, and written if it could be made writable and is private: then it is copied first, and its
//! entry stays as the mapping wants it. The entries' rights are not looked at, and the frame is written by its number.

use super::fault::{Rights, VmFault, wp_can_reuse_anon_folio};
use super::pgtable::Entry;
use super::pte::{self, PteState};
use super::uaccess::Partial;
use super::vma::Vma;
use super::{Mm, MmCx, VmFlags};
use arch::{AccessKind, FRAME_SIZE, LinearAddr, PhysAddr};

/// Faults that one page may take until it is there to be written: brought in, split, copied.
const MOST_FAULTS: usize = 8;

impl Mm {
    /// Reads memory at an address, up to the first page that cannot be read; gives how many bytes that is.
    pub(crate) fn read_remote(&mut self, cx: &mut MmCx<'_, '_>, at: LinearAddr, buf: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let la = at.wrapping_add(done as u64);
            let end = buf.len().min(done + (FRAME_SIZE - la.page_offset()) as usize);
            let piece = &mut buf[done..end];
            let is_read = match self.forced(la, AccessKind::Read) {
                Some(vma) => match self.forced_page(cx, &vma, la, AccessKind::Read) {
                    Some(pa) => {
                        cx.hw.mem.read(pa, piece);
                        true
                    }
                    None => false,
                },
                None => self.copy_from_user(cx, la, piece).is_ok(),
            };
            if !is_read {
                break;
            }
            done = end;
        }
        done
    }

    /// Writes memory at an address, up to the first page that cannot be written; gives how many bytes that is.
    pub(crate) fn write_remote(&mut self, cx: &mut MmCx<'_, '_>, at: LinearAddr, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let la = at.wrapping_add(done as u64);
            let end = bytes.len().min(done + (FRAME_SIZE - la.page_offset()) as usize);
            let piece = &bytes[done..end];
            let written = match self.forced(la, AccessKind::Write) {
                Some(vma) => self.forced_page(cx, &vma, la, AccessKind::Write).map(|pa| cx.hw.mem.write(pa, piece)),
                None => self.copy_to_user(cx, la, piece).map_err(|Partial { .. }| ()).ok(),
            };
            if written.is_none() {
                break;
            }
            done = end;
        }
        done
    }

    /// The mapping at an address, if it forbids the access.
    fn forced(&self, la: LinearAddr, kind: AccessKind) -> Option<Vma> {
        let right = if kind == AccessKind::Write { VmFlags::WRITE } else { VmFlags::ACCESS };
        self.vmas.containing(la).copied().filter(|vma| !vma.flags.intersects(right))
    }

    /// Where the byte at an address is in RAM, in a mapping that forbids the access; `None` if that holds here too
    /// (`check_vma_flags`).
    fn forced_page(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, la: LinearAddr, kind: AccessKind) -> Option<PhysAddr> {
        let writes = kind == AccessKind::Write;
        let may = match writes {
            true => vma.flags & (VmFlags::SHARED | VmFlags::MAYWRITE) == VmFlags::MAYWRITE && !vma.is_hugetlb(),
            false => vma.flags.contains(VmFlags::MAYREAD),
        };
        if !may {
            return None;
        }
        let vmf = VmFault { vma: *vma, page: la.page_base(), kind, rights: Rights::Forced };
        for faults in 0..MOST_FAULTS {
            if writes {
                self.split_huge_range(cx, (vmf.page, vmf.page.wrapping_add(FRAME_SIZE)));
            }
            let entry = self.table.entry(cx.hw.mem, la).filter(|entry| pte::state(entry.pte).has_frame());
            match entry {
                Some(entry) if !writes => return Some(place(&entry, la)),
                // A fault has made sure that it is the process's own.
                Some(entry) if faults > 0 && wp_can_reuse_anon_folio(cx.frames, pte::pfn(entry.pte)) => {
                    let mut dirty = entry.pte;
                    dirty.set_dirty(true);
                    let shootdown = self.table.set_pte(cx.hw.mem, entry, dirty);
                    cx.flush(shootdown);
                    return Some(place(&entry, la));
                }
                _ => self.forced_fault(cx, &vmf)?,
            }
        }
        None
    }
}

/// Where the byte at an address is in the page that an entry maps.
fn place(entry: &Entry, la: LinearAddr) -> PhysAddr {
    debug_assert!(pte::state(entry.pte) != PteState::None);
    let base = pte::pfn(entry.pte).0 * FRAME_SIZE;
    PhysAddr(base + (la.0 & entry.size.offset_mask()))
}
