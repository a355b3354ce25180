//! Paging entries by their physical addresses, and no memory around them.

use arch::{Pfn, PhysAddr};
use paging::PhysMem;
use std::collections::HashMap;

/// How many entries are at hand without a search.
const RECENT: usize = 1 << 10;

/// Entries of 8 bytes. One that was never set is 0.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    all: HashMap<PhysAddr, u64>,
    /// Some of them, by the last bits of their addresses.
    recent: Box<[Option<(PhysAddr, u64)>; RECENT]>,
}

impl Default for Entries {
    fn default() -> Self {
        Self { all: HashMap::new(), recent: Box::new([None; RECENT]) }
    }
}

impl Entries {
    /// The entry gets this value. True if it had another.
    pub(crate) fn set(&mut self, at: PhysAddr, value: u64) -> bool {
        let recent = &mut self.recent[(at.0 >> 3) as usize % RECENT];
        if *recent == Some((at, value)) {
            return false;
        }
        *recent = Some((at, value));
        self.all.insert(at, value) != Some(value)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }
}

/// What walks use of it. There is nothing else here to read, write or copy.
impl PhysMem for Entries {
    fn ram_bytes(&self) -> u64 {
        0
    }

    fn load_entry(&self, pa: PhysAddr) -> u64 {
        match self.recent[(pa.0 >> 3) as usize % RECENT] {
            Some((at, value)) if at == pa => value,
            _ => self.all.get(&pa).copied().unwrap_or(0),
        }
    }

    fn store_entry(&mut self, pa: PhysAddr, value: u64) {
        self.set(pa, value);
    }

    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64> {
        match self.load_entry(pa) {
            found if found == current => {
                self.set(pa, new);
                Ok(())
            }
            found => Err(found),
        }
    }

    fn read(&self, _: PhysAddr, buf: &mut [u8]) {
        buf.fill(0xff);
    }

    fn write(&mut self, _: PhysAddr, _: &[u8]) {}

    fn zero_frame(&mut self, _: Pfn) {}

    fn copy_frame(&mut self, _: Pfn, _: Pfn) {}
}
