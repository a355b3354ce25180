//! Caches on a clock: a line that is missed arrives later, and only so many can be on their way at once.
//!
//! A miss takes a miss register of each level that it misses, for as long as its line is on the way. An access to a line that is on the way
//! already waits for it and takes none. What asks for lines, a program's access, a store on its way out or a page walk, makes no
//! difference.

use crate::Cycles;
use crate::config::MemoryConfig;
use crate::memory::{Caches, Port, Supplier, Use, line_of};
use arch::PhysAddr;
use paging::tlb::GeometryError;

/// A line on its way, or one that has arrived long since.
#[derive(Clone, Copy, Debug)]
struct Fill {
    line: u64,
    supplier: Supplier,
    latency: Cycles,
    ready: Cycles,
}

/// Registers of one level: `None` if there is no limit.
#[derive(Clone, Debug)]
struct Registers(Option<Box<[Cycles]>>);

/// Lines that are watched while they are on their way, at least; with more registers than this, as many as those.
const WATCHED: usize = 64;

/// Caches and the lines that are on their way to them.
#[derive(Clone, Debug)]
pub(super) struct Fills {
    caches: Caches,
    first: Registers,
    second: Registers,
    first_latency: Cycles,
    /// The latest misses, in the order of the program.
    latest: Box<[Fill]>,
    next: usize,
    /// When all of them have arrived.
    quiet: Cycles,
}

/// When a line was there, and who had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) supplier: Supplier,
    /// From when on the line was under way: later than asked for where no miss register was free.
    pub(super) asked: Cycles,
    pub(super) ready: Cycles,
}

impl Fills {
    pub(super) fn new(config: &MemoryConfig) -> Result<Self, GeometryError> {
        let registers = |cache: Option<crate::config::CacheConfig>| cache.and_then(|cache| cache.miss_registers);
        let (first, second) = (registers(config.l1d), registers(config.l2));
        let watched = WATCHED.max(first.unwrap_or(0) as usize);
        let none = Fill { line: u64::MAX, supplier: Supplier::L1, latency: Cycles(0), ready: Cycles(0) };
        Ok(Self {
            caches: Caches::new(config)?,
            first: Registers::new(first),
            second: Registers::new(second),
            first_latency: config.l1d.map_or(Cycles(0), |l1d| l1d.latency),
            latest: vec![none; watched].into(),
            next: 0,
            quiet: Cycles(0),
        })
    }

    /// Reads a line of data at this moment.
    #[inline]
    pub(super) fn read(&mut self, pa: PhysAddr, at: Cycles) -> Arrival {
        let (supplier, latency) = self.caches.access(Port::Data, pa, Use::Read);
        if supplier == Supplier::L1 {
            return self.near(line_of(pa), at);
        }
        self.miss(line_of(pa), supplier, latency, at)
    }

    /// The line of an instruction; the front end has a way of its own to it.
    pub(super) fn fetch(&mut self, pa: PhysAddr) -> (Supplier, Cycles) {
        self.caches.access(Port::Fetch, pa, Use::Read)
    }

    /// Changes a line now, as the caches see it; [`Self::send`] says when.
    #[inline]
    pub(super) fn write(&mut self, pa: PhysAddr) -> (Supplier, Cycles) {
        self.caches.access(Port::Data, pa, Use::Write)
    }

    /// A line that was changed is wanted at this moment. Gives when it is there.
    #[inline]
    pub(super) fn send(&mut self, line: u64, supplier: Supplier, latency: Cycles, at: Cycles) -> Cycles {
        match supplier {
            // The first level takes a store at once.
            Supplier::L1 => self.near(line, at).ready.max(at + self.first_latency) - self.first_latency,
            _ => self.miss(line, supplier, latency, at).ready,
        }
    }

    /// A line that the first level has, or has asked for.
    #[inline]
    fn near(&self, line: u64, at: Cycles) -> Arrival {
        let ready = at + self.first_latency;
        let there = Arrival { supplier: Supplier::L1, asked: at, ready };
        if at >= self.quiet {
            return there;
        }
        let on_its_way = |fill: &&Fill| fill.line == line && fill.ready > ready;
        match self.latest.iter().find(on_its_way) {
            // One that asks earlier than the one that comes before it in the program does not wait for that.
            Some(fill) => Arrival { supplier: fill.supplier, asked: at, ready: fill.ready.min(at + fill.latency) },
            None => there,
        }
    }

    fn miss(&mut self, line: u64, supplier: Supplier, latency: Cycles, at: Cycles) -> Arrival {
        let mut asked = self.first.available(at);
        if supplier > Supplier::L2 {
            asked = self.second.available(asked);
            self.second.take(asked + latency);
        }
        let ready = asked + latency;
        self.first.take(ready);
        self.latest[self.next] = Fill { line, supplier, latency, ready };
        self.next = (self.next + 1) % self.latest.len();
        self.quiet = self.quiet.max(ready);
        Arrival { supplier, asked, ready }
    }
}

impl Registers {
    fn new(count: Option<u32>) -> Self {
        Self(count.map(|count| vec![Cycles(0); count.max(1) as usize].into()))
    }

    /// The first moment, from `at` on, at which one is free.
    fn available(&self, at: Cycles) -> Cycles {
        self.0.as_ref().and_then(|all| all.iter().min()).map_or(at, |&first| first.max(at))
    }

    /// Takes the one that is free first, until this moment.
    fn take(&mut self, until: Cycles) {
        if let Some(first) = self.0.as_mut().and_then(|all| all.iter_mut().min()) {
            *first = until;
        }
    }
}
