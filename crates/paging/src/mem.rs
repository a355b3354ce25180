//! The seam to physical memory.

use arch::{EntrySize, Pfn, PhysAddr, Pte, Site};

/// A store to a paging entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryEdit {
    /// Where the entry is.
    pub entry: PhysAddr,
    /// What it held.
    pub before: Pte,
    /// What it holds.
    pub after: Pte,
    /// Where in the kernel layer that was done.
    pub site: Site,
}

/// Physical memory as the walker, the kernel layer and devices see it.
///
/// Every method is total: an address where neither RAM nor a device answers reads as all ones and ignores writes, as on a
/// PC's bus. Accesses may cross frames. Every write, whoever makes it, is checked against the code that is decoded from
/// the bytes it changes.
pub trait PhysMem {
    /// Bytes of RAM, which starts at physical address 0.
    fn ram_bytes(&self) -> u64;

    /// The 8-byte paging entry at `pa`, read in one access. `pa` is a multiple of 8.
    fn load_entry(&self, pa: PhysAddr) -> u64;

    /// The same where it takes one look: `None` where it is not plain RAM, which says nothing of what is there.
    #[inline(always)]
    fn glance_entry(&self, pa: PhysAddr) -> Option<u64> {
        Some(self.load_entry(pa))
    }

    /// Writes the 8-byte paging entry at `pa` in one access.
    fn store_entry(&mut self, pa: PhysAddr, value: u64);

    /// The same for a kernel layer, which says where it does so to whoever watches.
    #[inline]
    fn edit_entry(&mut self, pa: PhysAddr, value: u64, _site: Site) {
        self.store_entry(pa, value);
    }

    /// Replaces the entry at `pa` if it still is `current`, in one locked access (MMU-116).
    ///
    /// # Errors
    /// The value that was found instead.
    fn compare_exchange_entry(&mut self, pa: PhysAddr, current: u64, new: u64) -> Result<(), u64>;

    /// Reads `buf.len()` bytes from `pa` on.
    fn read(&self, pa: PhysAddr, buf: &mut [u8]);

    /// Writes `bytes` from `pa` on.
    fn write(&mut self, pa: PhysAddr, bytes: &[u8]);

    /// Sets all 4096 bytes of a frame to zero.
    fn zero_frame(&mut self, frame: Pfn);

    /// A frame that was never used is about to be; a hint that changes no byte.
    fn will_use(&mut self, _frame: Pfn) {}

    /// Copies one frame's 4096 bytes onto another.
    fn copy_frame(&mut self, from: Pfn, to: Pfn);

    /// The paging entry of `size` at `pa`, zero-extended. `pa` is a multiple of the size.
    #[inline]
    fn load_sized(&self, pa: PhysAddr, size: EntrySize) -> u64 {
        match size {
            EntrySize::Eight => self.load_entry(pa),
            EntrySize::Four => {
                let mut raw = [0; 4];
                self.read(pa, &mut raw);
                u64::from(u32::from_le_bytes(raw))
            }
        }
    }

    /// Replaces the entry of `size` at `pa` if it still is `current` (MMU-116). For entries of 4 bytes the default reads,
    /// checks and writes, which is enough where one processor uses the memory.
    ///
    /// # Errors
    /// The value that was found instead.
    fn compare_exchange_sized(&mut self, pa: PhysAddr, size: EntrySize, current: u64, new: u64) -> Result<(), u64> {
        match size {
            EntrySize::Eight => self.compare_exchange_entry(pa, current, new),
            EntrySize::Four => match self.load_sized(pa, size) {
                found if found == current => {
                    self.write(pa, &new.to_le_bytes()[..4]);
                    Ok(())
                }
                found => Err(found),
            },
        }
    }
}
