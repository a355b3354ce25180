//! What a trace says, in the order of the run.
//!
//! Linear addresses of accesses are told as the step from the last one of their kind, which is small more often than not; [`Steps`]
//! takes it both ways.

use crate::instr::Instr;
use crate::registers::Registers;
use arch::{AccessKind, LinearAddr};
use serde::{Deserialize, Serialize};

/// What the run was. It comes before the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The program and its arguments.
    pub program: Vec<String>,
}

/// Read, write or fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Read,
    Write,
    Fetch,
}

impl From<AccessKind> for Kind {
    fn from(kind: AccessKind) -> Self {
        match kind {
            AccessKind::Read => Self::Read,
            AccessKind::Write => Self::Write,
            AccessKind::Fetch => Self::Fetch,
        }
    }
}

impl From<Kind> for AccessKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Read => Self::Read,
            Kind::Write => Self::Write,
            Kind::Fetch => Self::Fetch,
        }
    }
}

/// One thing that a model is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    /// An access was translated, and so many bytes were accessed; for a fetch the size is 0.
    Access { kind: Kind, step: i64, size: u32 },
    /// An access was translated that is made later, or never.
    Translated { kind: Kind, step: i64 },
    /// An access was translated, and faulted.
    Faulted { kind: Kind, step: i64 },
    /// An access was made that was translated before.
    Made { kind: Kind, step: i64, size: u32 },
    /// An access to come crosses a page, from this address on.
    Crossing { la: u64 },
    /// This instruction of the block begins.
    Instruction(u16),
    /// A block begins to execute; the step is that from the last block.
    Enter { block: u32, step: i64 },
    /// A block was left after so many instructions.
    Left(u16),
    /// So many instructions have retired.
    Retired(u64),
    /// The paging entry at this physical address has another value than it had.
    Entry { pa: u64, value: u64 },
    /// The registers that decide translations have other values.
    Registers(Registers),
    /// Translations are dropped.
    Invalidate(Invalidate),
    /// CR3 was loaded.
    Root(u64),
    /// Another address space.
    Space(u32),
    /// The kernel layer has spent so many nanoseconds on a service, which is told by its place among all.
    Service { service: u8, ns: u64 },
    /// The kernel layer is done.
    Resumed,
    /// A block was decoded from a frame.
    Block { block: u32, frame: u64, instructions: Vec<Instr> },
    /// The trace is complete.
    End,
}

/// An invalidation; a PCID is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Invalidate {
    Page { la: u64, pcid: u16 },
    Address { la: u64, pcid: u16 },
    Context { pcid: u16 },
    NonGlobal,
    All,
}

/// Where the last access of each kind was, and the last block.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steps {
    accesses: [u64; 3],
    block: u64,
}

impl Steps {
    /// The step to an access.
    pub(crate) const fn toward(&mut self, kind: Kind, la: LinearAddr) -> i64 {
        measure(&mut self.accesses[kind as usize], la)
    }

    /// The access that a step leads to.
    pub(crate) const fn follow(&mut self, kind: Kind, step: i64) -> LinearAddr {
        advance(&mut self.accesses[kind as usize], step)
    }

    /// The step to a block.
    pub(crate) const fn toward_block(&mut self, la: LinearAddr) -> i64 {
        measure(&mut self.block, la)
    }

    /// The block that a step leads to.
    pub(crate) const fn follow_block(&mut self, step: i64) -> LinearAddr {
        advance(&mut self.block, step)
    }
}

const fn measure(last: &mut u64, la: LinearAddr) -> i64 {
    let step = la.0.wrapping_sub(*last) as i64;
    *last = la.0;
    step
}

const fn advance(last: &mut u64, step: i64) -> LinearAddr {
    *last = last.wrapping_add_signed(step);
    LinearAddr(*last)
}
