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

mod anon_vma;
mod brk;
pub mod buddy;
pub mod commit;
mod exec;
mod fault;
mod flags;
mod fork;
pub mod frames;
mod free_area;
mod gup;
mod history;
pub(crate) mod huge_memory;
pub(crate) mod hugetlb;
pub mod invariants;
mod kernel_half;
mod khugepaged;
mod layout;
mod madvise;
mod madvise_pages;
mod mincore;
mod mlock;
mod mmap;
mod mprotect;
mod mremap;
mod msync;
mod munmap;
mod page_counts;
mod pgtable;
mod pkeys;
mod prctl;
mod pte;
pub mod reclaim;
mod rmap;
mod rss;
pub(crate) mod slab;
mod smaps;
mod stack;
pub mod swap;
mod swap_in;
pub(crate) mod sysctl;
mod tell;
pub(crate) mod thp_setting;
pub mod uaccess;
mod vma;
mod vma_tree;
pub(crate) mod vmstat;
pub mod zone;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use commit::{Commit, CommitRights, Overcommit};
pub use fault::{BUS_ADRERR, MemSignal, SEGV_ACCERR, SEGV_MAPERR, SEGV_PKUERR, SI_KERNEL, SignalKind};
pub use flags::{FileMode, MapFlags, MclFlags, MremapFlags, MsyncFlags, Prot, VmFlags};
pub(crate) use history::History;
pub use history::{HistoryMode, MappingRecord, SpaceRecord};
pub use huge_memory::ThpMode;
pub use hugetlb::{HugePages, PoolCounts};
pub use kernel_half::{DIRECT_MAP, KernelHalf};
pub(crate) use layout::mmap_base;
pub use layout::{ELF_ET_DYN_BASE, MAX_MAP_COUNT, MMAP_MIN_ADDR, MmLimits, STACK_TOP, TASK_SIZE_MAX};
pub use madvise::Advice;
pub use mmap::MapSource;
pub(crate) use page_counts::PageCounts;
pub use pgtable::OutOfFrames;
pub(crate) use prctl::{Mdwe, MmPrctl};
pub use rss::{Rss, RssKind};
pub use smaps::{FrameNumbers, MemSizeStats, MmView, Pss};
pub use uaccess::Partial;
pub use vma::{Backing, Vma, VmaName};

use crate::fs::{FsCx, InodeId, Vfs};
use crate::{Errno, Hw};
use anon_vma::AnonVmas;
use arch::{Cr3, FRAME_SHIFT, KeyRights, LinearAddr, Pfn, SpaceId};
use event::{Event, Pid};
use frames::FrameTable;
use paging::Shootdown;
use pgtable::PageTable;
use std::collections::BTreeSet;
use std::rc::Rc;
use vma_tree::{VmaTree, is_data_mapping};

/// The shared zero page: frame 0, which is reserved at boot and never written.
const ZERO_PAGE: Pfn = Pfn(0);

