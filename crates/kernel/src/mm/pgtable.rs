//! Editing a 4-level page table through physical memory.
//!
//! Protocol: every entry is written by [`PageTable::set_pte`] (leaves) or by the functions here that hang tables in and
//! out. Whoever changes an entry that the processor may have cached gets a [`Shootdown`] and may not drop it.
//!
//! Invariants: entries of the lower half exist only within mappings, and a table is freed when the last mapping that its
//! span overlaps goes (`free_pgtables`), so no table has to be searched to see that it is empty. The upper half is shared
//! by all processes and never edited here.

use super::frames::{Contents, FrameTable, FrameUse, Owner};
use super::kernel_half::KernelHalf;
use super::pte;
use super::rss::RssId;
use arch::{Cr3, FRAME_SIZE, Level, LinearAddr, PageSize, Pde, Pfn, PhysAddr, Pte, Service, Site, SpaceId};
use paging::{PhysMem, Shootdown};

/// No frame is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfFrames;

/// A leaf entry: where it is, for which page, and what it holds. That of a large page is a PDE or a PDPTE, whose bits stand
/// where those of a PTE do, but for PS, which is a PTE's PAT, and is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) la: LinearAddr,
    pub(super) slot: PhysAddr,
    pub(super) pte: Pte,
    pub(super) size: PageSize,
}

impl Entry {
    /// The same as an entry for each 4 KiB, as if the page were split.
    pub(super) fn pages(self) -> impl Iterator<Item = Self> {
        let whole = if self.is_huge() { pte::without_ps(self.pte) } else { self.pte };
        (0..self.size.bytes() / FRAME_SIZE).map(move |index| {
            let mut pte = whole;
            pte.set_frame(whole.frame() + index);
            let la = self.la.wrapping_add(index * FRAME_SIZE);
            Self { la, pte: if index == 0 { whole } else { pte }, size: PageSize::Size4K, ..self }
        })
    }

    /// True if it maps more than 4 KiB.
    pub(super) fn is_huge(&self) -> bool {
        self.size != PageSize::Size4K
    }
}

/// The paging structures of one address space.
#[derive(Debug)]
pub(super) struct PageTable {
    root: Pfn,
    /// Whose it is, for the reverse map.
    rss: RssId,
}

impl PageTable {
    /// An empty lower half under a new PML4, which shares the kernel half.
    pub(super) fn new(
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        kernel_half: &KernelHalf,
        rss: RssId,
    ) -> Result<Self, OutOfFrames> {
        let root = alloc_table(mem, frames)?;
        kernel_half.copy_into(mem, root);
        Ok(Self { root, rss })
    }

    /// The number of the address space.
    pub(super) const fn space(&self) -> SpaceId {
        self.rss.space()
    }

    /// Whose it is, as the reverse map knows it.
    pub(super) const fn rss(&self) -> RssId {
        self.rss
    }

    /// What CR3 holds while this address space is in use.
    pub(super) const fn cr3(&self) -> Cr3 {
        Cr3(self.root.base().0)
    }

    /// The leaf entry of the page at `la`, if the table that it lies in exists.
    pub(super) fn entry(&self, mem: &dyn PhysMem, la: LinearAddr) -> Option<Entry> {
        let mut table = self.root;
        let mut level = Level::Pml4;
        while let Some(below) = level.below() {
            match child(mem, slot(table, level, la)) {
                Child::None => return None,
                Child::Table(next) => table = next,
                Child::Large => return Some(large_leaf(mem, (table, level), la)),
            }
            level = below;
        }
        Some(leaf(mem, table, la))
    }

    /// The entries on the way to the page at `la`; 0 behind one that leads to no table.
    pub(super) fn path(&self, mem: &dyn PhysMem, la: LinearAddr) -> event::Path {
        let mut path = event::Path::default();
        let mut table = self.root;
        for (level, entry) in [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt].into_iter().zip(&mut path) {
            let at = slot(table, level, la);
            *entry = Pte(mem.load_entry(at));
            match (level.below(), child(mem, at)) {
                (Some(_), Child::Table(next)) => table = next,
                _ => break,
            }
        }
        path
    }

