//! The page tables of a program whose real ones nobody sees: 4-level paging structures that grow with the pages touched.
//!
//! Physical memory here is nothing but the tables, whose frames are numbered from 0, the root first. The frames of pages are
//! numbers from [`FIRST_PAGE`] on, with nothing behind them: data stays with QEMU. So the size of no RAM is a limit.
//!
//! Invariant: an entry that is present stays, and no bit of it changes but A and D, which the walker sets.

use arch::{Cr3, FRAME_SIZE, Level, LinearAddr, Pfn, PhysAddr, Pte};
use paging::PhysMem;

/// Entries of a table.
const ENTRIES: usize = 512;

/// The frame of the first page touched: half of what 46 bits of physical address can number.
const FIRST_PAGE: Pfn = Pfn(1 << 33);

/// Pages that are remembered as mapped, each where its number falls, so that few accesses look into the tables twice.
const REMEMBERED: usize = 4096;

/// The tables, and where the next page goes.
pub(crate) struct Memory {
    tables: Vec<[u64; ENTRIES]>,
    next_page: Pfn,
    /// Numbers of pages that are mapped.
    mapped: Box<[u64; REMEMBERED]>,
}

impl Memory {
    /// An empty root table.
    pub(crate) fn new() -> Self {
        Self { tables: vec![[0; ENTRIES]], next_page: FIRST_PAGE, mapped: Box::new([u64::MAX; REMEMBERED]) }
    }

    /// What CR3 has to say to have these tables used.
    pub(crate) const fn root(&self) -> Cr3 {
        Cr3(0)
    }

    /// Maps the page of `la` if nobody has touched it yet.
    #[inline]
    pub(crate) fn touch(&mut self, la: LinearAddr) {
        let page = la.page_number();
        let slot = page as usize % REMEMBERED;
        if self.mapped[slot] != page {
            self.map(la);
            self.mapped[slot] = page;
        }
    }

    fn map(&mut self, la: LinearAddr) {
        let mut table = 0;
        for level in [Level::Pml4, Level::Pdpt, Level::Pd] {
            table = self.table_below(table, level.index(la) as usize);
        }
        let entry = &mut self.tables[table][Level::Pt.index(la) as usize];
        if !Pte(*entry).present() {
            *entry = entry_to(self.next_page);
            self.next_page = Pfn(self.next_page.0 + 1);
        }
    }

    /// The table that an entry of a table leads to; a new one if it leads nowhere.
    fn table_below(&mut self, table: usize, index: usize) -> usize {
        let entry = Pte(self.tables[table][index]);
        if entry.present() {
            return entry.frame() as usize;
        }
        let below = self.tables.len();
        self.tables.push([0; ENTRIES]);
        self.tables[table][index] = entry_to(Pfn(below as u64));
        below
    }

    fn entry(&self, pa: PhysAddr) -> Option<&u64> {
        let table = self.tables.get(usize::try_from(pa.pfn().0).ok()?)?;
        table.get(pa.frame_offset() as usize / size_of::<u64>())
    }

    fn entry_mut(&mut self, pa: PhysAddr) -> Option<&mut u64> {
        let table = self.tables.get_mut(usize::try_from(pa.pfn().0).ok()?)?;
        table.get_mut(pa.frame_offset() as usize / size_of::<u64>())
    }
}

/// An entry that lets user mode read, write and execute: of the lowest level, but these bits are the same in all.
fn entry_to(frame: Pfn) -> u64 {
    let mut entry = Pte::default();
    entry.set_present(true);
    entry.set_writable(true);
    entry.set_user(true);
    entry.set_frame(frame.0);
    entry.0
}

impl PhysMem for Memory {
    fn ram_bytes(&self) -> u64 {
        self.tables.len() as u64 * FRAME_SIZE
    }

    #[inline]
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        self.entry(pa).copied().unwrap_or(u64::MAX)
    }

    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        if let Some(entry) = self.entry_mut(pa) {
            *entry = value;
        }
    }

    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        match self.entry_mut(pa) {
            Some(entry) if *entry == current => {
                *entry = new;
                Ok(())
            }
            Some(entry) => Err(*entry),
            None => Ok(()), // a bus that nobody answers on takes every write
        }
    }

    fn read(&self, pa: PhysAddr, buf: &mut [u8]) {
        for (at, byte) in (0..).zip(buf) {
            let pa = pa.wrapping_add(at);
            *byte = self.load_entry(pa).to_le_bytes()[pa.0 as usize % 8];
        }
    }

    fn write(&mut self, pa: PhysAddr, bytes: &[u8]) {
        for (at, byte) in (0..).zip(bytes) {
            let pa = pa.wrapping_add(at);
            let mut entry = self.load_entry(pa).to_le_bytes();
            entry[pa.0 as usize % 8] = *byte;
            self.store_entry(pa, u64::from_le_bytes(entry));
        }
    }

    fn zero_frame(&mut self, frame: Pfn) {
        self.write(frame.base(), &[0; FRAME_SIZE as usize]);
    }

    fn copy_frame(&mut self, from: Pfn, to: Pfn) {
        let mut bytes = [0; FRAME_SIZE as usize];
        self.read(from.base(), &mut bytes);
        self.write(to.base(), &bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::{Access, AccessKind, ControlRegs, Privilege};
    use paging::{NoModel, PagingContext};

    #[test]
    fn the_first_touch_maps_a_page_to_the_next_frame_and_later_ones_change_nothing() {
        let mut memory = Memory::new();
        let ctx = PagingContext::new(ControlRegs::long_mode(memory.root()));
        // The root; three tables for the first, third and fourth page, which share two or all of them; three for the others.
        const TABLES: usize = 1 + 4 + 3 + 3;
        let pages = [0x40_0000, 0x7fff_ffff_f000, 0x40_1000, 0, 0xffff_ffff_ff60_0000];
        for _ in 0..2 {
            for (n, page) in (0..).zip(pages) {
                let la = LinearAddr(page + 0x123);
                memory.touch(la);
                let access = Access::new(AccessKind::Write, Privilege::User);
                let translation = paging::translate(&mut NoModel, &mut memory, &ctx, la, access).unwrap();
                assert_eq!(translation.frame, Pfn(FIRST_PAGE.0 + n));
            }
        }
        assert_eq!(memory.tables.len(), TABLES);
    }

    #[test]
    fn a_page_that_is_no_longer_remembered_keeps_its_frame() {
        let mut memory = Memory::new();
        let same_slot = LinearAddr(REMEMBERED as u64 * FRAME_SIZE);
        for la in [LinearAddr(0), same_slot, LinearAddr(0)] {
            memory.touch(la);
        }
        assert_eq!(memory.next_page, Pfn(FIRST_PAGE.0 + 2));
    }

    #[test]
    fn outside_the_tables_all_bits_read_as_ones_and_writes_are_lost() {
        let mut memory = Memory::new();
        let outside = FIRST_PAGE.base();
        memory.store_entry(outside, 1);
        assert_eq!(memory.compare_exchange_entry(outside, 5, 6), Ok(()));
        assert_eq!(memory.load_entry(outside), u64::MAX);
        memory.write(PhysAddr(6), &[1, 2, 3]);
        assert_eq!(memory.load_entry(PhysAddr(0)), 0x0201_0000_0000_0000);
        assert_eq!(memory.load_entry(PhysAddr(8)), 3);
        memory.zero_frame(Pfn(0));
        assert_eq!(memory.load_entry(PhysAddr(8)), 0);
    }
}
