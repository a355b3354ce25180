//! Every knob changes cycles or counts in the direction that theory says.

use super::{BASE, PAGE, Rig, mapped, page};
use arch::{InstrClass, LinearAddr, PageFault, PageFaultCode, Service};
use pagewalk_timing::ledger::Cause;
use pagewalk_timing::{Clocked, Cycles, HardwareFile, Side};
use paging::{HardwareModel, Invalidation, TranslationCache};

/// Cycles of a run of loads and stores: rounds over more pages than the TLBs hold, over some that the second level holds, and
/// accesses across two pages.
fn cycles(set: &[&str]) -> u64 {
    let mut rig = mapped(64, set);
    for round in 0..8 {
        for n in 0..64 {
            rig.load(page(n * 5 % 64));
            if (n + round) % 4 == 0 {
                rig.store(page(n));
            }
        }
        for n in 0..36 {
            rig.load(page(n % 12));
        }
        rig.load(BASE + 3 * PAGE - 4);
    }
    rig.model.finish().0.0
}

/// More costs more.
#[test]
fn a_slower_part_makes_the_run_slower() {
    let slower = [
        "translation.stlb-hit=50",
        "translation.page-crossing=50",
        "walk.start=50",
        "walk.table-look-up=50",
        "l1d.latency=9",
        "l2.latency=50",
        "dram.ns=300",
        "core.alu=20",
    ];
    let usual = cycles(&[]);
    for knob in slower {
        assert!(cycles(&[knob]) > usual, "{knob}");
    }
    assert!(cycles(&["clock.mhz=2000"]) > usual, "memory is farther in cycles of a faster clock");
}

#[test]
fn a_smaller_part_makes_the_run_slower() {
    let usual = cycles(&[]);
    for set in [
        &["stlb.4k-2m.entries=4"][..],
        &["stlb=none"],
        &["paging-structure.pde=none", "paging-structure.pdpte=none"],
        &["l2=none"],
        &["l2.kib=1"],
        &["l1d=none"],
    ] {
        let smaller = cycles(set);
        assert!(smaller > usual, "{set:?}: {smaller}, not more than {usual}");
    }
}

#[test]
fn a_larger_part_makes_the_run_faster() {
    let usual = cycles(&[]);
    for set in [
        &["dtlb.4k.entries=64", "dtlb.4k.ways=4"][..],
        &["stlb.4k-2m.entries=64"],
        &["paging-structure.pde.entries=16", "paging-structure.pde.ways=16"],
        &["l1d.kib=16"],
        &["l2.kib=64"],
    ] {
        assert!(cycles(set) <= usual, "{set:?}");
    }
    assert!(cycles(&["dtlb.4k.entries=64", "dtlb.4k.ways=4"]) < usual);
    assert!(cycles(&["l2.kib=64"]) < usual);
}

#[test]
fn more_ways_end_a_conflict_and_so_does_another_index() {
    let walks = |set: &[&str]| {
        // Pages 64 apart: one set of the second level's four, and of the first level's two.
        let mut rig = Rig::new(set);
        let places: Vec<_> = (0..6).map(|n| BASE + n * 64 * PAGE).collect();
        places.iter().enumerate().for_each(|(n, &la)| rig.map(la, 0x1000 + n as u64));
        for _ in 0..8 {
            places.iter().for_each(|&la| {
                rig.load(la);
            });
        }
        rig.model.counters()[Side::Load].walks()
    };
    let usual = walks(&[]);
    assert!(walks(&["stlb.4k-2m.ways=8", "stlb.4k-2m.entries=32"]) < usual);
    assert!(walks(&["stlb.4k-2m.index=hashed"]) < usual);
}

#[test]
fn each_replacement_is_another() {
    let walks = |name: &str| {
        let mut rig =
            mapped(24, &[&format!("stlb.4k-2m.replacement={name}"), "stlb.4k-2m.entries=16", "stlb.4k-2m.ways=16"]);
        for i in 0_u64..2000 {
            // Mostly the first 8 pages, and now and then a run through all.
            rig.load(page(if i % 50 < 26 { i * 7 % 24 } else { i * i % 8 }));
        }
        rig.model.counters()[Side::Load].walks()
    };
    let counts: Vec<_> = ["lru", "tree-plru", "nru", "fifo", "srrip", "random"].map(walks).to_vec();
    let mut distinct = counts.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert!(distinct.len() >= 5, "{counts:?}");
    let seeded = |seed: u64| {
        let mut rig = mapped(24, &["stlb.4k-2m.replacement=random", &format!("stlb.4k-2m.seed={seed}")]);
        (0_u64..2000).for_each(|i| {
            rig.load(page(i * 7 % 24));
        });
        rig.model.finish().0
    };
    assert_eq!(seeded(1), seeded(1));
    assert_ne!(seeded(1), seeded(2));
}

