//! What a listener wants to know beyond the least.

use bitflags::bitflags;

bitflags! {
    /// What the kernel layer is to tell of, beside faults, system calls, signals and processes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Kinds: u8 {
        /// With each fault, the entries on the way to its page.
        const ENTRIES = 1;
        /// Mappings and address spaces.
        const MAPPINGS = 2;
        /// Pages that are taken out of memory.
        const PAGE_OUT = 4;
        /// Pages that go to the swap device, and come from it.
        const SWAP = 8;
        /// Invalidations, and loads of CR3.
        const TLB = 16;
    }
}
