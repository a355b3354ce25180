//! From a ledger to a profile: every instruction that has cost anything gets the names of its function and its line.
//!
//! Names come from the files behind the mappings, as the guest sees them at the end of the run. A file that is gone by then, or code that was
//! in no file, is reported by page and without names; its costs are there all the same.

mod code;
mod object_file;

use crate::profile::{
    CauseEntry, CauseNo, Charged, EventCount, Hardware, PageCost, Profile, Row, Space, SpaceNo, Totals,
};
use arch::SpaceId;
use code::Code;
use std::collections::{BTreeMap, BTreeSet};
use timing::ledger::{Cause, Charges, Ledger};
use timing::{Counters, Cycles};

/// What is known at the end of a run.
pub struct Run<'a> {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The processor.
    pub hardware: Hardware,
    /// What was counted.
    pub counters: &'a Counters,
    /// All cycles.
    pub cycles: Cycles,
    /// What they were spent on.
    pub ledger: &'a Ledger,
    /// What the address spaces were.
    pub spaces: Vec<RunSpace>,
}

/// An address space, and the number that the ledger has for it.
pub struct RunSpace {
    /// The number.
    pub id: SpaceId,
    /// What it was.
    pub space: Space,
}

/// What stands for a program where there is none yet: the kernel layer is loading the first one.
const BEFORE_THE_PROGRAM: &str = "[execve]";

/// Makes a profile. `read` gives the bytes of a file that the guest sees, if they can be had.
pub fn collect(run: Run<'_>, read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Profile {
    let instructions = run.ledger.instructions();
    let pages = run.ledger.pages();
    let used: BTreeSet<SpaceId> =
        instructions.iter().map(|row| row.space).chain(pages.iter().map(|(space, ..)| *space)).collect();
    let (numbers, spaces) = spaces(run.spaces, &used);
    let causes: Vec<Cause> = run.ledger.total().sorted().into_iter().map(|(cause, _)| cause).collect();
    let charged = |charges: &Charges| charged(&causes, charges);
    let mut code = Code::new(read);
    let row = |row: timing::ledger::Instruction| {
        let space = numbers[&row.space];
        let place = code.place(&spaces[space.at()], row.rip);
        let (executions, perfect) = (row.executions, row.perfect);
        Row { space, la: row.rip, place, executions, perfect, charges: charged(&row.charges) }
    };
    let rows: Vec<Row> = instructions.into_iter().map(row).collect();
    let page = |(space, page, charges): (SpaceId, _, &Charges)| PageCost {
        space: numbers[&space],
        page,
        charges: charged(charges),
    };
    let pages = pages.into_iter().map(page).collect();
    let (functions, places) = code.finish();
    let profile = Profile {
        command: run.command,
        hardware: run.hardware,
        totals: Totals { instructions: run.counters.instructions, cycles: run.cycles, perfect: run.ledger.perfect() },
        events: run.counters.events().map(|(name, count)| EventCount { name, count }).collect(),
        spaces,
        functions,
        places,
        causes: causes.iter().map(|cause| CauseEntry { name: cause.to_string(), kind: cause.kind() }).collect(),
        rows,
        pages,
    };
    debug_assert_eq!(profile.check(), Ok(()), "a ledger is consistent");
    profile
}

/// The address spaces that code ran in, and their numbers in the profile. One that the kernel layer has not told of has no mappings.
fn spaces(known: Vec<RunSpace>, used: &BTreeSet<SpaceId>) -> (BTreeMap<SpaceId, SpaceNo>, Vec<Space>) {
    let mut known: BTreeMap<SpaceId, Space> = known.into_iter().map(|known| (known.id, known.space)).collect();
    for space in known.values_mut().filter(|space| space.program.is_empty()) {
        space.program = BEFORE_THE_PROGRAM.into();
    }
    let untold = |id: SpaceId| Space { number: id.0, pid: 0, program: String::new(), mappings: Vec::new() };
    let spaces = used.iter().map(|id| known.remove(id).unwrap_or_else(|| untold(*id))).collect();
    let numbers = used.iter().enumerate().map(|(number, id)| (*id, SpaceNo(number as u32))).collect();
    (numbers, spaces)
}

fn charged(causes: &[Cause], charges: &Charges) -> Vec<Charged> {
    let number = |cause: Cause| causes.binary_search(&cause).expect("the total has every cause") as u32;
    let charge = |(cause, charge): (Cause, timing::ledger::Charge)| Charged {
        cause: CauseNo(number(cause)),
        times: charge.times,
        cycles: charge.cycles,
    };
    charges.sorted().into_iter().map(charge).collect()
}
