//! A core with a window: it executes what is ready, and hides a part of each translation.
//!
//! Two [`Lane`]s place the same instructions in time: the real core, whose accesses wait for their translations, and its twin, which
//! translates for nothing and has caches of its own. The reports of the host come in the order of the program, so each instruction is placed
//! in both as soon as its accesses are known.
//!
//! A cycle is charged to what kept the oldest instruction from retiring: an instruction is charged with the time from the
//! retirement of the one before to its own, divided by what it did in that time ([`path`]). So the charges sum to the cycles of
//! the run. What was hidden behind older instructions is charged to nobody. What the twin spends on an instruction is the time between the same two
//! retirements there.
//!
//! Order of a report from the host: as for the core that does one thing at a time.

mod clocked;
mod code;
mod fills;
mod forward;
mod lane;
mod path;
mod predictor;
mod ring;
mod units;
mod walkers;

use crate::config::HardwareConfig;
use crate::in_order::EveryAccess;
use crate::ledger::{Cause, Charge, Ledger, Row};
use crate::memory::line_of;
use crate::{Counting, Cycles, EveryLookup, Side, Telling, Timeline};
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Pte, Service, SpaceId};
use code::{Branch, Code};
use fills::Arrival;
use lane::{Decoded, Lane};
use paging::tlb::{ConfigError, Prefetch, SpuriousFaults, TableCacheConfig, TableRef};
use paging::{
    BlockId, Detail, EntryUse, HardwareModel, Invalidation, PagingContext, StoreLevel, Translation, TranslationCache,
};
use path::Path;
use predictor::{Outcome, Predictor};
use std::marker::PhantomData;
use units::Unit;
use walkers::Walkers;

/// An instruction that accesses memory, while its accesses come in.
#[derive(Clone, Copy, Debug)]
struct Open {
    n: usize,
    decoded: Decoded,
    row: Row,
}

/// An access whose translation was asked for and whose data was not.
#[derive(Clone, Debug, Default)]
struct Pending {
    la: LinearAddr,
    /// When its address went to the TLB, and how far it has come.
    issued: Cycles,
    at: Cycles,
    path: Path,
    /// It has walked, so it need not wait for another's walk.
    walked: bool,
}

/// Whose translation is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Front,
    Access,
}

/// The model. With [`EveryLookup`] it is told of translations too that change nothing, and comes to the same.
#[derive(Clone, Debug)]
pub struct OutOfOrder<T = EveryAccess> {
    config: HardwareConfig,
    translations: Counting<EveryLookup>,
    ledger: Ledger,
    code: Code,
    core: Lane,
    twin: Lane,
    walkers: Walkers,
    predictor: Predictor,
    space: SpaceId,
    /// What is charged that no instruction retires for.
    row: Row,
    /// The block that is being executed, and its first instruction that was not placed yet.
    block: Option<BlockId>,
    next: usize,
    open: Option<Open>,
    pending: Vec<Pending>,
    /// When the first half of an access that crosses a page went to the TLB; the second is next.
    crossing: Option<Cycles>,
    /// Paths to be used again.
    spare: Vec<Path>,
    target: Target,
    is_walking: bool,
    /// What the instruction has waited for before it was dispatched, and in its access that took longest.
    front: Path,
    longest: Path,
    /// The branch that was placed last, and when it was decided in the real core and in its twin.
    branch: Option<(Branch, Cycles, Cycles)>,
    /// A fetch was asked for since the last block was entered.
    is_fetching: bool,
    /// The line that instructions came from last.
    line: u64,
    /// The pages that were fetched from last: the latest first.
    pages: [(LinearAddr, PhysAddr); 2],
    has_table_caches: bool,
    timeline: Option<Timeline>,
    telling: PhantomData<T>,
}

