//! Paging entries by their physical addresses, and no memory around them.

use arch::{Pfn, PhysAddr};
use paging::PhysMem;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
    /// The entry gets this value. True if it had another; one that was never set had 0.
    pub(crate) fn set(&mut self, at: PhysAddr, value: u64) -> bool {
        let recent = &mut self.recent[(at.0 >> 3) as usize % RECENT];
        if *recent == Some((at, value)) {
            return false;
        }
        *recent = Some((at, value));
        match self.all.entry(at) {
            Entry::Vacant(_) if value == 0 => false,
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
            Entry::Occupied(mut entry) => entry.insert(value) != value,
        }
    }

    /// How many were ever set to a value but 0.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_value_is_a_change() {
        let mut entries = Entries::default();
        // The two lie at the same place among those at hand.
        let [here, there] = [PhysAddr(0x1000), PhysAddr(0x1000 + 8 * RECENT as u64)];
        for (at, value, is_another) in
            [(here, 0, false), (here, 7, true), (there, 0, false), (here, 7, false), (here, 0, true), (here, 0, false)]
        {
            assert_eq!(entries.set(at, value), is_another, "{value} at {at}");
            assert_eq!(entries.load_entry(at), value);
        }
        assert_eq!(entries.count(), 1);
    }
}
