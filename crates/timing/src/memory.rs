//! Data and instruction caches, and memory behind them.
//!
//! A level holds what was asked of it: a miss fills every level on the way back, and no level drops a line because another does.
//! Lines are written back when they are displaced, into the next level, which costs no time. The page walker's loads and stores
//! of entries go through the first level for data, as a program's do.

use crate::Cycles;
use crate::config::{CacheConfig, MemoryConfig};
use arch::PhysAddr;
use paging::tlb::{GeometryError, SetAssociative};

/// log2 of a line's bytes.
const LINE_SHIFT: u32 = 6;

/// No line has this number.
const NO_LINE: u64 = u64::MAX;

/// Who had the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Supplier {
    /// The first level.
    L1,
    /// The second level.
    L2,
    /// The last level.
    Llc,
    /// Memory.
    Dram,
}

impl Supplier {
    /// From the nearest to the farthest.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::Llc, Self::Dram];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::Llc => "llc",
            Self::Dram => "dram",
        }
    }
}

/// What asks for a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// An instruction fetch.
    Fetch,
    /// A load, a store, or a page walk.
    Data,
}

/// What is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is read.
    Read,
    /// It is written to, and has to be written back.
    Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    number: u64,
    dirty: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Cache {
    lines: SetAssociative<Line>,
    latency: Cycles,
    /// For each set a line whose use changes nothing, as it was the last to be used; twice its number, and 1 if it is dirty.
    settled: Box<[u64]>,
}

/// The caches of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caches {
    instruction: Option<Cache>,
    data: Option<Cache>,
    second: Option<Cache>,
    last: Option<Cache>,
    dram: Cycles,
    /// Lines that memory has taken back.
    written_back: u64,
}

impl Caches {
    /// Empty caches.
    ///
    /// # Errors
    /// What makes a geometry impossible.
    pub fn new(config: &MemoryConfig) -> Result<Self, GeometryError> {
        let cache = |config: Option<CacheConfig>| config.map(Cache::new).transpose();
        Ok(Self {
            instruction: cache(config.l1i)?,
            data: cache(config.l1d)?,
            second: cache(config.l2)?,
            last: cache(config.llc)?,
            dram: config.dram,
            written_back: 0,
        })
    }

    /// Lines that memory has taken back so far.
    #[must_use]
    pub const fn written_back(&self) -> u64 {
        self.written_back
    }

    /// The lines that a level holds, by number, and whether each has to be written back: set by set and way by way.
    pub fn held(&self, level: Supplier, port: Port) -> impl Iterator<Item = (u64, bool)> {
        let cache = match (level, port) {
            (Supplier::L1, Port::Fetch) => self.instruction.as_ref(),
            (Supplier::L1, Port::Data) => self.data.as_ref(),
            (Supplier::L2, _) => self.second.as_ref(),
            (Supplier::Llc, _) => self.last.as_ref(),
            (Supplier::Dram, _) => None,
        };
        cache.into_iter().flat_map(|cache| cache.lines.entries()).map(|line| (line.number, line.dirty))
    }

    /// Uses the line that holds `pa`: who had it, and after how long it is there.
    #[inline]
    pub fn access(&mut self, port: Port, pa: PhysAddr, what: Use) -> (Supplier, Cycles) {
        let number = line_of(pa);
        let first = match port {
            Port::Fetch => &mut self.instruction,
            Port::Data => &mut self.data,
        };
        if let Some(cache) = first
            && cache.hit(number, what)
        {
            return (Supplier::L1, cache.latency);
        }
        self.missed(port, number, what)
    }

    #[inline(never)]
    fn missed(&mut self, port: Port, number: u64, what: Use) -> (Supplier, Cycles) {
        let (supplier, latency) = Self::beyond(&mut self.second, &mut self.last, self.dram, number);
        self.fill(port, number, what, supplier);
        (supplier, latency)
    }

