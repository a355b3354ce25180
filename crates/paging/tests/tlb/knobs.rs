//! Each knob has a test in which turning it changes hits.

use crate::world::*;
use arch::PageSize;
use paging::TranslationCache;
use paging::tlb::{
    ArrayConfig, ConfigError, Geometry, GeometryError, HierarchyConfig, Indexing, Prefetch, Replacement, SecondLevel,
    ServedBy, TableCacheConfig, TlbConfig,
};

const FIRST: Option<ServedBy> = Some(ServedBy::FirstLevel);
const SECOND: Option<ServedBy> = Some(ServedBy::SecondLevel);
const WALK: Option<ServedBy> = None;

/// Pages 0 to 511 mapped, and a first level of this shape for data.
fn world(geometry: Geometry) -> World {
    with(HierarchyConfig { data: TlbConfig::unified(geometry, &SIZES), ..no_tables() })
}

fn with(config: HierarchyConfig) -> World {
    let mut world = World::new(&config);
    for page in 0..512 {
        world.map(page << 12, 0x100 + page, OPEN);
    }
    world
}

/// The reads of these pages that hit the first level, one digit each.
fn hits(world: &mut World, pages: &[u64]) -> String {
    pages.iter().map(|&page| if world.served(page << 12, USER_READ) == FIRST { '1' } else { '0' }).collect()
}

fn hits_in(geometry: Geometry, pages: &[u64]) -> String {
    hits(&mut world(geometry), pages)
}

#[test]
fn ways_hold_pages_of_one_set() {
    assert_eq!(hits_in(Geometry::new(4, 1), &[0, 4, 0, 4]), "0000");
    assert_eq!(hits_in(Geometry::new(4, 2), &[0, 4, 0, 4]), "0011");
}

#[test]
fn sets_keep_neighbours_apart() {
    assert_eq!(hits_in(Geometry::new(1, 1), &[0, 1, 0, 1]), "0000");
    assert_eq!(hits_in(Geometry::new(2, 1), &[0, 1, 0, 1]), "0011");
}

#[test]
fn a_hashed_index_spreads_strides() {
    let stride: Vec<u64> = [0, 4, 8, 12].repeat(2);
    assert_eq!(hits_in(Geometry::new(4, 1), &stride), "00000000");
    assert_eq!(hits_in(Geometry::new(4, 1).indexed(Indexing::Hashed), &stride), "00001111");
}

/// Four ways are filled with 1 to 4; page 1 is used again, and 5 displaces one of them: which?
fn displaced_by(replacement: Replacement, before: &[u64]) -> Vec<u64> {
    let mut world = world(Geometry::new(1, 4).replacing(replacement));
    hits(&mut world, before);
    let held: Vec<u64> = world.model.caches.first_level(USER_READ.kind).entries().map(|e| e.0.0 >> 12).collect();
    (1..=4).filter(|page| !held.contains(page)).collect()
}

#[test]
fn each_policy_gives_up_another_way() {
    let fill_use_fill = [1, 2, 3, 4, 1, 5];
    assert_eq!(displaced_by(Replacement::Lru, &fill_use_fill), [2]);
    assert_eq!(displaced_by(Replacement::Fifo, &fill_use_fill), [1]);
    // The tree's root points away from 1, to the upper pair, and there away from 4, which was used last.
    assert_eq!(displaced_by(Replacement::TreePlru, &fill_use_fill), [3]);
    // 4 was the last to be referenced and cleared the others; 1 has been since.
    assert_eq!(displaced_by(Replacement::Nru, &fill_use_fill), [2]);
    assert_eq!(displaced_by(Replacement::Srrip, &fill_use_fill), [2]);
}

#[test]
fn lru_orders_by_use_and_nru_knows_one_bit() {
    let pages = [1, 2, 3, 4, 3, 2, 5];
    assert_eq!(displaced_by(Replacement::Lru, &pages), [1]);
    assert_eq!(displaced_by(Replacement::Nru, &pages), [1]);
    let pages = [1, 2, 3, 4, 1, 2, 5];
    assert_eq!(displaced_by(Replacement::Lru, &pages), [3]);
    assert_eq!(displaced_by(Replacement::Nru, &pages), [3]);
    // All but 3 referenced, then 3: that clears the rest, and the first of them goes though 2 is older.
    let pages = [2, 1, 3, 4, 1, 2, 3, 5];
    assert_eq!(displaced_by(Replacement::Lru, &pages), [4]);
    assert_eq!(displaced_by(Replacement::Nru, &pages), [2]);
}

