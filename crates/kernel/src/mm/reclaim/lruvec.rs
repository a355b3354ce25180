//! The pages that reclaim may take: the lists of the machine, and those of the one mapping under `--resident-limit`.
//!
//! Invariant: `Frame::lru` says in whose lists a frame is; a policy's lists hold exactly these frames, but for victims
//! between their selection and their end.

use super::policy::{self, Policy, PolicyConfig, PolicyCounts, PolicyName, Swappiness};
use super::{AgingFlush, ResidentLimit};
use crate::mm::frames::OnLru;
use arch::Pfn;

/// How pages are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReclaimConfig {
    /// By whom.
    pub policy: PolicyName,
    /// A bound for one mapping.
    pub resident_limit: Option<ResidentLimit>,
    /// What becomes of cached translations when an accessed bit is cleared.
    pub aging: AgingFlush,
    /// Pages that are read together from the swap device are at most 2 to this power; `None` for Linux's 3.
    pub page_cluster: Option<u32>,
}

/// The lists, by the policies that keep them.
#[derive(Debug)]
pub struct Lruvec {
    node: Lent,
    limited: Option<Limited>,
}

/// A policy; `None` while it is lent out.
type Lent = Option<Box<dyn Policy>>;

/// The lists of one mapping.
#[derive(Debug)]
struct Limited {
    limit: ResidentLimit,
    policy: Lent,
}

impl Lruvec {
    /// Empty lists for a machine with so many frames.
    pub(crate) fn new(frames: u64, config: ReclaimConfig, seed: u64) -> Self {
        let build = |frames| {
            let swappiness = Swappiness::default();
            Some(policy::build(config.policy, PolicyConfig { frames, seed, swappiness }))
        };
        let limited = config.resident_limit.map(|limit| Limited { limit, policy: build(limit.pages.get()) });
        Self { node: build(frames), limited }
    }

    /// The bound for one mapping.
    pub(crate) fn limit(&self) -> Option<ResidentLimit> {
        self.limited.as_ref().map(|limited| limited.limit)
    }

    /// Who keeps the lists that a frame is in, or may be put into.
    pub(super) fn policy(&mut self, lru: OnLru) -> Option<&mut dyn Policy> {
        self.place(lru)?.as_deref_mut().map(|policy| policy as _)
    }

    /// Takes a frame that is freed out of the lists.
    pub(crate) fn remove(&mut self, pfn: Pfn, lru: OnLru) {
        if let Some(policy) = self.policy(lru) {
            policy.remove(pfn);
        }
    }

    /// Lends the policy out, while it asks things of the frames.
    pub(super) fn lend(&mut self, lru: OnLru) -> Lent {
        self.place(lru)?.take()
    }

    /// Takes it back.
    pub(super) fn take_back(&mut self, lru: OnLru, policy: Box<dyn Policy>) {
        *self.place(lru).expect("it was lent from here") = Some(policy);
    }

    fn place(&mut self, lru: OnLru) -> Option<&mut Lent> {
        match lru {
            OnLru::Node => Some(&mut self.node),
            OnLru::Limited => self.limited.as_mut().map(|limited| &mut limited.policy),
            OnLru::No | OnLru::Unevictable => None,
        }
    }

    /// The lengths of the lists, and what has happened, of the machine and of the limited mapping.
    pub(crate) fn counts(&self) -> [PolicyCounts; 2] {
        let counts = |policy: &Lent| policy.as_ref().map(|policy| policy.counts()).unwrap_or_default();
        [counts(&self.node), self.limited.as_ref().map(|limited| counts(&limited.policy)).unwrap_or_default()]
    }

    /// `vm.swappiness` was set.
    pub(crate) fn set_swappiness(&mut self, swappiness: Swappiness) {
        for policy in [OnLru::Node, OnLru::Limited] {
            if let Some(policy) = self.policy(policy) {
                policy.set_swappiness(swappiness);
            }
        }
    }
}
