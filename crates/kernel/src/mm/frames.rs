//! Page frames: a descriptor for each (Linux's `struct page`), and who hands them out.
//!
//! Invariant: a frame is free exactly when its reference count is 0. Whoever holds a frame holds a reference: a page-table
//! entry that maps it, the page cache, the kernel layer while it copies. The map count says how many of the references
//! are entries of user page tables, so that `do_wp_page` can tell a page that is alone from one that is shared.
//!
//! Frames come from the [`Buddy`]: lowest first and reused last freed first, so a run is the same each time and the host's
//! memory grows only with what the guest touches. A block of several frames is so many frames, each with its descriptor.

use super::History;
use super::buddy::{Buddy, Gfp, NR_ORDERS, Order};
use super::commit::Commit;
use super::huge_memory::TransparentHuge;
use super::hugetlb::HugetlbPools;
use super::reclaim::references::{PageKey, SharedReferences};
use super::reclaim::{AgingFlush, Lruvec, ReclaimConfig};
use super::rmap::Rmap;
use super::rss::{Rss, RssId, RssKind, RssTable};
use super::swap::{Swap, SwapEntry};
use super::sysctl::Sysctl;
use super::vmstat::VmStat;
use super::zone::{Watermarks, ZoneInfo};
use crate::costs::Meter;
use crate::fs::InodeId;
use crate::inject::Injector;
use arch::{FRAME_SIZE, Level, LinearAddr, Pfn, PhysAddr};
use paging::{Shootdown, SwapDevice};
use std::rc::Rc;

/// Descriptors are made for so many frames at once.
const DESCRIPTOR_BATCH: usize = 1024;

/// What a frame is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameUse {
    /// Nothing: it is free.
    #[default]
    Free,
    /// Set aside at boot: the shared zero page, frame 0.
    Reserved,
    /// A paging structure.
    PageTable,
    /// Anonymous memory of a process.
    Anon,
    /// A page of a file in the page cache.
    File,
    /// A page of shared memory (shared anonymous mappings, memfd), which has no file but its cache.
    Shmem,
    /// Small objects of the kernel layer (`mm/slab.rs`).
    Slab,
    /// The contents of a pipe.
    Pipe,
    /// The kernel stack of a process.
    KernelStack,
    /// Part of a large page of a pool (`mm/hugetlb`).
    Hugetlb,
}

impl FrameUse {
    const COUNT: usize = Self::Hugetlb as usize + 1;
}

/// The descriptor of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// What it is used for.
    pub usage: FrameUse,
    /// References from anywhere; 0 when free.
    pub refs: u32,
    /// References from entries of user page tables.
    pub maps: u32,
    /// Anonymous, and no fork has shared it since it was last known to have one owner (`PageAnonExclusive`).
    pub anon_exclusive: bool,
    /// It holds what its file, or its slot on the swap device, does not (`PG_dirty`). What entries with D=1 have written may
    /// not be told here yet.
    pub dirty: bool,
    /// It was written since its file was last synchronised, which is what `/proc/<pid>/smaps` calls dirty. In the write layer,
    /// which has no disk, a page may be synchronised and dirty.
    pub unsynced: bool,
    /// Anonymous, and its process said that its contents may go (`MADV_FREE`, a page without `PG_swapbacked`).
    pub lazyfree: bool,
    /// Whether it is part of a page of 2 MiB, see `mm/huge_memory.rs`.
    pub huge: Huge,
    /// Where reclaim has it.
    pub lru: OnLru,
    /// What it belongs to, but for the entries that map it.
    pub owner: Owner,
}

/// Whether a frame is part of a page of 2 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Huge {
    /// No entry maps it together with its neighbours.
    #[default]
    No,
    /// It is the first of a block of 512 frames that a PDE maps as one page.
    Head,
    /// It is another of such a block.
    Tail,
}

