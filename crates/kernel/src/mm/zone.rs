//! A zone: a range of RAM with free lists and watermarks of its own (Linux's `struct zone`).
//!
//! Invariant: each frame of the zone is in exactly one place: allocated, in the page list of single frames (Linux's `pcp`),
//! in a free block (`FreeArea`), or untouched. Blocks of the largest order that nobody has ever touched are ranges of
//! numbers and nothing else, so that the host's memory grows with what the guest uses and not with RAM. What is left
//! above the last whole block is untouched too, until all else is gone.

use super::buddy::{BLOCK_FRAMES, Gfp, NR_ORDERS, Order};
use super::free_area::FreeArea;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// The largest block that the page list takes at once when it is empty.
const PCP_REFILL: Order = Order::PCP_BATCH;

/// Frames of a zone at which something happens (`zone->_watermark`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Nobody but [`Gfp::Atomic`] goes below.
    pub min: u64,
    /// Reclaim begins below, in the background.
    pub low: u64,
    /// Background reclaim ends here.
    pub high: u64,
}

impl Watermarks {
    /// The marks of a zone of `managed` frames that keeps `min` of them (`__setup_per_zone_wmarks`, with a
    /// `watermark_scale_factor` of 10).
    pub(super) fn new(min: u64, managed: u64) -> Self {
        let step = (min / 4).max(managed / 1000);
        Self { min, low: min + step, high: min + 2 * step }
    }
}

/// What /proc says about a zone, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneInfo {
    /// Its name.
    pub name: &'static str,
    /// Its first frame.
    pub start_pfn: u64,
    /// Free frames, those of the page list among them.
    pub free: u64,
    /// Its watermarks.
    pub watermarks: Watermarks,
    /// All frames in its range, and those that are there: the same here.
    pub spanned: u64,
    /// Frames that were not reserved at boot.
    pub managed: u64,
    /// Frames in the page list.
    pub pcp: u64,
}

impl ZoneInfo {
    /// The most single frames that wait in the page list (`pcp->high`).
    pub const PCP_HIGH: usize = 6 * Self::PCP_BATCH;
    /// How many leave it at once (`pcp->batch`).
    pub const PCP_BATCH: usize = 63;
}

/// A range of RAM. Its frames are numbered from its start.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    name: &'static str,
    start: u64,
    frames: u32,
    reserved: u64,
    free: u64,
    marks: Watermarks,
    area: FreeArea,
    /// Single frames that were freed; the last is handed out next.
    pcp: VecDeque<u32>,
    /// Blocks of the largest order that were never touched: from the first frame of each range to its end.
    untouched: BTreeMap<u32, u32>,
    /// The frames above the last whole block, until they are touched.
    tail: Range<u32>,
}

impl Zone {
    pub(super) fn new(name: &'static str, start: u64, frames: u32) -> Self {
        let whole = frames / BLOCK_FRAMES * BLOCK_FRAMES;
        Self {
            name,
            start,
            frames,
            reserved: 0,
            free: u64::from(frames),
            marks: Watermarks::default(),
            area: FreeArea::new(),
            pcp: VecDeque::new(),
            untouched: if whole > 0 { BTreeMap::from([(0, whole)]) } else { BTreeMap::new() },
            tail: whole..frames,
        }
    }

    pub(super) fn info(&self) -> ZoneInfo {
        ZoneInfo {
            name: self.name,
            start_pfn: self.start,
            free: self.free,
            watermarks: self.marks,
            spanned: u64::from(self.frames),
            managed: self.managed(),
            pcp: self.pcp.len() as u64,
        }
    }

    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    pub(super) const fn free_frames(&self) -> u64 {
        self.free
    }

    pub(super) fn managed(&self) -> u64 {
        u64::from(self.frames) - self.reserved
    }

    pub(super) const fn watermarks(&self) -> Watermarks {
        self.marks
    }

    pub(super) const fn set_watermarks(&mut self, marks: Watermarks) {
        self.marks = marks;
    }

    /// True if so many frames may go (`zone_watermark_ok`, but for the shape of what is free).
    pub(super) const fn watermark_ok(&self, frames: u64, gfp: Gfp) -> bool {
        let mark = match gfp {
            Gfp::Kernel => self.marks.min,
            Gfp::Atomic => 0,
        };
        self.free >= mark + frames
    }

    /// Takes a block, if there is one (`rmqueue`).
    pub(super) fn alloc(&mut self, order: Order) -> Option<u32> {
        let frame = if order == Order::ZERO { self.take_frame() } else { self.take_block(order) }?;
        self.free -= order.frames();
        Some(frame)
    }

    fn take_frame(&mut self) -> Option<u32> {
        if self.pcp.is_empty() {
            self.refill()?;
        }
        self.pcp.pop_back()
    }

    /// Fills the page list with the frames of a small block, the lowest to go first (`rmqueue_bulk`).
    fn refill(&mut self) -> Option<()> {
        let (frame, found) = self.smallest(Order::ZERO)?;
        let order = found.min(PCP_REFILL);
        self.expand(frame, order, found);
        self.pcp.extend((frame..frame + order.frames() as u32).rev());
        Some(())
    }

    /// Gives a block back.
    pub(super) fn free(&mut self, frame: u32, order: Order) {
        self.free += order.frames();
        if order > Order::ZERO {
            return self.free_one_block(frame, order);
        }
        self.pcp.push_back(frame);
        if self.pcp.len() > ZoneInfo::PCP_HIGH {
            self.drain(ZoneInfo::PCP_BATCH);
        }
    }

