//! Why an instruction took as long as it did: what it waited for, one thing after the other.

use crate::Cycles;
use crate::ledger::Cause;
use arch::LinearAddr;

/// A moment, the cause of the time before it, and the address whose translation it was for, if it was for one.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: Cycles,
    cause: Cause,
    la: LinearAddr,
}

/// Steps in ascending order. What lies before the first is the first's.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(Vec<Step>);

impl Path {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Up to this moment it was for this.
    #[inline]
    pub(super) fn until(&mut self, at: Cycles, cause: Cause) {
        self.translating(at, cause, LinearAddr(0));
    }

    /// Up to this moment it was for the translation of this address.
    #[inline]
    pub(super) fn translating(&mut self, at: Cycles, cause: Cause, la: LinearAddr) {
        self.0.push(Step { at, cause, la });
    }

    /// Another path follows.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// True if there was nothing to wait for.
    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When it ends.
    #[inline]
    pub(super) fn end(&self) -> Cycles {
        self.0.last().map_or(Cycles(0), |step| step.at)
    }

    /// Everything that it waited for, once each, with the address that it was for.
    pub(super) fn causes(&self) -> impl Iterator<Item = (Cause, LinearAddr)> {
        self.0.iter().map(|step| (step.cause, step.la)).filter(|(cause, _)| *cause != Cause::Execution)
    }

    /// The time between two moments by cause, the latest first, with the address that it was for. What is behind the end is execution.
    pub(super) fn between(&self, from: Cycles, to: Cycles, mut charge: impl FnMut(Cause, Cycles, LinearAddr)) {
        let mut upper = to.min(self.end().max(from));
        if to > upper {
            charge(Cause::Execution, to - upper, LinearAddr(0));
        }
        let mut steps = self.0.iter().rev().peekable();
        while upper > from {
            let step = steps.next().expect("the first step is not bounded below");
            let lower = steps.peek().map_or(from, |below| below.at.max(from)).min(upper);
            if upper > lower {
                charge(step.cause, upper - lower, step.la);
            }
            upper = lower;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Supplier;

    #[test]
    fn the_time_between_two_moments_is_divided_among_their_causes() {
        let mut path = Path::default();
        path.until(Cycles(10), Cause::Execution);
        path.until(Cycles(15), Cause::SecondLevelHit);
        path.until(Cycles(15), Cause::WalkStart);
        path.until(Cycles(40), Cause::Data(Supplier::L2));
        let between = |from, to| {
            let mut all = Vec::new();
            path.between(Cycles(from), Cycles(to), |cause, cycles, _| all.push((cause, cycles.0)));
            all
        };
        let (data, hit, work) = (Cause::Data(Supplier::L2), Cause::SecondLevelHit, Cause::Execution);
        assert_eq!(between(0, 42), [(work, 2), (data, 25), (hit, 5), (work, 10)]);
        assert_eq!(between(12, 40), [(data, 25), (hit, 3)]);
        assert_eq!(between(20, 30), [(data, 10)]);
        assert_eq!(between(41, 43), [(work, 2)]);
        assert_eq!(between(43, 43), []);
    }
}
