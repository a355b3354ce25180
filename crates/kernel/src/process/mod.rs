//! One process: its memory, its files, its signals, and who it is.

mod credentials;
mod limits;
mod mm_table;

pub use credentials::{Credentials, Ids};
pub use limits::{Limits, RLIM_INFINITY, Resource, Rlimit};
pub(crate) use mm_table::{MmId, MmTable};

use crate::fs::{FilesId, InodeId};
use crate::signal::Signals;
use crate::syscall::Timers;
use crate::wait::Retry;
use arch::LinearAddr;
use event::Pid;

/// The process id of the first program, fixed so that what it prints is.
pub(crate) const FIRST_PID: Pid = Pid(1000);
/// Its parent, which is not there to be looked at: the command that started the run.
pub(crate) const PARENT_PID: Pid = Pid(999);

/// Page faults that were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultCounts {
    /// Without reading a file.
    pub(crate) minor: u64,
    /// With.
    pub(crate) major: u64,
}

/// A process with one thread.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    /// Its address space, which it may share with others.
    pub(crate) mm: MmId,
    /// Its descriptors.
    pub(crate) files: FilesId,
    /// The working directory.
    pub(crate) cwd: InodeId,
    /// Permission bits that new files do not get.
    pub(crate) umask: u32,
    pub(crate) signals: Signals,
    pub(crate) credentials: Credentials,
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    /// The name of the thread (PR_SET_NAME), ended by a NUL.
    pub(crate) comm: [u8; 16],
    pub(crate) faults: FaultCounts,
    /// Its niceness, -20 to 19.
    pub(crate) nice: i32,
    /// What personality() was told.
    pub(crate) personality: u32,
    /// 1 after PR_SET_NO_NEW_PRIVS.
    pub(crate) no_new_privs: u64,
    /// Where the thread's id is cleared when it ends (set_tid_address); nobody can wait for it yet.
    pub(crate) clear_child_tid: LinearAddr,
    /// The head of the list of robust futexes (set_robust_list).
    pub(crate) robust_list: LinearAddr,
    /// What the call that is being made had come to when it began to wait.
    pub(crate) retry: Option<Retry>,
}

impl Process {
    /// The permission to do as root does.
    pub(crate) const fn is_root(&self) -> bool {
        self.credentials.user.effective == 0
    }

    /// Names the thread after a file, as execve does (`begin_new_exec`).
    pub(crate) fn set_comm(&mut self, path: &[u8]) {
        let base = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        self.comm = [0; 16];
        let len = base.len().min(15);
        self.comm[..len].copy_from_slice(&base[..len]);
    }
}
