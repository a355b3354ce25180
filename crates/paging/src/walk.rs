//! The page walk as a pure state machine (SDM "4-Level Paging").
//!
//! ```text
//! start(ctx, la, access) -> pa of the PML4E
//! step(entry) -> Load(pa of the next entry)      the entry references a table
//!             -> Done(end)                       the path is complete and allows the access
//!             -> Fault(end, fault)               not present, reserved bit, or right denied
//! ```
//! The walk never writes. It says which entries are to get A and D, with the value it saw; the driver commits them with
//! compare-exchange and starts again if an entry has become another in any bit but A and D.

use crate::{AccessedOnFault, GigabytePages, PagingContext, Rights, Translation};
use arch::{Access, Cr4, Efer, Level, LinearAddr, PageFault, PageFaultCode, PageSize, PhysAddr, Pte, Vendor};

const P: u64 = 1 << 0;
const RW: u64 = 1 << 1;
const US: u64 = 1 << 2;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;
const PS: u64 = 1 << 7;
const G: u64 = 1 << 8;
const XD: u64 = 1 << 63;

/// An entry that a walk used: where it is, what it held, what it is to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryUse {
    /// Physical address of the entry.
    pub pa: PhysAddr,
    /// The value that the walk was given.
    pub seen: u64,
    /// A (bit 5) and D (bit 6) to be set in it; 0 for an entry that must not be written.
    pub set: u64,
}

/// How a walk ended: every entry it used, from the root down. At most four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkEnd {
    entries: [EntryUse; 4],
    used: usize,
}

impl WalkEnd {
    /// The entries that were read, from the root down.
    #[must_use]
    pub fn entries(&self) -> &[EntryUse] {
        &self.entries[..self.used]
    }
}

/// What a walk wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The entry at this physical address.
    Load(PhysAddr),
    /// Nothing: the access is allowed once A and D are committed.
    Done(WalkEnd, Translation),
    /// Nothing: the access faults once the A bits of `WalkEnd` are committed (MMU-114).
    Fault(WalkEnd, PageFault),
}

/// A walk under way.
#[derive(Clone, Debug)]
pub struct Walk<'a> {
    ctx: &'a PagingContext,
    la: LinearAddr,
    access: Access,
    level: Level,
    end: WalkEnd,
    /// AND of R/W and U/S over the entries so far; bit 63 is the OR of XD.
    and_rights: u64,
    or_xd: u64,
}

impl<'a> Walk<'a> {
    /// Begins a walk for one access that lies within a page; `la` is the access's first byte in that page and canonical.
    /// Also gives the physical address of the first entry.
    #[must_use]
    pub fn start(ctx: &'a PagingContext, la: LinearAddr, access: Access) -> (Self, PhysAddr) {
        let mut walk =
            Self { ctx, la, access, level: Level::Pml4, end: WalkEnd::default(), and_rights: RW | US, or_xd: 0 };
        let pa = walk.want(ctx.root());
        (walk, pa)
    }

    /// Takes the entry that was asked for.
    #[must_use]
    pub fn step(&mut self, entry: u64) -> Step {
        self.current().seen = entry;
        if entry & P == 0 {
            return self.fault(PageFaultCode::empty()); // MMU-061: nothing else of it is looked at
        }
        if entry & self.reserved(entry) != 0 {
            return self.fault(PageFaultCode::P | PageFaultCode::RSVD); // MMU-060, MMU-066
        }
        self.and_rights &= entry;
        self.or_xd |= entry & XD;
        match self.level.below() {
            Some(below) if entry & PS == 0 => {
                self.current().set = A;
                self.level = below;
                Step::Load(self.want(PhysAddr(entry & self.ctx.width.frame_mask())))
            }
            _ => self.judge(entry),
        }
    }

    /// Notes the entry of this level in `table` as the next to be used.
    fn want(&mut self, table: PhysAddr) -> PhysAddr {
        let pa = table.wrapping_add(self.level.index(self.la) * 8);
        self.end.entries[self.end.used] = EntryUse { pa, seen: 0, set: 0 };
        self.end.used += 1;
        pa
    }

    fn current(&mut self) -> &mut EntryUse {
        &mut self.end.entries[self.end.used - 1]
    }

    /// The bits that must be 0 in a present entry of this level (MMU-040 to MMU-048, MMU-063 to MMU-065).
    fn reserved(&self, entry: u64) -> u64 {
        let mut bits = self.ctx.width.reserved_mask();
        if !self.ctx.nxe() {
            bits |= XD;
        }
        bits | match self.level {
            Level::Pml4 => match self.ctx.vendor {
                Vendor::Intel => PS,
                Vendor::Amd => PS | G,
            },
            Level::Pdpt if entry & PS != 0 => match self.ctx.gigabyte_pages {
                GigabytePages::Supported => 0x3fff_e000, // 29:13
                GigabytePages::Absent => PS,
            },
            Level::Pd if entry & PS != 0 => 0x001f_e000, // 20:13
            Level::Pdpt | Level::Pd | Level::Pt => 0,
        }
    }

    /// Judges the rights of the complete path, whose leaf is `entry` (MMU-080).
    fn judge(&mut self, entry: u64) -> Step {
        let rights = Rights {
            writable: self.and_rights & RW != 0,
            user: self.and_rights & US != 0,
            no_execute: self.or_xd != 0,
        };
        if !rights.allow(self.ctx, self.access) {
            return self.fault(PageFaultCode::P); // MMU-113: the leaf stays as it is
        }
        let write = self.access.is_write();
        self.current().set = if write { A | D } else { A };
        let size = match self.level {
            Level::Pml4 | Level::Pdpt => PageSize::Size1G,
            Level::Pd => PageSize::Size2M,
            Level::Pt => PageSize::Size4K,
        };
        let offset = self.la.page_base().0 & size.offset_mask();
        let frame = entry & self.ctx.width.frame_mask() & !size.offset_mask(); // MMU-049
        let translation = Translation {
            frame: PhysAddr(frame | offset).pfn(),
            size,
            rights,
            dirty: write || Pte(entry).dirty(),
            global: self.ctx.pge() && entry & G != 0,
        };
        Step::Done(self.end, translation)
    }

    fn fault(&mut self, cause: PageFaultCode) -> Step {
        if self.ctx.accessed_on_fault == AccessedOnFault::OnSuccessOnly {
            self.end.entries.iter_mut().for_each(|e| e.set = 0);
        }
        let mut code = cause;
        code.set(PageFaultCode::WR, self.access.is_write());
        code.set(PageFaultCode::US, self.access.is_user());
        code.set(PageFaultCode::ID, self.access.is_fetch() && reports_fetch(self.ctx));
        Step::Fault(self.end, PageFault { cr2: self.la, code })
    }
}

/// I/D is reported only where the processor can tell fetches apart (MMU-131).
fn reports_fetch(ctx: &PagingContext) -> bool {
    let can_disable = ctx.regs.cr4.contains(Cr4::PAE) && ctx.regs.efer.contains(Efer::NXE);
    ctx.smep() || can_disable
}
