//! Which lines stay: the alignment of two traces.
//!
//! The lines that are marked as the same are, in order, equal on both sides. Time is near linear in the lengths, whatever the traces hold:
//! what begins and ends alike is put aside; the rest is parted at its fixed points ([`anchors`](super::anchors)), which are lines that occur
//! once on each side, and where a part is still long, runs of lines that do; parts that have none are aligned window by window.

use super::anchors::anchors;
use super::near::Near;
use super::tokens::{hash, intern};
use std::ops::Range;

/// Stretches up to this length are left to Myers' algorithm as they are.
const WHOLE: usize = 1024;

/// Longer ones without fixed points go through a window of this length. The algorithm's time for a line grows with the window where nothing is
/// alike, and in `imara-diff` where a few lines repeat themselves without end.
const WINDOW: usize = 256;

/// As many lines in a row are a fixed point if single lines are none.
const RUN: usize = 32;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It stays.
    Same,
    /// It is on one side alone.
    Alone,
    /// The other side has one like it in its place.
    Changed,
    /// The other side has it at another place.
    Moved,
}

/// A stretch in which all lines differ: positions on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// The marks of all lines between those that begin and those that end both traces alike. Positions count from the first marked line.
#[derive(Debug)]
pub(super) struct Alignment {
    /// As many lines begin both traces.
    pub(super) prefix: usize,
    /// As many lines end them.
    pub(super) suffix: usize,
    pub(super) old: Vec<Mark>,
    pub(super) new: Vec<Mark>,
}

/// Two token sequences, of which the second follows the first, both without what they begin and end with alike.
pub(super) struct Tokens {
    tokens: Vec<u32>,
    old_length: usize,
}

impl Tokens {
    /// The old side's.
    pub(super) fn old_side(&self) -> &[u32] {
        &self.tokens[..self.old_length]
    }

    /// The new side's.
    pub(super) fn new_side(&self) -> &[u32] {
        &self.tokens[self.old_length..]
    }
}

impl Alignment {
    /// Aligns lines, given by their hashes, of which the first are the old side's.
    pub(super) fn of(hashes: Vec<u64>, old_length: usize) -> (Self, Tokens) {
        let (old, new) = hashes.split_at(old_length);
        let (prefix, suffix) = alike(old, new);
        let mut hashes = hashes;
        hashes.truncate(hashes.len() - suffix);
        hashes.drain(old_length - suffix..old_length + prefix);
        hashes.drain(..prefix);
        let tokens = Tokens { tokens: intern(&hashes), old_length: old_length - prefix - suffix };
        drop(hashes);
        let (old, new) = (tokens.old_side(), tokens.new_side());
        let marks = |tokens: &[u32]| vec![Mark::Alone; tokens.len()];
        let alignment = Self { prefix, suffix, old: marks(old), new: marks(new) };
        let mut aligner = Aligner { old, new, alignment, near: Near::default() };
        aligner.part(0..old.len(), 0..new.len(), Points::Lines);
        (aligner.alignment, tokens)
    }

    /// The first stretch that differs from these positions on.
    pub(super) fn next_hunk(&self, (mut old, mut new): (usize, usize)) -> Option<Hunk> {
        let is =
            |marks: &[Mark], at: usize, same: bool| marks.get(at).is_some_and(|&mark| (mark == Mark::Same) == same);
        while is(&self.old, old, true) && is(&self.new, new, true) {
            (old, new) = (old + 1, new + 1);
        }
        let start = (old, new);
        while is(&self.old, old, false) {
            old += 1;
        }
        while is(&self.new, new, false) {
            new += 1;
        }
        (start != (old, new)).then_some(Hunk { old: start.0..old, new: start.1..new })
    }
}

/// By what a stretch is parted.
#[derive(Clone, Copy)]
enum Points {
    Lines,
    Runs,
    Windows,
}

struct Aligner<'a> {
    old: &'a [u32],
    new: &'a [u32],
    alignment: Alignment,
    near: Near,
}