    /// The leaf entry of the page at `la`; tables that are missing on the way are made (`pte_alloc`).
    pub(super) fn entry_alloc(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        la: LinearAddr,
    ) -> Result<Entry, OutOfFrames> {
        let table = self.table_alloc(mem, frames, la, Level::Pd)?;
        let at = slot(table, Level::Pd, la);
        match child(mem, at) {
            Child::Table(table) => Ok(leaf(mem, table, la)),
            Child::Large => Ok(large_leaf(mem, (table, Level::Pd), la)),
            Child::None => {
                let table = self.hang_in(mem, frames, (at, Level::Pd), la)?;
                Ok(leaf(mem, table, la))
            }
        }
    }

    /// The PDE that serves `la`, whatever it holds; tables that are missing above it are made (`pmd_alloc`).
    pub(super) fn pmd_alloc(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        la: LinearAddr,
    ) -> Result<Entry, OutOfFrames> {
        self.huge_pte_alloc(mem, frames, la, Level::Pd)
    }

    /// The entry of a level that serves `la`, where a large page may be; tables that are missing above it are made.
    pub(super) fn huge_pte_alloc(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        la: LinearAddr,
        level: Level,
    ) -> Result<Entry, OutOfFrames> {
        let table = self.table_alloc(mem, frames, la, level)?;
        Ok(large_leaf(mem, (table, level), la))
    }

    /// Empties the PDE that serves `la`, and gives its place and the page table that it referenced, which has no entries any
    /// more. What is cached of it goes with a shootdown of any page of it.
    #[track_caller]
    pub(super) fn take_out_table(&self, mem: &mut dyn PhysMem, la: LinearAddr) -> (PhysAddr, Pfn) {
        let directory = [Level::Pml4, Level::Pdpt]
            .into_iter()
            .try_fold(self.root, |table, level| table_at(mem, slot(table, level, la)));
        let at = slot(directory.expect("there is a page table"), Level::Pd, la);
        let table = table_at(mem, at).expect("there is a page table");
        mem.edit_entry(at, 0, Site::caller());
        (at, table)
    }

    /// The table of a level that serves `la`. No page is larger than what one entry of it serves.
    fn table_alloc(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        la: LinearAddr,
        wanted: Level,
    ) -> Result<Pfn, OutOfFrames> {
        let mut table = self.root;
        let mut level = Level::Pml4;
        while level != wanted {
            let at = slot(table, level, la);
            table = match table_at(mem, at) {
                Some(next) => next,
                None => self.hang_in(mem, frames, (at, level), la)?,
            };
            level = level.below().expect("the last level was not passed");
        }
        Ok(table)
    }

    /// A new table, referenced by the entry of `level` at `at`.
    fn hang_in(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        (at, level): (PhysAddr, Level),
        la: LinearAddr,
    ) -> Result<Pfn, OutOfFrames> {
        let next = alloc_table(mem, frames)?;
        let base = LinearAddr(la.0 & !(span(level) - 1));
        let below = level.below().expect("entries of the last level reference no table");
        frames.set_owner(next, Owner::Table { mm: self.rss, level: below, base });
        mem.edit_entry(at, table_entry(next).0, Site::caller());
        Ok(next)
    }

    /// The same, for a page above that of `before`, an entry of this table: where both share a page table, without a walk.
    pub(super) fn entry_alloc_after(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        before: Option<Entry>,
        la: LinearAddr,
    ) -> Result<Entry, OutOfFrames> {
        let shares_table = |before: &Entry| before.la.0 / span(Level::Pd) == la.0 / span(Level::Pd);
        match before.filter(shares_table) {
            Some(before) => Ok(leaf(mem, before.slot.pfn(), la)),
            None => self.entry_alloc(mem, frames, la),
        }
    }

    /// Writes a leaf entry. Only a present one can be cached, so only its change needs a shootdown (MMU-205).
    #[track_caller]
    pub(super) fn set_pte(&self, mem: &mut dyn PhysMem, entry: Entry, pte: Pte) -> Shootdown {
        mem.edit_entry(entry.slot, pte.0, Site::caller());
        if entry.pte.present() { Shootdown::page(entry.la) } else { Shootdown::none() }
    }

