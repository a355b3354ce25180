//! Pipes: a bounded queue of bytes in slots of a page, as Linux's ring of `pipe_buffer`s is.
//!
//! Invariant: `bytes` holds the bytes of all slots, one after the other; a slot never crosses the end of its page. A write of
//! at most a page takes the rest of the last slot's page or one free slot: it goes whole or not at all (PIPE_BUF). Room is
//! counted in slots, so a pipe may be full of few bytes. The bytes are the host's; each slot in use takes a frame of RAM
//! all the same, from the end of the entry into the kernel layer in which it was filled.

use std::collections::VecDeque;

use super::console::Ready;
use super::inode::InodeId;
use crate::Errno;
use crate::mm::frames::FrameTable;
use crate::mm::slab::{Cache, PIPE_BUFFERS, PIPE_PAGE, Pool};

/// Bytes in a slot; also PIPE_BUF.
const SLOT_BYTES: usize = 4096;
/// Slots of a new pipe (PIPE_DEF_BUFFERS).
const DEFAULT_SLOTS: usize = 16;
/// Slots of a new pipe once there are many (PIPE_MIN_DEF_BUFFERS).
const FEW_SLOTS: usize = 2;
/// Slots of all pipes above which a new one gets few (`pipe-user-pages-soft`).
const SOFT_LIMIT_SLOTS: usize = 16_384;
/// Slots of which the array takes an object of 1 KiB, 40 bytes each.
const SLOTS_PER_OBJECT: usize = 25;
/// The most bytes that a pipe can be made to hold (`pipe-max-size`).
const MAX_BYTES: u64 = 1 << 20;

/// The number of a pipe. Numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PipeId(pub(super) u32);

impl PipeId {
    /// The pipe's inode number.
    pub(super) const fn ino(self) -> u64 {
        self.0 as u64 + 16
    }
}

/// Which slots are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slots {
    First,
    All,
}

/// The part of a page that is still to be read.
#[derive(Clone, Copy, Debug)]
struct Slot {
    start: usize,
    end: usize,
}

/// A pipe or an open FIFO. An end is open as long as an open file is that end.
#[derive(Debug)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    slots: VecDeque<Slot>,
    max_slots: usize,
    pub(super) readers: u32,
    pub(super) writers: u32,
    /// How often each end was opened: a FIFO's open waits for the other one to change.
    pub(super) reader_opens: u32,
    pub(super) writer_opens: u32,
    /// The FIFO that it is.
    pub(super) fifo: Option<InodeId>,
    /// The room of its array of slots, and that of the slots in use.
    array: Pool,
    pages: Pool,
}

impl Pipe {
    fn new(max_slots: usize, fifo: Option<InodeId>) -> Self {
        Self {
            bytes: VecDeque::new(),
            slots: VecDeque::new(),
            max_slots,
            readers: 0,
            writers: 0,
            reader_opens: 0,
            writer_opens: 0,
            fifo,
            array: Pool::default(),
            pages: Pool::default(),
        }
    }

    /// Bytes to be read.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that it can hold.
    pub(super) const fn capacity(&self) -> usize {
        self.max_slots * SLOT_BYTES
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= self.max_slots
    }

    /// Takes what is there; 0 at the end; `EAGAIN` if a writer may have more to say.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Errno> {
        if self.bytes.is_empty() && self.writers > 0 && !buf.is_empty() {
            return Err(Errno::EAGAIN);
        }
        let len = buf.len().min(self.bytes.len());
        for (to, from) in buf.iter_mut().zip(self.bytes.drain(..len)) {
            *to = from;
        }
        self.free_slots(len);
        Ok(len)
    }

    fn free_slots(&mut self, mut read: usize) {
        while read > 0
            && let Some(first) = self.slots.front_mut()
        {
            let part = read.min(first.end - first.start);
            first.start += part;
            read -= part;
            if first.start == first.end {
                self.slots.pop_front();
            }
        }
    }

    /// Puts in what there is room for (`pipe_write`); `EAGAIN` if there is none, `EPIPE` if nobody reads.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let mut done = self.merge(bytes);
        while done < bytes.len() && !self.is_full() {
            let part = (bytes.len() - done).min(SLOT_BYTES);
            self.slots.push_back(Slot { start: 0, end: part });
            done += part;
        }
        if done == 0 {
            return Err(Errno::EAGAIN);
        }
        self.bytes.extend(&bytes[..done]);
        Ok(done)
    }

    /// The bytes of its first slot, or of all slots, up to `most`.
    pub(super) fn peek(&self, most: usize, which: Slots) -> Vec<u8> {
        let there = match which {
            Slots::First => self.slots.front().map_or(0, |slot| slot.end - slot.start),
            Slots::All => self.bytes.len(),
        };
        self.bytes.iter().take(most.min(there)).copied().collect()
    }

    /// Bytes that fit into free slots.
    pub(super) fn room(&self) -> usize {
        self.max_slots.saturating_sub(self.slots.len()) * SLOT_BYTES
    }

    /// How much of a write of `len` bytes goes into it if only `copied` can be had: no part of a slot (`pipe_write`).
    pub(super) fn whole_slots(&self, len: usize, copied: usize) -> usize {
        let part = len % SLOT_BYTES;
        let merges = self.slots.back().is_some_and(|last| last.end + part <= SLOT_BYTES);
        let first = if merges { part } else { 0 };
        copied.checked_sub(first).map_or(0, |rest| first + rest / SLOT_BYTES * SLOT_BYTES)
    }

    /// What goes over whole pages comes first and joins the last slot, if its page has room for all of that.
    fn merge(&mut self, bytes: &[u8]) -> usize {
        let part = bytes.len() % SLOT_BYTES;
        match self.slots.back_mut() {
            Some(last) if last.end + part <= SLOT_BYTES => {
                last.end += part;
                part
            }
            _ => 0,
        }
    }

    /// What its reading end is ready for.
    pub(super) fn reader_ready(&self, hung_up: bool) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::IN, !self.bytes.is_empty());
        ready.set(Ready::HUP, hung_up);
        ready
    }

    /// What its writing end is ready for: a write of a page that does not wait.
    pub(super) fn writer_ready(&self) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::OUT, !self.is_full());
        ready.set(Ready::ERR, self.readers == 0);
        ready
    }
}

