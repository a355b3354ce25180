//! The table of page frames: a descriptor for each, and who hands them out.
//!
//! Invariant: a frame is free exactly when its reference count is 0. Whoever holds a frame holds a reference: a page-table
//! entry that maps it, the page cache, the kernel layer while it copies. The map count says how many of the references
//! are entries of user page tables, so that `do_wp_page` can tell a page that is alone from one that is shared.
//!
//! Frames come from the [`Buddy`]: lowest first and reused last freed first, so a run is the same each time and the host's
//! memory grows only with what the guest touches. A block of several frames is so many frames, each with its descriptor.
//!
//! `frame` is the descriptor, `state` what is said in it, `mapping` the entries that map a frame, `counts` the sums.

mod counts;
mod frame;
mod mapping;
mod state;

pub(in crate::mm) use frame::{Exclusive, LazyFree};
pub use frame::{Frame, FrameUse, Huge, OnLru, Owner};

use crate::costs::Meter;
use crate::events::Events;
use crate::inject::Injector;
use crate::mm::History;
use crate::mm::buddy::{Buddy, Gfp, Order};
use crate::mm::commit::Commit;
use crate::mm::huge_memory::TransparentHuge;
use crate::mm::hugetlb::HugetlbPools;
use crate::mm::reclaim::references::SharedReferences;
use crate::mm::reclaim::{AgingFlush, Lruvec, ReclaimConfig};
use crate::mm::rmap::Rmap;
use crate::mm::rss::RssTable;
use crate::mm::swap::Swap;
use crate::mm::sysctl::Sysctl;
use crate::mm::vmstat::VmStat;
use arch::{FRAME_SIZE, Pfn};
use paging::{Shootdown, SwapDevice};

/// Descriptors are made for so many frames at once.
const DESCRIPTOR_BATCH: usize = 1024;

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
    pub(in crate::mm) rmap: Rmap,
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
    /// What has happened, until the sink hears of it.
    pub(crate) events: Events,
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
            events: Events::default(),
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

    fn at(&mut self, pfn: Pfn) -> &mut Frame {
        &mut self.frames[pfn.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::zone::Watermarks;

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
