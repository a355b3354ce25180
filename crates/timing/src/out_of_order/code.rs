//! The blocks that the core executes: what each instruction needs, and where it stands in the ledger at the place the block was
//! executed last.

use super::lane::Decoded;
use super::units::Unit;
use crate::Cycles;
use crate::config::ClassLatencies;
use crate::ledger::{Ledger, Row};
use crate::memory::line_of;
use arch::{BranchKind, InstrClass, InstrInfo, LinearAddr, PhysAddr, SpaceId};
use paging::BlockId;

/// A block where it was executed last.
#[derive(Clone, Debug, Default)]
struct Block {
    frame: PhysAddr,
    instructions: Box<[Instruction]>,
    place: Option<(SpaceId, LinearAddr)>,
    page: LinearAddr,
    rows: Box<[Row]>,
}

#[derive(Clone, Copy, Debug)]
struct Instruction {
    decoded: Decoded,
    offset: u16,
    length: u8,
    branch: Option<BranchKind>,
}

/// A branch, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) kind: BranchKind,
    pub(super) rip: LinearAddr,
    /// The instruction behind it.
    pub(super) behind: LinearAddr,
}

/// All blocks, by number.
#[derive(Clone, Debug)]
pub(super) struct Code {
    blocks: Vec<Block>,
    latency: ClassLatencies,
}

impl Code {
    pub(super) const fn new(latency: ClassLatencies) -> Self {
        Self { blocks: Vec::new(), latency }
    }

    /// The number stands for a new block from now on.
    pub(super) fn define(&mut self, id: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        let index = id.0 as usize;
        if self.blocks.len() <= index {
            self.blocks.resize_with(index + 1, Block::default);
        }
        let instructions = instructions.iter().map(|info| self.instruction(info)).collect();
        self.blocks[index] = Block { frame, instructions, ..Block::default() };
    }

    fn instruction(&self, info: &InstrInfo) -> Instruction {
        let moves = info.class == InstrClass::Move && info.loads | info.stores > 0;
        let decoded = Decoded {
            address: info.address,
            reads: info.reads,
            writes: info.writes,
            ordering: info.ordering,
            unit: Unit::of(info.class),
            latency: (!moves).then(|| self.latency_of(info.class)),
            loads: info.loads,
            stores: info.stores,
            updates: info.updates,
        };
        Instruction { decoded, offset: info.page_offset, length: info.length, branch: info.branch }
    }

    const fn latency_of(&self, class: InstrClass) -> Cycles {
        match class {
            InstrClass::Alu => self.latency.alu,
            InstrClass::Move => self.latency.mov,
            InstrClass::Mul => self.latency.mul,
            InstrClass::Div => self.latency.div,
            InstrClass::Branch => self.latency.branch,
            InstrClass::String => self.latency.string,
            InstrClass::Vector => self.latency.vector,
            InstrClass::X87 => self.latency.x87,
            InstrClass::Syscall | InstrClass::System => self.latency.system,
        }
    }

    /// The block is about to be executed here.
    pub(super) fn enter(&mut self, ledger: &mut Ledger, id: BlockId, space: SpaceId, la: LinearAddr) {
        let block = &mut self.blocks[id.0 as usize];
        if block.place != Some((space, la)) {
            let page = la.page_base();
            let row = |i: &Instruction| ledger.row(space, page.wrapping_add(i.offset.into()));
            block.rows = block.instructions.iter().map(row).collect();
            (block.place, block.page) = (Some((space, la)), page);
        }
    }

    /// How many instructions the block has.
    #[inline]
    pub(super) fn length(&self, id: BlockId) -> usize {
        self.blocks[id.0 as usize].instructions.len()
    }

    /// An instruction of a block that was entered, and its row.
    #[inline]
    pub(super) fn instruction_at(&self, id: BlockId, n: usize) -> (Decoded, Row) {
        let block = &self.blocks[id.0 as usize];
        (block.instructions[n].decoded, block.rows[n])
    }

    /// The first instruction from `n` on that accesses memory.
    pub(super) fn accessing(&self, id: BlockId, n: usize) -> Option<usize> {
        let rest = self.blocks[id.0 as usize].instructions.get(n..)?;
        Some(n + rest.iter().position(|i| i.decoded.loads | i.decoded.stores > 0)?)
    }

    /// The branch that an instruction of a block that was entered is, if it is one.
    #[inline]
    pub(super) fn branch_at(&self, id: BlockId, n: usize) -> Option<Branch> {
        let block = &self.blocks[id.0 as usize];
        let instruction = &block.instructions[n];
        let rip = block.page.wrapping_add(instruction.offset.into());
        instruction.branch.map(|kind| Branch { kind, rip, behind: rip.wrapping_add(instruction.length.into()) })
    }

    /// The first byte of each line of code in the block's page, and of those in the page behind it.
    pub(super) fn lines(&self, id: BlockId) -> (impl Iterator<Item = PhysAddr> + use<>, u64) {
        let block = &self.blocks[id.0 as usize];
        let first = block.instructions.first().map_or(0, |i| u64::from(i.offset));
        let end = block.instructions.last().map_or(0, |i| u64::from(i.offset) + u64::from(i.length));
        let (frame, last) = (block.frame.0, end.clamp(first + 1, arch::FRAME_SIZE) - 1);
        let lines = line_of(PhysAddr(frame + first))..=line_of(PhysAddr(frame + last));
        (lines.map(|number| PhysAddr(number << 6)), end.saturating_sub(arch::FRAME_SIZE))
    }
}
