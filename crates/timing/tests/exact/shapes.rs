//! Configurations: a preset with another policy in every array, and small ones at random.

use crate::random::SplitMix;
use arch::PageSize;
use pagewalk_timing::HardwareFile;
use pagewalk_timing::config::PRESETS;
use paging::tlb::{
    ArrayConfig, Geometry, HierarchyConfig, Indexing, Prefetch, Replacement, SecondLevel, SpuriousFaults,
    TableCacheConfig, TlbConfig,
};

const SIZES: [PageSize; 3] = [PageSize::Size4K, PageSize::Size2M, PageSize::Size1G];

/// Every policy; the seed of the random one is set for each array.
pub(crate) const POLICIES: [Replacement; 6] = [
    Replacement::Lru,
    Replacement::TreePlru,
    Replacement::Nru,
    Replacement::Fifo,
    Replacement::Srrip,
    Replacement::Random { seed: 0 },
];

/// The caches of each preset, by name.
pub(crate) fn presets() -> Vec<(&'static str, HierarchyConfig)> {
    let caches = |text| HardwareFile::parse("preset", text).and_then(|file| file.config()).map(|config| config.tlb);
    PRESETS.iter().map(|preset| (preset.name, caches(preset.text).expect("a preset is sound"))).collect()
}

/// The same caches with one policy everywhere.
pub(crate) fn replacing(mut config: HierarchyConfig, policy: Replacement) -> HierarchyConfig {
    let mut seeds = 0;
    let mut replace = |geometry: &mut Geometry| {
        seeds += 1;
        geometry.replacement = match policy {
            Replacement::Random { .. } => Replacement::Random { seed: seeds },
            other => other,
        };
    };
    for tlb in tlbs(&mut config) {
        tlb.arrays.iter_mut().for_each(|array| replace(&mut array.geometry));
    }
    let tables = &mut config.tables;
    let caches = [&mut tables.pml5e, &mut tables.pml4e, &mut tables.pdpte, &mut tables.pde];
    caches.into_iter().flatten().for_each(replace);
    config
}

fn tlbs(config: &mut HierarchyConfig) -> Vec<&mut TlbConfig> {
    let second = match &mut config.second {
        SecondLevel::Absent => [None, None],
        SecondLevel::Shared(tlb) => [Some(tlb), None],
        SecondLevel::Split { instruction, data } => [Some(instruction), Some(data)],
    };
    let first = [&mut config.instruction, &mut config.data];
    first.into_iter().chain(&mut config.store).chain(second.into_iter().flatten()).collect()
}

/// Some small caches of any form.
pub(crate) fn any(random: &mut SplitMix) -> HierarchyConfig {
    let second = match random.below(4) {
        0 => SecondLevel::Absent,
        1 => SecondLevel::Split { instruction: tlb(random, 3), data: tlb(random, 3) },
        _ => SecondLevel::Shared(tlb(random, 4)),
    };
    let mut cache = || (!random.once_in(5)).then(|| geometry(random, 2));
    let tables = TableCacheConfig { pml5e: cache(), pml4e: cache(), pdpte: cache(), pde: cache() };
    HierarchyConfig {
        instruction: tlb(random, 2),
        data: tlb(random, 3),
        store: random.once_in(3).then(|| tlb(random, 2)),
        second,
        tables,
        spurious_faults: if random.once_in(3) { SpuriousFaults::Allowed } else { SpuriousFaults::Never },
        prefetch: Prefetch::None,
    }
}

/// Arrays for some sizes, some of them together, in any order.
fn tlb(random: &mut SplitMix, sets: u64) -> TlbConfig {
    let mut arrays: Vec<ArrayConfig> = Vec::new();
    for size in SIZES {
        match random.below(5) {
            0 => {}
            1 | 2 if !arrays.is_empty() => {
                let at = random.below(arrays.len() as u64) as usize;
                arrays[at].sizes.push(size);
            }
            3 => arrays.insert(0, ArrayConfig { geometry: geometry(random, sets), sizes: vec![size] }),
            _ => arrays.push(ArrayConfig { geometry: geometry(random, sets), sizes: vec![size] }),
        }
    }
    let splinter = *random.pick(&[None, None, Some(PageSize::Size2M), Some(PageSize::Size4K)]);
    TlbConfig { arrays, splinter }
}

/// Up to `2^most` sets of up to 8 ways.
pub(crate) fn geometry(random: &mut SplitMix, most: u64) -> Geometry {
    let policy = match *random.pick(&POLICIES) {
        Replacement::Random { .. } => Replacement::Random { seed: random.next() },
        other => other,
    };
    let index = *random.pick(&[Indexing::Plain, Indexing::Hashed]);
    let (sets, ways) = (1 << random.below(most + 1), 1 + random.below(8) as u32);
    Geometry::new(sets, ways).indexed(index).replacing(policy)
}
