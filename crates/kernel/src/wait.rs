//! Waiting in a system call.
//!
//! Protocol. A call that cannot go on returns `Err(self.wait(..))`. Its process then sleeps. When a channel that it waits on is
//! woken, when its time is up, or when a signal comes, the same call is made once more from its start, with the same
//! arguments; [`Kernel::retry`] tells it what it had come to. It looks again whether it can go on, and if not, waits again.
//! So a wake-up is a hint and may come too often, but never too seldom: whoever changes what a channel stands for wakes it.
//!
//! A signal that is there when a call wants to wait ends the call: as a partial success if it has moved bytes, else by its
//! [`Restart`].

use crate::fs::{InodeId, OpenFileId, PipeId, Record, SocketId, Stream};
use crate::kernel::Kernel;
use crate::process::MmId;
use crate::signal::{SigSet, Signal, Signals};
use crate::syscall::Restart;
use crate::{Errno, Hw};
use event::Pid;

/// What a process can wait for, besides time and signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    /// A pipe or FIFO has got bytes, room, or lost an end; or a FIFO has got an end.
    Pipe(PipeId),
    /// This socket has got a message, room to send, or lost its peer.
    Socket(SocketId),
    /// The count of this eventfd has changed.
    Event(OpenFileId),
    /// A lock on a file may have become free.
    Lock(InodeId),
    /// The host's stream may have something. It is asked when no process can run.
    Stream(Stream),
    /// A child of this process has changed its state.
    Children(Pid),
    /// This process has left the memory that it had from its parent (vfork).
    Vfork(Pid),
    /// The futex at this key, for wake-ups with one of these bits.
    Futex(FutexKey, u32),
    /// The terminal's foreground process group has changed.
    Foreground,
}

/// What tells one futex from another (Linux's `union futex_key`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FutexKey {
    /// In private memory: the address space and the address.
    Private(MmId, u64),
    /// In a shared mapping: the file and the offset.
    Shared(InodeId, u64),
}

/// A wait: what ends it, and what becomes of the call then.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    /// Each of these ends it.
    pub(crate) channels: Vec<Channel>,
    /// CLOCK_MONOTONIC in nanoseconds at which it ends.
    pub(crate) until: Option<u64>,
    /// CLOCK_MONOTONIC at which to look again: something that is waited for will be there.
    pub(crate) look_at: Option<u64>,
    /// Signals that end it although they are blocked.
    pub(crate) wanted: SigSet,
    /// What a signal makes of the call.
    pub(crate) restart: Restart,
    /// Which signals end it at all.
    pub(crate) interrupted_by: InterruptedBy,
    /// The record lock that it is for, so that a circle of those who wait is seen.
    pub(crate) lock: Option<Record>,
    /// What the call has done so far; if it is not 0, a signal makes it the result.
    pub(crate) done: u64,
}

/// Which signals end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InterruptedBy {
    /// Those that are not blocked, and the wanted ones (TASK_INTERRUPTIBLE).
    Signals,
    /// Those that kill the process (TASK_KILLABLE).
    FatalSignals,
}

impl Wait {
    /// For one thing, for as long as it takes.
    pub(crate) fn on(channel: Channel) -> Self {
        Self::on_any(vec![channel])
    }

    /// For any of several things, or, if there are none, for time and signals.
    pub(crate) const fn on_any(channels: Vec<Channel>) -> Self {
        Self {
            channels,
            until: None,
            look_at: None,
            wanted: SigSet::EMPTY,
            restart: Restart::Sys,
            interrupted_by: InterruptedBy::Signals,
            lock: None,
            done: 0,
        }
    }

    /// With an end, in CLOCK_MONOTONIC.
    pub(crate) fn until(self, until: Option<u64>) -> Self {
        Self { until, ..self }
    }

    /// With another way to restart.
    pub(crate) fn restart(self, restart: Restart) -> Self {
        Self { restart, ..self }
    }

    /// Ended by signals of this set too, blocked or not.
    pub(crate) fn wanting(self, wanted: SigSet) -> Self {
        Self { wanted, ..self }
    }

    /// Not ended by any signal but those that kill.
    pub(crate) fn killable(self) -> Self {
        Self { interrupted_by: InterruptedBy::FatalSignals, ..self }
    }

    /// For a record lock of a process on a file.
    pub(crate) fn for_lock(inode: InodeId, wanted: Record) -> Self {
        Self { lock: Some(wanted), ..Self::on(Channel::Lock(inode)) }
    }

    /// After a part of the work.
    pub(crate) fn done(self, done: u64) -> Self {
        Self { done, ..self }
    }
}

impl Wait {
    /// When it ends without anybody's doing.
    pub(crate) fn alarm(&self) -> Option<u64> {
        [self.until, self.look_at].into_iter().flatten().min()
    }

    /// What the call finds when it is made again.
    pub(crate) const fn as_retry(&self) -> Retry {
        Retry { until: self.until, done: self.done }
    }

    /// Whether raising a signal, other than SIGKILL, would end it.
    pub(crate) fn would_end_by(&self, signals: &Signals, signal: Signal) -> bool {
        match self.interrupted_by {
            InterruptedBy::Signals => signals.would_wake(signal, self.wanted),
            InterruptedBy::FatalSignals => signals.is_fatal(signal),
        }
    }

    /// Whether a signal that is pending ends it.
    pub(crate) fn is_ended_by(&self, signals: &Signals) -> bool {
        match self.interrupted_by {
            InterruptedBy::Signals => signals.has_any(self.wanted),
            InterruptedBy::FatalSignals => signals.has_fatal(),
        }
    }
}

/// What a call left when it began to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// When it gives up.
    pub(crate) until: Option<u64>,
    /// What it had done.
    pub(crate) done: u64,
}

impl Kernel {
    /// Makes the current process wait, once the call has returned the error that this gives.
    pub(crate) fn wait(&mut self, wait: Wait) -> Errno {
        self.wanted_wait = Some(wait);
        Errno::ERESTARTSYS
    }

    /// What this call left when it began to wait; `None` when it is made for the first time.
    pub(crate) fn retry(&self) -> Option<Retry> {
        self.current.retry
    }

    /// What this call had done when it began to wait; 0 when it is made for the first time.
    pub(crate) fn done_before(&self) -> u64 {
        self.retry().map_or(0, |retry| retry.done)
    }

    /// When a wait of `ns` nanoseconds from now ends; one that has begun keeps its end.
    pub(crate) fn deadline(&self, hw: &Hw<'_>, ns: Option<u64>) -> Option<u64> {
        match self.retry() {
            Some(retry) => retry.until,
            None => ns.map(|ns| self.clock.monotonic_ns(hw.instructions).saturating_add(ns)),
        }
    }

    /// Whether a deadline has come.
    pub(crate) fn is_past(&self, hw: &Hw<'_>, until: Option<u64>) -> bool {
        until.is_some_and(|until| until <= self.clock.monotonic_ns(hw.instructions))
    }
}
