//! Where the order of events first changes, for each class of them, and what stands there now.

use super::words;
use crate::line::Line;

/// As many classes are told apart.
const CLASSES: usize = 64;

/// The first place of a class' moved events.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    pub(super) class: String,
    /// The number of the event that stood there.
    pub(super) event: u64,
    /// What stands there instead of what, in words.
    pub(super) instead: Option<String>,
}

/// The fronts so far. In a hunk, what stood there and what stands there now are the first lines of both sides, or, where a side has none, the
/// line behind the hunk.
#[derive(Default)]
pub(super) struct Fronts {
    fronts: Vec<Front>,
    /// As many of them are complete.
    settled: usize,
    old: Option<(u64, Line)>,
    new: Option<Line>,
}

impl Fronts {
    /// From here on lines differ.
    pub(super) fn hunk(&mut self) {
        self.settle();
        self.old = None;
        self.new = None;
    }

    /// A line of the old side.
    pub(super) fn old_line(&mut self, number: u64, line: &Line, has_moved: bool) {
        if self.old.is_none() {
            self.old = Some((number, words::shown(line)));
        }
        self.line(line, has_moved);
    }

    /// A line of the new side.
    pub(super) fn new_line(&mut self, line: &Line, has_moved: bool) {
        if self.new.is_none() {
            self.new = Some(words::shown(line));
        }
        self.line(line, has_moved);
    }

    /// A line that is the same.
    pub(super) fn same(&mut self, number: u64, line: &Line) {
        if self.settled < self.fronts.len() {
            self.old.get_or_insert_with(|| (number, words::shown(line)));
            self.new.get_or_insert_with(|| words::shown(line));
            self.settle();
        }
    }

    /// All of them.
    pub(super) fn finish(mut self) -> Vec<Front> {
        self.settle();
        self.fronts
    }

    fn line(&mut self, line: &Line, has_moved: bool) {
        let class = words::class(line);
        if has_moved && self.fronts.len() < CLASSES && !self.fronts.iter().any(|front| front.class == class) {
            self.fronts.push(Front { class: class.into(), ..Front::default() });
        }
    }

    /// Completes those of the hunk at hand.
    fn settle(&mut self) {
        for front in &mut self.fronts[self.settled..] {
            front.event = self.old.as_ref().map_or(0, |(number, _)| *number);
            let lines = self.old.as_ref().zip(self.new.as_ref());
            front.instead = lines.and_then(|((_, old), new)| words::instead(old, new));
        }
        self.settled = self.fronts.len();
    }
}
