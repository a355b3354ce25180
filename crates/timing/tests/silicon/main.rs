//! The model of Golden Cove gives what silicon was measured to give, where the measurement is not the host's noise.

mod chase;

use chase::{Series, measured, simulated, simulated_on};
use pagewalk_timing::{EveryAccess, HardwareConfig, HardwareFile, OutOfOrder};

/// 5 cycles.
const NS_PER_CYCLE: f64 = 1.392 / 5.0;

fn golden_cove(set: &[&str]) -> HardwareConfig {
    let mut file = HardwareFile::open("golden-cove").expect("a preset");
    set.iter().for_each(|text| file.set(&text.parse().expect("a setting")).expect("a key"));
    file.config().expect("a processor")
}

/// Each row that is wanted is within 15 %.
fn within_15_percent(config: &HardwareConfig, series: Series, wanted: fn(u64) -> bool) {
    for (pages, ns) in measured(series).into_iter().filter(|(pages, _)| wanted(*pages)) {
        let (silicon, model) = (ns / NS_PER_CYCLE, simulated(config, series, pages));
        let off = model / silicon - 1.0;
        println!("{} {pages}: silicon {silicon:.2}, model {model:.2}, {:+.1} %", series.name(), 100.0 * off);
        assert!(off.abs() <= 0.15, "{} {pages}: silicon {silicon:.2} cycles, model {model:.2}", series.name());
    }
}

#[test]
fn small_pages_up_to_the_second_level_tlb() {
    // 768 are as many lines as the first level of data has: on silicon others use it too.
    within_15_percent(&golden_cove(&[]), Series::Small, |pages| pages <= 1280 && pages != 768);
}

#[test]
fn large_pages_in_pieces() {
    let splintered = golden_cove(&["itlb.splinter=4k", "dtlb.splinter=4k", "stlb.splinter=4k"]);
    within_15_percent(&splintered, Series::Large, |pages| pages <= 256);
}

/// The policy of the first level was chosen by this.
#[test]
fn nru_is_nearer_to_silicon_than_any_other_replacement() {
    let off = |policy: &str| {
        let config = golden_cove(&[&format!("dtlb.4k.replacement={policy}")]);
        let rows = measured(Series::Small).into_iter().filter(|(pages, _)| (100..=112).contains(pages));
        rows.map(|(pages, ns)| (simulated(&config, Series::Small, pages) * NS_PER_CYCLE / ns - 1.0).abs()).sum::<f64>()
    };
    let nru = off("nru");
    for policy in ["lru", "tree-plru", "fifo", "srrip", "random"] {
        let other = off(policy);
        println!("{policy}: {other:.3}, nru: {nru:.3}");
        assert!(nru < other, "{policy}: {other:.3}, nru: {nru:.3}");
    }
}

#[test]
fn the_knees_are_where_they_were_measured() {
    let config = golden_cove(&[]);
    let at = |pages| simulated(&config, Series::Small, pages);
    assert_eq!(at(96), 5.0, "the first-level TLB holds 96 pages");
    assert!(at(97) > 5.0);
    assert_eq!(at(512), 12.0, "a second-level hit is 7 cycles");
    assert_eq!(at(768), 12.0, "the first level of data holds 768 lines");
    assert!(at(832) > 13.0);
    assert_eq!(at(2048), 23.0, "the second-level TLB holds 2048 pages");
    assert!(at(2304) > 1.2 * at(2048));
}

/// Each load of a chase waits for the one before, so a window has nothing to hide it behind.
#[test]
fn a_window_changes_nothing_of_a_chase() {
    let config = golden_cove(&[]);
    for pages in [8, 96, 104, 512, 1280] {
        let in_order = simulated(&config, Series::Small, pages);
        let core = || OutOfOrder::<EveryAccess>::new(&config).expect("a processor");
        let window = simulated_on(core, Series::Small, pages);
        assert!((window / in_order - 1.0).abs() < 0.001, "{pages} pages: {window} and {in_order} cycles");
    }
}
