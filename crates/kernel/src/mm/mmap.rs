//! mmap: a new mapping (Linux's `do_mmap` and `mmap_region`).
//!
//! A mapping of many TiB is a node in the tree; frames and page tables come with the pages that are touched. How much may be
//! promised is in [`super::commit`].

use super::flags::{FileMode, MapFlags, Prot, VmFlags};
use super::layout::{self, PMD_SIZE, TASK_SIZE_MAX};
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, Overcommit, hugetlb};
use crate::Errno;
use crate::fs::{InodeId, MAX_FILE_BYTES};
use arch::{FRAME_SIZE, LinearAddr};

/// What a new mapping is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapSource {
    /// Zeros (`MAP_ANONYMOUS`).
    Anonymous,
    /// An open file.
    File {
        /// The file. The mapping takes its own reference.
        inode: InodeId,
        /// Where the mapping starts in it, in bytes.
        offset: u64,
        /// How it was opened, which bounds what the mapping may do.
        mode: FileMode,
    },
}

/// The bits of the two sizes that `MAP_HUGETLB` may ask for (`MAP_HUGE_2MB`, `MAP_HUGE_1GB`).
const HUGE_SIZES: MapFlags = MapFlags::from_bits_retain((21 | 30) << 26);

/// Flags that Linux's file mappings know (`LEGACY_MAP_MASK`); others are an error with `MAP_SHARED_VALIDATE`.
const LEGACY_MAP_MASK: MapFlags = MapFlags::SHARED
    .union(MapFlags::PRIVATE)
    .union(MapFlags::FIXED)
    .union(MapFlags::ANONYMOUS)
    .union(MapFlags::DENYWRITE)
    .union(MapFlags::EXECUTABLE)
    .union(MapFlags::GROWSDOWN)
    .union(MapFlags::LOCKED)
    .union(MapFlags::NORESERVE)
    .union(MapFlags::POPULATE)
    .union(MapFlags::NONBLOCK)
    .union(MapFlags::STACK)
    .union(MapFlags::HUGETLB)
    .union(MapFlags::BITS_32)
    .union(HUGE_SIZES)
    .union(MapFlags::FIXED_NOREPLACE);

impl Mm {
    /// Maps `len` bytes at `addr`, or near it, or anywhere (`addr` 0), and gives the place.
    ///
    /// # Errors
    /// As mmap(2): `EINVAL`, `ENOMEM`, `EPERM`, `EEXIST`, `EACCES`, `EOVERFLOW`, `EOPNOTSUPP`.
    pub fn mmap(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        addr: LinearAddr,
        len: u64,
        prot: Prot,
        flags: MapFlags,
        source: MapSource,
    ) -> Result<LinearAddr, Errno> {
        if let MapSource::File { offset, .. } = source
            && offset % FRAME_SIZE != 0
        {
            return Err(Errno::EINVAL);
        }
        if source == MapSource::Anonymous && flags.contains(MapFlags::HUGETLB) {
            return self.mmap_anon_hugepage(cx, addr, len, prot, flags);
        }
        let (len, mut flags) = match source {
            MapSource::File { inode, .. } => Self::in_pages_of_file(cx, inode, len, flags)?,
            MapSource::Anonymous => (len, flags),
        };
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let len = layout::page_align_len(len).filter(|len| *len != 0).ok_or(Errno::ENOMEM)?;
        if let MapSource::File { offset, .. } = source
            && offset.checked_add(len).is_none_or(|end| end > MAX_FILE_BYTES)
        {
            return Err(Errno::EOVERFLOW);
        }
        self.map_count_allows(cx, 0)?;
        let place = self.get_unmapped_area(self.round_hint_to_min(addr, flags), len, flags)?;
        let end = place.wrapping_add(len);
        if flags.contains(MapFlags::FIXED_NOREPLACE) && self.vmas.intersection(place, end).is_some() {
            return Err(Errno::EEXIST);
        }
        if flags.contains(MapFlags::LOCKED) {
            self.can_do_mlock()?;
        }
        let mut base = self.def_flags;
        base.set(VmFlags::LOCKED, flags.contains(MapFlags::LOCKED) || base.contains(VmFlags::LOCKED));
        if !self.mlock_future_ok(base, len / FRAME_SIZE) {
            return Err(Errno::EAGAIN);
        }
        let hugetlb = flags.contains(MapFlags::HUGETLB);
        if cx.frames.commit.overcommit == Overcommit::Never && !hugetlb {
            flags -= MapFlags::NORESERVE; // all is reserved
        }
        let inherited = if hugetlb { base - VmFlags::LOCKED_MASK } else { base }; // they stay anyway
        let vm_flags = inherited | vm_flags(prot, flags, source)?;
        let vm_flags = vm_flags.with_pkey(self.key_for(vm_flags, prot, None));
        if self.prctl.denies(vm_flags, vm_flags) {
            return Err(Errno::EACCES);
        }
        self.mmap_region(cx, (place, end), vm_flags, source)?;
        let fill_now = flags.contains(MapFlags::POPULATE) && !flags.contains(MapFlags::NONBLOCK);
        if fill_now || base.contains(VmFlags::LOCKED) {
            self.mm_populate(cx, place, end);
        }
        Ok(place)
    }

