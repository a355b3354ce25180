//! A guest for tests: RAM, address spaces, one of them in use, and a processor that only translates.
//!
//! Its TLB never forgets by itself, so that a shootdown that is missing shows: after each operation every translation that
//! is still cached must be what the tables give.

use super::frames::{FrameTable, FrameUse};
use super::reclaim::policy::PolicyName;
use super::reclaim::{self, Lruvec, ReclaimConfig, Reclaimer};
use super::swap::Swap;
use super::{KernelHalf, MapFlags, MapSource, MemSignal, Mm, MmCx, MmLimits, Prot, VmFlags, invariants, pte};
use crate::fs::{BufferConsole, FsCx, InodeId, Mappable, Mount, MountMode, OpenFlags, Vfs, ViewConfig};
use crate::{Errno, Hw};
use arch::{Access, AccessKind, ControlRegs, FRAME_SIZE, LinearAddr, PageFault, PageSize, Pfn, Privilege, Pte};
use event::{Event, EventSink, FaultEvent, Moment, Pid, Resolution};
use paging::{
    Invalidation, NoModel, PageBytes, PagingContext, PhysMem, Shootdown, SwapDevice, SwapError, SwapSlot, Translation,
    probe, translate,
};
use physmem::{Bus, Ram};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;

pub(super) const PAGE: u64 = FRAME_SIZE;
pub(super) const RW: Prot = Prot::READ.union(Prot::WRITE);
pub(super) const ANON: MapFlags = MapFlags::PRIVATE.union(MapFlags::ANONYMOUS);
pub(super) const FIXED: MapFlags = ANON.union(MapFlags::FIXED);

#[derive(Default)]
struct Recorder(Vec<FaultEvent>);

impl EventSink for Recorder {
    fn record(&mut self, _: Moment, event: &Event) {
        if let Event::Fault(fault) = event {
            self.0.push(*fault);
        }
    }
}

/// A swap device in the host's memory.
#[derive(Debug)]
struct MemorySwap(Vec<PageBytes>);

impl SwapDevice for MemorySwap {
    fn slots(&self) -> u32 {
        self.0.len() as u32
    }

    fn read(&mut self, slot: SwapSlot, page: &mut PageBytes) -> Result<(), SwapError> {
        *page = self.0[slot.0 as usize];
        Ok(())
    }

    fn write(&mut self, slot: SwapSlot, page: &PageBytes) -> Result<(), SwapError> {
        self.0[slot.0 as usize] = *page;
        Ok(())
    }
}

pub(super) struct Guest {
    pub(super) bus: Bus,
    pub(super) frames: FrameTable,
    pub(super) vfs: Vfs,
    /// The address space in use; `None` while the kernel layer works on it.
    pub(super) mm: Option<Mm>,
    /// Whose that is.
    current: Pid,
    /// The address spaces that are not in use.
    parked: BTreeMap<Pid, Mm>,
    last_pid: Pid,
    half: KernelHalf,
    /// The host's folder behind the guest's `/rw`, where changes go to the host.
    folder: TempDir,
    recorder: Recorder,
    tlb: BTreeMap<u64, Translation>,
    /// Frames in use before the address space was made.
    before: u64,
}

impl Guest {
    pub(super) fn new() -> Self {
        Self::with_ram(16 << 20)
    }

    pub(super) fn with_ram(bytes: u64) -> Self {
        let bus = Bus::new(Ram::new(bytes).unwrap());
        let mut frames = FrameTable::new(bytes);
        frames.set_min_free_kbytes(0); // tests use RAM up to the last frame
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        let writable = Mount { host: folder.path().into(), guest: "/rw".into(), mode: MountMode::Writable };
        let root = Some(folder.path().join("root"));
        let view = ViewConfig { root, mounts: vec![writable], ..ViewConfig::default() };
        let vfs = Vfs::new(view, Box::new(BufferConsole::default())).unwrap();
        let (recorder, tlb) = (Recorder::default(), BTreeMap::new());
        let (half, parked, init) = (KernelHalf::default(), BTreeMap::new(), Pid(1));
        let (current, last_pid) = (init, init);
        let mut guest =
            Self { bus, frames, vfs, mm: None, current, parked, last_pid, half, folder, recorder, tlb, before: 0 };
        guest.half = guest.hw(|cx, _| KernelHalf::build(cx.hw, cx.frames)).unwrap();
        guest.before = guest.frames.in_use();
        guest.mm = Some(guest.hw(|cx, half| Mm::new(cx, half, MmLimits::default())).unwrap());
        guest
    }

