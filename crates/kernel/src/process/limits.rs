//! Resource limits.

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
    /// Seconds on the processor.
    Cpu = 0,
    /// Bytes of a file that is written.
    Fsize = 1,
    /// Bytes of heap and data.
    Data = 2,
    /// Bytes of stack.
    Stack = 3,
    /// Processes of the user.
    Nproc = 6,
    /// Open file descriptors.
    Nofile = 7,
    /// Bytes of memory that stays in RAM.
    Memlock = 8,
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
