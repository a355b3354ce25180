//! Signals: what is pending, what is blocked, what each does, and how one is delivered.
//!
//! Protocol. Whoever has something to say to the process *raises* a signal ([`Signals::raise`], or [`Signals::force`] for
//! one that the process itself caused and cannot put off). Nothing happens until the kernel layer is about to return to the
//! guest; then `deliver` takes what is pending, one signal at a time, and for each either forgets it, ends the run, or builds
//! a frame on the user stack that makes the handler the next thing to run. `rt_sigreturn` undoes such a frame.

mod action;
mod deliver;
mod fpstate;
mod frame;
mod info;
mod number;
mod pending;

pub(crate) use action::{AltStack, SaFlags, SigAction, SsFlags};
pub(crate) use fpstate::{initial_state, min_signal_stack};
pub use info::SigInfo;
pub(crate) use info::{SigCode, UserInfo};
pub use number::{SigSet, Signal};
pub(crate) use pending::{Pending, SIGPENDING_LIMIT};

use number::DefaultAction;

/// What the last exception left for the signal frame (Linux's `thread.trap_nr`, `error_code` and `cr2`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrapRecord {
    pub(crate) trapno: u64,
    pub(crate) err: u64,
    pub(crate) cr2: u64,
}

/// The signal state of one thread and its process.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    actions: [SigAction; Signal::COUNT],
    /// Signals that wait until they are unblocked.
    pub(crate) blocked: SigSet,
    /// The mask to put back after `rt_sigsuspend`, unless a handler's frame has taken it over.
    saved_mask: Option<SigSet>,
    /// Raised for this thread.
    private: Pending,
    /// Raised for the process.
    shared: Pending,
    pub(crate) altstack: AltStack,
    pub(crate) trap: TrapRecord,
}