    /// The leaf entries in `start..end` that are not empty, in order; what has no table is skipped table by table.
    pub(super) const fn entries(&self, start: LinearAddr, end: LinearAddr) -> Entries {
        Entries { root: self.root, la: start.0, end: end.0, table: None }
    }

    /// Frees the tables that serve only `start..end`, where nothing is mapped any more: those whose span lies between
    /// `floor`, the end of the mapping before, and `ceiling`, the start of the mapping after (`free_pgtables`).
    pub(super) fn free_pgtables(
        &self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        (start, end): (LinearAddr, LinearAddr),
        (floor, ceiling): (LinearAddr, LinearAddr),
    ) -> Shootdown {
        let bounds = Bounds { floor: floor.0, ceiling: ceiling.0 };
        let mut shootdown = Shootdown::none();
        free_level(mem, frames, (self.root, Level::Pml4), (start.0, end.0), bounds, &mut shootdown);
        shootdown
    }

    /// Tables of the lower half, the root, and those that wait for large pages to be split: pages of the pool never are.
    pub(super) fn count(&self, mem: &dyn PhysMem, frames: &FrameTable) -> u64 {
        1 + count_tables(mem, frames, (self.root, Level::Pml4), 256)
    }

    /// Gives the root back. The lower half must be empty.
    pub(super) fn free(self, mem: &dyn PhysMem, frames: &mut FrameTable) {
        debug_assert!(
            (0..256).all(|i| mem.load_entry(self.root.base().wrapping_add(i * 8)) == 0),
            "tables outlive their mappings"
        );
        frames.put(self.root);
        frames.remove_rss(self.rss);
    }
}

/// A pass over leaf entries; see [`PageTable::entries`]. Entries may be changed while it runs, tables may not.
#[derive(Debug)]
pub(super) struct Entries {
    root: Pfn,
    la: u64,
    end: u64,
    /// The page table that serves `la`, once found.
    table: Option<Pfn>,
}

impl Entries {
    /// The next entry. That of a large page comes once, also where the pass begins or ends within the page.
    pub(super) fn next(&mut self, mem: &dyn PhysMem) -> Option<Entry> {
        while self.la < self.end {
            let table = match self.table.map_or_else(|| self.descend(mem), Found::Table) {
                Found::Nothing => continue,
                Found::Table(table) => table,
                Found::Large(entry) => return Some(entry),
            };
            let entry = leaf(mem, table, LinearAddr(self.la));
            self.la += FRAME_SIZE;
            let same_table = self.la & (span(Level::Pd) - 1) != 0;
            self.table = same_table.then_some(table);
            if entry.pte.0 != 0 {
                return Some(entry);
            }
        }
        None
    }

    /// What there is for the current page; without a page table, goes on to where the next may be.
    fn descend(&mut self, mem: &dyn PhysMem) -> Found {
        let mut table = self.root;
        for level in [Level::Pml4, Level::Pdpt, Level::Pd] {
            let la = LinearAddr(self.la);
            let found = match child(mem, slot(table, level, la)) {
                Child::Table(next) => {
                    table = next;
                    continue;
                }
                Child::None => Found::Nothing,
                Child::Large => Found::Large(large_leaf(mem, (table, level), la)),
            };
            self.la = (self.la & !(span(level) - 1)) + span(level);
            return found;
        }
        Found::Table(table)
    }
}

/// What a pass finds for a page.
enum Found {
    /// No table.
    Nothing,
    /// The page table.
    Table(Pfn),
    /// A large page.
    Large(Entry),
}

/// The tables that the first entries of a table reference, and those below.
fn count_tables(mem: &dyn PhysMem, frames: &FrameTable, (table, level): (Pfn, Level), entries: u64) -> u64 {
    let Some(below) = level.below() else { return 0 };
    let count = |at| match child(mem, at) {
        Child::None => 0,
        Child::Table(table) => 1 + count_tables(mem, frames, (table, below), 512),
        Child::Large if frames.is_hugetlb(pte::pfn(Pte(mem.load_entry(at)))) => 0,
        Child::Large => 1, // the table that it leaves when it is split
    };
    (0..entries).map(|index| count(table.base().wrapping_add(index * 8))).sum()
}

