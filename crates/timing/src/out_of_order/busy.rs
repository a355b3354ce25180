//! How long at least one of many was busy: the length of a union of spans, which come in any order.
//!
//! Spans that overlap or touch are one. Once no span to come can begin before one's end, only its length is kept; so the rest are few,
//! however long the run.

use crate::{Cycles, Span};

#[derive(Clone, Debug, Default)]
pub(super) struct Busy {
    /// The length of all that is over.
    over: Cycles,
    /// The rest: in ascending order, with time between each two.
    spans: Vec<Span>,
}

impl Busy {
    /// One was busy for this long.
    pub(super) fn add(&mut self, span: Span) {
        let first = self.spans.partition_point(|held| held.end < span.start);
        let behind = self.spans.partition_point(|held| held.start <= span.end);
        let union = |all: Span, held: &Span| Span { start: all.start.min(held.start), end: all.end.max(held.end) };
        let joined = self.spans[first..behind].iter().fold(span, union);
        self.spans.splice(first..behind, [joined]);
    }

    /// No span that begins before this moment is to come.
    pub(super) fn pass(&mut self, now: Cycles) {
        let over = self.spans.partition_point(|held| held.end < now);
        self.over += self.spans.drain(..over).map(Span::length).sum();
    }

    /// How long at least one was busy.
    pub(super) fn length(&self) -> Cycles {
        self.over + self.spans.iter().copied().map(Span::length).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(spans: &[[u64; 2]]) -> Busy {
        let mut busy = Busy::default();
        spans.iter().for_each(|&[start, end]| busy.add(Span { start: Cycles(start), end: Cycles(end) }));
        busy
    }

    #[test]
    fn what_overlaps_counts_once_in_whatever_order_it_comes() {
        assert_eq!(busy(&[[10, 20], [15, 25], [40, 50]]).length(), Cycles(25));
        assert_eq!(busy(&[[40, 50], [15, 25], [10, 20]]).length(), Cycles(25));
        assert_eq!(busy(&[[10, 20], [30, 40], [12, 35]]).length(), Cycles(30), "one that joins two");
        assert_eq!(busy(&[[10, 40], [20, 30]]).length(), Cycles(30), "one within another");
    }

    #[test]
    fn what_is_over_is_kept_as_a_length() {
        let mut busy = busy(&[[10, 20], [20, 30], [50, 60]]);
        assert_eq!(busy.spans.len(), 2);
        busy.pass(Cycles(50));
        assert_eq!((busy.spans.len(), busy.length()), (1, Cycles(30)));
        busy.add(Span { start: Cycles(55), end: Cycles(70) });
        assert_eq!(busy.length(), Cycles(40));
    }
}