    fn beyond(second: &mut Option<Cache>, last: &mut Option<Cache>, dram: Cycles, number: u64) -> (Supplier, Cycles) {
        for (supplier, cache) in [(Supplier::L2, second), (Supplier::Llc, last)] {
            if let Some(cache) = cache
                && cache.hit(number, Use::Read)
            {
                return (supplier, cache.latency);
            }
        }
        (Supplier::Dram, dram)
    }

    /// Puts the line into every level that is nearer than its supplier, the farthest first.
    fn fill(&mut self, port: Port, number: u64, what: Use, supplier: Supplier) {
        if supplier > Supplier::Llc {
            self.put(Supplier::Llc, port, Line { number, dirty: false });
        }
        if supplier > Supplier::L2 {
            self.put(Supplier::L2, port, Line { number, dirty: false });
        }
        self.put(Supplier::L1, port, Line { number, dirty: what == Use::Write });
    }

    /// Puts a line into a level; the one that it displaces, if it was written to, goes to the next.
    fn put(&mut self, level: Supplier, port: Port, line: Line) {
        let cache = match (level, port) {
            (Supplier::L1, Port::Fetch) => &mut self.instruction,
            (Supplier::L1, Port::Data) => &mut self.data,
            (Supplier::L2, _) => &mut self.second,
            (Supplier::Llc, _) => &mut self.last,
            (Supplier::Dram, _) => {
                self.written_back += 1;
                return;
            }
        };
        let displaced = match cache {
            Some(cache) => cache.put(line),
            None => Some(line),
        };
        if let Some(displaced) = displaced.filter(|displaced| displaced.dirty) {
            self.put(next(level), port, displaced);
        }
    }
}

impl Cache {
    fn new(config: CacheConfig) -> Result<Self, GeometryError> {
        Ok(Self {
            lines: SetAssociative::new(config.geometry)?,
            latency: config.latency,
            settled: vec![NO_LINE; config.geometry.sets as usize].into(),
        })
    }

    #[inline]
    fn hit(&mut self, number: u64, what: Use) -> bool {
        let set = self.lines.set_of(number);
        let settled = self.settled[set];
        if settled >> 1 == number && (what == Use::Read || settled & 1 == 1) {
            return true;
        }
        self.found(set, number, what)
    }

    fn found(&mut self, set: usize, number: u64, what: Use) -> bool {
        let Some((place, line)) = self.lines.find(number, |line| line.number == number) else { return false };
        self.lines.used(place, &mut |_| {});
        let dirty = line.dirty || what == Use::Write;
        if dirty != line.dirty {
            self.lines.replace(place, Line { number, dirty });
        }
        self.settled[set] = number << 1 | u64::from(dirty);
        true
    }

    /// Puts a line where it is or where there is room; gives what it has displaced. One that is there already comes back from a
    /// nearer level because it was written to.
    fn put(&mut self, line: Line) -> Option<Line> {
        let same = |held: &Line| held.number == line.number;
        self.settled[self.lines.set_of(line.number)] = line.number << 1 | u64::from(line.dirty);
        let displaced = self.lines.insert(line.number, line, same, &mut |_| {});
        displaced.filter(|displaced| displaced.number != line.number)
    }
}

/// The number of the line that holds `pa`.
pub(crate) const fn line_of(pa: PhysAddr) -> u64 {
    pa.0 >> LINE_SHIFT
}

/// The first byte of each line that `size` bytes at `pa` lie in.
pub(crate) fn lines(pa: PhysAddr, size: u32) -> impl Iterator<Item = PhysAddr> {
    let last = line_of(PhysAddr(pa.0 + u64::from(size.max(1)) - 1));
    (line_of(pa)..=last).map(first_byte)
}

/// The first byte of the line of this number.
pub(crate) const fn first_byte(number: u64) -> PhysAddr {
    PhysAddr(number << LINE_SHIFT)
}

const fn next(level: Supplier) -> Supplier {
    match level {
        Supplier::L1 => Supplier::L2,
        Supplier::L2 => Supplier::Llc,
        Supplier::Llc | Supplier::Dram => Supplier::Dram,
    }
}
