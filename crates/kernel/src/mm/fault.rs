//! Page faults: what a page is when it is first needed, and what a forbidden access gets (Linux's `do_user_addr_fault`,
//! `handle_mm_fault` and below).
//!
//! ```text
//! kernel half ............................................. SEGV_MAPERR
//! no mapping, and no stack that may grow ................... SEGV_MAPERR
//! the mapping forbids it ................................... SEGV_ACCERR
//! entry empty, anonymous:   read -> zero page, write -> zeroed frame (do_anonymous_page)
//! entry empty, file:        read, shared write, private write (do_read_fault, do_shared_fault, do_cow_fault)
//! entry read-only, write:   reuse or copy (do_wp_page)
//! large pages, where they are used: before all that (huge_memory.rs; hugetlb/fault.rs for those of a pool)
//! entry names a swap slot:  the page comes back (do_swap_page, in swap_in.rs)
//! entry allows it .......................................... spurious: the stale translation goes
//! ```
//! As on Linux, a fetch from a page that is not there yet and may be read first brings the page in; the repeated fetch then
//! finds XD and gets SEGV_ACCERR. Each page of a file faults for itself; Linux would map its neighbours too (fault-around).
//! Nothing here allocates memory of the host for anonymous pages.

use super::flags::VmFlags;
use super::frames::{FrameTable, FrameUse, OnLru, Owner};
use super::layout::TASK_SIZE_MAX;
use super::pgtable::{self, Entry, OutOfFrames};
use super::pte::{self, PteState};
use super::reclaim::SWAP_CLUSTER_MAX;
use super::reclaim::policy::Arrival;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, ZERO_PAGE};
use crate::Errno;
use crate::costs::service_of_fault;
use crate::fs::{CachedPage, PageError, PageSource};
use arch::Service;
use arch::{AccessKind, FRAME_SHIFT, LinearAddr, PageFault, PageFaultCode, Pfn, Pte};
use event::{Event, FaultEvent, Path, Resolution, SwapSlot};
use paging::Shootdown;

/// Which signal an access that cannot be served gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalKind {
    /// SIGSEGV.
    Segv,
    /// SIGBUS.
    Bus,
    /// SIGKILL: no frame is left, and nothing can be paged out yet.
    Kill,
}

/// `si_code` of SIGSEGV: no mapping.
pub const SEGV_MAPERR: i32 = 1;
/// `si_code` of SIGSEGV: the mapping forbids the access.
pub const SEGV_ACCERR: i32 = 2;
/// `si_code` of SIGSEGV: the page's protection key forbids the access.
pub const SEGV_PKUERR: i32 = 4;
/// `si_code` of SIGBUS: there is no such page of the object.
pub const BUS_ADRERR: i32 = 2;
/// `si_code` of a signal that the kernel sends of itself.
pub const SI_KERNEL: i32 = 0x80;

/// A signal for an access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemSignal {
    /// Which.
    pub signal: SignalKind,
    /// `si_code`.
    pub code: i32,
    /// `si_addr`: the address that faulted, to the byte.
    pub addr: LinearAddr,
    /// `si_pkey`: the key of the page, where it was the key that forbade the access.
    pub pkey: Option<u8>,
}

/// Why a page cannot be given (Linux's `VM_FAULT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VmFaultError {
    MapErr,
    AccErr,
    PkuErr,
    Bus,
    Oom,
}

impl From<OutOfFrames> for VmFaultError {
    fn from(OutOfFrames: OutOfFrames) -> Self {
        Self::Oom
    }
}

impl From<PageError> for VmFaultError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::BeyondEof | PageError::Io => Self::Bus,
            PageError::OutOfMemory => Self::Oom,
        }
    }
}

impl VmFaultError {
    const fn resolution(self) -> Resolution {
        match self {
            Self::MapErr => Resolution::SegvMapErr,
            Self::AccErr | Self::PkuErr => Resolution::SegvAccErr,
            Self::Bus => Resolution::Bus,
            Self::Oom => Resolution::OutOfMemory,
        }
    }

