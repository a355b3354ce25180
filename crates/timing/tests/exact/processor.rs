//! A core's translation hardware in lists: what an access does to its caches, and what is counted.

use crate::tables::Tables;
use crate::tlb::{Held, Tlb};
use crate::walk::{Ask, Registers, Walked, root, walk};
use arch::AccessKind;
use paging::tlb::{HierarchyConfig, SecondLevel, SpuriousFaults};

/// What is counted for loads, for stores or for fetches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SideTally {
    /// Misses of the first level that the second level had.
    pub(crate) second_level_hits: u64,
    /// Walks that found a page of 4 KiB, 2 MiB, 1 GiB.
    pub(crate) completed: [u64; 3],
    /// Walks that ended in a fault.
    pub(crate) faulted: u64,
    pub(crate) loads: u64,
    pub(crate) updates: u64,
}

/// All that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) loads: SideTally,
    pub(crate) stores: SideTally,
    pub(crate) fetches: SideTally,
    /// Walks that began at a table which the PML5E, PML4E, PDPTE and PDE cache gave.
    pub(crate) table_hits: [u64; 4],
    pub(crate) page_invalidations: u64,
    pub(crate) flushes: u64,
}

/// What software asks to be invalidated (MMU-202, MMU-207 to MMU-212).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drop {
    /// INVLPG.
    Page(u64),
    /// INVPCID type 0.
    Address(u16, u64),
    /// A CR3 write, INVPCID type 1.
    Context(u16),
    /// INVPCID type 3.
    NonGlobal,
    /// INVPCID type 2, a change of CR4.PGE.
    All,
}

/// The TLBs, which `*_of` name by place in the list, and the paging-structure caches.
#[derive(Clone, Debug)]
pub(crate) struct Processor {
    tlbs: Vec<Tlb>,
    first: [usize; 3],
    second: [Option<usize>; 3],
    pub(crate) tables: Tables,
    spurious: bool,
    pub(crate) tally: Tally,
}

impl Processor {
    pub(crate) fn new(config: &HierarchyConfig) -> Self {
        let mut tlbs = vec![Tlb::new(&config.data), Tlb::new(&config.instruction)];
        let mut add = |tlb| {
            tlbs.push(Tlb::new(tlb));
            tlbs.len() - 1
        };
        let store = config.store.as_ref().map_or(0, &mut add);
        let second = match &config.second {
            SecondLevel::Absent => [None; 3],
            SecondLevel::Shared(tlb) => [Some(add(tlb)); 3],
            SecondLevel::Split { instruction, data } => {
                let data = add(data);
                [Some(data), Some(data), Some(add(instruction))]
            }
        };
        Self {
            tlbs,
            first: [0, store, 1],
            second,
            tables: Tables::new(&config.tables),
            spurious: config.spurious_faults == SpuriousFaults::Allowed,
            tally: Tally::default(),
        }
    }

    /// Makes an access; gives the physical address, or nothing for a fault.
    pub(crate) fn access(&mut self, regs: &Registers, memory: &mut [u64], ask: Ask) -> Option<u64> {
        let writes_through = |held: &Held| ask.kind != AccessKind::Write || held.dirty; // MMU-183
        let allowed = |held: &Held| ask.is_allowed(regs, held.rights);
        if let Some(held) = self.look_up(regs, ask, |held| allowed(held) && writes_through(held)) {
            return Some(held.apply(ask.la)); // MMU-182
        }
        if self.spurious && self.look_up(regs, ask, |held| !allowed(held)).is_some() {
            self.faulted(regs.pcid, ask.la); // MMU-185: no walk was made
            return None;
        }
        let walked = self.walk(regs, memory, ask);
        let Some(page) = walked.found else {
            self.side(ask.kind).faulted += 1;
            self.faulted(regs.pcid, ask.la);
            return None;
        };
        for (entry, table) in walked.passed {
            self.tables.fill(regs.pcid, ask.la, entry, table); // MMU-196
        }
        if let Some(second) = self.second[place(ask.kind)] {
            self.tlbs[second].fill(regs.pcid, ask.la, &page);
        }
        self.tlbs[self.first[place(ask.kind)]].fill(regs.pcid, ask.la, &page);
        self.side(ask.kind).completed[(page.page as usize - 12) / 9] += 1;
        Some(page.apply(ask.la))
    }

