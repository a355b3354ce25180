//! An instruction of a block, as it is written.

use arch::{BranchKind, InstrClass, InstrInfo, Ordering, RegSet};
use serde::{Deserialize, Serialize};

/// What a model knows of an instruction. What has few values is told by its place among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instr {
    page_offset: u16,
    length: u8,
    class: u8,
    loads: u8,
    stores: u8,
    updates: u8,
    branch: Option<u8>,
    ordering: u8,
    address: u64,
    reads: u64,
    writes: u64,
}

impl From<&InstrInfo> for Instr {
    fn from(info: &InstrInfo) -> Self {
        Self {
            page_offset: info.page_offset,
            length: info.length,
            class: info.class as u8,
            loads: info.loads,
            stores: info.stores,
            updates: info.updates,
            branch: info.branch.map(|kind| kind as u8),
            ordering: info.ordering as u8,
            address: info.address.bits(),
            reads: info.reads.bits(),
            writes: info.writes.bits(),
        }
    }
}

impl Instr {
    /// What is written here, if an instruction can be so.
    pub(crate) fn info(&self) -> Option<InstrInfo> {
        let is_possible = u64::from(self.page_offset) < arch::FRAME_SIZE
            && (1..=15).contains(&self.length)
            && self.updates <= self.stores;
        is_possible.then_some(())?;
        Some(InstrInfo {
            page_offset: self.page_offset,
            length: self.length,
            class: nth(&InstrClass::ALL, self.class)?,
            loads: self.loads,
            stores: self.stores,
            updates: self.updates,
            branch: match self.branch {
                Some(kind) => Some(nth(&BranchKind::ALL, kind)?),
                None => None,
            },
            ordering: nth(&Ordering::ALL, self.ordering)?,
            address: RegSet::from_bits(self.address)?,
            reads: RegSet::from_bits(self.reads)?,
            writes: RegSet::from_bits(self.writes)?,
        })
    }
}

fn nth<T: Copy>(all: &[T], n: u8) -> Option<T> {
    all.get(usize::from(n)).copied()
}
