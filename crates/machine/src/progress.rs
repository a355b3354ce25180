//! How far a run has come, for whoever looks on from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Instructions that have retired, as of the last entry into the kernel layer, or at most about a million ago. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// How many they are.
    #[must_use]
    pub fn instructions(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, instructions: u64) {
        self.0.store(instructions, Ordering::Relaxed);
    }
}
