//! A core that does one thing at a time: it waits for each translation and each line.
//!
//! An instruction costs what its class costs, and what its memory accesses cost beside: the translation, then the data. So the
//! cycles of a run are a sum, and each is charged where it arises. A store waits for its line, but not for the first
//! level; a fetch that hits costs nothing. The twin does the same instructions with caches of its own, which no
//! walk disturbs, and translates for nothing.
//!
//! What happens between two blocks belongs to the first instruction of the second: the translation of its fetch, and the fault
//! that this may be. So it waits for the block to be entered.
//!
//! Order of a report from the host: `enter` a block; for each instruction that accesses memory `instruction`, then for each
//! piece of the access a translation (`lookup`, `table`, `walk_load`..., `fill`) and the access itself (`load`, `store`).

mod clocked;
mod code;

use crate::config::HardwareConfig;
use crate::ledger::{Cause, Charge, Ledger, Row};
use crate::memory::{Caches, Port, Supplier, Use, line_of, lines};
use crate::{Counting, Cycles, EveryLookup, Side, Telling, Timeline};
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};
use code::Code;
use paging::tlb::{ConfigError, Prefetch, SpuriousFaults, TableCacheConfig, TableRef};
use paging::{
    BlockId, Detail, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation, TranslationCache,
};
use std::marker::PhantomData;

/// Each access, and the translations that might change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EveryAccess;

impl Telling for EveryAccess {
    const DETAIL: Detail = Detail::EveryAccess;
}

/// The model. With [`EveryLookup`] it is told of translations too that change nothing, and comes to the same.
#[derive(Clone, Debug)]
pub struct InOrder<T = EveryAccess> {
    config: HardwareConfig,
    translations: Counting<EveryLookup>,
    memory: Caches,
    twin: Caches,
    ledger: Ledger,
    code: Code,
    now: Cycles,
    space: SpaceId,
    /// The block that is being executed.
    block: Option<BlockId>,
    /// What is charged.
    row: Row,
    /// The line that instructions came from last.
    line: u64,
    /// The pages that were fetched from last: the latest first.
    pages: [(LinearAddr, PhysAddr); 2],
    /// The address whose translation is under way.
    la: LinearAddr,
    /// What an instruction has cost that is still being fetched; `None` while one is executed.
    fetching: Option<Vec<(Cause, Cycles, Cycles)>>,
    has_table_caches: bool,
    timeline: Option<Timeline>,
    telling: PhantomData<T>,
}

impl<T: Telling> InOrder<T> {
    /// A core at rest, its caches empty.
    ///
    /// # Errors
    /// What makes the configuration impossible.
    pub fn new(config: &HardwareConfig) -> Result<Self, ConfigError> {
        let mut ledger = Ledger::new(config.memory.l1d.map_or(Cycles(0), |l1d| l1d.latency));
        let row = ledger.row(SpaceId::default(), LinearAddr(0));
        Ok(Self {
            config: config.clone(),
            translations: Counting::new(&config.tlb)?,
            memory: Caches::new(&config.memory)?,
            twin: Caches::new(&config.memory)?,
            ledger,
            code: Code::new(config.core.latency),
            now: Cycles(0),
            space: SpaceId::default(),
            block: None,
            row,
            line: u64::MAX,
            pages: [(LinearAddr(u64::MAX), PhysAddr(0)); 2],
            la: LinearAddr(0),
            fetching: None,
            has_table_caches: config.tlb.tables != TableCacheConfig::default(),
            timeline: None,
            telling: PhantomData,
        })
    }

    /// Time that the twin spends too.
    fn spend(&mut self, cause: Cause, cycles: Cycles) {
        self.charge(cause, cycles, cycles);
    }

    fn charge(&mut self, cause: Cause, cycles: Cycles, perfect: Cycles) {
        self.now += cycles;
        match &mut self.fetching {
            Some(waiting) => waiting.push((cause, cycles, perfect)),
            None => self.ledger.charge(self.row, cause, cycles, perfect),
        }
    }

    /// Charges what an instruction's fetch has cost: the one that is entered, or that which would have been.
    #[inline]
    fn charge_fetch(&mut self) {
        if let Some(waiting) = self.fetching.take() {
            for (cause, cycles, perfect) in waiting {
                self.ledger.charge(self.row, cause, cycles, perfect);
            }
        }
    }

    /// Time that a translation takes, for the instruction and for the page.
    fn translate(&mut self, cause: Cause, cycles: Cycles) {
        self.charge(cause, cycles, Cycles(0));
        self.ledger.charge_page(self.space, self.la, cause, Charge::once(cycles));
    }

    /// Ends the block under way, all of whose instructions have retired.
    fn close(&mut self) {
        if let Some(block) = self.block.take() {
            self.now += self.code.completed(block);
        }
    }

    /// Fetches the block's lines, the first of which may still be at hand.
    fn fetch_lines(&mut self, block: BlockId) {
        let (lines, in_next) = self.code.lines(block);
        lines.for_each(|pa| self.fetch_line(pa));
        if in_next > 0 {
            let next = self.pages[0].1;
            self.fetch_line(next);
        }
    }

    fn fetch_line(&mut self, pa: PhysAddr) {
        if line_of(pa) != self.line {
            self.line = line_of(pa);
            let (supplier, cycles) = self.memory.access(Port::Fetch, pa, Use::Read);
            let (_, perfect) = self.twin.access(Port::Fetch, pa, Use::Read);
            if cycles.0 | perfect.0 > 0 {
                self.charge(Cause::Fetch(supplier), cycles, perfect);
            }
        }
    }