#[test]
fn srrip_keeps_what_was_used_again_through_a_scan() {
    let scan = [1, 2, 1, 10, 11, 12, 13, 14, 1];
    assert_eq!(hits_in(Geometry::new(1, 4), &scan), "001000000", "LRU loses it");
    assert_eq!(hits_in(Geometry::new(1, 4).replacing(Replacement::Srrip), &scan), "001000001");
}

#[test]
fn a_random_choice_depends_on_the_seed_alone() {
    let pages: Vec<u64> = (0..64).map(|i| i * 7 % 11).collect();
    let run = |seed| hits_in(Geometry::new(1, 4).replacing(Replacement::Random { seed }), &pages);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_ne!(run(1), hits_in(Geometry::new(1, 4), &pages));
}

#[test]
fn every_policy_works_with_any_number_of_ways() {
    let policies = [
        Replacement::Lru,
        Replacement::TreePlru,
        Replacement::Nru,
        Replacement::Fifo,
        Replacement::Srrip,
        Replacement::Random { seed: 3 },
    ];
    for replacement in policies {
        for ways in [1, 2, 3, 6, 7, 12, 64, 72, 127, 128] {
            let mut world = world(Geometry::new(1, ways).replacing(replacement));
            let pages: Vec<u64> = (0..u64::from(ways)).collect();
            hits(&mut world, &pages);
            assert!(!hits(&mut world, &pages).contains('0'), "{ways} pages fit, {replacement:?}");
            for page in 128..400 {
                world.access(page << 12, USER_READ).unwrap();
                assert_eq!(world.served(page << 12, USER_READ), FIRST, "{replacement:?}, {ways} ways");
                assert_eq!(world.model.caches.first_level(USER_READ.kind).entries().count(), ways as usize);
            }
        }
    }
}

#[test]
fn a_split_first_level_keeps_sizes_apart() {
    let one = Geometry::new(1, 1);
    let run = |data: TlbConfig| {
        let mut world = with(HierarchyConfig { data, ..no_tables() });
        world.set(2, 0x20_0000, OPEN | PS);
        [0, 0x20_0000, 0, 0x20_1000].map(|la| world.served(la, USER_READ))
    };
    assert_eq!(run(TlbConfig::unified(one, &SIZES)), [WALK; 4]);
    assert_eq!(run(TlbConfig::split(&[(one, SIZES[0]), (one, SIZES[1])])), [WALK, WALK, FIRST, FIRST]);
    assert_eq!(run(TlbConfig::split(&[(one, SIZES[0])])), [WALK, WALK, FIRST, WALK], "2 MiB pages have no place");
}

#[test]
fn splintering_makes_a_large_page_many() {
    let run = |data: TlbConfig| {
        let mut world = with(HierarchyConfig { data, ..no_tables() });
        world.set(3, 0x4000_0000, OPEN | PS);
        [0x4000_0000, 0x4000_1000, 0x4020_0000, 0x4000_0000].map(|la| world.served(la, USER_READ))
    };
    let room = || TlbConfig::unified(Geometry::new(1, 8), &SIZES);
    assert_eq!(run(room()), [WALK, FIRST, FIRST, FIRST]);
    assert_eq!(run(room().splintered(PageSize::Size2M)), [WALK, FIRST, WALK, FIRST]);
    assert_eq!(run(room().splintered(PageSize::Size4K)), [WALK, WALK, WALK, FIRST]);
}

#[test]
fn a_second_level_serves_what_the_first_has_displaced() {
    let first = || TlbConfig::unified(Geometry::new(1, 1), &SIZES);
    let room = || TlbConfig::unified(Geometry::new(1, 8), &SIZES);
    let run = |second| {
        let mut world = with(HierarchyConfig { data: first(), instruction: first(), second, ..no_tables() });
        let reads = [0, 0x1000, 0, 0].map(|la| world.served(la, USER_READ));
        (reads, world.served(0x1000, USER_FETCH))
    };
    assert_eq!(run(SecondLevel::Absent), ([WALK, WALK, WALK, FIRST], WALK));
    assert_eq!(run(SecondLevel::Shared(room())), ([WALK, WALK, SECOND, FIRST], SECOND));
    let split = SecondLevel::Split { instruction: room(), data: room() };
    assert_eq!(run(split), ([WALK, WALK, SECOND, FIRST], WALK));
    // Only what it has room for.
    let small = TlbConfig::unified(Geometry::new(1, 1), &SIZES);
    assert_eq!(run(SecondLevel::Shared(small)), ([WALK, WALK, WALK, FIRST], WALK));
}

