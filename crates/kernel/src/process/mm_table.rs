//! All address spaces, counted by the processes that use them.
//!
//! A process has its own, but for vfork, after which the child uses its parent's until it executes or ends.

use crate::mm::Mm;
use crate::mm::frames::FrameTable;
use crate::mm::slab::{Cache, MM_STRUCT, Object, Pool, VM_AREA_STRUCT};
use std::ops::{Index, IndexMut};

/// The number of an address space. Numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MmId(u32);

/// All address spaces.
#[derive(Debug)]
pub(crate) struct MmTable {
    slots: Vec<Option<Slot>>,
    mm_structs: Cache,
    vm_area_structs: Cache,
}

#[derive(Debug)]
struct Slot {
    mm: Mm,
    /// Processes that use it (`mm_users`).
    users: u32,
    object: Object,
    /// The room of its mappings, as many as there were when it was last looked at.
    vm_areas: Pool,
}

impl Default for MmTable {
    fn default() -> Self {
        let (mm_structs, vm_area_structs) = (Cache::new(&MM_STRUCT), Cache::new(&VM_AREA_STRUCT));
        Self { slots: Vec::new(), mm_structs, vm_area_structs }
    }
}

impl MmTable {
    /// Takes a new address space, with one user.
    pub(crate) fn insert(&mut self, mm: Mm) -> MmId {
        let free = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        if free == self.slots.len() {
            self.slots.push(None);
        }
        let (object, vm_areas) = (self.mm_structs.alloc(), Pool::default());
        self.slots[free] = Some(Slot { mm, users: 1, object, vm_areas });
        let id = MmId(free as u32);
        self.count_vmas(id);
        id
    }

    /// All that are in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Mm> {
        self.slots.iter().flatten().map(|slot| &slot.mm)
    }

    /// The same, to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Mm> {
        self.slots.iter_mut().flatten().map(|slot| &mut slot.mm)
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
        let Slot { mm, object, mut vm_areas, .. } = self.slots[id.0 as usize].take()?;
        vm_areas.set(&mut self.vm_area_structs, 0);
        self.mm_structs.free(object);
        Some(mm)
    }

    /// Takes note of how many mappings an address space has now, if it is there still.
    pub(crate) fn count_vmas(&mut self, id: MmId) {
        let Some(Some(slot)) = self.slots.get_mut(id.0 as usize) else { return };
        let count = slot.mm.vma_count();
        if slot.vm_areas.len() != count {
            slot.vm_areas.set(&mut self.vm_area_structs, count);
        }
    }

    /// Gives slabs their frames, or takes them.
    pub(crate) fn settle(&mut self, frames: &mut FrameTable) {
        self.mm_structs.settle(frames);
        self.vm_area_structs.settle(frames);
    }

    pub(crate) const fn caches(&self) -> [&Cache; 2] {
        [&self.mm_structs, &self.vm_area_structs]
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
