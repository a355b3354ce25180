//! The ledger: every cycle is charged once, to an instruction and a cause; what translation costs, to a page too.
//!
//! Invariant: the charges of all instructions sum to the cycles of the run. The twin, which does the same on a core whose
//! translation costs nothing, has its own sum for each instruction; the difference is what translation cost there.

mod cause;
mod charges;

pub use cause::{Cause, CauseKind};
pub use charges::{Charge, Charges};

use crate::memory::Supplier;
use crate::{Counters, Cycles, Side, Timeline};
use arch::{LinearAddr, SpaceId};
use std::collections::HashMap;

/// A model with a clock, which charges each cycle to a ledger.
pub trait Clocked {
    /// Cycles so far, and what they were spent on.
    fn finish(&mut self) -> (Cycles, &Ledger);

    /// What was counted so far.
    fn counters(&self) -> &Counters;

    /// How long page walkers were busy with these walks.
    fn walk_time(&self, of: Walks) -> WalkTime;

    /// Notes from now on when walks and faults are.
    fn keep_timeline(&mut self, timeline: Timeline);

    /// What was noted, if that was asked for.
    fn timeline(&self) -> Option<&Timeline>;
}

/// Which walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walks {
    /// All, those that look ahead too.
    All,
    /// Those that accesses of this side have waited for.
    Of(Side),
}

/// How long page walkers were busy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkTime {
    /// All together: more than one may be at a time.
    pub pending: Cycles,
    /// At least one of them.
    pub active: Cycles,
}

/// What an instruction has cost.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// The address space that it ran in.
    pub space: SpaceId,
    /// Its linear address.
    pub rip: LinearAddr,
    /// How often it has retired.
    pub executions: u64,
    /// Times and cycles by cause.
    pub charges: Charges,
    /// What the twin has spent on it.
    pub perfect: Cycles,
}

/// What is noted of an instruction.
#[derive(Clone, Debug, Default)]
struct Account {
    executions: u64,
    /// What these have cost by themselves.
    execution: Cycles,
    /// Accesses that both cores found in the first level, and paid for: most are.
    near: u64,
    /// Other accesses that were found in the first level.
    first_level: Charge,
    /// All else by cause.
    charges: Charges,
    /// What the twin has spent, but on the near ones.
    perfect: Cycles,
}

/// An instruction's place in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row(u32);

/// All accounts of a run.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// What an access costs that the first level has.
    near: Cycles,
    rows: HashMap<(SpaceId, LinearAddr), Row>,
    accounts: Vec<Account>,
    places: Vec<(SpaceId, LinearAddr)>,
    pages: HashMap<(SpaceId, u64), Charges>,
}

impl Ledger {
    /// An empty ledger of a core whose first level for data takes so long.
    pub(crate) fn new(near: Cycles) -> Self {
        Self { near, ..Self::default() }
    }

    /// Charges an instruction with an access that both cores have found in the first level. Gives its price.
    #[inline]
    pub(crate) fn charge_near(&mut self, row: Row) -> Cycles {
        self.accounts[row.0 as usize].near += 1;
        self.near
    }

    /// The row of an instruction.
    pub(crate) fn row(&mut self, space: SpaceId, rip: LinearAddr) -> Row {
        *self.rows.entry((space, rip)).or_insert_with(|| {
            self.accounts.push(Account::default());
            self.places.push((space, rip));
            Row(self.accounts.len() as u32 - 1)
        })
    }

    /// Charges an instruction once; the twin spends `perfect` on the same.
    pub(crate) fn charge(&mut self, row: Row, cause: Cause, cycles: Cycles, perfect: Cycles) {
        self.charge_times(row, cause, Charge::once(cycles), perfect);
    }

    /// Notes that an instruction has had a cause so many times, and what that has cost in all. Of execution the ledger counts the times
    /// itself.
    #[inline]
    pub(crate) fn charge_times(&mut self, row: Row, cause: Cause, charge: Charge, perfect: Cycles) {
        let account = &mut self.accounts[row.0 as usize];
        match cause {
            Cause::Execution => account.execution += charge.cycles,
            Cause::Data(Supplier::L1) => account.first_level += charge,
            _ => account.charges.add(cause, charge),
        }
        account.perfect += perfect;
    }

    /// Notes that an instruction has retired so many times, at so many cycles each.
    #[inline]
    pub(crate) fn retire(&mut self, row: Row, times: u64, each: Cycles) {
        let cycles = Cycles(times * each.0);
        let account = &mut self.accounts[row.0 as usize];
        account.executions += times;
        account.execution += cycles;
        account.perfect += cycles;
    }

    /// Charges a page with what its translation has cost.
    pub(crate) fn charge_page(&mut self, space: SpaceId, la: LinearAddr, cause: Cause, charge: Charge) {
        self.pages.entry((space, la.page_number())).or_default().add(cause, charge);
    }

    /// Every instruction that has cost anything, by address space and address.
    #[must_use]
    pub fn instructions(&self) -> Vec<Instruction> {
        let row = |(&(space, rip), account): (&(SpaceId, LinearAddr), &Account)| Instruction {
            space,
            rip,
            executions: account.executions,
            charges: self.charges(account),
            perfect: self.perfect_of(account),
        };
        let known = self.places.iter().zip(&self.accounts).map(row);
        // A place that was only asked for is none.
        let mut all: Vec<_> = known.filter(|row| row.executions > 0 || !row.charges.is_empty()).collect();
        all.sort_unstable_by_key(|instruction| (instruction.space, instruction.rip));
        all
    }

    fn charges(&self, account: &Account) -> Charges {
        let mut charges = account.charges.clone();
        charges.add(Cause::Execution, Charge { times: account.executions, cycles: account.execution });
        let near = Charge { times: account.near, cycles: Cycles(account.near * self.near.0) };
        charges.add(Cause::Data(Supplier::L1), near);
        charges.add(Cause::Data(Supplier::L1), account.first_level);
        charges
    }

    fn perfect_of(&self, account: &Account) -> Cycles {
        account.perfect + Cycles(account.near * self.near.0)
    }

    /// What the translation of each page has cost, by address space and linear address.
    #[must_use]
    pub fn pages(&self) -> Vec<(SpaceId, LinearAddr, &Charges)> {
        let page = |(&(space, number), charges)| (space, LinearAddr(number << arch::FRAME_SHIFT), charges);
        let mut all: Vec<_> = self.pages.iter().map(page).collect();
        all.sort_unstable_by_key(|&(space, la, _)| (space, la));
        all
    }

    /// What the run has cost by cause.
    #[must_use]
    pub fn total(&self) -> Charges {
        let mut total = Charges::default();
        self.accounts.iter().for_each(|account| total.add_all(&self.charges(account)));
        total
    }

    /// What the twin has spent.
    #[must_use]
    pub fn perfect(&self) -> Cycles {
        self.accounts.iter().map(|account| self.perfect_of(account)).sum()
    }
}
