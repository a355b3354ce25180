//! Fixed points of an alignment: what occurs just once on each side stands for itself, wherever it stands.
//!
//! Of these pairs the longest sequence is taken that has the same order on both sides (as patience diff does), in `n log n` whatever the
//! input is.

/// The place of a token that does not occur.
const NOWHERE: u32 = u32::MAX;
/// The place of a token that occurs more than once.
const OFTEN: u32 = u32::MAX - 1;

/// A pair of equal tokens: where it stands on the old side, and on the new.
pub(super) type Pair = (u32, u32);

/// The longest sequence of pairs that ascends on both sides, of tokens that occur once on each side. All tokens are below a bound.
pub(super) fn anchors(old: &[u32], new: &[u32], bound: usize) -> Vec<Pair> {
    let in_old = places(old, bound);
    let in_new = places(new, bound);
    let single = |(at, &token): (u32, &u32)| {
        let other = in_new[token as usize];
        (in_old[token as usize] == at && other < OFTEN).then_some((at, other))
    };
    let pairs: Vec<Pair> = (0..).zip(old).filter_map(single).collect();
    drop((in_old, in_new));
    ascending(pairs)
}

/// For each token where it stands, if it stands in one place.
fn places(tokens: &[u32], bound: usize) -> Vec<u32> {
    let mut places = vec![NOWHERE; bound];
    for (at, &token) in (0..).zip(tokens) {
        let place = &mut places[token as usize];
        *place = if *place == NOWHERE { at } else { OFTEN };
    }
    places
}

/// Of pairs that ascend on the old side, the most that ascend on the new side too.
fn ascending(pairs: Vec<Pair>) -> Vec<Pair> {
    // For each length, the pair that ends a sequence of that length soonest on the new side; for each pair, the one before it.
    let mut ends: Vec<u32> = Vec::new();
    let mut before: Vec<u32> = Vec::with_capacity(pairs.len());
    let new = |pair: u32| pairs[pair as usize].1;
    for (number, &(_, at)) in (0..).zip(&pairs) {
        // Mostly it goes on at the end; a search is for what does not.
        let length = match ends.last() {
            Some(&last) if new(last) > at => ends.partition_point(|&end| new(end) < at),
            _ => ends.len(),
        };
        before.push(length.checked_sub(1).map_or(NOWHERE, |shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(number);
        } else {
            ends[length] = number;
        }
    }
    let mut last = ends.last().copied().unwrap_or(NOWHERE);
    let mut chosen = ends;
    for place in chosen.iter_mut().rev() {
        *place = last;
        last = before[last as usize];
    }
    chosen.into_iter().map(|number| pairs[number as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_single_is_paired_in_order() {
        assert_eq!(anchors(&[0, 1, 2, 3], &[0, 1, 2, 3], 4), [(0, 0), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(anchors(&[0, 1, 2, 3], &[3, 0, 1, 2], 4), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(anchors(&[0, 0, 1, 2], &[0, 2, 1, 1], 3), [(3, 1)], "a token that is not single is none");
        assert_eq!(anchors(&[0, 1], &[2, 3], 4), []);
        assert_eq!(anchors(&[], &[0], 1), []);
    }
}