/// All pipes.
pub(super) struct PipeTable {
    pipes: Vec<Option<Pipe>>,
    /// What all of them can hold.
    slots: usize,
    arrays: Cache,
    pages: Cache,
    /// Pipes that may have changed since they were last settled.
    touched: Vec<PipeId>,
}

impl Default for PipeTable {
    fn default() -> Self {
        let (arrays, pages) = (Cache::new(&PIPE_BUFFERS), Cache::new(&PIPE_PAGE));
        Self { pipes: Vec::new(), slots: 0, arrays, pages, touched: Vec::new() }
    }
}

impl PipeTable {
    /// A pipe without ends.
    pub(super) fn insert(&mut self, fifo: Option<InodeId>) -> PipeId {
        let slots = if self.slots + DEFAULT_SLOTS > SOFT_LIMIT_SLOTS { FEW_SLOTS } else { DEFAULT_SLOTS };
        self.slots += slots;
        let free = self.pipes.iter().position(Option::is_none).unwrap_or(self.pipes.len());
        if free == self.pipes.len() {
            self.pipes.push(None);
        }
        self.pipes[free] = Some(Pipe::new(slots, fifo));
        let id = PipeId(free as u32);
        self.touched.push(id);
        id
    }

    pub(super) fn get(&self, id: PipeId) -> &Pipe {
        self.pipes[id.0 as usize].as_ref().expect("an open file holds its pipe")
    }

    pub(super) fn get_mut(&mut self, id: PipeId) -> &mut Pipe {
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
        self.pipes[id.0 as usize].as_mut().expect("an open file holds its pipe")
    }

    /// Takes out a pipe whose ends are all closed; gives the FIFO that it was.
    pub(super) fn remove(&mut self, id: PipeId) -> Option<InodeId> {
        let mut pipe = self.pipes[id.0 as usize].take()?;
        self.slots -= pipe.max_slots;
        pipe.array.set(&mut self.arrays, 0);
        pipe.pages.set(&mut self.pages, 0);
        pipe.fifo
    }

    /// Takes note of what pipes hold now, and gives it frames.
    pub(super) fn settle(&mut self, frames: &mut FrameTable) {
        for id in self.touched.drain(..) {
            if let Some(pipe) = &mut self.pipes[id.0 as usize] {
                pipe.array.set(&mut self.arrays, pipe.max_slots.div_ceil(SLOTS_PER_OBJECT));
                pipe.pages.set(&mut self.pages, pipe.slots.len());
            }
        }
        self.arrays.settle(frames);
        self.pages.settle(frames);
    }

    /// The cache of the arrays of slots.
    pub(super) const fn cache(&self) -> &Cache {
        &self.arrays
    }