/// To whom a signal is raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// This thread: `tkill`, faults.
    Thread,
    /// The process: `kill`, timers, the terminal.
    Process,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Self {
            actions: [SigAction::default(); Signal::COUNT],
            blocked: SigSet::EMPTY,
            saved_mask: None,
            private: Pending::default(),
            shared: Pending::default(),
            altstack: AltStack::default(),
            trap: TrapRecord::default(),
        }
    }

    /// What a child starts with: nothing is pending (`copy_process`).
    pub(crate) fn fork(&self) -> Self {
        Self {
            private: Pending::default(),
            shared: Pending::default(),
            saved_mask: None,
            blocked: self.mask_to_save(),
            ..self.clone()
        }
    }

    /// Handlers go back to the default (CLONE_CLEAR_SIGHAND); what is ignored stays so.
    pub(crate) fn clear_handlers(&mut self) {
        for action in &mut self.actions {
            *action = if action.is_ignored() { SigAction::ignored() } else { SigAction::default() };
        }
    }

    /// Whether a wait has brought a mask of its own.
    pub(crate) const fn is_suspended(&self) -> bool {
        self.saved_mask.is_some()
    }

    /// What execve leaves: handlers go back to the default, ignored signals stay ignored, and the alternate stack is gone
    /// (`flush_signal_handlers`).
    pub(crate) fn exec(&mut self) {
        self.clear_handlers();
        self.altstack = AltStack::default();
        self.trap = TrapRecord::default();
        self.saved_mask = None;
    }

    pub(crate) fn action(&self, signal: Signal) -> SigAction {
        self.actions[signal.index()]
    }

    /// Installs an action; one that ignores the signal also drops what is pending of it (`do_sigaction`).
    pub(crate) fn set_action(&mut self, signal: Signal, action: SigAction) {
        self.actions[signal.index()] = action;
        if self.ignores(signal) {
            self.private.flush(SigSet::of(signal));
            self.shared.flush(SigSet::of(signal));
        }
    }

    /// Whether the signal does nothing, blocked or not.
    pub(crate) fn ignores(&self, signal: Signal) -> bool {
        let action = self.action(signal);
        action.is_ignored() || action.is_default() && signal.default_action() == DefaultAction::Ignore
    }

    /// Raises a signal from outside the program or by its wish; it may be ignored, blocked, or already pending
    /// (`send_signal_locked`). False if the queue of a real-time signal is full.
    pub(crate) fn raise(&mut self, target: Target, info: SigInfo) -> bool {
        let signal = info.signal();
        if signal == Signal::CONT {
            self.flush_pending(SigSet::STOP);
        } else if SigSet::STOP.contains(signal) {
            self.flush_pending(SigSet::of(Signal::CONT));
        }
        if self.ignores(signal) && !self.blocked.contains(signal) {
            return true;
        }
        match target {
            Target::Thread => self.private.push(info),
            Target::Process => self.shared.push(info),
        }
    }

    /// Raises a signal that the program's own instruction caused. It cannot wait: blocked or ignored, it kills
    /// (`force_sig_info_to_task`).
    pub(crate) fn force(&mut self, info: SigInfo) {
        let signal = info.signal();
        if self.blocked.contains(signal) || self.action(signal).is_ignored() {
            self.actions[signal.index()] = SigAction::default();
            self.blocked.remove(signal);
        }
        self.private.push_forced(info);
    }

    /// Everything that is pending, blocked or not.
    pub(crate) fn pending_set(&self) -> SigSet {
        self.private.set() | self.shared.set()
    }

    /// Whether some signal waits that is not blocked, or one of `wanted`.
    pub(crate) fn has_any(&self, wanted: SigSet) -> bool {
        let pending = self.pending_set();
        !((pending - self.blocked) | (pending & wanted)).is_empty()
    }

    /// Whether raising this signal would end a wait for `wanted`.
    pub(crate) fn would_wake(&self, signal: Signal, wanted: SigSet) -> bool {
        wanted.contains(signal) || !self.blocked.contains(signal) && !self.ignores(signal)
    }

    /// Whether a signal, once raised, kills without anybody's being able to put it off: SIGKILL takes its place then
    /// (`complete_signal`). Those that would dump core are not among them, as on Linux.
    pub(crate) fn is_fatal(&self, signal: Signal) -> bool {
        let kills = signal.default_action() == DefaultAction::Terminate && !SigSet::COREDUMP.contains(signal);
        signal == Signal::KILL || kills && self.action(signal).is_default() && !self.blocked.contains(signal)
    }

    /// Whether such a signal is pending.
    pub(crate) fn has_fatal(&self) -> bool {
        let pending = self.pending_set();
        (1..=Signal::COUNT as u64)
            .filter_map(Signal::new)
            .any(|signal| pending.contains(signal) && self.is_fatal(signal))
    }

    /// Takes the next signal that is not in `mask`: faults first, then the thread's, then the process's; the lowest number
    /// first (`dequeue_signal`).
    pub(crate) fn dequeue(&mut self, mask: SigSet) -> Option<SigInfo> {
        self.private.pop(mask).or_else(|| self.shared.pop(mask))
    }

    /// Blocks `set`, less the two signals that cannot be blocked (`set_current_blocked`).
    pub(crate) fn set_blocked(&mut self, set: SigSet) {
        self.blocked = set - SigSet::UNBLOCKABLE;
    }

    /// Blocks `set` until the next signal has been handled (`sigsuspend`, `ppoll`, `pselect`).
    pub(crate) fn suspend_with(&mut self, set: SigSet) {
        self.saved_mask = Some(self.blocked);
        self.set_blocked(set);
    }

    /// Forgets what a timer has sent and nobody has taken.
    pub(crate) fn forget_timer(&mut self, id: i32) {
        self.private.forget_timer(id);
        self.shared.forget_timer(id);
    }

    fn flush_pending(&mut self, set: SigSet) {
        self.private.flush(set);
        self.shared.flush(set);
    }
}
