//! The swap entry: what stands in a PTE whose page is on the swap device.
//!
//! ```text
//!   63   59 58       44 43               12 11     9  8   7     4  3   2    0
//!  +-------+-----------+-------------------+--------+---+--------+---+-------+
//!  | type  |     0     |      offset       |   0    | 0 |   0    | E |   0   |
//!  +-------+-----------+-------------------+--------+---+--------+---+-------+
//!                                                     G                    P
//! ```
//! P=0, so that the processor never uses it; G=0, which tells it from a page without rights (see `mm/pte.rs`). Type and E
//! are where Linux on x86-64 has them; the offset, the number of the slot, is where a present entry has its frame, as it is
//! (Linux turns its bits round, against L1TF, which this processor does not have). The type is that of the one
//! device, 0. Slot 0 is never handed out, so an entry is never 0, which would be an empty PTE.
//!
//! E says that the page was this process's alone when it went out (`_PAGE_SWP_EXCLUSIVE`): it may be mapped writable when
//! it comes back. `fork` clears it in both copies.

use arch::{FRAME_SHIFT, Pte};
use paging::SwapSlot;

/// Bit 3, PWT of a present entry.
const EXCLUSIVE: u64 = 1 << 3;
/// Bits 43 to 12.
const OFFSET: u64 = (u32::MAX as u64) << FRAME_SHIFT;

/// A page on the swap device (`swp_entry_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapEntry(SwapSlot);

impl SwapEntry {
    /// The entry of a slot.
    ///
    /// # Panics
    /// If the slot is 0, the device's header.
    #[must_use]
    pub const fn new(slot: SwapSlot) -> Self {
        assert!(slot.0 != 0, "slot 0 is the header");
        Self(slot)
    }

    /// Where the page is (`swp_offset`).
    #[must_use]
    pub const fn slot(self) -> SwapSlot {
        self.0
    }

    /// The entry in a PTE (`pte_to_swp_entry`); `None` if the PTE is empty, maps a page, or keeps one without rights.
    #[must_use]
    pub fn from_pte(pte: Pte) -> Option<Self> {
        if pte.0 == 0 || pte.present() || pte.global() {
            return None;
        }
        debug_assert_eq!(pte.0 & !(OFFSET | EXCLUSIVE), 0, "{pte:?} is no swap entry");
        Some(Self::new(SwapSlot(((pte.0 & OFFSET) >> FRAME_SHIFT) as u32)))
    }

    /// The PTE that holds it, not exclusive (`swp_entry_to_pte`).
    #[must_use]
    pub const fn to_pte(self) -> Pte {
        Pte((self.0.0 as u64) << FRAME_SHIFT)
    }
}

/// True if the page of a swap entry was its process's alone (`pte_swp_exclusive`).
#[must_use]
pub const fn pte_swp_exclusive(pte: Pte) -> bool {
    pte.0 & EXCLUSIVE != 0
}

/// The swap entry with E set (`pte_swp_mkexclusive`).
#[must_use]
pub const fn pte_swp_mkexclusive(pte: Pte) -> Pte {
    Pte(pte.0 | EXCLUSIVE)
}

/// The swap entry with E clear (`pte_swp_clear_exclusive`).
#[must_use]
pub const fn pte_swp_clear_exclusive(pte: Pte) -> Pte {
    Pte(pte.0 & !EXCLUSIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_the_pte() {
        for slot in [1, 2, 0xffff, 0x8000_0000, u32::MAX] {
            let entry = SwapEntry::new(SwapSlot(slot));
            let pte = entry.to_pte();
            assert_eq!((pte.present(), pte.global(), pte_swp_exclusive(pte)), (false, false, false));
            let exclusive = pte_swp_mkexclusive(pte);
            assert_ne!(exclusive, pte);
            assert!(pte_swp_exclusive(exclusive));
            assert_eq!(SwapEntry::from_pte(exclusive), Some(entry));
            assert_eq!(pte_swp_clear_exclusive(exclusive), pte);
            assert_eq!(SwapEntry::from_pte(pte), Some(entry));
        }
        assert_eq!(pte_swp_mkexclusive(SwapEntry::new(SwapSlot(0x1234)).to_pte()).0, 0x0123_4008);
    }

    #[test]
    fn no_other_entry_is_taken_for_one() {
        // Empty; a page; a page without rights.
        for raw in [0, 0x8000_0000_0123_4067, 0x0123_4160] {
            assert_eq!(SwapEntry::from_pte(Pte(raw)), None, "{raw:#x}");
        }
    }
}
