//! The 8-byte paging-structure entries, bit by bit (SDM "Paging-Structure Entries").
//!
//! ```text
//!  63  62..59 58..52  51..M     M-1..12      11..9  8  7   6  5  4   3   2   1   0
//! +---+------+-------+---------+------------+------+--+---+--+--+---+---+---+---+---+
//! |XD | key* |ignored|reserved | frame      |ignor.|G*|PS*|D*|A |PCD|PWT|U/S|R/W| P |
//! +---+------+-------+---------+------------+------+--+---+--+--+---+---+---+---+---+
//! ```
//! A star marks what only a leaf has; in a PTE bit 7 is PAT, in a larger leaf bit 12 is PAT. With P=0 all other bits are
//! the kernel's to use (MMU-020). PAE paging has the same PDE and PTE but reserves bits 62:M (MMU-034); its PDPTEs are
//! registers with fewer bits:
//! ```text
//!  63..M     M-1..12      11..9   8..5      4   3   2..1      0
//! +---------+------------+-------+---------+---+---+---------+---+
//! |reserved | frame      |ignored|reserved |PCD|PWT|reserved | P |   PDPTE of PAE paging (MMU-030)
//! +---------+------------+-------+---------+---+---+---------+---+
//! ```
//! The 4-byte entries of 32-bit paging (SDM "32-Bit Paging"):
//! ```text
//!  31..22   21     20..13     12    11..9  8  7  6  5  4   3   2   1   0
//! +--------+------+----------+-----+------+--+--+--+--+---+---+---+---+---+
//! | frame  | rsvd | PA[39:32]| PAT |ignor.|G |1 |D |A |PCD|PWT|U/S|R/W| P |   PDE, 4 MiB page, M >= 40 (MMU-023)
//! +--------+------+----------+-----+------+--+--+--+--+---+---+---+---+---+
//! | frame 31..12                   |ignored  |0 |i |A |PCD|PWT|U/S|R/W| P |   PDE, page table (MMU-021)
//! +--------------------------------+------+--+--+--+--+---+---+---+---+---+
//! | frame 31..12                   |ignor.|G |PA|D |A |PCD|PWT|U/S|R/W| P |   PTE, PA is PAT (MMU-024)
//! +--------------------------------+------+--+--+--+--+---+---+---+---+---+
//! ```

use bitfield::bitfield;

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
    /// PML5E, of 5-level paging (MMU-040, MMU-050).
    Pml5e {
        /// Bit 7: reserved, must be 0.
        page_size, set_page_size: 7;
    }
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
