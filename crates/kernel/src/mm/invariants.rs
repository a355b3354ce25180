//! What must hold of all memory between two entries into the kernel layer: every frame is accounted for.
//!
//! ```text
//! entries      each lies in a mapping, gives no more than that, and is in its frame's chain; nothing else is
//! frames       references = entries + the cache that owns it; those in use and those free are all
//! page cache   a frame is a file's page exactly if the file says so
//! swap         a slot counts its entries and the page cache; a frame is in the swap cache exactly if the slot says so
//! large pages  are whole exactly where a PDE maps them, and each such PDE has a table to be split into
//! pools        have as many free pages as they say, have promised what is awaited, and no page is free and in use
//! lists        hold the frames that say they are in them, of a large page its first
//! counters     of each address space are what its entries add up to
//! ```
//! It walks everything, so it is for tests and for `--check-invariants`.

use super::frames::{FrameTable, FrameUse, Huge, OnLru, Owner};
use super::hugetlb::{HUGE_SIZES, frames_of};
use super::pte::{self, PteState};
use super::{Mm, RssKind, VmFlags};
use crate::fs::{PageOfFile, Vfs};
use arch::{LinearAddr, PageSize, Pfn, PhysAddr};
use paging::{PhysMem, SwapSlot};
use std::collections::{BTreeMap, BTreeSet};

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses unless the condition holds.
macro_rules! hold {
    ($condition:expr, $($why:tt)*) => {
        if !$condition {
            return Err(Violation(format!($($why)*)));
        }
    };
}

/// What the page tables and the page cache say, gathered.
#[derive(Default)]
struct Found {
    entries: BTreeMap<Pfn, BTreeSet<PhysAddr>>,
    /// The places of large pages.
    huge: BTreeSet<PhysAddr>,
    slots: BTreeMap<SwapSlot, u32>,
    tables: u64,
    /// Pages of the pools that are in use, and how many are awaited, by size.
    pools: [Pool; HUGE_SIZES.len()],
}

/// What is found of one pool.
#[derive(Default)]
struct Pool {
    in_use: BTreeSet<Pfn>,
    promised: u64,
}

impl Found {
    fn pool(&mut self, size: PageSize) -> &mut Pool {
        let index = HUGE_SIZES.iter().position(|known| *known == size);
        &mut self.pools[index.expect("pages of a pool have one of its sizes")]
    }
}

/// Checks all memory of the machine, of which these are the address spaces.
///
/// # Errors
/// The first thing that does not hold.
pub fn check<'a>(
    mem: &dyn PhysMem,
    frames: &FrameTable,
    vfs: &Vfs,
    mms: impl Iterator<Item = &'a Mm>,
) -> Result<(), Violation> {
    let mut found = Found::default();
    for mm in mms {
        check_mm(mem, frames, mm, &mut found)?;
    }
    let mut cached = check_page_cache(frames, vfs, &mut found)?;
    cached.extend(check_huge_files(frames, vfs, &mut found)?);
    check_frames(frames, &found, &cached)?;
    check_pools(frames, &found)?;
    check_swap(frames, &found)?;
    check_lists(frames)
}

