//! Transparent huge pages: a PDE that maps 2 MiB of anonymous memory (Linux's `huge_memory.c`).
//!
//! A page of 2 MiB is a block of 512 frames, each with its own descriptor and its own entry in the reverse map; the place of
//! that entry is the PDE. So all that goes by frames need not know of large pages. The frames are [`Huge::Head`] and
//! [`Huge::Tail`] as long as some PDE maps them together, whoever else maps single ones of them: a fork of which one side
//! has written maps the block once whole and once page by page.
//!
//! Three rules keep the rest of memory management simple:
//! - Only the head is in the lists of reclaim. A page that is chosen to go is split first.
//! - A PDE comes with a page table that waits for the split (the deposit), so that a split needs no memory and cannot fail.
//! - Whoever changes a part of a range splits the pages at its ends ([`Mm::split_huge_at`]); a pass over entries then meets
//!   large pages whole.
//!
//! ```text
//! fault on an empty PDE:   read -> huge zero page, write -> 512 zeroed frames (do_huge_pmd_anonymous_page)
//! write to the zero page:  512 zeroed frames, or split
//! write to a shared page:  reuse if all 512 frames are alone, else split and copy one (do_huge_pmd_wp_page)
//! ```
//! Without a free block of 512 frames a fault gets single pages: nothing moves pages to make one (no compaction).

use super::buddy::{Gfp, Order};
use super::fault::VmFault;
use super::frames::{Contents, FrameTable, FrameUse, Huge, OnLru, Owner};
use super::pgtable::{self, Entry, OutOfFrames, PageTable};
use super::reclaim::policy::Arrival;
use super::thp_setting::ThpSettings;
use super::vma::{Backing, Vma};
use super::{Mm, MmCx, VmFlags, pte};
use arch::{Level, LinearAddr, PageSize, Pfn, PhysAddr, Pte, Service, Site};
use event::Resolution;
use paging::{PhysMem, Shootdown};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Frames of a page of 2 MiB.
pub(super) const HPAGE_PMD_NR: u64 = Order::PMD.frames();

/// Where large pages are used (`/sys/kernel/mm/transparent_hugepage/enabled`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThpMode {
    /// In all anonymous memory that `MADV_NOHUGEPAGE` does not exclude.
    Always,
    /// Where `MADV_HUGEPAGE` asks for them.
    #[default]
    Madvise,
    /// Nowhere.
    Never,
}

impl ThpMode {
    /// All modes, in Linux's order.
    pub const ALL: [Self; 3] = [Self::Always, Self::Madvise, Self::Never];
}

impl fmt::Display for ThpMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "always",
            Self::Madvise => "madvise",
            Self::Never => "never",
        })
    }
}

impl FromStr for ThpMode {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|mode| mode.to_string() == s).ok_or("always, madvise or never".into())
    }
}

/// What is known of large pages in all of memory.
#[derive(Debug, Default)]
pub(crate) struct TransparentHuge {
    /// Where they are used.
    pub(crate) mode: ThpMode,
    /// What else is set, and what the daemon has done.
    pub(crate) settings: ThpSettings,
    /// Blocks that a PDE maps.
    pub(crate) mapped: u64,
    /// The block of zeros that reads of new memory share, while there are any, and how many PDEs map it.
    zero: Option<(Pfn, u64)>,
    /// The page table that waits for the split of the PDE at each place.
    deposits: BTreeMap<PhysAddr, Pfn>,
}

impl FrameTable {
    /// The PDE at `slot` maps a block.
    pub(super) fn map_huge(&mut self, head: Pfn, slot: PhysAddr) {
        self.thp.mapped += u64::from(self.get(head).huge == Huge::No);
        for pfn in block(head) {
            self.map(pfn, slot);
            self.set_huge(pfn, if pfn == head { Huge::Head } else { Huge::Tail });
        }
    }

    /// It does not any more.
    fn unmap_huge(&mut self, head: Pfn, slot: PhysAddr) {
        block(head).for_each(|pfn| self.unmap_and_keep(pfn, slot));
        self.dissolve_unless_mapped(head);
        block(head).for_each(|pfn| self.put(pfn));
    }

    /// The frames of a block that no PDE maps any more are pages of their own.
    fn dissolve_unless_mapped(&mut self, head: Pfn) {
        if self.rmap.slots(head).any(|slot| self.is_pmd(slot)) {
            return;
        }
        self.thp.mapped -= 1;
        self.stat.thp_split_page += u64::from(self.get(head).maps > 0);
        for pfn in block(head) {
            self.set_huge(pfn, Huge::No);
            if pfn != head && self.get(pfn).maps > 0 {
                self.lru_add(pfn, OnLru::Node, Arrival::Cache, None);
            }
        }
    }

