//! The stack: its mapping, and how it grows (Linux's `setup_arg_pages`, `expand_downwards`, `acct_stack_growth`).

use super::flags::VmFlags;
use super::layout::{MMAP_MIN_ADDR, STACK_GUARD_GAP, STACK_TOP, page_align_len};
use super::vma::{Backing, Vma};
use super::{Mm, MmCx};
use crate::Errno;
use arch::{FRAME_SIZE, LinearAddr};

/// What the stack gets beyond its arguments at the start: 32 pages.
const STACK_EXPAND: u64 = 0x2_0000;

impl Mm {
    /// Maps the initial stack below [`STACK_TOP`]: room for `argument_bytes` of strings, and 128 KiB. `access` is
    /// `READ | WRITE`, with `EXEC` for a program whose `PT_GNU_STACK` asks for it.
    ///
    /// # Errors
    /// `ENOMEM` if the limits do not allow it.
    pub fn setup_arg_pages(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        argument_bytes: u64,
        access: super::Prot,
    ) -> Result<(), Errno> {
        let arguments = page_align_len(argument_bytes.max(1)).ok_or(Errno::ENOMEM)?;
        let limit = self.limits.stack & !(FRAME_SIZE - 1);
        let size = limit.min(arguments.saturating_add(STACK_EXPAND)).max(arguments);
        let flags = (VmFlags::STACK - VmFlags::ACCESS) | VmFlags::of_prot(access);
        if size > STACK_TOP.0 - MMAP_MIN_ADDR || !self.may_expand_vm(flags, size / FRAME_SIZE) {
            return Err(Errno::ENOMEM);
        }
        let start = LinearAddr(STACK_TOP.0 - size);
        self.unmap_region(cx, start, STACK_TOP);
        let vma = Vma::new(start, STACK_TOP, flags, Backing::Anonymous);
        self.insert_vma(cx, vma);
        self.start_stack = LinearAddr(STACK_TOP.0 - 8);
        self.tell_mapped(cx, &vma);
        Ok(())
    }

    /// Tells where the program's stack pointer starts, by which the stack is known from other mappings.
    pub const fn set_start_stack(&mut self, rsp: LinearAddr) {
        self.start_stack = rsp;
    }

    /// Where the program's stack pointer started (`start_stack` in `/proc/<pid>/stat`).
    #[must_use]
    pub const fn start_stack(&self) -> LinearAddr {
        self.start_stack
    }

    /// Grows a mapping that grows down, so that it holds `la`, a place below it. `None` if it must not: it does not grow
    /// down, it would be larger than the limits allow, or come within the guard gap of another mapping.
    pub(super) fn expand_downwards(&mut self, vma: Vma, la: LinearAddr) -> Option<Vma> {
        let start = la.page_base();
        if !vma.flags.contains(VmFlags::GROWSDOWN) || start.0 < self.limits.min_addr || !self.guard_gap_is_kept(start) {
            return None;
        }
        let grown = Vma { start, ..vma };
        let pages = grown.pages() - vma.pages();
        let within = self.may_expand_vm(vma.flags, pages) && self.mlock_future_ok(vma.flags, pages);
        if grown.len() > self.limits.stack || !within {
            return None;
        }
        self.vmas.grow_down(vma.start, start);
        Some(grown)
    }

    /// True if nothing that can be accessed lies within the guard gap below `start`; another stack may.
    fn guard_gap_is_kept(&self, start: LinearAddr) -> bool {
        self.vmas.starting_below(start).is_none_or(|below| {
            below.flags.contains(VmFlags::GROWSDOWN)
                || !below.flags.intersects(VmFlags::ACCESS)
                || start.0 - below.end.0 >= STACK_GUARD_GAP
        })
    }
}