    /// With a swap device of so many slots, its header among them, and a policy.
    pub(super) fn with_swap(bytes: u64, slots: usize, policy: PolicyName) -> Self {
        let mut guest = Self::with_ram(bytes);
        guest.frames.swap = Swap::new(Some(Box::new(MemorySwap(vec![[0; FRAME_SIZE as usize]; slots]))), &[], 0);
        let config = ReclaimConfig { policy, ..ReclaimConfig::default() };
        guest.frames.lruvec = Lruvec::new(bytes / FRAME_SIZE, config, 0);
        guest
    }

    pub(super) fn hw<R>(&mut self, f: impl FnOnce(&mut MmCx<'_, '_>, &KernelHalf) -> R) -> R {
        let mut shootdown = Shootdown::none();
        let mut hw =
            Hw { mem: &mut self.bus, sink: &mut self.recorder, shootdown: &mut shootdown, instructions: 0, ns: 0 };
        let (frames, vfs, pid) = (&mut self.frames, &mut self.vfs, self.current);
        let result = f(&mut MmCx { hw: &mut hw, frames, vfs, pid }, &self.half);
        shootdown.merge(std::mem::take(&mut self.frames.pending));
        for invalidation in shootdown.drain(arch::Pcid::default()) {
            match invalidation {
                Invalidation::Page { la, .. } | Invalidation::Address { la, .. } => {
                    let near = |page: u64, size: PageSize| (page * PAGE) >> size.shift() == la.0 >> size.shift();
                    self.tlb.retain(|page, cached| !near(*page, cached.size));
                }
                _ => self.tlb.clear(),
            }
        }
        result
    }

    /// One entry into the kernel layer.
    pub(super) fn run<R>(&mut self, f: impl FnOnce(&mut Mm, &mut MmCx<'_, '_>) -> R) -> R {
        let mut mm = self.mm.take().unwrap();
        let result = self.hw(|cx, _| f(&mut mm, cx));
        self.mm = Some(mm);
        self.check_tlb();
        result
    }

    /// A child of the process that runs, which runs on.
    pub(super) fn fork(&mut self) -> Result<Pid, Errno> {
        let mut mm = self.mm.take().unwrap();
        let child = self.hw(|cx, half| mm.fork(cx, half));
        self.mm = Some(mm);
        self.check_tlb();
        self.last_pid = Pid(self.last_pid.0 + 1);
        self.parked.insert(self.last_pid, child?);
        Ok(self.last_pid)
    }

    /// The process that runs.
    pub(super) const fn current(&self) -> Pid {
        self.current
    }

    /// Lets a process run: a write to CR3, if it is another.
    pub(super) fn switch(&mut self, to: Pid) {
        if to == self.current {
            return;
        }
        self.tlb.clear();
        self.parked.insert(self.current, self.mm.take().unwrap());
        self.mm = Some(self.parked.remove(&to).unwrap());
        self.current = to;
    }

    /// Does something as another process.
    pub(super) fn as_process<R>(&mut self, pid: Pid, f: impl FnOnce(&mut Self) -> R) -> R {
        let back = self.current;
        self.switch(pid);
        let result = f(self);
        self.switch(back);
        result
    }

    /// Ends another process than the one that runs.
    pub(super) fn kill(&mut self, pid: Pid) {
        let mm = self.parked.remove(&pid).unwrap();
        self.hw(|cx, _| mm.drop_all(cx));
        self.check_tlb();
    }

    /// Gives the process that runs an empty address space (exec).
    pub(super) fn exec(&mut self) {
        let old = self.mm.take().unwrap();
        self.tlb.clear();
        self.mm = Some(self.hw(|cx, half| Mm::new(cx, half, old.limits())).unwrap());
        self.hw(|cx, _| old.drop_all(cx));
    }

    pub(super) fn mm(&self) -> &Mm {
        self.mm.as_ref().unwrap()
    }

