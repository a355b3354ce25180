//! One process: its memory, its files, its signals, who it is, and whose child.
//!
//! A process has one thread. What it owns it holds by number (address space, descriptors), so that forking copies numbers and
//! ending gives them back. The process that runs is [`Kernel::current`](crate::Kernel); all others, zombies too, are in its table.

mod asked;
mod capabilities;
mod cpu_times;
mod credentials;
mod fs_struct;
mod limits;
mod mm_table;
mod scheduling;
mod status;
mod table;

pub(crate) use asked::{MceKill, TimerSlack};
pub(crate) use capabilities::CapSet;
pub(crate) use capabilities::{Cap, Capabilities};
pub(crate) use cpu_times::{CpuTimes, Usage};
pub use credentials::{Credentials, Ids};
pub(crate) use fs_struct::FsStruct;
pub use limits::{Limits, RLIM_INFINITY, Resource, Rlimit};
pub(crate) use mm_table::{MmId, MmTable};
pub(crate) use scheduling::{Policy, Scheduling};
pub(crate) use status::{JobEvent, State, WaitStatus};
pub(crate) use table::Table;

use crate::fs::FilesId;
use crate::signal::{Signal, Signals};
use crate::syscall::{CutShort, Timers};
use crate::wait::{Retry, Wait};
use arch::{LinearAddr, UserContext};
use event::Pid;
use std::rc::Rc;

/// The process id of the first program, fixed so that what it prints is.
pub const FIRST_PID: Pid = Pid(1000);
/// Bytes of a process's name, the last of them 0.
pub(crate) const TASK_COMM_LEN: usize = 16;

/// Its parent, which is not there to be looked at: the command that started the run.
pub(crate) const PARENT_PID: Pid = Pid(999);
/// Who the parent of an orphan is. It is not there either: an orphan that ends is gone at once.
pub(crate) const INIT_PID: Pid = Pid(1);

/// A process with one thread.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    /// Its process group.
    pub(crate) pgrp: Pid,
    pub(crate) session: Pid,
    pub(crate) state: State,
    /// Its registers while another process runs.
    pub(crate) ctx: UserContext,
    /// The number of the call in which it waits or waited, to be made again before it goes on.
    pub(crate) in_call: Option<u64>,
    /// What it waits for.
    pub(crate) wait: Option<Wait>,
    /// What the call that is being made had come to when it began to wait.
    pub(crate) retry: Option<Retry>,
    /// A call that was cut short and may still end with EINTR, until it next enters the kernel layer.
    pub(crate) cut_short: Option<CutShort>,
    /// Its address space, which it may share with others.
    pub(crate) mm: MmId,
    /// Its descriptors.
    pub(crate) files: FilesId,
    /// Its working directory and umask.
    pub(crate) fs: Rc<FsStruct>,
    pub(crate) signals: Signals,
    /// What its parent is sent when it ends; `None` for nothing.
    pub(crate) exit_signal: Option<Signal>,
    /// What it is sent when its parent ends (PR_SET_PDEATHSIG).
    pub(crate) parent_death_signal: Option<Signal>,
    /// A stop or continuation that the parent has not asked for yet.
    pub(crate) job_event: Option<JobEvent>,
    /// Whether it has executed a program since it was forked: then its parent may not move it to another group.
    pub(crate) has_executed: bool,
    /// Whether its parent waits until it leaves the address space that it was born with (vfork).
    pub(crate) borrows_mm: bool,
    /// Whether orphans below it become its children (PR_SET_CHILD_SUBREAPER).
    pub(crate) is_subreaper: bool,
    pub(crate) credentials: Credentials,
    pub(crate) capabilities: Capabilities,
    /// Further groups, in ascending order (setgroups).
    pub(crate) groups: Rc<[u32]>,
    pub(crate) limits: Limits,
    pub(crate) timers: Timers,
    pub(crate) times: CpuTimes,
    /// What it has used.
    pub(crate) usage: Usage,
    /// What its children had used that it has waited for, with theirs.
    pub(crate) children_usage: Usage,
    /// The name of the thread (PR_SET_NAME), ended by a NUL.
    pub(crate) comm: [u8; TASK_COMM_LEN],
    /// Its niceness, -20 to 19.
    pub(crate) nice: i32,
    pub(crate) scheduling: Scheduling,
    /// What personality() was told.
    pub(crate) personality: u32,
    /// How late its sleeps may end, in nanoseconds, and what a child starts with (PR_SET_TIMERSLACK).
    pub(crate) timer_slack: TimerSlack,
    /// Whether it is killed at once for memory that has gone bad (PR_MCE_KILL).
    pub(crate) mce_kill: MceKill,
    /// 1 after PR_SET_NO_NEW_PRIVS.
    pub(crate) no_new_privs: u64,
    /// What it adds to its badness when memory is short, in thousandths of RAM.
    pub(crate) oom_score_adj: i16,
    /// The least that it may set that to itself.
    pub(crate) oom_score_adj_min: i16,
    /// CLOCK_MONOTONIC in nanoseconds when it was forked.
    pub(crate) start_ns: u64,
    /// Where the thread's id is cleared when it ends (set_tid_address).
    pub(crate) clear_child_tid: LinearAddr,
    /// It was killed for its memory, and must not run again.
    pub(crate) is_oom_victim: bool,
    /// The head of the list of robust futexes (set_robust_list).
    pub(crate) robust_list: LinearAddr,
}

impl Process {
    /// Whether it has a part of root's privilege (`capable`).
    pub(crate) const fn may(&self, cap: Cap) -> bool {
        self.capabilities.effective.has(cap)
    }

    /// Whether it has ended.
    pub(crate) const fn has_ended(&self) -> bool {
        matches!(self.state, State::Zombie(_) | State::Dead)
    }

    /// Names the thread after a file, as execve does (`begin_new_exec`).
    pub(crate) fn set_comm(&mut self, path: &[u8]) {
        let base = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
        self.comm = [0; TASK_COMM_LEN];
        let len = base.len().min(15);
        self.comm[..len].copy_from_slice(&base[..len]);
    }

    /// The name of the thread, without the NUL.
    pub(crate) fn name(&self) -> &[u8] {
        self.comm.split(|&b| b == 0).next().unwrap_or_default()
    }
}
