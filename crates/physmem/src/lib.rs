//! Simulated physical memory: RAM, the bus in front of it, the record of which bytes code was decoded from, and swap.
//!
//! RAM is one anonymous host mapping, so the host gives memory only for frames that were touched. Everything that writes
//! goes through the [`Bus`] (or, for the MMU's fast path, through a frame pointer that is handed out only for frames
//! without code), so no write to decoded code goes unnoticed.
#![deny(unsafe_code)]

mod bus;
mod code;
mod ram;
mod swap_file;

pub use bus::{Bus, Device};
pub use code::{CodeMap, CodeWrite, LINE_SHIFT, lines_of};
pub use ram::{FramePtr, Ram, RamError};
pub use swap_file::{SwapFile, SwapFileError};
