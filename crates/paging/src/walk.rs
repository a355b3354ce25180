//! The page walk of every paging mode as a pure state machine (SDM "Hierarchical Paging Structures: An Overview").
//!
//! ```text
//! start(ctx, la, access)
//! first()     -> Load(pa of the first entry)     or the end, without paging or with a PDPTE register that is absent
//! step(entry) -> Load(pa of the next entry)      the entry references a table
//!             -> Done(translation)               the path is complete and allows the access
//!             -> Fault(fault, reason)            not present, reserved bit, or right denied
//! end() -> the entries that were used            what is to be set in them, once the walk has ended
//! ```
//! An entry has [`Walk::entry_size`] bytes; one of 4 is given zero-extended.
//!
//! The walk never writes. It says which entries are to get A and D, with the value it saw; the driver commits them with
//! compare-exchange and starts again if an entry has become another in any bit but A and D.

use crate::format::{A, Format, P, RW, US, XD};
use crate::{AccessedOnFault, Denials, PagingContext, Reason, Rights, Translation};
use arch::{Access, AccessedDirty, Cr4, Efer, EntrySize, Level, LinearAddr, MemoryType, PageFault, PageFaultCode};
use arch::{PageSize, PagingMode, PatIndex, PhysAddr, ProtectionKey, Pte};

/// An entry that a walk used: where it is, what it held, what it is to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EntryUse {
    /// Physical address of the entry.
    pub pa: PhysAddr,
    /// The value that the walk was given.
    pub seen: u64,
    /// The flags to be set in it; none for an entry that must not be written.
    pub set: AccessedDirty,
    /// The level of the table that it lies in.
    pub level: Level,
    /// Its bytes.
    pub size: EntrySize,
}

/// How a walk ended: every entry it used, from the root down. At most five.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkEnd {
    entries: [EntryUse; 5],
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
    /// The entry at this physical address, of [`Walk::entry_size`] bytes.
    Load(PhysAddr),
    /// Nothing: the access is allowed once A and D of [`Walk::end`] are committed.
    Done(Translation),
    /// Nothing: the access faults once the A bits of [`Walk::end`] are committed (MMU-114).
    Fault(PageFault, Reason),
}

/// A table on the way down, and the rights of the entries that lead to it: what a paging-structure cache holds (MMU-195).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// The level of its entries.
    pub level: Level,
    /// Its physical address.
    pub base: PhysAddr,
    /// AND of R/W over the entries above.
    pub writable: bool,
    /// AND of U/S.
    pub user: bool,
    /// OR of XD.
    pub no_execute: bool,
}

/// A walk under way.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'a> {
    ctx: &'a PagingContext,
    la: LinearAddr,
    access: Access,
    mode: PagingMode,
    format: Format,
    /// The level of the entry that is asked for, and its address; before the first step, that of its table.
    level: Level,
    pa: PhysAddr,
    end: WalkEnd,
    /// What a traversed entry gets before it is known that the access succeeds (MMU-114).
    traversed: AccessedDirty,
    /// AND of R/W, U/S and A over the entries so far; bit 63 of the other is the OR of XD.
    and_rights: u64,
    or_xd: u64,
    settled: bool,
}

impl<'a> Walk<'a> {
    /// A walk for one access that lies within a page. `la` is the access's first byte in that page and canonical; outside
    /// long mode its upper half is ignored (MMU-005, MMU-136).
    #[inline(always)]
    #[must_use]
    pub fn start(ctx: &'a PagingContext, la: LinearAddr, access: Access) -> Self {
        let mode = ctx.mode();
        let la = mode.linear_width().wrap(la);
        let (level, pa) = match mode {
            PagingMode::Level4 => (Level::Pml4, ctx.regs.cr3.root()),
            PagingMode::Level5 => (Level::Pml5, ctx.regs.cr3.root()),
            PagingMode::Pae => from_pdpte(ctx, la),
            PagingMode::Bits32 | PagingMode::Off => (Level::Pd, ctx.regs.cr3.root32()),
        };
        let end = WalkEnd { entries: [EntryUse::default(); 5], used: 0 };
        let traversed = match ctx.accessed_on_fault {
            AccessedOnFault::AsTraversed => AccessedDirty::A,
            AccessedOnFault::OnSuccessOnly => AccessedDirty::empty(),
        };
        let format = Format::new(ctx, mode);
        Self {
            ctx,
            la,
            access,
            mode,
            format,
            level,
            pa,
            end,
            traversed,
            and_rights: RW | US | A,
            or_xd: 0,
            settled: false,
        }
    }