impl<T: Telling> OutOfOrder<T> {
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
            ledger,
            code: Code::new(config.core.latency),
            core: Lane::new(config)?,
            twin: Lane::new(config)?,
            walkers: Walkers::new(config.walk.walkers, config.walk.queue),
            predictor: Predictor::new(config.predictor),
            space: SpaceId::default(),
            row,
            block: None,
            next: 0,
            open: None,
            pending: Vec::new(),
            crossing: None,
            spare: Vec::new(),
            target: Target::Front,
            is_walking: false,
            front: Path::default(),
            longest: Path::default(),
            branch: None,
            is_fetching: false,
            line: u64::MAX,
            pages: [(LinearAddr(u64::MAX), PhysAddr(0)); 2],
            has_table_caches: config.tlb.tables != TableCacheConfig::default(),
            timeline: None,
            telling: PhantomData,
        })
    }

    /// Cycles that walkers were busy, all together: more than one may be at a time.
    #[must_use]
    pub const fn walk_pending(&self) -> Cycles {
        self.walkers.pending()
    }

    /// Places all instructions of the block under way that were not, up to `end`.
    fn place_until(&mut self, block: BlockId, end: usize) {
        if let Some(open) = self.open.take() {
            self.end(block, &open);
        }
        while self.next < end {
            let (decoded, row) = self.code.instruction_at(block, self.next);
            self.begin(&decoded, row);
            self.end(block, &Open { n: self.next, decoded, row });
        }
    }

    /// Ends the block under way, all of whose instructions have retired.
    fn close(&mut self) {
        if let Some(block) = self.block.take() {
            let end = self.code.length(block);
            self.place_until(block, end);
        }
    }

    #[inline]
    fn begin(&mut self, decoded: &Decoded, row: Row) {
        let (dispatched, cause) = self.core.begin(decoded);
        self.twin.begin(decoded);
        // What is over before the last instruction has retired kept nobody waiting.
        if dispatched > self.core.now() {
            self.front.until(dispatched, cause);
        } else if cause != Cause::Execution {
            self.ledger.charge_times(row, cause, Charge::once(Cycles(0)), Cycles(0));
        }
    }

    fn end(&mut self, block: BlockId, open: &Open) {
        for pending in self.pending.drain(..) {
            self.core.wait(pending.at); // it was translated for an access that was not made
            note(&mut self.ledger, open.row, self.space, &pending.path);
            self.spare.push(pending.path);
        }
        let (before, perfect) = (self.core.now(), self.twin.now());
        let decided = (self.core.end(&open.decoded), self.twin.end(&open.decoded));
        self.ledger.retire(open.row, 1, Cycles(0));
        self.charge(open.row, before, perfect);
        self.branch = self.code.branch_at(block, open.n).map(|branch| (branch, decided.0, decided.1));
        self.next = open.n + 1;
    }

    /// Charges the time since two moments of the real core and of its twin: to what the path of the instruction says.
    fn charge(&mut self, row: Row, before: Cycles, perfect: Cycles) {
        let (now, perfect) = (self.core.now(), self.twin.now() - perfect);
        let waited = now - before;
        if self.front.is_empty() && self.longest.is_empty() {
            self.ledger.charge_times(row, Cause::Execution, Charge { times: 0, cycles: waited }, perfect);
            return;
        }
        note(&mut self.ledger, row, self.space, &self.front);
        if waited > Cycles(0) {
            self.front.append(&self.longest);
            let (ledger, space) = (&mut self.ledger, self.space);
            self.front.between(before, now, |cause, cycles, la| {
                add(ledger, row, (space, la), cause, Charge { times: 0, cycles });
            });
        }
        self.ledger.charge_times(row, Cause::Execution, Charge::default(), perfect);
        self.front.clear();
        self.longest.clear();
    }

    /// The instruction that the next access is of.
    #[inline]
    fn open(&mut self) -> Option<Open> {
        if self.open.is_none() {
            let block = self.block?;
            let n = self.code.accessing(block, self.next).unwrap_or(self.next);
            self.place_until(block, n);
            let (decoded, row) = (n < self.code.length(block)).then(|| self.code.instruction_at(block, n))?;
            self.begin(&decoded, row);
            self.row = row;
            self.open = Some(Open { n, decoded, row });
        }
        self.open
    }

    /// The unit that the next access of the instruction goes by.
    const fn unit(&self, kind: AccessKind) -> Unit {
        match kind {
            AccessKind::Write => self.core.store_unit(),
            AccessKind::Read | AccessKind::Fetch => Unit::Load,
        }
    }

    /// An access begins. The second half of one that crosses a page begins with the first.
    fn issue(&mut self, la: LinearAddr, unit: Unit) -> Pending {
        let mut path = self.spare.pop().unwrap_or_default();
        path.clear();
        let crossing = self.crossing.take();
        let issued = crossing.unwrap_or_else(|| self.core.issue(unit));
        path.until(issued, Cause::Execution);
        let mut at = issued;
        if crossing.is_some() {
            at += self.config.translation.page_crossing;
            path.translating(at, Cause::PageCrossing, la);
        }
        let open = self.walkers.open(at);
        if open > at {
            path.translating(open, Cause::WalkQueue, la);
        }
        Pending { la, issued, at: open, path, walked: false }
    }

    /// The access at `la`, which may have begun: its translation may be asked for more than once.
    fn access_at(&mut self, la: LinearAddr, kind: AccessKind) -> Pending {
        match self.pending.iter().position(|pending| pending.la.page_number() == la.page_number()) {
            Some(place) => self.pending.remove(place),
            None => self.issue(la, self.unit(kind)),
        }
    }

    /// The access at `la`, translated: when it goes on to the data.
    fn translated(&mut self, la: LinearAddr, kind: AccessKind) -> Pending {
        let mut access = self.access_at(la, kind);
        if !access.walked
            && let Some(done) = self.walkers.under_way(la, access.at)
        {
            access.path.translating(done, Cause::WalkMerged, la);
            access.at = done;
        }
        access
    }

    /// True if the next access was not translated by a report, and no walk is under way that it might have to wait for.
    #[inline]
    fn is_plain(&self) -> bool {
        self.pending.is_empty() && self.crossing.is_none() && self.walkers.are_quiet(self.core.ready())
    }

    /// A load that meets nothing but the data caches: most do.
    #[inline]
    fn plain_load(&mut self, pa: PhysAddr, size: u32) {
        let at = self.core.issue(Unit::Load);
        let Arrival { supplier, ready, .. } = self.core.load(at, pa, size);
        let in_twin = self.twin.issue(Unit::Load);
        self.twin.load(in_twin, pa, size);
        let cause = Cause::Data(supplier);
        self.ledger.charge_times(self.row, cause, Charge::once(Cycles(0)), Cycles(0));
        if ready > self.core.now() && ready >= self.longest.end() {
            self.longest.clear();
            self.longest.until(at, Cause::Execution);
            self.longest.until(ready, cause);
        }
    }

    /// A store of that kind: nothing waits for its data.
    #[inline]
    fn plain_store(&mut self, open: &Open, pa: PhysAddr, size: u32) {
        let at = self.core.issue(self.core.store_unit());
        self.core.store(&open.decoded, at, pa, size);
        let at = self.twin.issue(self.twin.store_unit());
        self.twin.store(&open.decoded, at, pa, size);
    }

    /// The data of an access has arrived.
    fn arrived(&mut self, mut access: Pending, arrival: Option<Arrival>) {
        if let Some(Arrival { supplier, ready, .. }) = arrival {
            access.path.until(ready, Cause::Data(supplier));
        }
        note(&mut self.ledger, self.row, self.space, &access.path);
        if access.path.end() >= self.longest.end() {
            std::mem::swap(&mut self.longest, &mut access.path);
        }
        self.spare.push(access.path);
    }

    /// When the translation under way has come as far as it has.
    fn at(&self) -> Cycles {
        match (self.target, self.pending.last()) {
            (Target::Access, Some(pending)) => pending.at,
            _ => self.core.front(),
        }
    }

    /// The translation under way goes on at this moment.
    fn translate_until(&mut self, until: Cycles, cause: Cause, la: LinearAddr) {
        match (self.target, self.pending.last_mut()) {
            (Target::Access, Some(pending)) => {
                pending.at = until;
                pending.path.translating(until, cause, la);
            }
            _ => {
                self.core.stall_front(until);
                self.front.translating(until, cause, la);
            }
        }
    }

    fn translate(&mut self, cycles: Cycles, cause: Cause, la: LinearAddr) {
        self.translate_until(self.at() + cycles, cause, la);
    }

    /// A fetch of an instruction at `la` is translated.
    fn fetch_from(&mut self, la: LinearAddr) {
        if !self.is_fetching {
            self.is_fetching = true;
            self.close();
            self.row = self.ledger.row(self.space, la);
            self.decide(la);
        }
        self.target = Target::Front;
        self.front.until(self.core.front(), Cause::Execution);
    }

    /// Control has gone to `la`: where the core did not expect that, the front end begins anew.
    fn decide(&mut self, la: LinearAddr) {
        let Some((branch, decided, perfect)) = self.branch.take() else { return };
        if self.predictor.resolve(branch.kind, branch.rip, branch.behind, la) == Outcome::Wrong {
            let penalty = self.config.window.mispredict;
            self.front.until(decided.max(self.core.front()), Cause::Execution);
            self.core.stall_front(decided + penalty);
            self.front.until(self.core.front(), Cause::Misprediction);
            self.twin.stall_front(perfect + penalty);
        }
    }

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
            let before = self.core.front();
            let (supplier, ready) = self.core.fetch(pa);
            if ready > before {
                self.front.until(before, Cause::Execution);
                self.front.until(ready, Cause::Fetch(supplier));
            }
            self.twin.fetch(pa);
        }
    }

    /// The access, or the fetch, whose translation is under way ends in a fault: what is older retires, all else is thrown away.
    fn give_up(&mut self) {
        let (before, perfect) = (self.core.now(), self.twin.now());
        let (at, in_twin) = match self.target {
            Target::Access => (self.at(), self.twin.done()),
            Target::Front => (self.core.front(), self.twin.front()),
        };
        if let Some(pending) = self.pending.pop() {
            note(&mut self.ledger, self.row, self.space, &pending.path);
            self.longest.clear();
            self.longest.append(&pending.path);
            self.spare.push(pending.path);
        }
        self.abandon(at, in_twin, before, perfect);
    }

    fn abandon(&mut self, at: Cycles, in_twin: Cycles, before: Cycles, perfect: Cycles) {
        self.core.abandon(at);
        self.twin.abandon(in_twin);
        self.charge(self.row, before, perfect);
        self.spare.extend(self.pending.drain(..).map(|pending| pending.path));
        self.open = None;
        self.crossing = None;
        self.branch = None;
    }

    /// Time that both cores spend without instructions.
    fn spend(&mut self, cause: Cause, cycles: Cycles) {
        self.core.pass(cycles);
        self.twin.pass(cycles);
        self.ledger.charge(self.row, cause, cycles, cycles);
    }
}