/// Anonymous mappings, the first pages of programs, private large pages (`MMF_DUMP_FILTER_DEFAULT`).
const MMF_DUMP_FILTER_DEFAULT: u32 = 0x33;

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

    /// Takes so many pages out of memory, or as many as can go; gives how many that was (direct reclaim,
    /// `try_to_free_pages`). Only between operations: no frame or entry that was looked at before is good after it.
    fn reclaim(&mut self, pages: u64) -> u64 {
        self.frames.stat.allocstall_normal += 1;
        let (mut fs, vfs) = self.fs();
        reclaim::shrink(&mut fs, vfs, pages, reclaim::Reclaimer::Direct)
    }

    /// Does `operation`, which undoes itself if it finds no frame. Then pages are taken out, more each time, and it is done
    /// again, until it has what it needs or nothing can go.
    pub(crate) fn with_reclaim<T>(
        &mut self,
        mut operation: impl FnMut(&mut Self) -> Result<T, OutOfFrames>,
    ) -> Result<T, OutOfFrames> {
        let mut pages = reclaim::SWAP_CLUSTER_MAX;
        loop {
            match operation(self) {
                Err(OutOfFrames) if self.reclaim(pages) > 0 => pages *= 2,
                outcome => return outcome,
            }
        }
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
    /// What every new mapping has (`def_flags`: mlockall).
    def_flags: VmFlags,
    /// `PR_SET_THP_DISABLE`: no large pages, here and in the children (`MMF_DISABLE_THP`).
    thp_disabled: bool,
    /// The identities of mappings with anonymous pages.
    anon_vmas: AnonVmas,
    /// What else prctl says.
    pub(crate) prctl: MmPrctl,
    /// Protection keys.
    pkeys: pkeys::Pkeys,
    /// What the keys allow to the thread that a system call is made for; `None` outside of one.
    user_keys: Option<KeyRights>,
    /// Which mappings a core would have (`MMF_DUMP_FILTER_MASK`); none is ever written.
    pub(crate) coredump_filter: u32,
    /// For which commands of membarrier it is registered.
    pub(crate) membarrier: u64,
    mmap_base: LinearAddr,
    start_brk: LinearAddr,
    brk: LinearAddr,
    /// An address in the initial stack.
    start_stack: LinearAddr,
    strings: Strings,
    /// The program that it was made for, which nobody may write to (`exe_file`).
    exe: Option<InodeId>,
    /// What is resident, and on the swap device.
    rss: Rc<Rss>,
    /// The most pages of all mappings before any were unmapped (`hiwater_vm`).
    peak_vm: u64,
    /// What it has told the sum of what is committed, in pages.
    committed: u64,
    /// The large pages that pools have promised to private mappings, and that they do not have yet.
    promised: BTreeSet<LinearAddr>,
}

impl Mm {
    /// An empty address space with its own PML4 (`mm_alloc`). Where mappings go depends on the limit of the stack now.
    ///
    /// # Errors
    /// `ENOMEM` if no frame is left.
    pub fn new(cx: &mut MmCx<'_, '_>, kernel_half: &KernelHalf, limits: MmLimits) -> Result<Self, Errno> {
        let (id, rss) = cx.frames.add_rss();
        let table = PageTable::new(cx.hw.mem, cx.frames, kernel_half, id).map_err(|OutOfFrames| {
            cx.frames.remove_rss(id);
            Errno::ENOMEM
        })?;
        Ok(Self {
            table,
            vmas: VmaTree::default(),
            limits,
            def_flags: VmFlags::empty(),
            thp_disabled: false,
            anon_vmas: AnonVmas::default(),
            prctl: MmPrctl::default(),
            pkeys: pkeys::Pkeys::default(),
            user_keys: None,
            coredump_filter: MMF_DUMP_FILTER_DEFAULT,
            membarrier: 0,
            mmap_base: layout::mmap_base(limits.stack),
            start_brk: LinearAddr(0),
            brk: LinearAddr(0),
            start_stack: STACK_TOP,
            strings: Strings::default(),
            exe: None,
            rss,
            peak_vm: 0,
            committed: 0,
            promised: BTreeSet::new(),
        })
    }

