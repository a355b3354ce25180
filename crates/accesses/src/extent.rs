//! How large a trace may become.
//!
//! What a model keeps of a run grows with its code, with the places that are executed and accessed, and with its page tables. A recorder
//! and a player hold these to the same bounds: what is written can be read, and no file takes more memory than they allow, some GiB at
//! the very worst. What is charged to each process by itself adds up where there are thousands of them.

use arch::{InstrInfo, LinearAddr};
use std::collections::HashMap;
use thiserror::Error;

/// Numbers of blocks.
const BLOCKS: Bound = Bound { most: 2_000_000, what: "blocks of code" };
/// A host ends a block at the latest here.
const IN_BLOCK: Bound = Bound { most: 64, what: "instructions in a block" };
/// Instructions of all blocks that a host keeps at a time.
const INSTRUCTIONS: Bound = Bound { most: 8_000_000, what: "instructions in all blocks" };
/// A core with a clock charges each of these by itself.
const EXECUTED: Bound = Bound { most: 7_000_000, what: "addresses of instructions in all address spaces" };
/// And each of these.
const PAGES: Bound = Bound { most: 3_500_000, what: "pages that are accessed in all address spaces" };
/// Those of some 50 GiB in small pages.
const ENTRIES: Bound = Bound { most: 14_000_000, what: "paging entries" };

/// How many words of a set are at hand without a search.
const RECENT: usize = 1 << 11;

/// A run of which there is no trace, since it has too many of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the run has more than {most} {what}, too many for a trace")]
pub struct TooLarge {
    /// As many it may have.
    pub most: u64,
    /// Of what.
    pub what: &'static str,
}

struct Bound {
    most: u64,
    what: &'static str,
}

impl Bound {
    fn hold(&self, count: u64) -> Result<(), TooLarge> {
        let Self { most, what } = *self;
        if count <= most { Ok(()) } else { Err(TooLarge { most, what }) }
    }
}

/// What a run has come to so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extent {
    blocks: Vec<Block>,
    /// Instructions of all of them.
    instructions: u64,
    executed: Places,
    /// The places are pages.
    pages: Places,
    space: u32,
}

/// What is known of a block.
#[derive(Clone, Debug, Default)]
struct Block {
    /// In instructions; none for a number that stands for no block.
    length: Option<usize>,
    /// Its page's pieces of 64 bytes, and where in each instructions begin.
    pieces: Box<[(u64, u64)]>,
    /// The address space and page that it was entered in last.
    place: Option<(u32, u64)>,
}

impl Extent {
    /// The number stands for this block from now on.
    pub(crate) fn block(&mut self, block: u32, instructions: &[InstrInfo]) -> Result<(), TooLarge> {
        let (index, length) = (block as usize, instructions.len());
        BLOCKS.hold(index as u64 + 1)?;
        IN_BLOCK.hold(length as u64)?;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, Block::default);
        }
        let new = Block { length: Some(length), pieces: pieces(instructions), place: None };
        let old = std::mem::replace(&mut self.blocks[index], new);
        self.instructions = self.instructions + length as u64 - old.length.unwrap_or(0) as u64;
        INSTRUCTIONS.hold(self.instructions)
    }

    /// One more than the largest number of a block.
    pub(crate) const fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// How many instructions a block has, if there is one.
    #[inline]
    pub(crate) fn length(&self, block: u32) -> Option<usize> {
        self.blocks.get(block as usize)?.length
    }

    /// A block is entered.
    #[inline]
    pub(crate) fn enter(&mut self, block: u32, la: LinearAddr) -> Result<(), TooLarge> {
        let Some(block) = self.blocks.get_mut(block as usize) else { return Ok(()) };
        let place = (self.space, la.page_number());
        if block.place == Some(place) {
            return Ok(());
        }
        block.place = Some(place);
        for &(piece, begins) in &block.pieces {
            self.executed.add(self.space, la.page_number() << 6 | piece, begins);
        }
        EXECUTED.hold(self.executed.count)
    }

    /// An instruction is fetched that may come to nothing.
    pub(crate) fn fetch(&mut self, la: LinearAddr) -> Result<(), TooLarge> {
        self.executed.add(self.space, la.0 >> 6, 1 << (la.0 & 63));
        EXECUTED.hold(self.executed.count)
    }

    /// Something in a page is accessed.
    #[inline]
    pub(crate) fn access(&mut self, la: LinearAddr) -> Result<(), TooLarge> {
        let page = la.page_number();
        self.pages.add(self.space, page >> 6, 1 << (page & 63));
        PAGES.hold(self.pages.count)
    }

    /// It goes on in this address space.
    pub(crate) const fn go_to(&mut self, space: u32) {
        self.space = space;
    }
}

