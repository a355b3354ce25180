//! The MMU: a fast table of recent translations in front of [`paging::translate`], and the loads and stores of the core.
//!
//! Protocol for a data access of `size` bytes at `la`:
//! 1. canonical check of the whole operand (MMU-151), on the miss path, as no slot ever holds a non-canonical page, and of
//!    its alignment, if that is checked: then no slot is ever filled;
//! 2. a hit in the [`SoftTlb`] gives the bytes by pointer;
//! 3. a miss translates; an access that crosses a page translates the low page, then the high one (MMU-170), and only
//!    then touches data (MMU-173).
//!
//! What a fault means is left in [`Mmu::fault`], so that the fast path returns in registers.
#![deny(unsafe_code)]

mod access;
mod control;
mod soft_tlb;

pub use access::{Fault, MAX_PRIMITIVE_BYTES, MemFault, Primitive};
pub use control::AlignmentCheck;
pub use soft_tlb::{SlotCount, SoftTlb};

use arch::{Access, AccessKind, LinearAddr, PageFault, Pfn, Privilege};
use paging::{Detail, Glance, HardwareModel, Invalidation, PagingContext, Shootdown, Translation};
use physmem::Bus;

/// The MMU of one core, with the memory behind it.
pub struct Mmu<H> {
    tlb: SoftTlb,
    ctx: PagingContext,
    /// Of `ctx`, for a model that is told nothing.
    glance: Option<Glance>,
    privilege: Privilege,
    /// What the last access that returned [`Fault`] ran into.
    pub fault: MemFault,
    /// The model of the translation hardware.
    pub model: H,
    /// Physical memory.
    pub bus: Bus,
    counters: Counters,
}

/// What the MMU counts by itself, the same for every size of the [`SoftTlb`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Loads of CR3.
    pub cr3_writes: u64,
    /// INVLPG and its like.
    pub page_invalidations: u64,
    /// Flushes of everything that is not global, CR3 writes not counted.
    pub full_flushes: u64,
}

impl<H: HardwareModel> Mmu<H> {
    /// An MMU for user-mode accesses (CPL 3), with an empty table.
    pub fn new(bus: Bus, ctx: PagingContext, slots: SlotCount, model: H) -> Self {
        Self {
            tlb: SoftTlb::new(slots),
            ctx,
            glance: Glance::new(&ctx),
            privilege: Privilege::User,
            fault: MemFault::NonCanonical,
            model,
            bus,
            counters: Counters::default(),
        }
    }

    /// The control state in use.
    pub const fn context(&self) -> &PagingContext {
        &self.ctx
    }

    /// Sets who makes the accesses from now on. Slots hold decisions for one privilege, so the table is emptied.
    pub fn set_privilege(&mut self, privilege: Privilege) {
        if self.privilege != privilege {
            self.privilege = privilege;
            self.tlb.clear();
        }
    }

    /// Empties the fast table, so that the model is asked for each page again. No translation is invalidated.
    pub fn ask_again(&mut self) {
        self.tlb.clear();
    }

    /// Carries out the invalidations that edits of the paging structures called for.
    pub fn shoot_down(&mut self, shootdown: &mut Shootdown) {
        for what in shootdown.drain(self.ctx.pcid()) {
            self.count(what);
            self.drop_translations(what);
        }
    }

    /// What was counted so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Translates an instruction fetch at `la`, gives the frame.
    ///
    /// # Errors
    /// [`Fault`]; what it is stands in [`Self::fault`].
    #[inline]
    pub fn fetch_frame(&mut self, la: LinearAddr) -> Result<Pfn, Fault> {
        let frame = match self.tlb.fetch_hit(la) {
            Some(pfn) if H::DETAIL < Detail::EveryTranslation => pfn,
            _ => self.fetch_miss(la)?,
        };
        if H::DETAIL >= Detail::EveryAccess {
            self.model.fetch(la, frame.base());
        }
        Ok(frame)
    }