    /// A walk that begins below the root, at a table that a paging-structure cache gave (MMU-198).
    #[must_use]
    pub fn resume(ctx: &'a PagingContext, la: LinearAddr, access: Access, table: &Table) -> Self {
        Self {
            level: table.level,
            pa: table.base,
            and_rights: A | if table.writable { RW } else { 0 } | if table.user { US } else { 0 },
            or_xd: if table.no_execute { XD } else { 0 },
            ..Self::start(ctx, la, access)
        }
    }

    /// The level of the entry that is asked for.
    #[inline(always)]
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// The first step. It may be the last: without paging, and where a PDPTE register is not present.
    #[inline(always)]
    #[must_use]
    pub fn first(&mut self) -> Step {
        match self.mode {
            PagingMode::Off => Step::Done(unpaged(self.ctx, self.la)),
            PagingMode::Pae if self.level == Level::Pdpt => fault_step(self.not_present()), // MMU-031
            _ => self.want(self.pa),
        }
    }

    /// Bytes of an entry, the same for all entries of a walk.
    #[inline(always)]
    #[must_use]
    pub const fn entry_size(&self) -> EntrySize {
        self.format.size
    }

    /// The entries that were used so far, from the root down. What is to be set in them holds once the walk has ended.
    #[inline(always)]
    #[must_use]
    pub const fn end(&self) -> &WalkEnd {
        &self.end
    }

    /// True if the walk is done and every A and D is set already: there is nothing to commit.
    #[inline(always)]
    #[must_use]
    pub const fn settled(&self) -> bool {
        self.settled
    }

    /// Takes the entry that was asked for.
    #[inline(always)]
    #[must_use]
    pub fn step(&mut self, entry: u64) -> Step {
        let size = self.format.size;
        self.end.entries[self.end.used] =
            EntryUse { pa: self.pa, seen: entry, set: AccessedDirty::empty(), level: self.level, size };
        self.end.used += 1;
        if entry & P == 0 {
            return fault_step(self.not_present());
        }
        let reserved = entry & self.format.reserved(self.level, entry);
        if reserved != 0 {
            return fault_step(self.reserved(reserved));
        }
        self.and_rights &= entry;
        self.or_xd |= entry & XD;
        match self.format.below(self.level, entry) {
            Some(below) => {
                self.current().set = self.traversed;
                self.level = below;
                self.want(PhysAddr(self.format.table(entry)))
            }
            None => self.judge(entry),
        }
    }

    /// Asks for the entry of this level in `table`.
    #[inline(always)]
    fn want(&mut self, table: PhysAddr) -> Step {
        let size = self.format.size;
        self.pa = table.wrapping_add(size.index(self.level, self.la) << size.shift());
        Step::Load(self.pa)
    }

    #[inline(always)]
    fn current(&mut self) -> &mut EntryUse {
        &mut self.end.entries[self.end.used - 1]
    }