    /// First level, then second; what only the second has, the first gets too.
    fn look_up(&mut self, regs: &Registers, ask: Ask, usable: impl Fn(&Held) -> bool) -> Option<Held> {
        let (first, second) = (self.first[place(ask.kind)], self.second[place(ask.kind)]);
        if let Some(held) = self.tlbs[first].look_up(regs.pcid, ask.la, &usable) {
            return Some(held);
        }
        let held = self.tlbs[second?].look_up(regs.pcid, ask.la, &usable)?;
        self.side(ask.kind).second_level_hits += 1;
        self.tlbs[first].fill(regs.pcid, ask.la, &held);
        Some(held)
    }

    /// A walk from the deepest cached table (MMU-198). Where that ends in a fault, the caches that led there may be stale: then
    /// it is made again from the root, unless the processor may fault for no other reason (MMU-185).
    fn walk(&mut self, regs: &Registers, memory: &mut [u64], ask: Ask) -> Walked {
        let cached = self.tables.deepest(regs.pcid, ask.la);
        if let Some((cache, table)) = cached {
            self.tally.table_hits[cache] += 1;
            let walked = self.walk_from(table, regs, memory, ask);
            if walked.found.is_some() || self.spurious {
                return walked;
            }
            self.faulted(regs.pcid, ask.la);
        }
        self.walk_from(root(regs), regs, memory, ask)
    }

    fn walk_from(&mut self, table: crate::tables::Table, regs: &Registers, memory: &mut [u64], ask: Ask) -> Walked {
        let walked = walk(regs, memory, ask, table);
        let side = self.side(ask.kind);
        side.loads += walked.loads;
        side.updates += walked.updates;
        walked
    }

    /// What a page fault drops (MMU-204).
    fn faulted(&mut self, pcid: u16, la: u64) {
        self.drop_pages(|held| held.is_of_page_at(la) && (held.pcid == pcid || held.global));
        self.tables.drop_if(|held| held.pcid == pcid && held.leads_to(la));
    }

    /// What an instruction drops, under the current PCID.
    pub(crate) fn invalidate(&mut self, current: u16, what: Drop) {
        match what {
            Drop::Page(_) | Drop::Address(..) => self.tally.page_invalidations += 1,
            Drop::Context(_) | Drop::NonGlobal | Drop::All => self.tally.flushes += 1,
        }
        self.drop_pages(|held| match what {
            Drop::Page(la) => held.is_of_page_at(la) && (held.pcid == current || held.global),
            Drop::Address(pcid, la) => held.is_of_page_at(la) && held.pcid == pcid && !held.global,
            Drop::Context(pcid) => held.pcid == pcid && !held.global,
            Drop::NonGlobal => !held.global,
            Drop::All => true,
        });
        self.tables.drop_if(|held| match what {
            Drop::Page(_) => held.pcid == current,
            Drop::Address(pcid, _) | Drop::Context(pcid) => held.pcid == pcid, // MMU-200
            Drop::NonGlobal | Drop::All => true,
        });
    }

    fn drop_pages(&mut self, covered: impl Fn(&Held) -> bool) {
        self.tlbs.iter_mut().for_each(|tlb| tlb.drop_if(&covered));
    }

    fn side(&mut self, kind: AccessKind) -> &mut SideTally {
        match kind {
            AccessKind::Read => &mut self.tally.loads,
            AccessKind::Write => &mut self.tally.stores,
            AccessKind::Fetch => &mut self.tally.fetches,
        }
    }

    /// The first-level TLB for one kind of access.
    pub(crate) fn first_level(&self, kind: AccessKind) -> &Tlb {
        &self.tlbs[self.first[place(kind)]]
    }

    /// The second-level TLB for one kind of access.
    pub(crate) fn second_level(&self, kind: AccessKind) -> Option<&Tlb> {
        self.second[place(kind)].map(|place| &self.tlbs[place])
    }

    /// For each array of the TLBs and each paging-structure cache, how many entries had to go because their set was full.
    pub(crate) fn evicted(&self) -> Vec<u64> {
        self.tlbs.iter().flat_map(Tlb::evicted).chain(self.tables.evicted()).collect()
    }
}

/// Loads, stores, fetches.
const fn place(kind: AccessKind) -> usize {
    match kind {
        AccessKind::Read => 0,
        AccessKind::Write => 1,
        AccessKind::Fetch => 2,
    }
}
