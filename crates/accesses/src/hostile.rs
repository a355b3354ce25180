//! Events in an order that no host would tell them in: a replay ends in an error or in an end, and a model's charges still sum to its cycles.

use crate::event::{Event, Header, Invalidate, Kind};
use crate::file::Writer;
use crate::instr::Instr;
use crate::registers::Registers;
use crate::{Played, ReadError, Reader, replay};
use arch::{BranchKind, ControlRegs, Cr3, InstrClass, InstrInfo, Ordering, Privilege, RegSet};
use paging::{HardwareModel, PagingContext};
use proptest::prelude::*;
use std::borrow::Borrow;
use timing::{Clocked, Counting, EveryLookup, HardwareConfig, HardwareFile, InOrder, OutOfOrder};

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Read), Just(Kind::Write), Just(Kind::Fetch)]
}

/// Mostly within few pages; sometimes anywhere.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![8 => -64_i64..64, 4 => (-2_i64..3).prop_map(|pages| pages << 12), 1 => any::<i64>()]
}

fn number(most: u64) -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..most, 1 => any::<u64>()]
}

fn instr() -> impl Strategy<Value = Instr> {
    let place = (0_u16..4096, 1_u8..16, 0_usize..InstrClass::ALL.len());
    let accesses = (0_u8..3, 0_u8..3, 0_u8..3, 0_usize..7, 0_usize..3);
    (place, accesses, any::<[u64; 3]>()).prop_map(|((page_offset, length, class), counts, registers)| {
        let (loads, stores, updates, branch, ordering) = counts;
        let [address, reads, writes] = registers.map(|bits| RegSet::from_bits(bits >> 6 & bits).expect("58 bits"));
        Instr::from(&InstrInfo {
            page_offset,
            length,
            class: InstrClass::ALL[class],
            loads,
            stores,
            updates,
            branch: BranchKind::ALL.get(branch).copied(),
            ordering: Ordering::ALL[ordering],
            address,
            reads,
            writes,
        })
    })
}

fn event() -> impl Strategy<Value = Event> {
    let size = prop_oneof![16 => 0_u32..9, 1 => any::<u32>()];
    prop_oneof![
        8 => (kind(), step(), size.clone()).prop_map(|(kind, step, size)| Event::Access { kind, step, size }),
        2 => (kind(), step()).prop_map(|(kind, step)| Event::Translated { kind, step }),
        2 => (kind(), step()).prop_map(|(kind, step)| Event::Faulted { kind, step }),
        2 => (kind(), step(), size).prop_map(|(kind, step, size)| Event::Made { kind, step, size }),
        1 => number(1 << 30).prop_map(|la| Event::Crossing { la }),
        6 => (0_u16..5).prop_map(Event::Instruction),
        4 => (0_u32..4, step()).prop_map(|(block, step)| Event::Enter { block, step }),
        2 => (0_u16..5).prop_map(Event::Left),
        1 => number(100).prop_map(Event::Retired),
        1 => (number(512), number(1 << 20)).prop_map(|(pa, value)| Event::Entry { pa: pa << 3, value }),
        1 => (number(1 << 30), 0_u16..5000).prop_map(|(la, pcid)| Event::Invalidate(Invalidate::Page { la, pcid })),
        1 => Just(Event::Invalidate(Invalidate::All)),
        1 => number(1 << 30).prop_map(Event::Root),
        1 => (0_u32..3).prop_map(Event::Space),
        1 => (0_u8..32, number(1000)).prop_map(|(service, ns)| Event::Service { service, ns }),
        1 => Just(Event::Resumed),
        2 => (0_u32..5, number(64), prop::collection::vec(instr(), 0..5), 0..16).prop_map(|(block, frame, mut instructions, apart)| {
            if apart > 0 {
                close_up(&mut instructions);
            }
            Event::Block { block, frame: frame << 12, instructions }
        }),
    ]
}

/// Each begins where the one before ends, as far as the page goes.
fn close_up(instructions: &mut [Instr]) {
    let mut at = None;
    for instruction in instructions {
        let Some(info) = instruction.info() else { continue };
        let page_offset = at.unwrap_or(info.page_offset).min(4095);
        *instruction = Instr::from(&InstrInfo { page_offset, ..info });
        at = Some(page_offset + u16::from(info.length));
    }
}

/// Has as many instructions retire as were executed, where a small number is said to.
fn count_up(events: &mut [Event]) {
    let (mut lengths, mut executed, mut entered) = ([0; 5], 0_u64, 0);
    for event in events {
        match event {
            Event::Block { block, instructions, .. } => lengths[*block as usize] = instructions.len() as u64,
            Event::Enter { block, .. } => {
                entered = lengths[*block as usize];
                executed += entered;
            }
            Event::Left(completed) => executed = executed.saturating_sub(entered.saturating_sub(u64::from(*completed))),
            Event::Retired(instructions) if *instructions < 100 => *instructions = std::mem::take(&mut executed),
            _ => {}
        }
    }
}