    /// Puts a mapping at `start..end` in place of what is there (`mmap_region`).
    fn mmap_region(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): (LinearAddr, LinearAddr),
        mut flags: VmFlags,
        source: MapSource,
    ) -> Result<(), Errno> {
        let replaced = self.mapped_pages(start, end);
        let pages = (end.0 - start.0) / FRAME_SIZE;
        if !self.may_expand_vm(flags, pages - replaced) {
            return Err(Errno::ENOMEM);
        }
        if flags.contains(VmFlags::ACCOUNT) {
            self.vm_enough_memory(cx, pages.saturating_sub(self.accounted_pages(start, end)))?;
        }
        self.munmap_range(cx, start, end)?;
        let backing = match source {
            MapSource::File { inode, offset, .. } => {
                if flags.contains(VmFlags::HUGETLB) {
                    flags = self.hugetlb_file_mmap(cx, (start, end), flags, (inode, offset))?;
                }
                cx.vfs.inode_get(inode);
                Backing::File { inode, offset }
            }
            MapSource::Anonymous if flags.contains(VmFlags::SHARED) => {
                self.vm_enough_memory(cx, pages)?;
                let (mut fs, vfs) = cx.fs();
                Backing::File { inode: vfs.shmem_file_setup(&mut fs, b"dev/zero", end.0 - start.0)?, offset: 0 }
            }
            MapSource::Anonymous => Backing::Anonymous,
        };
        let vma = Vma::new(start, end, flags, backing);
        self.tell_mapped(cx, &vma);
        self.insert_vma(cx, vma);
        self.settle_commit(cx);
        Ok(())
    }

    /// Adds a mapping and joins it with its neighbours where they are alike.
    pub(super) fn insert_vma(&mut self, cx: &mut MmCx<'_, '_>, vma: Vma) {
        self.vmas.insert(vma);
        self.merge_vmas_at(cx, vma.start);
        self.merge_vmas_at(cx, vma.end);
    }

    /// Pages of `start..end` that are mapped (`count_vma_pages_range`).
    pub(super) fn mapped_pages(&self, start: LinearAddr, end: LinearAddr) -> u64 {
        let bytes: u64 = self.vmas.overlapping(start, end).map(|v| v.end.min(end).0 - v.start.max(start).0).sum();
        bytes / FRAME_SIZE
    }

    /// Pages of `start..end` that count as committed.
    fn accounted_pages(&self, start: LinearAddr, end: LinearAddr) -> u64 {
        let accounted = self.vmas.overlapping(start, end).filter(|vma| vma.flags.contains(VmFlags::ACCOUNT));
        accounted.map(|vma| (vma.end.min(end).0 - vma.start.max(start).0) / FRAME_SIZE).sum()
    }

    /// A wish below the lowest address becomes the lowest.
    fn round_hint_to_min(&self, addr: LinearAddr, flags: MapFlags) -> LinearAddr {
        let page = addr.page_base();
        match page.0 {
            _ if is_fixed(flags) => addr,
            1.. if page.0 < self.limits.min_addr => LinearAddr(self.limits.min_addr).page_align_up().unwrap_or(page),
            _ => page,
        }
    }

    /// A place for `len` bytes: `addr` itself with `MAP_FIXED`, `addr` if it is free, else the highest free place below
    /// the mmap base, else the lowest above the legacy base (`get_unmapped_area`).
    pub(super) fn get_unmapped_area(&self, addr: LinearAddr, len: u64, flags: MapFlags) -> Result<LinearAddr, Errno> {
        if len > TASK_SIZE_MAX {
            return Err(Errno::ENOMEM);
        }
        let place = if is_fixed(flags) {
            if flags.contains(MapFlags::HUGETLB) && !addr.0.is_multiple_of(flags.alignment()) {
                return Err(Errno::EINVAL);
            }
            addr
        } else {
            let addr = LinearAddr(addr.0.checked_next_multiple_of(flags.alignment()).unwrap_or(0));
            self.hint(addr, len).or_else(|| self.search(addr, len, flags)).ok_or(Errno::ENOMEM)?
        };
        if place.0 > TASK_SIZE_MAX - len {
            return Err(Errno::ENOMEM);
        }
        if place.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        if place.0 < self.limits.min_addr && !self.limits.raw_io {
            return Err(Errno::EPERM);
        }
        Ok(place)
    }

    /// The hint, if there is one and it is free, guard gaps included.
    fn hint(&self, addr: LinearAddr, len: u64) -> Option<LinearAddr> {
        let end = LinearAddr(addr.0.checked_add(len)?);
        let fits = addr.0 != 0 && addr.page_offset() == 0 && end.0 <= TASK_SIZE_MAX;
        let free = self.vmas.find(addr).is_none_or(|next| end <= next.start_gap());
        (fits && free).then_some(addr)
    }

    fn search(&self, addr: LinearAddr, len: u64, flags: MapFlags) -> Option<LinearAddr> {
        if flags.contains(MapFlags::HUGETLB) {
            return self.hugetlb_unmapped_area(addr, len, flags);
        }
        if flags.contains(MapFlags::BITS_32) {
            return self.vmas.gap_bottomup(len, LinearAddr(0x4000_0000), LinearAddr(0x8000_0000));
        }
        let private = flags.contains(MapFlags::ANONYMOUS) && !flags.contains(MapFlags::SHARED);
        if private && addr.0 == 0 && len.is_multiple_of(PMD_SIZE) {
            return self.thp_unmapped_area(len).or_else(|| self.topdown(len));
        }
        self.topdown(len)
    }

    fn topdown(&self, len: u64) -> Option<LinearAddr> {
        let low = LinearAddr(self.limits.min_addr.max(FRAME_SIZE)).page_align_up()?;
        self.vmas
            .gap_topdown(len, low, self.mmap_base)
            .or_else(|| self.vmas.gap_bottomup(len, layout::mmap_legacy_base(), LinearAddr(TASK_SIZE_MAX)))
    }

    /// A place at a multiple of the size of large pages (`hugetlb_get_unmapped_area`).
    fn hugetlb_unmapped_area(&self, addr: LinearAddr, len: u64, flags: MapFlags) -> Option<LinearAddr> {
        let size = flags.alignment();
        let padding = size - FRAME_SIZE;
        let padded = len.checked_add(padding).filter(|padded| *padded <= TASK_SIZE_MAX)?;
        let place = self.search(addr, padded, flags - MapFlags::HUGETLB)?;
        Some(LinearAddr((place.0 + padding) & !(size - 1)))
    }

    /// A place at a multiple of 2 MiB, for anonymous memory of so many whole 2 MiB (`thp_get_unmapped_area`, Linux 6.7
    /// and later, whether large pages are in use or not).
    fn thp_unmapped_area(&self, len: u64) -> Option<LinearAddr> {
        let place = self.topdown(len.checked_add(PMD_SIZE).filter(|padded| *padded <= TASK_SIZE_MAX)?)?;
        let above = place.0.wrapping_neg() % PMD_SIZE;
        Some(place.wrapping_add(if above == 0 { PMD_SIZE } else { above }))
    }
}

