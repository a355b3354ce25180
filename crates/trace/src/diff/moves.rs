//! Which lines are alone only because their place has changed: removed here, and added there.

use super::align::{Alignment, Mark, Tokens};
use super::pair::join;

/// A line that has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// Its position on the old side.
    pub(super) old: u32,
    /// Its position on the new side.
    pub(super) new: u32,
    /// By as many of the events that stay it comes later, or, if negative, sooner.
    pub(super) by: i32,
}

/// Marks the lines that have moved; they are in the order of the old side. Of several equal lines the first is paired with the first.
pub(super) fn find(alignment: &mut Alignment, tokens: &Tokens) -> Vec<Move> {
    let mut removed = alone(&alignment.old, tokens.old_side());
    let mut added = alone(&alignment.new, tokens.new_side());
    let mut moves = Vec::new();
    join(&mut removed, &mut added, |old, new| moves.push(Move { old, new, by: 0 }));
    drop((removed, added));
    for moved in &moves {
        alignment.old[moved.old as usize] = Mark::Moved;
        alignment.new[moved.new as usize] = Mark::Moved;
    }
    moves.sort_unstable_by_key(|moved| moved.new);
    ranks(&alignment.new, moves.iter_mut().map(|moved| (moved.new, &mut moved.by)), |rank, by| *by = rank);
    moves.sort_unstable_by_key(|moved| moved.old);
    ranks(&alignment.old, moves.iter_mut().map(|moved| (moved.old, &mut moved.by)), |rank, by| *by -= rank);
    moves
}

/// The lines that are alone, with their tokens.
fn alone(marks: &[Mark], tokens: &[u32]) -> Vec<(u32, u32)> {
    let alone = |(at, (&mark, &token)): (u32, (&Mark, &u32))| (mark == Mark::Alone).then_some((token, at));
    (0..).zip(marks.iter().zip(tokens)).filter_map(alone).collect()
}

/// Tells for ascending positions how many lines before them stay.
fn ranks<'a>(
    marks: &[Mark],
    positions: impl Iterator<Item = (u32, &'a mut i32)>,
    mut tell: impl FnMut(i32, &'a mut i32),
) {
    let (mut at, mut rank) = (0, 0);
    for (position, by) in positions {
        let passed = &marks[at..position as usize];
        rank += passed.iter().filter(|&&mark| mark == Mark::Same).count() as i32;
        at = position as usize;
        tell(rank, by);
    }
}