/// Notes that what an instruction has waited for has happened, whether it will have cost anything or not.
fn note(ledger: &mut Ledger, row: Row, space: SpaceId, path: &Path) {
    for (cause, la) in path.causes() {
        add(ledger, row, (space, la), cause, Charge::once(Cycles(0)));
    }
}

fn add(ledger: &mut Ledger, row: Row, (space, la): (SpaceId, LinearAddr), cause: Cause, charge: Charge) {
    ledger.charge_times(row, cause, charge, Cycles(0));
    if cause.is_translation() {
        ledger.charge_page(space, la, cause, charge);
    }
}

impl<T: Telling> TranslationCache for OutOfOrder<T> {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        let side = Side::from(access.kind);
        if side == Side::Fetch {
            self.fetch_from(la);
        } else if self.open().is_some() {
            let pending = self.access_at(la, access.kind);
            self.pending.push(pending);
            self.target = Target::Access;
        }
        let before = self.translations.counters()[side].stlb_hit;
        let found = self.translations.lookup(ctx, la, access);
        if self.translations.counters()[side].stlb_hit > before {
            self.translate(self.config.translation.second_level, Cause::SecondLevelHit, la);
        }
        found
    }

    fn table(&mut self, ctx: &PagingContext, la: LinearAddr) -> Option<TableRef> {
        if self.has_table_caches {
            self.translate(self.config.walk.table_look_up, Cause::TableLookUp, la);
        }
        let start = self.walkers.begin(self.at());
        self.is_walking = true;
        self.note_at(start, |timeline, at, space| timeline.walk_begins(at, space, la));
        if start > self.at() {
            self.translate_until(start, Cause::WalkQueue, la);
        }
        self.translate(self.config.walk.start, Cause::WalkStart, la);
        self.translations.table(ctx, la)
    }

    fn fill_tables(&mut self, ctx: &PagingContext, la: LinearAddr, start: Option<&TableRef>, walked: &[EntryUse]) {
        self.translations.fill_tables(ctx, la, start, walked);
    }

    fn fill(&mut self, ctx: &PagingContext, la: LinearAddr, kind: AccessKind, translation: &Translation) {
        self.is_walking = false;
        self.walkers.filled(la, translation.size, self.at());
        self.note_at(self.at(), |timeline, at, _| timeline.walk_ends(at));
        if let (Target::Access, Some(pending)) = (self.target, self.pending.last_mut()) {
            pending.walked = true;
        }
        self.translations.fill(ctx, la, kind, translation);
    }

    fn prefetch(&self) -> Prefetch {
        self.translations.prefetch()
    }

    /// The walker goes on with it, and who wants the page by then waits for that.
    fn prefetched(&mut self, ctx: &PagingContext, la: LinearAddr, entry: PhysAddr, translation: &Translation) {
        let start = self.walkers.begin(self.at());
        let done = self.core.walk_load(entry, start).ready;
        self.walkers.filled(la, translation.size, done);
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
        self.close();
        let cycles = self.config.translation.invalidation;
        self.core.pass(cycles);
        self.ledger.charge(self.row, Cause::Invalidation, cycles, Cycles(0));
        self.translations.invalidate(what);
    }
}

