//! Copying between the kernel layer and user memory.
//!
//! Page by page: the address is translated as an explicit supervisor access with AC=1 (SMAP is open), through the real
//! entries, so that A and D are set as the processor would set them; a fault is handled as the program's own, and the
//! translation repeated. In a system call the thread's protection keys are obeyed. The frame is pinned while its bytes move. What is beyond user space is refused unseen.

use super::layout::TASK_SIZE_MAX;
use super::reclaim::references::PageKey;
use super::{Mm, MmCx};
use crate::Errno;
use arch::{Access, AccessKind, ControlRegs, Cr4, FRAME_SIZE, LinearAddr, PhysAddr, Privilege};
use paging::{NoModel, PagingContext};

/// A copy that met an address it could not use: `EFAULT`, or a partial count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Bytes copied before.
    pub copied: usize,
}

/// A part of a transfer that lies within a page.
struct Piece {
    pa: PhysAddr,
    len: usize,
}

impl Mm {
    /// Copies `src` to user memory.
    ///
    /// # Errors
    /// [`Partial`] at the first page that cannot be written.
    pub fn copy_to_user(&mut self, cx: &mut MmCx<'_, '_>, dst: LinearAddr, src: &[u8]) -> Result<(), Partial> {
        self.access_ok(dst, src.len())?;
        let mut copied = 0;
        while copied < src.len() {
            let (la, left) = (dst.wrapping_add(copied as u64), src.len() - copied);
            let piece = self.piece(cx, la, left, AccessKind::Write).ok_or(Partial { copied })?;
            with_pinned(cx, &piece, |cx| cx.hw.mem.write(piece.pa, &src[copied..copied + piece.len]));
            copied += piece.len;
        }
        Ok(())
    }

    /// Fills `dst` from user memory.
    ///
    /// # Errors
    /// [`Partial`] at the first page that cannot be read.
    pub fn copy_from_user(&mut self, cx: &mut MmCx<'_, '_>, src: LinearAddr, dst: &mut [u8]) -> Result<(), Partial> {
        self.access_ok(src, dst.len())?;
        let mut copied = 0;
        while copied < dst.len() {
            let (la, left) = (src.wrapping_add(copied as u64), dst.len() - copied);
            let piece = self.piece(cx, la, left, AccessKind::Read).ok_or(Partial { copied })?;
            with_pinned(cx, &piece, |cx| cx.hw.mem.read(piece.pa, &mut dst[copied..copied + piece.len]));
            copied += piece.len;
        }
        Ok(())
    }

    /// Zeroes `len` bytes of user memory (`clear_user`).
    ///
    /// # Errors
    /// [`Partial`] at the first page that cannot be written.
    pub fn clear_user(&mut self, cx: &mut MmCx<'_, '_>, dst: LinearAddr, len: u64) -> Result<(), Partial> {
        const ZEROS: [u8; FRAME_SIZE as usize] = [0; FRAME_SIZE as usize];
        let mut done = 0;
        while done < len {
            let chunk = (len - done).min(FRAME_SIZE) as usize;
            let copy = self.copy_to_user(cx, dst.wrapping_add(done), &ZEROS[..chunk]);
            copy.map_err(|Partial { copied }| Partial { copied: done as usize + copied })?;
            done += chunk as u64;
        }
        Ok(())
    }

    /// The bytes of a string in user memory up to its NUL, which is not among them (`strncpy_from_user`).
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG` if there is no NUL among the first `max` bytes.
    pub fn copy_cstr_from_user(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        src: LinearAddr,
        max: usize,
    ) -> Result<Vec<u8>, Errno> {
        let mut string = Vec::new();
        while string.len() < max {
            let la = src.wrapping_add(string.len() as u64);
            let mut page = [0; FRAME_SIZE as usize];
            let part = &mut page[..(FRAME_SIZE - la.page_offset()).min((max - string.len()) as u64) as usize];
            self.copy_from_user(cx, la, part).map_err(|_| Errno::EFAULT)?;
            if let Some(end) = part.iter().position(|byte| *byte == 0) {
                string.extend_from_slice(&part[..end]);
                return Ok(string);
            }
            string.extend_from_slice(part);
        }
        Err(Errno::ENAMETOOLONG)
    }

    /// Refuses a range that is not all in user space (`access_ok`).
    fn access_ok(&self, la: LinearAddr, len: usize) -> Result<(), Partial> {
        let in_user_space = la.0.checked_add(len as u64).is_some_and(|end| end <= TASK_SIZE_MAX);
        if in_user_space { Ok(()) } else { Err(Partial { copied: 0 }) }
    }

    /// The part of `left` bytes at `la` that lies in its page, present and open to the access.
    fn piece(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr, left: usize, kind: AccessKind) -> Option<Piece> {
        let mut context = PagingContext::new(ControlRegs::long_mode(self.cr3()));
        context.alignment_check = true;
        if let Some(keys) = self.user_keys {
            context.regs.cr4 |= Cr4::PKE;
            context.regs.pkru = keys;
        }
        let access = Access::new(kind, Privilege::Supervisor);
        loop {
            match paging::translate(&mut NoModel, cx.hw.mem, &context, la, access) {
                Ok(translation) => {
                    if let Some(references) = &cx.frames.references {
                        references.touch(PageKey::linear(self.space(), la), translation.frame);
                    }
                    let len = left.min((FRAME_SIZE - la.page_offset()) as usize);
                    return Some(Piece { pa: translation.apply(la), len });
                }
                Err(fault) => self.handle_mm_fault(cx, KERNEL_LAYER, fault).ok()?,
            };
        }
    }
}

/// The `rip` of a fault that the kernel layer meets: it has no instructions.
const KERNEL_LAYER: LinearAddr = LinearAddr(0);

/// Holds the frame of a piece while `copy` runs.
fn with_pinned<'a, 'b>(cx: &mut MmCx<'a, 'b>, piece: &Piece, copy: impl FnOnce(&mut MmCx<'a, 'b>)) {
    cx.frames.get_ref(piece.pa.pfn());
    copy(cx);
    cx.frames.put(piece.pa.pfn());
}
