//! The lists of free blocks of a zone, one for each order (Linux's `struct free_area`).
//!
//! Invariant: a free block of 2^n frames is on list n and nowhere else, known by its first frame; the state of that frame
//! says n, and no other frame of the block has a state. Frames are named by their place in the zone. The links and states
//! stand in arrays beside each other, which grow to the highest frame that was ever on a list.

use super::buddy::{BLOCK_FRAMES, NR_ORDERS, Order};

/// The end of a list.
const NIL: u32 = u32::MAX;
/// The state of a frame that is not the first of a free block.
const NO_BLOCK: u8 = u8::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    next: u32,
    prev: u32,
}

/// Free blocks by order; the last that came goes first.
#[derive(Clone, Debug)]
pub(super) struct FreeArea {
    heads: [u32; NR_ORDERS],
    counts: [u64; NR_ORDERS],
    links: Vec<Link>,
    states: Vec<u8>,
}

impl FreeArea {
    pub(super) const fn new() -> Self {
        Self { heads: [NIL; NR_ORDERS], counts: [0; NR_ORDERS], links: Vec::new(), states: Vec::new() }
    }

    /// Blocks on the list of an order.
    pub(super) const fn count(&self, order: Order) -> u64 {
        self.counts[order.index()]
    }

    /// True if a free block of this order starts at `frame`.
    pub(super) fn has(&self, frame: u32, order: Order) -> bool {
        self.states.get(frame as usize) == Some(&(order.index() as u8))
    }

    /// Puts a block at the front of its list.
    pub(super) fn push(&mut self, frame: u32, order: Order) {
        self.grow_to(frame);
        debug_assert_eq!(self.states[frame as usize], NO_BLOCK, "{frame:#x} is free already");
        let head = std::mem::replace(&mut self.heads[order.index()], frame);
        self.links[frame as usize] = Link { next: head, prev: NIL };
        if head != NIL {
            self.links[head as usize].prev = frame;
        }
        self.states[frame as usize] = order.index() as u8;
        self.counts[order.index()] += 1;
    }

    /// Takes the block at the front of a list.
    pub(super) fn pop(&mut self, order: Order) -> Option<u32> {
        let frame = self.heads[order.index()];
        if frame == NIL {
            return None;
        }
        self.remove(frame, order);
        Some(frame)
    }

    /// Takes a block that is on the list of its order.
    pub(super) fn remove(&mut self, frame: u32, order: Order) {
        debug_assert!(self.has(frame, order), "{frame:#x} is no free block of {order:?}");
        let Link { next, prev } = self.links[frame as usize];
        match prev {
            NIL => self.heads[order.index()] = next,
            _ => self.links[prev as usize].next = next,
        }
        if next != NIL {
            self.links[next as usize].prev = prev;
        }
        self.states[frame as usize] = NO_BLOCK;
        self.counts[order.index()] -= 1;
    }

    /// The free block that holds `frame`: its first frame and its order.
    pub(super) fn block_of(&self, frame: u32) -> Option<(u32, Order)> {
        Order::all().map(|order| (frame & !(order.frames() as u32 - 1), order)).find(|&(head, o)| self.has(head, o))
    }

    fn grow_to(&mut self, frame: u32) {
        if frame as usize >= self.states.len() {
            let len = (frame as usize + 1).next_multiple_of(BLOCK_FRAMES as usize);
            self.links.resize(len, Link { next: NIL, prev: NIL });
            self.states.resize(len, NO_BLOCK);
        }
    }
}