#[test]
fn splintering_and_assists_show() {
    let walks = |set: &[&str]| {
        let mut rig = Rig::new(set);
        rig.map_large(BASE & !0x1f_ffff, 0x1000);
        (0..8).for_each(|n| {
            rig.load(page(n));
        });
        rig.model.counters()[Side::Load].walks()
    };
    assert_eq!(walks(&[]), 1);
    assert_eq!(walks(&["dtlb.splinter=4k", "stlb.splinter=4k"]), 8);
    let assisted = |set: &[&str]| {
        let mut rig = mapped(1, set);
        rig.clear_accessed_dirty(page(0));
        rig.store(page(0)).0
    };
    assert_eq!(assisted(&["walk.accessed-dirty-assist=500"]), assisted(&[]) + 400);
}

/// Every key of the core, and those that loads and stores of data do not reach.
#[test]
fn every_class_and_every_event_has_a_price() {
    let classes = [
        ("alu", InstrClass::Alu),
        ("move", InstrClass::Move),
        ("mul", InstrClass::Mul),
        ("div", InstrClass::Div),
        ("branch", InstrClass::Branch),
        ("string", InstrClass::String),
        ("vector", InstrClass::Vector),
        ("x87", InstrClass::X87),
        ("system", InstrClass::System),
    ];
    for (key, class) in classes {
        let run = |set: &[&str]| {
            let mut rig = Rig::new(set);
            rig.execute(class, 0x8000)
        };
        let usual = run(&[]);
        assert_eq!(run(&[&format!("core.{key}=50")]), usual - price(key) + Cycles(50), "core.{key}");
    }
    let faulted = |set: &[&str]| {
        let mut rig = Rig::new(set);
        rig.model.fault(PageFault { cr2: LinearAddr(BASE), code: PageFaultCode::US });
        rig.model.finish().0
    };
    assert_eq!(faulted(&["core.exception=700"]), faulted(&[]) + Cycles(200));
    let invalidated = |set: &[&str]| {
        let mut rig = Rig::new(set);
        rig.model.invalidate(Invalidation::All);
        rig.model.finish().0
    };
    assert_eq!(invalidated(&["translation.invalidation=130"]), invalidated(&[]) + Cycles(30));
    let served = |set: &[&str]| {
        let mut rig = Rig::new(set);
        rig.model.service(Service::ZeroPage, 100);
        rig.spent_on(Cause::Service(Service::ZeroPage))
    };
    assert_eq!((served(&[]), served(&["clock.mhz=3000"])), (Cycles(100), Cycles(300)));
}

/// What the classroom charges for a class.
fn price(key: &str) -> Cycles {
    let values = HardwareFile::open("classroom").expect("a preset").values();
    let value = values.iter().find(|(name, _)| *name == format!("core.{key}")).expect("a key");
    Cycles(value.1.parse().expect("a number"))
}

#[test]
fn code_comes_through_its_own_first_level() {
    // Two lines of code in one set, back and forth.
    let ping_pong = |set: &[&str]| {
        let mut rig = Rig::new(set);
        let once = |rig: &mut Rig| rig.execute(InstrClass::Alu, 0x8000) + rig.execute(InstrClass::Alu, 0x8000 + 4096);
        (0..4).map(|_| once(&mut rig)).sum::<Cycles>()
    };
    let usual = ping_pong(&[]);
    assert!(ping_pong(&["l1i.ways=1"]) > usual, "the two displace each other");
    assert!(ping_pong(&["l1i.latency=3"]) > usual);
    assert!(ping_pong(&["l1i=none"]) > usual);
}

#[test]
fn the_next_page_comes_unasked() {
    let walks = |set: &[&str]| {
        let mut rig = mapped(16, set);
        (0..16).for_each(|n| {
            rig.load(page(n));
        });
        (rig.model.counters()[Side::Load].walks(), rig.model.counters().prefetched, rig.model.finish().0)
    };
    let (usual, prefetching) = (walks(&[]), walks(&["walk.prefetch=next-page"]));
    assert_eq!((usual.0, usual.1), (16, 0));
    assert_eq!((prefetching.0, prefetching.1), (8, 8), "every other page is there when it is wanted");
    assert!(prefetching.2 < usual.2);
}
