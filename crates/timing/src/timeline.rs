//! When page walks and page faults were, on the core's clock: for a picture of a run.
//!
//! A timeline has room for so many; those that come later are counted alone. The core says what begins and ends, in its own time: one walk
//! after the other, though on a core with a window the next may begin before the last one's end.

use crate::Cycles;
use arch::{LinearAddr, PageFault, SpaceId};

/// From one moment to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When it began.
    pub start: Cycles,
    /// When it ended.
    pub end: Cycles,
}

impl Span {
    /// How long it was.
    #[must_use]
    pub fn length(self) -> Cycles {
        self.end - self.start
    }
}

/// A page walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkSpan {
    /// When.
    pub span: Span,
    /// In which address space.
    pub space: SpaceId,
    /// For this address.
    pub la: LinearAddr,
}

/// A page fault, from the exception until the program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultSpan {
    /// When.
    pub span: Span,
    /// In which address space.
    pub space: SpaceId,
    /// CR2 and the error code.
    pub fault: PageFault,
}

/// Walks and faults, each in the order in which they were told of: walks may overlap, or begin before one that was told of earlier.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    walks: Vec<WalkSpan>,
    faults: Vec<FaultSpan>,
    room: usize,
    walks_left_out: u64,
    faults_left_out: u64,
    walk: Option<WalkSpan>,
    fault: Option<FaultSpan>,
}

impl Timeline {
    /// A timeline with room for so many walks, and as many faults.
    #[must_use]
    pub fn new(room: usize) -> Self {
        Self { room, ..Self::default() }
    }

    /// A walk begins.
    pub fn walk_begins(&mut self, now: Cycles, space: SpaceId, la: LinearAddr) {
        self.walk_ends(now);
        self.walk = Some(WalkSpan { span: Span { start: now, end: now }, space, la });
    }

    /// It ends, if there is one.
    pub fn walk_ends(&mut self, now: Cycles) {
        if let Some(mut walk) = self.walk.take() {
            walk.span.end = now;
            keep(&mut self.walks, walk, self.room, &mut self.walks_left_out);
        }
    }

    /// A fault begins, which ends the walk that led to it.
    pub fn fault_begins(&mut self, now: Cycles, space: SpaceId, fault: PageFault) {
        self.walk_ends(now);
        self.resumes(now);
        self.fault = Some(FaultSpan { span: Span { start: now, end: now }, space, fault });
    }

    /// The program goes on.
    pub fn resumes(&mut self, now: Cycles) {
        if let Some(mut fault) = self.fault.take() {
            fault.span.end = now;
            keep(&mut self.faults, fault, self.room, &mut self.faults_left_out);
        }
    }

    /// All walks that there was room for.
    #[must_use]
    pub fn walks(&self) -> &[WalkSpan] {
        &self.walks
    }

    /// All faults that there was room for.
    #[must_use]
    pub fn faults(&self) -> &[FaultSpan] {
        &self.faults
    }

    /// Walks and faults that there was no room for.
    #[must_use]
    pub const fn left_out(&self) -> [u64; 2] {
        [self.walks_left_out, self.faults_left_out]
    }
}

fn keep<T>(all: &mut Vec<T>, one: T, room: usize, left_out: &mut u64) {
    if all.len() < room {
        all.push(one);
    } else {
        *left_out += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arch::PageFaultCode;

    #[test]
    fn a_walk_that_faults_ends_where_the_fault_begins() {
        let mut timeline = Timeline::new(1);
        let fault = PageFault { cr2: LinearAddr(0x1000), code: PageFaultCode::US };
        timeline.walk_begins(Cycles(5), SpaceId(1), LinearAddr(0x1000));
        timeline.fault_begins(Cycles(20), SpaceId(1), fault);
        timeline.resumes(Cycles(90));
        timeline.resumes(Cycles(95));
        assert_eq!(timeline.walks()[0].span, Span { start: Cycles(5), end: Cycles(20) });
        assert_eq!(timeline.faults()[0].span, Span { start: Cycles(20), end: Cycles(90) });
        timeline.walk_begins(Cycles(100), SpaceId(1), LinearAddr(0x1000));
        timeline.walk_ends(Cycles(110));
        assert_eq!((timeline.walks().len(), timeline.left_out()), (1, [1, 0]));
    }
}