/// True if the address is an order, not a wish.
fn is_fixed(flags: MapFlags) -> bool {
    flags.intersects(MapFlags::FIXED.union(MapFlags::FIXED_NOREPLACE))
}

/// The flags of the mapping, or why it may not be (the second half of `do_mmap`).
fn vm_flags(prot: Prot, flags: MapFlags, source: MapSource) -> Result<VmFlags, Errno> {
    let mut vm = VmFlags::of_prot(prot) | VmFlags::MAYACCESS;
    vm.set(VmFlags::GROWSDOWN, flags.contains(MapFlags::GROWSDOWN));
    vm.set(VmFlags::NOHUGEPAGE, flags.contains(MapFlags::STACK));
    vm.set(VmFlags::NORESERVE, flags.contains(MapFlags::NORESERVE));
    if flags.contains(MapFlags::HUGETLB) {
        let size = hugetlb::huge_page_size(flags.bits()).ok_or(Errno::EINVAL)?;
        vm |= VmFlags::of_huge_size(size);
    }
    let vm = match source {
        MapSource::File { mode, .. } => file_vm_flags(vm, prot, flags, mode)?,
        MapSource::Anonymous => anonymous_vm_flags(vm, flags)?,
    };
    Ok(accounted(vm))
}

fn file_vm_flags(mut vm: VmFlags, prot: Prot, flags: MapFlags, mode: FileMode) -> Result<VmFlags, Errno> {
    let both = MapFlags::SHARED | MapFlags::PRIVATE;
    let kind = flags & both;
    if kind.is_empty() {
        return Err(Errno::EINVAL);
    }
    if kind == both && !LEGACY_MAP_MASK.contains(flags) {
        return Err(Errno::EOPNOTSUPP);
    }
    if flags.contains(MapFlags::SYNC) {
        return Err(Errno::EOPNOTSUPP); // no file lies in persistent memory
    }
    if flags.contains(MapFlags::SHARED) {
        vm |= VmFlags::SHARED | VmFlags::MAYSHARE;
        if !mode.contains(FileMode::WRITE) {
            if prot.contains(Prot::WRITE) {
                return Err(Errno::EACCES);
            }
            vm -= VmFlags::SHARED | VmFlags::MAYWRITE;
        }
    }
    if mode.contains(FileMode::WRITE_SEALED) && vm.contains(VmFlags::SHARED) {
        if prot.contains(Prot::WRITE) {
            return Err(Errno::EPERM);
        }
        vm -= VmFlags::MAYWRITE;
    }
    if !mode.contains(FileMode::READ) {
        return Err(Errno::EACCES);
    }
    if vm.contains(VmFlags::GROWSDOWN) {
        return Err(Errno::EINVAL);
    }
    Ok(vm)
}

fn anonymous_vm_flags(vm: VmFlags, flags: MapFlags) -> Result<VmFlags, Errno> {
    match (flags.contains(MapFlags::SHARED), flags.contains(MapFlags::PRIVATE)) {
        (false, true) => Ok(vm),
        (true, false) if !vm.contains(VmFlags::GROWSDOWN) => Ok(vm | VmFlags::SHARED | VmFlags::MAYSHARE),
        _ => Err(Errno::EINVAL),
    }
}

/// Private writable memory counts as committed (`accountable_mapping`); of large pages the pool has its own count.
fn accounted(mut vm: VmFlags) -> VmFlags {
    let private_writable =
        vm.contains(VmFlags::WRITE) && !vm.intersects(VmFlags::SHARED | VmFlags::NORESERVE | VmFlags::HUGETLB);
    vm.set(VmFlags::ACCOUNT, private_writable);
    vm
}
