//! Page walkers: so many at once, a queue in front of them, and one walk for all that wait for a page.
//!
//! A walk takes the walker that is free first. Where all are busy it waits in the queue; where that is full too, it and every access
//! behind it in the program wait to enter it, as the unit that made the address is blocked. An access to a page that another one's walk
//! is about to give waits for that walk.

use super::busy::Busy;
use crate::{Cycles, Side, Span, WalkTime, Walks};
use arch::{LinearAddr, PageSize};

/// A walk that was begun.
#[derive(Clone, Copy, Debug)]
struct Walk {
    page: LinearAddr,
    size: PageSize,
    done: Cycles,
}

/// Walks that are remembered so that others can wait for them.
const REMEMBERED: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Walkers {
    /// When each is free.
    free: Box<[Cycles]>,
    /// When each place of the queue is free.
    queue: Box<[Cycles]>,
    /// No access goes to its TLB before this.
    blocked: Cycles,
    latest: [Option<Walk>; REMEMBERED],
    next: usize,
    /// When all walks are done.
    quiet: Cycles,
    /// The walker of the walk under way, when it began, and what it is for.
    current: (usize, Cycles, Walks),
    all: Tally,
    of_sides: [Tally; Side::ALL.len()],
}

/// How long walkers were busy, all together, and at least one.
#[derive(Clone, Debug, Default)]
struct Tally {
    pending: Cycles,
    active: Busy,
}

impl Tally {
    fn add(&mut self, span: Span) {
        self.pending += span.length();
        self.active.add(span);
    }
}

impl Walkers {
    pub(super) fn new(walkers: u32, queue: u32) -> Self {
        Self {
            free: vec![Cycles(0); walkers.max(1) as usize].into(),
            queue: vec![Cycles(0); queue as usize].into(),
            blocked: Cycles(0),
            latest: [None; REMEMBERED],
            next: 0,
            quiet: Cycles(0),
            current: (0, Cycles(0), Walks::All),
            all: Tally::default(),
            of_sides: Default::default(),
        }
    }

    /// The first moment, from `at` on, at which an access may go to its TLB.
    #[inline]
    pub(super) fn open(&self, at: Cycles) -> Cycles {
        at.max(self.blocked)
    }

    /// True if no access that begins at `at` or behind has anything to wait for here.
    #[inline]
    pub(super) fn are_quiet(&self, at: Cycles) -> bool {
        at >= self.quiet && at >= self.blocked
    }

    /// No walk that begins before this moment is to come.
    pub(super) fn pass(&mut self, now: Cycles) {
        self.all.active.pass(now);
        self.of_sides.iter_mut().for_each(|side| side.active.pass(now));
    }

    /// Begins a walk that is wanted at `at`, for a side or for nobody yet; gives when a walker takes it.
    pub(super) fn begin(&mut self, at: Cycles, of: Walks) -> Cycles {
        let (walker, free) = earliest(&self.free).expect("there is a walker");
        let start = at.max(free);
        if start > at {
            match earliest(&self.queue) {
                Some((place, leaves)) => {
                    self.blocked = self.blocked.max(leaves.min(start));
                    self.queue[place] = start;
                }
                None => self.blocked = self.blocked.max(start),
            }
        }
        self.current = (walker, start, of);
        start
    }

    /// The walk under way has ended, at this moment, with a translation of this page.
    pub(super) fn filled(&mut self, la: LinearAddr, size: PageSize, at: Cycles) {
        self.ended(at);
        let page = LinearAddr(la.0 & !(size.bytes() - 1));
        self.latest[self.next] = Some(Walk { page, size, done: at });
        self.next = (self.next + 1) % REMEMBERED;
        self.quiet = self.quiet.max(at);
    }

    /// The walk under way has ended, at this moment.
    pub(super) fn ended(&mut self, at: Cycles) {
        let (walker, start, of) = self.current;
        self.free[walker] = at;
        let span = Span { start, end: at };
        self.all.add(span);
        if let Walks::Of(side) = of {
            self.of_sides[side as usize].add(span);
        }
    }

    /// When the walk is done that an access to `la` has to wait for at `at`, if there is one.
    #[inline]
    pub(super) fn under_way(&self, la: LinearAddr, at: Cycles) -> Option<Cycles> {
        if at >= self.quiet {
            return None;
        }
        let covers = |walk: &&Walk| walk.done > at && la.0 & !(walk.size.bytes() - 1) == walk.page.0;
        self.latest.iter().flatten().find(covers).map(|walk| walk.done)
    }

    /// How long walkers were busy.
    pub(super) fn time(&self, of: Walks) -> WalkTime {
        let tally = match of {
            Walks::All => &self.all,
            Walks::Of(side) => &self.of_sides[side as usize],
        };
        WalkTime { pending: tally.pending, active: tally.active.length() }
    }
}

fn earliest(all: &[Cycles]) -> Option<(usize, Cycles)> {
    all.iter().copied().enumerate().min_by_key(|&(_, free)| free)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: PageSize = PageSize::Size4K;

    /// Walks of 100 cycles that are wanted at the same time: when each begins, and when the next access may go to its TLB.
    fn begun(walkers: u32, queue: u32, walks: u64) -> Vec<(u64, u64)> {
        let mut all = Walkers::new(walkers, queue);
        let walk = |n| {
            let at = all.open(Cycles(10));
            let start = all.begin(at, Walks::All);
            all.filled(LinearAddr(n << 12), SIZE, start + Cycles(100));
            (start.0, all.open(Cycles(10)).0)
        };
        (0..walks).map(walk).collect()
    }

    #[test]
    fn as_many_walks_go_on_at_once_as_there_are_walkers() {
        let starts = |walkers| begun(walkers, 9, 4).iter().map(|(start, _)| *start).collect::<Vec<_>>();
        assert_eq!(starts(1), [10, 110, 210, 310]);
        assert_eq!(starts(2), [10, 10, 110, 110]);
        assert_eq!(starts(4), [10, 10, 10, 10]);
    }

    #[test]
    fn a_full_queue_holds_up_what_is_behind() {
        assert_eq!(begun(1, 0, 2), [(10, 10), (110, 110)]);
        assert_eq!(begun(1, 1, 3), [(10, 10), (110, 10), (210, 110)], "the third waits for the place of the second");
        assert_eq!(begun(1, 2, 3), [(10, 10), (110, 10), (210, 10)]);
    }

    #[test]
    fn a_page_is_walked_for_once() {
        let mut all = Walkers::new(1, 1);
        let start = all.begin(Cycles(10), Walks::Of(Side::Load));
        all.filled(LinearAddr(0x1000), SIZE, start + Cycles(100));
        assert_eq!(all.under_way(LinearAddr(0x1ff8), Cycles(20)), Some(Cycles(110)));
        assert_eq!(all.under_way(LinearAddr(0x2000), Cycles(20)), None);
        assert_eq!(all.under_way(LinearAddr(0x1000), Cycles(110)), None);
        let time = WalkTime { pending: Cycles(100), active: Cycles(100) };
        assert_eq!((all.time(Walks::All), all.time(Walks::Of(Side::Load))), (time, time));
        assert_eq!(all.time(Walks::Of(Side::Store)), WalkTime::default());
    }
}