    /// Its number, which no other address space ever has.
    #[must_use]
    pub(crate) const fn space(&self) -> SpaceId {
        self.table.space()
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

    /// Whether large pages are refused (`PR_GET_THP_DISABLE`).
    #[must_use]
    pub const fn thp_disabled(&self) -> bool {
        self.thp_disabled
    }

    /// Refuses large pages, or takes that back (`PR_SET_THP_DISABLE`).
    pub const fn set_thp_disabled(&mut self, disabled: bool) {
        self.thp_disabled = disabled;
    }

    /// All mappings, from the lowest on.
    pub fn vmas(&self) -> impl DoubleEndedIterator<Item = &Vma> {
        self.vmas.iter()
    }

    /// How many mappings there are (`map_count`).
    #[must_use]
    pub fn vma_count(&self) -> usize {
        self.vmas.len()
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

    /// Whether a shared mapping of a file may write, or may be made to (`i_mmap_writable`).
    #[must_use]
    pub fn may_write_shared(&self, inode: InodeId) -> bool {
        let writable = VmFlags::SHARED | VmFlags::MAYWRITE;
        self.vmas.iter().any(|vma| vma.inode() == Some(inode) && vma.flags.contains(writable))
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
    pub fn resident_pages(&self) -> u64 {
        self.rss.resident()
    }

    /// What is resident by kind, and what is on the swap device.
    #[must_use]
    pub fn rss(&self) -> &Rss {
        &self.rss
    }

    /// The most pages that were resident at once (`hiwater_rss`).
    #[must_use]
    pub fn peak_resident_pages(&self) -> u64 {
        self.rss.peak()
    }

    /// Pages of all mappings (`total_vm`).
    #[must_use]
    pub const fn total_vm_pages(&self) -> u64 {
        self.vmas.pages().total
    }

    /// The most pages that all mappings had at once (`hiwater_vm`).
    #[must_use]
    pub fn peak_vm_pages(&self) -> u64 {
        self.peak_vm.max(self.total_vm_pages())
    }

    /// Forgets how many pages were resident once (`reset_mm_hiwater_rss`).
    pub(crate) fn reset_peak_resident(&self) {
        self.rss.reset_peak();
    }

    /// Gives back everything: mappings, frames, paging structures (`exit_mmap`).
    pub fn drop_all(mut self, cx: &mut MmCx<'_, '_>) {
        self.tell_of_mapping(cx.frames, Event::EndSpace);
        // What goes with its address space is noted with it, once.
        let mut history = cx.frames.history.take();
        if let Some(history) = &mut history {
            history.ended(cx.pid, &self, cx.vfs);
        }
        self.unmap_region(cx, LinearAddr(0), LinearAddr(TASK_SIZE_MAX));
        cx.frames.history = history;
        self.settle_commit(cx);
        if let Some(exe) = self.exe {
            let (mut fs, vfs) = cx.fs();
            vfs.exe_put(&mut fs, exe);
        }
        debug_assert_eq!((self.rss.resident(), self.rss.get(RssKind::Swap)), (0, 0), "every page belongs to a mapping");
        self.table.free(cx.hw.mem, cx.frames);
    }

    /// True if so many pages more, of a mapping with these flags, stay within the limits (`may_expand_vm`).
    fn may_expand_vm(&self, flags: VmFlags, pages: u64) -> bool {
        let within = |limit: u64, now: u64| limit == u64::MAX || now + pages <= limit >> FRAME_SHIFT;
        within(self.limits.address_space, self.total_vm_pages())
            && (!is_data_mapping(flags) || within(self.limits.data, self.data_vm_pages()))
    }

    /// Pages of private writable memory that is no stack (`data_vm`).
    #[must_use]
    pub const fn data_vm_pages(&self) -> u64 {
        self.vmas.pages().data
    }

    /// Refuses a mapping more than there may be (`sysctl_max_map_count`).
    fn map_count_allows(&self, cx: &MmCx<'_, '_>, more: usize) -> Result<(), Errno> {
        if self.vmas.len() + more > cx.frames.sysctl.max_map_count { Err(Errno::ENOMEM) } else { Ok(()) }
    }

    /// Makes `la` a border between mappings (`split_vma`).
    fn split_vma(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr) -> Result<(), Errno> {
        if self.vmas.containing(la).is_some_and(|vma| vma.start < la) {
            self.map_count_allows(cx, 1)?;
        }
        self.can_split_at(la)?;
        self.split_vma_uncounted(cx, la);
        Ok(())
    }

    /// Refuses a border within a large page of a pool (`hugetlb_vm_op_split`).
    fn can_split_at(&self, la: LinearAddr) -> Result<(), Errno> {
        let may = self.vmas.containing(la).is_none_or(|vma| vma.can_split_at(la));
        if may { Ok(()) } else { Err(Errno::EINVAL) }
    }

    /// The same beyond the limit, for a mapping that is about to go (`__split_vma`).
    fn split_vma_uncounted(&mut self, cx: &mut MmCx<'_, '_>, la: LinearAddr) {
        self.split_huge_at(cx, la);
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
}
