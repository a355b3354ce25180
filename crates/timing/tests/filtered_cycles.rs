//! Cycles and charges are the same whether the fast table in front answers for what would change nothing, or the model is asked
//! for each translation.

use arch::{BranchKind, ControlRegs, Cr3, FRAME_SIZE, InstrClass, InstrInfo, LinearAddr, Pfn, PhysAddr, RegSet};
use mmu::{Mmu, SlotCount};
use pagewalk_timing::config::PRESETS;
use pagewalk_timing::{Clocked, EveryAccess, EveryLookup, HardwareConfig, HardwareFile, InOrder, OutOfOrder};
use paging::{BlockId, HardwareModel, Invalidation, PagingContext, PhysMem};
use physmem::{Bus, Ram};

const OPEN: u64 = 0x7;
const DATA: u64 = 0x40_0000;
const PAGES: u64 = 512;
const CODE: u64 = 0x60_0000;
const CODE_PAGES: u64 = 96;
const CODE_FRAME: u64 = 2048;
/// A block: work, then stores that all wait for its result and so for each other, and accesses of every other kind.
const KINDS: [Kind; 16] = {
    use Kind::{Branch, Load, Move, Store, Update, Work};
    [Work, Store, Store, Store, Store, Store, Store, Store, Move, Update, Load, Move, Work, Update, Load, Branch]
};
/// The last one is a branch, and in a block of an odd number its bytes end in the next page.
const LENGTH: u16 = 4;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Work,
    Load,
    Store,
    /// From memory to memory.
    Move,
    /// A place in memory is read and written.
    Update,
    Branch,
}

/// Where a block begins: an odd one ends behind its page.
const fn start(block: u64) -> LinearAddr {
    let offset = if block.is_multiple_of(2) { 64 } else { FRAME_SIZE - KINDS.len() as u64 * LENGTH as u64 + 2 };
    LinearAddr(CODE + block * FRAME_SIZE + offset)
}

fn instruction(block: u64, n: usize) -> InstrInfo {
    let kind = KINDS[n];
    let (loads, stores, updates) = match kind {
        Kind::Work | Kind::Branch => (0, 0, 0),
        Kind::Load => (1, 0, 0),
        Kind::Store => (0, 1, 0),
        Kind::Move => (1, 1, 0),
        Kind::Update => (0, 1, 1),
    };
    let result = RegSet::general(0);
    InstrInfo {
        page_offset: start(block).page_offset() as u16 + LENGTH * n as u16,
        length: LENGTH as u8,
        class: if kind == Kind::Work { InstrClass::Mul } else { InstrClass::Move },
        loads,
        stores,
        updates,
        branch: (kind == Kind::Branch).then_some(BranchKind::Indirect),
        address: result,
        reads: result,
        writes: if kind == Kind::Work { result } else { RegSet::default() },
        ..InstrInfo::default()
    }
}

/// A core before memory whose pages are mapped; A and D are clear.
fn core<C: HardwareModel>(mut model: C) -> Mmu<C> {
    let mut bus = Bus::new(Ram::new(16 << 20).expect("the host has memory"));
    for (at, entry) in [(0x1000, 0x2000), (0x2000, 0x3000), (0x3010, 0x4000), (0x3018, 0x5000)] {
        bus.store_entry(PhysAddr(at), entry | OPEN);
    }
    for page in 0..PAGES {
        bus.store_entry(PhysAddr(0x4000 + 8 * page), Pfn(1024 + page).base().0 | OPEN);
        bus.store_entry(PhysAddr(0x5000 + 8 * page), Pfn(CODE_FRAME + page).base().0 | OPEN);
    }
    for block in 0..CODE_PAGES {
        let infos: Vec<_> = (0..KINDS.len()).map(|n| instruction(block, n)).collect();
        model.block(BlockId(block as u32), Pfn(CODE_FRAME + block).base(), &infos);
    }
    Mmu::new(bus, PagingContext::new(ControlRegs::long_mode(Cr3(FRAME_SIZE))), SlotCount::default(), model)
}