    /// The page table that waits for the PDE at `slot`.
    pub(super) fn pgtable_deposit(&mut self, slot: PhysAddr, table: Pfn) {
        let before = self.thp.deposits.insert(slot, table);
        debug_assert!(before.is_none(), "a PDE has one table to be split into");
    }

    /// It is needed, or of no use any more.
    pub(super) fn pgtable_withdraw(&mut self, slot: PhysAddr) -> Pfn {
        self.thp.deposits.remove(&slot).expect("a PDE of a large page has a table to be split into")
    }

    /// Page tables that wait.
    pub(super) fn deposits(&self) -> impl Iterator<Item = PhysAddr> {
        self.thp.deposits.keys().copied()
    }

    /// The block of zeros, for one PDE more, if there is memory for it (`mm_get_huge_zero_folio`).
    fn get_huge_zero_page(&mut self, mem: &mut dyn PhysMem) -> Option<Pfn> {
        let (head, users) = match self.thp.zero {
            Some(zero) => zero,
            None => {
                let (head, contents) = self.alloc_order(FrameUse::Reserved, Order::PMD, Gfp::Kernel)?;
                clear_huge_page(mem, self, head, contents);
                (head, 0)
            }
        };
        self.thp.zero = Some((head, users + 1));
        Some(head)
    }

    /// A PDE maps it no more; the last one frees it.
    fn put_huge_zero_page(&mut self) {
        let (head, users) = self.thp.zero.expect("a PDE mapped it");
        self.thp.zero = (users > 1).then_some((head, users - 1));
        if users == 1 {
            block(head).for_each(|pfn| self.put(pfn));
        }
    }
}

/// The frames of a block.
pub(super) fn block(head: Pfn) -> impl Iterator<Item = Pfn> {
    (head.0..head.0 + HPAGE_PMD_NR).map(Pfn)
}

fn clear_huge_page(mem: &mut dyn PhysMem, frames: &mut FrameTable, head: Pfn, contents: Contents) {
    for pfn in block(head) {
        frames.meter.charge(Service::ZeroPage);
        match contents {
            Contents::Stale => mem.zero_frame(pfn),
            Contents::Zero => mem.will_use(pfn),
        }
    }
}

/// Makes the PDE at `slot` a table of 512 entries that map what it mapped (`__split_huge_pmd`).
pub(super) fn split_huge_pmd(mem: &mut dyn PhysMem, frames: &mut FrameTable, slot: PhysAddr) {
    let pte = Pte(mem.load_entry(slot));
    let (mm, la) = frames.entry_place(slot);
    let table = frames.pgtable_withdraw(slot);
    frames.set_owner(table, Owner::Table { mm, level: Level::Pt, base: la });
    let head = pte::pfn(pte);
    let is_zero = frames.is_zero_page(head);
    for page in (Entry { la, slot, pte, size: PageSize::Size2M }).pages() {
        let to = pgtable::slot(table, Level::Pt, page.la);
        let mut small = page.pte;
        if is_zero {
            small.set_frame(super::ZERO_PAGE.0);
        } else {
            frames.move_mapping(pte::pfn(small), slot, to);
        }
        mem.edit_entry(to, small.0, Site::caller());
    }
    mem.edit_entry(slot, pgtable::table_entry(table).0, Site::caller());
    frames.stat.thp_split_pmd += 1;
    if pte.present() {
        frames.pending.merge(Shootdown::page(la));
    }
    if is_zero {
        frames.put_huge_zero_page();
    } else {
        frames.dissolve_unless_mapped(head);
    }
}

/// Splits a page in every address space that maps it whole (`split_huge_page`).
pub(super) fn split_huge_page(mem: &mut dyn PhysMem, frames: &mut FrameTable, head: Pfn) {
    let slots: Vec<PhysAddr> = frames.rmap.slots(head).filter(|slot| frames.is_pmd(*slot)).collect();
    slots.into_iter().for_each(|slot| split_huge_pmd(mem, frames, slot));
}

impl Mm {
    /// True if a large page may be used in a mapping (`thp_vma_allowable_order`).
    #[must_use]
    pub(crate) fn thp_allowed(&self, frames: &FrameTable, vma: &Vma) -> bool {
        let wanted = match frames.thp.mode {
            ThpMode::Always => true,
            ThpMode::Madvise => vma.flags.contains(VmFlags::HUGEPAGE),
            ThpMode::Never => false,
        };
        wanted && self.thp_possible(frames, vma)
    }

    /// True if there may be large pages in a mapping at all. Exact references are kept of pages of 4 KiB, and so is a bound
    /// on the pages of a mapping.
    pub(super) fn thp_possible(&self, frames: &FrameTable, vma: &Vma) -> bool {
        vma.backing == Backing::Anonymous
            && !self.thp_disabled
            && !vma.flags.contains(VmFlags::NOHUGEPAGE)
            && frames.references.is_none()
            && frames.lruvec.limit().is_none_or(|limit| !vma.contains(limit.address))
            && pmd_ranges(vma.start, vma.end).next().is_some()
    }

