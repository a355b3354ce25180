//! The fast table: the translations of recent accesses, with the host address of their frames.
//!
//! Invariants, which make a hit exact without looking any further:
//! - a slot for reads, writes or fetches is filled only by a translation that allowed just that, for the current privilege;
//!   for writes only once D is set in memory;
//! - every slot maps a frame of RAM, never a device; a slot for writes never maps a frame with code;
//! - a key is a page number that a translation has accepted, so it is canonical;
//! - with a hardware model on, the table is a subset of the model's first level.
//!
//! It is a cache of the host's, not the architecture's: neither its size nor a flush of it shows in any result.
#![allow(unsafe_code, reason = "a hit reaches guest memory by pointer, which is what makes it fast")]

use crate::access::Primitive;
use arch::{FRAME_SHIFT, FRAME_SIZE, LinearAddr, PageSize, Pfn};
use physmem::FramePtr;

/// No page has this number: a linear address has 52 bits of it.
const EMPTY: u64 = u64::MAX;

/// The number of slots: a power of two from 1 to 65,536.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotCount(usize);

impl SlotCount {
    /// So many slots, or `None` if it is not a power of two in range.
    #[must_use]
    pub const fn new(slots: usize) -> Option<Self> {
        if slots.is_power_of_two() && slots <= 1 << 16 { Some(Self(slots)) } else { None }
    }
}

impl Default for SlotCount {
    fn default() -> Self {
        Self(1024)
    }
}

/// Page numbers that may be read and written through `host`, the first byte of the frame.
#[derive(Clone, Copy)]
struct Slot {
    read: u64,
    write: u64,
    host: FramePtr,
}

#[derive(Clone, Copy)]
struct FetchSlot {
    page: u64,
    frame: Pfn,
}

const NO_SLOT: Slot = Slot { read: EMPTY, write: EMPTY, host: std::ptr::null_mut() };
const NO_FETCH: FetchSlot = FetchSlot { page: EMPTY, frame: Pfn(0) };

/// A direct-mapped table over page numbers; data and fetches apart.
pub struct SoftTlb {
    data: Box<[Slot]>,
    fetch: Box<[FetchSlot]>,
    /// The largest page that slots were filled from since the table was last emptied.
    largest: PageSize,
}

impl SoftTlb {
    /// An empty table.
    #[must_use]
    pub fn new(slots: SlotCount) -> Self {
        Self { data: vec![NO_SLOT; slots.0].into(), fetch: vec![NO_FETCH; slots.0].into(), largest: PageSize::Size4K }
    }

    #[inline(always)]
    fn slot(&self, page: u64) -> &Slot {
        let index = page as usize & (self.data.len() - 1);
        // SAFETY: the table is never empty (`SlotCount` is at least 1) and its length is a power of two.
        unsafe { self.data.get_unchecked(index) }
    }

    /// The value at `la`, if a slot allows a read of it and it does not cross the page.
    #[inline(always)]
    pub(crate) fn read_hit<T: Primitive>(&self, la: LinearAddr) -> Option<T> {
        let slot = self.slot(la.page_number());
        if slot.read != la.page_number() || la.page_offset() > FRAME_SIZE - size_of::<T>() as u64 {
            return None;
        }
        // SAFETY: the slot's frame is RAM that outlives the table's use (both belong to the `Mmu`), and the bytes lie in it.
        Some(unsafe { slot.host.add(la.page_offset() as usize).cast::<T>().read_unaligned() })
    }

    /// Writes `value` at `la`, if a slot allows it and it does not cross the page. False on a miss.
    #[inline(always)]
    pub(crate) fn write_hit<T: Primitive>(&mut self, la: LinearAddr, value: T) -> bool {
        let slot = self.slot(la.page_number());
        if slot.write != la.page_number() || la.page_offset() > FRAME_SIZE - size_of::<T>() as u64 {
            return false;
        }
        // SAFETY: as in `read_hit`; the frame holds no code, so nobody needs to be told of the write.
        unsafe { slot.host.add(la.page_offset() as usize).cast::<T>().write_unaligned(value) }
        true
    }

    /// Replaces the value at `la` by what `f` makes of it, if a slot allows that and it does not cross the page. False on a
    /// miss, and `f` has not run.
    #[inline(always)]
    pub(crate) fn modify_hit<T: Primitive>(&mut self, la: LinearAddr, f: impl FnOnce(T) -> T) -> bool {
        let slot = self.slot(la.page_number());
        if slot.write != la.page_number() || la.page_offset() > FRAME_SIZE - size_of::<T>() as u64 {
            return false;
        }
        // SAFETY: as in `write_hit`. Between the two accesses nothing else runs but `f`, which cannot reach the frame.
        unsafe {
            let value = slot.host.add(la.page_offset() as usize).cast::<T>();
            value.write_unaligned(f(value.read_unaligned()));
        }
        true
    }