impl<T: Telling> HardwareModel for OutOfOrder<T> {
    const DETAIL: Detail = T::DETAIL;

    fn fetch(&mut self, la: LinearAddr, pa: PhysAddr) {
        let page = (la.page_base(), PhysAddr(pa.0 & !(arch::FRAME_SIZE - 1)));
        if self.pages[0] != page {
            self.pages = [page, self.pages[0]];
        }
    }

    fn load(&mut self, la: LinearAddr, pa: PhysAddr, size: u32) {
        if self.open().is_none() {
            return;
        }
        if self.is_plain() {
            return self.plain_load(pa, size);
        }
        let access = self.translated(la, AccessKind::Read);
        let arrival = self.core.load(access.at, pa, size);
        let at = self.twin.issue(Unit::Load);
        self.twin.load(at, pa, size);
        self.arrived(access, Some(arrival));
    }

    fn store(&mut self, la: LinearAddr, pa: PhysAddr, size: u32) {
        let Some(open) = self.open() else { return };
        if self.is_plain() {
            return self.plain_store(&open, pa, size);
        }
        let access = self.translated(la, AccessKind::Write);
        let unit = self.twin.store_unit();
        self.core.store(&open.decoded, access.at, pa, size);
        let at = self.twin.issue(unit);
        self.twin.store(&open.decoded, at, pa, size);
        self.arrived(access, None);
    }