    fn signal(self, addr: LinearAddr, vma: Option<&Vma>) -> MemSignal {
        let (signal, code) = match self {
            Self::MapErr => (SignalKind::Segv, SEGV_MAPERR),
            Self::AccErr => (SignalKind::Segv, SEGV_ACCERR),
            Self::PkuErr => (SignalKind::Segv, SEGV_PKUERR),
            Self::Bus => (SignalKind::Bus, BUS_ADRERR),
            Self::Oom => (SignalKind::Kill, SI_KERNEL),
        };
        let pkey = vma.filter(|_| self == Self::PkuErr).map(|vma| vma.flags.pkey());
        MemSignal { signal, code, addr, pkey }
    }
}

/// What a fault is about (`struct vm_fault`).
#[derive(Clone, Copy)]
pub(super) struct VmFault {
    pub(super) vma: Vma,
    pub(super) page: LinearAddr,
    pub(super) kind: AccessKind,
    pub(super) rights: Rights,
}

/// What an access may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    /// What the mapping allows.
    OfMapping,
    /// More than that (`FOLL_FORCE`).
    Forced,
}

impl VmFault {
    pub(super) const fn is_write(&self) -> bool {
        matches!(self.kind, AccessKind::Write)
    }
}

/// The mapping for an address.
struct Found {
    vma: Vma,
    stack_grew: bool,
}

/// What was done, and the frame that the entry has now.
pub(super) type Resolved = Result<(Resolution, Pfn), VmFaultError>;

impl Mm {
    /// Handles a page fault of the program, or of the kernel layer on its behalf (`rip` 0), and records it.
    ///
    /// # Errors
    /// The signal that the program gets instead of the page. A fault of the kernel layer has US=0 in its error code and
    /// becomes `EFAULT`.
    pub fn handle_mm_fault(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        rip: LinearAddr,
        fault: PageFault,
    ) -> Result<Resolution, MemSignal> {
        assert!(!fault.code.contains(PageFaultCode::RSVD), "the kernel layer sets no reserved bits: {fault:?}");
        let entries = self.told_path(cx, fault.cr2);
        let found = self.lock_mm_and_find_vma(fault.cr2);
        let stack_grew = found.as_ref().is_some_and(|found| found.stack_grew);
        let resolved = match &found {
            &Some(Found { vma, .. }) => self.fault_or_reclaim(cx, &VmFault::new(vma, fault), fault.code),
            None => Err(VmFaultError::MapErr),
        };
        let (resolution, frame) = match resolved {
            Ok((resolution, frame)) => (resolution, Some(frame)),
            Err(error) => (error.resolution(), None),
        };
        cx.frames.meter.charge(service_of_fault(resolution));
        cx.frames.stat.pgfault += 1;
        cx.frames.stat.pgmajfault += u64::from(matches!(resolution, Resolution::FileRead | Resolution::SwappedIn));
        let event = FaultEvent {
            pid: cx.pid,
            space: self.space(),
            rip,
            fault,
            resolution,
            stack_grew,
            frame,
            mapping: found.as_ref().map(|found| self.told_mapping(&found.vma)),
            entries: self.told_changes(cx, fault.cr2, entries),
            slot: entries.and_then(|path| told_slot(&path)),
        };
        cx.frames.events.record(cx.hw, &Event::Fault(event));
        resolved
            .map(|(resolution, _)| resolution)
            .map_err(|error| error.signal(fault.cr2, found.as_ref().map(|found| &found.vma)))
    }

    /// Handles a fault that nothing of the program's made, whatever the mapping allows; `None` if there is no page.
    pub(super) fn forced_fault(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault) -> Option<()> {
        self.fault_or_reclaim(cx, vmf, PageFaultCode::empty()).ok().map(drop)
    }

