//! What a process asked for with prctl that is remembered, inherited and told, and changes nothing here.

/// How late sleeps may end, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerSlack {
    now: u64,
    default: u64,
}

impl Default for TimerSlack {
    fn default() -> Self {
        Self { now: 50_000, default: 50_000 }
    }
}

impl TimerSlack {
    pub(crate) const fn get(self) -> u64 {
        self.now
    }

    /// Nothing, or less, takes back what was set.
    pub(crate) fn set(&mut self, ns: i64) {
        self.now = u64::try_from(ns).ok().filter(|&ns| ns > 0).unwrap_or(self.default);
    }

    /// A child's default is what its parent has.
    pub(crate) const fn fork(self) -> Self {
        Self { now: self.now, default: self.now }
    }
}

/// When a process is killed for memory of its own that has gone bad; the numbers are PR_MCE_KILL's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MceKill {
    /// When it uses it.
    Late = 0,
    /// At once.
    Early = 1,
    /// As the system has it.
    #[default]
    Default = 2,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_s_default_slack_is_its_parent_s() {
        let mut slack = TimerSlack::default();
        slack.set(7);
        let mut child = slack.fork();
        child.set(9);
        child.set(0);
        slack.set(-1);
        assert_eq!((child.get(), slack.get()), (7, 50_000));
    }
}
