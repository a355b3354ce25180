//! Memory management: frames, address spaces, faults.
//!
//! An [`Mm`] is one address space: a tree of mappings ([`Vma`]) that says what may be where, and paging structures in
//! simulated physical memory that say what is there now. System calls change the tree and take pages out; page faults
//! put pages in. So an entry of the page table never gives more than the mapping over it, and whatever an entry does not
//! give is asked for by a fault.
//!
//! Who holds what: an entry of the page table holds a reference and a map count of its frame, apart from the shared zero
//! page, which is not counted (as on Linux); a mapping of a file holds a reference to the inode. [`Mm::drop_all`] gives
//! everything back.
//!
//! One operation a file, with Linux's name. Bytes of user memory are read and written only in [`uaccess`].

mod brk;
mod exec;
mod fault;
mod flags;
mod fork;
pub mod frames;
mod kernel_half;
mod layout;
mod madvise;
mod mincore;
mod mmap;
mod mprotect;
mod mremap;
mod msync;
mod munmap;
mod pgtable;
mod pte;
mod stack;
pub mod uaccess;
mod vma;
mod vma_tree;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use fault::{BUS_ADRERR, MemSignal, SEGV_ACCERR, SEGV_MAPERR, SI_KERNEL, SignalKind};
pub use flags::{FileMode, MapFlags, MremapFlags, MsyncFlags, Prot, VmFlags};
pub use kernel_half::{DIRECT_MAP, KernelHalf};
pub(crate) use layout::mmap_base;
pub use layout::{ELF_ET_DYN_BASE, MAX_MAP_COUNT, MMAP_MIN_ADDR, MmLimits, STACK_TOP, TASK_SIZE_MAX};
pub use madvise::Advice;
pub use mmap::MapSource;
pub use pgtable::OutOfFrames;
pub use uaccess::Partial;
pub use vma::{Backing, Vma, VmaName};

use crate::fs::{FsCx, InodeId, Vfs};
use crate::{Errno, Hw};
use arch::{Cr3, FRAME_SHIFT, LinearAddr, Pfn};
use event::Pid;
use frames::FrameTable;
use paging::Shootdown;
use pgtable::PageTable;
use vma_tree::VmaTree;

/// The shared zero page: frame 0, which is reserved at boot and never written.
const ZERO_PAGE: Pfn = Pfn(0);

/// What an operation on an address space works on.
pub struct MmCx<'a, 'b> {
    /// The machine.
    pub hw: &'a mut Hw<'b>,
    /// The frames of RAM.
    pub frames: &'a mut FrameTable,
    /// The files behind mappings.
    pub vfs: &'a mut Vfs,
    /// On whose behalf.
    pub pid: Pid,
}

impl MmCx<'_, '_> {
    /// What the file layer works on, and the file layer.
    fn fs(&mut self) -> (FsCx<'_>, &mut Vfs) {
        (FsCx { mem: self.hw.mem, frames: self.frames }, self.vfs)
    }

    /// Frees what the page cache can read again; gives how many frames that was.
    fn drop_clean_pages(&mut self) -> u64 {
        let (mut fs, vfs) = self.fs();
        vfs.drop_clean_pages(&mut fs)
    }

    /// Hands a shootdown to the machine.
    fn flush(&mut self, shootdown: Shootdown) {
        self.hw.shootdown.merge(shootdown);
    }

    /// One mapping of `vma`'s file more.
    fn vma_get_file(&mut self, vma: &Vma) {
        if let Some(inode) = vma.inode() {
            self.vfs.inode_get(inode);
        }
    }

    /// One mapping of `vma`'s file less.
    fn vma_put_file(&mut self, vma: &Vma) {
        if let Some(inode) = vma.inode() {
            let (mut fs, vfs) = self.fs();
            vfs.inode_put(&mut fs, inode);
        }
    }
}

/// Where the program's arguments and environment are, as strings one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strings {
    /// The first byte of the arguments.
    pub arg_start: LinearAddr,
    /// The first byte beyond.
    pub arg_end: LinearAddr,
    /// The first byte of the environment.
    pub env_start: LinearAddr,
    /// The first byte beyond.
    pub env_end: LinearAddr,
}

/// One address space (Linux's `mm_struct`).
#[derive(Debug)]
pub struct Mm {
    table: PageTable,
    vmas: VmaTree,
    limits: MmLimits,
    mmap_base: LinearAddr,
    start_brk: LinearAddr,
    brk: LinearAddr,
    /// An address in the initial stack.
    start_stack: LinearAddr,
    strings: Strings,
    /// The program that it was made for, which nobody may write to (`exe_file`).
    exe: Option<InodeId>,
    /// Pages with a frame of their own or of a file (`get_mm_rss`), now and at most.
    resident: u64,
    peak_resident: u64,
}

impl Mm {
    /// An empty address space with its own PML4 (`mm_alloc`). Where mappings go depends on the limit of the stack now.
    ///
    /// # Errors
    /// `ENOMEM` if no frame is left.
    pub fn new(cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf, limits: MmLimits) -> Result<Self, Errno> {
        let table = PageTable::new(cx.hw.mem, cx.frames, kernel_half).map_err(|OutOfFrames| Errno::ENOMEM)?;
        Ok(Self {
            table,
            vmas: VmaTree::default(),
            limits,
            mmap_base: layout::mmap_base(limits.stack),
            start_brk: LinearAddr(0),
            brk: LinearAddr(0),
            start_stack: STACK_TOP,
            strings: Strings::default(),
            exe: None,
            resident: 0,
            peak_resident: 0,
        })
    }

