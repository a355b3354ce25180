//! Where things are in the guest's RAM.
//!
//! ```text
//! 0x0000_1000  GDT, IDT, TSS, exception stack, code        } mapped at SUPPORT + the same offset
//! 0x0000_7000  PDPT, PD, PT that map them
//! 0x0040_0000  the tables of the cases, each case in fresh frames
//! 0x0300_0000  hlt everywhere: where fetches lead
//! 0x0380_0000  dwords that hold their own address: where data accesses lead
//! 0x0400_0000  the end
//! ```

use arch::PhysAddr;
use std::ops::Range;

/// The last PML4 slot, which no case uses for its own address.
pub(crate) const SUPPORT_SLOT: u64 = 511;
/// The first PML4 slot of the upper half. A KVM that runs its guest deprivileged keeps pages of its own there, and answers a user
/// access to it with P=0 whatever the guest's tables say.
pub(crate) const HOST_SLOT: u64 = 256;
/// The linear address of physical address 0 in the support slot.
pub(crate) const SUPPORT: u64 = 0xffff_ff80_0000_0000;

pub(crate) const RAM_BYTES: u64 = 0x0400_0000;
pub(crate) const GDT: u64 = 0x1000;
pub(crate) const IDT: u64 = 0x2000;
pub(crate) const TSS: u64 = 0x3000;
pub(crate) const STACK_TOP: u64 = 0x5000;
pub(crate) const KERNEL_CODE: u64 = 0x5000;
pub(crate) const USER_CODE: u64 = 0x6000;
pub(crate) const SUPPORT_PDPT: u64 = 0x7000;
pub(crate) const SUPPORT_PD: u64 = 0x8000;
pub(crate) const SUPPORT_PT: u64 = 0x9000;
pub(crate) const TABLES: Range<u64> = 0x0040_0000..0x0300_0000;
pub(crate) const FETCH_AREA: Range<u64> = 0x0300_0000..0x0380_0000;
pub(crate) const DATA_AREA: Range<u64> = 0x0380_0000..RAM_BYTES;

/// The handler of vector v is one `hlt` at this offset of the kernel's code page plus v.
pub(crate) const HANDLERS: u64 = 0x800;

/// What a write stores in each byte.
pub(crate) const FILL: u8 = 0x5b;

/// The bytes of the guest's RAM at `pa` before a case; beyond RAM all ones.
pub(crate) fn initial_byte(pa: PhysAddr) -> u8 {
    match pa.0 {
        pa if DATA_AREA.contains(&pa) => (pa & !3).to_le_bytes()[(pa & 3) as usize],
        pa if FETCH_AREA.contains(&pa) => 0xf4,
        pa if pa < RAM_BYTES => 0,
        _ => 0xff,
    }
}
