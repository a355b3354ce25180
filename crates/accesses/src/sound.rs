//! Whether an event can follow those before it. A model relies on what a host tells it; a file may say anything.

use crate::file::{ReadError, damaged};
use arch::{FRAME_SIZE, InstrInfo, LinearAddr, PhysAddr};

/// A run is no longer than this, in nanoseconds and in instructions, so that no sum overflows.
const MOST: u64 = 1 << 50;
/// Physical addresses end here.
const PHYSICAL: u64 = 1 << 52;

/// What is known of a run so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sound {
    /// How many instructions each block has; 0 for one that was not decoded.
    blocks: Vec<usize>,
    /// Those of the block that was entered last.
    entered: Option<usize>,
    instructions: u64,
    ns: u64,
}

impl Sound {
    /// A block is decoded. A host numbers them one behind the other.
    pub(crate) fn block(&mut self, block: u32, frame: u64, instructions: &[InstrInfo]) -> Result<(), ReadError> {
        let index = block as usize;
        check(index <= self.blocks.len() + 1, "a block has an impossible number")?;
        check(!instructions.is_empty(), "a block is empty")?;
        let is_sorted = instructions.is_sorted_by_key(|info| info.page_offset);
        check(
            is_sorted && instructions.len() <= FRAME_SIZE as usize,
            "a block's instructions do not follow each other",
        )?;
        physical(frame)?;
        check(frame.is_multiple_of(FRAME_SIZE), "a block lies in no frame")?;
        if self.blocks.len() <= index {
            self.blocks.resize(index + 1, 0);
        }
        self.blocks[index] = instructions.len();
        self.entered = None;
        Ok(())
    }

    /// A block is entered.
    pub(crate) fn enter(&mut self, block: u32) -> Result<(), ReadError> {
        let length = self.blocks.get(block as usize).copied().filter(|length| *length > 0);
        self.entered = Some(length.ok_or(damaged("a block is entered that was not decoded"))?);
        Ok(())
    }

    /// An instruction of it begins.
    pub(crate) fn instruction(&self, n: u16) -> Result<(), ReadError> {
        check(self.entered.is_some_and(|length| usize::from(n) < length), "a block has no such instruction")
    }

    /// It is left after so many.
    pub(crate) fn left(&mut self, completed: u16) -> Result<(), ReadError> {
        let length = self.entered.take();
        check(length.is_some_and(|length| usize::from(completed) <= length), "a block has fewer instructions")
    }

    /// So many have retired.
    pub(crate) fn retired(&mut self, instructions: u64) -> Result<(), ReadError> {
        sum(&mut self.instructions, instructions)
    }

    /// A service took so long.
    pub(crate) fn service(&mut self, ns: u64) -> Result<(), ReadError> {
        sum(&mut self.ns, ns)
    }
}

/// An access lies within its page.
pub(crate) fn within_page(la: LinearAddr, size: u32) -> Result<(), ReadError> {
    check(la.page_offset() + u64::from(size) <= FRAME_SIZE, "an access goes beyond its page")
}

/// A physical address that there can be.
pub(crate) fn physical(pa: u64) -> Result<PhysAddr, ReadError> {
    check(pa < PHYSICAL, "a physical address is too large").map(|()| PhysAddr(pa))
}

/// True, or the trace is damaged.
pub(crate) fn check(is_so: bool, otherwise: &'static str) -> Result<(), ReadError> {
    if is_so { Ok(()) } else { Err(damaged(otherwise)) }
}

fn sum(total: &mut u64, more: u64) -> Result<(), ReadError> {
    *total = total.saturating_add(more);
    check(*total <= MOST, "the run is too long")
}
