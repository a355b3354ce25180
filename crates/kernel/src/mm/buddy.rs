//! The buddy allocator: blocks of 2^order frames (Linux's `mm/page_alloc.c`).
//!
//! A block of order n starts at a multiple of 2^n frames; its buddy is the other half of the block of order n+1 that holds
//! both. A request takes the smallest free block that is large enough and puts the halves that are left over back; a block
//! that comes back joins its buddy if that is free, and so on. Freed last is handed out first, untouched memory from the
//! lowest frame on, so a run is the same each time.
//!
//! It knows nothing about what frames are used for, and keeps its state apart from their descriptors. Unlike Linux it
//! takes frames below 4 GiB first: nothing here needs them more than others, and what is touched stays together.

use super::zone::{Watermarks, Zone, ZoneInfo};
use arch::Pfn;
use std::ops::Range;

/// Orders that there are: 0 to 10 (`NR_PAGE_ORDERS`).
pub const NR_ORDERS: usize = 11;
/// Frames in a block of the largest order.
pub(super) const BLOCK_FRAMES: u32 = 1 << Order::MAX.0;
/// The first frame at 4 GiB, where `Normal` begins.
const DMA32_END: u64 = 1 << 20;
/// The most frames of a zone: 16 TiB. RAM above that is not used.
const MAX_ZONE_FRAMES: u64 = (1 << 32) - BLOCK_FRAMES as u64;

/// The size of a block: 2^order frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u8);

impl Order {
    /// One frame.
    pub const ZERO: Self = Self(0);
    /// 2 MiB: what a PDE maps.
    pub const PMD: Self = Self(9);
    /// 4 MiB (`MAX_PAGE_ORDER`).
    pub const MAX: Self = Self(10);

    /// What the page list of single frames takes at once.
    pub(super) const PCP_BATCH: Self = Self(5);

    /// The order of that number; `None` above 10.
    #[must_use]
    pub const fn new(order: u8) -> Option<Self> {
        if order <= Self::MAX.0 { Some(Self(order)) } else { None }
    }

    /// Frames in a block.
    #[must_use]
    pub const fn frames(self) -> u64 {
        1 << self.0
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }

    /// All of them, from 0.
    pub(super) fn all() -> impl DoubleEndedIterator<Item = Self> {
        (0..=Self::MAX.0).map(Self)
    }

    /// This one and those above.
    pub(super) fn and_above(self) -> impl Iterator<Item = Self> {
        (self.0..=Self::MAX.0).map(Self)
    }

    /// This one and those below `end`.
    pub(super) fn up_to(self, end: Self) -> impl DoubleEndedIterator<Item = Self> {
        (self.0..end.0).map(Self)
    }

    pub(super) const fn above(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

/// How far a request may go (the part of Linux's `gfp_t` that matters here).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gfp {
    /// Down to the min watermark; who is refused reclaims and tries again (`GFP_KERNEL`).
    Kernel,
    /// Down to the last frame: for those that cannot reclaim or that are freeing memory (`GFP_ATOMIC`, `PF_MEMALLOC`).
    Atomic,
}

/// All of RAM, in zones.
#[derive(Clone, Debug)]
pub struct Buddy {
    zones: Vec<Zone>,
    min_free_kbytes: u64,
}

impl Buddy {
    /// RAM of so many frames, all of them free.
    #[must_use]
    pub fn new(total_frames: u64) -> Self {
        let low = total_frames.min(DMA32_END);
        let high = (total_frames - low).min(MAX_ZONE_FRAMES);
        let mut zones = vec![Zone::new("DMA32", 0, low as u32)];
        if high > 0 {
            zones.push(Zone::new("Normal", DMA32_END, high as u32));
        }
        let mut buddy = Self { zones, min_free_kbytes: 0 };
        buddy.set_min_free_kbytes(default_min_free_kbytes(total_frames));
        buddy
    }

