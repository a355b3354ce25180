//! The judge: holds what the MMU gave against a recorded answer.

use crate::replay::{Given, Machine, Outside, context};
use crate::{Answer, Case, Change, Kind, Mode, Trust};
use arch::PhysAddr;
use mmu::MemFault;
use paging::{AccessedOnFault, PagingContext};
use physmem::Bus;
use std::collections::BTreeMap;
use std::fmt;

/// RAM of the guest that KVM ran.
const KVM_RAM: u64 = 64 << 20;
/// RAM of the guest that QEMU ran.
const QEMU_RAM: u64 = 128 << 20;

const CR3_REFUSED: &str = "a PDPTE has a reserved bit, so CR3 cannot be loaded (MMU-014)";

/// Which answer of a case to hold the MMU against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// What the oracle recorded, as far as `trust` goes.
    Out,
    /// What the rules give, whatever `trust` says.
    Hw,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Whether the access was made, or which exception it raised.
    Kind,
    /// The error code of a #PF.
    ErrorCode,
    /// CR2.
    Cr2,
    /// A and D.
    Entries,
    /// Where the access went.
    Address,
    /// What was read or written.
    Data,
    /// What was done outside RAM.
    Outside,
    /// The access gave something else when it was made again.
    Repeat,
}

impl Aspect {
    /// The rules that decide it.
    #[must_use]
    pub const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::Kind => &["MMU-080", "MMU-150", "MMU-160"],
            Self::ErrorCode => &["MMU-130", "MMU-131", "MMU-132", "MMU-133"],
            Self::Cr2 => &["MMU-135", "MMU-170", "MMU-171"],
            Self::Entries => &["MMU-110", "MMU-111", "MMU-113", "MMU-114", "MMU-115"],
            Self::Address => &["MMU-049", "MMU-174"],
            Self::Data | Self::Outside => &["MMU-173", "MMU-174"],
            Self::Repeat => &["MMU-182"],
        }
    }
}

/// One thing in which the MMU and the answer differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub aspect: Aspect,
    /// What the answer says.
    pub expected: String,
    /// What the MMU gave.
    pub given: String,
    /// The rules that bear on it, those behind the MMU's own fault included.
    pub rules: Vec<&'static str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aspect, expected, given, rules } = self;
        write!(f, "{aspect:?}: expected {expected}, given {given} ({})", rules.join(", "))
    }
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The MMU gives the answer.
    Agreed,
    /// It does not.
    Disagreed(Vec<Difference>),
    /// The case says nothing about the MMU, for this reason.
    NotUsable(&'static str),
}

/// Runs cases, each in the RAM that its oracle's guest had.
pub struct Judge {
    kvm: Machine,
    qemu: Machine,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge with machines for both oracles. One serves any number of cases.
    #[must_use]
    pub fn new() -> Self {
        Self { kvm: Machine::new(KVM_RAM), qemu: Machine::new(QEMU_RAM) }
    }

    /// Makes the access of a case, and holds what it gives against one of its answers.
    pub fn run(&mut self, case: &Case, expect: Expect, accessed_on_fault: AccessedOnFault) -> Verdict {
        let answer = match expect {
            Expect::Hw => &case.hw,
            Expect::Out => match case.trust {
                Trust::Selfmod => return Verdict::NotUsable("the write hits its own page table"),
                Trust::Exclude => return Verdict::NotUsable("the oracle's answer is not to be used"),
                Trust::Full | Trust::OrP | Trust::KindOnly => &case.out,
            },
        };
        if answer.kind == Kind::Other {
            return Verdict::NotUsable("the oracle gave no answer");
        }
        let (machine, ctx) = match self.prepare(case, accessed_on_fault) {
            Ok(prepared) => prepared,
            Err(why) => return Verdict::NotUsable(why),
        };
        let Some(given) = machine.run(case, ctx) else { return Verdict::NotUsable(CR3_REFUSED) };
        let differences = compare(case, answer, expect, &given);
        if differences.is_empty() { Verdict::Agreed } else { Verdict::Disagreed(differences) }
    }

    /// Shows `look` the memory of a case before its access, under the case's control state.
    ///
    /// # Errors
    /// Why there is none.
    pub fn inspect<T>(
        &mut self,
        case: &Case,
        accessed_on_fault: AccessedOnFault,
        look: impl FnOnce(&Bus, &PagingContext) -> T,
    ) -> Result<T, &'static str> {
        let (machine, ctx) = self.prepare(case, accessed_on_fault)?;
        machine.inspect(case, ctx, look).ok_or(CR3_REFUSED)
    }

    /// The machine for a case, and its control state; why there is none if there is none.
    fn prepare(
        &mut self,
        case: &Case,
        accessed_on_fault: AccessedOnFault,
    ) -> Result<(&mut Machine, PagingContext), &'static str> {
        let ctx = context(case, accessed_on_fault).ok_or("no processor has this MAXPHYADDR, or no access this size")?;
        let machine = if case.is_qemu() { &mut self.qemu } else { &mut self.kvm };
        if machine.holds(case) { Ok((machine, ctx)) } else { Err("a paging entry lies outside RAM") }
    }

    /// The first byte of RAM that an access has written astray, if one has.
    #[must_use]
    pub fn astray(&self) -> Option<PhysAddr> {
        self.kvm.astray().or_else(|| self.qemu.astray()).map(PhysAddr)
    }
}

