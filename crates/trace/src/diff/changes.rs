//! The second time that both traces are read: for what has changed in its place.
//!
//! Of a trace no more is in memory than a part of one hunk.

use super::align::{Alignment, Hunk, Mark};
use super::difference::FindingKind;
use super::findings::{Different, Findings};
use super::lines::{Lines, Lost, Side};
use super::pair::{Event, pairs};
use super::{CompareError, Compared};
use std::ops::Range;

/// As many lines of a hunk are compared with as many at once: what is further apart is not one event that has changed.
const AT_ONCE: usize = 1 << 13;

/// Finds the events that have changed, adds them to the findings and marks them.
pub(super) fn changes<A: Lines, B: Lines>(
    old: &mut Side<'_, A>,
    new: &mut Side<'_, B>,
    alignment: &mut Alignment,
    mut findings: Findings,
) -> Compared<Findings, A, B> {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let mut from = (0, 0);
    while let Some(Hunk { old: mut in_old, new: mut in_new }) = alignment.next_hunk(from) {
        from = (in_old.end, in_new.end);
        while !in_old.is_empty() && !in_new.is_empty() {
            let (at_old, at_new) = (part(&mut in_old), part(&mut in_new));
            let removed = read(old, alignment.prefix, &at_old, &mut removed).map_err(CompareError::of_old)?;
            let added = read(new, alignment.prefix, &at_new, &mut added).map_err(CompareError::of_new)?;
            for (number_old, number_new) in pairs(removed, added, &findings.one_sided) {
                let (number_old, number_new) = (number_old as usize, number_new as usize);
                alignment.old[at_old.start + number_old] = Mark::Changed;
                alignment.new[at_new.start + number_new] = Mark::Changed;
                let (old, new) = (&removed[number_old], &added[number_new]);
                findings.add(&Different {
                    kind: FindingKind::Changed,
                    old: Some((old.number, &old.line)),
                    new: Some((new.number, &new.line)),
                    by: 0,
                    at: at_old.start + at_new.start,
                    old_event: old.number,
                });
            }
        }
    }
    Ok(findings)
}

/// Takes the first part of a stretch.
fn part(of: &mut Range<usize>) -> Range<usize> {
    let start = of.start;
    of.start = of.end.min(start + AT_ONCE);
    start..of.start
}

/// Reads a stretch into a buffer.
fn read<'a, L: Lines>(
    side: &mut Side<'_, L>,
    prefix: usize,
    at: &Range<usize>,
    buffer: &'a mut Vec<Event>,
) -> Result<&'a [Event], Lost<L::Error>> {
    buffer.resize_with(buffer.len().max(at.len()), Event::default);
    for (event, position) in buffer.iter_mut().zip(at.clone()) {
        let (number, line) = side.at(prefix + position)?;
        event.number = number;
        event.line.clone_from(line);
    }
    Ok(&buffer[..at.len()])
}
