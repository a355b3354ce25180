//! The last time that both traces are read: for what is removed, added or moved, and for the lines that are shown.

use super::align::{Alignment, Mark};
use super::difference::{Difference, ExcerptSide, FindingKind};
use super::excerpts::{CONTEXT, Excerpts};
use super::findings::{ALIKE, Different, Findings};
use super::fronts::Fronts;
use super::lines::{Lines, Side};
use super::moves::Move;
use super::{CompareError, Compared};
use crate::line::Line;
use std::ops::Range;

/// Goes through both traces with what was found so far; all but the counts is the result.
pub(super) fn rest<A: Lines, B: Lines>(
    old: &mut Side<'_, A>,
    new: &mut Side<'_, B>,
    mut rest: Rest<'_>,
    ends: (u64, u64),
) -> Compared<Difference, A, B> {
    let Alignment { prefix, suffix, .. } = *rest.alignment;
    let (mut same_from, mut from) = (0, (0, 0));
    loop {
        let hunk = rest.alignment.next_hunk(from);
        let same_to = hunk.as_ref().map_or(rest.alignment.old.len() + suffix, |hunk| hunk.old.start);
        for position in around(same_from..prefix + same_to, hunk.is_some()) {
            let (number, line) = old.at(position).map_err(CompareError::of_old)?;
            rest.same(number, line);
        }
        let Some(hunk) = hunk else { return Ok(rest.finish(ends)) };
        rest.hunk(hunk.old.start + hunk.new.start);
        for position in hunk.old.clone() {
            let (number, line) = old.at(prefix + position).map_err(CompareError::of_old)?;
            rest.old_side(position, number, line);
        }
        for position in hunk.new.clone() {
            let (number, line) = new.at(prefix + position).map_err(CompareError::of_new)?;
            rest.new_side(position, number, line);
        }
        from = (hunk.old.end, hunk.new.end);
        same_from = prefix + hunk.old.end;
    }
}

/// Of lines that are the same, those next to what differs; behind the last such, if no more differ.
fn around(same: Range<usize>, has_next: bool) -> impl Iterator<Item = usize> {
    let head = same.start..same.end.min(same.start + CONTEXT);
    let tail = if has_next { head.end.max(same.end.saturating_sub(CONTEXT))..same.end } else { 0..0 };
    head.chain(tail)
}

/// What is found on the way.
pub(super) struct Rest<'a> {
    alignment: &'a Alignment,
    /// Those that are still to come, in the order of the old side.
    moves: std::slice::Iter<'a, Move>,
    findings: Findings,
    excerpts: Excerpts,
    fronts: Fronts,
    /// From where on each side alone goes on.
    tails: (usize, usize),
    /// Where the hunk at hand is.
    at: usize,
    /// The number of the old side's event that was read last.
    old_event: u64,
}

impl<'a> Rest<'a> {
    /// Begins with what was found before.
    pub(super) fn new(alignment: &'a Alignment, moves: &'a [Move], findings: Findings) -> Self {
        let Alignment { old, new, suffix, .. } = alignment;
        let tails = if *suffix == 0 { (tail(old, new), tail(new, old)) } else { (old.len(), new.len()) };
        let (excerpts, fronts) = (Excerpts::default(), Fronts::default());
        Self { alignment, moves: moves.iter(), findings, excerpts, fronts, tails, at: 0, old_event: 0 }
    }

    fn same(&mut self, number: u64, line: &Line) {
        self.old_event = number;
        self.fronts.same(number, line);
        self.excerpts.same(number, line);
    }

    fn hunk(&mut self, at: usize) {
        self.at = at;
        self.fronts.hunk();
        self.excerpts.hunk();
    }

    fn old_side(&mut self, position: usize, number: u64, line: &Line) {
        self.old_event = number;
        let mark = self.alignment.old[position];
        self.fronts.old_line(number, line, mark == Mark::Moved);
        self.excerpts.differs(ExcerptSide::Old, number, line);
        let (kind, by) = match mark {
            Mark::Moved => (FindingKind::Moved, self.moves.next().map_or(0, |moved| moved.by)),
            Mark::Alone if position >= self.tails.0 && !self.findings.one_sided.has(line) => {
                (FindingKind::EndsEarly, 0)
            }
            Mark::Alone => (FindingKind::Removed, 0),
            Mark::Same | Mark::Changed => return,
        };
        let (at, old_event) = (self.at, self.old_event);
        self.findings.add(&Different { kind, old: Some((number, line)), new: None, by, at, old_event });
    }

    fn new_side(&mut self, position: usize, number: u64, line: &Line) {
        let mark = self.alignment.new[position];
        self.fronts.new_line(line, mark == Mark::Moved);
        self.excerpts.differs(ExcerptSide::New, number, line);
        let kind = match mark {
            Mark::Alone if position >= self.tails.1 && !self.findings.one_sided.has(line) => FindingKind::GoesOn,
            Mark::Alone => FindingKind::Added,
            // Of what has moved the old side has told.
            Mark::Same | Mark::Changed | Mark::Moved => return,
        };
        let (at, old_event) = (self.at, self.old_event);
        self.findings.add(&Different { kind, old: None, new: Some((number, line)), by: 0, at, old_event });
    }

    fn finish(self, ends: (u64, u64)) -> Difference {
        let (excerpts, more_excerpts) = self.excerpts.finish();
        let findings = self.findings.finish(&self.fronts.finish(), ends);
        Difference { findings, excerpts, more_excerpts, ..Difference::default() }
    }
}

/// Where one side goes on alone to its end, if the other has ended, and with enough lines that this is worth a word.
fn tail(side: &[Mark], other: &[Mark]) -> usize {
    let alone = side.iter().rev().take_while(|&&mark| mark == Mark::Alone).count();
    let is_tail = alone as u64 >= ALIKE && other.last() != Some(&Mark::Alone);
    side.len() - if is_tail { alone } else { 0 }
}
