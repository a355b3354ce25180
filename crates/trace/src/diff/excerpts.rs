//! The first stretches that differ, line by line, with a few lines that are the same around them.

use super::difference::{Excerpt, ExcerptLine, ExcerptSide};
use super::words;
use crate::line::Line;
use std::collections::VecDeque;

/// As many stretches are shown.
const EXCERPTS: usize = 8;
/// As many lines of each that differ, on either side.
const LINES: usize = 12;
/// As many lines around them.
pub(super) const CONTEXT: usize = 3;

/// The excerpts so far.
#[derive(Default)]
pub(super) struct Excerpts {
    done: Vec<Excerpt>,
    open: Option<Excerpt>,
    /// The last lines that are the same, or those behind what differs, while an excerpt is open.
    context: VecDeque<ExcerptLine>,
    /// As many lines of each side are in the excerpt at hand.
    shown: [usize; 2],
    more: u64,
}

impl Excerpts {
    fn is_full(&self) -> bool {
        self.done.len() >= EXCERPTS
    }

    /// A line that is the same.
    pub(super) fn same(&mut self, number: u64, line: &Line) {
        if self.is_full() {
            return;
        }
        if self.open.is_none() && self.context.len() == CONTEXT {
            self.context.pop_front();
        }
        self.context.push_back(shown(ExcerptSide::Both, number, line));
        if self.context.len() == CONTEXT {
            self.close();
        }
    }

    /// From here on lines differ.
    pub(super) fn hunk(&mut self) {
        if self.shown.into_iter().any(|shown| shown >= LINES) {
            self.close();
        }
        if self.is_full() {
            self.more += 1;
            return;
        }
        let context = self.context.drain(..);
        self.open.get_or_insert_default().lines.extend(context);
    }

    /// A line that is on one side, or differs there.
    pub(super) fn differs(&mut self, side: ExcerptSide, number: u64, line: &Line) {
        let Some(open) = &mut self.open else { return };
        let shown_lines = &mut self.shown[usize::from(side == ExcerptSide::New)];
        if *shown_lines < LINES {
            *shown_lines += 1;
            open.lines.push(shown(side, number, line));
        } else {
            open.left_out += 1;
        }
    }

    /// The excerpts, and the number of stretches beyond them.
    pub(super) fn finish(mut self) -> (Vec<Excerpt>, u64) {
        self.close();
        (self.done, self.more)
    }

    /// What is open ends with the lines behind it.
    fn close(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.lines.extend(self.context.drain(..));
            self.done.push(open);
            self.shown = [0; 2];
        }
    }
}

fn shown(side: ExcerptSide, number: u64, line: &Line) -> ExcerptLine {
    ExcerptLine { side, number, line: words::shown(line).to_string() }
}
