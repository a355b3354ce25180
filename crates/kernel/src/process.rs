//! One process: its memory, its files, its signals, and who it is.

use crate::fs::FdTable;
use crate::fs::InodeId;
use crate::mm::Mm;
use crate::signal::Signals;
use crate::syscall::Timers;
use arch::LinearAddr;
use event::Pid;

/// The process id of the first program, fixed so that what it prints is.
pub(crate) const FIRST_PID: Pid = Pid(1000);
/// Its parent, which is not there to be looked at: the command that started the run.
pub(crate) const PARENT_PID: Pid = Pid(999);

/// Three ids of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Whose process it is.
    pub real: u32,
    /// Whose rights it has.
    pub effective: u32,
    /// Whose rights it can take back.
    pub saved: u32,
}

impl Ids {
    /// The same id three times.
    #[must_use]
    pub const fn all(id: u32) -> Self {
        Self { real: id, effective: id, saved: id }
    }
}

/// User and group ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User ids.
    pub user: Ids,
    /// Group ids.
    pub group: Ids,
}

impl Credentials {
    /// Those of whoever runs the simulator, so that `id` and access checks agree with a native run.
    #[must_use]
    pub fn host() -> Self {
        let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        Self { user: Ids::all(user), group: Ids::all(group) }
    }
}

/// Page faults that were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultCounts {
    /// Without reading a file.
    pub(crate) minor: u64,
    /// With.
    pub(crate) major: u64,
}

/// A soft and a hard limit (`struct rlimit64`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// What holds now.
    pub soft: u64,
    /// How far the soft limit may be raised.
    pub hard: u64,
}

/// RLIM_INFINITY.
pub const RLIM_INFINITY: u64 = u64::MAX;

/// The resources that have a limit (Linux's `include/uapi/asm-generic/resource.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Resource {
    /// Bytes of heap and data.
    Data = 2,
    /// Bytes of stack.
    Stack = 3,
    /// Open file descriptors.
    Nofile = 7,
    /// Bytes of address space.
    As = 9,
}

/// The limits of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits([Rlimit; Self::COUNT]);

impl Limits {
    /// How many resources there are.
    pub const COUNT: usize = 16;

    /// One limit.
    #[must_use]
    pub const fn get(&self, resource: Resource) -> Rlimit {
        self.0[resource as usize]
    }

    /// Sets one limit.
    pub const fn set(&mut self, resource: Resource, limit: Rlimit) {
        self.0[resource as usize] = limit;
    }

    pub(crate) fn by_number(&mut self, number: u64) -> Option<&mut Rlimit> {
        self.0.get_mut(usize::try_from(number).ok()?)
    }
}

impl Default for Limits {
    /// What a login shell on a common Linux has, with the numbers that depend on the machine fixed.
    fn default() -> Self {
        const fn up_to(soft: u64, hard: u64) -> Rlimit {
            Rlimit { soft, hard }
        }
        const NONE: Rlimit = up_to(RLIM_INFINITY, RLIM_INFINITY);
        Self([
            NONE,                          // CPU
            NONE,                          // FSIZE
            NONE,                          // DATA
            up_to(8 << 20, RLIM_INFINITY), // STACK
            up_to(0, RLIM_INFINITY),       // CORE
            NONE,                          // RSS
            up_to(4096, 4096),             // NPROC
            up_to(1024, 4096),             // NOFILE
            up_to(8 << 20, 8 << 20),       // MEMLOCK
            NONE,                          // AS
            NONE,                          // LOCKS
            up_to(4096, 4096),             // SIGPENDING
            up_to(819_200, 819_200),       // MSGQUEUE
            up_to(0, 0),                   // NICE
            up_to(0, 0),                   // RTPRIO
            NONE,                          // RTTIME
        ])
    }
}

/// A process with one thread.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) mm: Mm,
    pub(crate) files: FdTable,
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
