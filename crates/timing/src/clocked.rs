//! What cores with a clock have in common.

use crate::ledger::Ledger;
use crate::{Counters, Cycles};

/// A model that knows how long things take, and what for.
pub trait Clocked {
    /// Ends what is under way: cycles so far, and what they were spent on.
    fn finish(&mut self) -> (Cycles, &Ledger);

    /// What was counted so far.
    fn counters(&self) -> &Counters;
}
