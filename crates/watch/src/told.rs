//! The queue of what a model has to tell.

use event::Event;
use std::cell::RefCell;
use std::rc::Rc;

/// What was found and is not told yet, each with the instructions that had retired before. A clone is the same queue.
#[derive(Clone, Debug, Default)]
pub struct Told(Rc<RefCell<Vec<(u64, Event)>>>);

impl Told {
    /// Something happened.
    pub(crate) fn push(&self, instructions: u64, event: Event) {
        self.0.borrow_mut().push((instructions, event));
    }

    /// All of it, in order; then the queue is empty.
    #[must_use]
    pub fn take(&self) -> Vec<(u64, Event)> {
        std::mem::take(&mut self.0.borrow_mut())
    }

    /// True if there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}