fn check_mm(mem: &dyn PhysMem, frames: &FrameTable, mm: &Mm, found: &mut Found) -> Result<(), Violation> {
    let mut counts = [0; 4];
    let mut hugetlb = 0;
    let mut entries = mm.table.entries(LinearAddr(0), LinearAddr(1 << 47));
    while let Some(entry) = entries.next(mem) {
        let Some(vma) = mm.vmas.containing(entry.la) else {
            return Err(Violation(format!("{entry:?} without a mapping")));
        };
        let state = pte::state(entry.pte);
        if let PteState::Swap(swapped) = state {
            counts[RssKind::Swap as usize] += 1;
            *found.slots.entry(swapped.slot()).or_default() += 1;
            continue;
        }
        let present = state == PteState::Present;
        let flags = vma.flags;
        hold!(present == flags.intersects(VmFlags::ACCESS), "{entry:?} in {vma:?}");
        hold!(!entry.pte.writable() || flags.contains(VmFlags::WRITE), "{entry:?} in {vma:?}");
        hold!(!present || entry.pte.no_execute() != flags.contains(VmFlags::EXEC), "{entry:?} in {vma:?}");
        hold!(pte::is_locked(entry.pte) == flags.contains(VmFlags::LOCKED), "{entry:?} in {vma:?}");
        hold!(frames.entry_place(entry.slot).1 == entry.la, "the table of {entry:?} does not know what it serves");
        hold!(frames.size_of_entry(entry.slot) == entry.size, "the table of {entry:?} does not know its level");
        let pfn = pte::pfn(entry.pte);
        hold!(frames.is_hugetlb(pfn) == vma.is_hugetlb(), "{entry:?} in {vma:?}");
        if vma.is_hugetlb() {
            let frame = frames.get(pfn);
            hold!(entry.size == vma.page_size(), "{entry:?} in {vma:?}");
            let alone = vma.is_shared() || frame.owner == Owner::None && frame.maps == 1;
            hold!(alone || !entry.pte.writable(), "{entry:?} can be written behind its other owner's back: {frame:?}");
            hold!(frame.owner != Owner::None || vma.anon_vma.is_some(), "{entry:?} is private, {vma:?} does not know");
            found.entries.entry(pfn).or_default().insert(entry.slot);
            found.pool(entry.size).in_use.insert(pfn);
            hugetlb += frames_of(entry.size);
            continue;
        }
        if entry.is_huge() {
            found.huge.insert(entry.slot);
        }
        if frames.is_zero_page(pte::pfn(entry.pte)) {
            hold!(!entry.pte.writable(), "{entry:?} opens the zero page");
            continue;
        }
        for entry in entry.pages() {
            let pfn = pte::pfn(entry.pte);
            let frame = frames.get(pfn);
            counts[frame.rss_kind() as usize] += 1;
            let anon = frame.usage == FrameUse::Anon;
            hold!(!anon || vma.anon_vma.is_some(), "{entry:?} is anonymous, {vma:?} does not know");
            let alone = !anon || frame.maps == 1 && frame.anon_exclusive;
            hold!(alone || !entry.pte.writable(), "{entry:?} can be written behind its other owner's back: {frame:?}");
            found.entries.entry(pfn).or_default().insert(entry.slot);
        }
    }
    for kind in [RssKind::Anon, RssKind::File, RssKind::Shmem, RssKind::Swap] {
        let (counted, is) = (mm.rss.get(kind), counts[kind as usize]);
        hold!(counted == is, "{counted} pages are counted as {kind:?}, but {is} are");
    }
    hold!(mm.rss.hugetlb() == hugetlb, "{} frames are counted of large pages, not {hugetlb}", mm.rss.hugetlb());
    for (_, la) in frames.hugetlb.lost().filter(|(space, _)| *space == mm.table.rss()) {
        let is_huge = mm.vmas.containing(la).is_some_and(|vma| vma.is_hugetlb());
        hold!(is_huge, "a page was lost at {la}, where there is none");
    }
    for la in mm.promised() {
        let vma = mm.vmas.containing(la).filter(|vma| vma.flags.contains(VmFlags::RESV_OWNER));
        let Some(vma) = vma else { return Err(Violation(format!("{la} is promised to no mapping"))) };
        found.pool(vma.page_size()).promised += 1;
    }
    found.tables += mm.table.count(mem, frames);
    Ok(())
}

/// Gives the frames of the page cache.
fn check_page_cache(frames: &FrameTable, vfs: &Vfs, found: &mut Found) -> Result<BTreeSet<Pfn>, Violation> {
    let mut cached = BTreeSet::new();
    for (inode, index, page) in vfs.all_cached_pages() {
        match page {
            PageOfFile::Frame(pfn) => {
                let frame = frames.get(pfn);
                hold!(frame.owner == Owner::File { inode, index }, "{pfn} is page {index} of {inode:?}, not {frame:?}");
                cached.insert(pfn);
            }
            PageOfFile::Swapped(swapped) => *found.slots.entry(swapped.slot()).or_default() += 1,
        }
    }
    Ok(cached)
}

/// Gives the first frames of the large pages that files have.
fn check_huge_files(frames: &FrameTable, vfs: &Vfs, found: &mut Found) -> Result<BTreeSet<Pfn>, Violation> {
    let mut cached = BTreeSet::new();
    for (size, promised) in vfs.all_huge_promises() {
        found.pool(size).promised += promised;
    }
    for (inode, size, index, head) in vfs.all_huge_pages() {
        let frame = frames.get(head);
        hold!(frame.owner == Owner::File { inode, index }, "{head} is page {index} of {inode:?}, not {frame:?}");
        found.pool(size).in_use.insert(head);
        cached.insert(head);
    }
    Ok(cached)
}

fn check_pools(frames: &FrameTable, found: &Found) -> Result<(), Violation> {
    let mut all = 0;
    for (size, found) in HUGE_SIZES.into_iter().zip(&found.pools) {
        let counts = frames.hugetlb.counts(size);
        let free: BTreeSet<Pfn> = frames.hugetlb.free_pages(size).collect();
        hold!(free.len() as u64 == counts.free, "a page of {size} is free twice: {counts:?}");
        hold!(free.is_disjoint(&found.in_use), "a page of {size} is free and in use");
        let total = counts.free + found.in_use.len() as u64;
        hold!(counts.total == total, "{total} pages of {size} are free or in use, of {counts:?}");
        hold!(counts.reserved == found.promised, "{} pages of {size} are awaited, of {counts:?}", found.promised);
        hold!(counts.reserved <= counts.free, "promises of {size} that cannot be kept: {counts:?}");
        for head in &found.in_use {
            let frame = frames.get(*head);
            hold!(frame.refs == frame.maps + 1, "{head} has references that nobody holds: {frame:?}");
        }
        all += total * frames_of(size);
    }
    let used = frames.used_for(FrameUse::Hugetlb);
    hold!(used == all, "{used} frames are counted of pools, not {all}");
    Ok(())
}

