//! What is measured of an instruction, a page, or anything that they add up to.

use crate::profile::{Charged, Profile, Row};
use std::iter::Sum;
use std::ops::{AddAssign, Sub};
use timing::ledger::CauseKind;

/// Sums. Cycles are of the modelled core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// Instructions that retired.
    pub executions: u64,
    /// Charges.
    pub times: u64,
    /// All cycles.
    pub cycles: u64,
    /// The twin's.
    pub perfect: u64,
    /// Cycles charged to translation.
    pub translation: u64,
    /// Those of them that were walks.
    pub walk_cycles: u64,
    /// Walks.
    pub walks: u64,
    /// Translations that the second-level TLB had.
    pub stlb_hits: u64,
}

impl Measures {
    /// Those of an instruction in an address space.
    #[must_use]
    pub fn of_row(profile: &Profile, row: &Row) -> Self {
        let charged = Self::of_charges(profile, &row.charges);
        Self { executions: row.executions, perfect: row.perfect.0, ..charged }
    }

    /// Those of some charges, which say nothing of executions and of the twin.
    #[must_use]
    pub fn of_charges(profile: &Profile, charges: &[Charged]) -> Self {
        charges.iter().map(|charge| Self::of_charge(profile.cause(charge.cause).kind, *charge)).sum()
    }

    /// Those of one cause.
    #[must_use]
    pub fn of_charge(kind: CauseKind, Charged { times, cycles, .. }: Charged) -> Self {
        let if_so = |holds: bool, count: u64| if holds { count } else { 0 };
        Self {
            times,
            cycles: cycles.0,
            translation: if_so(kind.is_translation(), cycles.0),
            walk_cycles: if_so(kind.is_walk(), cycles.0),
            walks: if_so(kind == CauseKind::WalkStart, times),
            stlb_hits: if_so(kind == CauseKind::SecondLevelHit, times),
            ..Self::default()
        }
    }

    /// All of a run.
    #[must_use]
    pub fn of_run(profile: &Profile) -> Self {
        profile.rows.iter().map(|row| Self::of_row(profile, row)).sum()
    }

    /// What translation has cost beyond the twin. It may be less than nothing.
    #[must_use]
    pub const fn exposed(&self) -> i64 {
        self.cycles as i64 - self.perfect as i64
    }

    /// Translations that the first-level TLB did not have.
    #[must_use]
    pub const fn misses(&self) -> u64 {
        self.stlb_hits + self.walks
    }

    /// Visits each sum with that of another.
    fn each(&mut self, other: &Self, mut visit: impl FnMut(&mut u64, u64)) {
        // Taken apart, so that a new one cannot be forgotten.
        let Self { executions, times, cycles, perfect, translation, walk_cycles, walks, stlb_hits } = other;
        visit(&mut self.executions, *executions);
        visit(&mut self.times, *times);
        visit(&mut self.cycles, *cycles);
        visit(&mut self.perfect, *perfect);
        visit(&mut self.translation, *translation);
        visit(&mut self.walk_cycles, *walk_cycles);
        visit(&mut self.walks, *walks);
        visit(&mut self.stlb_hits, *stlb_hits);
    }
}

impl AddAssign for Measures {
    fn add_assign(&mut self, other: Self) {
        self.each(&other, |sum, count| *sum += count);
    }
}

impl Sub for Measures {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self.each(&other, |sum, count| *sum = sum.saturating_sub(count));
        self
    }
}

impl Sum for Measures {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        all.for_each(|measures| sum += measures);
        sum
    }
}
