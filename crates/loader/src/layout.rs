//! Where things may go in the linear address space of a program.

use arch::LinearAddr;

/// The bounds and the base that a plan is made for; by default Linux's with ASLR off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Where the first segment of a static PIE starts, before `p_align` is respected. Linux: `ELF_ET_DYN_BASE`, rounded
    /// down to a page.
    pub pie_base: LinearAddr,
    /// No segment starts below (Linux: `vm.mmap_min_addr`), so that a null pointer never points to anything.
    pub min_addr: LinearAddr,
    /// No segment reaches beyond: from here up to [`Self::TASK_SIZE`] is the area of the stack.
    pub stack_floor: LinearAddr,
}

impl Layout {
    /// The end of user memory with 4-level paging: Linux's `TASK_SIZE`.
    pub const TASK_SIZE: LinearAddr = LinearAddr(0x7fff_ffff_f000);
}

impl Default for Layout {
    /// Linux's layout with ASLR off, and 8 MiB (the usual `RLIMIT_STACK`) for the stack.
    fn default() -> Self {
        Self {
            pie_base: LinearAddr(0x5555_5555_4000),
            min_addr: LinearAddr(0x1_0000),
            stack_floor: LinearAddr(Self::TASK_SIZE.0 - (8 << 20)),
        }
    }
}