fn check_frames(frames: &FrameTable, found: &Found, cached: &BTreeSet<Pfn>) -> Result<(), Violation> {
    let mut in_use = 0;
    for (pfn, frame) in frames.all_in_use() {
        in_use += 1;
        let none = BTreeSet::new();
        let entries = found.entries.get(&pfn).unwrap_or(&none);
        let chain: BTreeSet<PhysAddr> = frames.rmap.slots(pfn).collect();
        hold!(chain == *entries, "{pfn} has the chain {chain:?}, but the entries {entries:?}");
        hold!(frame.maps as usize == chain.len(), "{pfn} counts {} entries, not {}", frame.maps, chain.len());
        let is_whole = chain.iter().any(|slot| frames.is_pmd(*slot));
        let is_hugetlb = frame.usage == FrameUse::Hugetlb;
        hold!(
            is_hugetlb || is_whole == (frame.huge != Huge::No),
            "{pfn} is {:?}, but its entries are {chain:?}",
            frame.huge
        );
        let is_file = matches!(frame.owner, Owner::File { .. });
        hold!(is_file == cached.contains(&pfn), "{pfn} is not in the page cache, but {frame:?}");
        let is_user = matches!(frame.usage, FrameUse::Anon | FrameUse::File | FrameUse::Shmem);
        hold!(!is_user || frame.pins() == 0, "{pfn} has references that nobody holds: {frame:?}");
        hold!(is_user || is_hugetlb || chain.is_empty(), "{pfn} is mapped, but {frame:?}");
    }
    let deposits: BTreeSet<PhysAddr> = frames.deposits().collect();
    hold!(deposits == found.huge, "tables wait for the splits of {deposits:?}, not of {:?}", found.huge);
    for pfn in found.entries.keys() {
        hold!(frames.get(*pfn).refs > 0, "{pfn} is mapped, but free");
    }
    hold!(in_use == frames.in_use(), "{in_use} frames are in use, {} are counted", frames.in_use());
    let all = in_use + frames.free_frames();
    hold!(all == frames.total(), "{all} frames are free or in use, of {}", frames.total());
    let tables = frames.used_for(FrameUse::PageTable);
    hold!(found.tables <= tables, "{} page tables are reached, {tables} are counted", found.tables);
    Ok(())
}

fn check_swap(frames: &FrameTable, found: &Found) -> Result<(), Violation> {
    let mut in_cache = 0;
    let mut slots = found.slots.clone();
    for info in frames.swap.table.in_use() {
        let counted = slots.remove(&info.entry.slot()).unwrap_or_default();
        hold!(info.count == counted, "{info:?} is counted on by {counted}");
        if let Some(pfn) = info.cached {
            in_cache += 1;
            let frame = frames.get(pfn);
            hold!(frame.owner == Owner::SwapCache(info.entry), "{info:?} is cached, but {frame:?}");
        }
    }
    hold!(slots.is_empty(), "slots that are free have entries: {slots:?}");
    let of_frames = frames.all_in_use().filter(|(_, frame)| matches!(frame.owner, Owner::SwapCache(_))).count();
    hold!(in_cache == of_frames, "{of_frames} frames are in the swap cache, which has {in_cache}");
    Ok(())
}

fn check_lists(frames: &FrameTable) -> Result<(), Violation> {
    let mut lengths = [0; 2];
    let mut unevictable = 0;
    for (pfn, frame) in frames.all_in_use() {
        match frame.lru {
            OnLru::Node => lengths[0] += 1,
            OnLru::Limited => lengths[1] += 1,
            OnLru::Unevictable => unevictable += 1,
            OnLru::No => {
                let is_lost = matches!(frame.usage, FrameUse::Anon | FrameUse::File | FrameUse::Shmem);
                hold!(!is_lost || frame.huge == Huge::Tail, "{pfn} is in no list: {frame:?}");
            }
        }
    }
    for (counts, length) in frames.lruvec.counts().iter().zip(lengths) {
        let listed = counts.inactive.anon + counts.inactive.file + counts.active.anon + counts.active.file;
        hold!(listed == length, "{length} frames say that they are in lists that hold {listed}");
    }
    hold!(unevictable == frames.unevictable, "{unevictable} frames are unevictable, not {}", frames.unevictable);
    Ok(())
}
