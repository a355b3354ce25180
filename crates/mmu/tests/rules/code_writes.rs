//! A store into a frame that code was decoded from is reported, by whatever path it takes.

use crate::guest::{Guest, OPEN, P, US};
use arch::{FRAME_SIZE, Level, LinearAddr, Pfn, PhysAddr};
use paging::{NoModel, PhysMem};
use physmem::{CodeWrite, lines_of};

const LA: u64 = 0x40_0000;
const CODE: Pfn = Pfn(0x200);
const PLAIN: Pfn = Pfn(0x300);

/// Page 0 without code, page 1 with it, page 2 without; all mapped in order.
fn guest() -> Guest {
    let mut g = Guest::new();
    for (i, frame) in [PLAIN, CODE, Pfn(PLAIN.0 + 1)].into_iter().enumerate() {
        g.map(LA + i as u64 * FRAME_SIZE, frame.base().0 | OPEN);
    }
    g
}

/// Marks every line of the code frame.
fn mark(g: &mut Guest) {
    g.mmu.mark_code(CODE, u64::MAX);
}

/// Exactly these bytes of the code frame must have been reported.
fn reported(g: &mut Guest, offset: u64, len: u64) {
    assert_eq!(g.mmu.bus.code.take_writes(), [CodeWrite { pfn: CODE, lines: lines_of(offset, len) }]);
}

const IN_CODE: u64 = LA + FRAME_SIZE;

#[test]
fn an_aligned_store_is_reported() {
    let mut g = guest();
    mark(&mut g);
    g.mmu.store(LinearAddr(IN_CODE + 128), 1_u64).unwrap();
    reported(&mut g, 128, 8);
    g.mmu.store(LinearAddr(IN_CODE + 128), 2_u64).unwrap();
    assert!(!g.mmu.bus.code.has_writes(), "the line's code is gone");
    g.mmu.store(LinearAddr(IN_CODE + 0xff8), 3_u64).unwrap();
    reported(&mut g, 0xff8, 8);
}

#[test]
fn a_store_across_two_lines_reports_both() {
    let mut g = guest();
    mark(&mut g);
    g.mmu.store(LinearAddr(IN_CODE + 62), 1_u32).unwrap();
    reported(&mut g, 62, 4);
}

#[test]
fn a_store_across_pages_reports_the_piece_in_code() {
    let mut g = guest();
    mark(&mut g);
    g.mmu.store(LinearAddr(IN_CODE - 3), u64::MAX).unwrap();
    reported(&mut g, 0, 5);
    g.mmu.store(LinearAddr(IN_CODE + FRAME_SIZE - 3), u64::MAX).unwrap();
    reported(&mut g, FRAME_SIZE - 3, 3);
    g.mmu.store_bytes(LinearAddr(IN_CODE + 64 - 1), &[1; 66]).unwrap();
    assert_eq!(g.mmu.bus.code.take_writes(), [CodeWrite { pfn: CODE, lines: 0b110 }], "line 0 was reported before");
}

#[test]
fn marking_drops_the_way_of_writing_that_is_already_known() {
    let mut g = guest();
    for _ in 0..2 {
        g.mmu.store(LinearAddr(IN_CODE), 1_u64).unwrap();
    }
    assert!(!g.mmu.bus.code.has_writes());
    mark(&mut g);
    assert_eq!(g.mmu.load::<u64>(LinearAddr(IN_CODE)), Ok(1), "reading goes on");
    g.mmu.store(LinearAddr(IN_CODE + 8), 2_u64).unwrap();
    reported(&mut g, 8, 8);
}

#[test]
fn marking_drops_every_alias() {
    let mut g = guest();
    let aliases: Vec<u64> = (1..5).map(|i| LA + 0x10_0000 * i + 0x3000 * i).collect();
    for &alias in &aliases {
        g.map(alias, CODE.base().0 | OPEN);
        g.mmu.store(LinearAddr(alias), 1_u8).unwrap();
    }
    for (i, &alias) in aliases.iter().enumerate() {
        mark(&mut g);
        g.mmu.store(LinearAddr(alias + i as u64 * 64), 2_u8).unwrap();
        reported(&mut g, i as u64 * 64, 1);
    }
}