    /// The value at `la`, if a slot allows a write there and it does not cross the page.
    #[inline(always)]
    pub(crate) fn write_intent_hit<T: Primitive>(&self, la: LinearAddr) -> Option<T> {
        let slot = self.slot(la.page_number());
        if slot.write != la.page_number() || la.page_offset() > FRAME_SIZE - size_of::<T>() as u64 {
            return None;
        }
        // SAFETY: as in `read_hit`.
        Some(unsafe { slot.host.add(la.page_offset() as usize).cast::<T>().read_unaligned() })
    }

    /// Where the page of `la` lies, after a hit.
    #[inline(always)]
    pub(crate) fn host(&self, la: LinearAddr) -> FramePtr {
        self.slot(la.page_number()).host
    }

    /// The frame at `la`, if a slot allows a fetch.
    #[inline(always)]
    pub(crate) fn fetch_hit(&self, la: LinearAddr) -> Option<Pfn> {
        let index = la.page_number() as usize & (self.fetch.len() - 1);
        let slot = self.fetch[index];
        (slot.page == la.page_number()).then_some(slot.frame)
    }

    /// Takes a translation that allows what `rights` says, to a frame of RAM in a page of `size`.
    pub(crate) fn fill(&mut self, la: LinearAddr, size: PageSize, host: FramePtr, rights: SlotRights) {
        self.largest = self.largest.max(size);
        let index = la.page_number() as usize & (self.data.len() - 1);
        let grant = |allowed: bool| if allowed { la.page_number() } else { EMPTY };
        self.data[index] = Slot { read: grant(rights.read), write: grant(rights.write), host };
    }

    /// These rights, and those that the slot of the same page and frame grants already.
    pub(crate) fn with_granted(&self, la: LinearAddr, host: FramePtr, rights: SlotRights) -> SlotRights {
        let (slot, page) = (self.slot(la.page_number()), la.page_number());
        let same = slot.host == host;
        SlotRights { read: rights.read || same && slot.read == page, write: rights.write || same && slot.write == page }
    }

    /// Takes a translation that allows a fetch, to a frame of RAM in a page of `size`.
    pub(crate) fn fill_fetch(&mut self, la: LinearAddr, size: PageSize, frame: Pfn) {
        self.largest = self.largest.max(size);
        let index = la.page_number() as usize & (self.fetch.len() - 1);
        self.fetch[index] = FetchSlot { page: la.page_number(), frame };
    }

    /// Drops what is held of the page that holds `la`, whatever its size: all slots of a large page go together (MMU-202).
    pub(crate) fn drop_page(&mut self, la: LinearAddr) {
        match self.largest {
            PageSize::Size4K => self.drop_slot(la.page_number()),
            larger => self.drop_region(la.page_number(), larger),
        }
    }

    /// Drops every slot in the aligned region of `size` around a page.
    fn drop_region(&mut self, page: u64, size: PageSize) {
        let apart = size.shift() - FRAME_SHIFT;
        let near = |other: u64| other >> apart == page >> apart;
        self.data.iter_mut().filter(|s| near(s.read) || near(s.write)).for_each(|s| *s = NO_SLOT);
        self.fetch.iter_mut().filter(|s| near(s.page)).for_each(|s| *s = NO_FETCH);
    }

    fn drop_slot(&mut self, page: u64) {
        let index = page as usize & (self.data.len() - 1);
        let slot = &mut self.data[index];
        if slot.read == page || slot.write == page {
            *slot = NO_SLOT;
        }
        let slot = &mut self.fetch[index];
        if slot.page == page {
            *slot = NO_FETCH;
        }
    }

    /// Drops every way of writing to a frame.
    pub(crate) fn drop_writes_to(&mut self, host: FramePtr) {
        self.data.iter_mut().filter(|s| s.host == host).for_each(|s| s.write = EMPTY);
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.data.fill(NO_SLOT);
        self.fetch.fill(NO_FETCH);
        self.largest = PageSize::Size4K;
    }
}

/// What a slot may be used for.
#[derive(Clone, Copy)]
pub(crate) struct SlotRights {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

// SAFETY: the pointers lead into the `Ram` of the same `Mmu`, and move between threads with it.
unsafe impl Send for SoftTlb {}
