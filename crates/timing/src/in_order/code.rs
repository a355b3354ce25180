//! The blocks that the core executes, and where each of their instructions stands in the ledger.
//!
//! A block is physical: the same one may be executed at several linear addresses, one after the other. So it remembers the place
//! that it was executed at last, with the rows of its instructions there, and how often it ran there without a break: these
//! executions reach the ledger when the place changes, or at the end.

use crate::Cycles;
use crate::config::ClassLatencies;
use crate::ledger::{Ledger, Row};
use crate::memory::line_of;
use arch::{InstrClass, InstrInfo, LinearAddr, PhysAddr, SpaceId};
use paging::BlockId;

/// A block where it was executed last.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    frame: PhysAddr,
    instructions: Box<[InstrInfo]>,
    place: Option<(SpaceId, LinearAddr)>,
    rows: Box<[Row]>,
    /// Complete runs that the ledger does not know of yet.
    runs: u64,
    /// What a complete run costs, beside memory.
    cycles: Cycles,
}

/// All blocks, by number.
#[derive(Clone, Debug)]
pub(super) struct Code {
    blocks: Vec<Block>,
    latency: ClassLatencies,
}

impl ClassLatencies {
    /// What an instruction costs beside its memory accesses.
    const fn of(&self, info: &InstrInfo) -> Cycles {
        match info.class {
            InstrClass::Alu => self.alu,
            InstrClass::Move if info.loads > 0 => Cycles(0),
            InstrClass::Move => self.mov,
            InstrClass::Mul => self.mul,
            InstrClass::Div => self.div,
            InstrClass::Branch => self.branch,
            InstrClass::String => self.string,
            InstrClass::Vector => self.vector,
            InstrClass::X87 => self.x87,
            InstrClass::Syscall | InstrClass::System => self.system,
        }
    }
}

impl Code {
    pub(super) const fn new(latency: ClassLatencies) -> Self {
        Self { blocks: Vec::new(), latency }
    }

    /// The number stands for a new block from now on.
    pub(super) fn define(&mut self, ledger: &mut Ledger, id: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        let index = id.0 as usize;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, Block::default);
        }
        self.post(ledger, index);
        let cycles = instructions.iter().map(|info| self.latency.of(info)).sum();
        self.blocks[index] = Block { frame, instructions: instructions.into(), cycles, ..Block::default() };
    }

    /// The block is about to be executed here.
    pub(super) fn enter(&mut self, ledger: &mut Ledger, id: BlockId, space: SpaceId, la: LinearAddr) {
        let index = id.0 as usize;
        if self.blocks[index].place != Some((space, la)) {
            self.post(ledger, index);
            let block = &mut self.blocks[index];
            let page = la.page_base();
            let row = |info: &InstrInfo| ledger.row(space, page.wrapping_add(info.page_offset.into()));
            block.rows = block.instructions.iter().map(row).collect();
            block.place = Some((space, la));
        }
    }

    /// The row of an instruction of a block that was entered. Behind the last it is the last's.
    pub(super) fn row(&self, id: BlockId, n: u16) -> Row {
        let rows = &self.blocks[id.0 as usize].rows;
        rows[usize::from(n).min(rows.len() - 1)]
    }

    /// The first byte of each line of code in the block's page, and of those in the page behind it.
    pub(super) fn lines(&self, id: BlockId) -> (impl Iterator<Item = PhysAddr> + use<>, u64) {
        let block = &self.blocks[id.0 as usize];
        let first = block.instructions.first().map_or(0, |info| u64::from(info.page_offset));
        let end = block.instructions.last().map_or(0, |info| u64::from(info.page_offset) + u64::from(info.length));
        let (frame, last) = (block.frame.0, end.clamp(first + 1, arch::FRAME_SIZE) - 1);
        let lines = line_of(PhysAddr(frame + first))..=line_of(PhysAddr(frame + last));
        (lines.map(|number| PhysAddr(number << 6)), end.saturating_sub(arch::FRAME_SIZE))
    }

    /// All instructions of the block have retired. Gives what they cost beside memory.
    pub(super) fn completed(&mut self, id: BlockId) -> Cycles {
        let block = &mut self.blocks[id.0 as usize];
        block.runs += 1;
        block.cycles
    }

    /// The first `retired` instructions of the block have retired, the next has not. Gives what they cost beside memory.
    pub(super) fn left(&mut self, ledger: &mut Ledger, id: BlockId, retired: u16) -> Cycles {
        let block = &self.blocks[id.0 as usize];
        let mut cycles = Cycles(0);
        for (row, info) in block.rows.iter().zip(&block.instructions).take(usize::from(retired)) {
            let each = self.latency.of(info);
            ledger.retire(*row, 1, each);
            cycles += each;
        }
        cycles
    }

    /// Tells the ledger all that it does not know yet.
    pub(super) fn post_all(&mut self, ledger: &mut Ledger) {
        (0..self.blocks.len()).for_each(|index| self.post(ledger, index));
    }

    fn post(&mut self, ledger: &mut Ledger, index: usize) {
        let block = &mut self.blocks[index];
        let runs = std::mem::take(&mut block.runs);
        if runs > 0 {
            for (row, info) in block.rows.iter().zip(&block.instructions) {
                ledger.retire(*row, runs, self.latency.of(info));
            }
        }
    }
}