#[test]
fn a_page_that_is_read_or_fetched_first_is_still_watched() {
    let mut g = guest();
    mark(&mut g);
    g.mmu.fetch_frame(LinearAddr(IN_CODE)).unwrap();
    g.mmu.load::<u64>(LinearAddr(IN_CODE)).unwrap();
    g.mmu.store(LinearAddr(IN_CODE), 1_u8).unwrap();
    reported(&mut g, 0, 1);
    g.mmu.load::<u64>(LinearAddr(IN_CODE)).unwrap();
    g.mmu.store(LinearAddr(IN_CODE + 64), 1_u8).unwrap();
    reported(&mut g, 64, 1);
}

#[test]
fn a_read_modify_write_reports_its_store_alone() {
    let mut g = guest();
    mark(&mut g);
    let old = g.mmu.load_for_write::<u64>(LinearAddr(IN_CODE)).unwrap();
    assert!(!g.mmu.bus.code.has_writes());
    g.mmu.store(LinearAddr(IN_CODE), old + 1).unwrap();
    reported(&mut g, 0, 8);
    g.mmu.check_write(LinearAddr(IN_CODE + 64), 64).unwrap();
    assert!(!g.mmu.bus.code.has_writes());
    g.mmu.store(LinearAddr(IN_CODE + 64), 1_u8).unwrap();
    reported(&mut g, 64, 1);
}

#[test]
fn a_store_that_faults_reports_nothing() {
    let mut g = guest();
    g.map(IN_CODE + FRAME_SIZE, 0);
    mark(&mut g);
    assert!(g.mmu.store(LinearAddr(IN_CODE + FRAME_SIZE - 1), u64::MAX).is_err());
    g.map(IN_CODE, CODE.base().0 | P | US);
    g.mmu.invlpg(LinearAddr(IN_CODE));
    assert!(g.mmu.store(LinearAddr(IN_CODE), 1_u8).is_err());
    assert!(!g.mmu.bus.code.has_writes());
}

#[test]
fn a_frame_that_was_overwritten_whole_is_written_directly_again_until_marked() {
    let mut g = guest();
    mark(&mut g);
    g.mmu.bus.zero_frame(CODE);
    reported(&mut g, 0, FRAME_SIZE);
    for value in 1..4_u64 {
        g.mmu.store(LinearAddr(IN_CODE), value).unwrap();
    }
    assert!(!g.mmu.bus.code.has_writes());
    mark(&mut g);
    g.mmu.store(LinearAddr(IN_CODE), 9_u64).unwrap();
    reported(&mut g, 0, 8);
}

#[test]
fn the_walkers_own_writes_are_reported() {
    let mut g = guest();
    let pte = g.place(LA, Level::Pt);
    g.mmu.mark_code(pte.pfn(), u64::MAX);
    g.mmu.load::<u8>(LinearAddr(LA)).unwrap();
    let lines = lines_of(pte.frame_offset(), 8);
    assert_eq!(g.mmu.bus.code.take_writes(), [CodeWrite { pfn: pte.pfn(), lines }]);
}

#[test]
fn code_outside_ram_is_not_marked() {
    let mut g = Guest::<NoModel>::new();
    g.map(LA, 1 << 40 | OPEN);
    assert_eq!(g.mmu.fetch_frame(LinearAddr(LA)).unwrap().base(), PhysAddr(1 << 40));
    g.mmu.mark_code(PhysAddr(1 << 40).pfn(), u64::MAX);
    g.mmu.store(LinearAddr(LA), 1_u8).unwrap();
    assert!(!g.mmu.bus.code.has_writes());
    assert_eq!(g.mmu.load::<u8>(LinearAddr(LA)), Ok(0xff));
}
