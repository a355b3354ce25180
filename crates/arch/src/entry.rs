//! The paging-structure entries of 4-level paging, bit by bit (SDM "Paging-Structure Entries").
//!
//! ```text
//!  63  62..59 58..52  51..M     M-1..12      11..9  8  7   6  5  4   3   2   1   0
//! +---+------+-------+---------+------------+------+--+---+--+--+---+---+---+---+---+
//! |XD | key* |ignored|reserved | frame      |ignor.|G*|PS*|D*|A |PCD|PWT|U/S|R/W| P |
//! +---+------+-------+---------+------------+------+--+---+--+--+---+---+---+---+---+
//! ```
//! A star marks what only a leaf has; in a PTE bit 7 is PAT, in a larger leaf bit 12 is PAT. With P=0 all other bits are
//! the kernel's to use (MMU-020).

use bitfield::bitfield;

/// A level of 4-level paging, from the root down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The root table; its entries map 512 GiB each.
    Pml4,
    /// Page-directory-pointer table; entries map 1 GiB.
    Pdpt,
    /// Page directory; entries map 2 MiB.
    Pd,
    /// Page table; entries map 4 KiB.
    Pt,
}

impl Level {
    /// log2 of the bytes that one entry of this level maps.
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Pml4 => 39,
            Self::Pdpt => 30,
            Self::Pd => 21,
            Self::Pt => 12,
        }
    }

    /// The next level down; `None` below a page table.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::Pml4 => Some(Self::Pdpt),
            Self::Pdpt => Some(Self::Pd),
            Self::Pd => Some(Self::Pt),
            Self::Pt => None,
        }
    }

    /// Index of the entry for linear address `la` in a table of this level, 0..512.
    #[must_use]
    pub const fn index(self, la: crate::LinearAddr) -> u64 {
        la.0 >> self.shift() & 0x1ff
    }
}

macro_rules! entry {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $get:ident, $set:ident: $bit:literal;)* }) => {
        bitfield! {
            $(#[$doc])*
            #[derive(Clone, Copy, Default, PartialEq, Eq)]
            pub struct $name(pub u64);
            impl Debug;
            /// P: the entry is in use; with 0 all other bits are ignored.
            pub present, set_present: 0;
            /// R/W: writes are allowed through this entry.
            pub writable, set_writable: 1;
            /// U/S: user-mode accesses are allowed through this entry.
            pub user, set_user: 2;
            /// PWT: page-level write-through.
            pub pwt, set_pwt: 3;
            /// PCD: page-level cache disable.
            pub pcd, set_pcd: 4;
            /// A: the processor has used this entry.
            pub accessed, set_accessed: 5;
            $($(#[$fdoc])* pub $get, $set: $bit;)*
            /// Frame number of the next table or of the page: bits 51:12.
            pub frame, set_frame: 51, 12;
            /// Protection key, bits 62:59, of a leaf.
            pub key, set_key: 62, 59;
            /// XD: no instruction is fetched through this entry (with EFER.NXE=1).
            pub no_execute, set_no_execute: 63;
        }
    };
}

entry! {
    /// PML4E (MMU-040).
    Pml4e {
        /// Bit 7: reserved, must be 0.
        page_size, set_page_size: 7;
    }
}
entry! {
    /// PDPTE: a page directory, or with PS=1 a 1 GiB page (MMU-041, MMU-042).
    Pdpte {
        /// D: the page was written (leaf only).
        dirty, set_dirty: 6;
        /// PS: this entry maps a page.
        page_size, set_page_size: 7;
        /// G: the translation is global (leaf only).
        global, set_global: 8;
        /// PAT of a leaf.
        pat, set_pat: 12;
    }
}
entry! {
    /// PDE: a page table, or with PS=1 a 2 MiB page (MMU-044, MMU-045).
    Pde {
        /// D: the page was written (leaf only).
        dirty, set_dirty: 6;
        /// PS: this entry maps a page.
        page_size, set_page_size: 7;
        /// G: the translation is global (leaf only).
        global, set_global: 8;
        /// PAT of a leaf.
        pat, set_pat: 12;
    }
}
entry! {
    /// PTE: a 4 KiB page (MMU-046).
    Pte {
        /// D: the page was written.
        dirty, set_dirty: 6;
        /// PAT.
        pat, set_pat: 7;
        /// G: the translation is global.
        global, set_global: 8;
    }
}
