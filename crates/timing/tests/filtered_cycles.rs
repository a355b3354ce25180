//! Cycles and charges are the same whether the fast table in front answers for what would change nothing, or the model is asked
//! for each translation.

use arch::{ControlRegs, Cr3, FRAME_SIZE, InstrInfo, LinearAddr, Pfn, PhysAddr};
use mmu::{Mmu, SlotCount};
use pagewalk_timing::config::PRESETS;
use pagewalk_timing::{Clocked, EveryAccess, EveryLookup, HardwareConfig, HardwareFile, InOrder, OutOfOrder};
use paging::{BlockId, HardwareModel, Invalidation, PagingContext, PhysMem};
use physmem::{Bus, Ram};

const OPEN: u64 = 0x7;
const DATA: u64 = 0x40_0000;
const PAGES: u64 = 512;
const BLOCK: BlockId = BlockId(1);
const INSTRUCTIONS: u16 = 8;

/// A core before memory whose data pages are mapped; A and D are clear.
fn core<C: HardwareModel>(mut model: C) -> Mmu<C> {
    let mut bus = Bus::new(Ram::new(16 << 20).expect("the host has memory"));
    for (at, entry) in [(0x1000, 0x2000), (0x2000, 0x3000), (0x3010, 0x4000), (0x3018, 0x5000)] {
        bus.store_entry(PhysAddr(at), entry | OPEN);
    }
    for page in 0..PAGES {
        bus.store_entry(PhysAddr(0x4000 + 8 * page), Pfn(1024 + page).base().0 | OPEN);
    }
    let info = |n| {
        let (loads, stores, updates) = [(0, 1, 0), (0, 1, 1), (1, 0, 0)][usize::from(n % 3)];
        InstrInfo { page_offset: 4 * n, length: 4, loads, stores, updates, ..InstrInfo::default() }
    };
    let infos: Vec<_> = (0..INSTRUCTIONS).map(info).collect();
    model.block(BLOCK, PhysAddr(0x9000), &infos);
    Mmu::new(bus, PagingContext::new(ControlRegs::long_mode(Cr3(FRAME_SIZE))), SlotCount::default(), model)
}

/// Loads, stores and both at once, mostly of few pages, some across two; now and then a flush.
fn run<C: HardwareModel>(core: &mut Mmu<C>, seed: u64) {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..4000 {
        core.model.enter(BLOCK, LinearAddr(0x7000_0000));
        for n in 0..INSTRUCTIONS {
            core.model.instruction(n);
            let page = if random(4) == 0 { random(PAGES - 1) } else { random(12) };
            let offset = if random(50) == 0 { 4092 } else { 8 * random(511) };
            let la = LinearAddr(DATA + page * FRAME_SIZE + offset);
            match n % 3 {
                0 => core.store(la, 1_u64),
                1 => core.load_for_write::<u64>(la).and_then(|value| core.store(la, value)),
                _ => core.load::<u64>(la).map(|_| ()),
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
