//! The caches under test and the lists beside them, through the same events on two copies of one memory.

use crate::events::Event;
use crate::processor::{Drop, Processor, SideTally, Tally};
use crate::tables::{HeldTable, Table};
use crate::tlb::{Held, Rights, Tlb, bits_of};
use crate::walk::{Ask, Registers};
use crate::world::World;
use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, LinearAddr, PageFault, Pcid, Pfn, PhysAddr, Privilege};
use pagewalk_timing::{Counters, Counting, EveryLookup, Side, WalkCounters};
use paging::tlb::{HierarchyConfig, TableRef};
use paging::{AccessedOnFault, Invalidation, PagingContext, PhysMem, Translation, TranslationCache, translate};

/// Every entry of a state, as far as both sides can tell: the lists name PCIDs, which the caches do not show. Since each process
/// has frames of its own, the frames tell them apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    tlbs: Vec<Vec<Held>>,
    tables: Vec<HeldTable>,
}

/// Entries of 8 bytes from address 0 on.
struct Memory(Vec<u64>);

/// Both sides.
pub(crate) struct Pair {
    memory: Memory,
    ctx: PagingContext,
    model: Counting<EveryLookup>,
    pub(crate) regs: Registers,
    pub(crate) lists: Processor,
    pub(crate) listed_memory: Vec<u64>,
}

impl Pair {
    pub(crate) fn new(config: &HierarchyConfig, world: &World, regs: Registers) -> Self {
        Self {
            memory: Memory(world.memory.clone()),
            ctx: context(&regs),
            model: Counting::new(config).expect("a possible configuration"),
            regs,
            lists: Processor::new(config),
            listed_memory: world.memory.clone(),
        }
    }

    /// Lets both sides do it, and says what is not the same then: the answer or a count.
    pub(crate) fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Access(ask) => self.access(ask)?,
            Event::Edit { at, value } => {
                self.memory.0[at] = value;
                self.listed_memory[at] = value;
            }
            Event::Invalidate(what) => {
                self.model.invalidate(invalidation(self.regs.pcid, what));
                self.lists.invalidate(self.regs.pcid, what);
            }
            Event::Load(regs) => {
                self.regs = regs;
                self.ctx = context(&regs);
            }
        }
        same("counts", &tally(self.model.counters()), &self.lists.tally)
    }

    fn access(&mut self, ask: Ask) -> Result<(), String> {
        let privilege = if ask.user { Privilege::User } else { Privilege::Supervisor };
        let (la, access) = (LinearAddr(ask.la), Access::new(ask.kind, privilege));
        let outcome: Result<Translation, PageFault> =
            translate(&mut self.model, &mut self.memory, &self.ctx, la, access);
        while self.model.displaced().is_some() {} // nobody is in front
        let listed = self.lists.access(&self.regs, &mut self.listed_memory, ask);
        same("answer", &outcome.ok().map(|t| t.apply(la).0), &listed)
    }

    /// Says what is not the same in the caches.
    pub(crate) fn compare_caches(&self) -> Result<(), String> {
        let (caches, listed) = (self.caches(), self.listed());
        if caches == listed {
            return Ok(());
        }
        for (i, (a, b)) in caches.tlbs.iter().zip(&listed.tlbs).enumerate() {
            same(&format!("TLB {i}"), a, b)?;
        }
        same("tables", &caches.tables, &listed.tables)
    }

    /// Says whether walks have left the same A and D.
    pub(crate) fn compare_memory(&self) -> Result<(), String> {
        let mut both = self.memory.0.iter().zip(&self.listed_memory).enumerate();
        both.try_for_each(|(at, (a, b))| same(&format!("entry {at:#x}"), a, b))
    }

    fn caches(&self) -> State {
        let caches = self.model.caches();
        let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Fetch];
        let levels = kinds.iter().flat_map(|&kind| [Some(caches.first_level(kind)), caches.second_level(kind)]);
        let tlb = |tlb: &paging::tlb::Tlb| tlb.entries().map(|(la, piece, t)| held(la, bits_of(piece), &t)).collect();
        let tables = caches.tables().entries().map(|(from, reference)| held_table(from, &reference));
        State { tlbs: levels.flatten().map(tlb).collect(), tables: tables.collect() }
    }

    fn listed(&self) -> State {
        let kinds = [AccessKind::Read, AccessKind::Write, AccessKind::Fetch];
        let levels = kinds.iter().flat_map(|&kind| [Some(self.lists.first_level(kind)), self.lists.second_level(kind)]);
        let tlb = |tlb: &Tlb| tlb.entries().map(|e| Held { pcid: 0, ..*e }).collect();
        let tables = self.lists.tables.entries().map(|e| HeldTable { pcid: 0, ..*e });
        State { tlbs: levels.flatten().map(tlb).collect(), tables: tables.collect() }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, caches: &T, lists: &T) -> Result<(), String> {
    if caches == lists { Ok(()) } else { Err(format!("{what}:\ncaches {caches:x?}\nlists  {lists:x?}")) }
}

