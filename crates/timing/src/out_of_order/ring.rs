//! Buffers whose entries are taken and freed in order: the reorder buffer, the load queue, the store queue.

use crate::Cycles;

/// When each of the last entries becomes free. An entry is taken where the one that was taken `length` entries ago is free again.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    free: Box<[Cycles]>,
    next: usize,
}

impl Ring {
    /// An empty buffer of so many entries, at least one.
    pub(super) fn new(length: u32) -> Self {
        Self { free: vec![Cycles(0); length.max(1) as usize].into(), next: 0 }
    }

    /// From when on an entry can be taken.
    #[inline]
    pub(super) fn available(&self) -> Cycles {
        self.free[self.next]
    }

    /// Takes the entry that is available next; it is free again at this moment.
    #[inline]
    pub(super) fn take(&mut self, until: Cycles) {
        self.free[self.next] = until;
        self.next = if self.next + 1 == self.free.len() { 0 } else { self.next + 1 };
    }
}
