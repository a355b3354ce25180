//! Requests from outside: signals for the guest's foreground, as a terminal sends them, or the end of the run.

use kernel::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Flags that any thread or a signal handler may raise and the run loop takes. Clones are the same flags.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    /// Raised with each of the others, to cut short what waits.
    woken: Arc<AtomicBool>,
    signals: [Arc<AtomicBool>; Self::SIGNALS.len()],
    stopped: Arc<AtomicBool>,
    /// One of them that ends most programs was delivered.
    interrupted: Arc<AtomicBool>,
}

impl Interrupt {
    /// The signals that a terminal sends to its foreground: Ctrl-C, Ctrl-\, Ctrl-Z, and a new size.
    pub const SIGNALS: [Signal; 4] = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::WINCH];

    /// Flags that are not raised.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for SIGINT to be delivered.
    pub fn raise(&self) {
        self.signals[0].store(true, Ordering::Relaxed);
        self.woken.store(true, Ordering::Relaxed);
    }

    /// Asks the run to end at the next look, at the latest after about a million instructions. Whoever waits on the guest's behalf is told too.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.woken.store(true, Ordering::Relaxed);
    }

    /// Whether the run is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether Ctrl-C or Ctrl-\ has reached the programs, which then may have ended for that alone.
    #[must_use]
    pub fn has_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The flag that is raised whatever is asked for, for who waits on the guest's behalf.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.woken)
    }

    /// The flags that a handler of each of [`Self::SIGNALS`] raises: its own first, then [`Self::flag`].
    pub fn flags(&self) -> impl Iterator<Item = (Signal, [Arc<AtomicBool>; 2])> {
        Self::SIGNALS.into_iter().zip(&self.signals).map(|(signal, own)| (signal, [Arc::clone(own), self.flag()]))
    }

    /// The next signal to be delivered, once for each time that its flag was raised.
    pub(crate) fn take(&self) -> Option<Signal> {
        if !self.woken.swap(false, Ordering::Relaxed) {
            return None;
        }
        let taken = Self::SIGNALS.into_iter().zip(&self.signals).find(|(_, flag)| flag.swap(false, Ordering::Relaxed));
        if taken.is_some() {
            // There may be more.
            self.woken.store(true, Ordering::Relaxed);
        }
        let taken = taken.map(|(signal, _)| signal);
        if matches!(taken, Some(Signal::INT | Signal::QUIT)) {
            self.interrupted.store(true, Ordering::Relaxed);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_is_taken_once() {
        let interrupt = Interrupt::new();
        assert_eq!(interrupt.take(), None);
        for (_, flags) in interrupt.flags().skip(2) {
            flags.iter().for_each(|flag| flag.store(true, Ordering::Relaxed));
        }
        interrupt.raise();
        let taken: Vec<Signal> = std::iter::from_fn(|| interrupt.take()).collect();
        assert_eq!(taken, [Signal::INT, Signal::TSTP, Signal::WINCH]);
        assert!(!interrupt.flag().load(Ordering::Relaxed));
    }
}
