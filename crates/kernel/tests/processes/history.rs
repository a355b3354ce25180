//! What reports are told of address spaces that are gone.

use crate::common::processes::{ANY, FIRST, nr};
use crate::common::{CODE, Rig, tiny_elf};
use pagewalk_kernel::Errno;
use pagewalk_kernel::mm::{HistoryMode, MappingRecord, SpaceRecord};

const MUNMAP: u64 = 11;

fn rig() -> Rig {
    let mut rig = Rig::configured(|config| config.history = HistoryMode::Keep);
    rig.exec(b"/prog", &["prog"], &[]).unwrap();
    rig
}

/// The mapping that reports find at an address.
fn at(space: &SpaceRecord, la: u64) -> Option<&MappingRecord> {
    space.mappings.iter().rev().find(|mapping| (mapping.start.0..mapping.end.0).contains(&la))
}

/// The numbers of the address spaces that programs ran in, with their processes.
fn programs(rig: &Rig) -> Vec<(u32, u32)> {
    let all = rig.kernel.address_spaces();
    all.iter().filter(|space| space.program == b"/prog").map(|space| (space.space.0, space.pid.0)).collect()
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    assert_eq!(Rig::new().kernel.address_spaces(), []);
}

#[test]
fn a_program_is_told_with_its_mappings_as_maps_has_them() {
    let rig = rig();
    let spaces = rig.kernel.address_spaces();
    let space = spaces.last().unwrap();
    assert_eq!((u64::from(space.pid.0), space.program.as_slice()), (FIRST, b"/prog".as_slice()));
    let code = at(space, CODE).unwrap();
    assert_eq!((code.name.as_slice(), code.offset, code.rights), (b"/prog".as_slice(), 0, [true, false, true]));
    assert!(space.mappings.iter().any(|mapping| mapping.name == b"[stack]"));
}

#[test]
fn what_was_unmapped_is_known_and_what_came_later_goes_before_it() {
    let mut rig = rig();
    let map = rig.call(nr::MMAP, &[0, 0x2000, 3, 0x22, ANY, 0]) as u64;
    for _ in 0..3 {
        rig.call(MUNMAP, &[map, 0x1000]);
        assert_eq!(rig.call(nr::MMAP, &[map, 0x1000, 1, 0x31, ANY, 0]) as u64, map);
    }
    rig.call(MUNMAP, &[map, 0x2000]);
    let spaces = rig.kernel.address_spaces();
    let held = |la| spaces.last().unwrap().mappings.iter().filter(move |m| (m.start.0..m.end.0).contains(&la)).count();
    assert_eq!((held(map), held(map + 0x1000)), (2, 1), "the same mapping again is one");
    assert!(at(spaces.last().unwrap(), map).unwrap().is_shared);
}

#[test]
fn no_number_is_used_again() {
    let mut rig = rig();
    let first = programs(&rig);
    for _ in 0..3 {
        rig.fork_and_follow();
        rig.leave(nr::EXIT_GROUP, &[0]);
        rig.call(nr::WAIT4, &[ANY, 0, 0, 0]);
    }
    let all = programs(&rig);
    assert_eq!((all.len(), all[0]), (4, first[0]));
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1), "{all:?}");
}

#[test]
fn the_end_of_the_run_forgets_nothing() {
    let mut rig = rig();
    let before = rig.kernel.address_spaces();
    rig.syscall(nr::EXIT_GROUP, &[0]);
    assert_eq!(rig.kernel.address_spaces(), before);
}

#[test]
fn a_file_can_be_read_from_outside() {
    let mut rig = rig();
    let all = rig.enter(|kernel, hw, _| kernel.file_contents(hw, b"/prog", 1 << 20));
    assert_eq!(all.unwrap(), tiny_elf());
    assert_eq!(rig.enter(|kernel, hw, _| kernel.file_contents(hw, b"/prog", 1)), Err(Errno::EFBIG));
    assert_eq!(rig.enter(|kernel, hw, _| kernel.file_contents(hw, b"/none", 1)), Err(Errno::ENOENT));
}
