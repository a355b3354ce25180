//! What was charged, by cause: for one instruction, one page or all.

use super::Cause;
use crate::Cycles;
use std::ops::AddAssign;

/// What one cause has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Charge {
    /// How often it was charged. It may have cost nothing each time: a core can hide a walk.
    pub times: u64,
    /// What it has cost in all.
    pub cycles: Cycles,
}

impl Charge {
    /// One time, at this cost.
    #[must_use]
    pub const fn once(cycles: Cycles) -> Self {
        Self { times: 1, cycles }
    }
}

impl AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        self.times += other.times;
        self.cycles += other.cycles;
    }
}

/// Times and cycles by cause. Few causes ever apply to one thing, so a list is enough; the last one used comes first.
#[derive(Clone, Debug, Default)]
pub struct Charges(Vec<(Cause, Charge)>);

impl Charges {
    /// Adds to a cause. Nothing is noted of what happened no time.
    pub(crate) fn add(&mut self, cause: Cause, charge: Charge) {
        if charge == Charge::default() {
            return;
        }
        match self.0.iter().position(|(held, _)| *held == cause) {
            Some(at) => {
                self.0[at].1 += charge;
                self.0.swap(0, at);
            }
            None => self.0.push((cause, charge)),
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|&(cause, charge)| self.add(cause, charge));
    }

    /// True if nothing was charged.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every cause with what it came to, in the order of causes.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Cause, Charge)> {
        let mut all = self.0.clone();
        all.sort_unstable();
        all
    }

    /// All cycles.
    #[must_use]
    pub fn sum(&self) -> Cycles {
        self.sum_of(|_| true)
    }

    /// The cycles of the causes that are meant.
    pub fn sum_of(&self, meant: impl Fn(Cause) -> bool) -> Cycles {
        self.of(meant).map(|charge| charge.cycles).sum()
    }

    /// How often the causes that are meant were charged.
    pub fn times_of(&self, meant: impl Fn(Cause) -> bool) -> u64 {
        self.of(meant).map(|charge| charge.times).sum()
    }

    fn of(&self, meant: impl Fn(Cause) -> bool) -> impl Iterator<Item = Charge> {
        self.0.iter().filter(move |(cause, _)| meant(*cause)).map(|&(_, charge)| charge)
    }
}
