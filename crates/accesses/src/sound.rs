//! Whether an event can follow those before it. A model relies on what a host tells it; a file may say anything.

use crate::event::Kind;
use crate::extent::{Extent, TooLarge};
use crate::file::{ReadError, damaged};
use arch::{FRAME_SIZE, InstrInfo, LinearAddr, PhysAddr};

/// A run is no longer than this, in nanoseconds and in instructions, so that no sum overflows.
const MOST: u64 = 1 << 50;
/// Physical addresses end here.
const PHYSICAL: u64 = 1 << 52;
/// A host says how many instructions have retired long before it has executed so many.
const MOST_UNCOUNTED: u64 = 1 << 22;
/// No instruction has nearly as many translations whose accesses are not made yet.
const MOST_OPEN: u32 = 64;
/// From a fetch to the block that is entered, less happens than this: at most the kernel layer serves a fault.
const MOST_WAITING: u32 = 1 << 20;

/// What is known of a run so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sound {
    extent: Extent,
    /// How many instructions the block has that was entered last.
    entered: Option<usize>,
    /// Instructions that were executed since a host has said last how many have retired.
    uncounted: u64,
    /// Translations of the instruction under way whose accesses are not made.
    open: u32,
    /// Events since an instruction was fetched, if no block was entered since.
    waiting: Option<u32>,
    instructions: u64,
    ns: u64,
}

impl Sound {
    /// There is another event.
    #[inline]
    pub(crate) fn event(&mut self) -> Result<(), ReadError> {
        let Some(waiting) = &mut self.waiting else { return Ok(()) };
        *waiting += 1;
        check(*waiting <= MOST_WAITING, "an instruction is fetched and never begins")
    }

    /// A block is decoded. A host numbers them one behind the other.
    pub(crate) fn block(&mut self, block: u32, frame: u64, instructions: &[InstrInfo]) -> Result<(), ReadError> {
        check(block as usize <= self.extent.blocks() + 1, "a block has an impossible number")?;
        check(instructions.windows(2).all(follow), "a block's instructions do not follow each other")?;
        physical(frame)?;
        check(frame.is_multiple_of(FRAME_SIZE), "a block lies in no frame")?;
        self.extent.block(block, instructions)?;
        self.entered = None;
        Ok(())
    }

    /// A block is entered.
    #[inline]
    pub(crate) fn enter(&mut self, block: u32, la: LinearAddr) -> Result<(), ReadError> {
        let length = self.extent.length(block).ok_or(damaged("a block is entered that was not decoded"))?;
        self.extent.enter(block, la)?;
        (self.entered, self.open, self.waiting) = (Some(length), 0, None);
        self.uncounted += length as u64;
        check(self.uncounted <= MOST_UNCOUNTED, "instructions are executed that do not retire")
    }

    /// An instruction of it begins, or what stands behind the last and is none.
    pub(crate) fn instruction(&mut self, n: u16) -> Result<(), ReadError> {
        self.open = 0;
        check(self.entered.is_some_and(|length| usize::from(n) <= length), "a block has no such instruction")
    }

    /// It is left after so many.
    pub(crate) fn left(&mut self, completed: u16) -> Result<(), ReadError> {
        let missing = self.entered.take().and_then(|length| length.checked_sub(completed.into()));
        self.uncounted -= missing.ok_or(damaged("a block has fewer instructions"))? as u64;
        self.open = 0;
        Ok(())
    }

    /// So many have retired: as many as were executed, no more and no less.
    pub(crate) fn retired(&mut self, instructions: u64) -> Result<(), ReadError> {
        check(instructions == self.uncounted, "other instructions retire than were executed")?;
        (self.entered, self.uncounted) = (None, 0);
        sum(&mut self.instructions, instructions)
    }

    /// A translation is asked for.
    #[inline]
    pub(crate) fn translated(&mut self, kind: Kind, la: LinearAddr) -> Result<(), ReadError> {
        self.extent.access(la)?;
        if kind == Kind::Fetch {
            self.waiting.get_or_insert(0);
            return Ok(self.extent.fetch(la)?);
        }
        self.open += 1;
        check(self.open <= MOST_OPEN, "an instruction has too many accesses")
    }

    /// An access is made.
    #[inline]
    pub(crate) const fn made(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// An access to come crosses a page.
    pub(crate) fn crossing(&mut self, la: LinearAddr) -> Result<(), TooLarge> {
        self.extent.access(la)
    }

    /// Another address space.
    pub(crate) const fn space(&mut self, space: u32) {
        self.extent.go_to(space);
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

/// Whether the second of two instructions begins where the first ends.
fn follow(pair: &[InstrInfo]) -> bool {
    pair[0].page_offset + u16::from(pair[0].length) == pair[1].page_offset
}

fn sum(total: &mut u64, more: u64) -> Result<(), ReadError> {
    *total = total.saturating_add(more);
    check(*total <= MOST, "the run is too long")
}
