//! All address spaces, counted by the processes that use them.
//!
//! A process has its own, but for vfork, after which the child uses its parent's until it executes or ends.

use crate::mm::Mm;
use std::ops::{Index, IndexMut};

/// The number of an address space. Numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MmId(u32);

/// All address spaces.
#[derive(Debug, Default)]
pub(crate) struct MmTable {
    slots: Vec<Option<Slot>>,
}

#[derive(Debug)]
struct Slot {
    mm: Mm,
    /// Processes that use it (`mm_users`).
    users: u32,
}

impl MmTable {
    /// Takes a new address space, with one user.
    pub(crate) fn insert(&mut self, mm: Mm) -> MmId {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[free] = Some(Slot { mm, users: 1 });
        MmId(free as u32)
    }

    /// Whether several processes use it.
    pub(crate) fn is_shared(&mut self, id: MmId) -> bool {
        self.slot(id).users > 1
    }

    /// One user more (`mmget`).
    pub(crate) fn get(&mut self, id: MmId) {
        self.slot(id).users += 1;
    }

    /// One user less; the last one gets the address space, to drop it (`mmput`).
    #[must_use]
    pub(crate) fn put(&mut self, id: MmId) -> Option<Mm> {
        let slot = self.slot(id);
        slot.users -= 1;
        if slot.users > 0 {
            return None;
        }
        self.slots[id.0 as usize].take().map(|slot| slot.mm)
    }

    fn slot(&mut self, id: MmId) -> &mut Slot {
        self.slots[id.0 as usize].as_mut().expect("a process holds its address space")
    }
}

impl Index<MmId> for MmTable {
    type Output = Mm;

    fn index(&self, id: MmId) -> &Mm {
        &self.slots[id.0 as usize].as_ref().expect("a process holds its address space").mm
    }
}

impl IndexMut<MmId> for MmTable {
    fn index_mut(&mut self, id: MmId) -> &mut Mm {
        &mut self.slot(id).mm
    }
}
