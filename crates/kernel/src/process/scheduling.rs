//! How a process asked to be scheduled. It is remembered and told, and changes nothing: all take turns.

/// A scheduling policy, with Linux's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Policy {
    /// SCHED_OTHER.
    #[default]
    Other = 0,
    Fifo = 1,
    RoundRobin = 2,
    Batch = 3,
    Idle = 5,
}

impl Policy {
    const ALL: [Self; 5] = [Self::Other, Self::Fifo, Self::RoundRobin, Self::Batch, Self::Idle];

    pub(crate) fn by_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| *policy as u32 == number)
    }

    /// Whether it goes by a static priority (`rt_policy`).
    pub(crate) const fn is_real_time(self) -> bool {
        matches!(self, Self::Fifo | Self::RoundRobin)
    }
}

/// What a process asked of the schedulers of processor and disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scheduling {
    pub(crate) policy: Policy,
    /// 1 to 99 for a real-time policy, otherwise 0.
    pub(crate) priority: u32,
    /// Whether children start with the default (SCHED_RESET_ON_FORK).
    pub(crate) resets_on_fork: bool,
    /// What ioprio_set was told: class and level.
    pub(crate) io_priority: u16,
}

impl Scheduling {
    /// What a child starts with (`sched_fork`).
    pub(crate) fn fork(&self) -> Self {
        let io_priority = self.io_priority;
        if self.resets_on_fork { Self { io_priority, ..Self::default() } } else { *self }
    }
}
