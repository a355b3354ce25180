//! A whole access: canonical check, pieces by page, and the entries of each piece found in a memory.

use super::cpu::{Cpu, Mode, What, Who, bit, field};
use super::rules::{Pf, judge};
use super::wrong::Wrong;
use std::collections::BTreeMap;

/// Paging entries by physical address; all other memory is 0.
pub(crate) type Memory = BTreeMap<u64, u64>;

/// What an access gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The physical pieces: address and bytes.
    Done(Vec<(u64, u64)>),
    Fault(Pf),
    GeneralProtection,
}

/// One access of `size` bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) la: u64,
    pub(crate) size: u64,
    pub(crate) who: Who,
    pub(crate) what: What,
}

/// Makes the access; the entries in `memory` get their A and D bits.
pub(crate) fn perform(cpu: &Cpu, cr3: u64, memory: &mut Memory, access: Access) -> Outcome {
    let last = access.la.wrapping_add(access.size - 1);
    if cpu.long() && !(canonical(cpu, access.la) && canonical(cpu, last)) && !cpu.has(Wrong::NoCanonicalCheck) {
        return Outcome::GeneralProtection; // MMU-150, MMU-151
    }
    let mut pieces = pieces(cpu, access);
    if cpu.has(Wrong::SecondPageFirst) {
        pieces.reverse();
    }
    let mut done = Vec::new();
    for (la, size) in pieces {
        let (places, path) = gather(cpu, cr3, memory, la);
        let answer = judge(cpu, &path, la, access.who, access.what);
        for (place, set) in places.iter().zip(answer.set) {
            if set != 0 {
                *memory.entry(*place).or_default() |= set;
            }
        }
        match answer.result {
            Ok(pa) => done.push((pa, size)),
            Err(fault) => return Outcome::Fault(fault), // MMU-121
        }
    }
    Outcome::Done(done)
}

/// Whether all bits from the highest translated one up are equal (MMU-150).
fn canonical(cpu: &Cpu, la: u64) -> bool {
    let top = field(63, if cpu.mode == Mode::Long5 { 56 } else { 47 });
    la & top == 0 || la & top == top
}

/// The parts of an access by page, the low one first (MMU-170, MMU-176).
fn pieces(cpu: &Cpu, access: Access) -> Vec<(u64, u64)> {
    let in_first = 4096 - (access.la & 0xfff);
    if access.size <= in_first {
        return vec![(access.la, access.size)];
    }
    let second = access.la.wrapping_add(in_first) & if cpu.long() { u64::MAX } else { field(31, 0) };
    vec![(access.la, in_first), (second, access.size - in_first)]
}

/// The entries that a walk for `la` may use, and where they are. Goes on down whatever an entry holds, as far as there are
/// levels: the rules say where to stop.
fn gather(cpu: &Cpu, cr3: u64, memory: &Memory, la: u64) -> (Vec<u64>, Vec<u64>) {
    let mut table = match cpu.mode {
        Mode::Bits32 => cr3 & field(31, 12),
        Mode::Pae => cr3 & field(31, 5),
        Mode::Long4 | Mode::Long5 => cr3 & field(cpu.m - 1, 12),
    };
    let (mut places, mut path) = (Vec::new(), Vec::new());
    for level in (1..=cpu.levels() as u32).rev() {
        let place = if cpu.mode == Mode::Bits32 {
            table + 4 * (la >> (2 + 10 * level) & 0x3ff)
        } else {
            table + 8 * (la >> (3 + 9 * level) & if cpu.mode == Mode::Pae && level == 3 { 3 } else { 0x1ff })
        };
        let entry = memory.get(&place).copied().unwrap_or(0);
        places.push(place);
        path.push(entry);
        table = entry & if cpu.mode == Mode::Bits32 { field(31, 12) } else { field(cpu.m - 1, 12) };
        if !bit(entry, 0) {
            break; // MMU-020: what would be below is not a place
        }
    }
    (places, path)
}