    /// The frame of an instruction fetch at `la` if the fast table has its page; [`Mmu::fetch_frame`] gives the same, and
    /// tells a model that hears of every access.
    #[inline(always)]
    pub fn fetch_hit(&self, la: LinearAddr) -> Option<Pfn> {
        if H::DETAIL >= Detail::EveryAccess { None } else { self.tlb.fetch_hit(la) }
    }

    #[cold]
    fn fetch_miss(&mut self, la: LinearAddr) -> Result<Pfn, Fault> {
        let width = self.ctx.mode().linear_width();
        if !width.is_canonical(la, 1) {
            return Err(self.raise(MemFault::NonCanonical));
        }
        let la = width.wrap(la);
        let outcome = self.ask(la, AccessKind::Fetch);
        let kept = self.drop_displaced(la);
        let translation = match outcome {
            Ok(translation) => translation,
            Err(fault) => return Err(self.page_fault(la, fault)),
        };
        if kept && self.bus.is_ram(translation.frame) {
            self.tlb.fill_fetch(la, translation.size, translation.frame);
        }
        Ok(translation.frame)
    }

    /// Notes that a block was decoded from these lines of a frame: writes to it are looked at from now on.
    pub fn mark_code(&mut self, pfn: Pfn, lines: u64) {
        if self.bus.is_ram(pfn) && self.bus.code.mark(pfn, lines) {
            self.tlb.drop_writes_to(self.bus.ram().frame_ptr(pfn));
        }
    }

    /// Translates an access at `la`, canonical, without the fast table: what memory says, in the model's caches or out of
    /// them. A caller looks at the answer where it lies: a copy of its small fields would wait for their stores.
    ///
    /// # Errors
    /// The page fault that the access raises.
    #[inline(always)]
    pub fn translate(&mut self, la: LinearAddr, kind: AccessKind) -> Result<Translation, PageFault> {
        let outcome = self.ask(la, kind);
        self.drop_displaced(la);
        outcome
    }

    /// The same, for a caller that then calls [`Self::drop_displaced`], to see whether it may fill a slot.
    #[inline(always)]
    fn ask(&mut self, la: LinearAddr, kind: AccessKind) -> Result<Translation, PageFault> {
        let access = Access::new(kind, self.privilege);
        if H::DETAIL == Detail::Functional
            && let Some(glance) = &self.glance
            && let Some(translation) = glance.translate(&self.bus, la, access)
        {
            return Ok(translation); // a model that is told nothing caches nothing
        }
        paging::translate(&mut self.model, &mut self.bus, &self.ctx, la, access)
    }

    /// Drops the slots of what has left the model's first level by the translation of `la`. True if the page of `la` itself may
    /// have a slot.
    #[inline(always)]
    fn drop_displaced(&mut self, la: LinearAddr) -> bool {
        let mut kept = true;
        while let Some(page) = self.model.displaced() {
            kept &= page.page_base() != la.page_base();
            self.tlb.drop_page(page);
        }
        kept
    }

    #[cold]
    fn page_fault(&mut self, la: LinearAddr, fault: PageFault) -> Fault {
        self.tlb.drop_page(la); // MMU-204; `paging::translate` has told the model
        self.raise(MemFault::Page(fault))
    }

    fn raise(&mut self, fault: MemFault) -> Fault {
        self.fault = fault;
        Fault
    }

    fn count(&mut self, what: Invalidation) {
        match what {
            Invalidation::Page { .. } | Invalidation::Address { .. } => self.counters.page_invalidations += 1,
            Invalidation::Context(_) | Invalidation::NonGlobal | Invalidation::All => self.counters.full_flushes += 1,
        }
    }

    fn drop_translations(&mut self, what: Invalidation) {
        match what {
            Invalidation::Page { la, .. } | Invalidation::Address { la, .. } => self.tlb.drop_page(la),
            // The fast table tells neither globals nor PCIDs apart: dropping more than asked is allowed (MMU-203).
            Invalidation::Context(_) | Invalidation::NonGlobal | Invalidation::All => self.tlb.clear(),
        }
        self.model.invalidate(what);
    }
}
