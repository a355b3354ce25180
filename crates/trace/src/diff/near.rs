//! The alignment of short stretches, by `imara-diff`.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use imara_diff::{Algorithm, Diff, NoSliderHeuristic, Token};

/// What aligns stretches; its buffers are used again.
#[derive(Default)]
pub(super) struct Near {
    diff: Diff,
    numbers: HashMap<u32, u32, FixedState>,
    old: Vec<Token>,
    new: Vec<Token>,
}

impl Near {
    /// The places of equal lines that stay, ascending on both sides.
    pub(super) fn align(&mut self, old: &[u32], new: &[u32], mut same: impl FnMut(usize, usize)) {
        if !self.renumber(old, new) {
            return;
        }
        // Myers' algorithm, because the other is quadratic in the count of hunks, and hands what repeats itself to Myers' in the end.
        self.diff.compute_with(Algorithm::Myers, &self.old, &self.new, self.numbers.len() as u32);
        self.diff.postprocess_with(&self.old, &self.new, NoSliderHeuristic);
        let kept_old = (0..old.len()).filter(|&at| !self.diff.is_removed(at as u32));
        let kept_new = (0..new.len()).filter(|&at| !self.diff.is_added(at as u32));
        kept_old.zip(kept_new).for_each(|(old, new)| same(old, new));
    }

    /// Numbers the tokens from 0, because `imara-diff` keeps a table as long as the largest; false if the sides have none in common.
    fn renumber(&mut self, old: &[u32], new: &[u32]) -> bool {
        self.numbers.clear();
        self.old.clear();
        self.new.clear();
        for token in old {
            let next = self.numbers.len() as u32;
            self.old.push(Token(*self.numbers.entry(*token).or_insert(next)));
        }
        let in_old = self.numbers.len() as u32;
        let mut common = false;
        for token in new {
            let next = self.numbers.len() as u32;
            let number = *self.numbers.entry(*token).or_insert(next);
            common |= number < in_old;
            self.new.push(Token(number));
        }
        common
    }
}