#[test]
fn a_piece_in_the_second_level_stays_a_piece_in_the_first() {
    let room = TlbConfig::unified(Geometry::new(1, 8), &SIZES);
    let pieces = SecondLevel::Shared(room.clone().splintered(PageSize::Size4K));
    let first = TlbConfig::unified(Geometry::new(1, 1), &SIZES);
    let mut world = with(HierarchyConfig { data: first, second: pieces, ..no_tables() });
    world.set(2, 0x20_0000, OPEN | PS);
    assert_eq!([0x20_0000, 0, 0x20_0000, 0x20_1000].map(|la| world.served(la, USER_READ)), [WALK, WALK, SECOND, WALK]);
}

#[test]
fn stores_may_have_a_first_level_of_their_own() {
    let room = || TlbConfig::unified(Geometry::new(1, 8), &SIZES);
    let run = |store| {
        let mut world = with(HierarchyConfig { store, second: SecondLevel::Shared(room()), ..no_tables() });
        [USER_WRITE, USER_READ, USER_WRITE].map(|access| world.served(0, access))
    };
    assert_eq!(run(None), [WALK, FIRST, FIRST]);
    assert_eq!(run(Some(room())), [WALK, SECOND, FIRST]);
}

#[test]
fn each_paging_structure_cache_saves_reads() {
    let caches = |tables| {
        let mut world = with(HierarchyConfig { tables, ..no_tables() });
        world.access(0, USER_READ).unwrap();
        world.access(0x1000, USER_READ).unwrap();
        world.walked()
    };
    let (none, one) = (TableCacheConfig::default, Some(Geometry::new(1, 1)));
    assert_eq!(caches(none()), 4);
    assert_eq!(caches(TableCacheConfig { pml4e: one, ..none() }), 3);
    assert_eq!(caches(TableCacheConfig { pdpte: one, ..none() }), 2);
    assert_eq!(caches(TableCacheConfig { pde: one, ..none() }), 1);
    // With room for one page directory's entry, two of them take turns.
    let alternate = |pde| {
        let mut world = with(HierarchyConfig { tables: TableCacheConfig { pde: Some(pde), ..none() }, ..no_tables() });
        for page in 0..4 {
            world.map(0x20_0000 | page << 12, 9, OPEN);
        }
        [0, 0x20_0000, 0x1000, 0x20_1000].map(|la| {
            world.access(la, USER_READ).unwrap();
            world.walked()
        })
    };
    assert_eq!(alternate(Geometry::new(1, 1)), [4, 4, 4, 4]);
    assert_eq!(alternate(Geometry::new(1, 2)), [4, 4, 1, 1]);
}

#[test]
fn pcids_keep_translations_over_a_switch() {
    for (pcide, after) in [(true, WALK), (false, FIRST)] {
        let mut world = world(Geometry::new(1, 4));
        world.ctx.regs.cr4.set(arch::Cr4::PCIDE, pcide);
        world.access(0, USER_READ).unwrap();
        world.pcid(8);
        assert_eq!(world.served(0, USER_READ), after);
        world.pcid(1);
        assert_eq!(world.served(0, USER_READ), FIRST);
    }
}

#[test]
fn what_is_displaced_or_no_longer_settled_is_told() {
    let mut world = world(Geometry::new(2, 2));
    let mut told = |page: u64| {
        world.access(page << 12, USER_READ).unwrap();
        std::iter::from_fn(|| world.model.displaced()).map(|la| la.0 >> 12).collect::<Vec<_>>()
    };
    assert_eq!(told(0), []);
    assert_eq!(told(1), [], "another set");
    assert_eq!(told(2), [0], "still held, but not the most recent");
    assert_eq!(told(2), []);
    assert_eq!(told(0), [2]);
    assert_eq!(told(4), [0, 2], "one displaced, one no longer the most recent");
    assert_eq!(told(1), []);
}

#[test]
fn what_the_first_level_has_no_room_for_is_told_at_once() {
    let small = TlbConfig::unified(Geometry::new(1, 4), &SIZES[..1]);
    let large = SecondLevel::Shared(TlbConfig::unified(Geometry::new(1, 4), &SIZES));
    let mut world = World::new(&HierarchyConfig { data: small, second: large, ..roomy() });
    world.map(0, 5, OPEN);
    world.set(2, 1 << 21, 1 << 30 | OPEN | PS);
    let mut told = |la: u64| {
        let served = world.served(la, USER_READ);
        (served, std::iter::from_fn(|| world.model.displaced()).map(|la| la.0).collect::<Vec<_>>())
    };
    assert_eq!(told(0), (WALK, vec![]));
    assert_eq!(told(0x20_3008), (WALK, vec![0x20_3008]), "a table in front must not answer for it");
    assert_eq!(told(0x20_3008), (SECOND, vec![0x20_3008]), "since each time counts");
}