fn compare(case: &Case, answer: &Answer, expect: Expect, given: &Given) -> Vec<Difference> {
    let mut list = Differences { given, found: Vec::new() };
    list.check(Aspect::Kind, &answer.kind, &kind(given));
    list.check(Aspect::Repeat, &true, &given.repeats);
    if expect == Expect::Out && case.trust == Trust::KindOnly || !list.found.is_empty() {
        return list.found;
    }
    let missing_p = u32::from(expect == Expect::Out && case.trust == Trust::OrP);
    let fault = match given.result {
        Err(MemFault::Page(fault)) => Some(fault),
        _ => None,
    };
    if answer.kind == Kind::Pf {
        list.check(Aspect::ErrorCode, &answer.err.map(|err| err | missing_p), &fault.map(|f| f.code.bits()));
        list.check(Aspect::Cr2, &answer.cr2.map(|cr2| cr2.u64()), &fault.map(|f| f.cr2.0));
    }
    list.check(Aspect::Kind, &answer.vec.unwrap_or(13), &13);
    let changed = relevant(case, answer, expect, given.changed.clone());
    let expected = relevant(case, answer, expect, changes(&answer.chg));
    list.check(Aspect::Entries, &expected, &changed);
    if given.result.is_ok() {
        data(&mut list, case, answer, given);
    }
    list.found
}

/// Holds what was read and written against the answer, as far as that tells.
fn data(list: &mut Differences<'_>, case: &Case, answer: &Answer, given: &Given) {
    if let Some(pieces) = &answer.pa {
        let pieces: Vec<_> = pieces.iter().map(|piece| (piece.0.u64(), piece.1)).collect();
        list.check(Aspect::Address, &pieces, &given.pieces);
    }
    list.check(Aspect::Data, &None, &given.wrong_byte);
    // Outside RAM QEMU's guest read 0, which tells of its board and not of the processor.
    let beyond = case.is_qemu() && given.pieces.iter().any(|(pa, len)| pa + len > QEMU_RAM);
    if let (Some(val), Ok(bytes), false) = (answer.val, given.result, beyond) {
        let read = u128::from_le_bytes(bytes);
        list.check(Aspect::Data, &val.0, &read);
    }
    if let (Some(mmio), false) = (&answer.mmio, case.is_qemu()) {
        let recorded = mmio.iter().map(|m| (m.0.u64(), m.1, m.2)).collect();
        list.check(Aspect::Outside, &joined(recorded), &joined(given.outside.clone()));
    }
    if let Some((first, last)) = answer.ram {
        let written = written(case, given);
        // The outer two bytes of a 16-byte store may already have held what KVM's guest wrote.
        let slack = if case.size == 16 { 2 } else { 0 };
        let near = written.is_some_and(|(low, high)| {
            first.u64().checked_sub(low).is_some_and(|d| d <= slack)
                && high.checked_sub(last.u64()).is_some_and(|d| d <= slack)
        });
        if !near {
            list.check(Aspect::Data, &Some((first.u64(), last.u64())), &written);
        }
    }
}

/// First and last byte that an access wrote in RAM.
fn written(case: &Case, given: &Given) -> Option<(u64, u64)> {
    let ram = if case.is_qemu() { QEMU_RAM } else { KVM_RAM };
    let ends = || given.pieces.iter().flat_map(|(pa, len)| [*pa, pa + len - 1]).filter(|pa| *pa < ram);
    Some((ends().min()?, ends().max()?))
}

/// The changes that count. QEMU sets A in the PDPTEs of PAE paging, and in a 1 GiB page before it checks the rights: those
/// say nothing (MMU-238, MMU-232).
fn relevant(case: &Case, answer: &Answer, expect: Expect, mut changed: BTreeMap<u64, u64>) -> BTreeMap<u64, u64> {
    if expect == Expect::Out && case.is_qemu() {
        let large = |entry: u64| entry & 0x80 != 0;
        changed.retain(|pa, entry| {
            let pdpte = case.level_of(PhysAddr(*pa)) == Some(3);
            !(pdpte && (case.mode == Mode::Pae || answer.kind == Kind::Pf && large(*entry)))
        });
    }
    changed
}

fn changes(list: &[Change]) -> BTreeMap<u64, u64> {
    list.iter().map(|change| (change.0.u64(), change.1.u64())).collect()
}

/// Accesses outside RAM, adjacent ones joined: KVM reports at most 8 bytes at a time.
fn joined(mut outside: Vec<Outside>) -> Vec<Outside> {
    outside.sort_unstable();
    outside.dedup_by(|next, last| {
        let adjacent = last.0 + last.1 == next.0 && last.2 == next.2;
        last.1 += if adjacent { next.1 } else { 0 };
        adjacent
    });
    outside
}

fn kind(given: &Given) -> Kind {
    match given.result {
        Ok(_) => Kind::Ok,
        Err(MemFault::Page(_)) => Kind::Pf,
        Err(MemFault::NonCanonical | MemFault::Misaligned) => Kind::Exc,
    }
}

/// Differences as they are found.
struct Differences<'a> {
    given: &'a Given,
    found: Vec<Difference>,
}

impl Differences<'_> {
    fn check<T: PartialEq + fmt::Debug>(&mut self, aspect: Aspect, expected: &T, given: &T) {
        if expected == given {
            return;
        }
        let own = self.given.reason.map_or_else(Vec::new, paging::Reason::rules);
        let mut rules: Vec<_> = aspect.rules().iter().copied().chain(own).collect();
        rules.sort_unstable();
        rules.dedup();
        let (expected, given) = (format!("{expected:#x?}"), format!("{given:#x?}"));
        let one_line = |text: String| {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            words.replace("( ", "(").replace(", )", ")").replace(", }", " }")
        };
        self.found.push(Difference { aspect, expected: one_line(expected), given: one_line(given), rules });
    }
}