    /// Takes a block with its first frame at a multiple of its size; `None` if the watermarks forbid it or no block
    /// is large enough (`get_page_from_freelist`).
    pub fn alloc(&mut self, order: Order, gfp: Gfp) -> Option<Pfn> {
        for zone in &mut self.zones {
            if zone.watermark_ok(order.frames(), gfp)
                && let Some(frame) = zone.alloc(order)
            {
                return Some(Pfn(zone.start() + u64::from(frame)));
            }
        }
        None
    }

    /// Gives a block back (`__free_pages`). Parts of a block may come back by themselves.
    pub fn free(&mut self, pfn: Pfn, order: Order) {
        let zone = self.zone_of(pfn);
        let frame = (pfn.0 - zone.start()) as u32;
        zone.free(frame, order);
    }

    /// Takes the free ones of these frames for good; gives how many there were. For boot.
    pub fn reserve(&mut self, frames: Range<Pfn>) -> u64 {
        let mut taken = 0;
        for zone in &mut self.zones {
            let spanned = zone.info().spanned;
            let [start, end] =
                [frames.start.0, frames.end.0].map(|at| at.saturating_sub(zone.start()).min(spanned) as u32);
            taken += zone.reserve(start..end);
        }
        self.set_min_free_kbytes(self.min_free_kbytes);
        taken
    }

    /// Takes a run of untouched frames, larger than any block, aligned to its size, a power of two: for pages of 1 GiB at
    /// boot (`alloc_contig_pages`). It comes back block by block.
    pub fn alloc_gigantic(&mut self, frames: u64) -> Option<Pfn> {
        let run = u32::try_from(frames).ok().filter(|run| run.is_power_of_two() && *run >= BLOCK_FRAMES)?;
        for zone in &mut self.zones {
            if zone.watermark_ok(frames, Gfp::Kernel)
                && let Some(frame) = zone.alloc_gigantic(run)
            {
                return Some(Pfn(zone.start() + u64::from(frame)));
            }
        }
        None
    }

    /// Free frames.
    #[must_use]
    pub fn free_frames(&self) -> u64 {
        self.zones.iter().map(Zone::free_frames).sum()
    }

    /// The watermarks of all zones together.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        self.zones.iter().map(Zone::watermarks).fold(Watermarks::default(), |sum, zone| Watermarks {
            min: sum.min + zone.min,
            low: sum.low + zone.low,
            high: sum.high + zone.high,
        })
    }

    /// Frames that were not reserved at boot (`totalram_pages`).
    #[must_use]
    pub fn managed(&self) -> u64 {
        self.zones.iter().map(Zone::managed).sum()
    }

    /// What /proc shows of each zone, with its free blocks of each order.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneInfo, [u64; NR_ORDERS])> {
        self.zones.iter().map(|zone| (zone.info(), zone.free_blocks()))
    }

    /// What is kept free, in KiB.
    #[must_use]
    pub const fn min_free_kbytes(&self) -> u64 {
        self.min_free_kbytes
    }

    /// Sets the watermarks (`setup_per_zone_wmarks`): each zone keeps its share of so many KiB.
    pub fn set_min_free_kbytes(&mut self, kbytes: u64) {
        self.min_free_kbytes = kbytes;
        let (pages, managed) = (u128::from(kbytes / 4), self.managed().max(1));
        for zone in &mut self.zones {
            let min = pages * u128::from(zone.managed()) / u128::from(managed);
            zone.set_watermarks(Watermarks::new(min as u64, zone.managed()));
        }
    }

    /// Joins what the page lists of single frames hold apart (`drain_all_pages`).
    pub fn drain_all(&mut self) {
        self.zones.iter_mut().for_each(Zone::drain_all);
    }

    fn zone_of(&mut self, pfn: Pfn) -> &mut Zone {
        let zone = self.zones.iter_mut().rev().find(|zone| pfn.0 >= zone.start());
        zone.expect("the first zone starts at 0")
    }
}

/// Four times the square root of RAM in KiB, within bounds (`calculate_min_free_kbytes`). Linux never runs in
/// little RAM: here it is at most a 64th.
fn default_min_free_kbytes(total_frames: u64) -> u64 {
    let kbytes = total_frames * 4;
    (kbytes * 16).isqrt().clamp(128, 262_144).min(kbytes / 64 / 4 * 4)
}
