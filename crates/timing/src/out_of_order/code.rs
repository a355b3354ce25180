//! The blocks that the core executes, and what their instructions compute.

use super::units::Unit;
use crate::Cycles;
use crate::code::{Block, Blocks, Fetching, Instruction};
use crate::config::ClassLatencies;
use crate::ledger::{Ledger, Row};
use arch::{BranchKind, InstrClass, InstrInfo, LinearAddr, PhysAddr, SpaceId};
use paging::BlockId;

/// An instruction as it is decoded.
pub(super) type Decoded = Instruction<Computation>;

/// What an instruction computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computation {
    pub(super) unit: Unit,
    /// It takes so long; none where it just moves what it loads.
    pub(super) latency: Option<Cycles>,
}

/// A branch, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Branch {
    pub(super) kind: BranchKind,
    pub(super) rip: LinearAddr,
    /// The instruction behind it.
    pub(super) behind: LinearAddr,
}

/// All blocks.
#[derive(Clone, Debug)]
pub(super) struct Code {
    blocks: Blocks<Block<Computation>>,
    latency: ClassLatencies,
}

impl Code {
    pub(super) fn new(latency: ClassLatencies) -> Self {
        Self { blocks: Blocks::default(), latency }
    }

    /// The number stands for a new block from now on.
    pub(super) fn define(&mut self, id: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        let block = Block::new(frame, instructions, |info| computation(&self.latency, info));
        self.blocks.define(id, block);
    }

    /// The block is about to be executed here.
    pub(super) fn enter(&mut self, ledger: &mut Ledger, id: BlockId, place: (SpaceId, LinearAddr)) {
        let block = &mut self.blocks[id];
        if !block.is_at(place) {
            block.move_to(ledger, place);
        }
    }

    /// How many instructions the block has.
    #[inline]
    pub(super) fn length(&self, id: BlockId) -> usize {
        self.blocks[id].instructions().len()
    }

    /// An instruction of a block that was entered, and its row.
    #[inline]
    pub(super) fn instruction_at(&self, id: BlockId, n: usize) -> (Decoded, Row) {
        let block = &self.blocks[id];
        (block.instructions()[n], block.rows()[n])
    }

    /// The first instruction from `n` on that accesses memory.
    pub(super) fn accessing(&self, id: BlockId, n: usize) -> Option<usize> {
        let rest = self.blocks[id].instructions().get(n..)?;
        Some(n + rest.iter().position(|i| i.info.loads | i.info.stores > 0)?)
    }

    /// The branch that an instruction of a block that was entered is, if it is one.
    #[inline]
    pub(super) fn branch_at(&self, id: BlockId, n: usize) -> Option<Branch> {
        let block = &self.blocks[id];
        let info = &block.instructions()[n].info;
        info.branch.map(|kind| {
            let rip = block.address(n);
            Branch { kind, rip, behind: rip.wrapping_add(info.length.into()) }
        })
    }

    /// The first byte of each line that the block has to be fetched from.
    pub(super) fn lines(&self, id: BlockId, fetching: &mut Fetching) -> impl Iterator<Item = PhysAddr> + use<> {
        fetching.lines(&self.blocks[id])
    }
}

fn computation(latency: &ClassLatencies, info: &InstrInfo) -> Computation {
    let moves = info.class == InstrClass::Move && info.loads | info.stores > 0;
    Computation { unit: Unit::of(info.class), latency: (!moves).then(|| latency.of(info.class)) }
}