/// Where reclaim has a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLru {
    /// Nowhere: it is of no use to reclaim, or not yet.
    #[default]
    No,
    /// In the lists of the machine.
    Node,
    /// In the lists of the mapping under `--resident-limit`.
    Limited,
    /// It was found locked in memory (`PG_unevictable`).
    Unevictable,
}

/// What a frame belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// Nothing more than its use says.
    #[default]
    None,
    /// A table of user pages.
    Table {
        /// Whose.
        mm: RssId,
        /// Which entries it has.
        level: Level,
        /// The first address that it serves.
        base: LinearAddr,
    },
    /// A file's page cache, which holds a reference.
    File {
        /// The file.
        inode: InodeId,
        /// Which page of it.
        index: u64,
    },
    /// The swap cache, which holds a reference.
    SwapCache(SwapEntry),
}

impl Frame {
    /// References that are neither entries' nor a cache's: somebody is working on the frame.
    #[must_use]
    pub const fn pins(&self) -> u32 {
        self.refs - self.maps - matches!(self.owner, Owner::File { .. } | Owner::SwapCache(_)) as u32
    }

    /// How an entry that maps it is counted.
    #[must_use]
    pub const fn rss_kind(&self) -> RssKind {
        match self.usage {
            FrameUse::Anon => RssKind::Anon,
            FrameUse::Shmem => RssKind::Shmem,
            _ => RssKind::File,
        }
    }
}

/// All frames of RAM.
#[derive(Debug)]
pub struct FrameTable {
    /// A descriptor for each frame below its length; what lies above was never handed out.
    frames: Vec<Frame>,
    /// A bit for each frame that was ever handed out, as far as there are descriptors.
    touched: Vec<u64>,
    buddy: Buddy,
    /// Frames of RAM.
    total: u64,
    /// Frames in use, by what for.
    used: [u64; FrameUse::COUNT],
    in_use: u64,
    peak: u64,
    /// Which entries map which frame.
    pub(super) rmap: Rmap,
    /// Pages of 2 MiB.
    pub(crate) thp: TransparentHuge,
    /// Large pages that are kept for those who ask for them.
    pub(crate) hugetlb: HugetlbPools,
    rss: RssTable,
    /// The pages that reclaim may take, and in which order.
    pub(crate) lruvec: Lruvec,
    /// The swap device and what is on it.
    pub(crate) swap: Swap,
    /// What becomes of translations when an accessed bit is cleared.
    pub(crate) aging: AgingFlush,
    /// Exact references, if somebody reports them.
    pub(crate) references: Option<SharedReferences>,
    /// What address spaces were, if somebody asks at the end.
    pub(crate) history: Option<History>,
    /// Frames that reclaim found locked in memory.
    pub(crate) unevictable: u64,
    /// Invalidations that reclaim calls for, until the end of the entry into the kernel layer.
    pub(crate) pending: Shootdown,
    /// Counts of what has happened.
    pub(crate) stat: VmStat,
    /// What /proc/sys/vm sets.
    pub(crate) sysctl: Sysctl,
    /// What the services cost that were done with frames and all else.
    pub(crate) meter: Meter,
    /// Which allocations fail on purpose.
    pub(crate) alloc_failures: Injector,
    /// Pages of a file that are read together; none but the one that is needed with 0 or 1.
    pub(crate) readahead: u64,
    /// What is promised of them.
    pub commit: Commit,
}

/// Counts of user pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageStates {
    /// Anonymous pages that are mapped.
    pub(crate) mapped_anon: u64,
    /// Pages of files and of shared memory that are mapped.
    pub(crate) mapped_file: u64,
    /// Pages of files that were written since their file was last synchronised.
    pub(crate) dirty: u64,
}

/// Whether an anonymous page is one process's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exclusive {
    Yes,
    No,
}

/// Whether the contents of an anonymous page may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LazyFree {
    Yes,
    No,
}

/// What is in a frame just handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It was never used: all its bytes are 0.
    Zero,
    /// It holds what its last user left.
    Stale,
}