    /// The address space of any process.
    pub(super) fn mm_of(&self, pid: Pid) -> &Mm {
        if pid == self.current { self.mm() } else { &self.parked[&pid] }
    }

    /// The byte that an entry gives, with or without rights; `None` without a frame. Touches nothing.
    pub(super) fn peek(&self, pid: Pid, la: u64) -> Option<u8> {
        let entry = self.mm_of(pid).table.entry(&self.bus, LinearAddr(la))?;
        if !pte::state(entry.pte).has_frame() {
            return None;
        }
        let mut byte = [0];
        let within = la & entry.size.offset_mask();
        self.bus.read(pte::pfn(entry.pte).base().wrapping_add(within), &mut byte);
        Some(byte[0])
    }

    pub(super) fn ctx(&self) -> PagingContext {
        PagingContext::new(ControlRegs::long_mode(self.mm().cr3()))
    }

    pub(super) fn mmap(&mut self, addr: u64, len: u64, prot: Prot, flags: MapFlags) -> Result<u64, Errno> {
        let place = self.run(|mm, cx| mm.mmap(cx, LinearAddr(addr), len, prot, flags, MapSource::Anonymous));
        place.map(|la| la.0)
    }

    pub(super) fn munmap(&mut self, addr: u64, len: u64) -> Result<(), Errno> {
        self.run(|mm, cx| mm.munmap(cx, LinearAddr(addr), len))
    }

    pub(super) fn mprotect(&mut self, addr: u64, len: u64, prot: Prot) -> Result<(), Errno> {
        self.run(|mm, cx| mm.mprotect(cx, LinearAddr(addr), len, prot))
    }

    pub(super) fn limits(&mut self, limits: MmLimits) {
        self.run(|mm, _| mm.set_limits(limits));
    }

    /// A file of the host that is open for reading and writing, with a reference that is the test's.
    pub(super) fn file(&mut self, bytes: &[u8]) -> InodeId {
        std::fs::write(self.host_file(), bytes).unwrap();
        let mut cx = FsCx { mem: &mut self.bus, frames: &mut self.frames };
        let root = self.vfs.root();
        let file = self.vfs.open(&mut cx, root, b"/rw/file", OpenFlags::RDWR, 0).unwrap();
        let Mappable::File(inode) = self.vfs.mappable(file).unwrap() else { unreachable!("it is no device") };
        self.vfs.inode_get(inode);
        inode
    }