/// The block is fetched as a core does it, and entered.
fn enter<C: HardwareModel>(core: &mut Mmu<C>, block: u64) {
    core.fetch_frame(start(block)).expect("mapped");
    if start(block).page_offset() > FRAME_SIZE / 2 {
        core.fetch_frame(start(block + 1).page_base()).expect("mapped");
    }
    core.model.enter(BlockId(block as u32), start(block));
}

/// Blocks, mostly of few pages, and their accesses, mostly of few pages too, some across two; now and then a flush.
fn run<C: HardwareModel>(core: &mut Mmu<C>, seed: u64) {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..4000 {
        let block = if random(4) == 0 { random(CODE_PAGES - 1) } else { random(6) };
        enter(core, block);
        for (n, kind) in KINDS.into_iter().enumerate() {
            let mut next = || {
                let page = if random(100) == 0 { random(PAGES - 1) } else { random(12) };
                let offset = if random(50) == 0 { 4092 } else { 8 * random(511) };
                LinearAddr(DATA + page * FRAME_SIZE + offset)
            };
            if !matches!(kind, Kind::Work | Kind::Branch) {
                core.model.instruction(n as u16);
            }
            let la = next();
            match kind {
                Kind::Work | Kind::Branch => Ok(()),
                Kind::Load => core.load::<u64>(la).map(drop),
                Kind::Store => core.store(la, 1_u64),
                Kind::Move => core.load::<u64>(la).and_then(|value| core.store(next(), value)),
                Kind::Update => core.load_for_write::<u64>(la).and_then(|value| core.store(la, value)),
            }
            .expect("mapped");
        }
        if random(500) == 0 {
            core.model.invalidate(Invalidation::All);
            core.load_control(core.context().regs);
        }
    }
}

fn same<C: Clocked + HardwareModel, D: Clocked + HardwareModel>(name: &str, filtered: C, every: D) {
    let (mut filtered, mut every) = (core(filtered), core(every));
    run(&mut filtered, 7);
    run(&mut every, 7);
    assert_eq!(filtered.model.counters(), every.model.counters(), "{name}");
    let ((left, ledger), (right, other)) = (filtered.model.finish(), every.model.finish());
    assert_eq!(left, right, "{name}");
    assert_eq!(ledger.perfect(), other.perfect(), "{name}");
    assert_eq!(ledger.total().sorted(), other.total().sorted(), "{name}");
    for ((space, la, charges), (_, other_la, others)) in ledger.pages().into_iter().zip(other.pages()) {
        assert_eq!((la, charges.sorted()), (other_la, others.sorted()), "{name} {space:?}");
    }
}

/// Every preset, and one whose walks bring the next page too.
fn presets() -> impl Iterator<Item = HardwareConfig> {
    let config = |name| HardwareFile::open(name).and_then(|file| file.config()).expect("a preset");
    let mut prefetching = HardwareFile::open("skylake-server").expect("a preset");
    prefetching.set(&"walk.prefetch=next-page".parse().expect("a setting")).expect("a key");
    let prefetching = prefetching.config().expect("a processor");
    PRESETS.iter().map(move |preset| config(preset.name)).chain([prefetching])
}

#[test]
fn every_preset_costs_the_same_in_order_filtered_and_not() {
    for config in presets() {
        let (filtered, every) = (InOrder::<EveryAccess>::new(&config), InOrder::<EveryLookup>::new(&config));
        same(&config.name, filtered.expect("a processor"), every.expect("a processor"));
    }
}

#[test]
fn every_preset_costs_the_same_out_of_order_filtered_and_not() {
    for config in presets() {
        let (filtered, every) = (OutOfOrder::<EveryAccess>::new(&config), OutOfOrder::<EveryLookup>::new(&config));
        same(&config.name, filtered.expect("a processor"), every.expect("a processor"));
    }
}