    fn page_crossing(&mut self, _: LinearAddr) {
        // The first half was translated by now.
        self.crossing = self.pending.last().map(|first| first.issued);
        self.twin.cross();
    }

    fn walk_load(&mut self, la: LinearAddr, level: Level, entry: PhysAddr, value: Pte) {
        self.translations.walk_load(la, level, entry, value);
        let Arrival { supplier, asked, ready } = self.core.walk_load(entry, self.at());
        if asked > self.at() {
            self.translate_until(asked, Cause::WalkQueue, la);
        }
        self.translate_until(ready, Cause::WalkStep(level, supplier), la);
    }

    fn walk_update(&mut self, la: LinearAddr, entry: PhysAddr, value: Pte) {
        self.translations.walk_update(la, entry, value);
        self.core.walk_store(entry);
        self.translate(self.config.walk.accessed_dirty_assist, Cause::AccessedDirty, la);
    }

    fn fault(&mut self, fault: PageFault) {
        self.translations.fault(fault);
        if std::mem::take(&mut self.is_walking) {
            self.walkers.ended(self.at());
        }
        self.note_at(self.at(), |timeline, at, _| timeline.walk_ends(at));
        self.give_up();
        self.note_at(self.core.now(), |timeline, at, space| timeline.fault_begins(at, space, fault));
        self.spend(Cause::Exception, self.config.core.exception);
    }

    fn space(&mut self, space: SpaceId) {
        if self.space != space {
            self.close();
            self.space = space;
        }
    }

    fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        self.close();
        self.code.define(block, frame, instructions);
    }

    fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.close();
        self.decide(la);
        self.code.enter(&mut self.ledger, block, self.space, la);
        (self.block, self.next, self.is_fetching) = (Some(block), 0, false);
        self.fetch_lines(block);
    }

    fn instruction(&mut self, n: u16) {
        if let Some(block) = self.block {
            self.place_until(block, usize::from(n));
        }
    }

    fn left(&mut self, completed: u16) {
        let Some(block) = self.block.take() else { return };
        let end = usize::from(completed);
        if self.open.is_some_and(|open| open.n >= end) {
            // It raised an exception that is no page fault.
            let (before, perfect) = (self.core.now(), self.twin.now());
            let (at, in_twin) = (self.core.done(), self.twin.done());
            self.abandon(at, in_twin, before, perfect);
        }
        self.place_until(block, end);
    }

    fn service(&mut self, service: Service, ns: u64) {
        self.close();
        let cycles = Cycles(ns * u64::from(self.config.clock_mhz) / 1000);
        self.spend(Cause::Service(service), cycles);
    }

    fn resumed(&mut self) {
        self.note_at(self.core.now(), |timeline, at, _| timeline.resumes(at));
    }

    fn retired(&mut self, instructions: u64) {
        self.translations.retired(instructions);
    }
}
