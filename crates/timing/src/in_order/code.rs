//! The blocks that the core executes, and what they cost.
//!
//! Complete runs of a block at one place are counted, and reach the ledger when the place changes, when the number stands for another
//! block, or at the end.

use crate::Cycles;
use crate::code::{Block, Blocks, Fetching};
use crate::config::ClassLatencies;
use crate::ledger::{Ledger, Row};
use arch::{InstrClass, InstrInfo, LinearAddr, PhysAddr, SpaceId};
use paging::BlockId;

/// A block, and how often it ran where it was executed last.
#[derive(Clone, Debug, Default)]
struct Counted {
    block: Block<Cycles>,
    /// Complete runs that the ledger does not know of yet.
    runs: u64,
    /// What a complete run costs, beside memory.
    cycles: Cycles,
}

/// All blocks.
#[derive(Clone, Debug)]
pub(super) struct Code {
    blocks: Blocks<Counted>,
    latency: ClassLatencies,
}

impl Code {
    pub(super) fn new(latency: ClassLatencies) -> Self {
        Self { blocks: Blocks::default(), latency }
    }

    /// The number stands for a new block from now on.
    pub(super) fn define(&mut self, ledger: &mut Ledger, id: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        let block = Block::new(frame, instructions, |info| cost(&self.latency, info));
        let cycles = block.instructions().iter().map(|instruction| instruction.cost).sum();
        self.blocks.define(id, Counted { block, runs: 0, cycles }).post(ledger);
    }

    /// The block is about to be executed here.
    #[inline]
    pub(super) fn enter(&mut self, ledger: &mut Ledger, id: BlockId, place: (SpaceId, LinearAddr)) {
        let counted = &mut self.blocks[id];
        if !counted.block.is_at(place) {
            counted.post(ledger);
            counted.block.move_to(ledger, place);
        }
    }

    /// The row of an instruction of a block that was entered. Behind the last it is the last's; none in a block of which nothing could be
    /// decoded.
    #[inline]
    pub(super) fn row(&self, id: BlockId, n: u16) -> Option<Row> {
        let rows = self.blocks[id].block.rows();
        rows.get(usize::from(n)).or(rows.last()).copied()
    }

    /// The first byte of each line that the block has to be fetched from.
    #[inline]
    pub(super) fn lines(&self, id: BlockId, fetching: &mut Fetching) -> impl Iterator<Item = PhysAddr> + use<> {
        fetching.lines(&self.blocks[id].block)
    }

    /// All instructions of the block have retired. Gives what they cost beside memory.
    #[inline]
    pub(super) fn completed(&mut self, id: BlockId) -> Cycles {
        let counted = &mut self.blocks[id];
        counted.runs += 1;
        counted.cycles
    }

    /// The first `retired` instructions of the block have retired, the next has not. Gives what they cost beside memory.
    pub(super) fn left(&mut self, ledger: &mut Ledger, id: BlockId, retired: u16) -> Cycles {
        let mut cycles = Cycles(0);
        for (row, each) in self.blocks[id].costs().take(usize::from(retired)) {
            ledger.retire(row, 1, each);
            cycles += each;
        }
        cycles
    }

    /// Tells the ledger all that it does not know yet.
    pub(super) fn post_all(&mut self, ledger: &mut Ledger) {
        self.blocks.iter_mut().for_each(|counted| counted.post(ledger));
    }
}

impl Counted {
    fn post(&mut self, ledger: &mut Ledger) {
        let runs = std::mem::take(&mut self.runs);
        if runs > 0 {
            self.costs().for_each(|(row, each)| ledger.retire(row, runs, each));
        }
    }

    /// The row of each instruction, and what it costs beside memory.
    fn costs(&self) -> impl Iterator<Item = (Row, Cycles)> {
        self.block.rows().iter().copied().zip(self.block.instructions().iter().map(|instruction| instruction.cost))
    }
}

/// What an instruction costs beside its memory accesses.
const fn cost(latency: &ClassLatencies, info: &InstrInfo) -> Cycles {
    match info.class {
        InstrClass::Move if info.loads > 0 => Cycles(0),
        class => latency.of(class),
    }
}
