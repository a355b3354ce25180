//! Large pages from pools: `MAP_HUGETLB`, hugetlbfs (Linux's `mm/hugetlb.c`).
//!
//! ```text
//! pool.rs   the pages: how many there are, how many are free, how many are promised
//! map.rs    a mapping: what it is promised, which calls it refuses, what goes when it goes
//! fault.rs  a page of it: mapped, copied, taken away
//! ```
//! The file of a mapping, also of an anonymous one, is in [`crate::fs`] (`hugetlbfs.rs`). It has the pages of shared mappings;
//! a private mapping has the pages that it wrote for itself.
//!
//! A page is a run of frames. Its first frame counts the entries that map it and is in their reverse map; the others have no
//! part in anything. The leaf is a PDE or a PDPTE. It has no table to be split into, as such a page never is; so whatever looks
//! at large pages asks for the use of the frame, or of the mapping, which are one. Reclaim never meets them: they are in no list.
//!
//! Who has a promise: a shared mapping's file, by index; a private mapping's process, by address, as long as the mapping has
//! [`super::VmFlags::RESV_OWNER`], which a child does not inherit.

mod fault;
mod map;
mod pool;

pub(crate) use map::huge_page_size;
pub(super) use map::modify;
pub use pool::PoolCounts;
pub(crate) use pool::{HugetlbPools, OutOfPool, PoolSetting, Promise};

use super::frames::{Contents, FrameTable};
use arch::{FRAME_SIZE, Level, PageSize, Pfn, PhysAddr, Service, Site};
use paging::{PhysMem, Shootdown};

/// The sizes that there are pools for; the first is meant where none is named.
pub(crate) const HUGE_SIZES: [PageSize; 2] = [PageSize::Size2M, PageSize::Size1G];

/// How many large pages are set aside at boot (`hugepages=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HugePages {
    /// Of 2 MiB.
    pub of_2m: u64,
    /// Of 1 GiB.
    pub of_1g: u64,
}

impl HugePages {
    /// Of a size.
    pub(crate) const fn of(self, size: PageSize) -> u64 {
        if matches!(size, PageSize::Size1G) { self.of_1g } else { self.of_2m }
    }
}

/// Frames of a page.
pub(crate) const fn frames_of(size: PageSize) -> u64 {
    size.bytes() / FRAME_SIZE
}

/// The level whose entries map pages of a size.
const fn level_of(size: PageSize) -> Level {
    if matches!(size, PageSize::Size1G) { Level::Pdpt } else { Level::Pd }
}

/// Fills a page with zeros (`folio_zero_user`).
pub(crate) fn zero_huge_page(
    mem: &mut dyn PhysMem,
    frames: &mut FrameTable,
    size: PageSize,
    (head, contents): (Pfn, Contents),
) {
    for pfn in head.0..head.0 + frames_of(size) {
        frames.meter.charge(Service::ZeroPage);
        match contents {
            Contents::Stale => mem.zero_frame(Pfn(pfn)),
            Contents::Zero => mem.will_use(Pfn(pfn)),
        }
    }
}

/// Takes a page out of all entries that map it, but for one.
pub(crate) fn unmap_huge_page(mem: &mut dyn PhysMem, frames: &mut FrameTable, head: Pfn, but: Option<PhysAddr>) {
    let slots: Vec<PhysAddr> = frames.rmap.slots(head).filter(|slot| Some(*slot) != but).collect();
    for slot in slots {
        let (_, la) = frames.entry_place(slot);
        mem.edit_entry(slot, 0, Site::caller());
        frames.pending.merge(Shootdown::page(la));
        unmap_entry(frames, head, slot);
    }
}

/// One entry less maps a page.
fn unmap_entry(frames: &mut FrameTable, head: Pfn, slot: PhysAddr) {
    frames.unmap_hugetlb(head, slot);
    let size = frames.size_of_entry(slot);
    frames.rss_of(slot).dec_hugetlb(frames_of(size));
}

/// One entry more maps a page.
fn map_entry(frames: &mut FrameTable, head: Pfn, slot: PhysAddr) {
    frames.map_hugetlb(head, slot);
    let size = frames.size_of_entry(slot);
    frames.rss_of(slot).inc_hugetlb(frames_of(size));
}
