//! Where the code and the data of a case lie: at the same linear addresses natively and on the core.
//!
//! ```text
//! CODE      2 pages, executable, full of INT3 but for the instruction
//! DATA      page 0 and 1: readable and writable
//!           page 2: readable
//! ```
//! Everything around them is unmapped. All of it is below 4 GiB, so that 32-bit addresses reach it.

use arch::FRAME_SIZE;

/// The first page of code.
pub const CODE: u64 = 0x4000_0000;
/// Bytes of code pages.
pub const CODE_BYTES: usize = 2 * FRAME_SIZE as usize;
/// Where an instruction stands that does not cross the pages.
pub const CODE_AT: u64 = CODE + 0x800;
/// The first page of data.
pub const DATA: u64 = 0x2000_0000;
/// Bytes of all data pages.
pub const DATA_BYTES: usize = 3 * FRAME_SIZE as usize;
/// Bytes of data pages that can be written.
pub const WRITABLE_BYTES: u64 = 2 * FRAME_SIZE;
/// What code pages are full of.
pub const INT3: u8 = 0xcc;
