//! Cycles by cause, for one instruction, one page or all.

use super::Cause;
use crate::Cycles;

/// Cycles by cause. Few causes ever apply to one thing, so a list is enough; the last one used comes first.
#[derive(Clone, Debug, Default)]
pub struct Charges(Vec<(Cause, Cycles)>);

impl Charges {
    /// Adds to a cause. Nothing is noted of 0 cycles.
    pub(crate) fn add(&mut self, cause: Cause, cycles: Cycles) {
        if cycles == Cycles(0) {
            return;
        }
        match self.0.iter().position(|(held, _)| *held == cause) {
            Some(at) => {
                self.0[at].1 += cycles;
                self.0.swap(0, at);
            }
            None => self.0.push((cause, cycles)),
        }
    }

    pub(crate) fn add_all(&mut self, other: &Self) {
        other.0.iter().for_each(|&(cause, cycles)| self.add(cause, cycles));
    }

    /// Every cause with its cycles, in the order of causes.
    #[must_use]
    pub fn sorted(&self) -> Vec<(Cause, Cycles)> {
        let mut all = self.0.clone();
        all.sort_unstable();
        all
    }

    /// All cycles.
    #[must_use]
    pub fn sum(&self) -> Cycles {
        self.0.iter().map(|(_, cycles)| *cycles).sum()
    }

    /// The cycles of the causes that are meant.
    pub fn sum_of(&self, meant: impl Fn(Cause) -> bool) -> Cycles {
        self.0.iter().filter(|(cause, _)| meant(*cause)).map(|(_, cycles)| *cycles).sum()
    }
}
