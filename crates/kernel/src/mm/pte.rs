//! What the kernel layer writes into a PTE.
//!
//! ```text
//!  P=1                  the processor's layout (arch::Pte)
//!  P=0, all bits 0      nothing
//!  P=0, bit 8 = 1       a page without rights (PROT_NONE): frame, A and D stay where they were; bit 63 as before
//!  P=0, bit 8 = 0       a swap entry (see swap/entry.rs)
//! ```
//! Bit 9 of a page, present or without rights, says that its mapping is locked (mlock): the page may not go. Bits 62:59 are the
//! mapping's protection key. Bit 10 says that the program has given the page up (`MADV_FREE`): with D=0 it may be dropped;
//! a write sets D and so takes that back.
//!
//! The PDE of a page of 2 MiB and the PDPTE of one of 1 GiB have the same bits, and PS=1, also where P=0.
//!
//! Bit 8 is G, which no user page sets, so that P=0 with G=1 can only mean PROT_NONE, as on Linux (`_PAGE_PROTNONE`).
//! Linux also inverts the frame number in such an entry, against L1TF; this processor has no such fault.

use super::flags::VmFlags;
use super::swap::SwapEntry;
use arch::{Pfn, Pte};

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PteState {
    /// Nothing is there.
    None,
    /// The page is mapped.
    Present,
    /// The page is kept, without rights.
    ProtNone,
    /// The page is on the swap device.
    Swap(SwapEntry),
}

impl PteState {
    /// True if the entry maps a frame, with or without rights.
    pub(super) const fn has_frame(self) -> bool {
        matches!(self, Self::Present | Self::ProtNone)
    }
}

/// Reads an entry.
pub(super) fn state(pte: Pte) -> PteState {
    match (pte.0, pte.present(), pte.global()) {
        (0, ..) => PteState::None,
        (_, true, _) => PteState::Present,
        (_, false, true) => PteState::ProtNone,
        (_, false, false) => PteState::Swap(SwapEntry::from_pte(pte).expect("there is no other kind of entry")),
    }
}

/// True if the mapping of the entry is locked in memory.
pub(super) const fn is_locked(pte: Pte) -> bool {
    pte.0 & LOCKED != 0
}

/// The frame of an entry that has one.
pub(super) fn pfn(pte: Pte) -> Pfn {
    Pfn(pte.frame())
}

/// The bits that a mapping's pages have before anyone writes to them (`vm_page_prot` from `protection_map`).
///
/// R/W is never among them: a private page is copied first, and the first write to a shared page is noticed, as file
/// systems want it (`vma_wants_writenotify`). A is set, as in all of Linux's user pages.
pub(super) fn page_prot(flags: VmFlags) -> Pte {
    let mut pte = Pte(0);
    pte.set_accessed(true);
    if flags.intersects(VmFlags::ACCESS) {
        pte.set_present(true);
        pte.set_user(true);
        pte.set_no_execute(!flags.contains(VmFlags::EXEC));
    } else {
        pte.set_global(true);
    }
    pte.set_key(flags.pkey().into());
    mark_locked(pte, flags)
}

/// Bit 9, which the processor ignores: the page lies in a locked mapping.
const LOCKED: u64 = 1 << 9;

/// Bit 10, which the processor ignores: the page may be dropped as long as D is 0 (`MADV_FREE`).
const LAZYFREE: u64 = 1 << 10;

/// The entry of a page that the program does not need, until it writes to it.
pub(super) fn mark_lazyfree(mut pte: Pte) -> Pte {
    pte.set_dirty(false);
    pte.set_accessed(false);
    Pte(pte.0 | LAZYFREE)
}

/// Whether the page may be dropped: it was given up and not written since.
pub(super) fn is_lazyfree(pte: Pte) -> bool {
    pte.0 & LAZYFREE != 0 && !pte.dirty()
}

/// The entry with or without the mark of locked mappings, as the flags say.
pub(super) fn mark_locked(pte: Pte, flags: VmFlags) -> Pte {
    if flags.contains(VmFlags::LOCKED) { Pte(pte.0 | LOCKED) } else { Pte(pte.0 & !LOCKED) }
}

/// An entry for a frame in a mapping with these flags (`mk_pte`).
pub(super) fn mk_pte(frame: Pfn, flags: VmFlags) -> Pte {
    let mut pte = page_prot(flags);
    pte.set_frame(frame.0);
    pte
}

/// The entry made writable and dirty, if the mapping may be written (`maybe_mkwrite(pte_mkdirty(pte))`).
pub(super) fn mkdirty_mkwrite(mut pte: Pte, flags: VmFlags) -> Pte {
    pte.set_dirty(true);
    pte.set_writable(flags.contains(VmFlags::WRITE));
    pte
}

/// The entry with the rights of `flags`; frame, A and D stay (`pte_modify`).
pub(super) fn modify(old: Pte, flags: VmFlags) -> Pte {
    let mut pte = mk_pte(pfn(old), flags);
    pte.set_accessed(old.accessed() || pte.accessed());
    pte.set_dirty(old.dirty());
    Pte(pte.0 | old.0 & (LAZYFREE | PS))
}

/// PS of a PDE or a PDPTE: it maps a page. In a PTE the bit is PAT, which no page here sets.
const PS: u64 = 1 << 7;

/// True if the entry, a PDE or a PDPTE, maps a page.
pub(super) const fn has_ps(pde: Pte) -> bool {
    pde.0 & PS != 0
}

/// The PDE or PDPTE that maps a page as this PTE would.
pub(super) const fn with_ps(pte: Pte) -> Pte {
    Pte(pte.0 | PS)
}

/// The PTE that maps a page as this PDE or PDPTE would.
pub(super) const fn without_ps(pde: Pte) -> Pte {
    Pte(pde.0 & !PS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_rights_keeps_its_frame() {
        let rw = VmFlags::READ | VmFlags::WRITE;
        let pte = mkdirty_mkwrite(mk_pte(Pfn(0x1234), rw), rw);
        assert_eq!(pte.0, 0x8000_0000_0123_4067); // P RW US A D XD
        let none = modify(pte, VmFlags::empty());
        assert_eq!((state(none), none.0), (PteState::ProtNone, 0x0123_4160));
        let back = modify(none, rw);
        assert_eq!(
            (state(back), back.writable(), back.dirty(), pfn(back)),
            (PteState::Present, false, true, Pfn(0x1234))
        );
    }

    #[test]
    fn a_write_only_or_execute_only_page_can_be_read() {
        for (flags, nx) in [(VmFlags::WRITE, true), (VmFlags::EXEC, false), (VmFlags::READ, true)] {
            let pte = page_prot(flags);
            assert_eq!((pte.present(), pte.user(), pte.no_execute()), (true, true, nx), "{flags:?}");
        }
    }
}