    /// Serves a fault with a large page; `None` if there is none for it, and a page of 4 KiB has to do.
    pub(super) fn do_huge_pmd_anonymous_page(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vmf: &VmFault,
    ) -> Result<Option<(Resolution, Pfn)>, OutOfFrames> {
        let base = LinearAddr(vmf.page.0 & !PageSize::Size2M.offset_mask());
        let fits = vmf.vma.start <= base && base.wrapping_add(PageSize::Size2M.bytes()) <= vmf.vma.end;
        if !fits || !self.thp_allowed(cx.frames, &vmf.vma) {
            return Ok(None);
        }
        let entry = self.table.pmd_alloc(cx.hw.mem, cx.frames, base)?;
        if entry.pte.0 != 0 {
            return Ok(None);
        }
        let deposit = pgtable::alloc_table(cx.hw.mem, cx.frames)?;
        if vmf.is_write() || cx.frames.thp.settings.use_zero_page == 0 {
            let mapped = self.map_new_huge(cx, &vmf.vma, entry);
            return Ok(self.deposit_or_put(cx, entry, deposit, mapped, Resolution::DemandZeroHuge));
        }
        let zero = cx.frames.get_huge_zero_page(cx.hw.mem);
        if let Some(zero) = zero {
            let pde = pte::with_ps(pte::mk_pte(zero, vmf.vma.flags));
            let shootdown = self.table.set_pte(cx.hw.mem, entry, pde);
            cx.flush(shootdown);
        }
        Ok(self.deposit_or_put(cx, entry, deposit, zero, Resolution::ZeroPage))
    }

    /// The table waits for the page, if there is one.
    fn deposit_or_put(
        &self,
        cx: &mut MmCx<'_, '_>,
        entry: Entry,
        deposit: Pfn,
        mapped: Option<Pfn>,
        resolution: Resolution,
    ) -> Option<(Resolution, Pfn)> {
        match mapped {
            Some(_) => cx.frames.pgtable_deposit(entry.slot, deposit),
            None => {
                cx.frames.put(deposit);
                cx.frames.stat.thp_fault_fallback += 1;
            }
        }
        mapped.map(|head| (resolution, head))
    }

    /// Puts a zeroed block to be written in the place of what the PDE holds.
    fn map_new_huge(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, entry: Entry) -> Option<Pfn> {
        let (head, contents) = cx.frames.alloc_order(FrameUse::Anon, Order::PMD, Gfp::Kernel)?;
        clear_huge_page(cx.hw.mem, cx.frames, head, contents);
        self.map_huge(cx, vma, entry, head);
        cx.frames.stat.thp_fault_alloc += 1;
        Some(head)
    }

    /// Maps a block that was just allocated. Its first references become the entry's.
    pub(super) fn map_huge(&mut self, cx: &mut MmCx<'_, '_>, vma: &Vma, entry: Entry, head: Pfn) {
        cx.frames.map_huge(head, entry.slot);
        block(head).for_each(|pfn| cx.frames.put(pfn));
        cx.frames.lru_add(head, OnLru::Node, Arrival::Fault, None);
        self.anon_vma_prepare(vma.start);
        let pde = pte::with_ps(pte::mkdirty_mkwrite(pte::mk_pte(head, vma.flags), vma.flags));
        let shootdown = self.table.set_pte(cx.hw.mem, entry, pde);
        cx.flush(shootdown);
    }

    /// A write to a large page that is there to read; `None` if it was split, and the fault is to be looked at again.
    pub(super) fn do_huge_pmd_wp_page(
        &mut self,
        cx: &mut MmCx<'_, '_>,
        vmf: &VmFault,
        entry: Entry,
    ) -> Option<(Resolution, Pfn)> {
        let head = pte::pfn(entry.pte);
        if cx.frames.is_zero_page(head) {
            if let Some(head) = self.map_new_huge(cx, &vmf.vma, entry) {
                cx.frames.put_huge_zero_page();
                return Some((Resolution::DemandZeroHuge, head));
            }
            cx.frames.stat.thp_fault_fallback += 1;
        } else if block(head).all(|pfn| cx.frames.get(pfn).maps == 1 && cx.frames.get(pfn).pins() == 0) {
            block(head).for_each(|pfn| cx.frames.set_anon_exclusive(pfn));
            let mut pde = pte::mkdirty_mkwrite(entry.pte, vmf.vma.flags);
            pde.set_accessed(true);
            let shootdown = self.table.set_pte(cx.hw.mem, entry, pde);
            cx.flush(shootdown);
            return Some((Resolution::ReusedOnWrite, head));
        }
        split_huge_pmd(cx.hw.mem, cx.frames, entry.slot);
        None
    }

