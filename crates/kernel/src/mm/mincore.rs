//! mincore: which pages are in memory (Linux's `mincore` system call, `do_mincore`).

use super::layout::{self, TASK_SIZE_MAX};
use super::pte::{self, PteState};
use super::vma::Vma;
use super::{Mm, MmCx};
use crate::Errno;
use arch::{FRAME_SHIFT, FRAME_SIZE, LinearAddr};

/// Bytes whose answers are copied out at once: those of a page of answers.
const CHUNK: u64 = FRAME_SIZE * FRAME_SIZE;

impl Mm {
    /// Writes a byte a page of `addr..addr+len` to `vec`: 1 if the page table has the page, or the page cache that of the
    /// file. What comes before a hole is written even so.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page, `ENOMEM` over a hole or beyond user space, `EFAULT` if `vec` cannot be written.
    pub fn mincore(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64, vec: LinearAddr) -> Result<(), Errno> {
        if addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        let end = addr.0.checked_add(len).filter(|end| *end <= TASK_SIZE_MAX).ok_or(Errno::ENOMEM)?;
        let end = LinearAddr(layout::page_align_len(end).ok_or(Errno::ENOMEM)?);
        let answers = end.page_number() - addr.page_number();
        vec.0.checked_add(answers).filter(|end| *end <= TASK_SIZE_MAX).ok_or(Errno::EFAULT)?;
        let mut at = addr;
        while at < end {
            let vma = *self.vmas.containing(at).ok_or(Errno::ENOMEM)?;
            let next = vma.end.min(end).min(LinearAddr(at.0.saturating_add(CHUNK)));
            let answer = self.residency(cx, &vma, (at, next));
            let out = vec.wrapping_add(at.page_number() - addr.page_number());
            self.copy_to_user(cx, out, &answer).map_err(|_| Errno::EFAULT)?;
            at = next;
        }
        Ok(())
    }

    /// The answers for a part of one mapping.
    fn residency(&self, cx: &MmCx<'_, '_>, vma: &Vma, (start, end): (LinearAddr, LinearAddr)) -> Vec<u8> {
        let pages = end.page_number() - start.page_number();
        let mut answer = match vma.file() {
            None => vec![0; pages as usize],
            Some(_) if vma.is_hugetlb() => vec![0; pages as usize], // only what is mapped counts
            Some((inode, offset)) => {
                let first = (offset + (start.0 - vma.start.0)) >> FRAME_SHIFT;
                (first..first + pages).map(|index| u8::from(cx.vfs.is_cached(inode, index))).collect()
            }
        };
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            let resident = match pte::state(entry.pte) {
                PteState::Swap(swapped) => cx.frames.swap.table.swap_cache(swapped).is_some(),
                _ => true,
            };
            if resident {
                let range = start.page_number()..end.page_number();
                let pages = entry.pages().map(|page| page.la.page_number()).filter(|page| range.contains(page));
                pages.for_each(|page| answer[(page - range.start) as usize] = 1);
            }
        }
        answer
    }
}