#[test]
fn what_a_walk_behind_a_stale_table_has_dropped_is_told() {
    let mut world = World::new(&roomy());
    world.map(0, 5, OPEN);
    world.set(2, 0, 0x4000 | P | US);
    world.access(0, USER_FETCH).unwrap();
    world.set(2, 0, 0x4000 | OPEN);
    assert!(world.model.displaced().is_none());
    world.access(8, USER_WRITE).expect("the table in memory allows it by now");
    assert_eq!(world.model.displaced(), Some(arch::LinearAddr(8)), "it has left the first level for fetches too");
}

#[test]
fn an_entry_is_settled_while_its_use_changes_nothing() {
    let told = |replacement, pages: &[u64]| {
        let mut world = world(Geometry::new(1, 3).replacing(replacement));
        let mut told = Vec::new();
        for page in pages {
            world.access(page << 12, USER_READ).unwrap();
            told = std::iter::from_fn(|| world.model.displaced()).map(|la| la.0 >> 12).collect();
        }
        told
    };
    for replacement in [Replacement::Fifo, Replacement::Random { seed: 1 }, Replacement::Nru] {
        assert_eq!(told(replacement, &[0, 1]), [], "{replacement:?}: 0 is as it was");
    }
    for replacement in [Replacement::Lru, Replacement::TreePlru, Replacement::Srrip] {
        assert_eq!(told(replacement, &[0, 1]), [0], "{replacement:?}: a use of 0 would make it recent");
    }
    assert_eq!(told(Replacement::Nru, &[0, 1, 2]), [0, 1], "the third clears the bits of the others");
    assert_eq!(told(Replacement::Fifo, &[0, 1, 2, 3]), [0], "the first is displaced");
}

#[test]
fn an_impossible_shape_is_an_error_that_says_why() {
    let check = |sets, ways| Geometry::new(sets, ways).check();
    assert_eq!(check(3, 4), Err(GeometryError::Sets(3)));
    assert_eq!(check(0, 4), Err(GeometryError::Sets(0)));
    assert_eq!(check(4, 0), Err(GeometryError::Ways(0)));
    assert_eq!(check(4, 129), Err(GeometryError::Ways(129)));
    assert_eq!(check(1 << 16, 128), Ok(()));
    let array = |sizes: &[PageSize]| ArrayConfig { geometry: Geometry::new(1, 1), sizes: sizes.to_vec() };
    let tlb = |arrays| TlbConfig { arrays, splinter: None }.check();
    assert_eq!(tlb(vec![array(&SIZES), array(&SIZES[..1])]), Err(ConfigError::SizeTwice(PageSize::Size4K)));
    assert_eq!(tlb(vec![array(&[])]), Err(ConfigError::NoSize));
    assert_eq!(ConfigError::SizeTwice(PageSize::Size4K).to_string(), "pages of 4 KiB are held twice");
    assert_eq!(GeometryError::Sets(3).to_string(), "3 sets: must be a power of two, at most 65536");
}

#[test]
fn a_walk_brings_the_next_page_too_if_nothing_has_to_be_set_for_it() {
    let served = |prefetch, flags| {
        let second = SecondLevel::Shared(TlbConfig::unified(Geometry::new(1, 16), &SIZES));
        let mut world = with(HierarchyConfig { second, prefetch, ..roomy() });
        world.map(1 << 12, 0x101, flags);
        world.map(512 << 12, 0x300, OPEN | A);
        world.set(2, 512 << 12, 0x5000 | OPEN);
        world.mem.0.insert(0x5000, 0x30_0000 | OPEN | A);
        let at = |world: &mut World, page: u64| world.served(page << 12, USER_READ);
        assert_eq!(at(&mut world, 0), WALK);
        let next = at(&mut world, 1);
        at(&mut world, 511);
        assert_eq!(at(&mut world, 512), WALK, "it is in another table");
        next
    };
    assert_eq!(served(Prefetch::None, OPEN | A), WALK);
    assert_eq!(served(Prefetch::NextPage, OPEN | A), SECOND);
    assert_eq!(served(Prefetch::NextPage, OPEN), WALK, "A would have to be set");
}