/// There are so many paging entries.
pub(crate) fn entries(count: usize) -> Result<(), TooLarge> {
    ENTRIES.hold(count as u64)
}

/// Where in the pieces of a page instructions begin.
fn pieces(instructions: &[InstrInfo]) -> Box<[(u64, u64)]> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for info in instructions {
        let (piece, begins) = (u64::from(info.page_offset >> 6), 1 << (info.page_offset & 63));
        match pieces.last_mut() {
            Some((last, all)) if *last == piece => *all |= begins,
            _ => pieces.push((piece, begins)),
        }
    }
    pieces.into()
}

/// A set of places in address spaces: words of 64 neighbours each.
#[derive(Clone, Debug)]
struct Places {
    words: HashMap<(u32, u64), u64>,
    /// Some of them, by the last bits of their numbers.
    recent: Box<[(u32, u64, u64)]>,
    count: u64,
}

impl Default for Places {
    fn default() -> Self {
        Self { words: HashMap::new(), recent: vec![(0, 0, 0); RECENT].into(), count: 0 }
    }
}

impl Places {
    /// These places of a word are in it from now on.
    #[inline]
    fn add(&mut self, space: u32, word: u64, places: u64) {
        let recent = &mut self.recent[word as usize % RECENT];
        if (recent.0, recent.1) == (space, word) && recent.2 & places == places {
            return;
        }
        let known = self.words.entry((space, word)).or_default();
        self.count += u64::from((places & !*known).count_ones());
        *known |= places;
        *recent = (space, word, *known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instructions(offsets: impl IntoIterator<Item = u16>) -> Vec<InstrInfo> {
        offsets.into_iter().map(|page_offset| InstrInfo { page_offset, ..InstrInfo::default() }).collect()
    }

    #[test]
    fn a_place_counts_once() {
        let mut extent = Extent::default();
        extent.block(0, &instructions([60, 62, 64])).expect("few");
        extent.block(1, &instructions([62, 64, 66])).expect("few");
        for (block, la, count) in [(0, 0x103c, 3), (0, 0x103c, 3), (1, 0x103e, 4), (0, 0x203c, 7), (0, 0x103c, 7)] {
            extent.enter(block, LinearAddr(la)).expect("few");
            assert_eq!(extent.executed.count, count, "block {block} at {la:#x}");
        }
        extent.go_to(1);
        extent.enter(0, LinearAddr(0x103c)).expect("few");
        extent.fetch(LinearAddr(0x103c)).expect("few");
        extent.fetch(LinearAddr(0x103d)).expect("few");
        assert_eq!(extent.executed.count, 11);
    }

    #[test]
    fn a_block_that_is_gone_does_not_count() {
        let mut extent = Extent::default();
        (0..1_000_000).try_for_each(|_| extent.block(0, &instructions(0..64))).expect("one at a time");
        assert_eq!((extent.instructions, extent.length(0), extent.length(1)), (64, Some(64), None));
    }

    #[test]
    fn each_bound_says_what_there_is_too_much_of() {
        let mut extent = Extent::default();
        let says = |outcome: Result<(), TooLarge>, what: &str| {
            let said = outcome.expect_err("it is too much").to_string();
            assert!(said.contains(what), "{said}");
        };
        says(extent.block(2_000_000, &[]), "2000000 blocks of code");
        says(extent.block(0, &instructions(0..65)), "64 instructions in a block");
        let block = instructions(0..64);
        says((0..1_000_000).try_for_each(|n| extent.block(n, &block)), "8000000 instructions in all blocks");
        let mut places = (0..1_000_000).map(|n| LinearAddr(n << 12));
        says(places.try_for_each(|la| extent.enter(0, la)), "7000000 addresses of instructions");
        says((0..8_000_000).try_for_each(|n| extent.fetch(LinearAddr(n))), "7000000 addresses of instructions");
        says((0..8_000_000).try_for_each(|n| extent.access(LinearAddr(n << 12))), "3500000 pages");
        says(entries(20_000_000), "14000000 paging entries");
    }
}
