//! What the walk says about a case: canonical check, a walk for each page, and what the access finds there.

use crate::case::{Case, Ending, Mmio, Outcome};
use crate::layout::{FILL, RAM_BYTES, initial_byte};
use arch::{Access, AccessKind, LinearAddr, PageFault, PhysAddr};
use paging::{AccessedOnFault, PagingContext, Step, Walk, WalkEnd};
use std::collections::BTreeMap;

/// The outcome by the rules, with this choice of MMU-114.
#[must_use]
pub fn outcome(case: &Case, policy: AccessedOnFault) -> Outcome {
    let ctx = case.context(policy);
    let mut memory: BTreeMap<PhysAddr, u64> = case.entries.iter().map(|(pa, (entry, _))| (*pa, *entry)).collect();
    let mut outcome =
        Outcome { ending: Ending::GeneralProtection, changed: BTreeMap::new(), mmio: vec![], written: vec![] };
    if ctx.is_canonical(case.la, case.size) {
        match translate_all(case, &ctx, &mut memory) {
            Ok(bytes) => data(case, &bytes, &mut outcome),
            Err(fault) => outcome.ending = Ending::PageFault { code: fault.code.bits(), cr2: fault.cr2 },
        }
    }
    memory.retain(|pa, entry| case.entries.get(pa).is_none_or(|(old, _)| old != entry));
    outcome.changed = memory;
    outcome
}

/// The physical address of each byte of the access.
fn translate_all(
    case: &Case,
    ctx: &PagingContext,
    memory: &mut BTreeMap<PhysAddr, u64>,
) -> Result<Vec<PhysAddr>, PageFault> {
    let in_first = (0x1000 - case.la.page_offset()).min(case.size);
    let mut bytes = Vec::new();
    for (la, len) in [(case.la, in_first), (case.la.wrapping_add(in_first), case.size - in_first)] {
        if len > 0 {
            let start = translate(case, ctx, memory, la)?;
            bytes.extend((0..len).map(|i| start.wrapping_add(i)));
        }
    }
    Ok(bytes)
}

fn translate(
    case: &Case,
    ctx: &PagingContext,
    memory: &mut BTreeMap<PhysAddr, u64>,
    la: LinearAddr,
) -> Result<PhysAddr, PageFault> {
    let mut walk = Walk::start(ctx, la, Access::new(case.kind, case.privilege));
    let mut step = walk.first();
    while let Step::Load(pa) = step {
        step = walk.step(memory.get(&pa).copied().unwrap_or(0));
    }
    commit(memory, walk.end());
    match step {
        Step::Done(translation) => Ok(translation.apply(la)),
        Step::Fault(fault, _) => Err(fault),
        Step::Load(_) => unreachable!("the walk has ended"),
    }
}

fn commit(memory: &mut BTreeMap<PhysAddr, u64>, end: &WalkEnd) {
    for used in end.entries().iter().filter(|used| !used.set.is_empty()) {
        *memory.entry(used.pa).or_default() |= u64::from(used.set.bits());
    }
}

/// What an allowed access reads, writes, and sees outside RAM.
fn data(case: &Case, bytes: &[PhysAddr], outcome: &mut Outcome) {
    outcome.ending = Ending::Done(None);
    match case.kind {
        AccessKind::Read => {
            let value = bytes.iter().rev().fold(0, |value, &pa| value << 8 | u64::from(initial_byte(pa)));
            outcome.ending = Ending::Done(Some(value));
        }
        AccessKind::Write => {
            let changes = |pa: &PhysAddr| pa.0 < RAM_BYTES && initial_byte(*pa) != FILL;
            outcome.written = bytes.iter().copied().filter(changes).collect();
            outcome.written.sort_unstable();
        }
        AccessKind::Fetch => return,
    }
    let outside = bytes.iter().filter(|pa| pa.0 >= RAM_BYTES);
    outcome.mmio = joined(outside.map(|&pa| Mmio { pa, len: 1, kind: case.kind }).collect());
}

/// Adjacent accesses joined, in the order of their addresses.
pub(crate) fn joined(mut mmio: Vec<Mmio>) -> Vec<Mmio> {
    mmio.sort_unstable_by_key(|m| (m.pa, m.len));
    mmio.dedup_by(|next, last| {
        let adjacent = last.pa.wrapping_add(last.len) == next.pa && last.kind == next.kind;
        last.len += if adjacent { next.len } else { 0 };
        adjacent
    });
    mmio
}
