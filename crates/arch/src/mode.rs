//! Paging modes and their levels (SDM "Paging Modes and Control Bits", MMU-002).
//!
//! ```text
//!            LA width  entry   levels from the root, with the bits of the linear address that index them
//! Off        32        -       -
//! Bits32     32        4 bytes                              PD 31:22   PT 21:12
//! Pae        32        8 bytes        (4 registers 31:30)   PD 29:21   PT 20:12
//! Level4     48        8 bytes             PML4 47:39  PDPT 38:30  PD 29:21  PT 20:12
//! Level5     57        8 bytes  PML5 56:48 PML4 47:39  PDPT 38:30  PD 29:21  PT 20:12
//! ```

use crate::{LinearAddr, PageSize};
use std::fmt;

/// How linear addresses are translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PagingMode {
    /// CR0.PG=0: a linear address is a physical one (MMU-001).
    Off,
    /// 32-bit paging.
    Bits32,
    /// PAE paging.
    Pae,
    /// 4-level paging.
    Level4,
    /// 5-level paging.
    Level5,
}

impl PagingMode {
    /// Bytes of a paging-structure entry.
    #[must_use]
    pub const fn entry_size(self) -> EntrySize {
        match self {
            Self::Bits32 => EntrySize::Four,
            _ => EntrySize::Eight,
        }
    }

    /// The level whose table CR3, or in PAE paging a PDPTE register, references; `None` without paging.
    #[must_use]
    pub const fn first_level(self) -> Option<Level> {
        match self {
            Self::Off => None,
            Self::Bits32 | Self::Pae => Some(Level::Pd),
            Self::Level4 => Some(Level::Pml4),
            Self::Level5 => Some(Level::Pml5),
        }
    }

    /// How wide linear addresses are (MMU-005).
    #[must_use]
    pub const fn linear_width(self) -> LinearWidth {
        match self {
            Self::Off | Self::Bits32 | Self::Pae => LinearWidth::Bits32,
            Self::Level4 => LinearWidth::Bits48,
            Self::Level5 => LinearWidth::Bits57,
        }
    }

    /// The size of the page that a leaf of this level maps.
    #[must_use]
    pub const fn leaf_size(self, level: Level) -> PageSize {
        match level {
            Level::Pt => PageSize::Size4K,
            Level::Pd if matches!(self, Self::Bits32) => PageSize::Size4M,
            Level::Pd => PageSize::Size2M,
            Level::Pdpt | Level::Pml4 | Level::Pml5 => PageSize::Size1G,
        }
    }
}

impl fmt::Display for PagingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "paging off",
            Self::Bits32 => "32-bit paging",
            Self::Pae => "PAE paging",
            Self::Level4 => "4-level paging",
            Self::Level5 => "5-level paging",
        })
    }
}

/// How many bits of a linear address mean something (MMU-005).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinearWidth {
    /// Outside long mode: bits 63:32 do not exist.
    Bits32,
    /// 4-level paging.
    Bits48,
    /// 5-level paging.
    Bits57,
}

impl LinearWidth {
    /// The address as this width forms it: modulo 2^32 outside long mode.
    #[must_use]
    pub const fn wrap(self, la: LinearAddr) -> LinearAddr {
        match self {
            Self::Bits32 => LinearAddr(la.0 & 0xffff_ffff),
            Self::Bits48 | Self::Bits57 => la,
        }
    }

    /// True if every byte of an access of `size` bytes (at least 1) at `la` is canonical (MMU-150, MMU-151).
    #[must_use]
    pub const fn is_canonical(self, la: LinearAddr, size: u64) -> bool {
        let last = la.0.wrapping_add(size - 1);
        match self {
            Self::Bits32 => true,
            Self::Bits48 => extends_sign(la.0, 16) && extends_sign(last, 16),
            Self::Bits57 => extends_sign(la.0, 7) && extends_sign(last, 7),
        }
    }
}

/// True if the top `unused` bits equal the bit below them.
const fn extends_sign(la: u64, unused: u32) -> bool {
    ((la << unused) as i64 >> unused) as u64 == la
}

/// Bytes of a paging-structure entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EntrySize {
    /// 32-bit paging.
    Four,
    /// All other modes.
    #[default]
    Eight,
}

impl EntrySize {
    /// log2 of the bytes.
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Four => 2,
            Self::Eight => 3,
        }
    }

    /// Index of the entry for `la` in a table of `level`: 10 bits of the address for 4-byte entries, else 9.
    #[must_use]
    pub const fn index(self, level: Level, la: LinearAddr) -> u64 {
        let bits = crate::FRAME_SHIFT - self.shift();
        la.0 >> (crate::FRAME_SHIFT + level.height() * bits) & ((1 << bits) - 1)
    }
}

/// A level of the paging structures, from the root down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The root table of 5-level paging; its entries map 256 TiB each.
    Pml5,
    /// Entries map 512 GiB each; the root table of 4-level paging.
    Pml4,
    /// Page-directory-pointer table; entries map 1 GiB.
    Pdpt,
    /// Page directory; entries map 2 MiB, in 32-bit paging 4 MiB.
    Pd,
    /// Page table; entries map 4 KiB.
    #[default]
    Pt,
}

impl Level {
    /// How many levels there are below this one.
    #[must_use]
    pub const fn height(self) -> u32 {
        4 - self as u32
    }

    /// log2 of the bytes that one 8-byte entry of this level maps.
    #[must_use]
    pub const fn shift(self) -> u32 {
        12 + 9 * self.height()
    }

    /// The next level down; `None` below a page table.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Pml5 => Some(Self::Pml4),
            Self::Pml4 => Some(Self::Pdpt),
            Self::Pdpt => Some(Self::Pd),
            Self::Pd => Some(Self::Pt),
            Self::Pt => None,
        }
    }

    /// Index of the 8-byte entry for linear address `la` in a table of this level, 0..512.
    #[must_use]
    pub const fn index(self, la: LinearAddr) -> u64 {
        la.0 >> self.shift() & 0x1ff
    }

    /// Intel's name of an entry of this level.
    #[must_use]
    pub const fn entry_name(self) -> &'static str {
        match self {
            Self::Pml5 => "PML5E",
            Self::Pml4 => "PML4E",
            Self::Pdpt => "PDPTE",
            Self::Pd => "PDE",
            Self::Pt => "PTE",
        }
    }
}