    fn read(&mut self, pa: PhysAddr, size: u32) {
        for line in lines(pa, size) {
            let (supplier, cycles) = self.memory.access(Port::Data, line, Use::Read);
            let (in_twin, perfect) = self.twin.access(Port::Data, line, Use::Read);
            if (supplier, in_twin) == (Supplier::L1, Supplier::L1) && self.fetching.is_none() {
                self.now += self.ledger.charge_near(self.row);
            } else {
                self.charge(Cause::Data(supplier), cycles, perfect);
            }
        }
    }

    fn write(&mut self, pa: PhysAddr, size: u32) {
        let buffered = |(supplier, cycles)| if supplier == Supplier::L1 { Cycles(0) } else { cycles };
        for line in lines(pa, size) {
            let (supplier, cycles) = self.memory.access(Port::Data, line, Use::Write);
            let perfect = buffered(self.twin.access(Port::Data, line, Use::Write));
            let cycles = buffered((supplier, cycles));
            if cycles.0 | perfect.0 > 0 {
                self.charge(Cause::Data(supplier), cycles, perfect);
            }
        }
    }
}

impl<T: Telling> TranslationCache for InOrder<T> {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.la = la;
        let side = Side::from(access.kind);
        if side == Side::Fetch && self.fetching.is_none() {
            self.close();
            self.row = self.ledger.row(self.space, la);
            self.fetching = Some(Vec::new());
        }
        let before = self.translations.counters()[side].stlb_hit;
        let found = self.translations.lookup(ctx, la, access);
        if self.translations.counters()[side].stlb_hit > before {
            self.translate(Cause::SecondLevelHit, self.config.translation.second_level);
        }
        found
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        self.note(|timeline, now, space| timeline.walk_begins(now, space, la));
        if self.has_table_caches {
            self.translate(Cause::TableLookUp, self.config.walk.table_look_up);
        }
        self.translate(Cause::WalkStart, self.config.walk.start);
        self.translations.table(ctx, la)
    }

    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.translations.fill_tables(ctx, la, start, walked);
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.translations.fill(ctx, la, kind, translation);
        self.note(|timeline, now, _| timeline.walk_ends(now));
    }

    fn prefetch(&self) -> Prefetch {
        self.translations.prefetch()
    }

    /// Nothing waits for it.
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        self.memory.access(Port::Data, entry, Use::Read);
        self.translations.prefetched(ctx, la, entry, translation);
    }

    fn page_fault(&mut self, ctx: &PagingContext, la: LinearAddr) {
        self.translations.page_fault(ctx, la);
    }

    fn spurious_faults(&self) -> SpuriousFaults {
        self.translations.spurious_faults()
    }

    fn store_level(&self) -> StoreLevel {
        self.translations.store_level()
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        self.translations.displaced()
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.charge(Cause::Invalidation, self.config.translation.invalidation, Cycles(0));
        self.translations.invalidate(what);
    }
}

impl<T: Telling> HardwareModel for InOrder<T> {
    const DETAIL: Detail = T::DETAIL;

    fn fetch(&mut self, la: LinearAddr, pa: PhysAddr) {
        let page = (la.page_base(), PhysAddr(pa.0 & !(arch::FRAME_SIZE - 1)));
        if self.pages[0] != page {
            self.pages = [page, self.pages[0]];
        }
    }

    fn load(&mut self, _: LinearAddr, pa: PhysAddr, size: u32) {
        self.read(pa, size);
    }

    fn store(&mut self, _: LinearAddr, pa: PhysAddr, size: u32) {
        self.write(pa, size);
    }

    fn page_crossing(&mut self, la: LinearAddr) {
        self.la = la;
        self.translate(Cause::PageCrossing, self.config.translation.page_crossing);
    }

    fn walk_load(&mut self, la: LinearAddr, level: Level, entry: PhysAddr, value: Pte) {
        self.translations.walk_load(la, level, entry, value);
        let (supplier, cycles) = self.memory.access(Port::Data, entry, Use::Read);
        self.translate(Cause::WalkStep(level, supplier), cycles);
    }

    fn walk_update(&mut self, la: LinearAddr, entry: PhysAddr, value: Pte) {
        self.translations.walk_update(la, entry, value);
        self.memory.access(Port::Data, entry, Use::Write);
        self.translate(Cause::AccessedDirty, self.config.walk.accessed_dirty_assist);
    }

    fn fault(&mut self, fault: PageFault) {
        self.translations.fault(fault);
        self.note(|timeline, now, space| timeline.fault_begins(now, space, fault));
        self.spend(Cause::Exception, self.config.core.exception);
    }

    fn space(&mut self, space: SpaceId) {
        if self.space != space {
            self.close();
            self.charge_fetch();
            self.space = space;
        }
    }

    fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        self.close();
        self.code.define(&mut self.ledger, block, frame, instructions);
    }

    fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.close();
        self.code.enter(&mut self.ledger, block, self.space, la);
        self.row = self.code.row(block, 0);
        self.charge_fetch();
        self.block = Some(block);
        self.fetch_lines(block);
    }

    fn instruction(&mut self, n: u16) {
        if let Some(block) = self.block {
            self.row = self.code.row(block, n);
        }
    }

    fn left(&mut self, completed: u16) {
        if let Some(block) = self.block.take() {
            self.now += self.code.left(&mut self.ledger, block, completed);
        }
    }

    fn service(&mut self, service: Service, ns: u64) {
        let cycles = Cycles(ns * u64::from(self.config.clock_mhz) / 1000);
        self.spend(Cause::Service(service), cycles);
    }

    fn resumed(&mut self) {
        self.note(|timeline, now, _| timeline.resumes(now));
    }

    fn retired(&mut self, instructions: u64) {
        self.translations.retired(instructions);
    }
}