impl FrameTable {
    /// Descriptors for `ram_bytes` of RAM; frame 0 is reserved, as nothing should map it by mistake.
    #[must_use]
    pub fn new(ram_bytes: u64) -> Self {
        let total = ram_bytes / FRAME_SIZE;
        let mut table = Self {
            frames: Vec::new(),
            touched: Vec::new(),
            buddy: Buddy::new(total),
            total,
            used: [0; FrameUse::COUNT],
            in_use: 0,
            peak: 0,
            rmap: Rmap::default(),
            thp: TransparentHuge::default(),
            hugetlb: HugetlbPools::default(),
            rss: RssTable::default(),
            lruvec: Lruvec::new(total, ReclaimConfig::default(), 0),
            swap: Swap::new(None, &[], 0),
            aging: AgingFlush::default(),
            references: None,
            history: None,
            unevictable: 0,
            pending: Shootdown::none(),
            stat: VmStat::default(),
            meter: Meter::default(),
            alloc_failures: Injector::none(),
            sysctl: Sysctl::default(),
            readahead: 0,
            commit: Commit::default(),
        };
        if table.buddy.reserve(Pfn(0)..Pfn(1)) == 1 {
            table.hand_out(Pfn(0), FrameUse::Reserved);
        }
        table
    }

    /// Says how pages are chosen that leave memory. Before any is in the lists.
    pub(crate) fn set_reclaim(&mut self, config: ReclaimConfig, seed: u64) {
        self.lruvec = Lruvec::new(self.total, config, seed);
        self.aging = config.aging;
    }

    /// Attaches a swap device. Before anything is on another.
    pub fn set_swap(&mut self, device: Box<dyn SwapDevice>) {
        self.swap = Swap::new(Some(device), &[], 0);
    }

    /// Hands out a frame with one reference; `None` when none is left above the min watermark, or if it is to fail.
    pub fn alloc(&mut self, usage: FrameUse) -> Option<(Pfn, Contents)> {
        if self.alloc_failures.should_fail() {
            return None;
        }
        let pfn = self.buddy.alloc(Order::ZERO, Gfp::Kernel)?;
        let contents = self.hand_out(pfn, usage);
        self.stat.count_alloc(pfn, 1);
        Some((pfn, contents))
    }

    /// Hands out a block, each frame with one reference. The frames come back one by one ([`Self::put`]) or together
    /// ([`Self::free_order`]). The contents are zero if all frames are.
    pub fn alloc_order(&mut self, usage: FrameUse, order: Order, gfp: Gfp) -> Option<(Pfn, Contents)> {
        let pfn = self.buddy.alloc(order, gfp)?;
        self.stat.count_alloc(pfn, order.frames());
        Some((pfn, self.hand_out_all(pfn, order.frames(), usage)))
    }

    /// Hands out a run of frames that is larger than any block, aligned to its size, a power of two; at boot, for pages of
    /// 1 GiB. They come back one by one.
    pub fn alloc_gigantic(&mut self, usage: FrameUse, frames: u64) -> Option<Pfn> {
        let pfn = self.buddy.alloc_gigantic(frames)?;
        self.stat.count_alloc(pfn, frames);
        self.hand_out_all(pfn, frames, usage);
        Some(pfn)
    }

    /// Takes back a block whose frames have one reference each, and no more.
    pub fn free_order(&mut self, pfn: Pfn, order: Order) {
        for at in pfn.0..pfn.0 + order.frames() {
            let frame = self.at(Pfn(at));
            debug_assert!(frame.refs == 1 && frame.maps == 0, "{:?} is in use: {frame:?}", Pfn(at));
            let usage = std::mem::take(frame).usage;
            self.used[usage as usize] -= 1;
        }
        self.in_use -= order.frames();
        self.stat.pgfree += order.frames();
        self.buddy.free(pfn, order);
    }

