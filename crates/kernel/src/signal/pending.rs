//! Signals that have been raised and not yet taken (Linux's `struct sigpending`).
//!
//! Invariant: a bit of `set` is on exactly when something with that number is in `queue`, and at most one of each standard
//! signal is, besides those of timers, which have one each. The queue is bounded, so a guest cannot make the host's memory grow.

use super::{SigInfo, SigSet};
use std::collections::VecDeque;

/// RLIMIT_SIGPENDING: how many signals can wait in a queue.
pub(crate) const SIGPENDING_LIMIT: usize = 4096;

#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    set: SigSet,
    queue: VecDeque<SigInfo>,
}

impl Pending {
    /// The numbers that are pending.
    pub(crate) const fn set(&self) -> SigSet {
        self.set
    }

    /// Adds a signal; a second one of a standard signal is lost (`legacy_queue`). False if the queue is full.
    pub(crate) fn push(&mut self, info: SigInfo) -> bool {
        if !info.signal().is_real_time() && self.set.contains(info.signal()) && info.timer_id().is_none() {
            return true;
        }
        if self.queue.len() >= SIGPENDING_LIMIT {
            return false;
        }
        self.set = self.set.with(info.signal());
        self.queue.push_back(info);
        true
    }

    /// Adds a fault ahead of all else (`dequeue_synchronous_signal`); it replaces a signal of the same number that a
    /// program has sent.
    pub(crate) fn push_forced(&mut self, info: SigInfo) {
        self.flush(SigSet::of(info.signal()));
        self.set = self.set.with(info.signal());
        self.queue.push_front(info);
    }

    /// Takes the first signal that is not in `mask`.
    pub(crate) fn pop(&mut self, mask: SigSet) -> Option<SigInfo> {
        let signal = (self.set - mask).first()?;
        let at = self.queue.iter().position(|info| info.signal() == signal).expect("set and queue agree");
        let info = self.queue.remove(at);
        if !self.queue.iter().any(|info| info.signal() == signal) {
            self.set.remove(signal);
        }
        info
    }

    /// Forgets what a timer has sent.
    pub(crate) fn forget_timer(&mut self, id: i32) {
        self.queue.retain(|info| info.timer_id() != Some(id));
        self.set = self.queue.iter().fold(SigSet::EMPTY, |set, info| set.with(info.signal()));
    }

    /// Forgets the signals in `set`.
    pub(crate) fn flush(&mut self, set: SigSet) {
        if !(self.set & set).is_empty() {
            self.queue.retain(|info| !set.contains(info.signal()));
            self.set = self.set - set;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Signal;
    use super::*;
    use arch::LinearAddr;

    fn info(signal: Signal, tag: u64) -> SigInfo {
        SigInfo::fault(signal, 0, LinearAddr(tag))
    }

    #[test]
    fn standard_signals_merge_and_real_time_ones_queue() {
        let rt = Signal::new(40).unwrap();
        let mut p = Pending::default();
        for tag in 0..3 {
            assert!(p.push(info(Signal::USR1, tag)));
            assert!(p.push(info(rt, tag)));
        }
        let order: Vec<_> = std::iter::from_fn(|| p.pop(SigSet::EMPTY)).map(|i| (i.signal(), i.addr().0)).collect();
        assert_eq!(order, [(Signal::USR1, 0), (rt, 0), (rt, 1), (rt, 2)]);
        assert!(p.set().is_empty());
    }

    #[test]
    fn the_mask_holds_back() {
        let mut p = Pending::default();
        p.push(info(Signal::USR1, 1));
        assert_eq!(p.pop(SigSet::of(Signal::USR1)), None);
        assert!(p.set().contains(Signal::USR1));
        p.flush(SigSet::of(Signal::USR1));
        assert_eq!(p.pop(SigSet::EMPTY), None);
    }

    #[test]
    fn the_queue_is_bounded() {
        let rt = Signal::new(34).unwrap();
        let mut p = Pending::default();
        assert!((0..SIGPENDING_LIMIT as u64).all(|tag| p.push(info(rt, tag))));
        assert!(!p.push(info(rt, 0)));
    }

    #[test]
    fn a_fault_goes_ahead_of_what_was_sent() {
        let mut p = Pending::default();
        p.push(info(Signal::SEGV, 1));
        p.push_forced(info(Signal::SEGV, 2));
        assert_eq!(p.pop(SigSet::EMPTY), Some(info(Signal::SEGV, 2)));
        assert_eq!(p.pop(SigSet::EMPTY), None);
    }
}