    /// A block cut to size (`__rmqueue`).
    fn take_block(&mut self, order: Order) -> Option<u32> {
        let (frame, found) = self.smallest(order)?;
        self.expand(frame, order, found);
        Some(frame)
    }

    /// The smallest free block that is large enough; else what was never touched, lowest first; else what the page list
    /// holds apart.
    fn smallest(&mut self, order: Order) -> Option<(u32, Order)> {
        loop {
            if let Some(found) = order.and_above().find_map(|order| Some((self.area.pop(order)?, order))) {
                return Some(found);
            }
            if let Some(frame) = self.untouched.first_key_value().map(|(&start, _)| start) {
                self.cut_untouched(frame..frame + BLOCK_FRAMES);
                return Some((frame, Order::MAX));
            }
            if !self.tail.is_empty() {
                self.open_tail();
            } else if !self.pcp.is_empty() {
                self.drain_all();
            } else {
                return None;
            }
        }
    }

    /// Puts the upper halves of a block of order `from` back until it is of order `to` (`expand`).
    fn expand(&mut self, frame: u32, to: Order, from: Order) {
        for order in to.up_to(from).rev() {
            self.area.push(frame + order.frames() as u32, order);
        }
    }

    /// Joins a block with its buddy as long as that is free (`__free_one_page`).
    fn free_one_block(&mut self, mut frame: u32, mut order: Order) {
        while let Some(above) = order.above() {
            let buddy = frame ^ order.frames() as u32;
            if !self.area.has(buddy, order) {
                break;
            }
            self.area.remove(buddy, order);
            frame &= buddy;
            order = above;
        }
        self.area.push(frame, order);
    }

    /// Gives the oldest frames of the page list to the free lists (`free_pcppages_bulk`).
    fn drain(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(frame) = self.pcp.pop_front() else { break };
            self.free_one_block(frame, Order::ZERO);
        }
    }

    /// Takes whole blocks, or a part of one, out of a range that was never touched.
    fn cut_untouched(&mut self, cut: Range<u32>) {
        let found = self.untouched.range(..=cut.start).next_back().map(|(&start, &end)| start..end);
        let range = found.filter(|range| range.end >= cut.end).expect("nobody has touched it");
        self.untouched.remove(&range.start);
        for rest in [range.start..cut.start, cut.end..range.end] {
            if !rest.is_empty() {
                self.untouched.insert(rest.start, rest.end);
            }
        }
    }

    fn open_tail(&mut self) {
        let tail = std::mem::take(&mut self.tail);
        for (frame, order) in pieces(tail) {
            self.area.push(frame, order);
        }
    }

    /// Makes sure that a frame is not merely untouched.
    fn open(&mut self, frame: u32) {
        let block = frame / BLOCK_FRAMES * BLOCK_FRAMES;
        let is_in = |(_, &end): (&u32, &u32)| frame < end;
        if self.tail.contains(&frame) {
            self.open_tail();
        } else if self.untouched.range(..=block).next_back().is_some_and(is_in) {
            self.cut_untouched(block..block + BLOCK_FRAMES);
            self.area.push(block, Order::MAX);
        }
    }

    /// Takes the free ones of these frames for good (`memblock_reserve`); gives how many.
    pub(super) fn reserve(&mut self, frames: Range<u32>) -> u64 {
        self.drain_all();
        let mut taken = 0;
        let mut at = frames.start;
        while at < frames.end {
            self.open(at);
            let Some((head, order)) = self.area.block_of(at) else {
                at += 1;
                continue;
            };
            self.area.remove(head, order);
            let end = head + order.frames() as u32;
            let stop = end.min(frames.end);
            for (frame, order) in pieces(head..at).chain(pieces(stop..end)) {
                self.area.push(frame, order);
            }
            taken += u64::from(stop - at);
            at = stop;
        }
        self.free -= taken;
        self.reserved += taken;
        taken
    }

    /// Takes so many frames in one run, aligned to their number, where nobody has touched RAM; gives the lowest.
    pub(super) fn alloc_gigantic(&mut self, frames: u32) -> Option<u32> {
        let fits = |(&start, &end): (&u32, &u32)| {
            let first = start.checked_next_multiple_of(frames)?;
            (end.checked_sub(first)? >= frames).then_some(first)
        };
        let first = self.untouched.iter().find_map(fits)?;
        self.cut_untouched(first..first + frames);
        self.free -= u64::from(frames);
        Some(first)
    }

    /// Free blocks of each order, single frames of the page list among them.
    pub(super) fn free_blocks(&self) -> [u64; NR_ORDERS] {
        let mut blocks = [0; NR_ORDERS];
        for order in Order::all() {
            blocks[order.index()] = self.area.count(order);
        }
        blocks[0] += self.pcp.len() as u64;
        pieces(self.tail.clone()).for_each(|(_, order)| blocks[order.index()] += 1);
        let untouched = self.untouched.iter().map(|(start, end)| u64::from((end - start) / BLOCK_FRAMES));
        blocks[Order::MAX.index()] += untouched.sum::<u64>();
        blocks
    }

    /// Joins everything that can be joined: the page list goes to the free lists.
    pub(super) fn drain_all(&mut self) {
        self.drain(self.pcp.len());
    }
}

/// A range as aligned blocks, each as large as it can be, from the lowest.
fn pieces(range: Range<u32>) -> impl Iterator<Item = (u32, Order)> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let left = range.end.checked_sub(at).filter(|&left| left > 0)?;
        let fits = |order: &Order| order.frames() <= u64::from(left) && u64::from(at).is_multiple_of(order.frames());
        let order = Order::all().rev().find(fits)?;
        let frame = at;
        at += order.frames() as u32;
        Some((frame, order))
    })
}