    /// Where the host keeps the file.
    pub(super) fn host_file(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    /// Gives a reference to a file back.
    pub(super) fn put(&mut self, inode: InodeId) {
        self.vfs.inode_put(&mut FsCx { mem: &mut self.bus, frames: &mut self.frames }, inode);
    }

    /// One access of the program: translated, with faults handled, until it is allowed or gets a signal.
    pub(super) fn access(&mut self, la: u64, kind: AccessKind) -> Result<Pfn, MemSignal> {
        let (la, access, ctx) = (LinearAddr(la), Access::new(kind, Privilege::User), self.ctx());
        for _ in 0..4 {
            match self.translate(&ctx, la, access) {
                Ok(translation) => return Ok(translation.frame),
                Err(fault) => {
                    self.tlb.remove(&la.page_number());
                    self.run(|mm, cx| mm.handle_mm_fault(cx, LinearAddr(0x40_1000), fault))?;
                }
            }
        }
        panic!("the fault at {la} is never resolved");
    }

    fn translate(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Result<Translation, PageFault> {
        if let Some(hit) = self.tlb.get(&la.page_number())
            && hit.rights.allow(ctx, access)
            && (hit.dirty || !access.is_write())
        {
            return Ok(*hit);
        }
        let walked = translate(&mut NoModel, &mut self.bus, ctx, la, access)?;
        self.tlb.insert(la.page_number(), walked);
        Ok(walked)
    }

    pub(super) fn read(&mut self, la: u64) -> Result<u8, MemSignal> {
        let frame = self.access(la, AccessKind::Read)?;
        let mut byte = [0];
        self.bus.read(frame.base().wrapping_add(la % PAGE), &mut byte);
        Ok(byte[0])
    }

    pub(super) fn write(&mut self, la: u64, byte: u8) -> Result<(), MemSignal> {
        let frame = self.access(la, AccessKind::Write)?;
        self.bus.write(frame.base().wrapping_add(la % PAGE), &[byte]);
        Ok(())
    }

    pub(super) fn fetch(&mut self, la: u64) -> Result<(), MemSignal> {
        self.access(la, AccessKind::Fetch).map(|_| ())
    }

    /// What came of the faults since this was last asked.
    pub(super) fn faults(&mut self) -> Vec<Resolution> {
        self.events().iter().map(|event| event.resolution).collect()
    }

    pub(super) fn events(&mut self) -> Vec<FaultEvent> {
        std::mem::take(&mut self.recorder.0)
    }

    /// The leaf entry of a page; 0 if its table is missing.
    pub(super) fn pte(&self, la: u64) -> Pte {
        self.mm().table.entry(&self.bus, LinearAddr(la)).map_or(Pte(0), |entry| entry.pte)
    }

    /// The mappings, as in `/proc/self/maps`.
    pub(super) fn maps(&self) -> Vec<String> {
        let letter = |flags: VmFlags, flag, c| if flags.contains(flag) { c } else { '-' };
        let line = |vma: &super::Vma| {
            let f = vma.flags;
            let rights = [(VmFlags::READ, 'r'), (VmFlags::WRITE, 'w'), (VmFlags::EXEC, 'x')];
            let rights: String = rights.map(|(flag, c)| letter(f, flag, c)).iter().collect();
            format!("{:x}-{:x} {rights}{}", vma.start.0, vma.end.0, if vma.is_shared() { 's' } else { 'p' })
        };
        self.mm().vmas().map(line).collect()
    }

    /// The pages whose translations are cached.
    pub(super) fn cached(&self) -> Vec<u64> {
        self.tlb.keys().map(|page| page * PAGE).collect()
    }

    /// Every translation that is still cached is what the tables give.
    fn check_tlb(&self) {
        for (page, cached) in &self.tlb {
            let now =
                probe(&self.bus, &self.ctx(), LinearAddr(page * PAGE), Access::new(AccessKind::Read, Privilege::User));
            let same = now.is_ok_and(|now| now.frame == cached.frame && now.rights == cached.rights);
            assert!(same, "no shootdown of page {page:#x}: cached {cached:?}, now {now:?}");
            assert!(!cached.dirty || self.pte(page * PAGE).dirty(), "D of page {page:#x} was cleared behind the TLB");
        }
    }

    /// Everything is as [`invariants`] says.
    pub(super) fn check_tables(&self) {
        let mms = self.mm.iter().chain(self.parked.values());
        let checked = invariants::check(&self.bus, &self.frames, &self.vfs, mms);
        assert_eq!(checked, Ok(()));
    }

    /// Takes so many pages out of memory, by kswapd.
    pub(super) fn reclaim(&mut self, pages: u64) -> u64 {
        self.hw(|cx, _| {
            let (mut fs, vfs) = cx.fs();
            reclaim::shrink(&mut fs, vfs, pages, Reclaimer::Kswapd)
        })
    }

    /// Tables of the lower half, the root among them.
    pub(super) fn tables(&self) -> u64 {
        self.count(FrameUse::PageTable) - (self.before - 1)
    }

    /// Frames of one use.
    pub(super) fn count(&self, usage: FrameUse) -> u64 {
        (0..self.frames.total()).filter(|pfn| self.frames.get(Pfn(*pfn)).usage == usage).count() as u64
    }

    /// Ends all processes and checks that they leave nothing but pages of files of the host.
    pub(super) fn exit(mut self) -> Self {
        let all = self.mm.take().into_iter().chain(std::mem::take(&mut self.parked).into_values());
        all.for_each(|mm| self.hw(|cx, _| mm.drop_all(cx)));
        self.hw(|cx, _| {
            let (mut fs, vfs) = cx.fs();
            vfs.drop_clean_pages(&mut fs)
        });
        assert_eq!(self.frames.swap.table.used(), 0, "slots leaked");
        assert_eq!(self.frames.in_use(), self.before, "frames leaked");
        assert_eq!(self.frames.commit.pages, 0, "promises outlive who had them");
        self
    }
}