    /// Brings in the pages of a part of one mapping (`faultin_page_range`).
    pub(super) fn populate(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        (start, end): (LinearAddr, LinearAddr),
        kind: AccessKind,
    ) -> Result<(), Errno> {
        let vma = *self.vmas.containing(start).ok_or(Errno::ENOMEM)?;
        let mut page = start;
        while page < end {
            let vmf = VmFault { vma, page, kind, rights: Rights::OfMapping };
            if !self.entry_allows(cx, &vmf) {
                let outcome = self.fault_or_reclaim(cx, &vmf, PageFaultCode::empty());
                outcome.map_err(|error| if error == VmFaultError::Oom { Errno::ENOMEM } else { Errno::EFAULT })?;
            }
            page = LinearAddr(page.0 & !vma.page_size().offset_mask()).wrapping_add(vma.page_size().bytes());
        }
        Ok(())
    }

    /// The mapping that holds `la`; a stack above it grows.
    fn lock_mm_and_find_vma(&mut self, la: LinearAddr) -> Option<Found> {
        if la.0 >= TASK_SIZE_MAX {
            return None;
        }
        let vma = *self.vmas.find(la)?;
        if vma.start <= la {
            return Some(Found { vma, stack_grew: false });
        }
        self.expand_downwards(vma, la).map(|vma| Found { vma, stack_grew: true })
    }

    /// Handles the fault; if no frame is left for it, pages are taken out of memory, and it is handled from the start.
    fn fault_or_reclaim(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, code: PageFaultCode) -> Resolved {
        loop {
            match self.do_user_addr_fault(cx, vmf, code) {
                Err(VmFaultError::Oom) if cx.reclaim(SWAP_CLUSTER_MAX) > 0 => {}
                resolved => return resolved,
            }
        }
    }

    fn do_user_addr_fault(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, code: PageFaultCode) -> Resolved {
        if self.access_error(cx, vmf, code) {
            let by_key = code.contains(PageFaultCode::PK);
            return Err(if by_key { VmFaultError::PkuErr } else { VmFaultError::AccErr });
        }
        if vmf.vma.is_hugetlb() {
            return self.hugetlb_fault(cx, vmf);
        }
        if cx.is_limited(&vmf.vma) {
            self.make_room(cx, vmf);
        }
        if let Some(resolved) = self.do_huge_pmd_anonymous_page(cx, vmf)? {
            return Ok(resolved);
        }
        let entry = self.table.entry_alloc(cx.hw.mem, cx.frames, vmf.page)?;
        match (pte::state(entry.pte), vmf.vma.backing) {
            (PteState::Present, _) if entry.is_huge() && vmf.is_write() && !entry.pte.writable() => {
                match self.do_huge_pmd_wp_page(cx, vmf, entry) {
                    Some(resolved) => Ok(resolved),
                    None => self.do_user_addr_fault(cx, vmf, code),
                }
            }
            (PteState::Swap(swapped), _) => self.do_swap_page(cx, vmf, entry, swapped),
            (PteState::None, Backing::Anonymous) => self.do_anonymous_page(cx, vmf, entry),
            (PteState::None, Backing::File { .. }) => self.do_fault(cx, vmf, entry),
            (PteState::Present, _) if vmf.is_write() && !entry.pte.writable() => self.do_wp_page(cx, vmf, entry),
            (PteState::Present, _) => {
                cx.flush(Shootdown::page(vmf.page));
                Ok((Resolution::Spurious, pte::pfn(entry.pte)))
            }
            (PteState::ProtNone, _) if vmf.rights == Rights::Forced => self.do_wp_page(cx, vmf, entry),
            (PteState::ProtNone, _) => unreachable!("a page without rights lies in a mapping without rights"),
        }
    }

    /// True if the mapping forbids the access. A read of a page that is there can only be forbidden by its entry.
    fn access_error(&self, cx: &MmCx<'_, '_>, vmf: &VmFault, code: PageFaultCode) -> bool {
        match vmf.kind {
            _ if vmf.rights == Rights::Forced => false,
            _ if code.contains(PageFaultCode::PK) => true,
            AccessKind::Write => !vmf.vma.flags.contains(VmFlags::WRITE),
            _ if code.contains(PageFaultCode::P) => !self.entry_allows(cx, vmf),
            _ => !vmf.vma.flags.intersects(VmFlags::ACCESS),
        }
    }