/// Control registers as these say.
pub(crate) fn context(regs: &Registers) -> PagingContext {
    let mut control = ControlRegs::long_mode(Cr3(regs.root | u64::from(regs.pcid)));
    control.cr4 |= Cr4::PCIDE;
    control.cr4.set(Cr4::LA57, regs.levels == 5);
    control.cr4.set(Cr4::SMEP, regs.smep);
    control.cr4.set(Cr4::SMAP, regs.smap);
    control.cr0.set(Cr0::WP, regs.wp);
    let mut ctx = PagingContext::new(control);
    if !regs.accessed_on_fault {
        ctx.accessed_on_fault = AccessedOnFault::OnSuccessOnly;
    }
    ctx
}

fn invalidation(current: u16, what: Drop) -> Invalidation {
    let of = |pcid: u16| Pcid::of_word(u64::from(pcid));
    match what {
        Drop::Page(la) => Invalidation::Page { la: LinearAddr(la), pcid: of(current) },
        Drop::Address(pcid, la) => Invalidation::Address { la: LinearAddr(la), pcid: of(pcid) },
        Drop::Context(pcid) => Invalidation::Context(of(pcid)),
        Drop::NonGlobal => Invalidation::NonGlobal,
        Drop::All => Invalidation::All,
    }
}

fn tally(counters: &Counters) -> Tally {
    let side = |side: Side| {
        let WalkCounters { stlb_hit, completed, faulted, loads, updates, .. } = counters[side];
        SideTally { second_level_hits: stlb_hit, completed, faulted, loads, updates }
    };
    Tally {
        loads: side(Side::Load),
        stores: side(Side::Store),
        fetches: side(Side::Fetch),
        table_hits: counters.table_hits,
        page_invalidations: counters.page_invalidations,
        flushes: counters.flushes,
    }
}

fn held(la: LinearAddr, covers: u32, t: &Translation) -> Held {
    let rights = Rights { writable: t.rights.writable, user: t.rights.user, no_execute: t.rights.no_execute };
    let (page, target) = (bits_of(t.size), t.frame.base().0);
    Held { pcid: 0, from: la.0, covers, page, target, rights, dirty: t.dirty, global: t.global }
}

fn held_table(from: LinearAddr, reference: &TableRef) -> HeldTable {
    let t = &reference.table;
    let rights = Rights { writable: t.writable, user: t.user, no_execute: t.no_execute };
    let table = Table { level: t.level.height() + 1, at: t.base.0, rights };
    HeldTable { pcid: 0, from: from.0, entry: reference.entry, table }
}

impl PhysMem for Memory {
    fn ram_bytes(&self) -> u64 {
        1 << 46
    }
    fn load_entry(&self, pa: PhysAddr) -> u64 {
        self.0[pa.0 as usize / 8]
    }
    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        self.0[pa.0 as usize / 8] = value;
    }
    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        match self.load_entry(pa) {
            found if found == current => self.store_entry(pa, new),
            found => return Err(found),
        }
        Ok(())
    }
    fn read(&self, _: PhysAddr, _: &mut [u8]) {
        unreachable!("only entries are read")
    }
    fn write(&mut self, _: PhysAddr, _: &[u8]) {
        unreachable!("only entries are written")
    }
    fn zero_frame(&mut self, _: Pfn) {
        unreachable!("only entries are written")
    }
    fn copy_frame(&mut self, _: Pfn, _: Pfn) {
        unreachable!("only entries are written")
    }
}
