//! What a process does at the moment, and what its parent is told of it.

use crate::signal::Signal;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, or would if it were its turn.
    Runnable,
    /// It waits in a system call.
    Waiting,
    /// A signal has stopped it.
    Stopped,
    /// It has ended, and its parent has not asked how.
    Zombie(WaitStatus),
    /// It has ended, and nobody will ask.
    Dead,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitStatus {
    /// With this exit status.
    Exited(u8),
    /// By this signal.
    Killed(Signal),
}

/// A change of a process that lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobEvent {
    /// A signal has stopped it.
    Stopped(Signal),
    /// SIGCONT has made it go on.
    Continued,
}

const CLD_EXITED: i32 = 1;
const CLD_KILLED: i32 = 2;
const CLD_STOPPED: i32 = 5;
const CLD_CONTINUED: i32 = 6;

impl WaitStatus {
    /// The status word of wait4.
    pub(crate) fn word(self) -> u32 {
        match self {
            Self::Exited(status) => u32::from(status) << 8,
            Self::Killed(signal) => u32::from(signal.number()),
        }
    }

    /// `si_code` and `si_status` of SIGCHLD and waitid.
    pub(crate) fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Exited(status) => (CLD_EXITED, i32::from(status)),
            Self::Killed(signal) => (CLD_KILLED, i32::from(signal.number())),
        }
    }
}

impl JobEvent {
    /// The status word of wait4.
    pub(crate) fn word(self) -> u32 {
        match self {
            Self::Stopped(signal) => u32::from(signal.number()) << 8 | 0x7f,
            Self::Continued => 0xffff,
        }
    }

    /// `si_code` and `si_status` of SIGCHLD and waitid.
    pub(crate) fn code_and_status(self) -> (i32, i32) {
        match self {
            Self::Stopped(signal) => (CLD_STOPPED, i32::from(signal.number())),
            Self::Continued => (CLD_CONTINUED, i32::from(Signal::CONT.number())),
        }
    }
}