    fn entry_allows(&self, cx: &MmCx<'_, '_>, vmf: &VmFault) -> bool {
        self.table.entry(cx.hw.mem, vmf.page).is_some_and(|Entry { pte, .. }| match vmf.kind {
            AccessKind::Read => pte.present(),
            AccessKind::Write => pte.present() && pte.writable(),
            AccessKind::Fetch => pte.present() && !pte.no_execute(),
        })
    }

    fn do_anonymous_page(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        if !vmf.is_write() {
            let shootdown = self.table.set_pte(cx.hw.mem, entry, pte::mk_pte(ZERO_PAGE, vmf.vma.flags));
            cx.flush(shootdown);
            return Ok((Resolution::ZeroPage, ZERO_PAGE));
        }
        let pfn = pgtable::alloc_zeroed(cx.hw.mem, cx.frames, FrameUse::Anon)?;
        self.map_new_anon(cx, vmf, entry, pfn);
        Ok((Resolution::DemandZero, pfn))
    }

    fn do_fault(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        let file = self.file_page(cx, vmf)?;
        match (vmf.is_write(), vmf.vma.flags.contains(VmFlags::SHARED)) {
            (false, _) => Ok(self.do_read_fault(cx, vmf, entry, file)),
            (true, true) => Ok(self.do_shared_fault(cx, vmf, entry, file)),
            (true, false) => self.do_cow_fault(cx, vmf, entry, file),
        }
    }

    fn do_read_fault(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vmf: &VmFault,
        entry: Entry,
        file: CachedPage,
    ) -> (Resolution, Pfn) {
        self.map_file_page(cx, &vmf.vma, entry, pte::mk_pte(file.pfn, vmf.vma.flags));
        (filemap_resolution(file), file.pfn)
    }

    fn do_shared_fault(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vmf: &VmFault,
        entry: Entry,
        file: CachedPage,
    ) -> (Resolution, Pfn) {
        let flags = vmf.vma.flags;
        cx.frames.set_dirty(file.pfn);
        cx.file_update_time(&vmf.vma);
        self.map_file_page(cx, &vmf.vma, entry, pte::mkdirty_mkwrite(pte::mk_pte(file.pfn, flags), flags));
        (filemap_resolution(file), file.pfn)
    }

    fn do_cow_fault(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry, file: CachedPage) -> Resolved {
        let (pfn, _) = cx.frames.alloc(FrameUse::Anon).ok_or(OutOfFrames)?;
        debug_assert!(cx.frames.get(file.pfn).refs > 0, "no page goes in the middle of a fault");
        cx.hw.mem.copy_frame(file.pfn, pfn);
        cx.frames.meter.charge(Service::CopyPage);
        self.map_new_anon(cx, vmf, entry, pfn);
        Ok((Resolution::CopiedOnWrite, pfn))
    }

    /// A write to a page that is there to read: make it writable if nobody else has it, else copy it.
    pub(super) fn do_wp_page(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        let flags = vmf.vma.flags;
        let old = pte::pfn(entry.pte);
        let shared = flags.contains(VmFlags::SHARED);
        if shared || wp_can_reuse_anon_folio(cx.frames, old) {
            if !shared {
                cx.take_out_of_swap_cache(old);
                cx.frames.set_anon_exclusive(old);
            } else if vmf.vma.inode().is_some_and(|inode| !cx.vfs.is_shmem(inode)) {
                cx.frames.set_dirty(old);
                cx.file_update_time(&vmf.vma);
            }
            let mut pte = pte::mkdirty_mkwrite(entry.pte, flags);
            pte.set_accessed(true);
            let shootdown = self.table.set_pte(cx.hw.mem, entry, pte);
            cx.flush(shootdown);
            return Ok((Resolution::ReusedOnWrite, old));
        }
        self.wp_page_copy(cx, vmf, entry)
    }

