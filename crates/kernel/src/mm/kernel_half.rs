//! The kernel half of every address space: the direct map of all physical pages.
//!
//! It is built once, from the largest leaves that fit, and every process's PML4 gets the same upper entries. Nothing here
//! is open to user mode, so that a program that reads a kernel address faults with P=1 and U=1, as on Linux, although the
//! kernel layer itself runs elsewhere and never uses the map.

use super::frames::FrameTable;
use super::pgtable::{OutOfFrames, alloc_table, slot};
use crate::Hw;
use arch::{FRAME_SIZE, Level, LinearAddr, PageSize, Pde, Pdpte, Pfn, PhysAddr, Pml4e, Site};
use paging::PhysMem;
use std::collections::BTreeMap;

/// Where physical address 0 is mapped (Linux's `page_offset_base` without randomisation).
pub const DIRECT_MAP: LinearAddr = LinearAddr(0xffff_8880_0000_0000);

/// The upper entries that all PML4s share: at most 64 TiB of RAM, so 128 entries.
#[derive(Debug, Default)]
pub struct KernelHalf {
    /// By index, 256..512.
    entries: BTreeMap<u64, Pml4e>,
}

impl KernelHalf {
    /// Maps all of RAM.
    ///
    /// # Errors
    /// [`OutOfFrames`] if RAM cannot even hold the tables that map it.
    pub fn build(hw: &mut Hw<'_>, frames: &mut FrameTable) -> Result<Self, OutOfFrames> {
        let mem = &mut *hw.mem;
        let mut half = Self::default();
        let ram = mem.ram_bytes() & !(FRAME_SIZE - 1);
        let mut pa = PhysAddr(0);
        while pa.0 < ram {
            let size = largest_leaf(pa, ram - pa.0);
            half.map_leaf(mem, frames, pa, size)?;
            pa = pa.wrapping_add(size.bytes());
        }
        Ok(half)
    }

    /// Writes the shared entries into a new PML4.
    pub(super) fn copy_into(&self, mem: &mut dyn PhysMem, root: Pfn) {
        for (index, entry) in &self.entries {
            mem.edit_entry(root.base().wrapping_add(index * 8), entry.0, Site::caller());
        }
    }

    fn map_leaf(
        &mut self,
        mem: &mut dyn PhysMem,
        frames: &mut FrameTable,
        pa: PhysAddr,
        size: PageSize,
    ) -> Result<(), OutOfFrames> {
        let la = DIRECT_MAP.wrapping_add(pa.0);
        let index = Level::Pml4.index(la);
        let mut table = match self.entries.get(&index) {
            Some(entry) => Pfn(entry.frame()),
            None => {
                let table = alloc_table(mem, frames)?;
                self.entries.insert(index, Pml4e(kernel_table_entry(table).0));
                table
            }
        };
        for level in [Level::Pdpt, Level::Pd] {
            if level.shift() == size.shift() {
                break;
            }
            table = next_table(mem, frames, slot(table, level, la))?;
        }
        let level = match size {
            PageSize::Size1G => Level::Pdpt,
            PageSize::Size2M | PageSize::Size4M => Level::Pd,
            PageSize::Size4K => Level::Pt,
        };
        mem.edit_entry(slot(table, level, la), leaf(pa, size), Site::caller());
        Ok(())
    }
}

/// The largest page that starts at `pa` and ends within `left` bytes.
fn largest_leaf(pa: PhysAddr, left: u64) -> PageSize {
    let fits = |size: PageSize| pa.0 & size.offset_mask() == 0 && left >= size.bytes();
    [PageSize::Size1G, PageSize::Size2M].into_iter().find(|size| fits(*size)).unwrap_or(PageSize::Size4K)
}

/// The table that an entry references, made if it is not there.
fn next_table(mem: &mut dyn PhysMem, frames: &mut FrameTable, at: PhysAddr) -> Result<Pfn, OutOfFrames> {
    let entry = Pde(mem.load_entry(at));
    if entry.present() {
        return Ok(Pfn(entry.frame()));
    }
    let table = alloc_table(mem, frames)?;
    mem.edit_entry(at, kernel_table_entry(table).0, Site::caller());
    Ok(table)
}

/// `_KERNPG_TABLE`: present, writable, accessed, for the supervisor.
fn kernel_table_entry(table: Pfn) -> Pdpte {
    let mut entry = Pdpte(0);
    entry.set_present(true);
    entry.set_writable(true);
    entry.set_accessed(true);
    entry.set_frame(table.0);
    entry
}

/// `PAGE_KERNEL` or `PAGE_KERNEL_LARGE`: present, writable, accessed, dirty, global, not executable.
fn leaf(pa: PhysAddr, size: PageSize) -> u64 {
    let mut entry = Pde(0);
    entry.set_present(true);
    entry.set_writable(true);
    entry.set_accessed(true);
    entry.set_dirty(true);
    entry.set_global(true);
    entry.set_no_execute(true);
    entry.set_frame(pa.pfn().0);
    entry.set_page_size(size != PageSize::Size4K); // in a PTE the bit is PAT
    entry.0
}
