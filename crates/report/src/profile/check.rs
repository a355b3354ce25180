//! What makes a profile consistent: whoever reads one from a file must know that before any report looks things up in it.

use super::{Charged, Profile};
use thiserror::Error;
use timing::Cycles;

/// Why a profile is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Inconsistency {
    /// An entry names another that is not there.
    #[error("{what} is named that is not there")]
    Dangling {
        /// What is named.
        what: &'static str,
    },
    /// The rows do not sum to the totals.
    #[error("the {what} of its rows do not sum to those of the run")]
    Sum {
        /// What was summed.
        what: &'static str,
    },
    /// A function or a mapping ends before it begins, or beyond all addresses.
    #[error("a function or a mapping is no range of addresses")]
    Range,
}

impl Profile {
    /// Holds the profile against itself.
    ///
    /// # Errors
    /// The first [`Inconsistency`] that was found.
    pub fn check(&self) -> Result<(), Inconsistency> {
        self.check_ranges()?;
        self.check_numbers()?;
        let cycles = sum(self.rows.iter().flat_map(|row| cycles_of(&row.charges)));
        let perfect = sum(self.rows.iter().map(|row| row.perfect));
        let of_pages = sum(self.pages.iter().flat_map(|page| cycles_of(&page.charges)));
        let times = sum(self.charges().map(|charge| Cycles(charge.times)));
        let executions = sum(self.rows.iter().map(|row| Cycles(row.executions)));
        let sums = [
            (cycles == Some(self.totals.cycles), "cycles"),
            (perfect == Some(self.totals.perfect), "cycles of the twin"),
            (of_pages.is_some_and(|cycles| cycles <= self.totals.cycles), "cycles of pages"),
            (times.is_some() && executions.is_some(), "times"),
        ];
        match sums.iter().find(|(holds, _)| !holds) {
            Some(&(_, what)) => Err(Inconsistency::Sum { what }),
            None => Ok(()),
        }
    }

    fn charges(&self) -> impl Iterator<Item = &Charged> {
        let of_rows = self.rows.iter().flat_map(|row| &row.charges);
        of_rows.chain(self.pages.iter().flat_map(|page| &page.charges))
    }

    fn check_ranges(&self) -> Result<(), Inconsistency> {
        let function =
            |f: &super::Function| f.code.len() as u64 <= f.length && f.start.0.checked_add(f.length).is_some();
        let mut mappings = self.spaces.iter().flat_map(|space| &space.mappings);
        let hold = self.functions.iter().all(function) && mappings.all(|mapping| mapping.start <= mapping.end);
        if hold { Ok(()) } else { Err(Inconsistency::Range) }
    }

    fn check_numbers(&self) -> Result<(), Inconsistency> {
        let spaces = self.rows.iter().map(|row| row.space).chain(self.pages.iter().map(|page| page.space));
        let numbers = [
            (all_below(spaces.map(|n| n.at()), self.spaces.len()), "an address space"),
            (all_below(self.rows.iter().map(|row| row.place.at()), self.places.len()), "an instruction"),
            (all_below(self.places.iter().map(|place| place.function.at()), self.functions.len()), "a function"),
            (all_below(self.charges().map(|charge| charge.cause.at()), self.causes.len()), "a cause"),
        ];
        match numbers.iter().find(|(holds, _)| !holds) {
            Some(&(_, what)) => Err(Inconsistency::Dangling { what }),
            None => Ok(()),
        }
    }
}

fn all_below(mut numbers: impl Iterator<Item = usize>, count: usize) -> bool {
    numbers.all(|number| number < count)
}

fn cycles_of(charges: &[Charged]) -> impl Iterator<Item = Cycles> {
    charges.iter().map(|charge| charge.cycles)
}

/// `None` if there are more than can be counted with a sign.
fn sum(mut all: impl Iterator<Item = Cycles>) -> Option<Cycles> {
    let sum = all.try_fold(0_u64, |sum, cycles| sum.checked_add(cycles.0))?;
    i64::try_from(sum).is_ok().then_some(Cycles(sum))
}
