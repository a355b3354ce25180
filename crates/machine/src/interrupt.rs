//! A request from outside to interrupt the guest, as Ctrl-C makes it, or to stop the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that any thread or a signal handler may raise and the run loop takes. Clones are the same flags.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    interrupted: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
}

impl Interrupt {
    /// A flag that is not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for SIGINT to be delivered.
    pub fn raise(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// Asks the run to end at the next look, in a few milliseconds. Whoever waits on the guest's behalf is told too.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.raise();
    }

    /// Whether the run is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The flag itself, for who waits on the guest's behalf and for signal handlers.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// True once for each time that it was raised.
    pub(crate) fn take(&self) -> bool {
        self.interrupted.swap(false, Ordering::Relaxed)
    }
}
