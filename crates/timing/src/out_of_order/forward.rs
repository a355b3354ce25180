//! Stores on their way to the first level: a load of what one of them wrote takes it from there.

use crate::Cycles;
use arch::PhysAddr;

/// Words of 8 bytes that are remembered; one displaces another that has the same place.
const WORDS: usize = 512;

#[derive(Clone, Copy, Debug)]
struct Word {
    number: u64,
    /// When its value is known, and when the first level has it.
    known: Cycles,
    leaves: Cycles,
}

#[derive(Clone, Debug)]
pub(super) struct Forward {
    words: Box<[Word]>,
}

impl Forward {
    pub(super) fn new() -> Self {
        let none = Word { number: u64::MAX, known: Cycles(0), leaves: Cycles(0) };
        Self { words: vec![none; WORDS].into() }
    }

    /// `size` bytes are stored.
    #[inline]
    pub(super) fn store(&mut self, pa: PhysAddr, size: u32, known: Cycles, leaves: Cycles) {
        for number in words(pa, size) {
            self.words[number as usize % WORDS] = Word { number, known, leaves };
        }
    }

    /// When the first word of a load that begins at `at` is known, if a store that is still on its way has it.
    #[inline]
    pub(super) fn load(&self, pa: PhysAddr, at: Cycles) -> Option<Cycles> {
        let number = pa.0 >> 3;
        let word = &self.words[number as usize % WORDS];
        (word.number == number && word.leaves > at).then_some(word.known)
    }
}

/// The words that hold the bytes, no more of them than are remembered.
fn words(pa: PhysAddr, size: u32) -> impl Iterator<Item = u64> {
    let last = pa.0 + u64::from(size.max(1)) - 1;
    (pa.0 >> 3..=last >> 3).take(WORDS)
}
