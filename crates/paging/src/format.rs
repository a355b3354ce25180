//! What the entries of a paging mode look like: which bits are reserved, which are an address (SDM "Paging-Structure
//! Entries" of each mode). Found once for a walk, so that a step asks no register.

use crate::{GigabytePages, PagingContext, Pse36};
use arch::{EntrySize, Level, PageSize, PagingMode, Vendor};

pub(crate) const P: u64 = 1 << 0;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const XD: u64 = 1 << 63;

/// Bits 21:13, which hold no address in a 2 MiB leaf (bit 21 apart) and the high address bits in a 4 MiB leaf.
const LOW_2M: u64 = 0x001f_e000; // 20:13
const LOW_1G: u64 = 0x3fff_e000; // 29:13
const LOW_4M: u64 = 0x003f_e000; // 21:13
/// Bits 62:52: the system's in 4- and 5-level paging, reserved in PAE paging (MMU-034).
const HIGH: u64 = 0x7ff0_0000_0000_0000;

/// The entries of one paging mode under one control state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    pub(crate) size: EntrySize,
    /// PS, or nothing where PDEs never map a page (MMU-022).
    page_size: u64,
    /// The bits that hold the address of a table or a 4 KiB page.
    frame: u64,
    /// Reserved in every entry.
    reserved: u64,
    /// Reserved in a PML5E or PML4E.
    reserved_upper: u64,
    /// Reserved in a PDPTE with PS=1.
    reserved_large_pdpte: u64,
    /// Reserved in a PDE with PS=1.
    reserved_large_pde: u64,
}

impl Format {
    #[inline(always)]
    pub(crate) fn new(ctx: &PagingContext, mode: PagingMode) -> Self {
        if mode == PagingMode::Bits32 {
            return Self::bits32(ctx);
        }
        let disabled = if ctx.nxe() { 0 } else { XD }; // MMU-064
        let high = if mode == PagingMode::Pae { HIGH } else { 0 };
        Self {
            size: EntrySize::Eight,
            page_size: PS,
            frame: ctx.width.frame_mask(),
            reserved: ctx.width.reserved_mask() | high | disabled,
            reserved_upper: if ctx.vendor == Vendor::Amd { PS | G } else { PS }, // MMU-040, MMU-048
            reserved_large_pdpte: if ctx.gigabyte_pages == GigabytePages::Absent { PS } else { LOW_1G },
            reserved_large_pde: LOW_2M,
        }
    }

    /// 4-byte entries, of which nothing is reserved but the low bits of a 4 MiB leaf (MMU-021 to MMU-024).
    #[cold]
    fn bits32(ctx: &PagingContext) -> Self {
        Self {
            size: EntrySize::Four,
            page_size: if ctx.pse() { PS } else { 0 },
            frame: 0xffff_f000,
            reserved: 0,
            reserved_upper: 0,
            reserved_large_pdpte: 0,
            reserved_large_pde: LOW_4M & !pse36_address(ctx),
        }
    }

    /// The bits that must be 0 in a present entry of this level (MMU-040 to MMU-048, MMU-063 to MMU-065).
    #[inline(always)]
    pub(crate) fn reserved(&self, level: Level, entry: u64) -> u64 {
        // One test instead of one for each level: most entries have neither PS nor G.
        self.reserved | if entry & (PS | G) == 0 { 0 } else { self.reserved_by_level(level, entry) }
    }

    const fn reserved_by_level(&self, level: Level, entry: u64) -> u64 {
        match level {
            Level::Pml5 | Level::Pml4 => self.reserved_upper,
            Level::Pdpt if entry & PS != 0 => self.reserved_large_pdpte,
            Level::Pd if entry & self.page_size != 0 => self.reserved_large_pde,
            Level::Pdpt | Level::Pd | Level::Pt => 0,
        }
    }

    /// The level of the table that a valid entry references; `None` if it maps a page.
    #[inline(always)]
    pub(crate) fn below(&self, level: Level, entry: u64) -> Option<Level> {
        level.below().filter(|_| entry & self.page_size == 0)
    }

    /// The address of the table that an entry references.
    #[inline(always)]
    pub(crate) const fn table(&self, entry: u64) -> u64 {
        entry & self.frame
    }

    /// The address of the page that a leaf maps (MMU-049).
    #[inline(always)]
    pub(crate) const fn page(&self, leaf: u64, size: PageSize) -> u64 {
        let high = if matches!(size, PageSize::Size4M) { (leaf & LOW_4M) << 19 } else { 0 }; // bit 13 is PA[32]
        leaf & self.frame & !size.offset_mask() | high
    }
}

/// Which of the bits 20:13 of a 4 MiB leaf are address bits 39:32: those below min(40, MAXPHYADDR) (MMU-023).
fn pse36_address(ctx: &PagingContext) -> u64 {
    match ctx.pse36 {
        Pse36::Supported => (1_u64 << (ctx.width.bits().min(40) - 19)) - 1,
        Pse36::Absent => 0,
    }
}
