//! The branch predictor: was the way that a branch took the one that the core had gone?
//!
//! Targets in an instruction are known as it is decoded, so just directions of conditional branches and targets of indirect ones are
//! predicted; returns by a stack of the latest calls. Both cores of a pair, the real and its twin, see the same branches and share one.

use crate::config::{PredictorConfig, PredictorKind};
use arch::{BranchKind, LinearAddr};

/// Calls whose returns are known.
const RETURN_STACK: usize = 16;

/// What a prediction came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Right,
    Wrong,
}

/// Tables that learn from each branch.
#[derive(Clone, Debug)]
pub(super) struct Predictor {
    kind: PredictorKind,
    /// Counters of two bits for directions: 2 and more is taken.
    directions: Box<[u8]>,
    /// The latest targets of indirect branches.
    targets: Box<[LinearAddr]>,
    /// Directions of the latest conditional branches, the last in bit 0.
    history: u64,
    returns: [LinearAddr; RETURN_STACK],
    depth: usize,
}

impl Predictor {
    pub(super) fn new(config: PredictorConfig) -> Self {
        let entries = config.entries as usize;
        Self {
            kind: config.kind,
            directions: vec![1; entries].into(),
            targets: vec![LinearAddr(0); entries].into(),
            history: 0,
            returns: [LinearAddr(0); RETURN_STACK],
            depth: 0,
        }
    }

    /// Learns that the branch at `rip`, which is followed by `behind`, led to `next`.
    pub(super) fn resolve(
        &mut self,
        kind: BranchKind,
        rip: LinearAddr,
        behind: LinearAddr,
        next: LinearAddr,
    ) -> Outcome {
        let right = match kind {
            BranchKind::Conditional => self.direction(rip, next != behind),
            BranchKind::Direct => true,
            BranchKind::Call => {
                self.call(behind);
                true
            }
            BranchKind::Indirect => self.target(rip, next),
            BranchKind::IndirectCall => {
                self.call(behind);
                self.target(rip, next)
            }
            BranchKind::Return => self.back(next),
        };
        if right || self.kind == PredictorKind::Perfect { Outcome::Right } else { Outcome::Wrong }
    }

    fn index(&self, rip: LinearAddr) -> usize {
        let history = if self.kind == PredictorKind::Gshare { self.history } else { 0 };
        ((rip.0 ^ rip.0 >> 16 ^ history) % self.directions.len() as u64) as usize
    }

    fn direction(&mut self, rip: LinearAddr, taken: bool) -> bool {
        let index = self.index(rip);
        let counter = &mut self.directions[index];
        let predicted = self.kind != PredictorKind::NotTaken && *counter >= 2;
        *counter = if taken { (*counter + 1).min(3) } else { counter.saturating_sub(1) };
        self.history = self.history << 1 | u64::from(taken);
        predicted == taken
    }

    fn target(&mut self, rip: LinearAddr, next: LinearAddr) -> bool {
        let index = self.index(rip);
        std::mem::replace(&mut self.targets[index], next) == next
    }

    fn call(&mut self, behind: LinearAddr) {
        self.returns[self.depth % RETURN_STACK] = behind;
        self.depth += 1;
    }

    /// A return without a call goes where the core does not expect it.
    fn back(&mut self, next: LinearAddr) -> bool {
        let Some(depth) = self.depth.checked_sub(1) else { return false };
        self.depth = depth;
        self.returns[depth % RETURN_STACK] == next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIP: LinearAddr = LinearAddr(0x40_1000);
    const BEHIND: LinearAddr = LinearAddr(0x40_1002);
    const TARGET: LinearAddr = LinearAddr(0x40_0f00);

    fn wrong(kind: PredictorKind, directions: impl Iterator<Item = bool>) -> usize {
        let mut predictor = Predictor::new(PredictorConfig { kind, entries: 1024 });
        let resolve =
            |taken| predictor.resolve(BranchKind::Conditional, RIP, BEHIND, if taken { TARGET } else { BEHIND });
        directions.map(resolve).filter(|&outcome| outcome == Outcome::Wrong).count()
    }

    #[test]
    fn each_predictor_learns_what_it_can() {
        // A loop of four rounds, a hundred times.
        let rounds = || (0..400).map(|n| n % 4 != 3);
        assert_eq!(wrong(PredictorKind::Perfect, rounds()), 0);
        assert_eq!(wrong(PredictorKind::NotTaken, rounds()), 300);
        assert_eq!(wrong(PredictorKind::Bimodal, rounds()), 101, "the first, and the end of each loop");
        let learned = wrong(PredictorKind::Gshare, rounds());
        assert!(learned < 30, "the history tells the last round: {learned}");
    }

    #[test]
    fn a_return_goes_behind_its_call() {
        let mut predictor = Predictor::new(PredictorConfig { kind: PredictorKind::Bimodal, entries: 1024 });
        let callers: Vec<_> = (0..RETURN_STACK as u64 + 1).map(|n| LinearAddr(0x1000 + 16 * n)).collect();
        for &behind in &callers {
            assert_eq!(predictor.resolve(BranchKind::Call, RIP, behind, TARGET), Outcome::Right);
        }
        let mut back = |to| predictor.resolve(BranchKind::Return, TARGET, BEHIND, to);
        for &to in callers[1..].iter().rev() {
            assert_eq!(back(to), Outcome::Right);
        }
        assert_eq!(back(callers[0]), Outcome::Wrong, "the stack has forgotten the first of {} calls", callers.len());
        assert_eq!(back(callers[0]), Outcome::Wrong, "there was no call");
    }

    #[test]
    fn an_indirect_branch_is_expected_where_it_went_last() {
        let mut predictor = Predictor::new(PredictorConfig { kind: PredictorKind::Bimodal, entries: 1024 });
        let mut jump = |to| predictor.resolve(BranchKind::Indirect, RIP, BEHIND, LinearAddr(to));
        assert_eq!(
            [jump(1), jump(1), jump(2), jump(2)],
            [Outcome::Wrong, Outcome::Right, Outcome::Wrong, Outcome::Right]
        );
    }
}