/// A run's beginning: tables that map each page to the frame at 0, and some blocks.
fn beginning() -> Vec<Event> {
    let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(0x1000)));
    let mut events = vec![Event::Registers(Registers::new(&ctx, Privilege::User))];
    let tables = [(0x1000, 0x2007), (0x2000, 0x3007), (0x3000, 0x4007)];
    events.extend(tables.map(|(pa, value)| Event::Entry { pa, value }));
    events.extend((0..256).map(|page| Event::Entry { pa: 0x4000 + 8 * page, value: page << 12 | 7 }));
    let info = |n: u16| InstrInfo { page_offset: 4 * n, length: 4, loads: 1, stores: 1, ..InstrInfo::default() };
    let instructions: Vec<_> = (0..4).map(|n| Instr::from(&info(n))).collect();
    let block = |block| Event::Block { block, frame: 0x5000, instructions: instructions.clone() };
    events.extend([block(0), block(1), Event::Enter { block: 1, step: 0x8000 }]);
    events
}

fn play<H: HardwareModel>(
    events: impl IntoIterator<Item = impl Borrow<Event>>,
    model: &mut H,
) -> Result<Played, ReadError> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&Header { program: vec!["none".into()] });
    writer.start(&mut bytes, Box::new(|| {}));
    events.into_iter().for_each(|event| writer.push(event.borrow()));
    writer.push(&Event::End);
    writer.finish().expect("a vector has room");
    replay(Reader::new(bytes.as_slice())?, model)
}

fn config() -> HardwareConfig {
    HardwareFile::open("classroom").and_then(|file| file.config()).expect("a preset is sound")
}

proptest! {
    #[test]
    fn no_order_of_events_is_more_than_an_error(events in prop::collection::vec(event(), 0..200)) {
        let mut events = [beginning(), events].concat();
        count_up(&mut events);
        let mut counting = Counting::<EveryLookup>::new(&config().tlb).expect("a preset is possible");
        let mut in_order = InOrder::<EveryLookup>::new(&config()).expect("a preset is possible");
        let mut window = OutOfOrder::<EveryLookup>::new(&config()).expect("a preset is possible");
        let outcome = play(&events, &mut counting).map_err(|error| error.to_string());
        prop_assert_eq!(&outcome, &play(&events, &mut in_order).map_err(|error| error.to_string()));
        prop_assert_eq!(&outcome, &play(&events, &mut window).map_err(|error| error.to_string()));
        prop_assert_eq!(counting.counters(), in_order.counters());
        prop_assert_eq!(counting.counters(), window.counters());
        in_order.finish(); // holds the charges against the cycles
        window.finish();
    }
}

/// What a trace is refused for that goes on like this.
fn refusal(events: impl IntoIterator<Item = Event>) -> String {
    let mut model = OutOfOrder::<EveryLookup>::new(&config()).expect("a preset is possible");
    play(beginning().into_iter().chain(events), &mut model).expect_err("a host tells no such thing").to_string()
}

/// Some KiB of a file are enough for each of these.
#[test]
fn a_trace_that_would_take_all_memory_or_time_is_refused() {
    let enter = |step| Event::Enter { block: 1, step };
    let access = |n: i64| Event::Translated { kind: Kind::Read, step: n << 12 };
    let fetch = Event::Access { kind: Kind::Fetch, step: 0x1000, size: 0 };
    let waits = (0..2_000_000).map(|_| Event::Service { service: 0, ns: 1 });
    let counted = |n: i64| [enter(0x1000), Event::Left(1), Event::Retired(if n == 0 { 5 } else { 1 })];
    let long = InstrInfo { length: 1, ..InstrInfo::default() };
    let long = (0..65).map(|page_offset| Instr::from(&InstrInfo { page_offset, ..long })).collect();
    assert!(refusal(std::iter::repeat_n(enter(0), 2_000_000)).contains("do not retire"));
    assert!(refusal([enter(0), Event::Retired(9)]).contains("other instructions retire"));
    assert!(refusal((0..2_000_000).flat_map(counted)).contains("addresses of instructions"));
    assert!(refusal((0..100).map(access)).contains("too many accesses"));
    assert!(refusal([fetch].into_iter().chain(waits)).contains("never begins"));
    assert!(refusal([Event::Block { block: 2, frame: 0, instructions: long }]).contains("64 instructions in a block"));
}

/// A block may end with what is no instruction: it begins, and the block is left without it.
#[test]
fn what_is_no_instruction_begins_behind_the_last() {
    let mut model = OutOfOrder::<EveryLookup>::new(&config()).expect("a preset is possible");
    let behind = [Event::Instruction(4), Event::Left(4), Event::Retired(4)];
    play(beginning().into_iter().chain(behind), &mut model).expect("a sound trace");
    assert_eq!(model.counters().instructions, 4);
}

/// Most such runs are told to their ends, or the test above would show little.
#[test]
fn a_sound_beginning_is_no_error() {
    let mut model = OutOfOrder::<EveryLookup>::new(&config()).expect("a preset is possible");
    let access = |step| Event::Access { kind: Kind::Read, step, size: 8 };
    let events =
        [beginning(), vec![Event::Instruction(0), access(0x1000), Event::Instruction(1), access(0x1000)]].concat();
    assert_eq!(play(&events, &mut model).expect("a sound trace"), Played { translations: 2, differing: 0 });
    assert!(model.finish().0 > timing::Cycles(0));
}
