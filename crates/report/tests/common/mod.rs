//! Profiles for tests: one made by hand, and random ones.
#![allow(dead_code, reason = "each test uses a part")]

use arch::LinearAddr;
use pagewalk_report::{
    CauseEntry, CauseNo, Charged, EventCount, Frame, Function, FunctionNo, Hardware, Mapping, PageCost, Place, PlaceNo,
    Profile, Row, Space, SpaceNo, Totals,
};
use proptest::collection::vec;
use proptest::prelude::*;
use timing::Cycles;
use timing::ledger::CauseKind;

/// The causes that the rows below name by number.
fn causes() -> Vec<CauseEntry> {
    let all = [
        ("execution", CauseKind::Execution),
        ("data.l1", CauseKind::Data),
        ("stlb-hit", CauseKind::SecondLevelHit),
        ("walk.start", CauseKind::WalkStart),
        ("walk.pte.dram", CauseKind::Walk),
        ("kernel.system-call", CauseKind::Kernel),
    ];
    all.map(|(name, kind)| CauseEntry { name: name.into(), kind }).to_vec()
}

fn charge((cause, times, cycles): (u32, u64, u64)) -> Charged {
    Charged { cause: CauseNo(cause), times, cycles: Cycles(cycles) }
}

fn frame(function: &str, file: &str, line: u32) -> Frame {
    Frame { function: Some(function.into()), file: file.into(), line }
}

fn mapping(start: u64, end: u64, rights: &str, offset: u64, name: &str) -> Mapping {
    Mapping { start: LinearAddr(start), end: LinearAddr(end), rights: rights.into(), offset, name: name.into() }
}

fn place(function: u32, address: u64, frames: Vec<Frame>) -> Place {
    Place { function: FunctionNo(function), address: LinearAddr(address), frames }
}

fn row(space: u32, la: u64, place: u32, executions: u64, perfect: u64, charges: &[(u32, u64, u64)]) -> Row {
    Row {
        space: SpaceNo(space),
        la: LinearAddr(la),
        place: PlaceNo(place),
        executions,
        perfect: Cycles(perfect),
        charges: charges.iter().copied().map(charge).collect(),
    }
}

fn page(space: u32, page: u64, charges: &[(u32, u64, u64)]) -> PageCost {
    let charges = charges.iter().copied().map(charge).collect();
    PageCost { space: SpaceNo(space), page: LinearAddr(page), charges }
}

/// Two processes of one program. `sum` has source lines and an inlined function; `exit` has none; a third function is a page of
/// code without names. The loop's load is slower with perfect translation than without, so that something is negative.
pub(crate) fn profile() -> Profile {
    let mappings = || {
        vec![
            mapping(0x40_1000, 0x40_2000, "r-xp", 0x1000, "/bin/adder"),
            mapping(0x60_0000, 0x60_4000, "rw-p", 0, "[heap]"),
        ]
    };
    let space = |number: u32, pid: u32| Space { number, pid, program: "/bin/adder".into(), mappings: mappings() };
    let function = |name: Option<&str>, start: u64, length: u64, code: &[u8]| Function {
        name: name.map(str::to_owned),
        file: "/bin/adder".into(),
        start: LinearAddr(start),
        length,
        code: code.to_vec(),
    };
    let mut profile = Profile {
        command: vec!["adder".into(), "3".into()],
        hardware: Hardware { name: "classroom".into(), text: "clock-mhz = 1000\n".into(), core: "in-order".into() },
        totals: Totals { instructions: 216, ..Totals::default() },
        events: vec![EventCount { name: "dtlb_load_misses.walk_completed".into(), count: 3 }],
        spaces: vec![space(1, 1000), space(2, 1001)],
        functions: vec![
            // mov rax, [rdi]; add rsi, rax; nop; ret
            function(Some("sum"), 0x40_1100, 8, &[0x48, 0x8b, 0x07, 0x48, 0x01, 0xc6, 0x90, 0xc3]),
            function(Some("exit"), 0x40_1200, 2, &[0x0f, 0x05]),
            function(None, 0x40_2000, 0x1000, &[]),
        ],
        places: vec![
            place(0, 0x40_1100, vec![frame("load", "/src/word.h", 3), frame("sum", "/src/adder.c", 12)]),
            place(0, 0x40_1103, vec![frame("sum", "/src/adder.c", 12)]),
            place(0, 0x40_1107, vec![frame("sum", "/src/adder.c", 14)]),
            place(1, 0x40_1200, vec![]),
            place(2, 0x40_2010, vec![]),
        ],
        causes: causes(),
        rows: vec![
            row(0, 0x40_1100, 0, 100, 310, &[(0, 100, 100), (1, 100, 200), (2, 1, 5), (3, 2, 20), (4, 2, 200)]),
            row(0, 0x40_1103, 1, 100, 100, &[(0, 100, 100)]),
            row(0, 0x40_1107, 2, 1, 1, &[(0, 1, 1)]),
            row(0, 0x40_1200, 3, 1, 41, &[(0, 1, 1), (5, 1, 40)]),
            row(1, 0x40_1100, 0, 10, 45, &[(0, 10, 10), (1, 10, 20), (3, 1, 0)]),
            row(1, 0x40_2010, 4, 4, 4, &[(0, 4, 4)]),
        ],
        pages: vec![
            page(0, 0x60_0000, &[(2, 1, 5), (3, 1, 10), (4, 1, 100)]),
            page(0, 0x60_1000, &[(3, 1, 10), (4, 1, 100)]),
            page(1, 0x70_0000, &[(3, 1, 0)]),
        ],
    };
    balance(&mut profile);
    profile
}

/// Makes the totals those of the rows.
fn balance(profile: &mut Profile) {
    let cycles = profile.rows.iter().flat_map(|row| &row.charges).map(|charge| charge.cycles).sum();
    let perfect = profile.rows.iter().map(|row| row.perfect).sum();
    profile.totals = Totals { cycles, perfect, ..profile.totals };
    profile.check().expect("it is consistent");
}

/// Rows of random costs, in the places of the profile above; what translation they have, on random pages.
pub(crate) fn random() -> impl Strategy<Value = Profile> {
    let charges = || vec((0..6_u32, 0..1000_u64, 0..1_000_000_u64), 0..6);
    let rows = vec((0..2_u32, 0..5_u32, 0..10_000_u64, 0..1_000_000_u64, charges()), 1..40);
    let pages = vec((0..2_u32, 0x5ff_u64..0x606), 1..40);
    (rows, pages).prop_map(|(rows, pages)| {
        let mut profile = profile();
        let at = |place: u32| profile.places[place as usize].address.0;
        profile.rows = rows
            .iter()
            .map(|(space, place, executions, perfect, charges)| {
                row(*space, at(*place), *place, *executions, *perfect, charges)
            })
            .collect();
        let translation =
            profile.rows.iter().flat_map(|row| &row.charges).filter(|charge| (2..=4).contains(&charge.cause.0));
        profile.pages = translation
            .zip(pages.iter().cycle())
            .map(|(charge, (space, number))| {
                page(*space, number << 12, &[(charge.cause.0, charge.times, charge.cycles.0)])
            })
            .collect();
        balance(&mut profile);
        profile
    })
}