    fn hand_out_all(&mut self, pfn: Pfn, frames: u64, usage: FrameUse) -> Contents {
        let mut contents = Contents::Zero;
        for at in pfn.0..pfn.0 + frames {
            if self.hand_out(Pfn(at), usage) == Contents::Stale {
                contents = Contents::Stale;
            }
        }
        contents
    }

    /// Writes the descriptor of a frame that the buddy gave.
    fn hand_out(&mut self, pfn: Pfn, usage: FrameUse) -> Contents {
        let index = pfn.0 as usize;
        if index >= self.frames.len() {
            let len = (index + 1).next_multiple_of(DESCRIPTOR_BATCH);
            self.frames.resize(len, Frame::default());
            self.touched.resize(len / 64, 0);
        }
        self.frames[index] = Frame { usage, refs: 1, ..Frame::default() };
        self.used[usage as usize] += 1;
        self.in_use += 1;
        self.peak = self.peak.max(self.in_use);
        let (word, bit) = (&mut self.touched[index / 64], 1 << (index % 64));
        let contents = if *word & bit == 0 { Contents::Zero } else { Contents::Stale };
        *word |= bit;
        contents
    }

    /// The descriptor of a frame; a frame that was never handed out is free.
    #[must_use]
    pub fn get(&self, pfn: Pfn) -> Frame {
        self.frames.get(pfn.0 as usize).copied().unwrap_or_default()
    }

