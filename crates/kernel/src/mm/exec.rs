//! A program's segments become mappings (the mapping part of Linux's `load_elf_binary`: `elf_load`, `padzero`,
//! `vm_brk_flags`).
//!
//! Nothing is read but the page that holds the end of a writable segment's bytes, whose rest is cleared: a write fault of
//! the kernel layer. `PT_GNU_RELRO` is not the kernel's: a static program's start-up code calls mprotect for it.

use super::flags::{FileMode, MapFlags, Prot, VmFlags};
use super::mmap::MapSource;
use super::{Mm, MmCx};
use crate::Errno;
use crate::fs::InodeId;
use loader::{AnonymousPages, FilePages, LoadPlan, Protection, StackProtection, ZeroTail};

impl Mm {
    /// Maps a program's segments into this address space, sets where the heap starts, and maps the stack with room for
    /// `argument_bytes` of strings.
    ///
    /// # Errors
    /// `ENOMEM` beyond limits or frames, `EPERM` for segments too low, `EFAULT` if a segment's tail cannot be cleared.
    pub fn map_program(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        plan: &LoadPlan,
        inode: InodeId,
        argument_bytes: u64,
    ) -> Result<(), Errno> {
        let stack = match plan.stack {
            StackProtection::NotExecutable => Prot::READ | Prot::WRITE,
            StackProtection::Executable => Prot::READ | Prot::WRITE | Prot::EXEC,
        };
        self.setup_arg_pages(cx, argument_bytes, stack)?;
        self.map_segments(cx, plan, inode)?;
        self.set_brk_start(plan.brk_start);
        Ok(())
    }

    /// Maps the segments alone, as for a dynamic loader.
    ///
    /// # Errors
    /// As [`Self::map_program`].
    pub fn map_segments(&mut self, cx: &mut MmCx<'_, '_>, plan: &LoadPlan, inode: InodeId) -> Result<(), Errno> {
        for segment in &plan.segments {
            if let Some(pages) = &segment.file {
                self.elf_map(cx, pages, inode)?;
            }
            if let Some(tail) = &segment.zero {
                self.padzero(cx, tail)?;
            }
            if let Some(pages) = &segment.anonymous {
                self.elf_bss(cx, pages, inode)?;
            }
        }
        Ok(())
    }

    fn elf_map(&mut self, cx: &mut MmCx<'_, '_>, pages: &FilePages, inode: InodeId) -> Result<(), Errno> {
        let flags = MapFlags::PRIVATE | MapFlags::FIXED;
        let source = MapSource::File { inode, offset: pages.offset, mode: FileMode::READ };
        self.mmap(cx, pages.range.start, pages.range.len(), prot(pages.protection), flags, source).map(|_| ())
    }

    fn padzero(&mut self, cx: &mut MmCx<'_, '_>, tail: &ZeroTail) -> Result<(), Errno> {
        self.clear_user(cx, tail.range.start, tail.range.len()).map_err(|_| Errno::EFAULT)
    }

    fn elf_bss(&mut self, cx: &mut MmCx<'_, '_>, pages: &AnonymousPages, program: InodeId) -> Result<(), Errno> {
        let exec = VmFlags::of_prot(prot(pages.protection)) & VmFlags::EXEC;
        self.vm_brk_flags(cx, pages.range.start, pages.range.len(), (exec, program))
    }
}

const fn prot(protection: Protection) -> Prot {
    Prot::from_bits_truncate(protection.bits() as u64)
}
