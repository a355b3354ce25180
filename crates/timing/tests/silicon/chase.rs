//! A pointer chase on a modelled core: one load a page, in a random order that comes round and round.
//!
//! It is what was measured on silicon (`tests/data/silicon-chase.csv`): each load waits for the one before, and uses one line of
//! its page; the places in the pages differ, so that all sets of the data cache are used alike.

use arch::{
    Access, AccessKind, ControlRegs, Cr3, FRAME_SIZE, InstrClass, InstrInfo, LinearAddr, Pfn, PhysAddr, Privilege,
    RegSet,
};
use pagewalk_timing::{Clocked, EveryAccess, HardwareConfig, InOrder};
use paging::{BlockId, HardwareModel, PagingContext, PhysMem, translate};
use physmem::{Bus, Ram};

const OPEN: u64 = 0x67;
const PS: u64 = 1 << 7;
/// Loads in a row, so that nothing else is measured.
const UNROLLED: usize = 16;
const BLOCK: BlockId = BlockId(1);
const CODE: LinearAddr = LinearAddr(0x7000_0000_0000);
const DATA: u64 = 0x1000_0000_0000;
const FIRST_FRAME: u64 = 0x10_0000;
/// Rounds before the measured ones, and those.
const WARM: u64 = 6;
const ROUNDS: u64 = 12;
/// Random orders, of which the mean is taken.
const ORDERS: u64 = 8;

/// What lies a stride apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Series {
    /// Pages of 4 KiB, one after the other.
    Small,
    /// Pages of 2 MiB, one after the other.
    Large,
}

impl Series {
    /// Its name in the measurements.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Small => "4k",
            Self::Large => "2m",
        }
    }

    const fn stride(self) -> u64 {
        match self {
            Self::Small => FRAME_SIZE,
            Self::Large => 2 << 20,
        }
    }
}

/// What silicon took for one load, in nanoseconds, by the number of pages.
pub(crate) fn measured(series: Series) -> Vec<(u64, f64)> {
    let rows = include_str!("../data/silicon-chase.csv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &str| {
        let mut fields = line.split(',');
        let mode = fields.next()?;
        let pages = fields.next()?.parse().ok()?;
        let ns = fields.next()?.parse().ok()?;
        (mode == series.name()).then_some((pages, ns))
    };
    rows.filter_map(row).collect()
}

/// The cycles of one load on the core that does one thing at a time, in the mean.
pub(crate) fn simulated(config: &HardwareConfig, series: Series, pages: u64) -> f64 {
    let core = || InOrder::<EveryAccess>::new(config).expect("a processor");
    simulated_on(core, series, pages)
}

/// The cycles of one load on a core, in the mean.
pub(crate) fn simulated_on<C: Clocked + HardwareModel>(core: impl Fn() -> C, series: Series, pages: u64) -> f64 {
    let cycles = |seed| Chase::new(core(), series, pages).run(seed);
    (0..ORDERS).map(cycles).sum::<f64>() / ORDERS as f64
}

struct Chase<C> {
    model: C,
    bus: Bus,
    ctx: PagingContext,
    places: Vec<u64>,
}

impl<C: Clocked + HardwareModel> Chase<C> {
    fn new(mut model: C, series: Series, pages: u64) -> Self {
        let load = |n: usize| InstrInfo {
            page_offset: 3 * n as u16,
            length: 3,
            class: InstrClass::Move,
            loads: 1,
            address: RegSet::general(0),
            writes: RegSet::general(0),
            ..InstrInfo::default()
        };
        model.block(BLOCK, PhysAddr(0), &(0..UNROLLED).map(load).collect::<Vec<_>>());
        let mut bus = Bus::new(Ram::new(64 << 20).expect("the host has memory"));
        let mut next = 2;
        let place = |n: u64| DATA + n * series.stride() + n * 37 % 64 * 64;
        let places: Vec<_> = (0..pages).map(place).collect();
        for (n, &la) in places.iter().enumerate() {
            map(&mut bus, &mut next, la, series, n as u64);
        }
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(FRAME_SIZE)));
        Self { model, bus, ctx, places }
    }

    fn run(mut self, seed: u64) -> f64 {
        shuffle(&mut self.places, seed);
        (0..WARM).for_each(|_| self.round());
        let before = self.model.finish().0;
        (0..ROUNDS).for_each(|_| self.round());
        let cycles = self.model.finish().0 - before;
        cycles.0 as f64 / (ROUNDS * self.places.len() as u64) as f64
    }

    fn round(&mut self) {
        let access = Access::new(AccessKind::Read, Privilege::User);
        for chunk in self.places.chunks(UNROLLED) {
            self.model.enter(BLOCK, CODE);
            for (n, &place) in chunk.iter().enumerate() {
                let la = LinearAddr(place);
                self.model.instruction(n as u16);
                let translation = translate(&mut self.model, &mut self.bus, &self.ctx, la, access).expect("mapped");
                self.model.load(la, translation.apply(la), 8);
            }
            self.model.left(chunk.len() as u16);
        }
    }
}

/// Maps the n-th page; tables are taken from frame `next` on, the root is frame 1.
fn map(bus: &mut Bus, next: &mut u64, la: u64, series: Series, n: u64) {
    let (shifts, leaf, frame): (&[u32], _, _) = match series {
        Series::Small => (&[39, 30, 21], 12, FIRST_FRAME + scattered(n)),
        Series::Large => (&[39, 30], 21, FIRST_FRAME + 512 * scattered(n)),
    };
    let mut table = FRAME_SIZE;
    for &shift in shifts {
        let entry = entry_at(table, la, shift);
        if bus.load_entry(entry) == 0 {
            bus.store_entry(entry, Pfn(*next).base().0 | OPEN);
            *next += 1;
        }
        table = bus.load_entry(entry) & !0xfff;
    }
    let size = if series == Series::Large { PS } else { 0 };
    bus.store_entry(entry_at(table, la, leaf), Pfn(frame).base().0 | OPEN | size);
}

/// Frames as a kernel gives them that has run for a while: in no order.
const fn scattered(n: u64) -> u64 {
    mix(n) >> 44
}

fn entry_at(table: u64, la: u64, shift: u32) -> PhysAddr {
    PhysAddr(table + (la >> shift & 0x1ff) * 8)
}

/// Fisher and Yates.
fn shuffle(places: &mut [u64], seed: u64) {
    for last in (1..places.len()).rev() {
        let other = mix(seed << 32 | last as u64) % (last as u64 + 1);
        places.swap(last, other as usize);
    }
}

/// The finalizer of SplitMix64.
const fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}
