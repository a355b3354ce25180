//! The blocks that a core executes: what each instruction is, where it stands in the ledger, and which lines it comes from.
//!
//! A block is physical: the same one may be executed at several linear addresses, one after the other. So it remembers the place that it
//! was executed at last, with the rows of its instructions there: they are looked up only where the place changes.

use crate::ledger::{Ledger, Row};
use crate::memory::{first_byte, line_of};
use arch::{FRAME_SIZE, InstrInfo, LinearAddr, PhysAddr, SpaceId};
use paging::BlockId;
use std::ops::{Index, IndexMut, RangeInclusive};

/// An instruction, and what it costs on the core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction<C> {
    pub(crate) info: InstrInfo,
    pub(crate) cost: C,
}

/// A block where it was executed last.
#[derive(Clone, Debug)]
pub(crate) struct Block<C> {
    instructions: Box<[Instruction<C>]>,
    /// The numbers of the lines of its page that it lies in.
    lines: RangeInclusive<u64>,
    /// Its last instruction ends in the page behind.
    crosses: bool,
    place: Option<(SpaceId, LinearAddr)>,
    rows: Box<[Row]>,
}

impl<C> Block<C> {
    /// A block of the frame at `frame` that was not executed yet.
    pub(crate) fn new(frame: PhysAddr, infos: &[InstrInfo], cost: impl Fn(&InstrInfo) -> C) -> Self {
        let first = infos.first().map_or(0, |info| u64::from(info.page_offset));
        let end = infos.last().map_or(0, |info| u64::from(info.page_offset) + u64::from(info.length));
        let last = end.clamp(first + 1, FRAME_SIZE) - 1;
        Self {
            instructions: infos.iter().map(|info| Instruction { info: *info, cost: cost(info) }).collect(),
            lines: line_of(PhysAddr(frame.0 + first))..=line_of(PhysAddr(frame.0 + last)),
            crosses: end > FRAME_SIZE,
            place: None,
            rows: Box::default(),
        }
    }

    /// True if it was executed here last.
    #[inline]
    pub(crate) fn is_at(&self, place: (SpaceId, LinearAddr)) -> bool {
        self.place == Some(place)
    }

    /// It is executed here from now on.
    pub(crate) fn move_to(&mut self, ledger: &mut Ledger, place: (SpaceId, LinearAddr)) {
        self.place = Some(place);
        self.rows = (0..self.instructions.len()).map(|n| ledger.row(place.0, self.address(n))).collect();
    }

    /// Its instructions.
    #[inline]
    pub(crate) const fn instructions(&self) -> &[Instruction<C>] {
        &self.instructions
    }

    /// The rows of its instructions, where it was executed last.
    #[inline]
    pub(crate) const fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The address of an instruction, where the block was executed last.
    pub(crate) fn address(&self, n: usize) -> LinearAddr {
        let page = self.place.map_or(LinearAddr(0), |(_, la)| la.page_base());
        page.wrapping_add(self.instructions[n].info.page_offset.into())
    }
}

impl<C> Default for Block<C> {
    fn default() -> Self {
        Self::new(PhysAddr(0), &[], |_| unreachable!("it has no instruction"))
    }
}

/// What a core keeps of each block, by the number that the host has given it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks<B>(Vec<B>);

impl<B: Default> Blocks<B> {
    /// The number stands for this block from now on. Gives the one that it stood for.
    pub(crate) fn define(&mut self, id: BlockId, block: B) -> B {
        let index = id.0 as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, B::default);
        }
        std::mem::replace(&mut self.0[index], block)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut B> {
        self.0.iter_mut()
    }
}

impl<B> Index<BlockId> for Blocks<B> {
    type Output = B;

    #[inline]
    fn index(&self, id: BlockId) -> &B {
        &self.0[id.0 as usize]
    }
}

impl<B> IndexMut<BlockId> for Blocks<B> {
    #[inline]
    fn index_mut(&mut self, id: BlockId) -> &mut B {
        &mut self.0[id.0 as usize]
    }
}

/// Where instructions come from: the line that the last ones were in, and the frame that the host has fetched from last.
#[derive(Clone, Debug)]
pub(crate) struct Fetching {
    line: u64,
    frame: PhysAddr,
}

impl Fetching {
    /// Nothing was fetched yet.
    pub(crate) const fn new() -> Self {
        Self { line: u64::MAX, frame: PhysAddr(0) }
    }

    /// The host fetches from the page of `pa`.
    #[inline]
    pub(crate) const fn go_on_at(&mut self, pa: PhysAddr) {
        self.frame = PhysAddr(pa.0 & !(FRAME_SIZE - 1));
    }

    /// The first byte of each line that a block has to be fetched from: the first may still be at hand. Where it ends in another page,
    /// the host has fetched from that one last.
    #[inline]
    pub(crate) fn lines<C>(&mut self, block: &Block<C>) -> impl Iterator<Item = PhysAddr> + use<C> {
        let behind = block.crosses.then(|| line_of(self.frame));
        let at_hand = std::mem::replace(&mut self.line, behind.unwrap_or(*block.lines.end()));
        block.lines.clone().chain(behind).skip_while(move |&line| line == at_hand).map(first_byte)
    }
}
