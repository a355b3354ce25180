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

use crate::code::Fetching;
use crate::config::HardwareConfig;
use crate::counting::without_time;
use crate::ledger::{Cause, Charge, Ledger, Row};
use crate::memory::{Caches, Port, Supplier, Use, lines};
use crate::{Counting, Cycles, EveryLookup, Side, Telling, Timeline};
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};
use code::Code;
use paging::tlb::{ConfigError, ServedBy, TableCacheConfig, TableRef};
use paging::{BlockId, Detail, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};
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
    instructions: Fetching,
    /// The address whose translation is under way.
    la: LinearAddr,
    /// Where the fetch began that no block was entered behind yet.
    begin: Option<LinearAddr>,
    /// What an instruction has cost that is still being fetched; `None` while one is executed.
    fetching: Option<Vec<(Cause, Cycles, Cycles)>>,
    has_table_caches: bool,
    /// When the walk under way began, and how long all before it were.
    walking: Option<Cycles>,
    walked: [Cycles; Side::ALL.len()],
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
            instructions: Fetching::new(),
            la: LinearAddr(0),
            begin: None,
            fetching: None,
            has_table_caches: config.tlb.tables != TableCacheConfig::default(),
            walking: None,
            walked: [Cycles(0); Side::ALL.len()],
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

    fn fetch_lines(&mut self, block: BlockId) {
        for pa in self.code.lines(block, &mut self.instructions) {
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
    without_time!();

    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.la = la;
        if access.kind == AccessKind::Fetch && self.fetching.is_none() {
            self.close();
            self.row = self.ledger.row(self.space, self.begin.unwrap_or(la));
            self.fetching = Some(Vec::new());
        }
        let (by, translation) = self.translations.look_up(ctx, la, access)?;
        if by == ServedBy::SecondLevel {
            self.translate(Cause::SecondLevelHit, self.config.translation.second_level);
        }
        Some(translation)
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        if self.has_table_caches {
            self.translate(Cause::TableLookUp, self.config.walk.table_look_up);
        }
        self.walking = Some(self.now);
        self.note(|timeline, now, space| timeline.walk_begins(now, space, la));
        self.translate(Cause::WalkStart, self.config.walk.start);
        self.translations.table(ctx, la)
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.translations.fill(ctx, la, kind, translation);
        self.end_walk();
    }

    /// Nothing waits for it.
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        self.memory.access(Port::Data, entry, Use::Read);
        self.translations.prefetched(ctx, la, entry, translation);
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.charge(Cause::Invalidation, self.config.translation.invalidation, Cycles(0));
        self.translations.invalidate(what);
    }
}

impl<T: Telling> HardwareModel for InOrder<T> {
    const DETAIL: Detail = T::DETAIL;

    fn fetch(&mut self, la: LinearAddr, pa: PhysAddr) {
        self.begin.get_or_insert(la);
        self.instructions.go_on_at(pa);
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
        self.end_walk();
        self.note(|timeline, now, space| timeline.fault_begins(now, space, fault));
        self.spend(Cause::Exception, self.config.core.exception);
    }

    fn space(&mut self, space: SpaceId) {
        if self.space != space {
            self.close();
            self.charge_fetch();
            (self.space, self.begin) = (space, None);
        }
    }

    fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        self.close();
        self.code.define(&mut self.ledger, block, frame, instructions);
    }

    fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.close();
        self.code.enter(&mut self.ledger, block, (self.space, la));
        self.row = self.code.row(block, 0).unwrap_or_else(|| self.ledger.row(self.space, la));
        self.charge_fetch();
        (self.block, self.begin) = (Some(block), None);
        self.fetch_lines(block);
    }

    fn instruction(&mut self, n: u16) {
        if let Some(row) = self.block.and_then(|block| self.code.row(block, n)) {
            self.row = row;
        }
    }

    fn left(&mut self, completed: u16) {
        if let Some(block) = self.block.take() {
            self.now += self.code.left(&mut self.ledger, block, completed);
        }
    }

    fn service(&mut self, service: Service, ns: u64) {
        self.spend(Cause::Service(service), Cycles::of(ns, self.config.clock_mhz));
    }

    fn resumed(&mut self) {
        self.begin = None;
        self.note(|timeline, now, _| timeline.resumes(now));
    }

    fn retired(&mut self, instructions: u64) {
        self.translations.retired(instructions);
    }
}