    /// Splits the large page that `la` lies within, but not at the start of.
    pub(super) fn split_huge_at(&self, cx: &mut MmCx<'_, '_>, la: LinearAddr) {
        if la.0 & PageSize::Size2M.offset_mask() != 0
            && let Some(entry) = self.table.entry(cx.hw.mem, la).filter(Entry::is_huge)
        {
            split_huge_pmd(cx.hw.mem, cx.frames, entry.slot);
        }
    }

    /// Splits all large pages that a range touches.
    pub(super) fn split_huge_range(&self, cx: &mut MmCx<'_, '_>, (start, end): (LinearAddr, LinearAddr)) {
        let mut entries = self.table.entries(start, end);
        while let Some(entry) = entries.next(cx.hw.mem) {
            if entry.is_huge() {
                split_huge_pmd(cx.hw.mem, cx.frames, entry.slot);
            }
        }
    }

    /// The child maps a large page too, and neither may write it (`copy_huge_pmd`).
    pub(super) fn copy_huge_pmd(
        cx: &mut MmCx<'_, '_>,
        child: &PageTable,
        source: Entry,
        (shared, of_child): (Pte, Pte),
    ) -> Result<(), OutOfFrames> {
        let target = child.pmd_alloc(cx.hw.mem, cx.frames, source.la)?;
        let deposit = pgtable::alloc_table(cx.hw.mem, cx.frames)?;
        cx.frames.pgtable_deposit(target.slot, deposit);
        if cx.frames.is_zero_page(pte::pfn(shared)) {
            cx.frames.get_huge_zero_page(cx.hw.mem);
        } else {
            cx.frames.map_huge(pte::pfn(shared), target.slot);
        }
        let shootdown = child.set_pte(cx.hw.mem, target, of_child);
        cx.flush(shootdown);
        Ok(())
    }

    /// Splits what cannot move whole: pages at the ends of a range, and those that would lie otherwise or where a page table is.
    pub(super) fn split_for_move(&self, cx: &mut MmCx<'_, '_>, (start, end): (LinearAddr, LinearAddr), to: LinearAddr) {
        self.split_huge_at(cx, start);
        self.split_huge_at(cx, end);
        if (start.0 ^ to.0) & PageSize::Size2M.offset_mask() != 0 {
            return self.split_huge_range(cx, (start, end));
        }
        for base in pmd_ranges(start, end) {
            let is_taken = self.table.entry(cx.hw.mem, to.wrapping_add(base.0 - start.0)).is_some();
            if is_taken && let Some(entry) = self.table.entry(cx.hw.mem, base).filter(Entry::is_huge) {
                split_huge_pmd(cx.hw.mem, cx.frames, entry.slot);
            }
        }
    }

    /// Takes a large page to another place of the address space (`move_huge_pmd`).
    pub(super) fn move_huge_pmd(
        &self,
        cx: &mut MmCx<'_, '_>,
        entry: Entry,
        place: LinearAddr,
    ) -> Result<Shootdown, OutOfFrames> {
        let target = self.table.pmd_alloc(cx.hw.mem, cx.frames, place)?;
        let mut shootdown = self.table.set_pte(cx.hw.mem, entry, Pte(0));
        shootdown.merge(self.table.set_pte(cx.hw.mem, target, entry.pte));
        let deposit = cx.frames.pgtable_withdraw(entry.slot);
        cx.frames.pgtable_deposit(target.slot, deposit);
        let head = pte::pfn(entry.pte);
        if !cx.frames.is_zero_page(head) {
            block(head).for_each(|pfn| cx.frames.move_mapping(pfn, entry.slot, target.slot));
        }
        Ok(shootdown)
    }
}

impl MmCx<'_, '_> {
    /// A PDE does not map its large page any more (`zap_huge_pmd`).
    pub(super) fn put_huge_page(&mut self, entry: Entry) {
        let deposit = self.frames.pgtable_withdraw(entry.slot);
        self.frames.put(deposit);
        let head = pte::pfn(entry.pte);
        if self.frames.is_zero_page(head) {
            return self.frames.put_huge_zero_page();
        }
        if entry.pte.dirty() {
            block(head).for_each(|pfn| self.frames.set_dirty(pfn)); // others may have them, and have read them only
        }
        self.frames.unmap_huge(head, entry.slot);
    }
}

/// The aligned ranges of 2 MiB that lie whole within a range, by their first addresses.
pub(super) fn pmd_ranges(start: LinearAddr, end: LinearAddr) -> impl Iterator<Item = LinearAddr> {
    let size = PageSize::Size2M.bytes();
    let first = start.0.next_multiple_of(size);
    (0..end.0.saturating_sub(first) / size).map(move |index| LinearAddr(first + index * size))
}