/// What lies around the range whose tables are freed.
#[derive(Clone, Copy)]
struct Bounds {
    floor: u64,
    ceiling: u64,
}

fn free_level(
    mem: &mut dyn PhysMem,
    frames: &mut FrameTable,
    (table, level): (Pfn, Level),
    (start, end): (u64, u64),
    bounds: Bounds,
    shootdown: &mut Shootdown,
) {
    let mut la = start;
    while la < end {
        let base = la & !(span(level) - 1);
        let next = base + span(level);
        let at = slot(table, level, LinearAddr(la));
        if let Some(child) = table_at(mem, at) {
            if let Some(below @ (Level::Pdpt | Level::Pd)) = level.below() {
                free_level(mem, frames, (child, below), (la, end.min(next)), bounds, shootdown);
            }
            if base >= bounds.floor && next <= bounds.ceiling {
                mem.edit_entry(at, 0, Site::caller());
                frames.put(child);
                // INVLPG of any page drops every paging-structure cache entry (MMU-202).
                shootdown.merge(Shootdown::page(LinearAddr(base)));
            }
        }
        la = next;
    }
}

/// Bytes that one entry of a level serves.
const fn span(level: Level) -> u64 {
    1 << level.shift()
}

/// Where the entry for `la` is in a table.
pub(super) fn slot(table: Pfn, level: Level, la: LinearAddr) -> PhysAddr {
    table.base().wrapping_add(level.index(la) * 8)
}

/// What an entry above the last level references.
enum Child {
    None,
    Table(Pfn),
    /// A large page, with or without rights.
    Large,
}

fn child(mem: &dyn PhysMem, at: PhysAddr) -> Child {
    let raw = mem.load_entry(at);
    match Pde(raw) {
        _ if pte::has_ps(Pte(raw)) => Child::Large,
        entry if entry.present() => Child::Table(Pfn(entry.frame())),
        _ => Child::None,
    }
}

fn table_at(mem: &dyn PhysMem, at: PhysAddr) -> Option<Pfn> {
    match child(mem, at) {
        Child::Table(table) => Some(table),
        Child::None | Child::Large => None,
    }
}

fn leaf(mem: &dyn PhysMem, table: Pfn, la: LinearAddr) -> Entry {
    let slot = slot(table, Level::Pt, la);
    Entry { la: la.page_base(), slot, pte: Pte(mem.load_entry(slot)), size: PageSize::Size4K }
}

/// The PDE or PDPTE for `la` as a leaf.
fn large_leaf(mem: &dyn PhysMem, (table, level): (Pfn, Level), la: LinearAddr) -> Entry {
    let slot = slot(table, level, la);
    let size = if level == Level::Pdpt { PageSize::Size1G } else { PageSize::Size2M };
    Entry { la: LinearAddr(la.0 & !size.offset_mask()), slot, pte: Pte(mem.load_entry(slot)), size }
}

/// An empty table.
pub(super) fn alloc_table(mem: &mut dyn PhysMem, frames: &mut FrameTable) -> Result<Pfn, OutOfFrames> {
    alloc_zeroed(mem, frames, FrameUse::PageTable)
}

/// A frame whose bytes are all 0.
pub(super) fn alloc_zeroed(
    mem: &mut dyn PhysMem,
    frames: &mut FrameTable,
    usage: FrameUse,
) -> Result<Pfn, OutOfFrames> {
    let (pfn, contents) = frames.alloc(usage).ok_or(OutOfFrames)?;
    frames.meter.charge(if usage == FrameUse::PageTable { Service::PageTable } else { Service::ZeroPage });
    match contents {
        Contents::Stale => mem.zero_frame(pfn),
        Contents::Zero => mem.will_use(pfn),
    }
    Ok(pfn)
}

/// The entry that hangs a table in: all rights, as the leaf decides (`_PAGE_TABLE`). The same bits at every level.
pub(super) fn table_entry(table: Pfn) -> Pde {
    let mut entry = Pde(0);
    entry.set_present(true);
    entry.set_writable(true);
    entry.set_user(true);
    entry.set_accessed(true);
    entry.set_frame(table.0);
    entry
}
