//! What is told to the machine's sink: at once, or from deep within memory management, where no sink is at hand, through a queue.
//!
//! Invariant: the sink hears everything in the order in which it happened. So whoever tells at once empties the queue first, and the
//! queue is emptied at the end of each entry into the kernel layer.

use crate::Hw;
use event::{Event, FileId, Kinds};

/// What waits to be told.
#[derive(Debug, Default)]
pub(crate) struct Events {
    wanted: Kinds,
    queue: Vec<Told>,
}

#[derive(Debug)]
enum Told {
    Event(Event),
    File(FileId, Vec<u8>),
}

impl Events {
    /// Only these kinds are queued.
    pub(crate) const fn new(wanted: Kinds) -> Self {
        Self { wanted, queue: Vec::new() }
    }

    /// True if somebody wants to know such things.
    #[inline]
    pub(crate) const fn wants(&self, kinds: Kinds) -> bool {
        self.wanted.contains(kinds)
    }

    /// Something of a kind that is wanted has happened.
    pub(crate) fn push(&mut self, event: Event) {
        self.queue.push(Told::Event(event));
    }

    /// An event to come is about a file of this name.
    pub(crate) fn name(&mut self, file: FileId, name: Vec<u8>) {
        self.queue.push(Told::File(file, name));
    }

    /// Tells the sink of something, behind all that waits.
    pub(crate) fn record(&mut self, hw: &mut Hw<'_>, event: &Event) {
        self.flush(hw);
        hw.sink.record(hw.now(), event);
    }

    /// Tells the sink of all that waits.
    #[inline]
    pub(crate) fn flush(&mut self, hw: &mut Hw<'_>) {
        for told in self.queue.drain(..) {
            match told {
                Told::Event(event) => hw.sink.record(hw.now(), &event),
                Told::File(file, name) => hw.sink.file(file, &name),
            }
        }
    }
}