    /// Takes another reference to a frame in use.
    pub fn get_ref(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > 0, "{pfn} is free");
        frame.refs += 1;
    }

    /// Gives a reference back; the last one frees the frame.
    pub fn put(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > frame.maps, "{pfn} still has its mappings");
        frame.refs -= 1;
        if frame.refs == 0 {
            let frame = std::mem::take(frame);
            debug_assert!(!matches!(frame.owner, Owner::File { .. } | Owner::SwapCache(_)), "{pfn} is still cached");
            self.lruvec.remove(pfn, frame.lru);
            self.unevictable -= u64::from(frame.lru == OnLru::Unevictable);
            self.used[frame.usage as usize] -= 1;
            self.in_use -= 1;
            self.stat.pgfree += 1;
            self.buddy.free(pfn, Order::ZERO);
        }
    }

    /// Takes the reference of the entry at `slot` of a user page table. The first entry of an anonymous frame has it for
    /// itself; a second one ends that for both, until a write finds the frame alone again ([`Self::set_anon_exclusive`]).
    pub fn map(&mut self, pfn: Pfn, slot: PhysAddr) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > 0, "{pfn} is free");
        frame.refs += 1;
        frame.maps += 1;
        frame.anon_exclusive = frame.maps == 1 && frame.usage == FrameUse::Anon;
        let kind = frame.rss_kind();
        self.rmap.add(pfn, slot);
        self.rss_of(slot).inc(kind);
    }

    /// Marks an anonymous frame as the only owner's again (`SetPageAnonExclusive`).
    pub fn set_anon_exclusive(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.usage == FrameUse::Anon && frame.maps == 1, "{pfn} has no single owner: {frame:?}");
        frame.anon_exclusive = true;
    }

    /// The same where it is known that it never was shared, or that it is (`pte_swp_exclusive`).
    pub(super) fn restore_anon_exclusive(&mut self, pfn: Pfn, exclusive: Exclusive) {
        self.at(pfn).anon_exclusive = exclusive == Exclusive::Yes;
    }

    /// Gives back the reference of the entry at `slot`.
    pub fn unmap(&mut self, pfn: Pfn, slot: PhysAddr) {
        self.unmap_and_keep(pfn, slot);
        self.put(pfn);
    }

    /// The same, but the reference becomes the caller's.
    pub(super) fn unmap_and_keep(&mut self, pfn: Pfn, slot: PhysAddr) {
        let frame = self.at(pfn);
        debug_assert!(frame.maps > 0, "{pfn} is not mapped");
        frame.maps -= 1;
        let kind = frame.rss_kind();
        let was_unevictable = frame.lru == OnLru::Unevictable;
        self.rmap.remove(pfn, slot);
        self.rss_of(slot).dec(kind);
        if was_unevictable {
            self.recheck_evictable(pfn);
        }
    }

    /// The entry at `slot` maps a large page of the pool, whose first frame counts for all.
    pub(super) fn map_hugetlb(&mut self, head: Pfn, slot: PhysAddr) {
        let frame = self.at(head);
        debug_assert!(frame.usage == FrameUse::Hugetlb && frame.refs > 0, "{head} is no page of the pool: {frame:?}");
        frame.refs += 1;
        frame.maps += 1;
        self.rmap.add(head, slot);
    }

    /// It does not any more.
    pub(super) fn unmap_hugetlb(&mut self, head: Pfn, slot: PhysAddr) {
        let frame = self.at(head);
        debug_assert!(frame.maps > 0, "{head} is not mapped");
        frame.refs -= 1;
        frame.maps -= 1;
        self.rmap.remove(head, slot);
    }

    /// The entry at `old` has moved to `new`, in the same address space.
    pub(super) fn move_mapping(&mut self, pfn: Pfn, old: PhysAddr, new: PhysAddr) {
        self.rmap.replace(pfn, old, new);
    }

    /// Counters for a new address space.
    pub(super) fn add_rss(&mut self) -> (RssId, Rc<Rss>) {
        self.rss.add()
    }

    /// The address space is gone.
    pub(super) fn remove_rss(&mut self, id: RssId) {
        self.rss.remove(id);
    }

    /// The counters of the address space whose entry is at `slot`.
    pub(super) fn rss_of(&self, slot: PhysAddr) -> &Rss {
        self.rss.get(self.entry_place(slot).0)
    }

    /// The names by which a page is used: its places in address spaces, and in its file.
    pub(super) fn page_keys(&self, pfn: Pfn) -> impl Iterator<Item = PageKey> {
        let linear = self.rmap.slots(pfn).map(move |slot| {
            let (mm, la) = self.entry_place(slot);
            let within = if self.is_pmd(slot) { pfn.0 % Order::PMD.frames() * FRAME_SIZE } else { 0 };
            PageKey::linear(mm.space(), la.wrapping_add(within))
        });
        let file = match self.get(pfn).owner {
            Owner::File { inode, index } => Some(PageKey::File { inode: inode.ino(), index }),
            _ => None,
        };
        linear.chain(file)
    }

    /// read() or write() used a page of a file (`mark_page_accessed`).
    pub(crate) fn touch_file_page(&mut self, pfn: Pfn) {
        self.mark_page_accessed(pfn);
        if let (Some(references), Owner::File { inode, index }) = (&self.references, self.get(pfn).owner) {
            references.touch(PageKey::File { inode: inode.ino(), index }, pfn);
        }
    }

    /// Whose entry is at `slot`, and the page that it serves.
    pub(super) fn entry_place(&self, slot: PhysAddr) -> (RssId, LinearAddr) {
        match self.get(slot.pfn()).owner {
            Owner::Table { mm, level, base } => (mm, base.wrapping_add((slot.frame_offset() / 8) << level.shift())),
            owner => unreachable!("entries of user pages lie in their tables, not in {owner:?}"),
        }
    }

    /// True if the entry at `slot` is a PDE, and so maps 2 MiB.
    pub(super) fn is_pmd(&self, slot: PhysAddr) -> bool {
        matches!(self.get(slot.pfn()).owner, Owner::Table { level: Level::Pd, .. })
    }

    /// True for the frames of the pools of large pages.
    pub(super) fn is_hugetlb(&self, pfn: Pfn) -> bool {
        self.get(pfn).usage == FrameUse::Hugetlb
    }

    /// True for the frames that hold zeros for all, and are not counted.
    pub(super) fn is_zero_page(&self, pfn: Pfn) -> bool {
        self.get(pfn).usage == FrameUse::Reserved
    }

    /// Tells whether a frame is part of a page of 2 MiB.
    pub(super) fn set_huge(&mut self, pfn: Pfn, huge: Huge) {
        self.at(pfn).huge = huge;
    }

    /// Says what a frame belongs to.
    pub(crate) fn set_owner(&mut self, pfn: Pfn, owner: Owner) {
        self.at(pfn).owner = owner;
    }

    /// The frame holds something that its file or slot does not.
    pub(crate) fn set_dirty(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        (frame.dirty, frame.unsynced) = (true, true);
    }

    /// The file or slot has it too.
    pub(crate) fn clear_dirty(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        (frame.dirty, frame.unsynced) = (false, false);
    }

    /// The file was synchronised.
    pub(crate) fn set_synced(&mut self, pfn: Pfn) {
        self.at(pfn).unsynced = false;
    }

    /// Tells whether the contents of an anonymous frame may go.
    pub(super) fn set_lazyfree(&mut self, pfn: Pfn, lazyfree: LazyFree) {
        self.at(pfn).lazyfree = lazyfree == LazyFree::Yes;
    }

    /// Tells where reclaim has a frame.
    pub(super) fn set_lru(&mut self, pfn: Pfn, lru: OnLru) {
        self.at(pfn).lru = lru;
    }

    /// All frames in use with their descriptors, from the lowest on.
    pub(super) fn all_in_use(&self) -> impl Iterator<Item = (Pfn, Frame)> {
        let all = self.frames.iter().enumerate().map(|(index, frame)| (Pfn(index as u64), *frame));
        all.filter(|(_, frame)| frame.refs > 0)
    }

    /// How user pages are mapped and written, for reports: a look at every frame.
    pub(crate) fn page_states(&self) -> PageStates {
        let mut states = PageStates::default();
        for (_, frame) in self.all_in_use() {
            match frame.usage {
                FrameUse::Anon => states.mapped_anon += u64::from(frame.maps > 0),
                FrameUse::File | FrameUse::Shmem => {
                    states.mapped_file += u64::from(frame.maps > 0);
                    states.dirty += u64::from(frame.usage == FrameUse::File && frame.unsynced);
                }
                _ => {}
            }
        }
        states
    }

    /// Frames in use now.
    #[must_use]
    pub const fn in_use(&self) -> u64 {
        self.in_use
    }

    /// The most frames that were in use at once.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// Frames of RAM.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Frames that are free.
    #[must_use]
    pub fn free_frames(&self) -> u64 {
        self.buddy.free_frames()
    }

    /// Frames of RAM but for those reserved at boot (`totalram_pages`).
    #[must_use]
    pub fn managed(&self) -> u64 {
        self.buddy.managed()
    }

    /// Frames in use for one thing.
    #[must_use]
    pub const fn used_for(&self, usage: FrameUse) -> u64 {
        self.used[usage as usize]
    }

    /// The watermarks of all zones together.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        self.buddy.watermarks()
    }

    /// Each zone, with its free blocks of each order.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneInfo, [u64; NR_ORDERS])> {
        self.buddy.zones()
    }

    /// What is kept free, in KiB.
    #[must_use]
    pub const fn min_free_kbytes(&self) -> u64 {
        self.buddy.min_free_kbytes()
    }

    /// Sets the watermarks so that so many KiB are kept free.
    pub fn set_min_free_kbytes(&mut self, kbytes: u64) {
        self.buddy.set_min_free_kbytes(kbytes);
    }

    fn at(&mut self, pfn: Pfn) -> &mut Frame {
        &mut self.frames[pfn.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_lives_as_long_as_its_last_reference() {
        let mut t = FrameTable::new(16 * FRAME_SIZE);
        let (mm, rss) = t.add_rss();
        let (table, _) = t.alloc(FrameUse::PageTable).unwrap();
        t.set_owner(table, Owner::Table { mm, level: Level::Pt, base: LinearAddr(0x20_0000) });
        let slots = [3, 4].map(|index| table.base().wrapping_add(8 * index));
        assert_eq!(t.entry_place(slots[1]), (mm, LinearAddr(0x20_4000)));
        let (a, contents) = t.alloc(FrameUse::Anon).unwrap();
        assert_eq!(contents, Contents::Zero);
        t.map(a, slots[0]);
        t.put(a);
        assert_eq!(
            t.get(a),
            Frame { usage: FrameUse::Anon, refs: 1, maps: 1, anon_exclusive: true, ..Frame::default() }
        );
        t.map(a, slots[1]);
        assert_eq!(rss.get(RssKind::Anon), 2);
        t.unmap(a, slots[0]);
        assert!(!t.get(a).anon_exclusive, "shared once, until a write says otherwise");
        t.unmap(a, slots[1]);
        assert_eq!((rss.resident(), rss.peak()), (0, 2));
        assert_eq!(t.get(a).usage, FrameUse::Free);
        assert_eq!(t.alloc(FrameUse::File), Some((a, Contents::Stale)));
    }

    #[test]
    fn ram_has_an_end() {
        let mut t = FrameTable::new(3 * FRAME_SIZE);
        assert!(t.alloc(FrameUse::Anon).is_some());
        assert!(t.alloc(FrameUse::Anon).is_some());
        assert_eq!(t.alloc(FrameUse::Anon), None);
        assert_eq!((t.in_use(), t.peak(), t.total()), (3, 3, 3));
    }

    #[test]
    fn some_frames_are_kept_for_those_who_free_memory() {
        let mut t = FrameTable::new(64 << 20);
        assert_eq!(t.watermarks(), Watermarks { min: 256, low: 320, high: 384 });
        while t.alloc(FrameUse::Anon).is_some() {}
        assert_eq!(t.free_frames(), 256);
        assert!(t.alloc_order(FrameUse::Anon, Order::ZERO, Gfp::Atomic).is_some());
        assert_eq!(t.free_frames() + t.in_use(), t.total());
    }

    #[test]
    fn a_page_of_1_gib_is_frames() {
        let mut t = FrameTable::new(3 << 30);
        let gib = 1 << 18;
        assert_eq!(t.alloc_gigantic(FrameUse::Reserved, gib), Some(Pfn(gib)), "the first has the zero page");
        assert_eq!(t.alloc_gigantic(FrameUse::Reserved, gib), Some(Pfn(2 * gib)));
        assert_eq!(t.alloc_gigantic(FrameUse::Reserved, gib), None);
        (gib..2 * gib).for_each(|pfn| t.put(Pfn(pfn)));
        assert_eq!((t.in_use(), t.free_frames()), (gib + 1, 2 * gib - 1));
    }

    #[test]
    fn a_block_is_frames() {
        let mut t = FrameTable::new(16 << 20);
        let (a, contents) = t.alloc_order(FrameUse::Anon, Order::PMD, Gfp::Kernel).unwrap();
        assert_eq!((a, contents), (Pfn(512), Contents::Zero));
        assert_eq!((t.in_use(), t.used_for(FrameUse::Anon)), (513, 512));
        (512..1024).for_each(|pfn| t.put(Pfn(pfn)));
        assert_eq!((t.in_use(), t.used_for(FrameUse::Anon)), (1, 0));
        let (b, contents) = t.alloc_order(FrameUse::Slab, Order::PMD, Gfp::Kernel).unwrap();
        assert_eq!(contents, Contents::Zero, "the free ones wait as single frames, and there is untouched memory");
        t.free_order(b, Order::PMD);
        assert_eq!((t.in_use(), t.get(b)), (1, Frame::default()));
        assert_eq!(t.alloc_order(FrameUse::Slab, Order::PMD, Gfp::Kernel), Some((b, Contents::Stale)));
    }
}