impl Aligner<'_> {
    fn same(&mut self, old: usize, new: usize) {
        self.alignment.old[old] = Mark::Same;
        self.alignment.new[new] = Mark::Same;
    }

    /// Aligns a stretch.
    fn part(&mut self, old: Range<usize>, new: Range<usize>, by: Points) {
        let (prefix, suffix) = alike(&self.old[old.clone()], &self.new[new.clone()]);
        (0..prefix).for_each(|at| self.same(old.start + at, new.start + at));
        (1..=suffix).for_each(|at| self.same(old.end - at, new.end - at));
        let (old, new) = (old.start + prefix..old.end - suffix, new.start + prefix..new.end - suffix);
        if old.is_empty() || new.is_empty() {
            return;
        }
        if old.len().max(new.len()) <= WHOLE {
            self.near(old, new, usize::MAX);
            return;
        }
        match by {
            Points::Lines => {
                let (a, b) = (&self.old[old.clone()], &self.new[new.clone()]);
                let points = anchors(a, b, self.old.len() + self.new.len());
                self.between(&points, old, new, Points::Runs);
            }
            Points::Runs => {
                let points = runs(&self.old[old.clone()], &self.new[new.clone()]);
                self.between(&points, old, new, Points::Windows);
            }
            Points::Windows => self.windows(old, new),
        }
    }

    /// Aligns what is between fixed points, which are relative to the stretch.
    fn between(&mut self, points: &[(u32, u32)], old: Range<usize>, new: Range<usize>, by: Points) {
        let (mut from_old, mut from_new) = (old.start, new.start);
        for &(at_old, at_new) in points {
            let (at_old, at_new) = (old.start + at_old as usize, new.start + at_new as usize);
            self.part(from_old..at_old, from_new..at_new, by);
            self.same(at_old, at_new);
            (from_old, from_new) = (at_old + 1, at_new + 1);
        }
        self.part(from_old..old.end, from_new..new.end, by);
    }

    /// Aligns a long stretch window by window. A window's last quarter is left to the next one, which sees what follows.
    fn windows(&mut self, mut old: Range<usize>, mut new: Range<usize>) {
        while !old.is_empty() && !new.is_empty() {
            let window = |side: &Range<usize>| side.start..side.end.min(side.start + WINDOW);
            let (a, b) = (window(&old), window(&new));
            let is_last = a.end == old.end && b.end == new.end;
            let settled = if is_last { usize::MAX } else { WINDOW * 3 / 4 };
            let (old_done, new_done) = self.near(a.clone(), b.clone(), settled);
            if is_last {
                return;
            }
            if old_done.max(new_done) >= WINDOW / 4 {
                (old.start, new.start) = (old.start + old_done, new.start + new_done);
                continue;
            }
            // Little or nothing is alike: it goes on behind, but stays where one side is at its end.
            let skip = |at: usize, done: usize, end: usize, whole: usize| {
                if end == whole { at + done } else { at + settled }
            };
            (old.start, new.start) =
                (skip(old.start, old_done, a.end, old.end), skip(new.start, new_done, b.end, new.end));
        }
    }

    /// Aligns two short stretches; what is before a distance from their starts on both sides is settled, up to the lines that are given back.
    fn near(&mut self, old: Range<usize>, new: Range<usize>, settled: usize) -> (usize, usize) {
        let Self { old: a, new: b, alignment, near } = self;
        let mut done = (0, 0);
        near.align(&a[old.clone()], &b[new.clone()], |at_old, at_new| {
            if at_old < settled && at_new < settled {
                alignment.old[old.start + at_old] = Mark::Same;
                alignment.new[new.start + at_new] = Mark::Same;
                done = (at_old + 1, at_new + 1);
            }
        });
        done
    }
}

/// As many items two sequences begin with alike, and as many others they end with.
fn alike<T: PartialEq>(old: &[T], new: &[T]) -> (usize, usize) {
    let prefix = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old[prefix..].iter().rev().zip(new[prefix..].iter().rev());
    (prefix, rest.take_while(|(old, new)| old == new).count())
}

/// Fixed points that are first lines of runs which occur once on each side.
fn runs(old: &[u32], new: &[u32]) -> Vec<(u32, u32)> {
    let mut hashes: Vec<u64> = old.windows(RUN).map(hash).collect();
    let old_length = hashes.len();
    hashes.extend(new.windows(RUN).map(hash));
    let tokens = intern(&hashes);
    drop(hashes);
    let mut points = anchors(&tokens[..old_length], &tokens[old_length..], tokens.len());
    points.retain(|&(at_old, at_new)| old[at_old as usize] == new[at_new as usize]);
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Aligns two sequences, checks that what stays is equal on both sides, and gives as much as stays.
    fn align(old: &[u64], new: &[u64]) -> usize {
        let (alignment, tokens) = Alignment::of([old, new].concat(), old.len());
        assert_eq!(tokens.old_side().len() + alignment.prefix + alignment.suffix, old.len());
        let stays = |lines: &[u64], marks: &[Mark]| {
            let marks = std::iter::repeat_n(Mark::Same, alignment.prefix).chain(marks.iter().copied());
            let marks = marks.chain(std::iter::repeat_n(Mark::Same, alignment.suffix));
            lines.iter().copied().zip(marks).filter(|&(_, mark)| mark == Mark::Same).map(|(line, _)| line).collect()
        };
        let same: Vec<u64> = stays(old, &alignment.old);
        assert_eq!(same, stays(new, &alignment.new));
        same.len()
    }

    /// Numbers that look random.
    fn noise(length: u64, kinds: u64, seed: u64) -> Vec<u64> {
        (0..length).map(|at| hash(&(seed, at)) % kinds).collect()
    }

    #[test]
    fn long_sequences_with_and_without_fixed_points() {
        let unique: Vec<u64> = (0..100_000).collect();
        let mut edited = unique.clone();
        (0..1000).for_each(|at| edited[at * 97 + 13] = 1 << 40);
        edited.drain(40_000..50_000);
        assert!(align(&unique, &edited) >= 88_990);
        let repeating = noise(100_000, 10, 1);
        let mut edited = repeating.clone();
        edited.splice(70_000..70_000, noise(5000, 10, 2));
        edited.drain(20_000..30_000);
        assert!(align(&repeating, &edited) >= 90_000, "runs are fixed points where lines are none");
        let shuffled = noise(100_000, 10, 3);
        assert!(align(&repeating, &shuffled) >= 20_000, "windows find what there is");
        assert_eq!(align(&repeating, &unique[10..]), 0);
        assert_eq!(align(&vec![7; 50_000], &vec![7; 40_000]), 40_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_stays_is_equal(
            old in prop::collection::vec(0u64..8, 0..40), new in prop::collection::vec(0u64..8, 0..40),
        ) {
            align(&old, &new);
            prop_assert_eq!(align(&old, &old), old.len());
        }

        #[test]
        fn what_stays_is_equal_in_windows(kinds in 1u64..40, seed: u64, lengths in (1000u64..6000, 1000u64..6000)) {
            align(&noise(lengths.0, kinds, seed), &noise(lengths.1, kinds, !seed));
        }
    }
}