    /// Judges the rights of the complete path, whose leaf is `entry` (MMU-080).
    #[inline(always)]
    fn judge(&mut self, entry: u64) -> Step {
        let rights = Rights {
            writable: self.and_rights & RW != 0,
            user: self.and_rights & US != 0,
            no_execute: self.or_xd != 0,
            key: ProtectionKey::of_leaf(entry),
        };
        let denials = rights.denials(self.ctx, self.access);
        if !denials.is_empty() {
            return fault_step(self.denied(rights, denials)); // MMU-113: the leaf stays as it is
        }
        let write = self.access.is_write();
        if self.traversed.is_empty() {
            self.end.entries.iter_mut().for_each(|e| e.set = AccessedDirty::A);
        }
        self.current().set = if write { AccessedDirty::all() } else { AccessedDirty::A };
        self.settled = self.and_rights & A != 0 && (!write || Pte(entry).dirty());
        let size = self.mode.leaf_size(self.level);
        let offset = self.la.page_base().0 & size.offset_mask();
        let page = PhysAddr(self.format.page(entry, size) | offset);
        Step::Done(Translation::new(self.ctx, page, size, entry, rights, write || Pte(entry).dirty()))
    }

    /// P=0: nothing else of the entry is looked at (MMU-061).
    #[cold]
    fn not_present(self) -> (PageFault, Reason) {
        self.fault(PageFaultCode::empty(), Reason::NotPresent { level: self.level })
    }

    /// MMU-060, MMU-066.
    #[cold]
    fn reserved(self, bits: u64) -> (PageFault, Reason) {
        let reason = Reason::Reserved { mode: self.mode, level: self.level, bits };
        self.fault(PageFaultCode::P | PageFaultCode::RSVD, reason)
    }

    #[cold]
    fn denied(self, rights: Rights, denials: Denials) -> (PageFault, Reason) {
        self.fault(denials.code(), Reason::Denied { access: self.access, rights, denials })
    }

    fn fault(self, cause: PageFaultCode, reason: Reason) -> (PageFault, Reason) {
        (page_fault(self.ctx, self.la, self.access, cause), reason)
    }
}

/// Wraps what the cold functions give. They do not give a [`Step`] themselves, so that a step need never be in memory.
#[inline(always)]
const fn fault_step((fault, reason): (PageFault, Reason)) -> Step {
    Step::Fault(fault, reason)
}

/// The fault of an access, for a cause that is told by P, RSVD and PK (MMU-130).
pub(crate) fn page_fault(ctx: &PagingContext, la: LinearAddr, access: Access, cause: PageFaultCode) -> PageFault {
    let mut code = cause;
    code.set(PageFaultCode::WR, access.is_write());
    code.set(PageFaultCode::US, access.is_user());
    code.set(PageFaultCode::ID, access.is_fetch() && reports_fetch(ctx));
    PageFault { cr2: la, code }
}

/// Where a PAE walk begins: at the page directory that a PDPTE register references (MMU-015), or nowhere.
#[cold]
fn from_pdpte(ctx: &PagingContext, la: LinearAddr) -> (Level, PhysAddr) {
    let pdpte = ctx.regs.pdptes.0[(la.0 >> 30 & 3) as usize];
    let level = if pdpte & P == 0 { Level::Pdpt } else { Level::Pd };
    (level, PhysAddr(pdpte & ctx.width.frame_mask()))
}

/// I/D is reported only where the processor can tell fetches apart (MMU-131).
fn reports_fetch(ctx: &PagingContext) -> bool {
    let can_disable = ctx.regs.cr4.contains(Cr4::PAE) && ctx.regs.efer.contains(Efer::NXE);
    ctx.smep() || can_disable
}

/// Without paging every access is allowed, and there is no A or D to set (MMU-001).
#[cold]
fn unpaged(ctx: &PagingContext, la: LinearAddr) -> Translation {
    Translation {
        frame: PhysAddr(la.0).pfn(),
        size: PageSize::Size4K,
        rights: Rights { writable: true, user: true, no_execute: false, key: ProtectionKey::default() },
        dirty: true,
        global: false,
        pat: PatIndex::default(),
        memory_type: ctx.mtrr.with_pat(MemoryType::WriteBack),
    }
}