    /// What CR3 holds while this address space is in use.
    #[must_use]
    pub const fn cr3(&self) -> Cr3 {
        self.table.cr3()
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> MmLimits {
        self.limits
    }

    /// Where the arguments and the environment are.
    #[must_use]
    pub const fn strings(&self) -> &Strings {
        &self.strings
    }

    /// Tells where they are.
    pub const fn set_strings(&mut self, strings: Strings) {
        self.strings = strings;
    }

    /// Tells for which program it is.
    pub fn set_exe(&mut self, cx: &mut MmCx<'_, '_>, exe: InodeId) {
        cx.vfs.exe_get(exe);
        self.exe = Some(exe);
    }

    /// Takes new limits; what is mapped already stays.
    pub const fn set_limits(&mut self, limits: MmLimits) {
        self.limits = limits;
    }

    /// All mappings, from the lowest on.
    pub fn vmas(&self) -> impl DoubleEndedIterator<Item = &Vma> {
        self.vmas.iter()
    }

    /// The mapping that holds `la`, or else the next above, as Linux's function of this name.
    #[must_use]
    pub fn find_vma(&self, la: LinearAddr) -> Option<&Vma> {
        self.vmas.find(la)
    }

    /// The last mapping that starts below `la`: with [`Self::find_vma`], the neighbours of an address that is not mapped.
    #[must_use]
    pub fn vma_below(&self, la: LinearAddr) -> Option<&Vma> {
        self.vmas.starting_below(la)
    }

    /// What a mapping is for (`get_vma_name`).
    #[must_use]
    pub fn vma_name(&self, vma: &Vma) -> VmaName {
        match vma.inode() {
            Some(inode) => VmaName::File(inode),
            None if vma.start < self.brk && vma.end > self.start_brk => VmaName::Heap,
            None if vma.start <= self.start_stack && vma.end >= self.start_stack => VmaName::Stack,
            None => VmaName::Anonymous,
        }
    }

    /// Pages that are mapped, by frames of the process or of files; the shared zero page does not count.
    #[must_use]
    pub const fn resident_pages(&self) -> u64 {
        self.resident
    }

    /// The most pages that were resident at once (`hiwater_rss`).
    #[must_use]
    pub const fn peak_resident_pages(&self) -> u64 {
        self.peak_resident
    }

    /// Pages of all mappings (`total_vm`).
    #[must_use]
    pub fn total_vm_pages(&self) -> u64 {
        self.vmas.iter().map(Vma::pages).sum()
    }

    /// Gives back everything: mappings, frames, paging structures (`exit_mmap`).
    pub fn drop_all(mut self, cx: &mut MmCx<'_, '_>) {
        self.unmap_region(cx, LinearAddr(0), LinearAddr(TASK_SIZE_MAX));
        if let Some(exe) = self.exe {
            let (mut fs, vfs) = cx.fs();
            vfs.exe_put(&mut fs, exe);
        }
        debug_assert_eq!(self.resident, 0, "every page belongs to a mapping");
        self.table.free(cx.hw.mem, cx.frames);
    }

    /// True if so many pages more, of a mapping with these flags, stay within the limits (`may_expand_vm`).
    fn may_expand_vm(&self, flags: VmFlags, pages: u64) -> bool {
        let within = |limit: u64, now: &dyn Fn() -> u64| limit == u64::MAX || now() + pages <= limit >> FRAME_SHIFT;
        within(self.limits.address_space, &|| self.total_vm_pages())
            && (!is_data_mapping(flags) || within(self.limits.data, &|| self.data_vm_pages()))
    }

    /// Pages of private writable memory that is no stack (`data_vm`).
    #[must_use]
    pub fn data_vm_pages(&self) -> u64 {
        self.vmas.iter().filter(|vma| is_data_mapping(vma.flags)).map(Vma::pages).sum()
    }

    /// Refuses a mapping more than [`MAX_MAP_COUNT`].
    fn map_count_allows(&self, more: usize) -> Result<(), Errno> {
        if self.vmas.len() + more > MAX_MAP_COUNT { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// Makes `la` a border between mappings (`split_vma`).
    fn split_vma(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr) -> Result<(), Errno> {
        if self.vmas.containing(la).is_some_and(|vma| vma.start < la) {
            self.map_count_allows(1)?;
        }
        self.split_vma_uncounted(cx, la);
        Ok(())
    }

    /// The same beyond the limit, for a mapping that is about to go (`__split_vma`).
    fn split_vma_uncounted(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr) {
        if let Some(upper) = self.vmas.split(la) {
            cx.vma_get_file(&upper);
        }
    }

    /// Joins the mappings on both sides of `la` if they are alike.
    fn merge_vmas_at(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr) {
        if let Some(gone) = self.vmas.merge_before(la) {
            cx.vma_put_file(&gone);
        }
    }

    fn count_resident(&mut self) {
        self.resident += 1;
        self.peak_resident = self.peak_resident.max(self.resident);
    }
}

/// Private writable memory that is no stack (`is_data_mapping`).
const fn is_data_mapping(flags: VmFlags) -> bool {
    flags.contains(VmFlags::WRITE) && !flags.intersects(VmFlags::SHARED.union(VmFlags::GROWSDOWN))
}
