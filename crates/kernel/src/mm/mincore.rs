//! mincore: which pages are in memory (Linux's `mincore` system call).

use super::layout::{self, TASK_SIZE_MAX};
use super::{Mm, MmCx, pte};
use crate::Errno;
use arch::{FRAME_SIZE, LinearAddr};

/// Pages whose answers are copied out at once.
const CHUNK: u64 = FRAME_SIZE;

impl Mm {
    /// Writes a byte a page of `addr..addr+len` to `vec`: 1 if the page table has the page. A page of a file that is in
    /// the page cache, but not mapped yet, counts as absent.
    ///
    /// # Errors
    /// `EINVAL` for an address within a page, `ENOMEM` over a hole or beyond user space, `EFAULT` if `vec` cannot be written.
    pub fn mincore(&mut self, cx: &mut MmCx<'_, '_>, addr: LinearAddr, len: u64, vec: LinearAddr) -> Result<(), Errno> {
        if addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        let end = addr.0.checked_add(len).filter(|end| *end <= TASK_SIZE_MAX).ok_or(Errno::ENOMEM)?;
        let end = layout::page_align_len(end).ok_or(Errno::ENOMEM)?;
        let mut at = addr;
        while at.0 < end {
            let chunk = CHUNK.min((end - at.0) / FRAME_SIZE);
            let answer = self.residency(cx, at, chunk)?;
            let out = vec.wrapping_add(at.page_number() - addr.page_number());
            self.copy_to_user(cx, out, &answer).map_err(|_| Errno::EFAULT)?;
            at = at.wrapping_add(chunk * FRAME_SIZE);
        }
        Ok(())
    }

    fn residency(&self, cx: &MmCx<'_, '_>, start: LinearAddr, pages: u64) -> Result<Vec<u8>, Errno> {
        let end = start.wrapping_add(pages * FRAME_SIZE);
        if self.mapped_pages(start, end) != pages {
            return Err(Errno::ENOMEM);
        }
        let mut answer = vec![0; pages as usize];
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if pte::state(entry.pte) != pte::PteState::None {
                answer[(entry.la.page_number() - start.page_number()) as usize] = 1;
            }
        }
        Ok(answer)
    }
}
