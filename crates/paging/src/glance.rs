//! The usual walk in one look: 4-level paging with XD and global pages over write-back memory, an access that user mode may
//! make to a page of 4 KiB, A set throughout and D where a write needs it.
//!
//! It is there for speed alone: it gives what [`crate::Walk`] would give, with nothing to set; or nothing at all, and then the
//! walk is made step by step from the start. So it must never be asked by a host that has the reads of a walk reported.

use crate::format::{A, D, G, P, PS, RW, US, XD};
use crate::{PagingContext, PhysMem, Rights, Translation};
use arch::{Access, AccessKind, Cr0, Cr4, Efer, Level, LinearAddr, MemoryType, PageSize};
use arch::{Pat, PatIndex, PhysAddr, Privilege, ProtectionKey, Pte};

/// The address bits 51:12 of an entry. What of them lies beyond MAXPHYADDR is reserved, and so is 0.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// The key of a leaf.
const KEY: u64 = 0xf << 59;

/// What the control state says of such a walk, asked once for all walks under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Physical address of the PML4.
    root: u64,
    /// The bits that are reserved in every entry.
    reserved: u64,
    /// What supervisor mode asks of an entry as user mode does.
    supervisor: Supervisor,
    pat: Pat,
}

/// Whether a look is enough for an explicit access of supervisor mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supervisor {
    /// WP and AC are set: data that user mode may read or write it may too, as a kernel that copies from or to a program's
    /// pages (MMU-084, MMU-086).
    AsUser,
    /// It is not.
    Apart,
}

impl Glance {
    /// The look that is enough under this control state; `None` if each walk has to be made step by step.
    #[must_use]
    pub fn new(ctx: &PagingContext) -> Option<Self> {
        const CR4: Cr4 = Cr4::PAE.union(Cr4::PGE);
        const EFER: Efer = Efer::LMA.union(Efer::NXE);
        let usual = ctx.regs.cr0.contains(Cr0::PG)
            && ctx.regs.cr4.intersection(CR4.union(Cr4::LA57)) == CR4
            && ctx.regs.efer.contains(EFER)
            && ctx.regs.pkru.allows_all(ProtectionKey::default()) // whether or not keys are in force
            && ctx.mtrr == MemoryType::WriteBack;
        let supervisor = if ctx.alignment_check && ctx.wp() { Supervisor::AsUser } else { Supervisor::Apart };
        usual.then(|| Self {
            root: ctx.regs.cr3.root().0,
            reserved: ctx.width.reserved_mask(),
            supervisor,
            pat: ctx.regs.pat,
        })
    }

    /// What a walk gives that has nothing to set, if it is a usual one; `None` says nothing of what the walk gives. `la` is
    /// canonical.
    #[inline(always)]
    pub fn translate<M: PhysMem + ?Sized>(&self, mem: &M, la: LinearAddr, access: Access) -> Option<Translation> {
        if !self.judges(access) {
            return None;
        }
        // What every entry of the path must have, and what it must not.
        let (needed, dirty, denied) = match access.kind {
            AccessKind::Read => (P | US | A, 0, 0),
            AccessKind::Write => (P | RW | US | A, D, 0),
            AccessKind::Fetch => (P | US | A, 0, XD),
        };
        let denied = denied | self.reserved;
        let (mut table, mut leaf) = (self.root, 0);
        let (mut every, mut any) = (u64::MAX, 0);
        for level in [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt] {
            let entry = mem.glance_entry(PhysAddr(table + 8 * level.index(la)))?;
            // With PS or G a table's entry may be anything: a page, reserved, or valid.
            let (needed, denied) =
                if level == Level::Pt { (needed | dirty, denied | KEY) } else { (needed, denied | PS | G) };
            if entry & (needed | denied) != needed {
                return None;
            }
            (every, any) = (every & entry, any | entry);
            (table, leaf) = (entry & ADDRESS, entry);
        }
        let rights =
            Rights { writable: every & RW != 0, user: true, no_execute: any & XD != 0, key: ProtectionKey::default() };
        let pat = PatIndex::of_leaf(leaf, 7);
        Some(Translation {
            frame: PhysAddr(table).pfn(),
            size: PageSize::Size4K,
            rights,
            dirty: Pte(leaf).dirty(),
            global: Pte(leaf).global(),
            pat,
            memory_type: self.pat.memory_type(pat),
        })
    }

    /// True if an access that user mode may make is allowed to this one too.
    #[inline(always)]
    fn judges(&self, access: Access) -> bool {
        match access.privilege {
            Privilege::User => true,
            Privilege::Supervisor => self.supervisor == Supervisor::AsUser && !access.is_fetch(),
            Privilege::SupervisorImplicit => false,
        }
    }
}