    fn wp_page_copy(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry) -> Resolved {
        let old = pte::pfn(entry.pte);
        let pfn = if old == ZERO_PAGE {
            pgtable::alloc_zeroed(cx.hw.mem, cx.frames, FrameUse::Anon)?
        } else {
            let (pfn, _) = cx.frames.alloc(FrameUse::Anon).ok_or(OutOfFrames)?;
            cx.hw.mem.copy_frame(old, pfn);
            cx.frames.meter.charge(Service::CopyPage);
            pfn
        };
        self.map_new_anon(cx, vmf, entry, pfn);
        cx.put_page(entry);
        Ok((Resolution::CopiedOnWrite, pfn))
    }

    /// The page-cache frame behind a page of a file mapping (`filemap_fault`).
    fn file_page(&self, cx: &mut MmCx<'_, '_>, vmf: &VmFault) -> Result<CachedPage, VmFaultError> {
        let Backing::File { inode, offset } = vmf.vma.backing_at(vmf.page) else {
            unreachable!("an anonymous mapping has no file")
        };
        let (mut fs, vfs) = cx.fs();
        Ok(vfs.page(&mut fs, inode, offset >> FRAME_SHIFT)?)
    }

    /// Maps a frame that has just been allocated, to be written. Its first reference becomes the entry's.
    fn map_new_anon(&mut self, cx: &mut MmCx<'_, '_>, vmf: &VmFault, entry: Entry, pfn: Pfn) {
        let flags = vmf.vma.flags;
        cx.frames.map(pfn, entry.slot);
        cx.frames.put(pfn);
        let lists = cx.lists_of(&vmf.vma);
        cx.frames.lru_add(pfn, lists, Arrival::Fault, None);
        if vmf.vma.anon_vma.is_none() {
            self.anon_vma_prepare(vmf.vma.start);
        }
        let shootdown = self.table.set_pte(cx.hw.mem, entry, pte::mkdirty_mkwrite(pte::mk_pte(pfn, flags), flags));
        cx.flush(shootdown);
    }

    fn map_file_page(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, entry: Entry, pte: Pte) {
        let pfn = pte::pfn(pte);
        cx.frames.map(pfn, entry.slot);
        if cx.is_limited(vma) && cx.frames.get(pfn).lru != OnLru::Limited {
            cx.frames.lru_add(pfn, OnLru::Limited, Arrival::Fault, None);
        }
        let shootdown = self.table.set_pte(cx.hw.mem, entry, pte);
        cx.flush(shootdown);
    }
}

impl VmFault {
    fn new(vma: Vma, fault: PageFault) -> Self {
        let kind = fault.code.access_kind();
        Self { vma, page: fault.cr2.page_base(), kind, rights: Rights::OfMapping }
    }
}

/// True if the frame is the process's own: no other entry, nor the kernel layer, has it, and none waits for it on the swap
/// device.
pub(super) fn wp_can_reuse_anon_folio(frames: &FrameTable, pfn: Pfn) -> bool {
    let frame = frames.get(pfn);
    let awaited = match frame.owner {
        Owner::SwapCache(swapped) => frames.swap.table.swap_count(swapped) > 0,
        _ => false,
    };
    frame.usage == FrameUse::Anon && frame.maps == 1 && frame.pins() == 0 && !awaited
}

/// The slot of the swap device that the PTE at the end of a path names.
fn told_slot(path: &Path) -> Option<SwapSlot> {
    match pte::state(path[3]) {
        PteState::Swap(swapped) => Some(swapped.told()),
        _ => None,
    }
}

const fn filemap_resolution(file: CachedPage) -> Resolution {
    match file.source {
        PageSource::Cache => Resolution::FileCached,
        PageSource::Disk => Resolution::FileRead,
    }
}
