//! Takes out of the references what an instruction used before it faulted and uses once more when it is made again.
//!
//! After a fault the references up to the access that was missing are held back. That is one of the same page and of the same kind, as an
//! instruction may read a page before it faults in writing it. If they are the last ones that were let
//! through, they are those of the same instruction, and are dropped. If they are others, or the page does not come (a
//! handler or another process runs instead), they are let through.

use super::PageKey;
use arch::AccessKind;
use std::collections::VecDeque;

/// As many references are held back. An instruction makes fewer, apart from gathers, which take note of what they
/// have done.
const HELD: usize = 32;

/// The filter.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// The last references that were let through, the latest last.
    passed: VecDeque<PageKey>,
    /// The access that was missing.
    missing: Option<(PageKey, AccessKind)>,
    held: Vec<PageKey>,
}

impl Restarts {
    /// An access to a page has faulted. If the instruction faults again before that access was made, it begins once more.
    pub(super) fn fault(&mut self, key: PageKey, kind: AccessKind) {
        self.missing.get_or_insert((key, kind));
        self.held.clear();
    }

    /// A reference; what can be let through goes to `pass`, in order and never twice in a row. The kernel layer's own have no
    /// kind; they come between instructions.
    pub(super) fn reference(&mut self, key: PageKey, kind: Option<AccessKind>, pass: &mut dyn FnMut(PageKey)) {
        let Some((page, missing)) = self.missing else { return self.pass(key, pass) };
        if kind.is_none() {
            self.let_go(pass);
            self.pass(key, pass);
        } else if page == key && Some(missing) == kind {
            if self.is_repetition() {
                self.held.clear();
            }
            self.let_go(pass);
            self.pass(key, pass);
        } else if self.held.last().or(self.passed.back()) != Some(&key) {
            self.held.push(key);
            if self.held.len() == HELD {
                self.let_go(pass);
            }
        }
    }

    fn is_repetition(&self) -> bool {
        self.passed.iter().rev().take(self.held.len()).eq(self.held.iter().rev())
    }

    /// The instruction is not made again now: lets through what is held.
    pub(super) fn let_go(&mut self, pass: &mut dyn FnMut(PageKey)) {
        self.missing = None;
        for key in std::mem::take(&mut self.held) {
            self.pass(key, pass);
        }
    }

    fn pass(&mut self, key: PageKey, pass: &mut dyn FnMut(PageKey)) {
        if self.passed.back() == Some(&key) {
            return;
        }
        if self.passed.len() == HELD {
            self.passed.pop_front();
        }
        self.passed.push_back(key);
        pass(key);
    }
}