    /// Makes a pipe hold this many bytes or more (F_SETPIPE_SZ); gives how many.
    pub(super) fn resize(&mut self, id: PipeId, bytes: u64) -> Result<u64, Errno> {
        let bytes = bytes & 0xffff_ffff;
        if bytes > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        let bytes = bytes.next_power_of_two().max(SLOT_BYTES as u64);
        let old = self.get(id).max_slots;
        let new = bytes as usize / SLOT_BYTES;
        if new > old && (bytes > MAX_BYTES || self.slots - old + new > SOFT_LIMIT_SLOTS) {
            return Err(Errno::EPERM);
        }
        if new < self.get(id).slots.len() {
            return Err(Errno::EBUSY);
        }
        self.slots = self.slots - old + new;
        self.get_mut(id).max_slots = new;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pipe() -> Pipe {
        Pipe { readers: 1, writers: 1, ..Pipe::new(DEFAULT_SLOTS, None) }
    }

    #[test]
    fn a_pipe_is_bounded_and_ends_with_its_writer() {
        let mut pipe = pipe();
        assert_eq!(pipe.read(&mut [0; 4]), Err(Errno::EAGAIN));
        assert_eq!(pipe.read(&mut []), Ok(0));
        assert_eq!(pipe.write(&vec![7; pipe.capacity() + 4096]), Ok(65_536));
        assert_eq!(pipe.write(b"x"), Err(Errno::EAGAIN));
        let mut buf = vec![0; pipe.capacity()];
        assert_eq!(pipe.read(&mut buf), Ok(65_536));
        assert!(buf.iter().all(|&b| b == 7));
        pipe.writers = 0;
        assert_eq!(pipe.read(&mut buf), Ok(0));
        pipe.readers = 0;
        assert_eq!(pipe.write(b"x"), Err(Errno::EPIPE));
        assert_eq!(pipe.write(b""), Ok(0));
    }

    #[test]
    fn room_is_counted_in_slots() {
        let mut pipe = pipe();
        for _ in 0..16 {
            assert_eq!(pipe.write(&[1; 2049]), Ok(2049), "too long for the rest of a page");
        }
        assert_eq!(pipe.write(&[1; 2049]), Err(Errno::EAGAIN));
        assert!(!pipe.writer_ready().contains(Ready::OUT));
        assert_eq!(pipe.write(&[1; 2047]), Ok(2047), "the last page has room for it");
        assert_eq!(pipe.read(&mut [0; 2048]), Ok(2048));
        assert!(pipe.is_full(), "a byte holds its page");
        assert_eq!(pipe.read(&mut [0; 1]), Ok(1));
        assert_eq!(pipe.writer_ready(), Ready::OUT);
    }

    #[test]
    fn sizes_are_rounded_and_bounded() {
        let mut table = PipeTable::default();
        let id = table.insert(None);
        table.get_mut(id).readers = 1;
        assert_eq!(table.resize(id, 0), Ok(4096));
        assert_eq!(table.resize(id, 4097), Ok(8192));
        assert_eq!(table.get_mut(id).write(&[0; 10_000]), Ok(8192));
        assert_eq!(table.resize(id, 1), Err(Errno::EBUSY));
        assert_eq!(table.resize(id, 1 << 20), Ok(1 << 20));
        assert_eq!(table.resize(id, (1 << 20) + 1), Err(Errno::EPERM));
        assert_eq!(table.resize(id, (1 << 31) + 1), Err(Errno::EINVAL));
        for _ in 0..2000 {
            table.insert(None);
        }
        assert!(table.slots <= SOFT_LIMIT_SLOTS + 2 * 2000);
        let last = table.insert(None);
        assert_eq!(table.get(last).capacity(), 8192);
        assert_eq!(table.resize(last, 16_384), Err(Errno::EPERM));
    }

    proptest! {
        /// Against a plain queue of bytes: order, atomic small writes, the bound.
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec((any::<bool>(), 0usize..20_000), 1..60)) {
            let mut pipe = pipe();
            let mut model: VecDeque<u8> = VecDeque::new();
            let mut next = 0u8;
            for (writes, len) in steps {
                if writes {
                    let bytes: Vec<u8> = (0..len).map(|i| next.wrapping_add(i as u8)).collect();
                    match pipe.write(&bytes) {
                        Ok(put) => {
                            prop_assert!(put == len || len > SLOT_BYTES);
                            prop_assert!(put == len || pipe.is_full());
                            model.extend(&bytes[..put]);
                            next = next.wrapping_add(put as u8);
                        }
                        Err(e) => prop_assert!(e == Errno::EAGAIN && pipe.is_full()),
                    }
                } else {
                    let mut buf = vec![0; len];
                    match pipe.read(&mut buf) {
                        Ok(got) => {
                            let expected: Vec<u8> = model.drain(..len.min(model.len())).collect();
                            prop_assert_eq!(&buf[..got], &expected[..]);
                        }
                        Err(e) => prop_assert!(e == Errno::EAGAIN && model.is_empty()),
                    }
                }
                prop_assert_eq!(pipe.len(), model.len());
                let held: usize = pipe.slots.iter().map(|slot| slot.end - slot.start).sum();
                prop_assert_eq!(held, model.len());
                prop_assert!(pipe.slots.len() <= DEFAULT_SLOTS && pipe.len() <= pipe.capacity());
            }
        }
    }
}
